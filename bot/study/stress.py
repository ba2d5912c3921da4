"""Named weeks of stress: what the condors lost and what the hedge gained in each.

Each window is replayed on a fresh account that started six months before, so that what happened
years earlier neither helps nor hurts; and in three ways: as the method trades on the expiries
listed then, with an expiry every session, and so without the VIX gate, which shows the hedge
against condors that were really there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot.study.runs import RunSpec
from bot.study.tables import SessionRow, Tables
from bot.study.variants import all_variants
from market.sessions import SessionCalendar

WARMUP_SESSIONS = 126
MODES = {"listed": "base", "daily": "hypothetical", "ungated": "ungated_daily"}


@dataclass(frozen=True, slots=True)
class StressWindow:
    """A span of stress by name, both dates included."""

    name: str
    first: date
    last: date


WINDOWS = (
    StressWindow("2008-09 … 2008-11", date(2008, 9, 2), date(2008, 11, 28)),
    StressWindow("2010-05", date(2010, 5, 3), date(2010, 5, 28)),
    StressWindow("2011-08", date(2011, 8, 1), date(2011, 8, 31)),
    StressWindow("2015-08", date(2015, 8, 3), date(2015, 8, 31)),
    StressWindow("2018-02", date(2018, 2, 1), date(2018, 2, 28)),
    StressWindow("2018-12", date(2018, 12, 3), date(2018, 12, 31)),
    StressWindow("2020-02 … 2020-03", date(2020, 2, 18), date(2020, 3, 31)),
    StressWindow("2022", date(2022, 1, 3), date(2022, 12, 30)),
    StressWindow("2024-08-05", date(2024, 7, 31), date(2024, 8, 16)),
    StressWindow("2025-04", date(2025, 4, 1), date(2025, 4, 30)),
)


@dataclass(frozen=True, slots=True)
class StressPath:
    """A window's daily cumulated dollars of condors and hedge in one mode."""

    window: StressWindow
    mode: str
    sessions: tuple[date, ...]
    condor_usd: tuple[float, ...]
    hedge_usd: tuple[float, ...]


def stress_specs(
    base: RunSpec, calendar: SessionCalendar, first: date, last: date
) -> dict[str, RunSpec]:
    """Return the run of every window and mode that the history from `first` to `last` covers."""
    overrides = all_variants()
    specs = {}
    for window in WINDOWS:
        if not covers(window, first, last):
            continue
        opened = calendar.index(calendar.on_or_after(window.first)) - WARMUP_SESSIONS
        start = max(calendar.dates[max(opened, 0)], first)
        end = calendar.on_or_before(window.last)
        for mode, variant in MODES.items():
            spec = replace(base, first=start, last=end)
            specs[key_of(window, mode)] = spec.with_overrides(*overrides[variant])
    return specs


def covers(window: StressWindow, first: date, last: date) -> bool:
    """Tell whether a history reaches over a whole window."""
    return first < window.first and window.last <= last


def key_of(window: StressWindow, mode: str) -> str:
    """Return the name of a window's run."""
    return f"stress {window.name} {mode}"


def path_of(window: StressWindow, mode: str, tables: Tables) -> StressPath:
    """Return the dollars of condors and hedge since the evening before the window."""
    rows = tables.sessions
    inside = [row for row in rows if window.first <= row.session <= window.last]
    before = [row for row in rows if row.session < window.first][-1]
    condor = [row.condor_nlv_usd - before.condor_nlv_usd for row in inside]
    hedge = [_hedge(row) - _hedge(before) for row in inside]
    return StressPath(
        window,
        mode,
        tuple(row.session for row in inside),
        tuple(round(value, 2) for value in condor),
        tuple(round(value, 2) for value in hedge),
    )


def _hedge(row: SessionRow) -> float:
    return row.nlv_usd - row.condor_nlv_usd


def stress_rows(found: Mapping[str, Tables], first: date, last: date) -> list[dict[str, Any]]:
    """Return every window with its dollars, or with the reason why it is not covered."""
    return [_row(window, found, first, last) for window in WINDOWS]


def _row(
    window: StressWindow, found: Mapping[str, Tables], first: date, last: date
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": window.name,
        "from": window.first.isoformat(),
        "to": window.last.isoformat(),
    }
    if not covers(window, first, last):
        why = f"the history at hand runs from {first} to {last}"
        nothing = dict.fromkeys(("condor_usd", "hedge_usd", "net_usd", "vix_peak", "spx_frac"))
        return (
            told
            | {"is_covered": False, "reason": why}
            | nothing
            | {"daily": None}
            | {"ungated": None}
        )
    listed = found[key_of(window, "listed")]
    rows = [row for row in listed.sessions if window.first <= row.session <= window.last]
    before = [row for row in listed.sessions if row.session < window.first][-1]
    return (
        told
        | {"is_covered": True, "reason": None}
        | _dollars(window, "listed", found)
        | {
            "vix_peak": max(row.vix for row in rows),
            "spx_frac": round(min(row.spx for row in rows) / before.spx - 1.0, 4),
            "daily": _dollars(window, "daily", found),
            "ungated": _dollars(window, "ungated", found),
        }
    )


def _dollars(window: StressWindow, mode: str, found: Mapping[str, Tables]) -> dict[str, float]:
    path = path_of(window, mode, found[key_of(window, mode)])
    condor, hedge = path.condor_usd[-1], path.hedge_usd[-1]
    return {
        "condor_usd": condor,
        "hedge_usd": hedge,
        "net_usd": round(condor + hedge, 2),
    }
