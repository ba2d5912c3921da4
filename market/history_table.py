"""Reads one CSV file of dated rows and checks every row; nothing untrusted gets past it.

Rules of this file:
- The first bad line wins; within a line the checks run in the order: date, numbers, price above
  0, high/low/close, duplicate, order, session. Gaps are told when all lines are good by themselves.
- Each error names file, line, value and remedy.
- An empty cell, `.` and `nan` mean "no value" (`.` is how FRED and Cboe write a holiday).
- A row whose `is_nyse_session` says False is dropped, as is a row without values on a holiday.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from market.errors import HistoryError
from market.quotes import FloatArray

IntArray = NDArray[np.int64]

_NO_VALUE = frozenset({"", ".", "nan", "NaN"})
_ISO_LENGTH = 10


@dataclass(frozen=True, slots=True)
class FileShape:
    """How one CSV file looks and how strict its reader is.

    `columns` must be in the header, and of `one_of` at least one; `optional` ones are read where
    they are. `filled` are the columns that may not be empty on a session; `has_every_session`
    refuses gaps; `is_ohlc` checks high and low.
    Only where `is_by_session` must every day with a number be a session.
    Where the column `trust_column` says False, only the `filled` columns of the row are believed.
    """

    file_name: str
    columns: tuple[str, ...]
    one_of: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    date_column: str = "date"
    trust_column: str = ""
    must_be_positive: bool = True
    has_every_session: bool = False
    is_ohlc: bool = False
    is_by_session: bool = True
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file that were kept: proleptic ordinals of the days, and a column each."""

    ordinals: IntArray
    columns: Mapping[str, FloatArray]

    def aligned(self, column: str, sessions: IntArray) -> FloatArray:
        """Return `column` on the days `sessions` (ordinals), NaN where the file has no row."""
        out = np.full(len(sessions), np.nan)
        if column in self.columns:
            _, here, there = np.intersect1d(
                sessions, self.ordinals, assume_unique=True, return_indices=True
            )
            out[here] = self.columns[column][there]
        return out

    def days(self) -> tuple[date, ...]:
        """Return the days as dates."""
        return tuple(date.fromordinal(int(ordinal)) for ordinal in self.ordinals)


