"""The moments of known sessions, and what must hold on every session."""

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.schedule import MissedPolicy, Moment, MomentName, moments_of
from market.sessions import SessionCalendar, exchange_zone

NO_EVENTS = MacroCalendar([])


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2004, 1, 1), date(2028, 3, 31))


@pytest.fixture(scope="module")
def macro() -> MacroCalendar:
    return MacroCalendar.from_toml(
        files("config").joinpath("macro_events.toml").read_text(encoding="utf-8")
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def timetable(moments: tuple[Moment, ...]) -> list[tuple[str, str]]:
    return [(str(moment.name), f"{moment.at:%H:%M:%S}") for moment in moments]


def rechecks(
    day: date, calendar: SessionCalendar, macro: MacroCalendar
) -> list[tuple[MomentName, datetime, MacroKind]]:
    moments = moments_of(calendar.session(day), calendar, macro)
    return [(m.name, m.at, m.event.kind) for m in moments if m.event is not None]


# and A11, worked out by hand for eastern standard time.
def test_a_regular_session_in_winter(calendar: SessionCalendar) -> None:
    moments = moments_of(calendar.session(date(2026, 11, 23)), calendar, NO_EVENTS)

    assert timetable(moments) == [
        ("open", "14:30:00"),
        ("hedge_window", "16:00:00"),
        ("threat_scan_1", "16:00:00"),
        ("threat_scan_2", "18:00:00"),
        ("threat_scan_3", "19:30:00"),
        ("threat_scan_4", "20:30:00"),
        ("cash_close", "21:00:00"),
        ("expiring_stop", "21:00:00"),
        ("snapshot", "21:09:30"),
        ("entry", "21:10:00"),
        ("entry_cutoff", "21:14:30"),
        ("option_close", "21:15:00"),
        ("hedge_review", "21:20:00"),
    ]


def test_a_half_day_scales_with_its_close_and_drops_the_first_scan(
    calendar: SessionCalendar,
) -> None:
    moments = moments_of(calendar.session(date(2026, 11, 27)), calendar, NO_EVENTS)

    assert timetable(moments) == [
        ("open", "14:30:00"),
        ("threat_scan_2", "15:00:00"),
        ("hedge_window", "16:00:00"),
        ("threat_scan_3", "16:30:00"),
        ("threat_scan_4", "17:30:00"),
        ("cash_close", "18:00:00"),
        ("expiring_stop", "18:00:00"),
        ("snapshot", "18:09:30"),
        ("entry", "18:10:00"),
        ("entry_cutoff", "18:14:30"),
        ("option_close", "18:15:00"),
        ("hedge_review", "18:20:00"),
    ]


@pytest.mark.parametrize(
    ("day", "entry_at"),
    [
        ("2018-03-09", "2018-03-09T21:10"),
        ("2018-03-12", "2018-03-12T20:10"),
        ("2026-10-30", "2026-10-30T20:10"),
        ("2026-11-02", "2026-11-02T21:10"),
        ("2026-11-23", "2026-11-23T21:10"),
        ("2026-12-24", "2026-12-24T18:10"),
    ],
)
def test_the_entry_follows_the_exchange_through_clock_changes_and_half_days(
    calendar: SessionCalendar, day: str, entry_at: str
) -> None:
    moments = moments_of(calendar.session(date.fromisoformat(day)), calendar, NO_EVENTS)

    assert [m.at for m in moments if m.name is MomentName.ENTRY] == [utc(entry_at)]


def test_missed_moments_are_skipped_worked_off_or_always_run(calendar: SessionCalendar) -> None:
    # Friday 2018-02-02; the next hedge window opens on Monday at 16:00.
    moments = moments_of(calendar.session(date(2018, 2, 2)), calendar, NO_EVENTS)

    assert {m.name: (m.missed, m.runs_until) for m in moments} == {
        MomentName.OPEN: (MissedPolicy.ALWAYS, None),
        MomentName.HEDGE_WINDOW: (MissedPolicy.LATE, utc("2018-02-02T20:00")),
        MomentName.THREAT_SCAN_1: (MissedPolicy.SKIP, utc("2018-02-02T16:10")),
        MomentName.THREAT_SCAN_2: (MissedPolicy.SKIP, utc("2018-02-02T18:10")),
        MomentName.THREAT_SCAN_3: (MissedPolicy.SKIP, utc("2018-02-02T19:40")),
        MomentName.THREAT_SCAN_4: (MissedPolicy.SKIP, utc("2018-02-02T20:40")),
        MomentName.CASH_CLOSE: (MissedPolicy.ALWAYS, None),
        MomentName.EXPIRING_STOP: (MissedPolicy.ALWAYS, None),
        MomentName.SNAPSHOT: (MissedPolicy.SKIP, utc("2018-02-02T21:14:30")),
        MomentName.ENTRY: (MissedPolicy.SKIP, utc("2018-02-02T21:14:30")),
        MomentName.ENTRY_CUTOFF: (MissedPolicy.ALWAYS, None),
        MomentName.OPTION_CLOSE: (MissedPolicy.ALWAYS, None),
        MomentName.HEDGE_REVIEW: (MissedPolicy.LATE, utc("2018-02-05T16:00")),
    }


def test_hedge_rolls_on_a_half_day_may_run_for_one_hour(calendar: SessionCalendar) -> None:
    moments = moments_of(calendar.session(date(2018, 11, 23)), calendar, NO_EVENTS)

    window = next(m for m in moments if m.name is MomentName.HEDGE_WINDOW)

    assert (window.at, window.runs_until) == (utc("2018-11-23T16:00"), utc("2018-11-23T17:00"))


def test_the_entry_can_be_moved_and_takes_the_snapshot_along(calendar: SessionCalendar) -> None:
    session = calendar.session(date(2018, 2, 2))

    moments = moments_of(session, calendar, NO_EVENTS, entry_offset=timedelta(minutes=5))

    moved = {m.name: (m.at, m.runs_until) for m in moments if m.missed is MissedPolicy.SKIP}
    assert moved[MomentName.SNAPSHOT] == (utc("2018-02-02T21:04:30"), utc("2018-02-02T21:14:30"))
    assert moved[MomentName.ENTRY] == (utc("2018-02-02T21:05"), utc("2018-02-02T21:14:30"))


@pytest.mark.parametrize("seconds", [0, 30, 870, 900])
def test_an_entry_outside_the_quarter_hour_is_refused(
    calendar: SessionCalendar, seconds: int
) -> None:
    session = calendar.session(date(2018, 2, 2))

    with pytest.raises(ValueError, match="entry must come 30 s to"):
        moments_of(session, calendar, NO_EVENTS, entry_offset=timedelta(seconds=seconds))


# FOMC decision of Wednesday 2018-01-31, 14:00 ET = 19:00 UTC.
@pytest.mark.parametrize(
    ("day", "name", "at"),
    [
        ("2018-01-29", MomentName.EVENT_RECHECK_T_MINUS_2, "2018-01-29T16:00"),
        ("2018-01-30", MomentName.EVENT_RECHECK_T_MINUS_1, "2018-01-30T16:00"),
        ("2018-01-31", MomentName.EVENT_RECHECK_T_PLUS_30, "2018-01-31T19:30"),
        ("2018-02-01", MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE, "2018-02-01T21:00"),
    ],
)
def test_the_hedge_is_rechecked_four_times_around_a_decision(
    calendar: SessionCalendar, macro: MacroCalendar, day: str, name: MomentName, at: str
) -> None:
    found = rechecks(date.fromisoformat(day), calendar, macro)

    assert found == [(name, utc(at), MacroKind.FOMC)]


def test_a_release_before_the_open_is_rechecked_half_an_hour_into_the_session(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    # CPI of 2018-02-14 at 13:30 UTC; PPI follows a day later, hence T-1 the same day.
    found = rechecks(date(2018, 2, 14), calendar, macro)

    assert found == [
        (MomentName.EVENT_RECHECK_T_PLUS_30, utc("2018-02-14T15:00"), MacroKind.CPI),
        (MomentName.EVENT_RECHECK_T_MINUS_1, utc("2018-02-14T16:00"), MacroKind.PPI),
    ]


def test_the_employment_report_calls_for_no_recheck(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    assert rechecks(date(2018, 2, 2), calendar, macro) == []


def test_two_releases_on_one_day_are_rechecked_each(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    # CPI and FOMC both came on 2024-06-12.
    found = rechecks(date(2024, 6, 12), calendar, macro)

    assert found == [
        (MomentName.EVENT_RECHECK_T_PLUS_30, utc("2024-06-12T14:00"), MacroKind.CPI),
        (MomentName.EVENT_RECHECK_T_MINUS_1, utc("2024-06-12T15:00"), MacroKind.PPI),
        (MomentName.EVENT_RECHECK_T_PLUS_30, utc("2024-06-12T18:30"), MacroKind.FOMC),
    ]


# CPI came on Good Friday, 2020-04-10: the market answered on Monday the 13th.
@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2020-04-08", MomentName.EVENT_RECHECK_T_MINUS_2),
        ("2020-04-09", MomentName.EVENT_RECHECK_T_MINUS_1),
        ("2020-04-13", MomentName.EVENT_RECHECK_T_PLUS_30),
        ("2020-04-14", MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE),
    ],
)
def test_a_release_on_a_holiday_belongs_to_the_next_session(
    calendar: SessionCalendar, macro: MacroCalendar, day: str, expected: MomentName
) -> None:
    found = rechecks(date.fromisoformat(day), calendar, macro)

    assert (expected, MacroKind.CPI) in [(name, kind) for name, _, kind in found]


def test_an_unscheduled_decision_is_rechecked_afterwards_only(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    # The cut of 2020-03-03, 10:00 ET = 15:00 UTC.
    days = (date(2020, 2, 28), date(2020, 3, 2), date(2020, 3, 3), date(2020, 3, 4))

    found = [rechecks(day, calendar, macro) for day in days]

    assert found == [
        [],
        [],
        [(MomentName.EVENT_RECHECK_T_PLUS_30, utc("2020-03-03T15:30"), MacroKind.FOMC)],
        [(MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE, utc("2020-03-04T21:00"), MacroKind.FOMC)],
    ]


def test_provisional_windows_bring_no_rechecks(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    assert rechecks(date(2027, 1, 12), calendar, macro) == []


def test_rechecks_at_the_hedge_window_may_be_worked_off_while_rolls_may_run(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    moments = moments_of(calendar.session(date(2018, 1, 29)), calendar, macro)

    recheck = next(m for m in moments if m.event is not None)

    assert (recheck.missed, recheck.runs_until) == (MissedPolicy.LATE, utc("2018-01-29T20:00"))


def test_a_recheck_at_the_close_may_be_worked_off_until_the_next_hedge_window(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    moments = moments_of(calendar.session(date(2018, 2, 1)), calendar, macro)

    recheck = next(m for m in moments if m.event is not None)

    assert (recheck.missed, recheck.runs_until) == (MissedPolicy.LATE, utc("2018-02-02T16:00"))


def test_the_last_session_of_a_calendar_has_moments_too() -> None:
    calendar = SessionCalendar.build(date(2018, 2, 1), date(2018, 2, 2))
    event = MacroEvent(MacroKind.CPI, utc("2018-02-05T13:30"))

    moments = moments_of(calendar.session(date(2018, 2, 2)), calendar, MacroCalendar([event]))

    assert [m.name for m in moments][-1] is MomentName.HEDGE_REVIEW
    assert moments[-1].grace == timedelta(0)
    assert all(m.event is None for m in moments)


@given(number=st.integers(min_value=3, max_value=6000))
def test_moments_are_sorted_unique_and_of_their_own_day(
    calendar: SessionCalendar, macro: MacroCalendar, number: int
) -> None:
    session = calendar.session(calendar.dates[number])

    moments = moments_of(session, calendar, macro)

    order = list(MomentName)
    keys = [(m.at, order.index(m.name)) for m in moments]
    assert keys == sorted(keys)
    assert len({(m.name, m.event) for m in moments}) == len(moments)
    assert {m.session for m in moments} == {session.date}
    assert {m.at.astimezone(exchange_zone()).date() for m in moments} == {session.date}
    assert all(m.grace >= timedelta(0) for m in moments)
    assert all(m.at >= session.open_at for m in moments)


def test_every_published_release_of_two_years_is_rechecked_exactly_four_times(
    calendar: SessionCalendar, macro: MacroCalendar
) -> None:
    wanted = (MacroKind.FOMC, MacroKind.CPI, MacroKind.PPI)
    events = [
        e
        for e in macro.published(utc("2018-01-10T00:00"), utc("2019-12-20T00:00"))
        if e.kind in wanted
    ]

    seen: dict[MacroEvent, list[MomentName]] = {event: [] for event in events}
    for day in calendar.between(date(2017, 12, 20), date(2020, 1, 10)):
        for moment in moments_of(calendar.session(day), calendar, macro):
            if moment.event in seen:
                seen[moment.event].append(moment.name)

    assert set(map(tuple, seen.values())) == {
        (
            MomentName.EVENT_RECHECK_T_MINUS_2,
            MomentName.EVENT_RECHECK_T_MINUS_1,
            MomentName.EVENT_RECHECK_T_PLUS_30,
            MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE,
        )
    }
