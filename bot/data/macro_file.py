"""From a calendar of releases (iCalendar, RFC 5545) to the macro file of a folder of history.

Rules of this file:
- What the kept file says stays as it is; only dates after its last one of a kind are added.
- A coming date of which the publisher now says otherwise is told, not changed.
- The publisher's times are those of Washington, which are the exchange's.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from market.errors import HistoryError
from market.sessions import exchange_zone

# The longest gap ever published is 76 days (PPI, autumn of 2025); more is a torn calendar.
_LONGEST_GAP = timedelta(days=100)
_FURTHEST = timedelta(days=800)
_USUAL_TIME_ET = time(8, 30)
_SATURDAY = 5

Releases = dict[str, dict[date, time]]
"""Exchange time of each release by kind and exchange date."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The text of the renewed file, what was added by kind, and what a person should know."""

    text: str
    added: Mapping[str, int]
    notes: tuple[str, ...]


def read_releases(body: bytes, summaries: Mapping[str, str], origin: str) -> Releases:
    """Return the releases in the text of a calendar; `summaries` names each kind's events.

    Raises:
        HistoryError: it is no whole calendar, or holds no release of one of the kinds.
    """
    from icalendar import Calendar  # noqa: PLC0415 - used by this command only

    if not body.strip().endswith(b"END:VCALENDAR"):
        raise HistoryError(f"{origin} is no whole iCalendar file.")
    try:
        calendar = Calendar.from_ical(body)
        events = [
            (str(e.get("SUMMARY", "")), e.decoded("DTSTART")) for e in calendar.walk("VEVENT")
        ]
    except (ValueError, KeyError, AttributeError) as trouble:
        raise HistoryError(f"{origin} is no iCalendar file ({trouble}).") from trouble
    releases: Releases = {kind: {} for kind in summaries}
    for summary, start in events:
        for kind, name in summaries.items():
            if _is_release(summary, name):
                day, at_et = _exchange_time(start, origin)
                releases[kind][day] = at_et
    for kind, days in releases.items():
        if not days:
            raise HistoryError(f"{origin} holds no release called {summaries[kind]!r}.")
    return releases


def renewed(text: str, releases: Releases, origin: str, today: date) -> Renewed:
    """Return a macro file with the dates added that come after its last ones.

    Raises:
        HistoryError: a date cannot be a release's.
    """
    tables = tomllib.loads(text)
    added: dict[str, int] = {}
    notes: list[str] = []
    for kind, days in releases.items():
        table = tables[kind]
        known = _known(table)
        newer = {day: at_et for day, at_et in sorted(days.items()) if day > table["expires"]}
        _check(kind, known, newer, origin, today)
        notes += _differences(kind, known, days, today)
        added[kind] = len(newer)
        if newer:
            _add(table, newer)
    return Renewed(_toml(tables), added, tuple(notes))


def _is_release(summary: str, name: str) -> bool:
    told, wanted = summary.strip().casefold(), name.casefold()
    return told == wanted or told.startswith(f"{wanted} for ")


def _exchange_time(start: Any, origin: str) -> tuple[date, time]:
    # What cannot be read as a time comes out of the parser as text.
    if not isinstance(start, date):
        raise HistoryError(f"{origin} has a release on {start!s}, which is no date.")
    if not isinstance(start, datetime):
        return start, _USUAL_TIME_ET
    local = start if start.tzinfo is None else start.astimezone(exchange_zone())
    return local.date(), local.time().replace(tzinfo=None)


def _known(table: Mapping[str, Any]) -> list[date]:
    return [
        date.fromisoformat(f"{year}-{part}")
        for year, text in table["dates"].items()
        for part in text.split()
    ]


def _check(
    kind: str, known: list[date], newer: Mapping[date, time], origin: str, today: date
) -> None:
    for earlier, later in pairwise((known[-1], *newer)):
        if later - earlier > _LONGEST_GAP:
            raise HistoryError(f"{origin} has no {kind.upper()} between {earlier} and {later}.")
        if later.weekday() >= _SATURDAY or later - today > _FURTHEST:
            raise HistoryError(f"{origin} has {kind.upper()} on {later}, which cannot be.")


def _differences(
    kind: str, known: list[date], days: Mapping[date, time], today: date
) -> Iterator[str]:
    kept = {day for day in known if day >= today}
    if kept:
        span = {day for day in days if today <= day <= known[-1]}
        for day in sorted(kept - span):
            yield f"{kind.upper()} of {day} is kept, but the publisher does not list it."
        for day in sorted(span - kept):
            yield f"{kind.upper()} of {day} is listed by the publisher, but not in the kept file."


def _add(table: dict[str, Any], newer: Mapping[date, time]) -> None:
    usual = max(table["times"], key=lambda row: row["from"])["at_et"]
    for day, at_et in newer.items():
        year = str(day.year)
        text = f"{table['dates'].get(year, '')} {day:%m-%d}"
        table["dates"][year] = text.strip()
        if at_et != usual:
            table.setdefault("times_on", {})[day.isoformat()] = at_et
    table["expires"] = max(newer)


def _toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        "# Releases that move the market, exchange dates and times; written by",
        "# `alvh data download macro` from the shipped dates and the publisher's newer ones.",
    ]
    for kind, table in tables.items():
        lines += ["", f"[{kind}]"]
        lines += [f"{key} = {_value(table[key])}" for key in ("expires", "source")]
        lines += [line for row in table["times"] for line in _row(f"{kind}.times", row)]
        if table.get("times_on"):
            lines += ["", f"[{kind}.times_on]"]
            lines += [f"{day} = {_value(at_et)}" for day, at_et in table["times_on"].items()]
        lines += ["", f"[{kind}.dates]"]
        lines += [f"{year} = {_value(text)}" for year, text in table["dates"].items()]
        rows = table.get("unscheduled", [])
        lines += [line for row in rows for line in _row(f"{kind}.unscheduled", row)]
    return "\n".join(lines) + "\n"


def _row(name: str, row: Mapping[str, Any]) -> list[str]:
    return ["", f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in row.items())]


def _value(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value.isoformat())
