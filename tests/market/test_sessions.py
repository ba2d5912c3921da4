"""Sessions against exchange notices: holidays, half days, summer time, expiry days."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import NoSuchSession
from market.instruments import TradingClass
from market.sessions import Session, SessionCalendar


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return SessionCalendar.build(date(2001, 1, 1), date(2027, 12, 31))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def small_calendar() -> SessionCalendar:
    """Three sessions of February 2018: Thursday, Friday, Monday."""
    days = (date(2018, 2, 1), date(2018, 2, 2), date(2018, 2, 5))
    return SessionCalendar(
        Session.between(
            datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC),
            datetime(day.year, day.month, day.day, 21, 0, tzinfo=UTC),
        )
        for day in days
    )


# Early closes: NYSE "Holidays and Trading Hours" of each year.
@pytest.mark.parametrize(
    ("day", "cash_close", "option_close"),
    [
        ("2018-07-03", "2018-07-03T17:00", "2018-07-03T17:15"),
        ("2018-11-23", "2018-11-23T18:00", "2018-11-23T18:15"),
        ("2018-12-24", "2018-12-24T18:00", "2018-12-24T18:15"),
        ("2024-12-24", "2024-12-24T18:00", "2024-12-24T18:15"),
        ("2026-11-27", "2026-11-27T18:00", "2026-11-27T18:15"),
        ("2026-12-24", "2026-12-24T18:00", "2026-12-24T18:15"),
    ],
)
def test_a_half_day_closes_at_one_and_its_options_a_quarter_later(
    calendar: SessionCalendar, day: str, cash_close: str, option_close: str
) -> None:
    session = calendar.session(date.fromisoformat(day))

    assert session == Session(
        date=date.fromisoformat(day),
        open_at=utc(cash_close) - timedelta(hours=3, minutes=30),
        cash_close_at=utc(cash_close),
        option_close_at=utc(option_close),
        is_half_day=True,
    )


def test_a_regular_session_of_winter_runs_from_half_past_nine_to_a_quarter_past_four(
    calendar: SessionCalendar,
) -> None:
    session = calendar.session(date(2018, 2, 5))

    assert session == Session(
        date=date(2018, 2, 5),
        open_at=utc("2018-02-05T14:30"),
        cash_close_at=utc("2018-02-05T21:00"),
        option_close_at=utc("2018-02-05T21:15"),
        is_half_day=False,
    )


def test_a_session_that_opens_late_but_closes_on_time_is_no_half_day(
    calendar: SessionCalendar,
) -> None:
    # 2002-09-11: the NYSE opened at noon.
    session = calendar.session(date(2002, 9, 11))

    assert (session.open_at, session.is_half_day) == (utc("2002-09-11T16:00"), False)


# Summer time: begins 2018-03-11, ends 2026-11-01 (Energy Policy Act of 2005).
@pytest.mark.parametrize(
    ("day", "open_at", "cash_close_at"),
    [
        ("2018-03-09", "2018-03-09T14:30", "2018-03-09T21:00"),
        ("2018-03-12", "2018-03-12T13:30", "2018-03-12T20:00"),
        ("2026-10-30", "2026-10-30T13:30", "2026-10-30T20:00"),
        ("2026-11-02", "2026-11-02T14:30", "2026-11-02T21:00"),
    ],
)
def test_the_exchange_keeps_its_own_time_across_the_change_of_clocks(
    calendar: SessionCalendar, day: str, open_at: str, cash_close_at: str
) -> None:
    session = calendar.session(date.fromisoformat(day))

    assert (session.open_at, session.cash_close_at) == (utc(open_at), utc(cash_close_at))


def test_the_first_quarter_of_2018_has_61_sessions_up_to_the_day_before_good_friday(
    calendar: SessionCalendar,
) -> None:
    sessions = calendar.between(date(2018, 1, 2), date(2018, 3, 29))

    assert len(sessions) == 61
    assert sessions[0] == date(2018, 1, 2)
    assert sessions[-1] == date(2018, 3, 29)


@pytest.mark.parametrize(
    "holiday",
    [
        "2001-09-12",  # attacks of 11 September
        "2012-10-29",  # hurricane Sandy
        "2018-01-15",  # Martin Luther King
        "2018-03-30",  # Good Friday
        "2018-12-05",  # mourning for George H. W. Bush
        "2025-01-09",  # mourning for Jimmy Carter
        "2026-06-19",  # Juneteenth
        "2026-11-26",  # Thanksgiving
        "2026-12-25",
        "2026-11-28",  # a Saturday
    ],
)
def test_holidays_and_weekends_are_no_sessions(calendar: SessionCalendar, holiday: str) -> None:
    assert not calendar.is_session(date.fromisoformat(holiday))


def test_a_date_without_session_is_refused_with_its_neighbours(calendar: SessionCalendar) -> None:
    with pytest.raises(NoSuchSession) as refusal:
        calendar.session(date(2018, 3, 30))

    assert str(refusal.value) == (
        "2018-03-30 is no trading session; the nearest are 2018-03-29 and 2018-04-02."
    )


def test_at_the_edge_only_one_neighbour_is_named() -> None:
    calendar = SessionCalendar.build(date(2018, 3, 29), date(2018, 3, 31))

    with pytest.raises(NoSuchSession) as refusal:
        calendar.index(date(2018, 3, 30))

    assert str(refusal.value) == "2018-03-30 is no trading session; the nearest is 2018-03-29."


@pytest.mark.parametrize("day", [date(2018, 1, 31), date(2018, 2, 6)])
def test_dates_beyond_the_calendar_are_unknown_rather_than_closed(day: date) -> None:
    calendar = small_calendar()
    message = f"{day} lies outside the calendar, which runs from 2018-02-01 to 2018-02-05."

    for ask in (
        calendar.is_session,
        calendar.session,
        calendar.index,
        calendar.next,
        calendar.previous,
        calendar.on_or_before,
        calendar.on_or_after,
    ):
        with pytest.raises(NoSuchSession) as refusal:
            ask(day)
        assert str(refusal.value) == message


def test_a_step_over_the_edge_says_where_the_calendar_ends() -> None:
    calendar = small_calendar()

    with pytest.raises(NoSuchSession) as refusal:
        calendar.next(date(2018, 2, 2), 2)

    assert str(refusal.value) == (
        "The session asked for lies after the calendar, which runs from 2018-02-01 to 2018-02-05."
    )


def test_steps_start_from_any_date_and_never_stay_on_it() -> None:
    calendar = small_calendar()
    friday, saturday, monday = date(2018, 2, 2), date(2018, 2, 3), date(2018, 2, 5)

    steps = (
        calendar.next(friday),
        calendar.next(saturday),
        calendar.previous(monday),
        calendar.previous(saturday, 2),
        calendar.on_or_before(saturday),
        calendar.on_or_after(saturday),
        calendar.on_or_before(friday),
        calendar.on_or_after(friday),
    )

    assert steps == (monday, monday, friday, date(2018, 2, 1), friday, monday, friday, friday)


@pytest.mark.parametrize("count", [0, -1])
def test_a_step_of_no_length_is_a_mistake(count: int) -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        small_calendar().next(date(2018, 2, 2), count)


def test_reversed_dates_are_refused() -> None:
    with pytest.raises(NoSuchSession) as refusal:
        SessionCalendar.build(date(2018, 2, 2), date(2018, 1, 2))

    assert str(refusal.value) == (
        "The first date, 2018-02-02, lies after the last, 2018-01-02: swap them."
    )


def test_a_range_without_sessions_is_refused() -> None:
    with pytest.raises(NoSuchSession) as refusal:
        SessionCalendar.build(date(2018, 3, 30), date(2018, 4, 1))

    assert str(refusal.value) == "No trading session lies between 2018-03-30 and 2018-04-01."


def test_sessions_out_of_order_make_no_calendar() -> None:
    sessions = [small_calendar().session(day) for day in small_calendar().dates]

    with pytest.raises(ValueError, match="ascending"):
        SessionCalendar(reversed(sessions))


def test_a_session_knows_only_utc() -> None:
    with pytest.raises(ValueError, match="must be in UTC"):
        Session(
            date=date(2018, 2, 5),
            open_at=datetime(2018, 2, 5, 9, 30),  # noqa: DTZ001 - the mistake under test
            cash_close_at=utc("2018-02-05T21:00"),
            option_close_at=utc("2018-02-05T21:15"),
            is_half_day=False,
        )


# Third Friday of February 2018: SPX settles on the open (SET), SPXW on the close (Cboe).
def test_on_a_third_friday_the_am_series_stops_a_day_before_its_pm_twin(
    calendar: SessionCalendar,
) -> None:
    expiry = date(2018, 2, 16)

    am = (
        calendar.last_trade_date(TradingClass.SPX, expiry),
        calendar.trading_ends_at(TradingClass.SPX, expiry),
        calendar.settles_at(TradingClass.SPX, expiry),
    )
    pm = (
        calendar.last_trade_date(TradingClass.SPXW, expiry),
        calendar.trading_ends_at(TradingClass.SPXW, expiry),
        calendar.settles_at(TradingClass.SPXW, expiry),
    )

    assert am == (date(2018, 2, 15), utc("2018-02-15T21:15"), utc("2018-02-16T14:30"))
    assert pm == (date(2018, 2, 16), utc("2018-02-16T21:00"), utc("2018-02-16T21:00"))


@pytest.mark.parametrize("trading_class", [TradingClass.VIX, TradingClass.VIXW])
def test_vix_options_trade_until_tuesday_and_settle_on_wednesday_morning(
    calendar: SessionCalendar, trading_class: TradingClass
) -> None:
    expiry = date(2018, 2, 14)

    assert calendar.last_trade_date(trading_class, expiry) == date(2018, 2, 13)
    assert calendar.trading_ends_at(trading_class, expiry) == utc("2018-02-13T21:15")
    assert calendar.settles_at(trading_class, expiry) == utc("2018-02-14T14:30")


def test_on_a_half_day_expiring_spxw_stop_at_one(calendar: SessionCalendar) -> None:
    expiry = date(2026, 11, 27)

    assert calendar.trading_ends_at(TradingClass.SPXW, expiry) == utc("2026-11-27T18:00")
    assert calendar.settles_at(TradingClass.SPXW, expiry) == utc("2026-11-27T18:00")


def test_an_am_series_after_a_holiday_trades_last_before_it(calendar: SessionCalendar) -> None:
    # Friday 2026-11-27 follows Thanksgiving.
    ends_at = calendar.trading_ends_at(TradingClass.SPX, date(2026, 11, 27))

    assert ends_at == utc("2026-11-25T21:15")


def test_an_expiry_must_be_a_session(calendar: SessionCalendar) -> None:
    with pytest.raises(NoSuchSession, match="2018-03-30 is no trading session"):
        calendar.settles_at(TradingClass.SPXW, date(2018, 3, 30))


@given(
    day=st.dates(date(2001, 2, 1), date(2027, 11, 30)),
    count=st.integers(min_value=1, max_value=15),
)
def test_stepping_forth_and_back_returns_to_the_session(
    calendar: SessionCalendar, day: date, count: int
) -> None:
    start = calendar.on_or_after(day)

    reached = calendar.next(start, count)

    assert calendar.previous(reached, count) == start
    assert calendar.index(reached) - calendar.index(start) == count
    assert calendar.between(start, reached)[0] == start
    assert len(calendar.between(start, reached)) == count + 1
