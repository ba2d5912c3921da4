"""Files of bars: which are read, what is refused, and which day they cover."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from market.errors import HistoryError
from market.history import load_history
from market.minutes import read_bars, read_minutes
from market.sessions import Session, SessionCalendar

TUESDAY = Session.between(
    datetime(2018, 1, 30, 14, 30, tzinfo=UTC), datetime(2018, 1, 30, 21, tzinfo=UTC)
)
HALF_DAY = Session.between(
    datetime(2018, 7, 3, 13, 30, tzinfo=UTC), datetime(2018, 7, 3, 17, tzinfo=UTC)
)
OPEN_ET = datetime(2018, 1, 30, 9, 30)  # noqa: DTZ001 - the files hold naive New York times

Row = tuple[datetime, float | None, float, float, float]


def write(path: Path, rows: list[Row], columns: str = "ts, open, high, low, close") -> None:
    """Write rows as a Parquet file."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a TIMESTAMP, b DOUBLE, c DOUBLE, d DOUBLE, e DOUBLE)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute(f"COPY (SELECT * FROM t AS t({columns})) TO '{path}' (FORMAT parquet)")


def bars(minutes: int, count: int, start: datetime = OPEN_ET, level: float = 2830.0) -> list[Row]:
    return [
        (start + n * timedelta(minutes=minutes), level + n, level + n + 2, level + n - 2, level + n)
        for n in range(count)
    ]


def test_a_folder_without_bars_has_none(tmp_path: Path) -> None:
    assert read_minutes(tmp_path) is None


def test_the_finest_file_that_covers_a_day_speaks_for_it(tmp_path: Path) -> None:
    write(tmp_path / "spx_1min.parquet", bars(1, 100))
    write(tmp_path / "spx_5min.parquet", bars(5, 78))
    write(tmp_path / "spx_60min.parquet", bars(60, 7))

    found = read_minutes(tmp_path)

    assert found is not None
    day = found.spx(TUESDAY)
    assert day is not None
    assert (day.bar_minutes, len(day.starts), day.opens[:2]) == (5, 78, (2830.0, 2831.0))
    assert found.vix(TUESDAY) is None
    assert found.spx(HALF_DAY) is None
    assert (found.has_spx(TUESDAY.date), found.has_spx(HALF_DAY.date)) == (True, False)


def test_bars_outside_the_session_are_left_out(tmp_path: Path) -> None:
    early = bars(60, 14, start=datetime(2018, 1, 30, 3, 0))  # noqa: DTZ001
    write(tmp_path / "vix_60min.parquet", early)

    day = read_bars(tmp_path / "vix_60min.parquet", 60).day(TUESDAY)

    assert day is not None
    assert day.starts == (30, 90, 150, 210, 270, 330)


def test_a_half_day_is_covered_by_its_own_hours(tmp_path: Path) -> None:
    write(tmp_path / "spx_5min.parquet", bars(5, 42, start=datetime(2018, 7, 3, 9, 30)))  # noqa: DTZ001

    day = read_bars(tmp_path / "spx_5min.parquet", 5).day(HALF_DAY)

    assert day is not None
    assert day.starts[-1] == 205


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((OPEN_ET, 2830.0, 2832.0, 0.0, 2830.0), "not above 0"),
        ((OPEN_ET, 2830.0, 2829.0, 2828.0, 2829.0), "outside low … high"),
        ((OPEN_ET, None, 2832.0, 2828.0, 2830.0), "absent or not above 0"),
    ],
    ids=["a zero", "an open above the high", "a hole"],
)
def test_a_bar_that_cannot_be_is_refused_by_name(tmp_path: Path, row: Row, words: str) -> None:
    path = tmp_path / "spx_5min.parquet"
    write(path, [row])

    with pytest.raises(HistoryError, match=rf"spx_5min.parquet, bar 2018-01-30 09:30: .*({words})"):
        read_bars(path, 5)


def test_a_bar_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spx_5min.parquet"
    write(path, bars(5, 1) * 2)

    with pytest.raises(HistoryError, match="a second time; remove one"):
        read_bars(path, 5)


def test_a_file_without_a_column_is_refused_with_the_columns_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "spx_5min.parquet"
    write(path, bars(5, 1), columns="ts, open, high, low, last")

    with pytest.raises(HistoryError, match="with the columns ts, open, high, low, close"):
        read_bars(path, 5)


def test_recorded_days_of_the_real_folder_lie_in_their_days_range(data_folder: Path) -> None:
    calendar = SessionCalendar.build(date(1990, 1, 1), date(2026, 12, 31))
    history = load_history(data_folder, calendar)
    assert history.minutes is not None

    covered = outside = 0
    for row, day in enumerate(history.sessions):
        found = history.minutes.spx(calendar.session(day))
        if found is not None:
            covered += 1
            high, low = history.spx_high[row], history.spx_low[row]
            outside += not low * 0.998 <= min(found.lows) <= max(found.highs) <= high * 1.002

    # 736 days of hourly bars and some of 2021 besides.
    assert covered > 700
    assert outside <= covered * 0.01
