"""When FOMC decisions, CPI, PPI and NFP come out, and who could know it.

Rules of this file, with their sources:
- Scheduled releases are published far ahead and always known. A decision between two meetings is
  known only from its announcement on, so that no past decision sees it coming.
- Beyond the last published date of CPI, PPI and NFP every month has a provisional window: all
  weekdays from the least to the greatest day of the month seen in the last three years. It counts
  as event days at 08:30 ET. FOMC meetings are published years ahead and get no such window.
- Times in the file are exchange times; everything here is UTC.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from market.errors import ConfigError
from market.sessions import exchange_zone

_T = TypeVar("_T")

REMEDY = (
    "run `alvh data download macro --data DIR` and name its macro_events.toml with "
    "--set market.macro_file=FILE"
)
# The Board publishes its meetings as a web page only.
FOMC_REMEDY = (
    "add the newer ones to a copy of config/macro_events.toml and name it with "
    "--set market.macro_file=FILE"
)
_PROVISIONAL_AT_ET = time(8, 30)
_WINDOW_YEARS = 3
_SATURDAY = 5


class MacroKind(StrEnum):
    """The releases that the rules know."""

    FOMC = "FOMC"
    CPI = "CPI"
    PPI = "PPI"
    NFP = "NFP"


_KINDS_WITH_WINDOWS = (MacroKind.CPI, MacroKind.PPI, MacroKind.NFP)
_KIND_ORDER = {kind: number for number, kind in enumerate(MacroKind)}


@dataclass(frozen=True, slots=True)
class MacroEvent:
    """One release: its kind, its instant in UTC and since when it is known."""

    kind: MacroKind
    at: datetime
    is_scheduled: bool = True
    known_from: date | None = None
    is_provisional: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is not UTC:
            raise ValueError(f"{self.kind} of {self.at} must be given in UTC")
        if not self.is_scheduled and self.known_from is None:
            raise ValueError(f"{self.kind} of {self.at} is unscheduled and needs known_from")
        if not self.is_scheduled and self.is_provisional:
            raise ValueError(f"{self.kind} of {self.at} cannot be unscheduled and provisional")

    @property
    def date_et(self) -> date:
        """Return the exchange date of the release."""
        return self.at.astimezone(exchange_zone()).date()

    def is_known(self, known_at: datetime) -> bool:
        """Tell whether somebody deciding at `known_at` may reckon with this event.

        An event announced on its own day is its own announcement: not known before it happens.
        """
        if self.is_scheduled or self.known_from is None:
            return True
        if self.known_from >= self.date_et:
            return self.at <= known_at
        return self.known_from <= known_at.astimezone(exchange_zone()).date()


def _order(event: MacroEvent) -> tuple[datetime, int]:
    return event.at, _KIND_ORDER[event.kind]


class MacroCalendar:
    """All releases of a file, in order of time, with windows beyond their end."""

    def __init__(self, events: Iterable[MacroEvent]) -> None:
        self.events = tuple(sorted(events, key=_order))
        if any(event.is_provisional for event in self.events):
            raise ValueError("provisional windows are derived, not given")
        self._instants = tuple(event.at for event in self.events)
        ends = {event.kind: event.date_et for event in self.events if event.is_scheduled}
        self._coverage = {kind: ends[kind] for kind in MacroKind if kind in ends}
        self._windows = dict(self._find_windows())
        starts = [_month_after(self._coverage[kind]) for kind in self._windows]
        self._windows_start_at = _utc(min(starts), time()) if starts else None

    @classmethod
    def from_toml(cls, text: str, source_name: str = "macro_events.toml") -> "MacroCalendar":
        """Return the calendar written in the text of a macro file.

        Raises:
            ConfigError: the text is no TOML, or a key, date or time is missing or malformed.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source_name} is no valid TOML: {error}.") from error
        events: list[MacroEvent] = []
        for name, table in tables.items():
            events.extend(_KindTable(source_name, name, table).events())
        return cls(events)

    def published(self, after: datetime, until: datetime) -> tuple[MacroEvent, ...]:
        """Return the events in (after, until] that stand in the file, known or not."""
        first = bisect_right(self._instants, after)
        return self.events[first : bisect_right(self._instants, until, lo=first)]

    def between(
        self, after: datetime, until: datetime, known_at: datetime
    ) -> tuple[MacroEvent, ...]:
        """Return the events in (after, until] that a decision at `known_at` may reckon with.

        Provisional days beyond the published dates are among them.
        """
        known = tuple(event for event in self.published(after, until) if event.is_known(known_at))
        if self._windows_start_at is None or until < self._windows_start_at:
            return known
        return tuple(sorted((*known, *self._provisional(after, until)), key=_order))

    def coverage(self) -> dict[MacroKind, date]:
        """Return the last published date of each kind, exchange dates."""
        return dict(self._coverage)

    def warnings(self, today: date, minimum_days: int = 60) -> tuple[str, ...]:
        """Return one sentence for each kind whose published dates end within `minimum_days`."""
        return tuple(
            _coverage_warning(kind, end, (end - today).days)
            for kind, end in self._coverage.items()
            if (end - today).days < minimum_days
        )

    def _find_windows(self) -> Iterator[tuple[MacroKind, tuple[int, int]]]:
        for kind, last in self._coverage.items():
            if kind not in _KINDS_WITH_WINDOWS:
                continue
            # The 28th exists in every month, the 29th of February only in some.
            since = date(last.year - _WINDOW_YEARS, last.month, min(last.day, 28))
            days = [
                event.date_et.day
                for event in self.events
                if event.kind is kind and event.is_scheduled and event.date_et > since
            ]
            yield kind, (min(days), max(days))

    def _provisional(self, after: datetime, until: datetime) -> Iterator[MacroEvent]:
        day = after.astimezone(exchange_zone()).date()
        last = until.astimezone(exchange_zone()).date()
        while day <= last:
            for kind, (least, greatest) in self._windows.items():
                is_beyond = day >= _month_after(self._coverage[kind])
                if is_beyond and least <= day.day <= greatest and day.weekday() < _SATURDAY:
                    at = _utc(day, _PROVISIONAL_AT_ET)
                    if after < at <= until:
                        yield MacroEvent(kind, at, is_provisional=True)
            day += timedelta(days=1)


