"""Market history by session: columns, what is real in them, and where they come from.

One row per NYSE session without gaps, from the first SPX session to the last one with both SPX and
VIX. A series that was not supplied stays absent here; modelling it is the work of others.
"""

import csv
import gzip
import importlib.util
import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from market.errors import HistoryError, NoSuchSession
from market.history_files import (
    ECB_COLUMN,
    RATE_FILL_SESSIONS,
    RATES_SHAPE,
    FolderTables,
    VxColumns,
    fill_forward,
    first_known,
    read_folder,
)
from market.history_table import IntArray, Table
from market.minutes import MinuteBars
from market.quotes import BoolArray, FloatArray
from market.sessions import SessionCalendar

PROVENANCE_NAMES = (
    "spx",
    "vix",
    "vix9d",
    "vix3m",
    "vix6m",
    "vix1d",
    "vvix",
    "skew",
    "vx",
    "rates",
    "breadth",
    "reer",
    "spx_minutes",
    "vix_settlements",
)
_CLOSE_NAMES = ("vix9d", "vix3m", "vix6m", "vix1d", "vvix", "skew")


@dataclass(frozen=True)
class VxTable:
    """Recorded settles of the monthly VIX futures, points, by session."""

    columns: VxColumns

    @cached_property
    def _rows(self) -> dict[int, tuple[int, int]]:
        first_rows = np.flatnonzero(np.diff(self.columns.sessions, prepend=-1))
        ends = np.append(first_rows[1:], len(self.columns.sessions))
        ordinals = self.columns.sessions[first_rows]
        spans = zip(first_rows.tolist(), ends.tolist(), strict=True)
        return dict(zip(ordinals.tolist(), spans, strict=True))

    def curve(self, session: date) -> tuple[tuple[date, float], ...] | None:
        """Return (expiry, settle) of the contracts settled that session, nearest first."""
        span = self._rows.get(session.toordinal())
        if span is None:
            return None
        expiries = self.columns.expiries[span[0] : span[1]].tolist()
        settles = self.columns.settles[span[0] : span[1]].tolist()
        return tuple(zip(map(date.fromordinal, expiries), settles, strict=True))


@dataclass(frozen=True, eq=False)
class History:
    """Daily market history; the arrays are aligned with `sessions` and NaN where absent.

    Index levels are points, rates fractions a year: `rate_frac` the 3-month bill, `ecb_rate_frac`
    the ECB's deposit rate. `advances` and `declines` count NYSE issues, `reer` holds (month, usable
    from, value), `minutes` bars within sessions. `provenance` tells of each series whether it is
    "real", "synthetic" or "absent".
    """

    sessions: tuple[date, ...]
    spx_open: FloatArray
    spx_high: FloatArray
    spx_low: FloatArray
    spx_close: FloatArray
    vix_open: FloatArray
    vix_close: FloatArray
    vix9d: FloatArray
    vix3m: FloatArray
    vvix: FloatArray
    rate_frac: FloatArray
    vx: VxTable | None = None
    vix_settlements: Mapping[date, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    vix6m: FloatArray | None = None
    vix1d: FloatArray | None = None
    skew: FloatArray | None = None
    advances: FloatArray | None = None
    declines: FloatArray | None = None
    reer: tuple[tuple[date, date, float], ...] = ()
    ecb_rate_frac: FloatArray | None = None
    minutes: MinuteBars | None = None

    def __post_init__(self) -> None:
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray) and len(column) != len(self.sessions):
                raise ValueError(f"{name} has {len(column)} rows for {len(self.sessions)} sessions")
        if any(later <= earlier for earlier, later in pairwise(self.sessions)):
            raise ValueError("sessions must ascend")
        if not self._has_both.any():
            raise ValueError("history needs a session with both SPX and VIX")

    @cached_property
    def _has_both(self) -> BoolArray:
        return ~(np.isnan(self.spx_close) | np.isnan(self.vix_close))

    @cached_property
    def first_index(self) -> int:
        """Return the first row with a VIX close."""
        return int(np.argmax(~np.isnan(self.vix_close)))

    @cached_property
    def last_index(self) -> int:
        """Return the last row with both an SPX and a VIX close."""
        return int(np.flatnonzero(self._has_both)[-1])

    @cached_property
    def _rows(self) -> dict[date, int]:
        return {day: row for row, day in enumerate(self.sessions)}

    def index(self, day: date) -> int:
        """Return the row of a session.

        Raises:
            NoSuchSession: `day` is no session or lies outside the history at hand.
        """
        row = self._rows.get(day)
        if row is not None:
            return row
        first, last = self.sessions[0], self.sessions[-1]
        if not first <= day <= last:
            raise NoSuchSession(
                f"{day} lies outside the history at hand, which runs from {first} to {last};"
                " choose a session in that range."
            )
        after = bisect_left(self.sessions, day)
        raise NoSuchSession(
            f"{day} is no trading session; the nearest ones are"
            f" {self.sessions[after - 1]} and {self.sessions[after]}."
        )


