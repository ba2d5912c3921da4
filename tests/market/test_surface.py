"""The surface: laws every chain obeys, and levels that real markets showed."""

import dataclasses
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from call_counts import calls_made
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from market.family import VolState
from market.instruments import Right, TradingClass
from market.pricing import price
from market.quotes import Chain, FloatArray
from market.surface import Expiry, Surface
from market.surface_params import SurfaceParams

ENTRY = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
MONDAY = date(2018, 2, 5)
# The evening before the volatility shock of February 2018 (closes published by Cboe).
NERVOUS = VolState(
    vix=17.31, vix9d=18.86, vix3m=17.03, vix6m=17.49, vvix=125.51, vix_year_mean=11.5
)
CALM = VolState(vix=13.0, vix9d=12.0, vix3m=14.8, vix6m=16.2, vvix=88.0, vix_year_mean=14.0)


@st.composite
def vol_states(draw: st.DrawFn) -> VolState:
    vix = draw(st.floats(8.5, 90.0))
    return VolState(
        vix=vix,
        vix9d=vix * draw(st.floats(0.65, 1.7)),
        vix3m=vix * draw(st.floats(0.65, 1.35)),
        vix6m=vix * draw(st.floats(0.6, 1.5)),
        vvix=draw(st.floats(60.0, 210.0)),
        vix_year_mean=draw(st.floats(10.0, 45.0)),
        vix1d=vix * draw(st.floats(0.4, 1.9)) if draw(st.booleans()) else None,
        skew=draw(st.none() | st.floats(105.0, 185.0)),
    )


@st.composite
def spx_tenors(draw: st.DrawFn) -> tuple[float, float]:
    """Return (years, sessions left) from an hour to 60 days, weekends among them."""
    sessions = draw(st.floats(0.15, 42.0))
    return (
        sessions * draw(st.floats(1.0, 1.5)) + draw(st.sampled_from((0.0, 2.0)))
    ) / 365, sessions


