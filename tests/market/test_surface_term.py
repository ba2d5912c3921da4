"""Business time and the variance nodes: releases, weekends, VIX1D and the strips."""

import dataclasses
import math
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from market.family import VolState
from market.instruments import Right
from market.macro import MacroEvent, MacroKind
from market.pricing import price_scalar
from market.sessions import SessionCalendar
from market.surface_params import SurfaceParams
from market.surface_smile import smile_shape
from market.surface_term import BusinessTime, NodeTimes, VarianceCurve, average_times

CLOSE = datetime(2018, 1, 30, 21, 0, tzinfo=UTC)
FOMC = MacroEvent(MacroKind.FOMC, datetime(2018, 1, 31, 19, 0, tzinfo=UTC))
CALM = VolState(vix=13.0, vix9d=12.0, vix3m=14.8, vix6m=16.2, vvix=88.0, vix_year_mean=14.0)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2017, 1, 3), date(2018, 12, 31))


def test_a_release_counts_until_it_has_happened(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    time = BusinessTime(calendar, [FOMC], params.spx_term)
    end = datetime(2018, 1, 31, 21, 0, tzinfo=UTC)

    before = time.extra(CLOSE, end)
    after = time.extra(FOMC.at, end)

    assert before == pytest.approx(params.spx_term.fomc_sessions)
    assert after == 0.0


def test_an_unscheduled_decision_is_never_priced_ahead(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    surprise = dataclasses.replace(FOMC, is_scheduled=False, known_from=date(2018, 1, 31))

    time = BusinessTime(calendar, [surprise], params.spx_term)

    assert time.extra(CLOSE, CLOSE + timedelta(days=3)) == 0.0


def test_the_nodes_count_sessions_and_rise_evenly_over_a_weekend(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    term = dataclasses.replace(params.spx_term, idle_day_weight=0.0, holiday_weight=0.0)
    time = BusinessTime(calendar, [], term)

    # From Tuesday 30 January: 8 February, 1 March and 3 May are sessions.
    assert time.nodes(CLOSE, 0.0) == NodeTimes(1.0, 7.0, 21.0, 65.0)
    # From Thursday nine days end on a Saturday, a third of the way to Monday.
    friday = time.nodes(datetime(2018, 2, 1, 21, 0, tzinfo=UTC), 0.0)
    assert friday.days_9 == pytest.approx(6.0 + 1.0 / 3.0)


def test_a_holiday_counts_its_weight_in_place_of_an_idle_day(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    term = dataclasses.replace(params.spx_term, idle_day_weight=0.1, holiday_weight=0.4)
    time = BusinessTime(calendar, [], term)

    # On Friday 16 February Presidents' Day lies before the next session, on the 9th it does not.
    long_weekend = time.nodes(datetime(2018, 2, 16, 21, 0, tzinfo=UTC), 0.0)
    weekend = time.nodes(datetime(2018, 2, 9, 21, 0, tzinfo=UTC), 0.0)

    assert weekend.next_close == pytest.approx(1.0 + 2 * 0.1)
    assert long_weekend.next_close == pytest.approx(1.0 + 2 * 0.1 + 0.4)


def test_within_a_session_tomorrows_decision_lies_before_the_next_close(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    time = BusinessTime(calendar, [FOMC], params.spx_term)
    morning = datetime(2018, 1, 30, 15, 30, tzinfo=UTC)  # the decision falls at 14:00 next day

    nodes = time.nodes(morning, 0.4)

    assert nodes.next_close == pytest.approx(1.4 + params.spx_term.fomc_sessions)


def test_before_the_open_the_next_session_is_todays(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    time = BusinessTime(calendar, [], params.spx_term)
    night = 1.0 - params.spx_term.trading_hours_share

    last_second = time.nodes(datetime(2018, 1, 31, 14, 29, 59, tzinfo=UTC), -night)
    opened = time.nodes(datetime(2018, 1, 31, 14, 30, tzinfo=UTC), 1.0 - night)

    assert last_second.next_close == pytest.approx(params.spx_term.trading_hours_share)
    assert opened.next_close == pytest.approx(1.0 + params.spx_term.trading_hours_share)
    # Nine days hold Wednesday's session from this side, tomorrow week's from that.
    assert last_second.days_9 == pytest.approx(opened.days_9)


def test_a_session_runs_out_by_its_table_and_a_half_day_faster(params: SurfaceParams) -> None:
    term = dataclasses.replace(
        params.spx_term,
        trading_hours_share=0.5,
        rest_by_minute=((0, 1.0), (60, 0.8), (390, 0.0)),
    )

    assert [term.session_left(passed) for passed in (0.0, 60 / 390, 1.0)] == [0.5, 0.4, 0.0]
    assert term.session_left(30 / 390) == pytest.approx(0.45)


@pytest.mark.parametrize(
    "table",
    [
        ((0, 1.0), (60, 0.5), (120, 0.7), (390, 0.0)),
        ((0, 0.9), (390, 0.0)),
        ((0, 1.0), (390, 0.1)),
    ],
    ids=["it rises", "it starts below 1", "it ends above 0"],
)
def test_a_rest_of_the_session_that_does_not_fall_from_one_to_nothing_is_refused(
    params: SurfaceParams, table: tuple[tuple[int, float], ...]
) -> None:
    with pytest.raises(ValueError, match="rest_by_minute must fall from 1 to 0"):
        dataclasses.replace(params.spx_term, rest_by_minute=table)


def test_the_eve_of_a_release_is_dearer_by_its_weight(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    def next_session(events: list[MacroEvent]) -> float:
        times = BusinessTime(calendar, events, params.spx_term).nodes(CLOSE, 0.0)
        curve = VarianceCurve(params.spx_term, params.spx_smile, CALM, times)
        return curve.total(times.next_close)

    assert 1.3 < next_session([FOMC]) / next_session([]) < 1.9


def test_a_recorded_vix1d_sets_the_strip_of_the_next_session(params: SurfaceParams) -> None:
    vol = dataclasses.replace(CALM, vix1d=10.0)

    curve = VarianceCurve(params.spx_term, params.spx_smile, vol, average_times(params.spx_term))

    wanted = (params.spx_term.vix1d_ratio * 0.10) ** 2 / 252.0
    assert curve.next_session_strip() == pytest.approx(wanted, rel=1e-12)


def test_a_recorded_vix1d_passes_with_the_night(
    params: SurfaceParams, calendar: SessionCalendar
) -> None:
    time = BusinessTime(calendar, [], params.spx_term)
    vol = dataclasses.replace(CALM, vix1d=10.0)
    night = 1.0 - params.spx_term.trading_hours_share

    dawn = time.nodes(datetime(2018, 1, 31, 14, 29, 59, tzinfo=UTC), -night)

    curve = VarianceCurve(params.spx_term, params.spx_smile, vol, dawn)
    wanted = params.spx_term.trading_hours_share * 0.10**2 / 252.0
    assert curve.next_session_strip() == pytest.approx(wanted, rel=1e-12)


@given(
    vix=st.floats(9.0, 85.0),
    vix9d=st.floats(0.6, 1.8),
    vix3m=st.floats(0.6, 1.4),
    vix1d=st.none() | st.floats(5.0, 150.0),
)
def test_variance_rises_with_business_time_in_any_panic(
    params: SurfaceParams, vix: float, vix9d: float, vix3m: float, vix1d: float | None
) -> None:
    vol = VolState(vix, vix * vix9d, vix * vix3m, vix * vix3m, 100.0, 19.0, vix1d=vix1d)
    times = average_times(params.spx_term)

    curve = VarianceCurve(params.spx_term, params.spx_smile, vol, times)

    totals = [curve.total(time) for time in np.linspace(0.05, 120.0, 200).tolist()]
    assert min(np.diff(totals)) > 0.0


def test_a_strip_is_worth_the_integral_over_its_options(params: SurfaceParams) -> None:
    shape = smile_shape(params.spx_smile, 21.0, CALM)
    strip_sd = 0.13 * math.sqrt(30 / 365)

    ratio = shape.strip_ratio(strip_sd, 0.0)

    sd = strip_sd / math.sqrt(ratio)

    def option(z: float) -> float:
        iv = sd * math.sqrt(float(shape.variance_ratio(np.array([z]))[0]))
        strike = math.exp(z * sd)
        right = Right.PUT if z < 0 else Right.CALL
        return price_scalar(forward=1.0, strike=strike, years=1.0, iv=iv, right=right) / strike

    halves = [quad(option, *span, limit=200)[0] for span in ((-24.0, 0.0), (0.0, 9.0))]
    assert 2.0 * sum(halves) * sd == pytest.approx(strip_sd**2, rel=2e-3)