def load_history(folder: Path | None, calendar: SessionCalendar) -> History:
    """Return the history in `folder`, or the built-in one when `folder` is None.

    Raises:
        HistoryError: spx_daily.csv or vix_daily.csv is missing, or a file cannot be trusted.
    """
    if folder is None:
        return builtin_history()
    tables = read_folder(folder, calendar)
    last = min(tables.spx.ordinals[-1], tables.vix.ordinals[-1])
    sessions = tables.spx.ordinals[tables.spx.ordinals <= last]
    if not np.isin(sessions, tables.vix.ordinals).any():
        raise HistoryError(
            "vix_daily.csv shares no session with spx_daily.csv; supply both for one period."
        )
    return _assembled(tables, sessions, str(folder))


def _assembled(tables: FolderTables, sessions: IntArray, source: str) -> History:
    def column(table: Table | None, name: str) -> FloatArray:
        return (table or _NO_ROWS).aligned(name, sessions)

    closes = {name: column(tables.closes.get(name), "close") for name in _CLOSE_NAMES}
    bills = first_known([column(tables.rates, name) for name in RATES_SHAPE.one_of])
    rate_frac = fill_forward(bills, RATE_FILL_SESSIONS) / 100
    deposits = column(tables.rates, ECB_COLUMN)
    return History(
        sessions=tuple(map(date.fromordinal, sessions.tolist())),
        spx_open=_as_published(column(tables.spx, "open")),
        spx_high=_as_published(column(tables.spx, "high")),
        spx_low=_as_published(column(tables.spx, "low")),
        spx_close=_as_published(column(tables.spx, "close")),
        vix_open=_as_published(column(tables.vix, "open")),
        vix_close=_as_published(column(tables.vix, "close")),
        rate_frac=rate_frac,
        vx=None if tables.vx is None else VxTable(tables.vx),
        vix_settlements=tables.vix_settlements,
        provenance=_provenance(tables, closes, rate_frac),
        source=source,
        advances=column(tables.breadth, "advances"),
        declines=column(tables.breadth, "declines"),
        reer=tables.reer,
        ecb_rate_frac=fill_forward(deposits, RATE_FILL_SESSIONS) / 100,
        minutes=tables.minutes,
        **closes,
    )


_NO_ROWS = Table(np.empty(0, dtype=np.int64), {})


def _as_published(values: FloatArray) -> FloatArray:
    # SPX and VIX are published to 0.01; vendors' further digits are float32 noise.
    return np.round(values, 2)


