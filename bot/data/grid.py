"""Brings the CSV files of many vendors into the one form that the reader of history knows.

Rules of this file:
- Names of columns are compared without case, spaces and stars; lines before the header (a notice of
  terms) are passed over.
- Dates are YYYY-MM-DD, with a time after it or not, or month/day/year as in America.
- Rows may ascend or descend; numbers may have thousands commas. All else is left to the reader,
  which judges the values.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, pairwise

from market.errors import HistoryError
from market.history_table import FileShape

_DATE_NAMES = ("date", "day", "observation_date", "trade_date", "trading_date", "time")
_OTHER_NAMES = {"close/last": "close", "last": "close", "open_price": "open", "last_price": "close"}
_PRICES = ("open", "high", "low", "close")
_NO_VALUE = frozenset({".", "nan", "NaN"})
_LINES_BEFORE_HEADER = 5
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*)?")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_WITH_COMMAS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True, slots=True)
class Grid:
    """Dated rows of text cells, in order of date."""

    date_column: str
    columns: tuple[str, ...]
    rows: tuple[tuple[date, tuple[str, ...]], ...]

    @property
    def first(self) -> date:
        """Return the first date."""
        return self.rows[0][0]

    @property
    def last(self) -> date:
        """Return the last date."""
        return self.rows[-1][0]

    def column(self, name: str) -> dict[date, str]:
        """Return the cells of one column by date."""
        where = self.columns.index(name)
        return {day: cells[where] for day, cells in self.rows}

    def to_csv(self) -> bytes:
        """Return the rows as the reader of history wants them."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow((self.date_column, *self.columns))
        writer.writerows((day.isoformat(), *cells) for day, cells in self.rows)
        return out.getvalue().encode()


def read_grid(
    body: bytes, shape: FileShape, origin: str, renamed: Mapping[str, str] | None = None
) -> Grid:
    """Return the columns of a CSV file that `shape` knows; `renamed` adds names of columns.

    Raises:
        HistoryError: it is no CSV text with a column of dates, or a row is torn or has no date.
    """
    names = _OTHER_NAMES | {_plain(old): new for old, new in (renamed or {}).items()}
    lines = _lines(body, origin)
    header, day_at = _header(lines, shape, names, origin)
    wanted = _wanted(shape, header)
    rows = [
        (_day(cells[day_at], origin, line), tuple(_number(cells[at]) for at in wanted.values()))
        for line, cells in _whole(lines, len(header), origin)
    ]
    if not rows:
        raise HistoryError(f"{origin} holds no row; choose another file.")
    if len(rows) > 1 and all(later[0] < earlier[0] for earlier, later in pairwise(rows)):
        rows.reverse()
    return Grid(shape.date_column, tuple(wanted), tuple(rows))


def merged(old: Grid | None, new: Grid) -> Grid:
    """Return both grids as one, cell by cell: the new one is believed where it has a value.

    Raises:
        HistoryError: a date stands twice in one of them.
    """
    grids = (new,) if old is None else (old, new)
    columns = tuple(dict.fromkeys(name for grid in reversed(grids) for name in grid.columns))
    table: dict[date, dict[str, str]] = {}
    for grid in grids:
        if twice := _twice(grid):
            raise HistoryError(f"{twice} stands twice; remove one of the rows.")
        for day, cells in grid.rows:
            named = zip(grid.columns, cells, strict=True)
            table.setdefault(day, {}).update({name: cell for name, cell in named if cell})
    rows = ((day, tuple(row.get(name, "") for name in columns)) for day, row in table.items())
    return Grid(new.date_column, columns, tuple(sorted(rows)))


def _twice(grid: Grid) -> date | None:
    seen: set[date] = set()
    for day, _ in grid.rows:
        if day in seen:
            return day
        seen.add(day)
    return None


def without_impossible_opens(grid: Grid) -> Grid:
    """Return the grid with each open that lies outside its day's range left empty.

    Cboe's early VIX rows have such opens (1992-02-11: 19.24 above a high of 18.57).
    """
    if not set(_PRICES) <= set(grid.columns):
        return grid
    at = {name: grid.columns.index(name) for name in _PRICES}

    def mended(cells: tuple[str, ...]) -> tuple[str, ...]:
        try:
            opened, high, low = (float(cells[at[name]]) for name in ("open", "high", "low"))
        except ValueError:
            return cells
        is_possible = low <= opened <= high
        return tuple(
            "" if i == at["open"] and not is_possible else cell for i, cell in enumerate(cells)
        )

    rows = tuple((day, mended(cells)) for day, cells in grid.rows)
    return Grid(grid.date_column, grid.columns, rows)


def on_days(grid: Grid, days: Iterable[date], origin: str) -> Grid:
    """Return the rows of the grid on `days`.

    Raises:
        HistoryError: there is none.
    """
    kept = frozenset(days)
    rows = tuple(row for row in grid.rows if row[0] in kept)
    if not rows:
        raise HistoryError(f"{origin} holds no row on an NYSE session; choose another file.")
    return Grid(grid.date_column, grid.columns, rows)


def _lines(body: bytes, origin: str) -> Iterator[tuple[int, list[str]]]:
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except (UnicodeDecodeError, csv.Error) as trouble:
        raise HistoryError(f"{origin} is no CSV text in UTF-8 ({trouble}).") from trouble


def _header(
    lines: Iterator[tuple[int, list[str]]],
    shape: FileShape,
    names: Mapping[str, str],
    origin: str,
) -> tuple[list[str], int]:
    known = (shape.date_column, *_DATE_NAMES)
    seen: list[str] = []
    for _, cells in islice(lines, _LINES_BEFORE_HEADER):
        header = [names.get(_plain(cell), _plain(cell)) for cell in cells]
        for name in known:
            if name in header:
                return header, header.index(name)
        seen = seen or [name[:24] for name in header[:6] if name.isprintable()]
    shown = ", ".join(seen) or "nothing readable"
    raise HistoryError(
        f"{origin} has no column of dates (it begins with {shown}); name one {shape.date_column!r}."
    )


def _wanted(shape: FileShape, header: Sequence[str]) -> dict[str, int]:
    prices = _PRICES if "close" in shape.columns else ()
    flags = ("is_nyse_session", shape.trust_column)
    known = dict.fromkeys((*prices, *shape.columns, *shape.one_of, *shape.optional, *flags))
    return {name: header.index(name) for name in known if name in header}


def _whole(
    lines: Iterator[tuple[int, list[str]]], width: int, origin: str
) -> Iterator[tuple[int, list[str]]]:
    for line, cells in lines:
        if len(cells) != width:
            raise HistoryError(
                f"{origin}, line {line}: the header names {width} cells, the line has"
                f" {len(cells)}; mend the line."
            )
        yield line, cells


def _plain(name: str) -> str:
    return name.strip().strip("*").strip().lower().replace(" ", "_")


def _number(text: str) -> str:
    plain = text.strip()
    if plain in _NO_VALUE:
        return ""
    return plain.replace(",", "") if _WITH_COMMAS.fullmatch(plain) else plain


def _day(text: str, origin: str, line: int) -> date:
    plain = text.strip()
    try:
        if found := _ISO.fullmatch(plain):
            return date(*map(int, found.groups()))
        if found := _AMERICAN.fullmatch(plain):
            month, day, year = map(int, found.groups())
            return date(year, month, day)
    except ValueError:
        pass
    raise HistoryError(
        f"{origin}, line {line}: {plain[:40]!r} is no date; write YYYY-MM-DD or month/day/year."
    )
