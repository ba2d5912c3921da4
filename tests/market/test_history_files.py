import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.errors import HistoryError
from market.history import load_history
from market.history_files import fill_forward, first_known
from market.sessions import Session, SessionCalendar

# The first NYSE sessions of 2018; 1 January and the week-end are not among them.
JANUARY = (2, 3, 4, 5, 8, 9, 10)

SPX = """\
date,open,high,low,close,volume
2018-01-02,2683.73,2695.89,2682.36,2695.81,1
2018-01-03,2697.85,2714.37,2697.77,2713.06,1
2018-01-04,2719.31,2729.29,2719.07,2723.99,1
2018-01-05,2731.33,2743.45,2727.92,2743.15,1
2018-01-08,2742.67,2748.51,2737.60,2747.71,1
"""
VIX = """\
date,open,high,low,close
2018-01-02,10.95,11.07,9.52,9.77
2018-01-03,9.56,9.65,8.92,9.15
2018-01-04,9.01,9.38,8.92,9.22
2018-01-05,9.08,9.25,8.92,9.22
2018-01-08,9.46,9.73,9.38,9.52
"""


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    sessions = (
        Session.between(
            datetime(2018, 1, day, 14, 30, tzinfo=UTC), datetime(2018, 1, day, 21, tzinfo=UTC)
        )
        for day in JANUARY
    )
    return SessionCalendar(sessions)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spx_daily.csv").write_text(SPX, encoding="utf-8")
    (tmp_path / "vix_daily.csv").write_text(VIX, encoding="utf-8")
    return tmp_path


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def complaint(folder: Path, calendar: SessionCalendar) -> str:
    with pytest.raises(HistoryError) as caught:
        load_history(folder, calendar)
    return str(caught.value)


def test_two_files_make_a_history(folder: Path, calendar: SessionCalendar) -> None:
    history = load_history(folder, calendar)

    assert history.sessions == tuple(date(2018, 1, day) for day in (2, 3, 4, 5, 8))
    assert history.spx_open.tolist() == [2683.73, 2697.85, 2719.31, 2731.33, 2742.67]
    assert history.spx_high.tolist() == [2695.89, 2714.37, 2729.29, 2743.45, 2748.51]
    assert history.spx_low.tolist() == [2682.36, 2697.77, 2719.07, 2727.92, 2737.60]
    assert history.spx_close.tolist() == [2695.81, 2713.06, 2723.99, 2743.15, 2747.71]
    assert history.vix_open.tolist() == [10.95, 9.56, 9.01, 9.08, 9.46]
    assert history.vix_close.tolist() == [9.77, 9.15, 9.22, 9.22, 9.52]
    assert np.isnan(history.vix9d).all()
    assert np.isnan(history.rate_frac).all()
    assert history.vx is None
    assert {name for name, kind in history.provenance.items() if kind == "real"} == {"spx", "vix"}
    assert history.source == str(folder)


def test_a_gap_in_vix_is_refused(folder: Path, calendar: SessionCalendar) -> None:
    text = VIX.replace("2018-01-04,9.01,9.38,8.92,9.22\n", "")
    (folder / "vix_daily.csv").write_text(text, encoding="utf-8")

    assert complaint(folder, calendar) == (
        "vix_daily.csv, line 4 (2018-01-05): sessions missing between 2018-01-03 and this"
        " row: 1; add their rows."
    )


@pytest.mark.parametrize("name", ["spx_daily.csv", "vix_daily.csv"])
def test_a_required_file_that_is_missing_is_named(
    folder: Path, calendar: SessionCalendar, name: str
) -> None:
    (folder / name).unlink()

    assert complaint(folder, calendar).startswith(f"{name} is missing in {folder}; add it with")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, calendar: SessionCalendar) -> None:
    sentence = complaint(tmp_path / "nowhere", calendar)

    assert sentence.startswith(f"The folder of market history {tmp_path / 'nowhere'} is no folder")


def test_a_directory_in_place_of_a_file_is_refused(folder: Path, calendar: SessionCalendar) -> None:
    (folder / "vix_daily.csv").unlink()
    (folder / "vix_daily.csv").mkdir()

    assert complaint(folder, calendar).startswith("vix_daily.csv cannot be read as a CSV file")


@pytest.mark.parametrize("name", ["spx_daily.csv", "vvix_daily.csv"])
@pytest.mark.parametrize(
    "garbage", [b"\xff\xfe\x00\x81" * 64, b"\x00\x01\x02\n" * 64, b'"' + b"x" * 200_000]
)
def test_binary_garbage_is_refused_without_a_traceback(
    folder: Path, calendar: SessionCalendar, name: str, garbage: bytes
) -> None:
    (folder / name).write_bytes(garbage)

    assert complaint(folder, calendar).startswith(name)


