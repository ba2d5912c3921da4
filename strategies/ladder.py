"""The ladder of VIX calls: which contract a layer wants, what it costs, what the budget allows.

Rules R-20 (units), R-21 (contract of a layer) and R-24 (budget, as amended by A2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from market.instruments import OptionContract, Right, TradingClass, ceil_to_tick, tick_size
from market.quotes import Chain, ChainKey
from market.values import value
from strategies.base import Context, HedgePlan, Layer, LayerPosition, View
from strategies.hedge_params import AlvhParams, BudgetMode
from strategies.params import CostParams, MethodParams
from strategies.sizing import MULTIPLIER, base_contracts, planned_condors, units_required

RAISED_DELTA = 0.50


@value(frozen=True, slots=True)
class LayerTarget:
    """What one layer aims for."""

    layer: Layer
    tenor_days: int
    tolerance_days: int
    delta: float
    roll_dte: int
    may_be_weekly: bool = True


def targets(params: AlvhParams) -> tuple[LayerTarget, ...]:
    """Return the three layers' aims, nearest first."""
    return (
        LayerTarget(
            Layer.NEAR,
            params.tenor_near_days,
            params.tolerance_near_days,
            params.delta_near,
            params.roll_near_dte,
            params.weekly_series,
        ),
        LayerTarget(
            Layer.MID,
            params.tenor_mid_days,
            params.tolerance_mid_days,
            params.delta_mid,
            params.roll_mid_dte,
            params.weekly_series,
        ),
        LayerTarget(
            Layer.LONG,
            params.tenor_long_days,
            params.tolerance_long_days,
            params.delta_long,
            params.roll_long_dte,
            params.weekly_series,
        ),
    )


def target_expiry(
    context: Context, target: LayerTarget, not_before: date | None = None
) -> ChainKey | None:
    """Return the listed VIX expiry nearest the tenor within its tolerance, ties to the later.

    `not_before` asks for an expiry on or after that date (R-25's early roll). Weekly series count
    only where the target takes them.
    """
    session = context.session
    until = session + timedelta(days=target.tenor_days + target.tolerance_days)
    best: tuple[int, int, ChainKey] | None = None
    for key in context.listings.vix_expiries(session, until):
        if key[0] is TradingClass.VIXW and not target.may_be_weekly:
            continue
        days = (key[1] - session).days
        miss = abs(days - target.tenor_days)
        if miss > target.tolerance_days or (not_before is not None and key[1] < not_before):
            continue
        rank = (miss, -days, key)
        if best is None or rank[:2] < best[:2]:
            best = rank
    return None if best is None else best[2]


@dataclass(frozen=True, slots=True)
class Pick:
    """A call that a layer could buy: its quote, and the most we would pay, in points."""

    layer: Layer
    contract: OptionContract
    delta: float
    bid: float
    ask: float
    price_points: Decimal

    def cost_usd(self, contracts: int) -> Decimal:
        """Return what buying costs at worst, before fees."""
        return self.price_points * MULTIPLIER * contracts


def pick_call(chain: Chain, layer: Layer, delta: float, params: MethodParams) -> Pick | None:
    """Return the call whose delta is nearest `delta` among those quoted tightly enough (R-21)."""
    bid, ask, alvh = chain.call_bid, chain.call_ask, params.alvh
    spread = ask - bid
    widest = np.maximum(alvh.max_spread_frac * chain.call_mid, alvh.max_spread_points)
    usable = (bid > 0) & (spread <= widest + 1e-9) & (spread >= 0) & np.isfinite(chain.call_delta)
    if not usable.any():
        return None
    miss = np.where(usable, np.abs(chain.call_delta - delta), np.inf)
    row = int(np.argmin(miss))
    strike = Decimal(str(float(chain.strikes[row])))
    contract = OptionContract(chain.trading_class, chain.expiry, strike, Right.CALL)
    quoted = float(bid[row]), float(ask[row])
    most = buying_price_points(contract.trading_class, *quoted, params.costs)
    return Pick(layer, contract, float(chain.call_delta[row]), *quoted, most)


