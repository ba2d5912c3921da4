"""Technical indicators by a well-kept library (TA-Lib), and the advance-decline line.

Pure and causal: each value uses its own row and earlier ones only. Arrays keep their length and
are NaN while an indicator warms up.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from market.quotes import FloatArray

FRAMES = ("pandas", "polars")


def relative_strength(values: FloatArray, window: int = 14) -> FloatArray:
    """Return Wilder's relative strength index, 0 … 100 (J. W. Wilder, 1978)."""
    talib = _talib()

    def wilder(known: FloatArray) -> FloatArray:
        return np.asarray(talib.RSI(known, timeperiod=window), dtype=np.float64)

    index: FloatArray = _on_known(values, wilder, 1, window + 1)[0]
    return index


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line and its signal line, in the units of the series (G. Appel, 1979)."""

    line: FloatArray
    signal: FloatArray


def macd(values: FloatArray, fast: int = 12, slow: int = 26, smoothing: int = 9) -> Macd:
    """Return the difference of two exponential means, and its own exponential mean."""
    talib = _talib()

    def both(known: FloatArray) -> FloatArray:
        line, signal, _ = talib.MACD(known, fast, slow, smoothing)
        return np.vstack((line, signal))

    line, signal = _on_known(values, both, 2, slow + smoothing)
    return Macd(line, signal)


@cache
def _talib() -> Any:
    """Return TA-Lib, loaded where indicators are wanted.

    Its Python half takes the columns of pandas and polars where it finds those packages, and so
    loads them; for arrays they would cost a daemon 45 MB. Afterwards they can be had as before.
    """
    for name in FRAMES:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # "not to be found"
    try:
        return import_module("talib")
    finally:
        for name in FRAMES:
            if sys.modules[name] is None:
                del sys.modules[name]


def _on_known(
    values: FloatArray, compute: Callable[[FloatArray], FloatArray], rows: int, least: int
) -> FloatArray:
    """Compute `rows` series on the values that are known, and put them back at their places."""
    placed = np.full((rows, len(values)), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) >= least:
        placed[:, known] = compute(np.ascontiguousarray(values[known], dtype=np.float64))
    return placed


def advance_decline_line(advances: FloatArray, declines: FloatArray) -> FloatArray:
    """Return the running sum of advances less declines; NaN on days without counts."""
    net = advances - declines
    total = np.nancumsum(net)
    return np.where(np.isnan(net), np.nan, total)


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Return the greatest of the last `window` rows; NaN while fewer are known."""
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        result[window - 1 :] = windows.max(axis=1)
    return result


def rolling_sd(values: FloatArray, window: int) -> FloatArray:
    """Return the sample standard deviation of the last `window` rows; NaN while fewer are known."""
    result = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        result[window - 1 :] = windows.std(axis=1, ddof=1)
    return result
