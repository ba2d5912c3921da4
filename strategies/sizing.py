"""How many condors, and how many hedge units they call for (R-13, R-20)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import gcd

from strategies.base import Capital, Layer, LayerPosition
from strategies.params import AlvhParams, CondorParams, CostParams, MethodParams, SizeParams

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


def condor_size(
    capital: Capital, credit_points: Decimal, multiplier: float, params: MethodParams
) -> Size:
    """Return R-13's size: the least of the three caps, times the filters' multiplier, in whole
    condors. Losses never raise it."""
    size: SizeParams = params.size
    caps = {
        "per_trade_frac": Decimal(str(size.per_trade_frac)) * capital.nlv_usd,
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
    """Return base contracts held per layer, summed over contracts."""
    held = dict.fromkeys(Layer, 0)
    for position in layers:
        held[position.layer] += position.base_contracts
    return held


def units_held(layers: Iterable[LayerPosition], params: AlvhParams) -> float:
    """Return the least over layers of base contracts per unit (amendment A10)."""
    held = base_contracts(layers)
    return min(held[layer] / count for layer, count in ratio(params).items())


def unit_steps(units: int, params: AlvhParams) -> list[Fraction]:
    """Return the unit counts that keep the ratio exact, from `units` down to the least."""
    counts = ratio(params).values()
    step = Fraction(1, gcd(*counts))
    return [step * k for k in range(int(units / step), 0, -1)]
