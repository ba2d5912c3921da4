"""Trading sessions of the US index options, each with its moments in UTC.

Rules of this file, with their sources:
- A session is a trading day of the NYSE calendar. The index-option calendar of
  pandas_market_calendars misses early closes such as 24 December 2024, so the option close is
  derived: cash close + 15 minutes, 16:15 ET or 13:15 ET (Cboe trading hours and holiday notices).
- An expiring SPXW series stops trading at the cash close, every other series at the option close
  (Cboe SPX Weeklys specification).
- AM-settled series (SPX, VIX, VIXW) trade last on the session before expiry and settle on the
  opening quotation of the expiry (Cboe SPX and VIX specifications).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from market.errors import NoSuchSession
from market.instruments import CLASS_SPECS, Settlement, TradingClass

OPTIONS_TRADE_ON_FOR = timedelta(minutes=15)
_REGULAR_CLOSE_HOUR_ET = 16


@cache
def exchange_zone() -> ZoneInfo:
    """Return the exchange's time zone, in which its rules and releases are written."""
    return ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Session:
    """One trading date with its open, cash close and option close in UTC."""

    date: date
    open_at: datetime
    cash_close_at: datetime
    option_close_at: datetime
    is_half_day: bool

    def __post_init__(self) -> None:
        moments = (self.open_at, self.cash_close_at, self.option_close_at)
        if any(moment.tzinfo is not UTC for moment in moments):
            raise ValueError(f"the moments of session {self.date} must be in UTC")
        if not self.open_at < self.cash_close_at < self.option_close_at:
            raise ValueError(f"session {self.date} must open, close and close its options in turn")

    @classmethod
    def between(cls, open_at: datetime, cash_close_at: datetime) -> "Session":
        """Return the session of an exchange day, with the derived option close."""
        close_et = cash_close_at.astimezone(exchange_zone())
        return cls(
            date=close_et.date(),
            open_at=open_at,
            cash_close_at=cash_close_at,
            option_close_at=cash_close_at + OPTIONS_TRADE_ON_FOR,
            is_half_day=close_et.hour < _REGULAR_CLOSE_HOUR_ET,
        )


