"""The plan ahead: sessions, releases, rolls and warnings. Dates are the exchanges' own."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from bot.planning import Plan, PlannedRoll, make_plan
from bot.settings import Settings, load_settings
from bot.world import World
from market.errors import NoSuchSession
from market.schedule import MomentName


def plan(world: World, as_of: date, days: int, settings: Settings | None = None) -> Plan:
    known = settings or Settings()
    return make_plan(known, world.calendar, world.macro, world.listings, as_of, days)


@pytest.fixture(scope="module")
def autumn(world: World) -> Plan:
    return plan(world, date(2026, 11, 23), 40)


def test_holidays_have_no_session_and_half_days_are_marked(autumn: Plan) -> None:
    days = {planned.session.date: planned.session for planned in autumn.sessions}

    assert date(2026, 11, 26) not in days
    assert date(2026, 12, 25) not in days
    assert date(2027, 1, 1) not in days
    assert len(days) == 27
    half = [day for day, session in days.items() if session.is_half_day]
    assert half == [date(2026, 11, 27), date(2026, 12, 24)]
    for day in half:
        assert days[day].cash_close_at.timetz() == datetime(2026, 1, 1, 18, tzinfo=UTC).timetz()
        assert days[day].option_close_at - days[day].cash_close_at == timedelta(minutes=15)


def test_an_entry_comes_ten_minutes_after_each_close(autumn: Plan) -> None:
    for planned in autumn.sessions:
        entries = [each.at for each in planned.moments if each.name is MomentName.ENTRY]
        assert entries == [planned.session.cash_close_at + timedelta(minutes=10)]


def test_the_entry_moves_with_its_setting(world: World) -> None:
    settings = load_settings(overrides=["condor.entry_after_close_minutes=5"])

    (planned,) = plan(world, date(2026, 11, 23), 0, settings).sessions

    (entry,) = [each.at for each in planned.moments if each.name is MomentName.ENTRY]
    assert entry == datetime(2026, 11, 23, 21, 5, tzinfo=UTC)


def test_a_condor_expires_at_the_next_session(autumn: Plan) -> None:
    expiries = {each.session.date: each.condor_expiry for each in autumn.sessions}

    assert expiries[date(2026, 11, 25)] == date(2026, 11, 27)
    assert expiries[date(2026, 11, 27)] == date(2026, 11, 30)
    assert all(each.is_listed for each in autumn.sessions)


def test_expiries_of_early_years_are_not_all_listed(world: World) -> None:
    sessions = plan(world, date(2018, 1, 22), 4).sessions

    # Mondays, Wednesdays and Fridays: what Tuesday, Thursday and Friday evening can sell.
    assert [each.is_listed for each in sessions] == [False, True, False, True, True]


def test_releases_are_those_of_the_window(autumn: Plan) -> None:
    # Federal Reserve and Bureau of Labor Statistics, published schedules for 2026.
    assert [(event.kind, event.date_et) for event in autumn.releases] == [
        ("NFP", date(2026, 12, 4)),
        ("FOMC", date(2026, 12, 9)),
        ("CPI", date(2026, 12, 10)),
        ("PPI", date(2026, 12, 15)),
    ]


def test_the_near_layer_rolls_every_week_at_21_days(autumn: Plan) -> None:
    near = [roll for roll in autumn.rolls if roll.layer == "near"]

    assert near == [
        PlannedRoll("near", date(2026, 12, 23), date(2026, 12, 2), 21),
        PlannedRoll("near", date(2026, 12, 30), date(2026, 12, 9), 21),
        PlannedRoll("near", date(2027, 1, 6), date(2026, 12, 16), 21),
        PlannedRoll("near", date(2027, 1, 13), date(2026, 12, 23), 21),
        PlannedRoll("near", date(2027, 1, 20), date(2026, 12, 30), 21),
    ]


def test_every_roll_of_a_year_lies_at_or_under_its_dte_and_moves_on(world: World) -> None:
    settings = Settings()
    rolls = plan(world, date(2018, 1, 2), 365).rolls
    limits = {"near": settings.alvh.roll_near_dte, "mid": settings.alvh.roll_mid_dte}
    limits["long"] = settings.alvh.roll_long_dte

    assert {roll.layer for roll in rolls} == set(limits)
    for layer, limit in limits.items():
        of_layer = [roll for roll in rolls if roll.layer == layer]
        assert all(limit - 4 <= roll.dte_at_roll <= limit for roll in of_layer)
        assert all(a.roll_on < b.roll_on for a, b in pairwise(of_layer))
        assert all(world.calendar.is_session(roll.roll_on) for roll in of_layer)


def test_dates_that_run_out_are_warned_of(autumn: Plan) -> None:
    assert [warning.split()[0] for warning in autumn.warnings] == ["CPI", "PPI", "NFP"]


def test_a_window_without_sessions_is_an_empty_plan(world: World) -> None:
    weekend = plan(world, date(2026, 11, 28), 1)

    assert (weekend.sessions, weekend.releases, weekend.rolls) == ((), (), ())


def test_a_plan_beyond_the_calendar_is_the_users_mistake(world: World) -> None:
    with pytest.raises(NoSuchSession, match="lies outside the calendar"):
        plan(world, date(2031, 1, 2), 10)
