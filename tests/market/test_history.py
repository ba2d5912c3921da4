import gzip
import math
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.errors import HistoryError, NoSuchSession
from market.history import History, builtin_history, load_history, read_arch_sets
from market.sessions import Session, SessionCalendar

SPX_ROWS = (
    "1/2/2014,1845.86,1845.86,1827.73,1831.98,1831.98,1",
    "1/3/2014,1833.20996,1838.240,1829.13,1831.369995,1831.37,1",
    "1/6/2014,1832.31,1837.16,1823.73,1826.77,1826.77,1",
)
VIX_ROWS = ("1/3/2014,13.76", "1/4/2014,.", "1/6/2014,13.55", "1/7/2014,12.92")


@pytest.fixture(scope="module")
def builtin() -> History:
    return builtin_history()


@pytest.fixture
def week() -> History:
    days = tuple(date(2018, 1, day) for day in (4, 5, 8))
    level, absent = np.array([1.0, 2.0, 3.0]), np.full(3, np.nan)
    return History(
        sessions=days,
        spx_open=level,
        spx_high=level,
        spx_low=level,
        spx_close=level,
        vix_open=absent,
        vix_close=level,
        vix9d=absent,
        vix3m=absent,
        vvix=absent,
        rate_frac=absent,
    )


def write_sets(folder: Path, spx: tuple[str, ...], vix: tuple[str, ...]) -> Path:
    sets = {
        "sp500": "\r\n".join(("Date,Open,High,Low,Close,Adj Close,Volume", *spx)),
        "vix": "\r\n".join(("Date,vix", *vix)),
    }
    for name, text in sets.items():
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_the_built_in_history_spans_every_session_of_its_years(builtin: History) -> None:
    calendar = SessionCalendar.build(date(1999, 1, 4), date(2018, 12, 31))

    assert builtin.sessions == calendar.dates
    assert builtin.sessions[builtin.first_index] == date(2014, 1, 3)
    assert builtin.sessions[builtin.last_index] == date(2018, 12, 31)
    assert not np.isnan(builtin.vix_close[builtin.first_index :]).any()


def test_the_built_in_history_holds_the_published_prices_of_5_february_2018(
    builtin: History,
) -> None:
    row = builtin.index(date(2018, 2, 5))

    # S&P Dow Jones and Cboe: the day VIX more than doubled.
    assert builtin.spx_open[row] == 2741.06
    assert builtin.spx_high[row] == 2763.39
    assert builtin.spx_low[row] == 2638.17
    assert builtin.spx_close[row] == 2648.94
    assert builtin.vix_close[row] == 37.32


def test_the_built_in_history_says_what_is_real_and_invents_nothing(builtin: History) -> None:
    real = {name for name, kind in builtin.provenance.items() if kind == "real"}

    assert real == {"spx", "vix"}
    for column in (builtin.vix_open, builtin.vix9d, builtin.vix3m, builtin.vvix, builtin.rate_frac):
        assert np.isnan(column).all()


def test_without_a_folder_the_built_in_history_is_loaded(builtin: History) -> None:
    calendar = SessionCalendar(
        [
            Session.between(
                datetime(2018, 1, 2, 14, 30, tzinfo=UTC), datetime(2018, 1, 2, 21, tzinfo=UTC)
            )
        ]
    )

    loaded = load_history(None, calendar)

    assert loaded.sessions == builtin.sessions
    assert loaded.source == builtin.source


