"""Which strikes: R-12 as a search over all pairs instead of a walk.

Every (put, call) pair on the grid whose short deltas and distances are allowed is weighed; of
those that bring the target credit net of slippage, the one with the least excess wins, ties by
the most even distances, then by the side that moves out first further out.
"""

from dataclasses import dataclass
from math import isnan

import numpy as np

from market.instruments import Right
from market.quotes import BoolArray, Chain, FloatArray
from market.values import value
from strategies.base import Candidates, PairCandidate, ShortCandidate, Tier
from strategies.params import CondorParams

CREDIT_GRID = 10_000  # credits compare as whole 1/10,000 points, so that float noise breaks no tie
BEST_KEPT = 10


@value(frozen=True, slots=True)
class Shorts:
    """Allowed short strikes of one side: arrays of equal length, nearest to the money first."""

    strike: FloatArray
    delta: FloatArray
    edr_multiple: FloatArray
    credit_points: FloatArray

    def __len__(self) -> int:
        return len(self.strike)

    def beyond(self, multiple: float) -> "Shorts":
        """Return those at least `multiple` expected ranges away."""
        keep = self.edr_multiple >= multiple - 1e-12
        return Shorts(
            self.strike[keep], self.delta[keep], self.edr_multiple[keep], self.credit_points[keep]
        )

    def candidates(self) -> tuple[ShortCandidate, ...]:
        """Return the arrays as records, rounded for reading."""
        columns = (
            self.strike.tolist(),
            np.round(self.delta, 4).tolist(),
            np.round(self.edr_multiple, 4).tolist(),
            np.round(self.credit_points, 4).tolist(),
        )
        return tuple(ShortCandidate(*row) for row in zip(*columns, strict=True))


@dataclass(frozen=True, slots=True)
class SideOrder:
    """Which side moves out first, why, and the skew that decided (vol points), if known."""

    first: Right
    skew_vol_points: float | None
    put_extra_points: int
    why: str


@dataclass(frozen=True, slots=True)
class Search:
    """The strike search of one entry: both sides' candidates and what the market pays."""

    puts: Shorts
    calls: Shorts
    side: SideOrder
    slippage_points: float


@dataclass(frozen=True, slots=True)
class Found:
    """The condor chosen, with its tier and all that was weighed."""

    tier: Tier
    choice: "Choice | None"
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class Choice:
    """The condor that the search found; credit is net of slippage."""

    short_put_strike: float
    short_call_strike: float
    put_delta: float
    call_delta: float
    put_multiple: float
    call_multiple: float
    credit_points: float


def side_order(
    chain: Chain, edr_points: float, vix_momentum: float | None, params: CondorParams
) -> SideOrder:
    """Return R-12 step 2: call side first when put skew is rich, else put side.

    VWAP is unknown here, so the tie-break is the put side (amendment A5). A rising VIX asks one
    more grid step of the put side.
    """
    strikes = chain.strikes
    put_iv = float(np.interp(chain.forward - edr_points, strikes, chain.put_iv))
    call_iv = float(np.interp(chain.forward + edr_points, strikes, chain.call_iv))
    skew = 100.0 * (put_iv - call_iv)
    extra = params.strike_grid_points if vix_momentum is not None and vix_momentum > 0 else 0
    if isnan(skew):
        return SideOrder(Right.PUT, None, extra, "skew and VWAP unknown")
    if skew > params.skew_switch_vol_points:
        return SideOrder(Right.CALL, skew, extra, "put skew above the switch")
    return SideOrder(Right.PUT, skew, extra, "skew below the switch, VWAP unknown")


def allowed_shorts(
    chain: Chain, right: Right, edr_points: float, params: CondorParams, extra_points: int = 0
) -> Shorts:
    """Return the short strikes of one side within the delta cap whose wing can be bought.

    A short leg needs a bid above zero, and both legs quotes that are two-sided and not crossed;
    `extra_points` asks for that much more distance than the floor of R-12 already does.
    """
    is_put = right is Right.PUT
    width = params.wing_width_points
    strikes = chain.strikes
    bid, ask = (chain.put_bid, chain.put_ask) if is_put else (chain.call_bid, chain.call_ask)
    mid = chain.put_mid if is_put else chain.call_mid
    delta = chain.put_delta if is_put else chain.call_delta
    distance = (chain.forward - strikes) if is_put else (strikes - chain.forward)
    wing, has_wing = _rows_of(strikes, strikes - width if is_put else strikes + width)
    floor = params.min_edr_multiple * edr_points + extra_points
    keep = (
        has_wing
        & (np.abs(delta) <= params.max_delta)
        & (distance >= floor)
        & (bid > 0)
        & (bid <= ask)
        & (bid[wing] <= ask[wing])
        & (ask[wing] > 0)
        & (strikes % params.strike_grid_points == 0)
    )
    rows = np.flatnonzero(keep)
    if is_put:
        rows = rows[::-1]
    credit = mid[rows] - mid[wing[rows]]
    return Shorts(strikes[rows], delta[rows], distance[rows] / edr_points, credit)


