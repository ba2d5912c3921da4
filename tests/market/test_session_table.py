"""The shipped table of sessions against the calendar package that it was made from."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.world import CALENDAR_LAST, config_text
from market.errors import NoSuchSession
from market.session_table import (
    TABLE_FIRST,
    TABLE_LAST,
    SessionTable,
    as_toml,
    calendar_of,
    installed,
)
from market.sessions import Session, SessionCalendar


@pytest.fixture(scope="module")
def table() -> SessionTable:
    return SessionTable.from_toml(config_text("sessions.toml"))


@pytest.fixture(scope="module")
def package() -> SessionCalendar:
    return SessionCalendar.build(TABLE_FIRST, TABLE_LAST)


def test_the_shipped_table_is_what_the_package_says_session_by_session(
    table: SessionTable, package: SessionCalendar
) -> None:
    calendar = table.calendar(TABLE_FIRST, TABLE_LAST)

    assert calendar.dates == package.dates
    assert [calendar.session(d) for d in calendar.dates] == [
        package.session(d) for d in package.dates
    ]
    assert (calendar.first, calendar.last) == (package.first, package.last)
    assert CALENDAR_LAST <= TABLE_LAST


def test_the_shipped_text_is_made_by_the_installed_package(package: SessionCalendar) -> None:
    assert config_text("sessions.toml") == as_toml(package, installed())


def test_a_table_made_with_another_version_is_not_used(table: SessionTable) -> None:
    foreign = replace(table, made_with="pandas_market_calendars 1.0", closed=frozenset())

    calendar = calendar_of(foreign, date(2018, 7, 2), date(2018, 7, 6))

    assert [day.day for day in calendar.dates] == [2, 3, 5, 6]


def test_a_range_beyond_the_table_comes_from_the_package(table: SessionTable) -> None:
    short = replace(table, last=date(2018, 7, 4), closed=frozenset())

    calendar = calendar_of(short, date(2018, 7, 2), date(2018, 7, 6))

    assert [day.day for day in calendar.dates] == [2, 3, 5, 6]


def test_a_session_of_the_table_is_made_once(table: SessionTable) -> None:
    calendar = calendar_of(table, date(2018, 7, 2), date(2018, 7, 6))

    assert calendar.session(date(2018, 7, 3)) is calendar.session(date(2018, 7, 3))
    assert calendar.session(date(2018, 7, 3)) == Session(
        date=date(2018, 7, 3),
        open_at=datetime(2018, 7, 3, 13, 30, tzinfo=UTC),
        cash_close_at=datetime(2018, 7, 3, 17, 0, tzinfo=UTC),
        option_close_at=datetime(2018, 7, 3, 17, 15, tzinfo=UTC),
        is_half_day=True,
    )


def test_a_holiday_of_the_table_is_named_with_its_neighbours(table: SessionTable) -> None:
    calendar = calendar_of(table, date(2018, 7, 2), date(2018, 7, 6))

    with pytest.raises(NoSuchSession, match="nearest are 2018-07-03 and 2018-07-05"):
        calendar.session(date(2018, 7, 4))
