"""Black-76 against 50-digit arithmetic, and its laws."""

import math
from typing import Any

import mpmath  # type: ignore[import-untyped]  # published without types
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.blocks import BLOCK_ROWS
from market.instruments import Right
from market.pricing import (
    call_side,
    delta,
    delta_scalar,
    price,
    price_and_greeks,
    price_scalar,
)

forwards = st.floats(5.0, 8000.0)
moneyness = st.floats(-1.5, 1.5)
vols = st.floats(0.03, 3.0)
tenors = st.floats(0.001, 2.0)
discounts = st.floats(0.8, 1.0)
rights = st.sampled_from(Right)

# forward, strike, years, iv, discount: SPX one day, SPX two months, VIX near and far, at the money.
CASES = [
    (2762.0, 2640.0, 3 / 365, 0.24, 0.9999),
    (2762.0, 2805.0, 3 / 365, 0.11, 0.9999),
    (7138.8, 6000.0, 60 / 365, 0.30, 0.993),
    (14.2, 22.0, 110 / 365, 0.82, 0.99),
    (17.3, 60.0, 220 / 365, 0.77, 0.98),
    (20.0, 20.0, 30 / 365, 0.85, 1.0),
]


def exact_price(
    forward: float, strike: float, years: float, iv: float, discount: float, right: Right
) -> Any:
    """Return the Black-76 price to at least 50 digits."""
    # Numerical slopes take differences in more digits than their result shows.
    with mpmath.workdps(200):
        f, k, t, vol, df = (mpmath.mpf(x) for x in (forward, strike, years, iv, discount))
        sd = vol * mpmath.sqrt(t)
        d1 = mpmath.log(f / k) / sd + sd / 2
        sign = 1 if right is Right.CALL else -1
        return df * sign * (f * mpmath.ncdf(sign * d1) - k * mpmath.ncdf(sign * (d1 - sd)))


def exact_slope(
    case: tuple[float, float, float, float, float], place: int, right: Right, order: int = 1
) -> float:
    """Return the derivative of the exact price by one of its inputs."""
    with mpmath.workdps(50):

        def along(value: mpmath.mpf) -> mpmath.mpf:
            moved: list[Any] = [*case[:place], value, *case[place + 1 :], right]
            return exact_price(*moved)

        return float(mpmath.diff(along, case[place], order))


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("case", CASES)
def test_price_agrees_with_fifty_digit_arithmetic(
    case: tuple[float, float, float, float, float], right: Right
) -> None:
    forward, strike, years, iv, discount = case

    found = price(
        forward=forward, strike=strike, years=years, iv=iv, discount=discount, right=right
    )

    assert float(found) == pytest.approx(float(exact_price(*case, right)), abs=1e-14 * forward)


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("case", CASES)
def test_greeks_are_the_slopes_of_the_exact_price(
    case: tuple[float, float, float, float, float], right: Right
) -> None:
    forward, strike, years, iv, discount = case

    found = price_and_greeks(
        forward=forward, strike=strike, years=years, iv=iv, discount=discount, right=right
    )

    greeks = (float(found.delta), float(found.gamma), float(found.vega_per_vol_point))
    exact = (
        exact_slope(case, 0, right),
        exact_slope(case, 0, right, order=2),
        0.01 * exact_slope(case, 3, right),
    )
    assert greeks == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("case", CASES)
def test_theta_is_the_loss_of_one_day_at_an_unchanged_rate(
    case: tuple[float, float, float, float, float], right: Right
) -> None:
    forward, strike, years, iv, discount = case
    rate = -math.log(discount) / years

    def aged(left: mpmath.mpf) -> mpmath.mpf:
        return exact_price(forward, strike, left, iv, mpmath.exp(-rate * left), right)

    found = price_and_greeks(
        forward=forward, strike=strike, years=years, iv=iv, discount=discount, right=right
    )

    with mpmath.workdps(50):
        exact = -float(mpmath.diff(aged, years)) / 365
    assert float(found.theta_per_day) == pytest.approx(exact, rel=1e-8)


@given(forwards, moneyness, tenors, vols, discounts)
def test_call_less_put_is_the_discounted_forward_less_strike(
    forward: float, log_k: float, years: float, iv: float, discount: float
) -> None:
    strike = forward * math.exp(log_k)
    shared = {"forward": forward, "strike": strike, "years": years, "iv": iv, "discount": discount}

    gap = price(right=Right.CALL, **shared) - price(right=Right.PUT, **shared)

    assert float(gap) == pytest.approx(discount * (forward - strike), abs=1e-12 * forward)
    deltas = delta(right=Right.CALL, **shared) - delta(right=Right.PUT, **shared)
    assert float(deltas) == pytest.approx(discount, abs=1e-14)


