"""The exchange's sessions as a table of exceptions: what is closed, and what opens or closes
otherwise than from 9:30 to 16:00 Eastern Time.

Rules of this file:
- The table is made from the calendar package, and a test holds both equal session by session. The
  package brings pandas: half a second and 45 MB in each process for what some hundred dates say.
- A table made with another version of that package is not used, so that a newer calendar counts.

    python -m market.session_table > config/sessions.toml
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version

from market.sessions import Session, SessionCalendar, exchange_zone

PACKAGE = "pandas_market_calendars"
TABLE_FIRST, TABLE_LAST = date(1990, 1, 1), date(2028, 12, 29)
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Hours:
    """When a session opens and closes, in Eastern Time."""

    open_et: time
    close_et: time


REGULAR = Hours(time(9, 30), time(16, 0))


@dataclass(frozen=True)
class SessionTable:
    """Which weekdays from `first` to `last` are no sessions, and which have other hours."""

    made_with: str
    first: date
    last: date
    closed: frozenset[date]
    hours: Mapping[date, Hours]

    @classmethod
    def from_toml(cls, text: str) -> "SessionTable":
        """Return the table of a shipped text."""
        told = tomllib.loads(text)
        hours = {date.fromisoformat(day): _hours(row) for day, row in told["hours"].items()}
        return cls(told["made_with"], told["first"], told["last"], frozenset(told["closed"]), hours)

    def serves(self, first: date, last: date, installed: str) -> bool:
        """Tell whether the table speaks for the calendar package installed, over a range."""
        return self.made_with == installed and self.first <= first and last <= self.last

    def calendar(self, first: date, last: date) -> SessionCalendar:
        """Return the calendar of all sessions from `first` to `last`, both included."""
        days = tuple(day for day in _weekdays(first, last) if day not in self.closed)
        return SessionCalendar.of_days(days, self.session, first, last)

    def session(self, day: date) -> Session:
        """Return the session of a day that is one."""
        hours, zone = self.hours.get(day, REGULAR), exchange_zone()
        opens = datetime.combine(day, hours.open_et, zone)
        closes = datetime.combine(day, hours.close_et, zone)
        return Session.between(opens.astimezone(UTC), closes.astimezone(UTC))


def calendar_of(table: SessionTable, first: date, last: date) -> SessionCalendar:
    """Return the sessions of a range: from the table where it serves, else from the package.

    Raises:
        NoSuchSession: the dates are reversed, or no session lies between them.
    """
    if first < last and table.serves(first, last, installed()):
        return table.calendar(first, last)
    return SessionCalendar.build(first, last)


def installed() -> str:
    """Return the calendar package and its version."""
    return f"{PACKAGE} {version(PACKAGE)}"


def _weekdays(first: date, last: date) -> Iterator[date]:
    days = (first + timedelta(number) for number in range((last - first).days + 1))
    return (day for day in days if day.weekday() < SATURDAY)


def _hours(row: list[str]) -> Hours:
    opens, closes = row
    return Hours(time.fromisoformat(opens), time.fromisoformat(closes))


def as_toml(calendar: SessionCalendar, made_with: str) -> str:
    """Return the table of a calendar as it is shipped."""
    first, last = calendar.first, calendar.last
    closed = [day for day in _weekdays(first, last) if not calendar.is_session(day)]
    lines = [
        "# Made by `python -m market.session_table`; do not edit. Weekdays without a session, and",
        "# sessions that do not run from 09:30 to 16:00 Eastern Time.",
        f'made_with = "{made_with}"',
        f"first = {first}",
        f"last = {last}",
        "closed = [",
        *(f"    {day}," for day in closed),
        "]",
        "",
        "[hours]",
    ]
    for day in calendar.dates:
        hours = _hours_of(calendar.session(day))
        if hours != REGULAR:
            lines.append(f'{day} = ["{hours.open_et:%H:%M}", "{hours.close_et:%H:%M}"]')
    return "\n".join(lines) + "\n"


def _hours_of(session: Session) -> Hours:
    zone = exchange_zone()
    opens, closes = session.open_at.astimezone(zone), session.cash_close_at.astimezone(zone)
    return Hours(opens.time(), closes.time())


if __name__ == "__main__":
    print(as_toml(SessionCalendar.build(TABLE_FIRST, TABLE_LAST), installed()), end="")
