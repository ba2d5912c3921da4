"""Implied vol: the vol that made a price, to the digits that the price holds."""

import math
from typing import Any

import mpmath  # type: ignore[import-untyped]  # published without types
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.blocks import BLOCK_ROWS
from market.implied_vol import implied_vol
from market.instruments import Right
from market.pricing import price


def exact_price(forward: float, strike: float, sd: float, discount: float) -> float:
    """Return the Black-76 price of the out-of-the-money side, from 60 digits."""
    with mpmath.workdps(60):
        f, k, total_sd = mpmath.mpf(forward), mpmath.mpf(strike), mpmath.mpf(sd)
        d1 = mpmath.log(f / k) / total_sd + total_sd / 2
        sign = 1 if strike >= forward else -1
        worth = f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - total_sd))
        return float(mpmath.mpf(discount) * sign * worth)


DEVIATIONS = (-25.0, -8.0, -5.0, -3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 5.0, 8.0, 25.0)


# An hour before the close up to a decade; the last three are found by the bracketed search.
@pytest.mark.parametrize("sd", [0.002, 0.004, 0.02, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
def test_implied_vol_of_exact_out_of_the_money_prices_is_good_to_twelve_digits(sd: float) -> None:
    strikes = np.array([20.0 * math.exp(z * sd) for z in DEVIATIONS])
    prices = [exact_price(20.0, strike, sd, 0.98) for strike in strikes.tolist()]

    found = implied_vol(
        price=prices, forward=20.0, strike=strikes, years=0.25, discount=0.98, right=strikes >= 20.0
    )

    np.testing.assert_allclose(found, sd / 0.5, rtol=1e-12)


@given(st.floats(-4.0, 4.0), st.floats(0.001, 2.0), st.floats(0.03, 3.0))
def test_implied_vol_returns_the_vol_that_made_the_price(z: float, years: float, iv: float) -> None:
    strike = 100.0 * math.exp(z * min(iv * math.sqrt(years), 1.0))
    right = Right.CALL if strike >= 100.0 else Right.PUT
    made = price(forward=100.0, strike=strike, years=years, iv=iv, right=right)

    found = implied_vol(price=made, forward=100.0, strike=strike, years=years, right=right)

    assert float(found) == pytest.approx(iv, rel=1e-9)


def test_an_option_in_the_money_is_inverted_through_its_time_value() -> None:
    made = price(forward=100.0, strike=80.0, years=0.5, iv=0.4, discount=0.9, right=Right.CALL)

    found = implied_vol(
        price=made, forward=100.0, strike=80.0, years=0.5, discount=0.9, right=Right.CALL
    )

    assert float(found) == pytest.approx(0.4, rel=1e-12)


@pytest.mark.parametrize(
    "quoted", [0.0, -1.0, 19.0, math.nan], ids=["worthless", "negative", "above forward", "unknown"]
)
def test_a_price_without_a_vol_has_implied_vol_nan(quoted: float) -> None:
    found = implied_vol(price=quoted, forward=18.0, strike=20.0, years=0.1, right=Right.CALL)

    assert math.isnan(float(found))


def test_a_price_at_expiry_has_implied_vol_nan() -> None:
    found = implied_vol(price=1.0, forward=18.0, strike=20.0, years=0.0, right=Right.CALL)

    assert math.isnan(float(found))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3 * BLOCK_ROWS), st.integers(0, 2**32 - 1), st.data())
def test_a_row_is_inverted_the_same_alone_as_among_many(
    count: int, seed: int, data: st.DataObject
) -> None:
    drawn = np.random.default_rng(seed)
    forward, years = drawn.uniform(10.0, 8000.0, count), drawn.uniform(0.0, 2.0, count)
    columns: dict[str, Any] = {
        "price": forward * drawn.uniform(-0.02, 1.0, count) ** 3,
        "forward": forward,
        "strike": forward * np.exp(drawn.normal(0.0, 0.5, count)),
        "years": years,
        "right": drawn.random(count) < 0.5,
    }
    row = data.draw(st.integers(0, count - 1))
    one = {name: column[row] for name, column in columns.items()}

    many, alone = implied_vol(**columns), implied_vol(**one)

    np.testing.assert_array_equal(many[row], alone)
