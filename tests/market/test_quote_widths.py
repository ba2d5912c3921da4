"""Widths of quotes: each driver by itself, and quotes that stay legal under all of them."""

import dataclasses
import math
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.family import VolState
from market.instruments import Right, TradingClass
from market.pricing import price
from market.quote_widths import QuoteHour, QuoteWidths, WidthFactors
from market.quotes import Chain
from market.surface import Expiry, Surface
from market.surface_params import SurfaceParams

WIDTHS = QuoteWidths(
    base_points=0.01,
    root=0.02,
    in_money_frac=0.001,
    vix_power=1.0,
    tenor_power=0.5,
    weekly_factor=4.0,
    open_factor=1.6,
    close_factor=1.4,
    night_factor=3.0,
    least_factor=0.5,
    most_factor=8.0,
    era=((2010, 3.0), (2020, 1.0)),
)
OPEN_AT = datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
CLOSE_AT = datetime(2024, 3, 4, 21, 0, tzinfo=UTC)
HALF_DAY_CLOSE_AT = datetime(2024, 3, 4, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("vix", "year", "base", "root"),
    [
        (17.0, 2024, 1.0, 1.0),
        (34.0, 2024, 2.0, 2.0),
        (5.0, 2024, 0.5, 0.5),
        (17.0, 2015, 1.0, 2.0),
        (85.0, 2010, 5.0, 8.0),
    ],
    ids=["usual", "nervous", "bounded below", "years before", "bounded above"],
)
def test_vix_and_year_widen_within_bounds(vix: float, year: int, base: float, root: float) -> None:
    assert WIDTHS.factors(vix, year) == WidthFactors(base, root)


@pytest.mark.parametrize(
    ("at", "closes_at", "factor"),
    [
        (OPEN_AT, CLOSE_AT, 1.6),
        (OPEN_AT + timedelta(minutes=5), CLOSE_AT, 1.3),
        (OPEN_AT + timedelta(minutes=10), CLOSE_AT, 1.0),
        (CLOSE_AT - timedelta(minutes=30), CLOSE_AT, 1.0),
        (CLOSE_AT - timedelta(minutes=15), CLOSE_AT, 1.2),
        (HALF_DAY_CLOSE_AT - timedelta(minutes=15), HALF_DAY_CLOSE_AT, 1.2),
        (CLOSE_AT, CLOSE_AT, 1.4),
        (CLOSE_AT + timedelta(minutes=255), CLOSE_AT, 1.4),
        (CLOSE_AT + timedelta(minutes=256), CLOSE_AT, 3.0),
        (OPEN_AT + timedelta(hours=22), CLOSE_AT, 3.0),
    ],
)
def test_the_hour_widens_at_the_open_the_close_and_in_the_night(
    at: datetime, closes_at: datetime, factor: float
) -> None:
    hour = QuoteHour.of(OPEN_AT, closes_at, at)

    assert dataclasses.astuple(WIDTHS.factors(17.0, 2024, hour)) == pytest.approx((factor, factor))


def test_weekly_series_are_wider_by_their_factor() -> None:
    assert WIDTHS.factors(17.0, 2024, is_weekly=True) == WidthFactors(4.0, 4.0)


def test_an_expiry_is_as_wide_as_its_tenor_and_forward_say() -> None:
    a_week, four_weeks, at_the_end = (
        WIDTHS.half_spread(WidthFactors(2.0, 3.0), years=days / 365, forward=5000.0)
        for days in (7, 28, 0.01)
    )

    assert dataclasses.astuple(a_week) == pytest.approx((0.02, 0.06, 5.0**0.125))
    assert dataclasses.astuple(four_weeks) == pytest.approx((0.04, 0.12, 5.0**0.125))
    assert dataclasses.astuple(at_the_end) == pytest.approx(
        (0.02 * math.sqrt(0.25 / 7), 0.06 * math.sqrt(0.25 / 7), (5.0 * 0.01 / 3) ** 0.125)
    )


@pytest.mark.parametrize("name", ["weekly_factor", "open_factor", "close_factor", "night_factor"])
def test_a_factor_of_zero_is_refused(name: str) -> None:
    change: dict[str, Any] = {name: 0.0}

    with pytest.raises(ValueError, match=f"{name} must be above 0"):
        dataclasses.replace(WIDTHS, **change)


