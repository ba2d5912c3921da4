"""Time shift of a threatened condor: forward for credit, back for theta, each way valued.

Rules R-17 (forward), R-18 (back) and R-33 (every allowed transition is valued and logged, the
prescribed one is taken). A shift never adds contracts, happens at most twice to one trade, and is
not done when the new condor cannot pay for the old one with a cushion.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

import numpy as np

from market.instruments import OptionContract, Right
from market.quotes import Chain, FloatArray, Quote
from market.values import value
from strategies.base import CondorPosition, Context, Transition, View
from strategies.params import MethodParams, ShiftTrigger
from strategies.sizing import MULTIPLIER, fees_estimate_usd
from strategies.strike_search import Shorts, allowed_shorts, find_pair

SESSION_HOURS = 6.5
SHIFT_MARK = "/s"


def root_campaign(campaign: str) -> str:
    """Return the campaign of the original trade, without the mark of its shifts."""
    return campaign.partition(SHIFT_MARK)[0]


def shift_count(campaign: str) -> int:
    """Return how often the trade was shifted already."""
    return int(campaign.partition(SHIFT_MARK)[2] or 0)


def shifted_campaign(campaign: str) -> str:
    """Return the campaign that the next shift of a trade goes by."""
    return f"{root_campaign(campaign)}{SHIFT_MARK}{shift_count(campaign) + 1}"


def forward_expiries(context: Context, params: MethodParams) -> tuple[date, ...]:
    """Return the listed SPXW expiries of R-17's window, 1 … 7 calendar days, nearest first."""
    on = context.session
    window = params.shift
    return tuple(
        expiry
        for expiry in context.listings.spxw_expiries(on, _after(on, window.max_dte))
        if (expiry - on).days >= window.min_dte
    )


def back_expiries(context: Context, params: MethodParams) -> tuple[date, ...]:
    """Return the listed SPXW expiries of R-18's window, 0 … 2 calendar days, nearest first."""
    on = context.session
    return context.listings.spxw_expiries(on, _after(on, params.shift.back_max_dte))


def _after(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() + days)


@value(frozen=True, slots=True)
class Threat:
    """How near the market came to one short strike."""

    side: Right
    delta: float
    distance_points: float
    near_points: float
    is_threatened: bool


def threats(
    position: CondorPosition,
    quotes: Mapping[OptionContract, Quote],
    spx: float,
    edr_points: float,
    hours_left: float,
    params: MethodParams,
) -> tuple[Threat, ...]:
    """Return the state of each side: threatened when |delta| >= 0.25 or the short is nearer than
    0.50 expected ranges scaled to the time left (R-17)."""
    near = params.shift.threat_distance_edr * edr_points * sqrt(max(hours_left, 0) / SESSION_HOURS)
    found = []
    for short in position.shorts:
        quote = quotes.get(short)
        delta = 0.0 if quote is None or quote.delta is None else abs(quote.delta)
        is_put = short.right is Right.PUT
        strike = float(short.strike)
        distance = spx - strike if is_put else strike - spx
        is_threatened = delta >= params.shift.threat_delta or distance < near
        found.append(Threat(short.right, delta, distance, near, is_threatened))
    return tuple(found)


def is_triggered(edr_frac: float, vix: float, params: MethodParams) -> bool:
    """Tell whether volatility calls for a shift: EDR > 0.94 % or VIX > 16 (R-17)."""
    is_wide, is_high = edr_frac > params.edr.shift_threshold_frac, vix > params.shift.min_vix
    if params.shift.trigger is ShiftTrigger.AND:
        return is_wide and is_high
    return is_wide or is_high


def closing_debit(position: CondorPosition, quotes: Mapping[OptionContract, Quote]) -> float | None:
    """Return what closing all legs costs at the quotes, points; None when a side is missing."""
    debit = 0.0
    for contract, sign in position.signed_contracts():
        quote = quotes.get(contract)
        price = None if quote is None else (quote.ask if sign < 0 else quote.bid)
        if price is None:
            return None
        debit -= sign * price
    return debit


@dataclass(frozen=True, slots=True)
class Shift:
    """A feasible new position: expiry, short strikes (None where no side is held), net credit."""

    expiry: date
    put_strike: float | None
    call_strike: float | None
    credit_points: float


