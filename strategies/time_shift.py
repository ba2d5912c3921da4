"""Time shift of a threatened condor: forward for credit, back for theta, each way valued.

Rules R-17 (forward), R-18 (back) and R-33 (every allowed transition is valued and logged, the
prescribed one is taken). A shift never adds contracts, happens at most twice to one trade, and is
not done when the new condor cannot pay for the old one with a cushion.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import sqrt

import numpy as np

from market.instruments import OptionContract, Right, TradingClass
from market.quotes import Chain, FloatArray, Quote
from strategies.base import Candidates, CondorPosition, Context, Transition, View
from strategies.params import CondorParams, CostParams, MethodParams, ShiftTrigger
from strategies.sizing import MULTIPLIER, fees_estimate_usd
from strategies.strike_search import Choice, allowed_shorts, find_pair

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


@dataclass(frozen=True, slots=True)
class Threat:
    """How near the market came to one short strike."""

    side: Right
    delta: float
    distance_points: float
    near_points: float
    is_threatened: bool


def threats(
    position: CondorPosition,
    quotes: "QuoteSource",
    spx: float,
    edr_points: float,
    hours_left: float,
    params: MethodParams,
) -> tuple[Threat, ...]:
    """Return the state of each side: threatened when |delta| >= 0.25 or the short is nearer than
    0.50 expected ranges scaled to the time left (R-17)."""
    near = params.shift.threat_distance_edr * edr_points * sqrt(max(hours_left, 0) / SESSION_HOURS)
    found = []
    for short in (position.short_put, position.short_call):
        if short is None:
            continue
        quote = quotes.get(short)
        delta = 0.0 if quote is None or quote.delta is None else abs(quote.delta)
        is_put = short.right is Right.PUT
        strike = float(short.strike)
        distance = spx - strike if is_put else strike - spx
        is_threatened = delta >= params.shift.threat_delta or distance < near
        found.append(Threat(short.right, delta, distance, near, is_threatened))
    return tuple(found)


class QuoteSource:
    """Anything that gives a quote for a contract; a mapping does."""

    def get(self, contract: OptionContract, /) -> Quote | None:
        """Return the quote, or None."""
        raise KeyError(contract)


def is_triggered(edr_frac: float, vix: float, params: MethodParams) -> bool:
    """Tell whether volatility calls for a shift: EDR > 0.94 % or VIX > 16 (R-17)."""
    is_wide, is_high = edr_frac > params.edr.shift_threshold_frac, vix > params.shift.min_vix
    if params.shift.trigger is ShiftTrigger.AND:
        return is_wide and is_high
    return is_wide or is_high


def closing_debit(position: CondorPosition, quotes: QuoteSource) -> float | None:
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
    """A feasible new condor: expiry, strikes, net credit, and the search that found it."""

    expiry: date
    choice: Choice
    candidates: Candidates


def cost_to_cover(debit: float, params: MethodParams) -> float:
    """Return the credit a forward shift must bring: debit × (1 + cushion) + fees, points."""
    fees = 2 * float(fees_estimate_usd(params.costs)) / MULTIPLIER
    return debit * (1.0 + params.shift.cushion_frac) + fees


def find_forward(
    chains: Iterable[Chain], target: float, slippage: float, edr_points: float, params: MethodParams
) -> tuple[Shift | None, float]:
    """Return the nearest expiry whose condor brings `target` within the delta cap, and the most
    credit seen anywhere; without a feasible one the difference is R-17's shortfall."""
    condor = params.condor.model_copy(update={"min_edr_multiple": 0.0})
    best = 0.0
    for chain in chains:
        puts = allowed_shorts(chain, Right.PUT, edr_points, condor)
        calls = allowed_shorts(chain, Right.CALL, edr_points, condor)
        if not len(puts) or not len(calls):
            continue
        most = float(puts.credit_points.max() + calls.credit_points.max() - slippage)
        best = max(best, most)
        if most < target:
            continue
        choice, candidates = find_pair(puts, calls, target, slippage, Right.PUT)
        if choice is not None:
            return Shift(chain.expiry, choice, candidates), best
    return None, best


def find_vertical(
    chains: Iterable[Chain],
    side: Right,
    target: float,
    slippage: float,
    edr_points: float,
    params: MethodParams,
) -> tuple[tuple[date, float, float] | None, float]:
    """Return (expiry, short strike, credit) of the nearest expiry whose vertical of one side brings
    `target` with the least excess, and the most credit seen (preset `losing_side`)."""
    condor = params.condor.model_copy(update={"min_edr_multiple": 0.0})
    best = 0.0
    for chain in chains:
        shorts = allowed_shorts(chain, side, edr_points, condor)
        if not len(shorts):
            continue
        credit = shorts.credit_points - slippage / 2.0
        best = max(best, float(credit.max()))
        rows = np.flatnonzero(credit >= target - 1e-9)
        if len(rows):
            row = rows[int(np.argmin(credit[rows]))]
            return (chain.expiry, float(shorts.strike[row]), float(credit[row])), best
    return None, best


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


def value_transitions(transitions: Sequence[Transition], taken: str) -> tuple[float, int]:
    """Return (regret in dollars, overrides): what the best feasible transition was worth above the
    one taken, and whether a person's hand changed it, which the program never does (R-33)."""
    feasible = [each for each in transitions if each.is_feasible]
    mine = next((each.value_usd for each in feasible if each.name == taken), None)
    if mine is None or not feasible:
        return 0.0, 0
    return max(each.value_usd for each in feasible) - mine, 0


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


def chain_keys(expiries: Iterable[date]) -> tuple[tuple[TradingClass, date], ...]:
    """Return the chain keys of SPXW expiries."""
    return tuple((TradingClass.SPXW, expiry) for expiry in expiries)


def total_fees_usd(costs: CostParams, quantity: int) -> Decimal:
    """Return the fees of closing and opening `quantity` condors."""
    return 2 * fees_estimate_usd(costs) * quantity


def threatened_side(position: CondorPosition, spx: float) -> Right:
    """Return the side whose short is nearer to the market."""
    if position.short_put is None:
        return Right.CALL
    if position.short_call is None:
        return Right.PUT
    below = spx - float(position.short_put.strike)
    above = float(position.short_call.strike) - spx
    return Right.PUT if below <= above else Right.CALL


def width_points(params: CondorParams) -> int:
    """Return the wing width that a shift keeps."""
    return params.wing_width_points