def read_table(path: Path, shape: FileShape, positions: Mapping[date, int]) -> Table:
    """Read one CSV file; `positions` numbers the sessions of the exchange calendar.

    Raises:
        HistoryError: the file cannot be read or breaks a rule of its shape.
    """
    lines = _lines(path)
    _, header = next(lines, (0, []))
    layout = _layout(shape, [name.strip() for name in header])
    rows = _Rows(shape, layout, positions)
    for line, cells in lines:
        if cells:
            rows.take(line, cells)
    if rows.gap is not None:
        raise rows.gap
    if not rows.ordinals:
        raise HistoryError(f"{shape.file_name} holds no usable row; fill it or remove the file.")
    block = np.array(rows.values, dtype=np.float64).reshape(-1, len(layout.names))
    return Table(
        np.array(rows.ordinals, dtype=np.int64),
        {name: np.ascontiguousarray(block[:, i]) for i, name in enumerate(layout.names)},
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for cells in reader:
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as trouble:
        raise HistoryError(
            f"{path.name} cannot be read as a CSV file ({trouble}); replace it by UTF-8 text."
        ) from trouble


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the wanted cells of a row stand."""

    width: int
    day: int
    names: tuple[str, ...]
    cells: tuple[int, ...]
    is_session: int | None
    trust: int | None


def _layout(shape: FileShape, header: Sequence[str]) -> _Layout:
    for name in (shape.date_column, *shape.columns):
        if name not in header:
            raise HistoryError(
                f"{shape.file_name} has no column {name!r}"
                f" (it has {_listed(header)}); add the column."
            )
    either = tuple(name for name in shape.one_of if name in header)
    if shape.one_of and not either:
        raise HistoryError(
            f"{shape.file_name} has none of the columns {', '.join(shape.one_of)}"
            f" (it has {_listed(header)}); add one of them."
        )
    present = tuple(name for name in shape.optional if name in header)
    names = shape.columns + either + present
    where = {name: position for position, name in enumerate(header)}
    return _Layout(
        width=len(header),
        day=where[shape.date_column],
        names=names,
        cells=tuple(where[name] for name in names),
        is_session=where.get("is_nyse_session"),
        trust=where.get(shape.trust_column) if shape.trust_column else None,
    )


def _listed(header: Sequence[str]) -> str:
    shown = ", ".join(name[:24] for name in header[:12] if name.isprintable())
    return shown or "no readable header"


class _Rows:
    """Takes the rows of one file in turn and keeps the good ones."""

    def __init__(self, shape: FileShape, layout: _Layout, positions: Mapping[date, int]) -> None:
        self.ordinals: list[int] = []
        self.values: list[tuple[float, ...]] = []
        self._shape = shape
        self._layout = layout
        self._positions = positions
        self._filled = tuple(layout.names.index(name) for name in shape.filled)
        self._seen: set[date] = set()
        self._last_day = date.min
        self._last_position: int | None = None
        # Told last: a row out of order also looks like a gap, and the order is then the cause.
        self.gap: HistoryError | None = None

    def take(self, line: int, cells: Sequence[str]) -> None:
        """Check one row and keep it, unless it is to be dropped."""
        layout = self._layout
        if len(cells) != layout.width:
            raise HistoryError(
                f"{self._shape.file_name}, line {line}: the header names {layout.width} cells,"
                f" the line has {len(cells)}; mend the line."
            )
        day = self._day(line, cells[layout.day].strip())
        if _denies(cells, layout.is_session):
            return
        values = self._numbers(line, day, cells)
        if _denies(cells, layout.trust):
            values = tuple(v if i in self._filled else math.nan for i, v in enumerate(values))
        if self._shape.is_ohlc:
            self._check_range(line, day, values)
        self._check_order(line, day)
        if self._belongs(line, day, values):
            self.ordinals.append(day.toordinal())
            self.values.append(values)

    def _fault(self, line: int, day: date, what: str) -> HistoryError:
        return HistoryError(f"{self._shape.file_name}, line {line} ({day}): {what}.")

    def _day(self, line: int, text: str) -> date:
        # fromisoformat also reads week dates and bare digits, which are typing errors here.
        is_plain = len(text) == _ISO_LENGTH and text[4] == text[7] == "-"
        try:
            if is_plain:
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise HistoryError(
            f"{self._shape.file_name}, line {line}: {text[:40]!r} is no date;"
            " write it as YYYY-MM-DD."
        )

    def _numbers(self, line: int, day: date, cells: Sequence[str]) -> tuple[float, ...]:
        values = tuple([self._number(line, day, cells[cell]) for cell in self._layout.cells])
        if self._shape.must_be_positive:
            for name, value in zip(self._layout.names, values, strict=True):
                if value <= 0:
                    raise self._fault(
                        line, day, f"{name} is {value:g} but must be above 0; correct the value"
                    )
        return values

    def _number(self, line: int, day: date, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            if text.strip() in _NO_VALUE:
                return math.nan
            value = math.inf
        if math.isinf(value):
            raise self._fault(
                line, day, f"{text[:40]!r} is no number; correct it or leave the cell empty"
            )
        return value

    def _check_range(self, line: int, day: date, values: Sequence[float]) -> None:
        _, high, low, close = values
        if high < low:
            raise self._fault(
                line, day, f"high {high:g} is below low {low:g}; correct the two values"
            )
        # Half a percent of slack: some vendors' highs and lows miss the closing print.
        if close > high * 1.005 or close < low * 0.995:
            raise self._fault(
                line,
                day,
                f"close {close:g} lies outside low {low:g} … high {high:g}; correct the row",
            )

    def _check_order(self, line: int, day: date) -> None:
        if day in self._seen:
            raise self._fault(line, day, "the date stands twice; remove one of the rows")
        if day < self._last_day:
            raise self._fault(
                line, day, f"the date comes after {self._last_day}; sort the rows by date"
            )
        self._seen.add(day)
        self._last_day = day

    def _belongs(self, line: int, day: date, values: Sequence[float]) -> bool:
        if not self._shape.is_by_session:
            return True
        position = self._positions.get(day)
        if position is None:
            if not all(map(math.isnan, values)):
                raise self._fault(
                    line, day, "a number on a day that is no NYSE session; remove the row"
                )
            return False
        for index in self._filled:
            if math.isnan(values[index]):
                raise self._fault(
                    line, day, f"{self._layout.names[index]} is empty; fill the cell in"
                )
        if self._shape.has_every_session:
            self._note_gap(line, day, position)
        return True

    def _note_gap(self, line: int, day: date, position: int) -> None:
        before, self._last_position = self._last_position, position
        if self.gap is not None or before is None or position == before + 1:
            return
        last_kept = date.fromordinal(self.ordinals[-1])
        self.gap = self._fault(
            line,
            day,
            f"sessions missing between {last_kept} and this row: {position - before - 1};"
            " add their rows",
        )


def _denies(cells: Sequence[str], flag: int | None) -> bool:
    return flag is not None and cells[flag].strip().lower() == "false"
