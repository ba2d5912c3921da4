"""Confidence intervals that respect time: the stationary block bootstrap of rows.

D. N. Politis and J. P. Romano, "The Stationary Bootstrap", JASA 89 (1994): blocks of geometric
length are drawn with replacement, so that runs of bad days stay runs. Rules of this file:
- The interval is taken from the percentiles of the statistic over resampled rows. A row holds all
  that belongs together (both books of a day, both condors of an entry), so pairs are never parted.
- Percentiles of few blocks are too narrow. They are expanded as T. C. Hesterberg, "What Teachers
  Should Know About the Bootstrap", The American Statistician 69 (2015), section 3.3, does for a
  mean of n rows, with n the number of blocks: Φ(−√(n/(n−1)) · t(n−1)) stands for 2.5 %.
- A rate of which every outcome is the same has no spread to resample; its interval is the exact
  binomial one (Clopper and Pearson, Biometrika 26, 1934).
- The seed is part of the question: the same rows always give the same interval.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from market.quotes import FloatArray

LEVEL_FRAC = 0.95
DRAWS = 1000
LEAST_ROWS = 2
# Of statistics that some draws leave undefined (no losing day drawn), this share must be known.
LEAST_KNOWN_FRAC = 0.5
BOOTSTRAP, BINOMIAL, NO_INTERVAL = "stationary bootstrap", "exact binomial", "none"

Statistic = Callable[[FloatArray], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, None with the reason why there is none."""

    low: float | None
    high: float | None
    method: str
    reason: str | None = None


def interval(
    rows: FloatArray,
    statistic: Statistic,
    *,
    block: float,
    seed: int,
    is_rate: bool = False,
    draws: int = DRAWS,
) -> Interval:
    """Return the interval of a statistic of rows (n × columns, in time order)."""
    count = len(rows)
    if count < LEAST_ROWS:
        return Interval(None, None, NO_INTERVAL, f"{count} observations allow no interval")
    if is_rate and bool((rows[:, 0] == rows[0, 0]).all()):
        return _binomial(count, bool(rows[0, 0]))
    block = min(block, max(1.0, count / 5.0))
    values = _resampled(rows, statistic, block, seed, draws)
    known = values[np.isfinite(values)]
    if len(known) < LEAST_KNOWN_FRAC * draws:
        return Interval(None, None, NO_INTERVAL, "the statistic is undefined on most resamples")
    tail = expanded_tail(count / block)
    low, high = np.quantile(known, (tail, 1.0 - tail)).tolist()
    return Interval(low, high, BOOTSTRAP)


def expanded_tail(blocks: float) -> float:
    """Return the share of resamples to leave out on either side, for so many blocks of rows."""
    from scipy.stats import norm, t  # noqa: PLC0415 - heavy, only when used

    free = max(blocks - 1.0, 1.0)
    reach = math.sqrt((free + 1.0) / free) * t.ppf((1.0 + LEVEL_FRAC) / 2.0, free)
    return float(norm.cdf(-reach))


def _resampled(
    rows: FloatArray, statistic: Statistic, block: float, seed: int, draws: int
) -> FloatArray:
    from arch.bootstrap import StationaryBootstrap  # noqa: PLC0415 - heavy, only when used

    # The mean block may be a fraction; its type says otherwise.
    bootstrap: Any = StationaryBootstrap(cast(int, block), rows, seed=seed)
    found = [statistic(position[0]) for position, _keywords in bootstrap.bootstrap(draws)]
    return np.array(found, dtype=np.float64)


def _binomial(count: int, all_true: bool) -> Interval:
    """Return the interval of 0 or `count` successes among `count`."""
    tail = (1.0 - LEVEL_FRAC) / 2.0
    edge = math.pow(tail, 1.0 / count)
    return Interval(edge, 1.0, BINOMIAL) if all_true else Interval(0.0, 1.0 - edge, BINOMIAL)
