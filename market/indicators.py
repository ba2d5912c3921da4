"""Causal indicators: each row is a function of its own and earlier rows alone.

Sums run term by term over shifted views instead of cumulatively, so that a row has the same bits
whatever follows it and however long the series is.
"""

import math

import numpy as np

from market.quotes import FloatArray

SESSIONS_PER_YEAR = 252


def historical_vol(closes: FloatArray, window: int = 20) -> FloatArray:
    """Return annualised volatility in vol points from `window` daily log returns (rule R-03).

    sqrt(252) × stdev(ddof = 1) × 100; NaN while warming up and where the window holds a close
    that is absent or not above 0.

    Raises:
        ValueError: `window` is below 2.
    """
    if window < 2:
        raise ValueError(f"window must be at least 2, got {window}")
    returns = np.full(len(closes), np.nan)
    usable = np.where(closes > 0, closes, np.nan)
    returns[1:] = np.log(usable[1:]) - np.log(usable[:-1])
    mean = simple_mean(returns, window)
    squares = np.zeros(max(len(closes) - window + 1, 0))
    for shift in range(window):
        squares += (returns[shift : shift + len(squares)] - mean[window - 1 :]) ** 2
    vol = np.full(len(closes), np.nan)
    vol[window - 1 :] = np.sqrt(squares / (window - 1)) * (math.sqrt(SESSIONS_PER_YEAR) * 100)
    return vol


def simple_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values, NaN while warming up or touching a NaN.

    Raises:
        ValueError: `window` is below 1.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    total = np.zeros(max(len(values) - window + 1, 0))
    for shift in range(window):
        total += values[shift : shift + len(total)]
    mean = np.full(len(values), np.nan)
    mean[window - 1 :] = total / window
    return mean
