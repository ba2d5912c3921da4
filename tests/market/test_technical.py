"""RSI, MACD, the advance-decline line and rolling windows."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from market.technical import (
    advance_decline_line,
    macd,
    relative_strength,
    rolling_max,
    rolling_sd,
)

# The worked example of StockCharts' ChartSchool, "Relative Strength Index (RSI)".
CHART_SCHOOL_CLOSES = """
44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826 45.8931 46.0328
45.6140 46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439 46.2122 46.2521 45.7137 46.4515
45.7835 45.3548 44.0288 44.1783 44.2181 44.5672 43.4205 42.6628 43.1314
"""
CHART_SCHOOL_RSI = """
70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87 45.46
37.30 33.08 37.77
"""


def numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])


def test_rsi_equals_the_worked_example_of_chart_school() -> None:
    closes = numbers(CHART_SCHOOL_CLOSES)

    rsi = relative_strength(closes, 14)

    assert np.isnan(rsi[:14]).all()
    assert np.round(rsi[14:], 2).tolist() == numbers(CHART_SCHOOL_RSI).tolist()


def test_rsi_waits_for_a_window_of_changes() -> None:
    assert np.isnan(relative_strength(np.arange(1.0, 15.0), 14)).all()
    assert relative_strength(np.arange(1.0, 16.0), 14)[-1] == 100.0


def test_macd_converges_to_the_exponential_means_of_pandas() -> None:
    values = np.cumsum(np.random.default_rng(5).normal(size=600)) + 100.0
    series = pd.Series(values)
    fast, slow = (series.ewm(span=span, adjust=False).mean() for span in (12, 26))
    signal = (fast - slow).ewm(span=9, adjust=False).mean()

    ours = macd(values)

    assert np.allclose(ours.line[-50:], (fast - slow).to_numpy()[-50:], atol=1e-8)
    assert np.allclose(ours.signal[-50:], signal.to_numpy()[-50:], atol=1e-8)


def test_unknown_rows_stay_unknown_and_do_not_break_the_rest() -> None:
    closes = numbers(CHART_SCHOOL_CLOSES)
    with_gap = np.concatenate((np.full(3, np.nan), closes))

    rsi = relative_strength(with_gap, 14)

    assert np.array_equal(rsi[3:], relative_strength(closes, 14), equal_nan=True)


def test_advance_decline_line_sums_net_advances() -> None:
    advances = np.array([100.0, 50.0, np.nan, 80.0])
    declines = np.array([40.0, 70.0, 10.0, 30.0])

    line = advance_decline_line(advances, declines)

    assert np.array_equal(line, np.array([60.0, 40.0, np.nan, 90.0]), equal_nan=True)


def test_rolling_windows_equal_those_of_pandas() -> None:
    values = np.random.default_rng(3).normal(size=50)
    windows = pd.Series(values).rolling(7)

    assert np.allclose(rolling_max(values, 7), windows.max(), equal_nan=True)
    assert np.allclose(rolling_sd(values, 7), windows.std(), equal_nan=True)


def test_rolling_windows_longer_than_the_series_are_unknown() -> None:
    assert np.isnan(rolling_max(np.ones(3), 7)).all()
    assert np.isnan(rolling_sd(np.ones(3), 7)).all()


@given(st.integers(45, 90), st.integers(0, 2**32 - 1))
def test_no_indicator_sees_its_own_future(cut: int, seed: int) -> None:
    values = np.cumsum(np.random.default_rng(seed).normal(size=100)) + 100.0
    poisoned = values.copy()
    poisoned[cut:] = 1.0

    for indicator in (
        relative_strength,
        lambda series: macd(series).line,
        lambda series: macd(series).signal,
        lambda series: rolling_max(series, 20),
        lambda series: rolling_sd(series, 20),
    ):
        before, after = indicator(values)[:cut], indicator(poisoned)[:cut]

        assert np.array_equal(before, after, equal_nan=True)
