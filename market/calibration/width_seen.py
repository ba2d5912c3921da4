"""How wide real quotes are: what the fit of the widths sees, and how far the model's miss them.

Rules of this file:
- A miss is the log of a modelled half spread over the real one. Rounding outwards adds half a tick
  on the mean, on the grid that the real quotes stand on.
- Quotes below 0.10 points are left out: a bid of 0 hides how wide they are.
- Of the night are snapshots before an open; a snapshot of a closed market at another hour is none.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from market.calibration.chains import Snapshot
from market.instruments import TradingClass
from market.quote_widths import QuoteHour, QuoteWidths
from market.quotes import BoolArray, Chain, FloatArray
from market.sessions import SessionCalendar, exchange_zone
from market.tick_grids import TICK_SWITCH_POINTS

FIRST_YEAR = 2022
MOST_DAYS = {"SPX": 70.0, "VIX": 200.0}  # as far as each is traded, or chains at hand reach
_LEAST_PRICE = 0.10
_LEAST_QUOTES = 30
_GRIDS = (0.10, 0.05, 0.01)
_ONE_DAY = timedelta(days=1)

VixAt = Callable[[datetime], float]


@dataclass(frozen=True)
class SeenChain:
    """Quotes of one expiry, both rights: mids, half spreads and ticks in points, |delta|."""

    years: float
    forward: float
    is_weekly: bool
    mid: FloatArray
    half: FloatArray
    tick: FloatArray
    delta: FloatArray
    is_out: BoolArray
    is_call: BoolArray


@dataclass(frozen=True)
class SeenWidths:
    """Quotes of one snapshot by expiry, with VIX and the hour."""

    at: datetime
    vix: float
    hour: QuoteHour
    chains: tuple[SeenChain, ...]

    def column(self, name: str) -> FloatArray:
        """Return one column of all chains; what a chain has once stands on each of its quotes."""
        parts = ((getattr(chain, name), len(chain.mid)) for chain in self.chains)
        return np.concatenate([np.broadcast_to(part, count) for part, count in parts])

    def misses(self, widths: QuoteWidths) -> FloatArray:
        """Return ln(modelled / real half spread) of each quote."""
        return np.concatenate([self._misses(chain, widths) for chain in self.chains])

    def _misses(self, chain: SeenChain, widths: QuoteWidths) -> FloatArray:
        factors = widths.factors(self.vix, self.at.year, self.hour, is_weekly=chain.is_weekly)
        half = widths.half_spread(factors, years=chain.years, forward=chain.forward)
        modelled = half.base_points + half.root * np.sqrt(chain.mid)
        modelled += (half.in_money_root * chain.delta) ** 8
        return np.asarray(np.log((modelled + 0.5 * chain.tick) / chain.half))


def seen_widths(
    snapshots: Sequence[Snapshot],
    vix_at: VixAt,
    calendar: SessionCalendar,
    first_year: int = FIRST_YEAR,
) -> list[SeenWidths]:
    """Return the widths of snapshots that quote enough options, of the night's too."""
    found: list[SeenWidths] = []
    for snapshot in snapshots:
        hour = hour_at(calendar, snapshot.at)
        if (snapshot.is_stale and not hour.is_night) or snapshot.at.year < first_year:
            continue
        most_years = MOST_DAYS[snapshot.underlying] / 365.0
        chains = tuple(
            seen
            for chain in snapshot.chains
            if chain.years <= most_years
            if (seen := _seen(chain)) is not None
        )
        if sum(len(chain.mid) for chain in chains) >= _LEAST_QUOTES:
            found.append(SeenWidths(snapshot.at, vix_at(snapshot.at), hour, chains))
    return found


def hour_at(calendar: SessionCalendar, at: datetime) -> QuoteHour:
    """Return the hour of an instant within or after a session of the calendar."""
    session = calendar.session(calendar.on_or_before(at.astimezone(exchange_zone()).date()))
    if at < session.open_at:
        session = calendar.session(calendar.on_or_before(session.date - _ONE_DAY))
    return QuoteHour.of(session.open_at, session.cash_close_at, at)


