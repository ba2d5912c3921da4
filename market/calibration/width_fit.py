"""The fit of the width of quotes to the bid and ask of real chains, out of the money.

Half of a spread is (base_points + root x sqrt(price)) x the factor of VIX and year, and rounding
outwards adds half a tick on the mean. Fitted are `base_points` and `root`, and `vix_power` where
the sample's VIX spans a factor of 1.5 or more; the factors of the years and the bounds stay given.
Only years from 2022 on are fitted: before, one chain a year would have to tell both.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from market.calibration.chains import Snapshot
from market.calibration.notes import FitNote, span
from market.quotes import Chain, FloatArray
from market.sessions import exchange_zone
from market.surface_params import QuoteWidths

FIRST_YEAR = 2022
_MOST_YEARS = 70.0 / 365.0
_LEAST_PRICE = 0.10  # below it a bid of 0 hides how wide a quote is
_LEAST_QUOTES = 30
_TICK_SWITCH_POINTS = 3.0
_GRIDS = (0.10, 0.05, 0.01)
_LEAST_VIX_SPAN = 1.5
_SOFT_LOG = 0.05
_NAMES = ("base_points", "root", "vix_power")

VixAt = Callable[[datetime], float]


@dataclass(frozen=True)
class SeenWidths:
    """Quotes of one snapshot: VIX and year, mids, half spreads and ticks in points."""

    at: datetime
    vix: float
    mid: FloatArray
    half: FloatArray
    tick: FloatArray

    def misses(self, widths: QuoteWidths) -> FloatArray:
        """Return ln(modelled / real half spread) of each quote."""
        factor = widths.factor(self.vix, self.at.year)
        modelled = factor * (widths.base_points + widths.root * np.sqrt(self.mid))
        return np.asarray(np.log((modelled + 0.5 * self.tick) / self.half))


def seen_widths(snapshots: Sequence[Snapshot], vix_at: VixAt) -> list[SeenWidths]:
    """Return the widths of live snapshots that quote enough options out of the money."""
    found: list[SeenWidths] = []
    for snapshot in snapshots:
        chains = [chain for chain in snapshot.chains if chain.years <= _MOST_YEARS]
        if snapshot.is_stale or not chains or snapshot.at.year < FIRST_YEAR:
            continue
        bid, ask = (np.concatenate(side) for side in zip(*map(_sides, chains), strict=True))
        mid = 0.5 * (bid + ask)
        kept = mid >= _LEAST_PRICE
        if kept.sum() >= _LEAST_QUOTES:
            bid, ask, mid = bid[kept], ask[kept], mid[kept]
            tick = _ticks(bid, ask)
            vix = vix_at(snapshot.at)
            found.append(SeenWidths(snapshot.at, vix, mid, 0.5 * (ask - bid), tick))
    return found


def _sides(chain: Chain) -> tuple[FloatArray, FloatArray]:
    """Return bid and ask of the options out of the money that have both."""
    is_call = chain.strikes >= chain.forward
    bid = np.where(is_call, chain.call_bid, chain.put_bid)
    ask = np.where(is_call, chain.call_ask, chain.put_ask)
    known = ~np.isnan(bid)
    return bid[known], ask[known]


def _ticks(bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the mean tick of both sides of each quote, by the grids below 3 points and above."""
    prices = np.stack([bid, ask])
    is_low = prices < _TICK_SWITCH_POINTS
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


def fit_widths(
    part: str,
    widths: QuoteWidths,
    sample: Sequence[SeenWidths],
    rest: Sequence[SeenWidths],
) -> tuple[QuoteWidths, tuple[FitNote, ...]]:
    """Return the widths fitted to a sample, measured on the `rest`; as given without a sample."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - only a fit needs it

    if not sample:
        return widths, ()
    levels = [seen.vix for seen in sample]
    names = _NAMES if max(levels) >= _LEAST_VIX_SPAN * min(levels) else _NAMES[:2]
    shares = [
        math.sqrt(share / len(seen.mid))
        for share, seen in zip(_shares(sample), sample, strict=True)
    ]

    def errors(values: FloatArray) -> FloatArray:
        trial = _with(widths, names, values)
        return np.concatenate(
            [
                share * _softened(seen.misses(trial))
                for share, seen in zip(shares, sample, strict=True)
            ]
        )

    low = [1e-4, 0.0, 0.0][: len(names)]
    high = [1.0, 1.0, 3.0][: len(names)]
    start = np.clip([getattr(widths, name) for name in names], np.array(low) + 1e-6, high)
    fitted = _with(widths, names, least_squares(errors, start, bounds=(low, high)).x)
    days = [seen.at.astimezone(exchange_zone()).date() for seen in sample]
    note = FitNote(
        part=part,
        sample=f"snapshots of {span(days)}",
        count=len(sample),
        unit="in logs of the half spread",
        error=mean_error(fitted, sample),
        held_out=mean_error(fitted, rest) if rest else None,
        held_out_count=len(rest),
        measure="mean error",
    )
    return fitted, (note,)


def _softened(misses: FloatArray) -> FloatArray:
    scaled = np.sqrt(1.0 + (misses / _SOFT_LOG) ** 2) - 1.0
    return np.asarray(np.sign(misses) * _SOFT_LOG * np.sqrt(2.0 * scaled))


def mean_error(widths: QuoteWidths, sample: Sequence[SeenWidths]) -> float:
    """Return the mean absolute miss in logs, where a month of many snapshots counts as one."""
    errors = [np.abs(seen.misses(widths)).mean() for seen in sample]
    return float(np.average(errors, weights=_shares(sample)))


def _shares(sample: Sequence[SeenWidths]) -> list[float]:
    months = Counter((seen.at.year, seen.at.month) for seen in sample)
    return [1.0 / months[seen.at.year, seen.at.month] for seen in sample]


def _with(widths: QuoteWidths, names: Sequence[str], values: FloatArray) -> QuoteWidths:
    changes: dict[str, Any] = dict(zip(names, map(float, values), strict=True))
    return dataclasses.replace(widths, **changes)