def test_files_that_share_no_session_are_refused(folder: Path, calendar: SessionCalendar) -> None:
    write(folder, "vix_daily.csv", "date,open,close", "2018-01-09,9.7,10.08")

    assert complaint(folder, calendar) == (
        "vix_daily.csv shares no session with spx_daily.csv; supply both for one period."
    )


def test_vix_may_start_after_spx(folder: Path, calendar: SessionCalendar) -> None:
    write(folder, "vix_daily.csv", "date,open,close", "2018-01-04,9.01,9.22", "2018-01-05,,9.22")

    history = load_history(folder, calendar)

    np.testing.assert_array_equal(history.vix_close, [math.nan, math.nan, 9.22, 9.22])
    np.testing.assert_array_equal(history.vix_open, [math.nan, math.nan, 9.01, math.nan])
    assert (history.first_index, history.last_index) == (2, 3)


def test_opens_of_rows_marked_as_untrustworthy_are_absent(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(
        folder,
        "vix_daily.csv",
        "date,open,close,ohlc_ok",
        "2018-01-02,10.95,9.77,True",
        "2018-01-03,2.58,9.15,False",
    )

    history = load_history(folder, calendar)

    np.testing.assert_array_equal(history.vix_open, [10.95, math.nan])
    assert history.vix_close.tolist() == [9.77, 9.15]


def test_other_series_may_have_holes(folder: Path, calendar: SessionCalendar) -> None:
    write(folder, "vvix_daily.csv", "date,close", "2018-01-03,88.4", "2018-01-04,", "2018-01-05,90")

    history = load_history(folder, calendar)

    np.testing.assert_array_equal(history.vvix, [math.nan, 88.4, math.nan, 90.0, math.nan])
    assert history.provenance["vvix"] == "real"


def test_another_series_with_a_number_on_a_holiday_is_refused(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(folder, "vix3m_daily.csv", "date,close", "2018-01-06,12.0")

    assert complaint(folder, calendar) == (
        "vix3m_daily.csv, line 2 (2018-01-06): a number on a day that is no NYSE session;"
        " remove the row."
    )


def test_rates_prefer_the_bill_and_carry_earlier_values_on(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(
        folder,
        "rates_daily.csv",
        "date,tbill_3m_dtb3,treasury_3m_dgs3mo,irx_13w_tbill",
        "2018-01-03,1.39,1.41,1.37",
        "2018-01-04,,1.41,1.38",
        "2018-01-06,9.99,,",
        "2018-01-08,,,-0.05",
    )

    history = load_history(folder, calendar)

    np.testing.assert_allclose(
        history.rate_frac, [math.nan, 0.0139, 0.0141, 0.0141, -0.0005], rtol=1e-12
    )


def test_the_deposit_rate_is_read_where_it_stands_and_carried_on(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(
        folder,
        "rates_daily.csv",
        "date,tbill_3m_dtb3,ecb_deposit_rate",
        "2018-01-02,1.42,",
        "2018-01-03,1.39,-0.4",
        "2018-01-05,,0.5",
    )

    rates = load_history(folder, calendar).ecb_rate_frac

    assert rates is not None
    assert rates.tolist() == pytest.approx([math.nan, -0.004, -0.004, 0.005, 0.005], nan_ok=True)


def test_without_a_column_of_deposit_rates_they_are_unknown(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(folder, "rates_daily.csv", "date,tbill_3m_dtb3", "2018-01-02,1.42")

    rates = load_history(folder, calendar).ecb_rate_frac

    assert rates is not None
    assert np.isnan(rates).all()


def test_rates_without_any_known_column_are_refused(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(folder, "rates_daily.csv", "date,ecb_deposit_rate", "2018-01-03,-0.4")

    assert complaint(folder, calendar) == (
        "rates_daily.csv has none of the columns tbill_3m_dtb3, treasury_3m_dgs3mo, irx_13w_tbill"
        " (it has date, ecb_deposit_rate); add one of them."
    )


def test_breadth_dollar_index_and_settlements_are_kept(
    folder: Path, calendar: SessionCalendar
) -> None:
    write(
        folder,
        "nyse_breadth_daily.csv",
        "date,advances,declines",
        "2018-01-01,1,1",
        "2018-01-03,2000,900",
    )
    write(
        folder, "us_reer_monthly.csv", "date,us_reer_bis_broad", "2017-11-01,98.5", "2017-12-01,98"
    )
    write(
        folder,
        "vix_final_settlements.csv",
        "expiry_date,final_settlement_soq",
        "2018-01-03,9.535",
    )

    history = load_history(folder, calendar)

    assert history.advances is not None
    assert history.declines is not None
    np.testing.assert_array_equal(history.advances, [math.nan, 2000, math.nan, math.nan, math.nan])
    np.testing.assert_array_equal(history.declines, [math.nan, 900, math.nan, math.nan, math.nan])
    assert history.reer == (
        (date(2017, 11, 1), date(2018, 1, 19), 98.5),
        (date(2017, 12, 1), date(2018, 2, 19), 98.0),
    )
    assert history.vix_settlements == {date(2018, 1, 3): 9.535}


def write_parquet(
    folder: Path, rows: str, columns: str = "trade_date, expiry_date, settle"
) -> None:
    import duckdb  # noqa: PLC0415

    path = folder / "vx_term_structure_daily.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT * FROM (VALUES {rows}) t({columns})) TO '{path}'")


def test_futures_settles_are_read_nearest_first(folder: Path, calendar: SessionCalendar) -> None:
    write_parquet(
        folder,
        "('2018-01-03', '2018-02-14', 11.7), ('2018-01-03', '2018-01-17', 10.4),"
        " ('2018-01-06', '2018-01-17', 99.0)",
    )

    history = load_history(folder, calendar)

    assert history.vx is not None
    assert history.vx.curve(date(2018, 1, 3)) == (
        (date(2018, 1, 17), 10.4),
        (date(2018, 2, 14), 11.7),
    )
    assert history.vx.curve(date(2018, 1, 4)) is None
    assert history.vx.curve(date(2018, 1, 6)) is None
    assert history.provenance["vx"] == "real"


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("('2018-01-03', '2018-01-17', 0.0)", "settle 0 must be above 0; correct the value"),
        (
            "('2018-01-03', '2018-01-17', NULL::DOUBLE)",
            "settle nan must be above 0; correct the value",
        ),
        ("('2018-01-03', '2018-01-02', 10.0)", "expiry 2018-01-02 is past; correct the row"),
        (
            "('2018-01-03', '2018-01-17', 10.0), ('2018-01-03', '2018-01-17', 10.1)",
            "expiry 2018-01-17 stands twice; remove one of the rows",
        ),
    ],
)
def test_impossible_settles_are_refused(
    folder: Path, calendar: SessionCalendar, rows: str, sentence: str
) -> None:
    write_parquet(folder, rows)

    assert complaint(folder, calendar) == (
        f"vx_term_structure_daily.parquet, session 2018-01-03: {sentence}."
    )


def test_futures_without_a_column_are_refused(folder: Path, calendar: SessionCalendar) -> None:
    write_parquet(folder, "('2018-01-03', '2018-01-17', 10.0)", "trade_date, expiry_date, price")

    sentence = complaint(folder, calendar)

    assert sentence.startswith("vx_term_structure_daily.parquet cannot be read (")
    assert sentence.endswith(
        "it must be a Parquet file with the columns trade_date, expiry_date, settle."
    )


@pytest.mark.parametrize("garbage", [b"", b"PAR1 but not really PAR1", b"\x00" * 300])
def test_futures_in_a_broken_file_are_refused(
    folder: Path, calendar: SessionCalendar, garbage: bytes
) -> None:
    (folder / "vx_term_structure_daily.parquet").write_bytes(garbage)

    assert complaint(folder, calendar).startswith("vx_term_structure_daily.parquet cannot be read")


def test_minute_bars_that_cannot_be_read_are_refused(
    folder: Path, calendar: SessionCalendar
) -> None:
    (folder / "spx_1min.parquet").write_bytes(b"")

    assert complaint(folder, calendar).startswith("spx_1min.parquet cannot be read")


def test_values_are_carried_forward_for_a_limited_number_of_rows() -> None:
    values = np.array([math.nan, 1.0, math.nan, math.nan, math.nan, 2.0])

    filled = fill_forward(values, most=2)

    np.testing.assert_array_equal(filled, [math.nan, 1.0, 1.0, 1.0, math.nan, 2.0])


def test_the_first_known_column_is_chosen_row_by_row() -> None:
    columns = [
        np.array([1.0, math.nan, math.nan]),
        np.array([9.0, 2.0, math.nan]),
    ]

    np.testing.assert_array_equal(first_known(columns), [1.0, 2.0, math.nan])


def test_the_real_folder_loads_with_its_known_closes(data_folder: Path) -> None:
    calendar = SessionCalendar.build(date(1990, 1, 1), date(2026, 12, 31))

    history = load_history(data_folder, calendar)

    # Closes named in the folder's own description, checked against the exchange.
    known = {
        date(2020, 3, 16): 82.69,
        date(2008, 11, 20): 80.86,
        date(2018, 2, 5): 37.32,
        date(2024, 8, 5): 38.57,
    }
    assert {day: history.vix_close[history.index(day)] for day in known} == known
    assert history.sessions == calendar.between(history.sessions[0], history.sessions[-1])
    assert history.vx is not None
    assert np.isnan(history.vix_open[history.index(date(2004, 11, 8))])
    assert set(history.provenance.values()) == {"real"}
