"""The fits to index histories, futures and bars: from the model's own series parameters return."""

import dataclasses
import math
from datetime import date, timedelta
from importlib.resources import files

import numpy as np
import pytest

from market.calibration.family_fit import fit_family, least_absolute
from market.calibration.futures_fit import fit_futures, misses_by_position, recorded_curves
from market.calibration.session_fit import fit_rest_by_minute, fit_window_power
from market.family import FamilyParams, MemberParams, complete_family
from market.history import History, VxTable, builtin_history
from market.history_files import VxColumns
from market.instruments import TradingClass
from market.minutes import BarFile, MinuteBars
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams
from market.surface_term import BusinessTime

SHARES = (0.30, 0.20, 0.15, 0.10, 0.10, 0.10, 0.05)


@pytest.fixture(scope="module")
def params() -> SurfaceParams:
    return SurfaceParams.from_toml((files("config") / "surface.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(1990, 1, 1), date(2020, 12, 31))


@pytest.fixture(scope="module")
def history() -> History:
    return builtin_history()


def test_a_member_of_the_family_is_found_again(params: SurfaceParams, history: History) -> None:
    member = MemberParams(-0.02, 0.05, 0.12, 0.04, 0.10, 0.15, daily_elasticity=1.0)
    truth = dataclasses.replace(params.family, vix9d=member)
    recorded = dataclasses.replace(history, vix9d=complete_family(history, truth).vix9d)

    fitted, notes = fit_family(params.family, recorded)

    found = dataclasses.astuple(fitted.vix9d)
    assert found[:-1] == pytest.approx(dataclasses.astuple(member)[:-1], abs=1e-6)
    assert (fitted.vix3m, fitted.vvix) == (params.family.vix3m, params.family.vvix)
    (note,) = notes
    assert (note.part, note.unit) == ("family.vix9d", "as a fraction")
    assert note.sample == "closes of 2015-01-05 to 2018-11-30, two months in three"
    assert note.error == pytest.approx(0.0, abs=1e-6)
    assert note.held_out == pytest.approx(0.0, abs=1e-6)


def test_how_far_a_member_moves_with_vix_in_a_day_is_found_again(
    params: SurfaceParams, history: History
) -> None:
    recorded = dataclasses.replace(history, vvix=20.0 * history.vix_close**0.7)

    fitted, _ = fit_family(params.family, recorded)

    assert fitted.vvix.daily_elasticity == pytest.approx(0.7)


def test_a_member_that_is_hardly_recorded_stays_as_it_is(
    params: SurfaceParams, history: History
) -> None:
    assert fit_family(params.family, history) == (params.family, ())


def test_least_absolute_errors_do_not_follow_a_stray_value() -> None:
    columns = np.stack([np.ones(9), np.arange(9.0)], axis=1)
    values = 1.0 + 2.0 * np.arange(9.0)
    values[4] = 500.0

    assert least_absolute(columns, values) == pytest.approx([1.0, 2.0], abs=1e-3)


def with_futures(
    history: History, calendar: SessionCalendar, family: FamilyParams, truth: SurfaceParams
) -> History:
    """Return a history whose futures are those of `truth` on every tenth session from 2014 on."""
    levels = complete_family(history, family)
    rows: list[tuple[int, int, float]] = []
    for row in range(history.first_index + 1, len(history.sessions), 10):
        session = history.sessions[row]
        closed_at = calendar.session(session).cash_close_at
        days = [calendar.on_or_after(session + timedelta(25 + 30 * n)) for n in range(9)]
        years = np.array(
            [
                (calendar.settles_at(TradingClass.VIX, day) - closed_at).total_seconds()
                for day in days
            ]
        ) / (365.0 * 86400.0)
        prices = Surface(truth).vix_futures(vol=levels.at_close(row), years=years)
        rows += [
            (session.toordinal(), day.toordinal(), price)
            for day, price in zip(days, prices.tolist(), strict=True)
        ]
    sessions, expiries, settles = zip(*rows, strict=True)
    columns = VxColumns(np.array(sessions), np.array(expiries), np.array(settles))
    return dataclasses.replace(history, vx=VxTable(columns))


def test_the_futures_curve_is_found_again(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    futures = dataclasses.replace(
        params.vix_futures,
        revert_to_points=21.0,
        year_mean_power=0.5,
        fast_per_year=15.0,
        hump=0.02,
    )
    truth = dataclasses.replace(params, vix_futures=futures)
    recorded = with_futures(history, calendar, params.family, truth)
    curves = recorded_curves(recorded, calendar, complete_family(recorded, params.family))

    fitted, notes = fit_futures(params, curves)

    assert {len(curve.settles) for curve in curves} == {8}
    found = dataclasses.astuple(fitted.vix_futures)
    assert found == pytest.approx(dataclasses.astuple(futures), rel=1e-3)
    assert max(misses_by_position(fitted, curves)) < 0.001
    assert [(note.part, note.unit) for note in notes] == [("vix_futures", "points")]


def test_without_recorded_futures_their_curve_stays(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    curves = recorded_curves(history, calendar, complete_family(history, params.family))

    assert (curves, fit_futures(params, curves)) == ([], (params, ()))


def with_bars(history: History, calendar: SessionCalendar, wild: date) -> History:
    """Return a history whose hours of 2018 share the variance of a session as SHARES says.

    On the session `wild` the last hour alone moves, and far.
    """
    days: list[int] = []
    minutes: list[int] = []
    opens: list[float] = []
    closes = history.spx_close.copy()
    for row, day in enumerate(history.sessions):
        if day.year != 2018 or day.month > 8:
            continue
        moves = 0.01 * np.sqrt(SHARES) * [1, -1, 1, -1, 1, -1, 1]
        if day == wild:
            moves = np.array([0.0] * 6 + [0.05])
        levels = 2700.0 * np.exp(np.append(0.0, np.cumsum(moves)))
        days += [day.toordinal()] * 7
        minutes += [570 + 60 * n for n in range(7)]
        opens += levels[:-1].tolist()
        closes[row] = levels[-1]
    level = np.array(opens)
    file = BarFile(60, np.array(days), np.array(minutes), np.array([level] * 4))
    return dataclasses.replace(history, spx_close=closes, minutes=MinuteBars((file,)))


def test_what_is_left_of_a_session_is_found_again(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    wild = date(2018, 3, 21)
    recorded = with_bars(history, calendar, wild)

    term, notes = fit_rest_by_minute(params.spx_term, recorded, calendar, {wild})

    marks, shares = zip(*term.rest_by_minute, strict=True)
    assert marks == (0, 60, 120, 180, 240, 300, 360, 390)
    assert shares == pytest.approx([1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.05, 0.0], abs=1e-9)
    assert [note.part for note in notes] == ["spx_term.rest_by_minute"]
    assert notes[0].error == pytest.approx(0.0, abs=1e-9)


def test_one_wild_hour_is_cut_to_the_size_of_the_others(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    recorded = with_bars(history, calendar, date(2018, 3, 21))

    term, _ = fit_rest_by_minute(params.spx_term, recorded, calendar, ())

    shares = [share for _, share in term.rest_by_minute]
    assert shares == pytest.approx([1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.05, 0.0], abs=5e-3)


def test_without_bars_the_hours_stay(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    assert fit_rest_by_minute(params.spx_term, history, calendar, ()) == (params.spx_term, ())


def test_the_power_of_the_window_is_found_again(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    business = BusinessTime(calendar, (), params.spx_term)
    windows = np.array(
        [
            business.nodes(calendar.session(day).cash_close_at, 0.0).days_9
            for day in history.sessions
        ]
    )
    vix9d = history.vix_close**1.3 * windows ** (0.5 * 0.7)
    recorded = dataclasses.replace(history, vix9d=vix9d)

    term, notes = fit_window_power(params.spx_term, recorded, calendar, business, 1.3)

    assert term.window_power == pytest.approx(0.7)
    assert [note.part for note in notes] == ["spx_term.window_power"]
    assert math.isclose(notes[0].error, 0.0, abs_tol=1e-9)


def test_without_vix9d_the_window_keeps_its_power(
    params: SurfaceParams, history: History, calendar: SessionCalendar
) -> None:
    business = BusinessTime(calendar, (), params.spx_term)

    found = fit_window_power(params.spx_term, history, calendar, business, 1.5)

    assert found == (params.spx_term, ())
