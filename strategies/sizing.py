"""How many condors, and how many hedge units they call for (R-13, R-20)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import gcd

from strategies.base import Capital, HedgePlan, HoldingKind, Layer, LayerPosition
from strategies.capital import per_trade_frac
from strategies.hedge_params import AlvhParams, HedgeSizing
from strategies.params import CondorParams, CostParams, MethodParams, SizeParams

CONDOR_LEGS = 4
MULTIPLIER = 100


def max_loss_usd(credit_points: Decimal, condor: CondorParams, costs: CostParams) -> Decimal:
    """Return what one condor can lose: (width − credit) × 100 + opening fees (R-13)."""
    return (condor.wing_width_points - credit_points) * MULTIPLIER + fees_estimate_usd(costs)


def fees_estimate_usd(costs: CostParams) -> Decimal:
    """Return the expected cost of opening one condor; cash settlement costs nothing."""
    return CONDOR_LEGS * costs.commission_leg_usd


@dataclass(frozen=True, slots=True)
class Size:
    """Contracts to sell and which cap decided."""

    quantity: int
    bound_by: str


def condor_trade_frac(capital: Capital, params: MethodParams) -> float:
    """Return the cap on one trade as a share of NLV, halved for a steward in drawdown (R-32)."""
    mode, is_halved = params.condor.mode, capital.steward_is_halved
    return per_trade_frac(params.size.per_trade_frac, mode, is_halved=is_halved)


def condor_size(
    capital: Capital, credit_points: Decimal, multiplier: float, params: MethodParams
) -> Size:
    """Return R-13's size: the least of the three caps, times the filters' multiplier, in whole
    condors. Losses never raise it."""
    size: SizeParams = params.size
    per_trade = condor_trade_frac(capital, params)
    caps = {
        "per_trade_frac": Decimal(str(per_trade)) * capital.nlv_usd,
        "aggregate_frac": Decimal(str(size.aggregate_frac)) * capital.nlv_usd
        - capital.open_max_loss_usd,
        "free_cash": capital.free_cash_usd,
    }
    bound_by = min(caps, key=lambda name: caps[name])
    usable = caps[bound_by] * Decimal(str(multiplier))
    quantity = int(usable / max_loss_usd(credit_points, params.condor, params.costs))
    return Size(max(quantity, 0), bound_by)


def planned_condors(nlv_usd: Decimal, params: MethodParams) -> int:
    """Return n_c_plan of R-20: contracts of the per-trade cap at the conservative credit."""
    one = max_loss_usd(params.condor.credit_conservative_points, params.condor, params.costs)
    whole = Decimal(str(params.size.per_trade_frac)) * nlv_usd / one
    return max(0, int(whole.to_integral_value(rounding=ROUND_FLOOR)))


def units_required(planned: int, params: AlvhParams) -> int:
    """Return ceil(n_c_plan / condors per unit) of R-20."""
    return int((Decimal(planned) / params.condors_per_unit).to_integral_value(ROUND_CEILING))


def ratio(params: AlvhParams) -> dict[Layer, int]:
    """Return contracts per unit of each layer: the 4/4/2."""
    return {
        Layer.NEAR: params.contracts_near,
        Layer.MID: params.contracts_mid,
        Layer.LONG: params.contracts_long,
    }


def base_contracts(layers: Iterable[LayerPosition]) -> dict[Layer, int]:
    """Return base contracts held per layer; tilt and recycled ones do not count (A10)."""
    held = dict.fromkeys(Layer, 0)
    for position in layers:
        if position.kind is HoldingKind.BASE:
            held[position.layer] += position.contracts
    return held


def units_wanted(plan: HedgePlan, params: AlvhParams) -> float:
    """Return the units a plan calls for: whole ones, or parts of them for small accounts."""
    if params.fractional_units:
        return plan.planned_condors / params.condors_per_unit
    return float(plan.units)


def wanted_contracts(plan: HedgePlan, params: AlvhParams) -> dict[Layer, int]:
    """Return the base contracts per layer that a plan calls for: 4u/4u/2u.

    Fractional units go out by largest remainders (R-20). Under premium weights prices decide the
    counts; what makes a ladder whole is then one contract of each layer per unit.
    """
    if params.sizing is HedgeSizing.PREMIUM_WEIGHTS:
        return dict.fromkeys(Layer, plan.units)
    if params.fractional_units:
        return largest_remainders(plan.planned_condors, params)
    return {layer: count * plan.units for layer, count in ratio(params).items()}


def largest_remainders(planned: int, params: AlvhParams) -> dict[Layer, int]:
    """Return the ladder of a fractional unit, its whole rounded to contracts and handed out by
    largest remainders, the nearer layer first among equals."""
    quotas = {
        layer: Fraction(count * planned, params.condors_per_unit)
        for layer, count in ratio(params).items()
    }
    found = {layer: int(quota) for layer, quota in quotas.items()}
    left = int(sum(quotas.values()) + Fraction(1, 2)) - sum(found.values())
    by_remainder = sorted(quotas, key=lambda layer: found[layer] - quotas[layer])
    for layer in by_remainder[:left]:
        found[layer] += 1
    return found


def units_held(
    layers: Iterable[LayerPosition], plan: HedgePlan, params: AlvhParams, *, harvested: int = 0
) -> float:
    """Return the least over layers of base contracts per unit (amendment A10).

    `harvested` near contracts were sold under R-23 and count as held.
    """
    held, wanted = base_contracts(layers), wanted_contracts(plan, params)
    held[Layer.NEAR] += harvested
    if params.sizing is HedgeSizing.PREMIUM_WEIGHTS:
        return float(min(plan.units, *held.values()))
    if params.fractional_units:
        units = units_wanted(plan, params)
        shares = [held[layer] / count for layer, count in wanted.items() if count]
        return min(shares, default=0.0) * units
    return min(held[layer] / count for layer, count in ratio(params).items())


def ladder_steps(plan: HedgePlan, params: AlvhParams) -> list[tuple[float, dict[Layer, int]]]:
    """Return ladders that keep the ratio, from the planned one down to the least, each with its
    units (R-24); fractional ones step down by single condors."""
    if params.fractional_units:
        rows = [(k / params.condors_per_unit, k) for k in range(plan.planned_condors, 0, -1)]
        return [(units, largest_remainders(k, params)) for units, k in rows]
    counts = ratio(params)
    step = Fraction(1, gcd(*counts.values()))
    return [
        (float(step * k), {layer: int(count * step * k) for layer, count in counts.items()})
        for k in range(int(plan.units / step), 0, -1)
    ]