class SessionCalendar:
    """The sessions of a range of dates; whatever lies outside the range is unknown, not closed."""

    def __init__(
        self,
        sessions: Iterable[Session],
        first: date | None = None,
        last: date | None = None,
    ) -> None:
        known = tuple(sessions)
        self._set_dates(tuple(session.date for session in known), first, last)
        self._known = {session.date: session for session in known}
        self._session_of: Callable[[date], Session] = self._known.__getitem__

    @classmethod
    def of_days(
        cls,
        days: tuple[date, ...],
        session_of: Callable[[date], Session],
        first: date,
        last: date,
    ) -> "SessionCalendar":
        """Return the calendar of some days, whose sessions are made when somebody asks for one."""
        calendar = cls.__new__(cls)
        calendar._set_dates(days, first, last)
        calendar._known, calendar._session_of = {}, session_of
        return calendar

    def _set_dates(self, dates: tuple[date, ...], first: date | None, last: date | None) -> None:
        self.dates = dates
        if not self.dates or any(a >= b for a, b in pairwise(self.dates)):
            raise ValueError("a calendar needs sessions in ascending order, each date once")
        self.first = self.dates[0] if first is None else first
        self.last = self.dates[-1] if last is None else last
        if self.first > self.dates[0] or self.last < self.dates[-1]:
            raise ValueError("a calendar must reach over all of its sessions")
        self._index = {day: number for number, day in enumerate(self.dates)}

    @classmethod
    def build(cls, first: date, last: date) -> "SessionCalendar":
        """Return the calendar of all NYSE sessions from `first` to `last`, both included.

        Raises:
            NoSuchSession: the dates are reversed, or no session lies between them.
        """
        if first > last:
            raise NoSuchSession(f"The first date, {first}, lies after the last, {last}: swap them.")
        # Heavy (it brings pandas), and only needed where a calendar is made.
        import pandas_market_calendars  # noqa: PLC0415

        table = pandas_market_calendars.get_calendar("NYSE").schedule(first, last)
        if len(table) == 0:
            raise NoSuchSession(f"No trading session lies between {first} and {last}.")
        opens = _utc_datetimes(table["market_open"])
        closes = _utc_datetimes(table["market_close"])
        return cls(map(Session.between, opens, closes), first, last)

    def is_session(self, day: date) -> bool:
        """Tell whether the exchange trades on `day`.

        Raises:
            NoSuchSession: `day` lies outside the calendar.
        """
        self._require_known(day)
        return day in self._index

    def session(self, day: date) -> Session:
        """Return the session of `day`.

        Raises:
            NoSuchSession: `day` is no session; the sentence names the nearest ones.
        """
        found = self._known.get(day)
        if found is None:
            self.index(day)
            found = self._known[day] = self._session_of(day)
        return found

    def index(self, day: date) -> int:
        """Return the position of `day` in `dates`.

        Raises:
            NoSuchSession: `day` is no session; the sentence names the nearest ones.
        """
        number = self._index.get(day)
        if number is None:
            raise self._no_session(day)
        return number

    def next(self, day: date, count: int = 1) -> date:
        """Return the `count`-th session strictly after `day`, which need not be a session.

        Raises:
            NoSuchSession: `day` or that session lies outside the calendar.
        """
        self._require_known(day)
        return self._at(bisect_right(self.dates, day) + _positive(count) - 1)

    def previous(self, day: date, count: int = 1) -> date:
        """Return the `count`-th session strictly before `day`, which need not be a session.

        Raises:
            NoSuchSession: `day` or that session lies outside the calendar.
        """
        self._require_known(day)
        return self._at(bisect_left(self.dates, day) - _positive(count))

    def on_or_before(self, day: date) -> date:
        """Return `day` itself when it is a session, else the one before it.

        Raises:
            NoSuchSession: `day` or that session lies outside the calendar.
        """
        self._require_known(day)
        return self._at(bisect_right(self.dates, day) - 1)

    def on_or_after(self, day: date) -> date:
        """Return `day` itself when it is a session, else the one after it.

        Raises:
            NoSuchSession: `day` or that session lies outside the calendar.
        """
        self._require_known(day)
        return self._at(bisect_left(self.dates, day))

    def between(self, first: date, last: date) -> tuple[date, ...]:
        """Return the sessions from `first` to `last`, both included.

        Raises:
            NoSuchSession: a bound lies outside the calendar.
        """
        self._require_known(first)
        self._require_known(last)
        return self.dates[bisect_left(self.dates, first) : bisect_right(self.dates, last)]

    def last_trade_date(self, trading_class: TradingClass, expiry: date) -> date:
        """Return the last session on which a series trades (Cboe specifications).

        Raises:
            NoSuchSession: `expiry` is no session.
        """
        number = self.index(expiry)
        if CLASS_SPECS[trading_class].settlement is Settlement.AM:
            number -= 1
        return self._at(number)

    def trading_ends_at(self, trading_class: TradingClass, expiry: date) -> datetime:
        """Return when an expiring series trades last: PM at the cash close, AM at the option close.

        Raises:
            NoSuchSession: `expiry` is no session.
        """
        last = self.session(self.last_trade_date(trading_class, expiry))
        is_am = CLASS_SPECS[trading_class].settlement is Settlement.AM
        return last.option_close_at if is_am else last.cash_close_at

    def settles_at(self, trading_class: TradingClass, expiry: date) -> datetime:
        """Return when the settlement value is struck: PM at the cash close, AM at the open.

        Raises:
            NoSuchSession: `expiry` is no session.
        """
        session = self.session(expiry)
        is_am = CLASS_SPECS[trading_class].settlement is Settlement.AM
        return session.open_at if is_am else session.cash_close_at

    def _at(self, number: int) -> date:
        if 0 <= number < len(self.dates):
            return self.dates[number]
        edge = "before" if number < 0 else "after"
        raise NoSuchSession(
            f"The session asked for lies {edge} the calendar, "
            f"which runs from {self.first} to {self.last}."
        )

    def _require_known(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise self._no_session(day)

    def _no_session(self, day: date) -> NoSuchSession:
        if not self.first <= day <= self.last:
            return NoSuchSession(
                f"{day} lies outside the calendar, which runs from {self.first} to {self.last}."
            )
        place = bisect_left(self.dates, day)
        nearest = [str(near) for near in self.dates[max(place - 1, 0) : place + 1]]
        if len(nearest) == 1:
            return NoSuchSession(f"{day} is no trading session; the nearest is {nearest[0]}.")
        return NoSuchSession(
            f"{day} is no trading session; the nearest are {nearest[0]} and {nearest[1]}."
        )


def _positive(count: int) -> int:
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return count


def _utc_datetimes(column: Any) -> list[datetime]:
    """Return a pandas column of UTC instants as aware datetimes."""
    naive = column.dt.tz_convert(None).to_numpy("datetime64[us]").tolist()
    return [moment.replace(tzinfo=UTC) for moment in naive]