def _provenance(
    tables: FolderTables, closes: Mapping[str, FloatArray], rate_frac: FloatArray
) -> dict[str, str]:
    is_real = {name: not np.isnan(column).all() for name, column in closes.items()} | {
        "spx": True,
        "vix": True,
        "vx": tables.vx is not None,
        "rates": not np.isnan(rate_frac).all(),
        "breadth": tables.breadth is not None,
        "reer": bool(tables.reer),
        "vix_settlements": bool(tables.vix_settlements),
        "spx_minutes": tables.minutes is not None and bool(tables.minutes.spx_files),
    }
    return {name: "real" if is_real.get(name) else "absent" for name in PROVENANCE_NAMES}


def builtin_history() -> History:
    """Return the daily sets shipped in the package `arch`: SPX 1999–2018, VIX closes 2014–2018.

    Raises:
        HistoryError: the package is not installed, or its files are not as they should be.
    """
    # The folder is found without importing the package, whose import takes seconds.
    package = importlib.util.find_spec("arch")
    if package is None or not package.submodule_search_locations:
        raise HistoryError(
            "The built-in history is part of the package arch, which is not installed;"
            " install it or name a folder of market history."
        )
    return read_arch_sets(Path(package.submodule_search_locations[0]))


def read_arch_sets(package_folder: Path) -> History:
    """Return the daily SPX and VIX sets stored below the folder of the package `arch`.

    Raises:
        HistoryError: a file is missing or malformed, misses a session, or has a VIX on a holiday.
    """
    spx = _gzip_rows(package_folder / "data" / "sp500" / "sp500.csv.gz", columns=4)
    vix = _gzip_rows(package_folder / "data" / "vix" / "vix.csv.gz", columns=1)
    last = max(spx.keys() & vix.keys(), default=date.min)
    sessions = tuple(day for day in sorted(spx) if day <= last)
    _check_vix_days({day for day in vix if day <= last}, sessions)
    prices = _as_published(np.array([spx[day] for day in sessions]).T)
    absent = np.full(len(sessions), np.nan)
    levels = [vix[day][0] if day in vix else np.nan for day in sessions]
    return History(
        sessions=sessions,
        spx_open=prices[0],
        spx_high=prices[1],
        spx_low=prices[2],
        spx_close=prices[3],
        vix_open=absent,
        vix_close=_as_published(np.array(levels)),
        vix9d=absent,
        vix3m=absent,
        vvix=absent,
        rate_frac=absent,
        provenance={n: "real" if n in ("spx", "vix") else "absent" for n in PROVENANCE_NAMES},
        source="built-in daily sets of the package arch",
    )


def _gzip_rows(path: Path, columns: int) -> dict[date, tuple[float, ...]]:
    """Read rows of a date as month/day/year and `columns` numbers; `.` marks a holiday."""
    rows: dict[date, tuple[float, ...]] = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            next(lines)
            for cells in lines:
                month, day, year = map(int, cells[0].split("/"))
                if cells[1] != ".":
                    numbers = [float(cells[column]) for column in range(1, columns + 1)]
                    rows[date(year, month, day)] = tuple(numbers)
    except (
        OSError,
        EOFError,
        ValueError,
        IndexError,
        StopIteration,
        csv.Error,
        zlib.error,
    ) as trouble:
        raise HistoryError(
            f"The built-in file {path.name} cannot be read ({trouble}); reinstall the package arch."
        ) from trouble
    if not rows or not all(min(values) > 0 for values in rows.values()):
        raise HistoryError(
            f"The built-in file {path.name} holds no rows or a price that is not above 0;"
            " reinstall the package arch."
        )
    return rows


def _check_vix_days(vix_days: set[date], sessions: Sequence[date]) -> None:
    if not sessions:
        raise HistoryError("The built-in files share no session; reinstall the package arch.")
    first = min(vix_days)
    wanted = {day for day in sessions if day >= first}
    wrong = min(vix_days ^ wanted, default=None)
    if wrong is None:
        return
    what = "has no value on the session" if wrong in wanted else "has a number on the holiday"
    raise HistoryError(
        f"The built-in file vix.csv.gz {what} {wrong}; reinstall the package arch,"
        " or name a folder of market history."
    )
