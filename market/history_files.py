"""The files of a folder of market history: their names, their shapes, their contents.

Rules of this file:
- A file that is absent is absent; a file that is present is right, or a HistoryError says why not.
- Bills and advance/decline counts are published by the calendar day, and VIX futures trade on some
  days when the stock exchange rests (2015-04-03, 2018-12-05, 2025-01-09): their rows outside
  sessions are dropped, not refused.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.errors import HistoryError
from market.history_table import FileShape, IntArray, Table, read_table
from market.minutes import MinuteBars, read_minutes
from market.quotes import FloatArray
from market.sessions import SessionCalendar

RATE_FILL_SESSIONS = 7
ECB_COLUMN = "ecb_deposit_rate"
# The BIS index of a month appears three to seven weeks after the month's end; the later bound
# can never look ahead.
REER_DELAY = timedelta(weeks=7)

SPX_SHAPE = FileShape(
    file_name="spx_daily.csv",
    columns=("open", "high", "low", "close"),
    filled=("open", "high", "low", "close"),
    has_every_session=True,
    is_ohlc=True,
)
VIX_SHAPE = FileShape(
    file_name="vix_daily.csv",
    columns=("open", "close"),
    filled=("close",),
    # Recorded opens outside the day's range, such as 2.58 on 2004-11-08 beside a low of 13.68.
    trust_column="ohlc_ok",
    has_every_session=True,
)
CLOSE_SHAPES: Mapping[str, FileShape] = {
    name: FileShape(file_name=f"{name}_daily.csv", columns=("close",))
    for name in ("vix9d", "vix3m", "vix6m", "vix1d", "vvix", "skew")
}
RATES_SHAPE = FileShape(
    file_name="rates_daily.csv",
    columns=(),
    one_of=("tbill_3m_dtb3", "treasury_3m_dgs3mo", "irx_13w_tbill"),
    optional=(ECB_COLUMN,),
    must_be_positive=False,
    is_by_session=False,
)
BREADTH_SHAPE = FileShape(
    file_name="nyse_breadth_daily.csv",
    columns=("advances", "declines"),
    is_by_session=False,
)
REER_SHAPE = FileShape(
    file_name="us_reer_monthly.csv",
    columns=("us_reer_bis_broad",),
    is_by_session=False,
)
SETTLEMENTS_SHAPE = FileShape(
    file_name="vix_final_settlements.csv",
    columns=("final_settlement_soq",),
    date_column="expiry_date",
)
VX_FILE_NAME = "vx_term_structure_daily.parquet"


@dataclass(frozen=True, slots=True)
class VxColumns:
    """VIX futures settles, one row per session and expiry, sorted by both (ordinals, points)."""

    sessions: IntArray
    expiries: IntArray
    settles: FloatArray


@dataclass(frozen=True, slots=True)
class FolderTables:
    """Everything a folder of history holds; None or empty is absent."""

    spx: Table
    vix: Table
    closes: Mapping[str, Table]
    rates: Table | None
    breadth: Table | None
    reer: tuple[tuple[date, date, float], ...]
    vx: VxColumns | None
    vix_settlements: Mapping[date, float]
    minutes: MinuteBars | None


def read_folder(folder: Path, calendar: SessionCalendar) -> FolderTables:
    """Read every known file of `folder`, checking each against the exchange calendar.

    Raises:
        HistoryError: the folder, spx_daily.csv or vix_daily.csv is missing, or a file is wrong.
    """
    if not os.path.isdir(folder):
        raise HistoryError(
            f"The folder of market history {folder} is no folder; name one that holds"
            f" {SPX_SHAPE.file_name} and {VIX_SHAPE.file_name}."
        )
    positions = {day: position for position, day in enumerate(calendar.dates)}

    def optional(shape: FileShape) -> Table | None:
        path = folder / shape.file_name
        return read_table(path, shape, positions) if os.path.exists(path) else None

    closes = {name: optional(shape) for name, shape in CLOSE_SHAPES.items()}
    return FolderTables(
        spx=_required(folder, SPX_SHAPE, positions),
        vix=_required(folder, VIX_SHAPE, positions),
        closes={name: table for name, table in closes.items() if table is not None},
        rates=optional(RATES_SHAPE),
        breadth=optional(BREADTH_SHAPE),
        reer=_reer(optional(REER_SHAPE)),
        vx=_optional_vx(folder / VX_FILE_NAME, positions),
        vix_settlements=_settlements(optional(SETTLEMENTS_SHAPE)),
        minutes=read_minutes(folder),
    )


def _required(folder: Path, shape: FileShape, positions: Mapping[date, int]) -> Table:
    path = folder / shape.file_name
    if not os.path.exists(path):
        raise HistoryError(
            f"{shape.file_name} is missing in {folder}; add it with the columns"
            f" {', '.join((shape.date_column, *shape.columns))}."
        )
    return read_table(path, shape, positions)


def _reer(table: Table | None) -> tuple[tuple[date, date, float], ...]:
    if table is None:
        return ()
    values = table.columns["us_reer_bis_broad"]
    return tuple(
        (day, _month_after(day) + REER_DELAY, float(value))
        for day, value in zip(table.days(), values, strict=True)
        if not math.isnan(value)
    )


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _settlements(table: Table | None) -> dict[date, float]:
    if table is None:
        return {}
    values = table.columns["final_settlement_soq"]
    return {
        day: float(value)
        for day, value in zip(table.days(), values, strict=True)
        if not math.isnan(value)
    }


def _optional_vx(path: Path, positions: Mapping[date, int]) -> VxColumns | None:
    return read_vx(path, positions) if os.path.exists(path) else None


def read_vx(path: Path, positions: Mapping[date, int]) -> VxColumns:
    """Read the settles of VIX futures (Parquet: trade_date, expiry_date, settle).

    Raises:
        HistoryError: no Parquet file, a missing column, or a settle that cannot be.
    """
    rows = _parquet_rows(path)
    sessions, expiries, settles = rows["session"], rows["expiry"], rows["settle"]
    _refuse_vx(path, rows, ~(settles > 0), "settle {settle:g} must be above 0; correct the value")
    _refuse_vx(path, rows, expiries < sessions, "expiry {expiry} is past; correct the row")
    is_twin = np.zeros(len(sessions), dtype=np.bool_)
    is_twin[1:] = (np.diff(sessions) == 0) & (np.diff(expiries) == 0)
    _refuse_vx(path, rows, is_twin, "expiry {expiry} stands twice; remove one of the rows")
    traded = np.fromiter((day.toordinal() for day in positions), np.int64, len(positions))
    kept = np.isin(sessions, traded)
    return VxColumns(sessions[kept], expiries[kept], settles[kept])


def _parquet_rows(path: Path) -> dict[str, Any]:
    import duckdb  # noqa: PLC0415  # costs start-up time that most runs need not pay

    ordinal = "date_diff('day', DATE '0001-01-01', {}::DATE) + 1"
    query = (
        f"SELECT {ordinal.format('trade_date')} AS session,"
        f" {ordinal.format('expiry_date')} AS expiry, settle::DOUBLE AS settle"
        " FROM read_parquet(?) ORDER BY session, expiry"
    )
    try:
        with duckdb.connect() as connection:
            found = connection.execute(query, [str(path)]).fetchnumpy()
    except duckdb.Error as trouble:
        reason = str(trouble).splitlines()[0]
        raise HistoryError(
            f"{path.name} cannot be read ({reason}); it must be a Parquet file with the columns"
            " trade_date, expiry_date, settle."
        ) from trouble
    # A NULL arrives as a masked cell; as -1 or NaN it fails the checks of the caller.
    return {
        "session": np.ma.filled(found["session"], -1).astype(np.int64),
        "expiry": np.ma.filled(found["expiry"], -1).astype(np.int64),
        "settle": np.ma.filled(found["settle"], np.nan).astype(np.float64),
    }


def _refuse_vx(path: Path, rows: Mapping[str, Any], is_wrong: NDArray[np.bool_], what: str) -> None:
    if not is_wrong.any():
        return
    row = int(np.argmax(is_wrong))
    session, expiry = (_shown_day(int(rows[name][row])) for name in ("session", "expiry"))
    text = what.format(settle=float(rows["settle"][row]), expiry=expiry)
    raise HistoryError(f"{path.name}, session {session}: {text}.")


def _shown_day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat() if ordinal > 0 else "unknown"


def fill_forward(values: FloatArray, most: int) -> FloatArray:
    """Return `values` with each NaN replaced by the last value at most `most` rows earlier."""
    rows = np.arange(len(values))
    last_known = np.maximum.accumulate(np.where(np.isnan(values), -1, rows))
    filled = np.where(last_known >= 0, values[last_known], np.nan)
    return np.where(rows - last_known <= most, filled, np.nan)


def first_known(columns: Sequence[FloatArray]) -> FloatArray:
    """Return, row by row, the first of `columns` that has a value."""
    chosen = columns[0]
    for column in columns[1:]:
        chosen = np.where(np.isnan(chosen), column, chosen)
    return chosen