def test_the_built_in_history_loads_without_pandas_or_the_package_that_holds_it() -> None:
    program = (
        "import sys\n"
        "from market.history import builtin_history\n"
        "builtin_history()\n"
        "print(sorted({'arch', 'pandas', 'scipy', 'duckdb'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_prices_are_rounded_to_the_hundredths_that_are_published(tmp_path: Path) -> None:
    history = read_arch_sets(write_sets(tmp_path, SPX_ROWS, VIX_ROWS))

    assert history.sessions == (date(2014, 1, 2), date(2014, 1, 3), date(2014, 1, 6))
    assert history.spx_open.tolist() == [1845.86, 1833.21, 1832.31]
    assert history.spx_close.tolist() == [1831.98, 1831.37, 1826.77]
    np.testing.assert_array_equal(history.vix_close, [math.nan, 13.76, 13.55])


@pytest.mark.parametrize(
    ("spx", "vix", "sentence"),
    [
        pytest.param(
            SPX_ROWS,
            ("1/3/2014,13.76", "1/4/2014,13.6", "1/6/2014,13.55"),
            "The built-in file vix.csv.gz has a number on the holiday 2014-01-04; reinstall the"
            " package arch, or name a folder of market history.",
            id="number on a holiday",
        ),
        pytest.param(
            SPX_ROWS,
            ("1/2/2014,14.23", "1/3/2014,.", "1/6/2014,13.55"),
            "The built-in file vix.csv.gz has no value on the session 2014-01-03; reinstall the"
            " package arch, or name a folder of market history.",
            id="session without a value",
        ),
        pytest.param(
            SPX_ROWS,
            ("1/7/2014,12.92",),
            "The built-in files share no session; reinstall the package arch.",
            id="nothing in common",
        ),
        pytest.param(
            ("1/2/2014,1845.86,1845.86,-1,1831.98",),
            VIX_ROWS,
            "The built-in file sp500.csv.gz holds no rows or a price that is not above 0;"
            " reinstall the package arch.",
            id="negative price",
        ),
    ],
)
def test_a_built_in_set_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, spx: tuple[str, ...], vix: tuple[str, ...], sentence: str
) -> None:
    write_sets(tmp_path, spx, vix)

    with pytest.raises(HistoryError) as caught:
        read_arch_sets(tmp_path)

    assert str(caught.value) == sentence


@pytest.mark.parametrize("garbage", [b"", b"no gzip at all", gzip.compress(b"Date\r\nx")[:-9]])
def test_a_broken_built_in_file_is_refused_without_a_traceback(
    tmp_path: Path, garbage: bytes
) -> None:
    write_sets(tmp_path, SPX_ROWS, VIX_ROWS)
    (tmp_path / "data" / "vix" / "vix.csv.gz").write_bytes(garbage)

    with pytest.raises(HistoryError, match=r"^The built-in file vix.csv.gz cannot be read"):
        read_arch_sets(tmp_path)


def test_a_session_is_found_by_its_date(week: History) -> None:
    assert [week.index(day) for day in week.sessions] == [0, 1, 2]


def test_a_day_between_sessions_names_its_neighbours(week: History) -> None:
    with pytest.raises(NoSuchSession) as caught:
        week.index(date(2018, 1, 6))

    assert str(caught.value) == (
        "2018-01-06 is no trading session; the nearest ones are 2018-01-05 and 2018-01-08."
    )


@pytest.mark.parametrize("day", [date(2018, 1, 3), date(2018, 1, 9)])
def test_a_day_outside_history_names_the_range_at_hand(week: History, day: date) -> None:
    with pytest.raises(NoSuchSession) as caught:
        week.index(day)

    assert str(caught.value) == (
        f"{day} lies outside the history at hand, which runs from 2018-01-04 to 2018-01-08;"
        " choose a session in that range."
    )


def test_a_column_of_another_length_makes_no_history(week: History) -> None:
    with pytest.raises(ValueError, match="vix9d has 2 rows for 3 sessions"):
        replace(week, vix9d=np.ones(2))


def test_sessions_out_of_order_make_no_history(week: History) -> None:
    with pytest.raises(ValueError, match="sessions must ascend"):
        replace(week, sessions=tuple(reversed(week.sessions)))


def test_history_without_any_vix_is_none(week: History) -> None:
    with pytest.raises(ValueError, match="both SPX and VIX"):
        replace(week, vix_close=np.full(3, np.nan))