def _seen(chain: Chain) -> SeenChain | None:
    """Return the quotes of a chain that have both sides, a delta and a price; None of none."""
    sides = (
        (chain.put_bid, chain.put_ask, np.abs(chain.put_delta), chain.strikes < chain.forward),
        (chain.call_bid, chain.call_ask, chain.call_delta, chain.strikes >= chain.forward),
    )
    bid, ask, delta, is_out = (np.concatenate(column) for column in zip(*sides, strict=True))
    is_call = np.repeat([False, True], len(chain.strikes))
    with np.errstate(invalid="ignore"):
        kept = (bid + ask >= 2.0 * _LEAST_PRICE) & ~np.isnan(delta)
    if not kept.any():
        return None
    bid, ask = bid[kept], ask[kept]
    return SeenChain(
        years=chain.years,
        forward=chain.forward,
        is_weekly=chain.trading_class is TradingClass.VIXW,
        mid=0.5 * (bid + ask),
        half=0.5 * (ask - bid),
        tick=_ticks(bid, ask),
        delta=delta[kept],
        is_out=is_out[kept],
        is_call=is_call[kept],
    )


def _ticks(bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the mean tick of both sides of each quote, by the grids below 3 points and above."""
    prices = np.stack([bid, ask])
    is_low = prices < TICK_SWITCH_POINTS
    ticks = np.empty(prices.shape)
    for part in (is_low, ~is_low):
        ticks[part] = _grid(prices[part])
    return np.asarray(ticks.mean(axis=0))


def _grid(prices: FloatArray) -> float:
    fitting = (
        grid
        for grid in _GRIDS
        if np.all(np.abs(prices / grid - np.round(prices / grid)) < 1e-3 / grid)
    )
    return next(fitting, _GRIDS[-1])


def shares(sample: Sequence[SeenWidths]) -> list[float]:
    """Return the weight of each snapshot: a month of many counts as one."""
    months = Counter((seen.at.year, seen.at.month) for seen in sample)
    return [1.0 / months[seen.at.year, seen.at.month] for seen in sample]


def mean_error(
    widths: QuoteWidths,
    sample: Sequence[SeenWidths],
    kept: Callable[[SeenWidths], BoolArray],
) -> float | None:
    """Return the mean absolute miss in logs of the quotes kept; None where there is none."""
    errors: list[float] = []
    weights: list[float] = []
    for seen, share in zip(sample, shares(sample), strict=True):
        misses = np.abs(seen.misses(widths)[kept(seen)])
        if len(misses):
            errors.append(float(misses.mean()))
            weights.append(share)
    return float(np.average(errors, weights=weights)) if errors else None


def is_out(seen: SeenWidths) -> BoolArray:
    """Return which quotes are out of the money."""
    return np.asarray(seen.column("is_out"), dtype=np.bool_)


def is_in(seen: SeenWidths) -> BoolArray:
    """Return which quotes are in the money."""
    return ~is_out(seen)


def is_near_call(seen: SeenWidths) -> BoolArray:
    """Return which quotes are calls of 5 to 50 delta, up to 65 days: those that hedge."""
    delta, days = seen.column("delta"), 365.0 * seen.column("years")
    is_call = np.asarray(seen.column("is_call"), dtype=np.bool_)
    return np.asarray(is_call & (delta >= 0.05) & (delta <= 0.5) & (days <= 65.5))


def width_errors(
    widths: QuoteWidths, sample: Sequence[SeenWidths], underlying: str
) -> dict[str, Any]:
    """Return the mean errors of a sample as plain values, in logs of the half spread."""
    live = [seen for seen in sample if not seen.hour.is_night]
    night = [seen for seen in sample if seen.hour.is_night]
    told: dict[str, Any] = {"unit": "logs of the half spread", "snapshots": len(live)}
    told["out_of_the_money"] = _rounded(mean_error(widths, live, is_out))
    told["in_the_money"] = _rounded(mean_error(widths, live, is_in))
    if underlying == "VIX":
        told["calls_5_to_50_delta"] = _rounded(mean_error(widths, live, is_near_call))
    return told | {
        "night_snapshots": len(night),
        "night": _rounded(mean_error(widths, night, is_out)),
    }


def _rounded(error: float | None) -> float | None:
    return None if error is None else round(error, 4)
