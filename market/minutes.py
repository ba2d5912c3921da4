"""Recorded bars of SPX and VIX within sessions: their files, their shape, day by day.

Rules of this file:
- Times are naive New York wall clock and name a bar's start; levels are index points.
- What was known at a bar's start is its open; high, low and close come later.
- Of several files the finest one that covers a day speaks for it. Bars outside the session and
  days that a file covers only in part are left out.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from market.errors import HistoryError
from market.history_table import IntArray
from market.quotes import FloatArray
from market.sessions import Session, exchange_zone

SPX_BAR_FILES: tuple[tuple[str, int], ...] = (
    ("spx_1min.parquet", 1),
    ("spx_5min.parquet", 5),
    ("spx_60min.parquet", 60),
)
VIX_BAR_FILES: tuple[tuple[str, int], ...] = (("vix_60min.parquet", 60),)
BAR_FILE_NAMES = tuple(name for name, _ in (*SPX_BAR_FILES, *VIX_BAR_FILES))

_LEAST_COVER_FRAC = 0.9
_COLUMNS = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class DayBars:
    """The bars of one session: length and starts in minutes after the open, levels in points."""

    bar_minutes: int
    starts: tuple[int, ...]
    opens: tuple[float, ...]
    highs: tuple[float, ...]
    lows: tuple[float, ...]
    closes: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class BarFile:
    """All bars of one file, sorted by start; `minutes` count from New York midnight."""

    bar_minutes: int
    days: IntArray
    minutes: IntArray
    levels: FloatArray

    @cached_property
    def _spans(self) -> dict[int, tuple[int, int]]:
        firsts = np.flatnonzero(np.diff(self.days, prepend=-1))
        ends = np.append(firsts[1:], len(self.days))
        spans = zip(firsts.tolist(), ends.tolist(), strict=True)
        return dict(zip(self.days[firsts].tolist(), spans, strict=True))

    def has(self, day: date) -> bool:
        """Tell whether any bar of a day is recorded."""
        return day.toordinal() in self._spans

    def day(self, session: Session) -> DayBars | None:
        """Return the bars inside a session, or None when the file does not cover it."""
        span = self._spans.get(session.date.toordinal())
        if span is None:
            return None
        opened = session.open_at.astimezone(exchange_zone())
        length = (session.cash_close_at - session.open_at) // timedelta(minutes=1)
        starts = self.minutes[slice(*span)] - (60 * opened.hour + opened.minute)
        inside = (starts >= 0) & (starts < length)
        if int(inside.sum()) * self.bar_minutes < _LEAST_COVER_FRAC * (length - self.bar_minutes):
            return None
        columns = (tuple(row) for row in self.levels[:, slice(*span)][:, inside].tolist())
        return DayBars(self.bar_minutes, tuple(starts[inside].tolist()), *columns)


@dataclass(frozen=True)
class MinuteBars:
    """The recorded bars of a history, finest files first."""

    spx_files: tuple[BarFile, ...] = ()
    vix_files: tuple[BarFile, ...] = ()

    def spx(self, session: Session) -> DayBars | None:
        """Return the finest bars of SPX that cover a session, or None."""
        return _first(self.spx_files, session)

    def has_spx(self, day: date) -> bool:
        """Tell whether any bar of SPX on a day is recorded."""
        return any(file.has(day) for file in self.spx_files)

    def vix(self, session: Session) -> DayBars | None:
        """Return the finest bars of VIX that cover a session, or None."""
        return _first(self.vix_files, session)


def _first(files: tuple[BarFile, ...], session: Session) -> DayBars | None:
    for file in files:
        found = file.day(session)
        if found is not None:
            return found
    return None


def read_minutes(folder: Path) -> MinuteBars | None:
    """Return the bars in a folder (Parquet: ts, open, high, low, close), None without such files.

    Raises:
        HistoryError: a file is no Parquet, lacks a column, or holds a bar that cannot be.
    """
    spx, vix = _files(folder, SPX_BAR_FILES), _files(folder, VIX_BAR_FILES)
    return MinuteBars(spx, vix) if spx or vix else None


def _files(folder: Path, names: tuple[tuple[str, int], ...]) -> tuple[BarFile, ...]:
    paths = ((folder / name, minutes) for name, minutes in names)
    return tuple(read_bars(path, minutes) for path, minutes in paths if os.path.exists(path))


def read_bars(path: Path, bar_minutes: int) -> BarFile:
    """Return the bars of one file.

    Raises:
        HistoryError: no Parquet file, a missing column, an impossible level, or a bar that stands
            twice.
    """
    rows = _parquet_rows(path)
    open_, high, low, close = (rows[name] for name in _COLUMNS)
    days, minutes = rows["day"], rows["minute"]
    is_positive = (open_ > 0) & (high > 0) & (low > 0) & (close > 0)
    _refuse(path, rows, ~is_positive, "a level that is absent or not above 0; correct the bar")
    is_torn = (low > np.minimum(open_, close)) | (high < np.maximum(open_, close))
    _refuse(path, rows, is_torn, "an open or close outside low … high; correct it")
    is_twin = np.zeros(len(days), dtype=np.bool_)
    is_twin[1:] = (np.diff(days) == 0) & (np.diff(minutes) == 0)
    _refuse(path, rows, is_twin, "the bar a second time; remove one of them")
    return BarFile(bar_minutes, days, minutes, np.array([open_, high, low, close]))


def _refuse(path: Path, rows: Mapping[str, Any], is_wrong: Any, what: str) -> None:
    if not is_wrong.any():
        return
    row = int(np.argmax(is_wrong))
    day, minute = int(rows["day"][row]), int(rows["minute"][row])
    shown = date.fromordinal(day).isoformat() if day > 0 else "unknown"
    raise HistoryError(
        f"{path.name}, bar {shown} {minute // 60:02}:{minute % 60:02}: holds {what}."
    )


def _parquet_rows(path: Path) -> dict[str, Any]:
    import duckdb  # noqa: PLC0415  # costs start-up time that most runs need not pay

    levels = ", ".join(f"{name}::DOUBLE AS {name}" for name in _COLUMNS)
    query = (
        "SELECT date_diff('day', DATE '0001-01-01', ts::DATE) + 1 AS day,"
        " 60 * hour(ts::TIMESTAMP) + minute(ts::TIMESTAMP) AS minute,"
        f" {levels} FROM read_parquet(?) ORDER BY day, minute"
    )
    try:
        with duckdb.connect() as connection:
            found = connection.execute(query, [str(path)]).fetchnumpy()
    except duckdb.Error as trouble:
        reason = str(trouble).splitlines()[0]
        raise HistoryError(
            f"{path.name} cannot be read ({reason}); it must be a Parquet file with the columns"
            f" ts, {', '.join(_COLUMNS)}."
        ) from trouble
    # A NULL arrives as a masked cell; as 0 or NaN it fails the checks of the caller.
    whole = {name: np.ma.filled(found[name], 0).astype(np.int64) for name in ("day", "minute")}
    return whole | {name: np.ma.filled(found[name], np.nan).astype(np.float64) for name in _COLUMNS}