def cost_to_cover(debit: float, params: MethodParams) -> float:
    """Return the credit a forward shift must bring: debit × (1 + cushion) + fees, points."""
    fees = 2 * float(fees_estimate_usd(params.costs)) / MULTIPLIER
    return debit * (1.0 + params.shift.cushion_frac) + fees


def find_shift(
    chains: Iterable[Chain],
    sides: Sequence[Right],
    target: float,
    slippage: float,
    edr_points: float,
    params: MethodParams,
) -> tuple[Shift | None, float]:
    """Return the nearest expiry whose condor, or single vertical, brings `target` within the delta
    cap and with the least excess; and the most credit seen, which gives R-17's shortfall."""
    condor = params.condor.model_copy(update={"min_edr_multiple": 0.0})
    best = 0.0
    for chain in chains:
        shorts = {side: allowed_shorts(chain, side, edr_points, condor) for side in sides}
        if not all(len(found) for found in shorts.values()):
            continue
        cost = slippage * len(sides) / 2.0
        most = sum(float(found.credit_points.max()) for found in shorts.values()) - cost
        best = max(best, most)
        if most >= target:
            return _shift_in(chain.expiry, shorts, target, cost), best
    return None, best


def _shift_in(
    expiry: date, shorts: Mapping[Right, Shorts], target: float, cost: float
) -> Shift | None:
    if len(shorts) == 2:
        choice, _ = find_pair(shorts[Right.PUT], shorts[Right.CALL], target, cost, Right.PUT)
        if choice is None:
            return None
        return Shift(
            expiry, choice.short_put_strike, choice.short_call_strike, choice.credit_points
        )
    ((side, found),) = shorts.items()
    credit = found.credit_points - cost
    meeting = np.flatnonzero(credit >= target - 1e-9)
    row = meeting[int(np.argmin(credit[meeting]))]
    strike = float(found.strike[row])
    is_put = side is Right.PUT
    return Shift(expiry, strike if is_put else None, None if is_put else strike, float(credit[row]))


def expected_payoff(
    spx: float,
    strikes: tuple[float | None, float | None, float | None, float | None],
    returns: FloatArray,
    sessions: float,
) -> float:
    """Return the mean pay-off of a condor's legs at expiry over past returns, points, <= 0.

    `strikes` are (long put, short put, short call, long call), None where a side is not held. The
    distribution is that of all past sums of whole sessions' log returns, scaled for part of one:
    a bootstrap that needs no draw (amendment A9).
    """
    whole = max(1, round(sessions))
    sums = np.lib.stride_tricks.sliding_window_view(returns, whole).sum(axis=1)
    moved = spx * np.exp(sums * sqrt(sessions / whole))
    long_put, short_put, short_call, long_call = strikes
    owed = np.zeros_like(moved)
    if short_put is not None and long_put is not None:
        owed += np.clip(short_put - moved, 0.0, short_put - long_put)
    if short_call is not None and long_call is not None:
        owed += np.clip(moved - short_call, 0.0, long_call - short_call)
    return -float(owed.mean())


def regret_usd(transitions: Sequence[Transition], taken: str) -> float:
    """Return what the best feasible transition was worth above the one taken, dollars (R-33)."""
    feasible = [each for each in transitions if each.is_feasible]
    mine = next((each.value_usd for each in feasible if each.name == taken), None)
    return 0.0 if mine is None else max(each.value_usd for each in feasible) - mine


def recovered(view: View, side: Right) -> bool | None:
    """Tell whether SPX crossed its VWAP toward safety on two 15-minute bars in a row (R-18).

    None when no VWAP is known.
    """
    bars = view.snapshot.bars
    if len(bars) < 2 or any(bar.vwap is None for bar in bars[-2:]):
        return None
    if side is Right.CALL:
        return all(bar.close <= (bar.vwap or 0.0) for bar in bars[-2:])
    return all(bar.close >= (bar.vwap or 0.0) for bar in bars[-2:])


def losing_side(found: Sequence[Threat]) -> Right:
    """Return the side in most trouble: threatened before safe, then the nearer one."""
    worst = max(found, key=lambda each: (each.is_threatened, -each.distance_points))
    return worst.side
