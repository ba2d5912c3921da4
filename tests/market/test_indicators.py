import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.indicators import historical_vol, simple_mean

CLOSES = st.lists(st.floats(min_value=1.0, max_value=10_000.0), min_size=4, max_size=40)


def test_historical_vol_of_alternating_closes_is_known_by_hand() -> None:
    closes = np.array([100.0, 101.0, 100.0, 101.0])

    vol = historical_vol(closes, window=2)

    # Returns are ±ln 1.01; the sample deviation of (a, −a) is a·√2.
    expected = math.sqrt(252) * 100 * math.sqrt(2) * math.log(1.01)
    assert np.isnan(vol[:2]).all()
    np.testing.assert_allclose(vol[2:], [expected, expected], rtol=1e-12)


def test_historical_vol_equals_the_rolling_deviation_of_pandas() -> None:
    import pandas as pd  # noqa: PLC0415

    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 120)))

    vol = historical_vol(closes)

    returns = pd.Series(np.log(closes)).diff()
    expected = returns.rolling(20).std(ddof=1) * math.sqrt(252) * 100
    np.testing.assert_allclose(vol, expected.to_numpy(), rtol=1e-9)


def test_historical_vol_needs_one_close_more_than_its_window() -> None:
    closes = np.linspace(100.0, 110.0, 21)

    vol = historical_vol(closes)

    assert np.isnan(vol[:20]).all()
    assert np.isfinite(vol[20])


@pytest.mark.parametrize("hole", [math.nan, 0.0, -5.0])
def test_historical_vol_is_unknown_while_its_window_touches_a_hole(hole: float) -> None:
    closes = np.array([100.0, 101.0, 102.0, hole, 103.0, 104.0, 106.0, 105.0])

    vol = historical_vol(closes, window=2)

    assert np.isnan(vol).tolist() == [True, True, False, True, True, True, False, False]


def test_simple_mean_averages_the_last_rows_and_warms_up() -> None:
    values = np.array([1.0, 2.0, 3.0, 6.0])

    mean = simple_mean(values, 3)

    np.testing.assert_array_equal(mean, [math.nan, math.nan, 2.0, 11.0 / 3])


def test_simple_mean_is_unknown_while_its_window_touches_a_nan() -> None:
    values = np.array([1.0, math.nan, 3.0, 5.0, 7.0])

    mean = simple_mean(values, 2)

    np.testing.assert_array_equal(mean, [math.nan, math.nan, math.nan, 4.0, 6.0])


def test_series_shorter_than_the_window_are_unknown_throughout() -> None:
    values = np.array([1.0, 2.0])

    assert np.isnan(simple_mean(values, 5)).tolist() == [True, True]
    assert np.isnan(historical_vol(values, 5)).tolist() == [True, True]


@pytest.mark.parametrize("window", [0, -1])
def test_simple_mean_refuses_a_window_without_rows(window: int) -> None:
    with pytest.raises(ValueError, match="window must be at least 1"):
        simple_mean(np.ones(3), window)


def test_historical_vol_refuses_a_window_without_a_deviation() -> None:
    with pytest.raises(ValueError, match="window must be at least 2"):
        historical_vol(np.ones(3), 1)


@given(closes=CLOSES, future=CLOSES, window=st.integers(2, 6))
def test_the_future_changes_not_one_bit_of_the_past(
    closes: list[float], future: list[float], window: int
) -> None:
    past = np.array(closes)
    both = np.array(closes + future)

    np.testing.assert_array_equal(
        historical_vol(both, window)[: len(past)], historical_vol(past, window)
    )
    np.testing.assert_array_equal(simple_mean(both, window)[: len(past)], simple_mean(past, window))
