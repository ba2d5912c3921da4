"""VIX futures: from the settlement file of each contract to one table by session and expiry.

A contract's file has a row per session with the day's settlement; zero stands for a day without
one, and the row of the expiry day holds the final settlement, which is no day's closing price and
is left out (as in the table of the folder of history).
"""

import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from bot.data.grid import read_grid
from market.errors import HistoryError
from market.history_files import VxColumns
from market.history_table import FileShape
from market.listings import Listings

Settles = dict[tuple[date, date], float]
"""Settlement in points by session and expiry."""

CONTRACT_SHAPE = FileShape("VX", columns=("settle",), date_column="trade_date")
_TABLE_SHAPE = FileShape(
    "VX", columns=("expiry_date", "settle"), date_column="trade_date", is_by_session=False
)
_MONTHS_AHEAD = 9
# Sessions of a listed contract follow each other within days; a longer silence is a torn file.
_LONGEST_SILENCE = timedelta(days=10)


def monthly_expiries(listings: Listings, first: date, today: date) -> tuple[date, ...]:
    """Return the expiries of the monthly contracts from `first` to nine ahead of today."""
    found: set[date] = set()
    day = first - timedelta(days=1)
    while day < today:
        found |= set(listings.vx_expiries(day, _MONTHS_AHEAD))
        day += timedelta(days=180)
    found |= set(listings.vx_expiries(today, _MONTHS_AHEAD))
    last = max(listings.vx_expiries(today, _MONTHS_AHEAD))
    return tuple(sorted(expiry for expiry in found if first <= expiry <= last))


def contract_settles(body: bytes, expiry: date, origin: str, today: date) -> Settles:
    """Return the settlements of one contract before its expiry day.

    Raises:
        HistoryError: the body is no such file, or ends long before the contract or today.
    """
    grid = read_grid(body, CONTRACT_SHAPE, origin)
    if "settle" not in grid.columns:
        raise HistoryError(f"{origin} has no column 'settle'.")
    if grid.last > expiry:
        raise HistoryError(f"{origin} has a row of {grid.last}, after its expiry {expiry}.")
    if grid.last < min(expiry, today) - _LONGEST_SILENCE:
        raise HistoryError(f"{origin} ends on {grid.last}, long before its expiry {expiry}.")
    settles = ((day, _settle(text, day, origin)) for day, text in grid.column("settle").items())
    return {(day, expiry): settle for day, settle in settles if settle and day < expiry}


def rows_of_csv(body: bytes, origin: str) -> Settles:
    """Return the settlements of a CSV table with trade_date, expiry_date and settle.

    Raises:
        HistoryError: the body is no such table.
    """
    grid = read_grid(body, _TABLE_SHAPE, origin)
    if not {"expiry_date", "settle"} <= set(grid.columns):
        raise HistoryError(f"{origin} needs the columns trade_date, expiry_date and settle.")
    settles: Settles = {}
    for day, cells in grid.rows:
        named = dict(zip(grid.columns, cells, strict=True))
        key = (day, _expiry(named["expiry_date"], day, origin))
        if key in settles:
            raise HistoryError(f"{origin}, {day}: expiry {key[1]} stands twice; remove one row.")
        settles[key] = _settle(named["settle"], day, origin)
    return settles


def settles_of(columns: VxColumns) -> Settles:
    """Return the settlements of a table as it was read."""
    rows = zip(
        columns.sessions.tolist(), columns.expiries.tolist(), columns.settles.tolist(), strict=True
    )
    return {(date.fromordinal(day), date.fromordinal(expiry)): x for day, expiry, x in rows}


def to_parquet(settles: Mapping[tuple[date, date], float]) -> bytes:
    """Return the settlements as the Parquet file of a folder of history."""
    import duckdb  # noqa: PLC0415 - costs start-up time that most commands need not pay

    keys = sorted(settles)
    positions: list[int] = []
    session: date | None = None
    for day, _ in keys:
        positions.append(1 if day != session else positions[-1] + 1)
        session = day
    table = {
        "trade_date": np.array([day for day, _ in keys], dtype="datetime64[us]"),
        "position": np.array(positions, dtype=np.int64),
        "expiry_date": np.array([expiry for _, expiry in keys], dtype="datetime64[us]"),
        "settle": np.array([settles[key] for key in keys], dtype=np.float64),
    }
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "table.parquet"
        connection.register("settlements", table)
        connection.table("settlements").order("trade_date, expiry_date").write_parquet(str(path))
        return path.read_bytes()


def _settle(text: str, day: date, origin: str) -> float:
    try:
        return float(text or 0)
    except ValueError:
        raise HistoryError(f"{origin}, {day}: settle {text[:40]!r} is no number.") from None


def _expiry(text: str, day: date, origin: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise HistoryError(
            f"{origin}, {day}: expiry_date {text[:40]!r} is no date; write it as YYYY-MM-DD."
        ) from None