def _coverage_warning(kind: MacroKind, end: date, days_left: int) -> str:
    if days_left >= 0:
        state = f"{kind} dates are published until {end} only, {days_left} days from now"
    else:
        state = f"{kind} dates ended on {end}, {-days_left} days ago"
    return f"{state}: {FOMC_REMEDY if kind is MacroKind.FOMC else REMEDY}."


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _utc(day: date, at_et: time) -> datetime:
    return datetime.combine(day, at_et, exchange_zone()).astimezone(UTC)


_SHAPES: Mapping[type, str] = {
    date: "a date such as 2018-02-14",
    time: "a time such as 08:30:00",
    datetime: "a date and time such as 2020-03-03T10:00:00",
    str: "a text in quotes",
    list: "a list of tables",
    dict: "a table",
}


class _KindTable:
    """Reads the table of one kind; every complaint names file, key, value and remedy."""

    _REQUIRED = ("expires", "source", "times", "dates")
    _OPTIONAL = ("times_on", "unscheduled")

    def __init__(self, source_name: str, name: str, table: Any) -> None:
        self._file = source_name
        self._name = name
        kinds = {kind.value.lower(): kind for kind in MacroKind}
        if name not in kinds:
            raise self._wrong(name, f"is no known kind: use one of {', '.join(kinds)}")
        if not isinstance(table, dict):
            raise self._wrong(name, f"is {table!r}: make it a table, [{name}]")
        for key in self._REQUIRED:
            if key not in table:
                raise self._wrong(f"{name}.{key}", "is missing: add it")
        for key in table:
            if key not in (*self._REQUIRED, *self._OPTIONAL):
                raise self._wrong(f"{name}.{key}", "is no known key: remove it")
        self._kind = kinds[name]
        self._table: Mapping[str, Any] = table

    def events(self) -> Iterator[MacroEvent]:
        days = self._dates()
        self._check_expiry(days)
        times, times_on = self._times(), self._times_on(days)
        for day in days:
            at_et = times_on.get(day)
            yield MacroEvent(self._kind, _utc(day, self._time_of(day, times, at_et)))
        yield from self._unscheduled()

    def _dates(self) -> list[date]:
        table = self._typed(f"{self._name}.dates", self._table["dates"], dict)
        days: list[date] = []
        for year, text in table.items():
            key = f"{self._name}.dates.{year}"
            parts = self._typed(key, text, str).split()
            days.extend(self._day(key, year, part) for part in parts)
        if not days:
            raise self._wrong(f"{self._name}.dates", "is empty: give at least one date")
        for earlier, later in pairwise(days):
            if earlier >= later:
                key = f"{self._name}.dates.{later.year}"
                raise self._wrong(key, f"has {later} after {earlier}: sort, each date once")
        return days

    def _day(self, key: str, year: str, part: str) -> date:
        try:
            return date.fromisoformat(f"{year}-{part}")
        except ValueError as error:
            raise self._wrong(key, f"has {part!r}, which is no date: write MM-DD") from error

    def _check_expiry(self, days: list[date]) -> None:
        key = f"{self._name}.expires"
        expires = self._typed(key, self._table["expires"], date)
        if expires != days[-1]:
            raise self._wrong(key, f"is {expires}: make it the last date listed, {days[-1]}")

    def _times(self) -> list[tuple[date, time]]:
        key = f"{self._name}.times"
        rows = self._typed(key, self._table["times"], list)
        times: list[tuple[date, time]] = []
        for row in rows:
            table = self._typed(key, row, dict)
            start = self._typed(f"{key}.from", table.get("from"), date)
            times.append((start, self._typed(f"{key}.at_et", table.get("at_et"), time)))
        return sorted(times, reverse=True)

    def _times_on(self, days: list[date]) -> dict[date, time]:
        key = f"{self._name}.times_on"
        table = self._typed(key, self._table.get("times_on", {}), dict)
        by_text = {day.isoformat(): day for day in days}
        for text in table:
            if text not in by_text:
                raise self._wrong(f"{key}.{text}", "is no date of the list: correct or remove it")
        return {
            by_text[text]: self._typed(f"{key}.{text}", at_et, time)
            for text, at_et in table.items()
        }

    def _time_of(self, day: date, times: list[tuple[date, time]], special: time | None) -> time:
        if special is not None:
            return special
        for start, at_et in times:
            if start <= day:
                return at_et
        key = f"{self._name}.times"
        raise self._wrong(key, f"gives no time for {day}: add one that starts on or before it")

    def _unscheduled(self) -> Iterator[MacroEvent]:
        key = f"{self._name}.unscheduled"
        for row in self._typed(key, self._table.get("unscheduled", []), list):
            table = self._typed(key, row, dict)
            at_et = self._typed(f"{key}.at_et", table.get("at_et"), datetime)
            known_from = self._typed(f"{key}.known_from", table.get("known_from"), date)
            at = _utc(at_et.date(), at_et.time())
            yield MacroEvent(self._kind, at, is_scheduled=False, known_from=known_from)

    def _typed(self, key: str, value: Any, wanted: type[_T]) -> _T:
        # Not isinstance: a TOML date-time would pass as a date.
        if type(value) is wanted:
            return value
        if value is None:
            raise self._wrong(key, f"is missing: add {_SHAPES[wanted]}")
        raise self._wrong(key, f"is {value!r}: write {_SHAPES[wanted]}")

    def _wrong(self, key: str, complaint: str) -> ConfigError:
        return ConfigError(f"{self._file}: {key} {complaint}.")
