"""Discretionary purchases within the budget: deltas give way first, then units (R-24)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from market.quotes import Chain
from strategies.base import HedgePlan, Layer, LayerPosition, View
from strategies.hedge_params import AlvhParams, HedgeSizing
from strategies.ladder import (
    RAISED_DELTA,
    LayerTarget,
    Pick,
    Purchase,
    Shopping,
    budget_used_frac,
    buying_targets,
    fits_budget,
    missing_contracts,
    pick_call,
    target_expiry,
)
from strategies.params import MethodParams
from strategies.sizing import ladder_steps, wanted_contracts


def shop_for_units(
    view: View, plan: HedgePlan, paid_usd: Decimal, params: MethodParams, *, harvested: int = 0
) -> Shopping:
    """Return purchases that bring every layer to the planned units within the 8 % budget.

    `paid_usd` is the premium paid for what will be held besides. Deltas step down by 0.05 to 0.15
    first; then units shrink in steps that keep 4:4:2.
    """
    used = budget_used_frac(paid_usd, plan, params)
    aims = buying_targets(view, used, params.alvh)
    fewest: Shopping | None = None
    for units, ladder in _steps(view, plan, params.alvh, harvested):
        for shift in delta_shifts(params.alvh):
            offer = _offer(view, aims, ladder, shift, params, harvested)
            if isinstance(offer, str):
                return Shopping((), used, shift, 0.0, offer)
            after = budget_used_frac(paid_usd + _cost(offer), plan, params)
            fewest = Shopping(offer, after, shift, units)
            if fits_budget(after, params.alvh):
                return fewest
    if fewest is None:
        return Shopping((), used, 0.0, 0.0)
    problem = (
        f"even the smallest addition would lift paid premium to {fewest.budget_after_frac:.1%} "
        f"of condor notional, above {params.alvh.budget_max_frac:.0%}"
    )
    return Shopping((), used, fewest.delta_shift, 0.0, problem)


def is_missing(view: View, plan: HedgePlan, params: AlvhParams, harvested: int = 0) -> bool:
    """Tell whether a layer holds less than the plan calls for."""
    wanted = wanted_contracts(plan, params)
    return bool(missing_contracts(view.positions.layers, wanted, harvested))


def _steps(
    view: View, plan: HedgePlan, params: AlvhParams, harvested: int
) -> list[tuple[float, dict[Layer, int]]]:
    """Return the ladders to try, without those that the calls held already fill."""
    if not is_missing(view, plan, params, harvested):
        return []
    steps = ladder_steps(plan, params)
    if params.sizing is HedgeSizing.PREMIUM_WEIGHTS:
        return steps
    layers = view.positions.layers
    return [step for step in steps if missing_contracts(layers, step[1], harvested)]


def delta_shifts(params: AlvhParams) -> list[float]:
    """Return how far deltas may step down, from none to the furthest layer's floor."""
    furthest = max(params.delta_near, params.delta_mid, params.delta_long)
    if params.raise_when_cheap:
        furthest = max(furthest, RAISED_DELTA)
    shifts, shift = [0.0], params.fallback_delta_step
    while furthest - shift >= params.fallback_delta_min - 1e-9:
        shifts.append(round(shift, 6))
        shift += params.fallback_delta_step
    return shifts


def shifted_delta(target: LayerTarget, shift: float, params: AlvhParams) -> float:
    """Return a layer's delta after the step down; a target below the floor stays as it is."""
    return min(target.delta, max(target.delta - shift, params.fallback_delta_min))


def _offer(
    view: View,
    aims: Sequence[LayerTarget],
    ladder: Mapping[Layer, int],
    shift: float,
    params: MethodParams,
    harvested: int,
) -> tuple[Purchase, ...] | str:
    layers = view.positions.layers
    by_weight = params.alvh.sizing is HedgeSizing.PREMIUM_WEIGHTS
    needed = ladder if by_weight else missing_contracts(layers, ladder, harvested)
    picks = {}
    for aim in aims:
        if needed.get(aim.layer, 0):
            shifted = replace(aim, delta=shifted_delta(aim, shift, params.alvh))
            pick = pick_for(view, shifted, params)
            if isinstance(pick, str):
                return pick
            picks[aim.layer] = pick
    if by_weight:
        needed = missing_contracts(layers, weighted(picks, ladder, params.alvh), harvested)
    return tuple(Purchase(picks[layer], count) for layer, count in needed.items())


def weighted(
    picks: Mapping[Layer, Pick], ladder: Mapping[Layer, int], params: AlvhParams
) -> dict[Layer, int]:
    """Return the contracts that share the ladder's premium 40/40/20 among the layers (R-20).

    Each layer gets at least one contract; the 4:4:2 of contracts does not hold then.
    """
    total = sum((picks[layer].cost_usd(count) for layer, count in ladder.items()), Decimal(0))
    weights = {
        Layer.NEAR: params.weight_near,
        Layer.MID: params.weight_mid,
        Layer.LONG: params.weight_long,
    }
    return {
        layer: max(1, round(Decimal(str(weights[layer])) * total / picks[layer].cost_usd(1)))
        for layer in ladder
    }


def pick_for(view: View, target: LayerTarget, params: MethodParams) -> Pick | str:
    """Return the call that a layer would buy now, or what stands against it."""
    chain = target_chain(view, target)
    if chain is None:
        return expiry_missing(target)
    pick = pick_call(chain, target.layer, target.delta, params)
    return f"no call of {chain.expiry} is quoted tightly enough" if pick is None else pick


def expiry_missing(target: LayerTarget) -> str:
    """Say that no expiry lies within the tolerance of a layer's tenor."""
    least = target.tenor_days - target.tolerance_days
    most = target.tenor_days + target.tolerance_days
    return f"no VIX expiry {least} to {most} days away is listed and quoted"


def target_chain(view: View, target: LayerTarget) -> Chain | None:
    """Return the chain of the expiry a layer aims for, or None."""
    key = target_expiry(view.context, target)
    return None if key is None else view.snapshot.chains.get(key)


def _cost(purchases: Sequence[Purchase]) -> Decimal:
    return sum((purchase.cost_usd for purchase in purchases), Decimal(0))


def paid_after_roll_usd(paid_usd: Decimal, position: LayerPosition, purchase: Purchase) -> Decimal:
    """Return the premium paid for contracts held once `purchase` has replaced as many of
    `position`."""
    given_up = position.paid_premium_usd * purchase.contracts / position.contracts
    return paid_usd - given_up + purchase.cost_usd