@pytest.mark.parametrize("name", ["root", "in_money_frac"])
def test_a_negative_term_is_refused(name: str) -> None:
    change: dict[str, Any] = {name: -0.1}

    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        dataclasses.replace(WIDTHS, **change)


def chain(
    params: SurfaceParams,
    widths: QuoteWidths,
    factors: WidthFactors,
    *,
    trading_class: TradingClass = TradingClass.SPXW,
    days: float = 28.0,
    vix: float = 20.0,
) -> Chain:
    """Return a chain of SPX at 5000 or of VIX at its own level, quoted with `widths`."""
    surface = Surface(dataclasses.replace(params, spx_quotes=widths, vix_quotes=widths))
    series = Expiry(trading_class, date(2024, 4, 1), OPEN_AT, days / 365)
    vol = VolState(vix, vix, vix, vix, 95.0, 19.0)
    if trading_class is TradingClass.SPXW:
        at_money = surface.variance_curve(vol, spot=5000.0).at_money(0.7 * days)
        return surface.chain(
            surface.spx_terms(
                series,
                spot=5000.0,
                rate_frac=0.04,
                vol=vol,
                at_money=at_money,
                width_factors=factors,
            )
        )
    return surface.chain(
        surface.vix_terms(series, forward=vix, vol=vol, rate_frac=0.04, width_factors=factors)
    )


@st.composite
def any_widths(draw: st.DrawFn) -> QuoteWidths:
    factors = st.floats(0.2, 8.0)
    return dataclasses.replace(
        WIDTHS,
        base_points=draw(st.floats(1e-4, 0.5)),
        root=draw(st.floats(0.0, 0.5)),
        in_money_frac=draw(st.floats(0.0, 0.01)),
        vix_power=draw(st.floats(0.0, 3.0)),
        tenor_power=draw(st.floats(-1.0, 2.0)),
        weekly_factor=draw(factors),
        open_factor=draw(factors),
        close_factor=draw(factors),
        night_factor=draw(factors),
    )


@given(
    any_widths(),
    st.sampled_from([TradingClass.SPXW, TradingClass.VIX, TradingClass.VIXW]),
    st.floats(-1400.0, 390.0),
    st.floats(9.0, 85.0),
    st.floats(0.05, 180.0),
)
def test_quotes_are_legal_and_hold_the_price_whatever_the_widths(
    params: SurfaceParams,
    widths: QuoteWidths,
    trading_class: TradingClass,
    to_close: float,
    vix: float,
    days: float,
) -> None:
    hour = QuoteHour(390.0 - to_close, to_close)
    factors = widths.factors(vix, 2024, hour, is_weekly=trading_class is TradingClass.VIXW)

    seen = chain(params, widths, factors, trading_class=trading_class, days=days, vix=vix)

    grid = params.quote_grids.at(trading_class, seen.at)
    bid, ask = np.stack([seen.put_bid, seen.call_bid]), np.stack([seen.put_ask, seen.call_ask])
    for side in (bid, ask):
        tick = np.where(side < 3.0, grid.below_points, grid.from_points)
        np.testing.assert_allclose(side / tick, np.round(side / tick), atol=1e-6)
    assert (bid >= 0.0).all()
    assert (ask > bid).all()
    fair = np.stack([fair_prices(seen, "P"), fair_prices(seen, "C")])
    assert (bid <= fair + 1e-8).all()
    assert (ask >= fair - 1e-8).all()


def fair_prices(seen: Chain, right: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return price(
        forward=seen.forward,
        strike=seen.strikes,
        years=seen.years,
        iv=seen.call_iv,
        discount=seen.discount,
        right=Right(right),
    )


def test_a_quote_is_as_wide_as_the_formula_says_but_for_its_ticks(params: SurfaceParams) -> None:
    widths = dataclasses.replace(WIDTHS, tenor_power=0.0)

    seen = chain(params, widths, WidthFactors(2.0, 3.0))

    half = 0.02 + 0.06 * np.sqrt(fair_prices(seen, "C"))
    half += 0.001 * seen.forward * seen.call_delta**8
    is_free = seen.call_bid > 0.0
    wider = (0.5 * (seen.call_ask - seen.call_bid) - half)[is_free]
    assert wider.min() >= -1e-8
    assert wider.max() <= 0.10 + 1e-8
    assert half.max() / half[is_free].min() > 40.0