def surface_text() -> str:
    return (files("config") / "surface.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def surface() -> Surface:
    return Surface(SurfaceParams.from_toml(surface_text()))


def spx_chain(surface: Surface, **changes: Any) -> Chain:
    """Return Monday's chain as seen on Friday evening, with `changes` to the inputs."""
    inputs: dict[str, Any] = {
        "trading_class": TradingClass.SPXW,
        "expiry": MONDAY,
        "at": ENTRY,
        "spot": 2762.13,
        "rate_frac": 0.0145,
        "years": 2.993 / 365,
        "sessions_left": 1.0,
        "vol": NERVOUS,
    }
    return surface.spx_chain(**(inputs | changes))


def vix_chain(surface: Surface, **changes: Any) -> Chain:
    """Return a VIX chain 30 days out on a calm day, with `changes` to the inputs."""
    inputs: dict[str, Any] = {
        "trading_class": TradingClass.VIX,
        "expiry": date(2018, 3, 21),
        "at": ENTRY,
        "forward": 14.2,
        "years": 30 / 365,
        "vol": CALM,
        "rate_frac": 0.0145,
    }
    return surface.vix_chain(**(inputs | changes))


def model_prices(chain: Chain, right: Right) -> FloatArray:
    """Return the model's own prices of a chain, before quotes were put around them."""
    return price(
        forward=chain.forward,
        strike=chain.strikes,
        years=chain.years,
        iv=chain.call_iv,
        discount=chain.discount,
        right=right,
    )


def assert_quotes_are_legal(chain: Chain, below: float = 0.05, above: float = 0.10) -> None:
    """Bids and asks stand on ticks, uncrossed, around the model price and near to it."""
    for right, bid, ask in (
        (Right.PUT, chain.put_bid, chain.put_ask),
        (Right.CALL, chain.call_bid, chain.call_ask),
    ):
        fair = model_prices(chain, right)
        for side in (bid, ask):
            tick = np.where(side < 3.0, below, above)
            np.testing.assert_allclose(side / tick, np.round(side / tick), atol=1e-7)
            assert (side == np.round(side, 2)).all()
        assert (bid >= 0.0).all()
        assert (ask > bid).all()
        assert (bid <= fair + 1e-8).all()
        assert (ask >= fair - 1e-8).all()
        tick = np.where(ask <= 3.0, below, above)
        is_two_sided = bid > 0.0
        assert (np.abs(0.5 * (bid + ask) - fair)[is_two_sided] <= tick[is_two_sided]).all()


@given(vol_states(), spx_tenors(), st.floats(700.0, 7500.0))
def test_no_spx_butterfly_or_vertical_costs_less_than_nothing(
    surface: Surface, vol: VolState, tenor: tuple[float, float], spot: float
) -> None:
    years, sessions_left = tenor

    chain = spx_chain(surface, vol=vol, years=years, sessions_left=sessions_left, spot=spot)

    calls = model_prices(chain, Right.CALL)
    assert np.diff(calls, 2).min() >= -1e-9
    assert np.diff(calls).max() <= 1e-9
    assert np.diff(calls).min() >= -5.0 * chain.discount - 1e-9


@given(vol_states(), st.floats(0.3, 40.0), st.floats(1.02, 8.0), st.floats(700.0, 7500.0))
def test_no_spx_calendar_costs_less_than_nothing(
    surface: Surface, vol: VolState, sessions: float, times_later: float, spot: float
) -> None:
    """The same moneyness further out costs no less, in parts of the forward."""
    near, far = (
        spx_chain(surface, vol=vol, years=count / 252, sessions_left=count, spot=spot)
        for count in (sessions, sessions * times_later)
    )

    on_near_strikes = price(
        forward=near.forward,
        strike=near.strikes,
        years=far.years,
        iv=np.interp(np.log(near.strikes / near.forward), *smile_of(far)),
        right=Right.CALL,
    )

    is_covered = (near.strikes / near.forward > far.strikes[0] / far.forward) & (
        near.strikes / near.forward < far.strikes[-1] / far.forward
    )
    calls = model_prices(near, Right.CALL) / near.discount
    assert (on_near_strikes - calls)[is_covered].min() > -1e-3


def smile_of(chain: Chain) -> tuple[FloatArray, FloatArray]:
    """Return log moneyness and vol of a chain."""
    return np.log(chain.strikes / chain.forward), chain.call_iv


@given(vol_states(), st.floats(9.0, 85.0), st.floats(1 / 365, 0.9))
def test_no_vix_butterfly_or_vertical_costs_less_than_nothing(
    surface: Surface, vol: VolState, forward: float, years: float
) -> None:
    strikes = np.arange(8.0, 150.0)

    chain = vix_chain(surface, vol=vol, forward=forward, years=years, strikes=strikes)

    calls = model_prices(chain, Right.CALL)
    assert np.diff(calls, 2).min() >= -1e-9
    assert np.diff(calls).max() <= 1e-9


@given(vol_states(), spx_tenors(), st.floats(700.0, 7500.0))
def test_spx_quotes_stand_on_ticks_around_the_model_price(
    surface: Surface, vol: VolState, tenor: tuple[float, float], spot: float
) -> None:
    years, sessions_left = tenor

    chain = spx_chain(surface, vol=vol, years=years, sessions_left=sessions_left, spot=spot)

    assert_quotes_are_legal(chain)


# Cboe's notice of 2022-11-29, and the bids of the chains at hand: see surface.toml.
@pytest.mark.parametrize(
    ("trading_class", "at", "below", "above"),
    [
        (TradingClass.VIX, ENTRY, 0.05, 0.10),
        (TradingClass.VIX, datetime(2022, 11, 28, 20, tzinfo=UTC), 0.05, 0.10),
        (TradingClass.VIX, datetime(2022, 11, 29, 20, tzinfo=UTC), 0.01, 0.05),
        (TradingClass.VIXW, ENTRY, 0.05, 0.10),
        (TradingClass.VIXW, datetime(2026, 7, 23, 20, tzinfo=UTC), 0.01, 0.01),
    ],
)
@given(vol=vol_states(), forward=st.floats(9.0, 85.0), years=st.floats(1 / 365, 0.9))
@settings(max_examples=25)
def test_vix_quotes_stand_on_the_ticks_of_their_class_and_day_around_the_model_price(
    surface: Surface,
    trading_class: TradingClass,
    at: datetime,
    below: float,
    above: float,
    vol: VolState,
    forward: float,
    years: float,
) -> None:
    changes = {"trading_class": trading_class, "at": at, "forward": forward, "years": years}

    chain = vix_chain(surface, vol=vol, **changes)

    assert_quotes_are_legal(chain, below, above)


@given(vol_states(), spx_tenors())
def test_puts_and_calls_share_one_vol_and_their_deltas_differ_by_the_discount(
    surface: Surface, vol: VolState, tenor: tuple[float, float]
) -> None:
    years, sessions_left = tenor

    chain = spx_chain(surface, vol=vol, years=years, sessions_left=sessions_left)

    assert (chain.put_iv == chain.call_iv).all()
    np.testing.assert_allclose(chain.call_delta - chain.put_delta, chain.discount, atol=1e-14)
    gap = model_prices(chain, Right.CALL) - model_prices(chain, Right.PUT)
    np.testing.assert_allclose(gap, chain.discount * (chain.forward - chain.strikes), atol=1e-8)


@given(vol_states(), st.floats(0.5, 30.0), st.floats(0.2, 20.0))
def test_at_the_money_variance_never_falls_with_time(
    surface: Surface, vol: VolState, sessions_left: float, more: float
) -> None:
    def variance(sessions: float) -> float:
        years = 1.45 * sessions / 365
        return surface.spx_atm_iv(years=years, sessions_left=sessions, vol=vol) ** 2 * years

    assert variance(sessions_left + more) > variance(sessions_left)


def test_the_spx_grid_holds_every_five_points_nine_sds_around_the_forward(
    surface: Surface,
) -> None:
    chain = spx_chain(surface)

    assert set(np.diff(chain.strikes)) == {5.0}
    sd = surface.spx_atm_iv(years=chain.years, sessions_left=1.0, vol=NERVOUS) * math.sqrt(
        chain.years
    )
    reach = 9 * sd * chain.forward
    assert chain.strikes[0] == pytest.approx(chain.forward - reach, abs=5.0)
    assert chain.strikes[-1] == pytest.approx(chain.forward + reach, abs=5.0)


def test_a_weekend_costs_little_more_than_a_night(surface: Surface) -> None:
    night = spx_chain(surface, years=0.993 / 365)
    weekend = spx_chain(surface, years=2.993 / 365)

    at_money = Decimal(2760)
    costs = [chain.quote(at_money, Right.PUT) for chain in (night, weekend)]

    night_mid, weekend_mid = (quote.mid or 0.0 for quote in costs if quote is not None)
    assert 1.0 < weekend_mid / night_mid < 1.3
    assert weekend.call_iv.min() < night.call_iv.min()


def test_puts_are_dearer_than_calls_equally_far_away(surface: Surface) -> None:
    chain = spx_chain(surface)

    below, above = chain.row(Decimal(2710)), chain.row(Decimal(2815))

    assert below is not None
    assert above is not None
    assert chain.put_iv[below] > chain.call_iv[above] + 0.04


@pytest.mark.parametrize(
    ("target", "vol", "spot"),
    [
        (0.70, NERVOUS, 2762.13),
        (1.15, NERVOUS, 2762.13),
        (1.60, NERVOUS, 2762.13),
        (0.70, dataclasses.replace(CALM, vix=10.0, vix9d=8.9, vix3m=12.2), 2700.0),
    ],
    ids=["conservative", "balanced", "aggressive", "conservative at VIX 10"],
)
def test_the_credits_of_the_method_can_be_reached_within_its_delta(
    surface: Surface, target: float, vol: VolState, spot: float
) -> None:
    chain = spx_chain(surface, vol=vol, spot=spot)
    wing = 5  # strikes, 25 points

    puts = chain.put_mid[wing:] - chain.put_mid[:-wing]
    calls = chain.call_mid[:-wing] - chain.call_mid[wing:]
    best_put = puts[-chain.put_delta[wing:] <= 0.18].max()
    best_call = calls[chain.call_delta[:-wing] <= 0.18].max()

    assert best_put + best_call >= target


def test_a_30_day_vix_call_costs_what_it_did_on_calm_days(surface: Surface) -> None:
    forward = float(surface.vix_futures(vol=CALM, years=np.array([30 / 365]))[0])
    chain = vix_chain(surface, forward=forward)

    nearest = int(np.argmin(np.abs(chain.call_delta - 0.45)))

    assert 13.3 < forward < 15.0
    assert 0.9 < chain.call_mid[nearest] < 1.6
    assert chain.call_ask[nearest] - chain.call_bid[nearest] <= 0.15


def test_the_vix_smile_of_25_june_2013_is_met(surface: Surface) -> None:
    # Mids of the August 2013 calls on that close: forward 20.00 by parity, VVIX 94.83.
    quoted = {22: 2.10, 26: 1.30, 30: 0.85, 35: 0.50, 40: 0.30, 45: 0.175}
    vol = VolState(vix=18.47, vix9d=18.5, vix3m=19.67, vix6m=20.71, vvix=94.83, vix_year_mean=15.5)
    at = datetime(2013, 6, 25, 20, 0, tzinfo=UTC)

    chain = vix_chain(surface, vol=vol, forward=20.0, years=56.73 / 365, at=at)

    modelled = {strike: chain.quote(Decimal(strike), Right.CALL) for strike in quoted}
    mids = [quote.mid for quote in modelled.values() if quote is not None]
    assert mids == pytest.approx(list(quoted.values()), abs=0.16)


def test_the_vix_smile_leans_to_the_right(surface: Surface) -> None:
    chain = vix_chain(surface)

    assert (np.diff(chain.call_iv) >= 0.0).all()
    assert chain.call_iv[-1] < 1.6 * float(np.interp(14.2, chain.strikes, chain.call_iv))


def test_vix_strikes_lie_half_a_point_apart_below_15_and_a_point_from_there(
    surface: Surface,
) -> None:
    steps = np.diff(vix_chain(surface).strikes)

    strikes = vix_chain(surface).strikes
    assert set(steps[strikes[1:] <= 15.0]) == {0.5}
    assert set(steps[strikes[1:] > 15.0]) == {1.0}


@pytest.mark.parametrize(
    ("trading_class", "strike", "is_listed"),
    [
        (TradingClass.SPXW, 2640.0, True),
        (TradingClass.SPXW, 2642.0, False),
        (TradingClass.VIX, 14.5, True),
        (TradingClass.VIX, 15.5, False),
        (TradingClass.VIX, 250.0, False),
    ],
)
def test_only_strikes_of_the_grid_are_listed(
    surface: Surface, trading_class: TradingClass, strike: float, is_listed: bool
) -> None:
    assert surface.is_on_grid(trading_class, strike) is is_listed


def test_vix_calls_follow_their_future_and_not_spot(surface: Surface) -> None:
    base = vix_chain(surface)
    spot_up = vix_chain(surface, vol=dataclasses.replace(CALM, vix=13.5))
    future_up = vix_chain(surface, forward=14.7)

    np.testing.assert_array_equal(spot_up.call_iv, base.call_iv)
    np.testing.assert_allclose(
        model_prices(spot_up, Right.CALL), model_prices(base, Right.CALL), rtol=0, atol=1e-12
    )
    assert (model_prices(future_up, Right.CALL)[:20] > model_prices(base, Right.CALL)[:20]).all()


@given(vol_states())
def test_the_futures_curve_starts_at_vix_and_reverts(surface: Surface, vol: VolState) -> None:
    near, far = surface.vix_futures(vol=vol, years=np.array([0.0, 20.0])).tolist()

    rest = surface.params.vix_futures.revert_to_points * (vol.vix_year_mean / 19.0) ** (
        surface.params.vix_futures.year_mean_power
    )
    assert near == pytest.approx(vol.vix, rel=1e-12)
    assert far == pytest.approx(rest, rel=0.01)


def test_a_higher_vix6m_lifts_the_far_futures_and_leaves_the_near_ones(surface: Surface) -> None:
    years = np.array([10.0, 30.0, 150.0, 240.0]) / 365.0
    base = surface.vix_futures(vol=CALM, years=years)

    lifted = surface.vix_futures(
        vol=dataclasses.replace(CALM, vix6m=1.03 * CALM.vix6m), years=years
    )

    ratio = lifted / base
    assert (np.diff(ratio) > 0.0).all()
    # Of the 3 % a future of ten days has a seventh, one of eight months more than half again.
    assert ratio[0] < 1.005
    assert ratio[3] > 1.045


def test_the_futures_curve_of_the_february_2018_shock_falls_as_the_recorded_one(
    surface: Surface,
) -> None:
    # Settles of 2018-02-05 by CFE: 33.225 for 14 February, 27.975 for 21 March, 19.375 for June.
    shock = VolState(
        vix=37.32, vix9d=59.34, vix3m=28.13, vix6m=24.55, vvix=177.34, vix_year_mean=11.6
    )

    curve = surface.vix_futures(vol=shock, years=np.array([8.7, 43.7, 134.7]) / 365)

    assert (np.diff(curve) < 0.0).all()
    assert curve.tolist() == pytest.approx([33.225, 27.975, 19.375], rel=0.13)


def test_quotes_are_wider_in_a_panic_and_in_earlier_years(surface: Surface) -> None:
    def width(vol: VolState, year: int) -> float:
        chain = spx_chain(surface, vol=vol, at=ENTRY.replace(year=year))
        row = chain.row(Decimal(2760))
        assert row is not None
        return float(chain.put_ask[row] - chain.put_bid[row])

    panic = VolState(vix=60.0, vix9d=70.0, vix3m=45.0, vix6m=40.0, vvix=150.0, vix_year_mean=20.0)

    assert width(NERVOUS, 2023) < width(NERVOUS, 2018) < width(NERVOUS, 2011)
    assert width(panic, 2018) > 2 * width(NERVOUS, 2018)


def test_a_strike_costs_the_same_in_any_chain_that_holds_it(surface: Surface) -> None:
    whole = spx_chain(surface)

    single = spx_chain(surface, strikes=np.array([2640.0]))

    assert single.quote(Decimal(2640), Right.PUT) == whole.quote(Decimal(2640), Right.PUT)


def test_the_last_second_before_expiry_is_worth_the_intrinsic_value(surface: Surface) -> None:
    chain = spx_chain(surface, years=1 / (365 * 86400), sessions_left=1 / 23400, spot=2762.5)

    fair = model_prices(chain, Right.CALL)

    np.testing.assert_allclose(fair, np.maximum(chain.forward - chain.strikes, 0.0), atol=0.06)


def test_an_expiry_without_time_left_is_refused() -> None:
    with pytest.raises(ValueError, match="no time left"):
        Expiry(TradingClass.SPXW, MONDAY, ENTRY, 0.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: t + "\n[extra]\nx = 1\n", "the file has the unknown key extra"),
        (lambda t: t.replace("ratio_9d", "ratio_9"), r"\[spx_term\] misses the key ratio_9d"),
        (lambda t: t.replace("floor = 0.1803", "floor = true"), r"floor must be a number"),
        (lambda t: t.replace("floor = 0.1803", "floor = nan"), r"floor must be a number"),
        (lambda t: t.replace("put_wing = 0.4401", "put_wing = 1.2"), "put_wing must be below 1"),
        (lambda t: t.replace("2013 = 6.2", "soon = 6.2"), "era must be a table keyed by years"),
        (lambda t: t.replace("2013 = 6.2", "2010 = 6.2"), "the years of era must ascend"),
        (
            lambda t: t.replace("60 = 0.695", "soon = 0.7"),
            "rest_by_minute must be a table keyed by",
        ),
        (lambda t: t.replace("60 = 0.695", "60 = 0.5"), "rest_by_minute must fall from 1 to 0"),
        (
            lambda t: t.replace("holiday_weight = 0", "holiday_weight = 2"),
            "holiday_weight must lie",
        ),
        (lambda t: t.replace("[vix_smile]", "[vix_smile"), "no valid TOML"),
        (lambda t: t.replace("call_bend = 0.5", "call_bend = 0"), "call_bend must be above 0"),
    ],
)
def test_a_broken_surface_file_is_told_in_one_sentence(
    change: Callable[[str], str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^mine\.toml.*{sentence}"):
        SurfaceParams.from_toml(change(surface_text()), "mine.toml")


def test_the_bill_rate_of_a_year_is_the_one_known_when_it_began(surface: Surface) -> None:
    carry = surface.params.carry

    assert [carry.bill_frac(year) for year in (1995, 2018, 2040)] == [0.0437, 0.0137, 0.0357]


def test_a_chain_is_priced_at_once_and_not_strike_by_strike(surface: Surface) -> None:
    assert calls_made(lambda: spx_chain(surface)) < 300
    assert calls_made(lambda: vix_chain(surface)) < 300
