"""What a folder of history (or the built-in one) has: ranges, holes, origin, releases to come."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from bot.data.cache import checksum, read_manifest
from bot.data.kinds import FILE_KINDS, MACRO_FILE_NAME, FileKind, read_macro
from bot.series import ABSENT, HAS_MODEL, MODELLED, REAL
from market.errors import HistoryError, UserMistake
from market.history import History, builtin_history
from market.history_files import RATES_SHAPE, first_known, read_vx
from market.history_table import Table, read_table
from market.macro import MacroCalendar
from market.minutes import BAR_FILE_NAMES
from market.sessions import SessionCalendar

WRONG = "wrong"
_WITHOUT_SESSIONS = frozenset({"reer", "vix_settlements"})
_COLUMN_TOLD = {"breadth": "advances", "reer": "us_reer_bis_broad"} | {
    "vix_settlements": "final_settlement_soq"
}


@dataclass(frozen=True, slots=True)
class Hole:
    """A run of sessions without a value."""

    first: date
    last: date
    sessions: int


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """One series: `state` is real, modelled (a model stands in), absent or wrong."""

    name: str
    file: str | None
    state: str
    values: int = 0
    first: date | None = None
    last: date | None = None
    holes: tuple[Hole, ...] = ()
    origin: str | None = None
    fault: str | None = None


def data_status(
    folder: Path | None, calendar: SessionCalendar, shipped_macro: MacroCalendar, today: date
) -> dict[str, Any]:
    """Return what there is, as plain values.

    Raises:
        HistoryError: the folder is none, or its manifest cannot be read.
    """
    if folder is None:
        series = _builtin(builtin_history(), calendar)
    elif folder.is_dir():
        series = _in_folder(folder, calendar)
    else:
        raise HistoryError(
            f"--data {folder} is no folder; make one by `alvh data download --data {folder}`."
        )
    bars = [] if folder is None else [n for n in BAR_FILE_NAMES if (folder / n).exists()]
    return {
        "folder": None if folder is None else str(folder),
        "series": [_plain(status) for status in series],
        "bar_files": bars,
        "macro": _macro(folder, shipped_macro, today),
    }


def holes_among(days: Iterable[date], calendar: SessionCalendar) -> tuple[Hole, ...]:
    """Return the runs of sessions between the first and the last of `days` that are not in it."""
    known = sorted(days)
    missing: list[list[date]] = []
    if not known:
        return ()
    present, was_missing = frozenset(known), False
    for session in calendar.between(known[0], known[-1]):
        is_missing = session not in present
        if is_missing and was_missing:
            missing[-1].append(session)
        elif is_missing:
            missing.append([session])
        was_missing = is_missing
    return tuple(Hole(run[0], run[-1], len(run)) for run in missing)


def _in_folder(folder: Path, calendar: SessionCalendar) -> list[SeriesStatus]:
    manifest = read_manifest(folder)
    positions = {day: number for number, day in enumerate(calendar.dates)}
    found: list[SeriesStatus] = []
    for kind in FILE_KINDS.values():
        if kind.file_name == MACRO_FILE_NAME:
            continue
        path = folder / kind.file_name
        if not path.exists():
            found.append(_missing(kind.series, kind.file_name))
            continue
        origin = _origin(path, manifest.get(kind.file_name))
        try:
            days = _days(kind, path, positions)
        except UserMistake as error:
            fault = str(error)
            found.append(
                SeriesStatus(kind.series, kind.file_name, WRONG, origin=origin, fault=fault)
            )
            continue
        found.append(_present(kind.series, kind.file_name, days, calendar, origin))
    return found


def _builtin(history: History, calendar: SessionCalendar) -> list[SeriesStatus]:
    columns = {"spx": history.spx_close, "vix": history.vix_close}
    found = []
    for kind in FILE_KINDS.values():
        if kind.series in columns:
            has_value = ~np.isnan(columns[kind.series])
            days = [day for day, has in zip(history.sessions, has_value, strict=True) if has]
            found.append(_present(kind.series, None, days, calendar, history.source))
        elif kind.file_name != MACRO_FILE_NAME:
            found.append(_missing(kind.series, None))
    return found


def _missing(series: str, file_name: str | None) -> SeriesStatus:
    return SeriesStatus(series, file_name, MODELLED if series in HAS_MODEL else ABSENT)


def _present(
    series: str,
    file_name: str | None,
    days: Sequence[date],
    calendar: SessionCalendar,
    origin: str | None,
) -> SeriesStatus:
    if not days:
        return _missing(series, file_name)
    holes = () if series in _WITHOUT_SESSIONS else holes_among(days, calendar)
    return SeriesStatus(series, file_name, REAL, len(days), days[0], days[-1], holes, origin)


def _days(kind: FileKind, path: Path, positions: Mapping[date, int]) -> list[date]:
    """Return the days on which a file has its value."""
    if kind.shape is None:
        sessions = np.unique(read_vx(path, positions).sessions)
        return [date.fromordinal(day) for day in sessions.tolist()]
    table = read_table(path, kind.shape, positions)
    has_value = ~np.isnan(_column_told(kind.series, table))
    days = [day for day, has in zip(table.days(), has_value, strict=True) if has]
    if kind.series in _WITHOUT_SESSIONS:
        return days
    return [day for day in days if day in positions]


def _column_told(series: str, table: Table) -> Any:
    if series == "rates":
        return first_known([table.columns[n] for n in RATES_SHAPE.one_of if n in table.columns])
    return table.columns[_COLUMN_TOLD.get(series, "close")]


def _origin(path: Path, entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    told = f"{entry.get('source')}, {entry.get('at')}"
    return told if entry.get("sha256") == checksum(path) else f"{told}; changed since"


def _plain(status: SeriesStatus) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    return {key: plain(value) for key, value in asdict(status).items()}


def _macro(folder: Path | None, shipped: MacroCalendar, today: date) -> dict[str, Any]:
    own = None if folder is None else folder / MACRO_FILE_NAME
    fault = None
    macro = shipped
    if own is not None and own.exists():
        try:
            macro = read_macro(own)
        except UserMistake as error:
            fault = str(error)
    else:
        own = None
    return {
        "file": None if own is None else str(own),
        "fault": fault,
        "coverage": {
            kind.value: {"until": end.isoformat(), "days_left": (end - today).days}
            for kind, end in macro.coverage().items()
        },
        "warnings": list(macro.warnings(today)),
    }
