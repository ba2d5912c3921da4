"""Discretionary purchases within the budget: deltas give way first, then units (R-24)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from market.quotes import Chain
from strategies.base import HedgePlan, Layer, LayerPosition, View
from strategies.ladder import (
    LayerTarget,
    Purchase,
    Shopping,
    budget_used_frac,
    missing_contracts,
    pick_call,
    target_expiry,
    targets,
)
from strategies.params import AlvhParams, MethodParams
from strategies.sizing import unit_steps


def shop_for_units(
    view: View, plan: HedgePlan, paid_usd: Decimal, params: MethodParams
) -> Shopping:
    """Return purchases that bring every layer to the planned units within the 8 % budget.

    `paid_usd` is the premium paid for what will be held besides. Deltas step down by 0.05 to 0.15
    first; then units shrink in steps that keep 4:4:2.
    """
    layers, paid = view.positions.layers, paid_usd
    fewest: Shopping | None = None
    for units in unit_steps(plan.units, params.alvh):
        wanted = missing_contracts(layers, float(units), params.alvh)
        if not wanted:
            break
        for shift in delta_shifts(params.alvh):
            offer = _offer(view, wanted, shift, params)
            if isinstance(offer, str):
                return Shopping((), budget_used_frac(paid, plan, params), shift, 0.0, offer)
            after = budget_used_frac(paid + _cost(offer), plan, params)
            fewest = Shopping(offer, after, shift, float(units))
            if after <= params.alvh.budget_max_frac:
                return fewest
    used = budget_used_frac(paid, plan, params)
    if fewest is None:
        return Shopping((), used, 0.0, 0.0)
    problem = (
        f"even the smallest addition would lift paid premium to {fewest.budget_after_frac:.1%} "
        f"of condor notional, above {params.alvh.budget_max_frac:.0%}"
    )
    return Shopping((), used, fewest.delta_shift, 0.0, problem)


def delta_shifts(params: AlvhParams) -> list[float]:
    """Return how far deltas may step down, from none to the furthest layer's floor."""
    furthest = max(params.delta_near, params.delta_mid, params.delta_long)
    shifts, shift = [0.0], params.fallback_delta_step
    while furthest - shift >= params.fallback_delta_min - 1e-9:
        shifts.append(round(shift, 6))
        shift += params.fallback_delta_step
    return shifts


def shifted_delta(target: LayerTarget, shift: float, params: AlvhParams) -> float:
    """Return a layer's delta after the step down; a target below the floor stays as it is."""
    return min(target.delta, max(target.delta - shift, params.fallback_delta_min))


def _offer(
    view: View, wanted: Mapping[Layer, int], shift: float, params: MethodParams
) -> tuple[Purchase, ...] | str:
    purchases = []
    for target in targets(params.alvh):
        contracts = wanted.get(target.layer, 0)
        if not contracts:
            continue
        chain = target_chain(view, target)
        if chain is None:
            return expiry_missing(target)
        delta = shifted_delta(target, shift, params.alvh)
        pick = pick_call(chain, target.layer, delta, params)
        if pick is None:
            return f"no call of {chain.expiry} is quoted tightly enough"
        purchases.append(Purchase(pick, contracts))
    return tuple(purchases)


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
    given_up = position.paid_premium_usd * purchase.contracts / position.base_contracts
    return paid_usd - given_up + purchase.cost_usd
