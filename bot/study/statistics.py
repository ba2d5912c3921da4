"""Statistics of rows that claims are judged by; each takes rows (n × columns) and gives a number.

NaN says that the rows leave it undefined.
"""

import math

import numpy as np

from market.quotes import FloatArray

SESSIONS_OF_YEAR = 252
TAIL_FRAC = 0.05


def mean(rows: FloatArray) -> float:
    """Return the mean of the first column."""
    return float(rows[:, 0].mean()) if len(rows) else math.nan


def median(rows: FloatArray) -> float:
    """Return the median of the first column."""
    return float(np.median(rows[:, 0])) if len(rows) else math.nan


def ratio_of_means(rows: FloatArray) -> float:
    """Return the mean of the first column over that of the second."""
    below = float(rows[:, 1].mean()) if len(rows) else 0.0
    return float(rows[:, 0].mean()) / below if below else math.nan


def cut(rows: FloatArray) -> float:
    """Return 1 less the ratio of means: what the first column loses less than the second."""
    return 1.0 - ratio_of_means(rows)


def rate_lead(rows: FloatArray) -> float:
    """Return how much more often the second column is true where the first is than where not."""
    marked = rows[:, 0] > 0
    if not marked.any() or marked.all():
        return math.nan
    return float(rows[marked, 1].mean() - rows[~marked, 1].mean())


def yearly(rows: FloatArray) -> float:
    """Return the mean of a daily column times the sessions of a year."""
    return mean(rows) * SESSIONS_OF_YEAR


def deepest_fall(changes: FloatArray, start: float) -> float:
    """Return the maximum drawdown, a fraction of the peak, of an account by daily dollars."""
    equity = start + np.concatenate(([0.0], np.cumsum(changes)))
    peaks = np.maximum.accumulate(equity)
    return float(((peaks - equity) / np.maximum(peaks, 1e-9)).max())


def drawdown_cut(start: float) -> "DrawdownCut":
    """Return the statistic 1 − MDD(first column) / MDD(second column), both daily dollars."""
    return DrawdownCut(start)


class DrawdownCut:
    """How much shallower the first account's deepest fall is than the second's, as a fraction."""

    def __init__(self, start: float) -> None:
        self._start = start

    def __call__(self, rows: FloatArray) -> float:
        """Return the statistic of daily dollar changes of two accounts."""
        bare = deepest_fall(rows[:, 1], self._start)
        return 1.0 - deepest_fall(rows[:, 0], self._start) / bare if bare > 0 else math.nan


def sharpe(changes: FloatArray) -> float:
    """Return the yearly Sharpe ratio of daily dollar changes over a fixed capital."""
    deviation = float(changes.std(ddof=1)) if len(changes) > 1 else 0.0
    return float(changes.mean()) / deviation * math.sqrt(SESSIONS_OF_YEAR) if deviation else 0.0


def sharpe_gain(rows: FloatArray) -> float:
    """Return the Sharpe ratio of the first column less that of the second."""
    return sharpe(rows[:, 0]) - sharpe(rows[:, 1])


def shortfall(changes: FloatArray) -> float:
    """Return the mean of the worst 5 % of changes (expected shortfall), a loss is negative."""
    worst = np.sort(changes)[: max(1, int(TAIL_FRAC * len(changes)))]
    return float(worst.mean())


def shortfall_gain(rows: FloatArray) -> float:
    """Return by how much the worst 5 % of the first column lie above those of the second."""
    return shortfall(rows[:, 0]) - shortfall(rows[:, 1])


def edge_per_credit(rows: FloatArray) -> float:
    """Return mean profit over mean credit: above 0 when the win rate pays for the losses."""
    return ratio_of_means(rows)
