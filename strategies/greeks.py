"""What the hedge's calls depend on, read from their quotes, and their greeks (A15, R-28).

A quote carries implied vol and delta but no forward: the one that gives both is implied,
F = K·exp(d1·σ√T − σ²T/2) with d1 = N⁻¹(delta / discount). The discount is that of the 3-month bill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import exp, sqrt
from statistics import NormalDist

from market.instruments import Right
from market.pricing import price_and_greeks
from market.quotes import Quote
from strategies.base import LayerPosition, View
from strategies.convexity import CallState

YEAR = timedelta(days=365)
# Beyond these the delta of a call says nothing of its forward.
LEAST_DELTA, MOST_DELTA = 1e-9, 1.0 - 1e-9
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class CallGreeks:
    """Value and greeks of calls held, all contracts together.

    `delta` counts contracts, `gamma` is its change per point of the future, theta is per calendar
    day, vega per 0.01 of implied vol.
    """

    mark_usd: float
    extrinsic_usd: float
    delta: float
    gamma: float
    theta_usd_per_day: float
    vega_usd_per_vol_point: float

    def __add__(self, other: "CallGreeks") -> "CallGreeks":
        """Return value and greeks of both together."""
        return CallGreeks(
            self.mark_usd + other.mark_usd,
            self.extrinsic_usd + other.extrinsic_usd,
            self.delta + other.delta,
            self.gamma + other.gamma,
            self.theta_usd_per_day + other.theta_usd_per_day,
            self.vega_usd_per_vol_point + other.vega_usd_per_vol_point,
        )


def call_state(view: View, position: LayerPosition) -> CallState | None:
    """Return what a position's price depends on, or None when its quote does not tell."""
    quote, contract = view.snapshot.quotes.get(position.contract), position.contract
    if quote is None or quote.iv is None or quote.delta is None or quote.iv <= 0:
        return None
    settles = view.context.calendar.settles_at(contract.trading_class, contract.expiry)
    years = (settles - view.snapshot.at) / YEAR
    if years <= 0:
        return None
    discount = exp(-(view.indicators.bill_frac or 0.0) * years)
    chance = min(max(quote.delta / discount, LEAST_DELTA), MOST_DELTA)
    sd, strike = quote.iv * sqrt(years), float(contract.strike)
    forward = strike * exp(_NORMAL.inv_cdf(chance) * sd - 0.5 * sd * sd)
    return CallState(position.contracts, forward, strike, quote.iv, years, discount)


def call_states(view: View, layers: Sequence[LayerPosition]) -> tuple[CallState, ...] | None:
    """Return the states of all positions, or None when one of them is unknown."""
    found = []
    for position in layers:
        state = call_state(view, position)
        if state is None:
            return None
        found.append(state)
    return tuple(found)


def greeks_of(state: CallState, quote: Quote, multiplier: int) -> CallGreeks | None:
    """Return a position's value and greeks, or None when its quote has no mid."""
    if quote.mid is None or quote.delta is None:
        return None
    known = price_and_greeks(
        forward=state.forward,
        strike=state.strike,
        years=state.years,
        iv=state.iv,
        discount=state.discount,
        right=Right.CALL,
    )
    size = state.contracts * multiplier
    intrinsic = state.discount * max(state.forward - state.strike, 0.0)
    return CallGreeks(
        mark_usd=quote.mid * size,
        extrinsic_usd=max(quote.mid - intrinsic, 0.0) * size,
        delta=quote.delta * state.contracts,
        gamma=float(known.gamma) * state.contracts,
        theta_usd_per_day=float(known.theta_per_day) * size,
        vega_usd_per_vol_point=float(known.vega_per_vol_point) * size,
    )