@given(forwards, moneyness, tenors, vols, discounts, rights)
def test_the_scalar_path_equals_the_vector_path(
    forward: float, log_k: float, years: float, iv: float, discount: float, right: Right
) -> None:
    shared: dict[str, Any] = {
        "forward": forward,
        "strike": forward * math.exp(log_k),
        "years": years,
        "iv": iv,
        "discount": discount,
        "right": right,
    }

    scalars = price_scalar(**shared) / forward, delta_scalar(**shared)

    vectors = float(price(**shared)) / forward, float(delta(**shared))
    assert scalars == pytest.approx(vectors, abs=1e-12)


@given(forwards, st.lists(moneyness, min_size=1, max_size=9), tenors, vols, discounts)
def test_the_chain_kernel_equals_the_general_formula(
    forward: float, log_k: list[float], years: float, iv: float, discount: float
) -> None:
    log_moneyness = np.array(log_k)
    strikes = forward * np.exp(log_moneyness)
    total_sd = np.full(len(log_k), iv * math.sqrt(years))

    calls, deltas = call_side(
        forward=forward,
        strikes=strikes,
        log_moneyness=log_moneyness,
        total_sd=total_sd,
        discount=discount,
    )

    shared: dict[str, Any] = {"forward": forward, "strike": strikes, "years": years, "iv": iv}
    expected = price(discount=discount, right=Right.CALL, **shared)
    np.testing.assert_allclose(calls, expected, rtol=0, atol=1e-12 * forward * math.exp(1.5))
    np.testing.assert_allclose(
        deltas, delta(discount=discount, right=Right.CALL, **shared), rtol=0, atol=1e-12
    )


def test_inputs_broadcast_against_each_other() -> None:
    found = price(
        forward=100.0,
        strike=np.array([[90.0, 100.0, 110.0]]),
        years=0.5,
        iv=np.array([[0.2], [0.4]]),
        right=np.array([True, False, False]),
    )

    assert found.shape == (2, 3)
    assert float(found[1, 2]) == pytest.approx(
        price_scalar(forward=100.0, strike=110.0, years=0.5, iv=0.4, right=Right.PUT), abs=1e-12
    )


@pytest.mark.parametrize(
    ("strike", "right", "value", "slope"),
    [
        (90.0, Right.CALL, 9.9, 0.99),
        (90.0, Right.PUT, 0.0, 0.0),
        (110.0, Right.PUT, 9.9, -0.99),
        (100.0, Right.CALL, 0.0, 0.495),
    ],
)
def test_an_option_without_time_is_worth_its_discounted_intrinsic_value(
    strike: float, right: Right, value: float, slope: float
) -> None:
    shared = {"forward": 100.0, "strike": strike, "years": 0.0, "iv": 0.2, "discount": 0.99}

    found = (
        float(price(right=right, **shared)),
        float(delta(right=right, **shared)),
        price_scalar(right=right, **shared),
        delta_scalar(right=right, **shared),
    )

    assert found == pytest.approx((value, slope, value, slope), abs=1e-12)


@pytest.mark.parametrize(("years", "iv"), [(0.0, 0.2), (0.5, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("strike", [90.0, 100.0, 110.0])
def test_an_option_without_deviation_left_has_no_greeks_but_delta(
    strike: float, years: float, iv: float
) -> None:
    found = price_and_greeks(
        forward=100.0, strike=strike, years=years, iv=iv, discount=1.0, right=Right.CALL
    )

    greeks = (found.gamma, found.theta_per_day, found.vega_per_vol_point)
    at_the_money = 0.01 * 100.0 * math.sqrt(years / (2.0 * math.pi)) if strike == 100.0 else 0.0
    assert tuple(map(float, greeks)) == pytest.approx((0.0, 0.0, at_the_money), abs=1e-12)
    assert float(found.delta) == pytest.approx({90.0: 1.0, 100.0: 0.5, 110.0: 0.0}[strike])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3 * BLOCK_ROWS), st.integers(0, 2**32 - 1), st.data())
def test_a_row_is_priced_the_same_alone_as_among_many(
    count: int, seed: int, data: st.DataObject
) -> None:
    drawn = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "forward": drawn.uniform(10.0, 8000.0, count),
        "years": drawn.choice([0.0, 1 / 365, 0.3], count),
        "iv": drawn.uniform(0.0, 2.0, count),
        "discount": drawn.uniform(0.8, 1.0, count),
        "right": drawn.random(count) < 0.5,
    }
    columns["strike"] = columns["forward"] * np.exp(drawn.normal(0.0, 0.5, count))
    row = data.draw(st.integers(0, count - 1))
    one = {name: column[row] for name, column in columns.items()}

    many, alone = price_and_greeks(**columns), price_and_greeks(**one)

    for name in ("price", "delta", "gamma", "theta_per_day", "vega_per_vol_point"):
        np.testing.assert_array_equal(getattr(many, name)[row], getattr(alone, name))
    np.testing.assert_array_equal(price(**columns), many.price)
    np.testing.assert_array_equal(delta(**columns), many.delta)