def buying_price_points(
    trading_class: TradingClass, bid: float, ask: float, costs: CostParams
) -> Decimal:
    """Return the most to pay for a call: mid plus half the spread or 0.03, up to a tick (R-14)."""
    mid = 0.5 * (bid + ask)
    price = Decimal(str(round(max(ask, mid + costs.hedge_slippage_min_points), 4)))
    return ceil_to_tick(price, tick_size(trading_class, price))


def next_plan(view: View, params: MethodParams, *, in_hold: bool) -> HedgePlan:
    """Return the plan in force: re-planned once a month or after a large move of NLV (R-20),
    frozen in HOLD (R-27): a month that begins in HOLD is planned when the HOLD has ended."""
    plan = view.positions.plan
    if plan is not None and (in_hold or not _is_due(view, plan, params.alvh)):
        return plan
    nlv = view.capital.nlv_usd
    planned = planned_condors(nlv, params)
    return HedgePlan(view.session, nlv, planned, units_required(planned, params.alvh))


def _is_due(view: View, plan: HedgePlan, params: AlvhParams) -> bool:
    is_new_month = plan.session.replace(day=1) < view.session.replace(day=1)
    change = abs(view.capital.nlv_usd / plan.nlv_usd - 1)
    return is_new_month or change >= Decimal(str(params.plan_nlv_change_frac))


def paid_premium_usd(layers: Sequence[LayerPosition]) -> Decimal:
    """Return the premium paid for contracts still held."""
    return sum((position.paid_premium_usd for position in layers), Decimal(0))


def notional_usd(plan: HedgePlan, params: MethodParams) -> Decimal:
    """Return the width notional of the planned condors (A2's denominator)."""
    return Decimal(plan.planned_condors * params.condor.wing_width_points * MULTIPLIER)


def budget_used_frac(paid_usd: Decimal, plan: HedgePlan, params: MethodParams) -> float:
    """Return h of R-24: premium paid for contracts held over the planned width notional.

    Infinite when premium is held though no condor is planned.
    """
    notional = notional_usd(plan, params)
    if not notional:
        return float("inf") if paid_usd else 0.0
    return float(paid_usd / notional)


@dataclass(frozen=True, slots=True)
class Purchase:
    """Calls to buy for one layer."""

    pick: Pick
    contracts: int

    @property
    def cost_usd(self) -> Decimal:
        """Return what buying costs at worst, before fees."""
        return self.pick.cost_usd(self.contracts)


@dataclass(frozen=True, slots=True)
class Shopping:
    """The purchases that fit the budget and how far deltas or units had to give way."""

    purchases: tuple[Purchase, ...]
    budget_after_frac: float
    delta_shift: float
    units: float
    problem: str | None = None


def fits_budget(used_frac: float, params: AlvhParams) -> bool:
    """Tell whether R-24 lets a discretionary purchase pass; in mode `warn` it only says so."""
    return params.budget_mode is BudgetMode.WARN or used_frac <= params.budget_max_frac


def missing_contracts(
    layers: Sequence[LayerPosition], wanted: Mapping[Layer, int], harvested: int = 0
) -> Mapping[Layer, int]:
    """Return the base contracts that each layer lacks; zeros left out, harvested ones as held."""
    held = base_contracts(layers)
    held[Layer.NEAR] += harvested
    return {layer: n - held[layer] for layer, n in wanted.items() if n > held[layer]}


def buying_targets(view: View, used_frac: float, params: AlvhParams) -> tuple[LayerTarget, ...]:
    """Return the aims of a discretionary purchase: with `raise_when_cheap` all layers aim for
    delta 0.50 while premium paid is thin and VIX is low (R-24)."""
    is_cheap = view.snapshot.levels.vix < params.refresh_below_vix
    if params.raise_when_cheap and is_cheap and used_frac < params.budget_min_frac:
        return tuple(replace(target, delta=RAISED_DELTA) for target in targets(params))
    return targets(params)