def _rows_of(strikes: FloatArray, wanted: FloatArray) -> tuple[np.ndarray, BoolArray]:
    rows = np.minimum(np.searchsorted(strikes, wanted), len(strikes) - 1)
    return rows, strikes[rows] == wanted


def search_chain(
    chain: Chain,
    edr_points: float,
    vix_momentum: float | None,
    slippage_points: float,
    params: CondorParams,
) -> Search:
    """Return the candidates of both sides of a chain, and which side moves out first."""
    side = side_order(chain, edr_points, vix_momentum, params)
    puts = allowed_shorts(chain, Right.PUT, edr_points, params, side.put_extra_points)
    calls = allowed_shorts(chain, Right.CALL, edr_points, params)
    return Search(puts, calls, side, slippage_points)


def premium_gauge(puts: Shorts, calls: Shorts, slippage: float, multiple: float) -> float | None:
    """Return R-07's gauge: the best net credit at `multiple` expected ranges or further out."""
    far_puts, far_calls = puts.beyond(multiple), calls.beyond(multiple)
    if not len(far_puts) or not len(far_calls):
        return None
    return float(far_puts.credit_points.max() + far_calls.credit_points.max() - slippage)


def find_pair(
    puts: Shorts, calls: Shorts, target: float, slippage: float, first: Right
) -> tuple[Choice | None, Candidates]:
    """Return the pair with the least credit at or above `target`, and all that was weighed."""
    credit = puts.credit_points[:, None] + calls.credit_points[None, :] - slippage
    ranked, count = _ranked_pairs(puts, calls, credit, target, first)
    best = tuple(_pair(puts, calls, row, column, credit, target) for row, column in ranked)
    candidates = Candidates(target, slippage, puts.candidates(), calls.candidates(), count, best)
    return _choice(puts, calls, credit, ranked), candidates


def best_pair(
    puts: Shorts, calls: Shorts, target: float, slippage: float, first: Right
) -> Choice | None:
    """Return the pair that `find_pair` chooses, without the record of what was weighed."""
    credit = puts.credit_points[:, None] + calls.credit_points[None, :] - slippage
    return _choice(puts, calls, credit, _ranked_pairs(puts, calls, credit, target, first)[0])


def _ranked_pairs(
    puts: Shorts, calls: Shorts, credit: FloatArray, target: float, first: Right
) -> tuple[list[tuple[int, int]], int]:
    """Return rows and columns of the best pairs, best first, and how many meet the target."""
    units = np.rint(credit * CREDIT_GRID).astype(np.int64)
    meeting = np.argwhere(units >= round(target * CREDIT_GRID))
    return _rank(meeting, units, puts, calls, first), len(meeting)


def _choice(
    puts: Shorts, calls: Shorts, credit: FloatArray, ranked: list[tuple[int, int]]
) -> Choice | None:
    if not ranked:
        return None
    row, column = ranked[0]
    return Choice(
        float(puts.strike[row]),
        float(calls.strike[column]),
        float(puts.delta[row]),
        float(calls.delta[column]),
        float(puts.edr_multiple[row]),
        float(calls.edr_multiple[column]),
        float(round(credit[row, column], 4)),
    )


def _rank(
    meeting: np.ndarray, units: np.ndarray, puts: Shorts, calls: Shorts, first: Right
) -> list[tuple[int, int]]:
    if not len(meeting):
        return []
    rows, columns = meeting[:, 0], meeting[:, 1]
    put_multiple, call_multiple = puts.edr_multiple[rows], calls.edr_multiple[columns]
    unevenness = np.rint(np.abs(put_multiple - call_multiple) * 1e9)
    outer = put_multiple if first is Right.PUT else call_multiple
    order = np.lexsort((-outer, unevenness, units[rows, columns]))[:BEST_KEPT]
    return [(int(rows[index]), int(columns[index])) for index in order]


def _pair(
    puts: Shorts, calls: Shorts, row: int, column: int, credit: FloatArray, target: float
) -> PairCandidate:
    net = float(round(credit[row, column], 4))
    return PairCandidate(
        float(puts.strike[row]), float(calls.strike[column]), net, round(net - target, 4)
    )
