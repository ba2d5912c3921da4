from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import HistoryError
from market.history_files import SPX_SHAPE, VIX_SHAPE
from market.history_table import read_table

# The first NYSE sessions of 2018; 1 January and the week-end are not among them.
POSITIONS = {date(2018, 1, day): row for row, day in enumerate((2, 3, 4, 5, 8, 9, 10))}

SPX = """\
date,open,high,low,close,volume
2018-01-02,2683.73,2695.89,2682.36,2695.81,1
2018-01-03,2697.85,2714.37,2697.77,2713.06,1
2018-01-04,2719.31,2729.29,2719.07,2723.99,1
2018-01-05,2731.33,2743.45,2727.92,2743.15,1
2018-01-08,2742.67,2748.51,2737.60,2747.71,1
"""


@pytest.fixture
def spx_file(tmp_path: Path) -> Path:
    path = tmp_path / "spx_daily.csv"
    path.write_text(SPX, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(HistoryError) as caught:
        read_table(path, SPX_SHAPE, POSITIONS)
    return str(caught.value)


def test_a_good_file_is_read_whole(spx_file: Path) -> None:
    table = read_table(spx_file, SPX_SHAPE, POSITIONS)

    assert table.days() == tuple(date(2018, 1, day) for day in (2, 3, 4, 5, 8))
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "open": [2683.73, 2697.85, 2719.31, 2731.33, 2742.67],
        "high": [2695.89, 2714.37, 2729.29, 2743.45, 2748.51],
        "low": [2682.36, 2697.77, 2719.07, 2727.92, 2737.60],
        "close": [2695.81, 2713.06, 2723.99, 2743.15, 2747.71],
    }


SPX_EDITS: list[tuple[str, Callable[[str], str], str]] = [
    (
        "missing column",
        lambda text: text.replace("date,open,high,low,close", "date,open,high,low,last"),
        "spx_daily.csv has no column 'close' (it has date, open, high, low, last, volume);"
        " add the column.",
    ),
    (
        "unreadable date",
        lambda text: text.replace("2018-01-03", "03/01/2018"),
        "spx_daily.csv, line 3: '03/01/2018' is no date; write it as YYYY-MM-DD.",
    ),
    (
        "impossible date",
        lambda text: text.replace("2018-01-03", "2018-02-30"),
        "spx_daily.csv, line 3: '2018-02-30' is no date; write it as YYYY-MM-DD.",
    ),
    (
        "unreadable number",
        lambda text: text.replace("2697.85", "many"),
        "spx_daily.csv, line 3 (2018-01-03): 'many' is no number;"
        " correct it or leave the cell empty.",
    ),
    (
        "infinite number",
        lambda text: text.replace("2697.85", "inf"),
        "spx_daily.csv, line 3 (2018-01-03): 'inf' is no number;"
        " correct it or leave the cell empty.",
    ),
    (
        "price of zero",
        lambda text: text.replace("2697.77", "0"),
        "spx_daily.csv, line 3 (2018-01-03): low is 0 but must be above 0; correct the value.",
    ),
    (
        "negative price",
        lambda text: text.replace("2713.06", "-2713.06"),
        "spx_daily.csv, line 3 (2018-01-03): close is -2713.06 but must be above 0;"
        " correct the value.",
    ),
    (
        "high below low",
        lambda text: text.replace("2714.37", "2614.37"),
        "spx_daily.csv, line 3 (2018-01-03): high 2614.37 is below low 2697.77;"
        " correct the two values.",
    ),
    (
        "close outside the range",
        lambda text: text.replace("2713.06", "2813.06"),
        "spx_daily.csv, line 3 (2018-01-03): close 2813.06 lies outside low 2697.77 … high"
        " 2714.37; correct the row.",
    ),
    (
        "duplicate date",
        lambda text: text.replace("2018-01-04", "2018-01-03"),
        "spx_daily.csv, line 4 (2018-01-03): the date stands twice; remove one of the rows.",
    ),
    (
        "unsorted dates",
        lambda text: (text.replace("2018-01-03", "x").replace("2018-01-04", "2018-01-03")).replace(
            "x", "2018-01-04"
        ),
        "spx_daily.csv, line 4 (2018-01-03): the date comes after 2018-01-04;"
        " sort the rows by date.",
    ),
    (
        "row out of order",
        lambda text: text + "2018-01-01,1,1,1,1,1\n",
        "spx_daily.csv, line 7 (2018-01-01): the date comes after 2018-01-08;"
        " sort the rows by date.",
    ),
    (
        "number on a holiday",
        lambda text: text.replace("2018-01-08", "2018-01-06"),
        "spx_daily.csv, line 6 (2018-01-06): a number on a day that is no NYSE session;"
        " remove the row.",
    ),
    (
        "gap of sessions",
        lambda text: "".join(
            line
            for line in text.splitlines(keepends=True)
            if not line.startswith(("2018-01-04", "2018-01-05"))
        ),
        "spx_daily.csv, line 4 (2018-01-08): sessions missing between 2018-01-03 and this"
        " row: 2; add their rows.",
    ),
    (
        "empty price",
        lambda text: text.replace("2713.06", ""),
        "spx_daily.csv, line 3 (2018-01-03): close is empty; fill the cell in.",
    ),
    (
        "decimal comma",
        lambda text: text.replace("2713.06", "2713,06"),
        "spx_daily.csv, line 3: the header names 6 cells, the line has 7; mend the line.",
    ),
    (
        "empty file",
        lambda _: "",
        "spx_daily.csv has no column 'date' (it has no readable header); add the column.",
    ),
    (
        "header alone",
        lambda text: text.splitlines()[0],
        "spx_daily.csv holds no usable row; fill it or remove the file.",
    ),
]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [pytest.param(edit, sentence, id=name) for name, edit, sentence in SPX_EDITS],
)
def test_bad_input_is_told_in_one_sentence(
    spx_file: Path, edit: Callable[[str], str], sentence: str
) -> None:
    spx_file.write_text(edit(SPX), encoding="utf-8")

    assert complaint(spx_file) == sentence


def test_the_first_bad_line_wins(spx_file: Path) -> None:
    text = SPX.replace("2713.06", "-1").replace("2018-01-08", "never")
    spx_file.write_text(text, encoding="utf-8")

    assert "line 3 (2018-01-03)" in complaint(spx_file)


def test_byte_order_mark_carriage_returns_and_spaces_are_read(spx_file: Path) -> None:
    plain = read_table(spx_file, SPX_SHAPE, POSITIONS)
    spaced = SPX.replace(",", ", ").replace("\n", "\r\n")
    spx_file.write_bytes(b"\xef\xbb\xbf" + spaced.encode())

    marked = read_table(spx_file, SPX_SHAPE, POSITIONS)

    assert marked.days() == plain.days()
    assert marked.columns["close"].tolist() == plain.columns["close"].tolist()


def test_rows_flagged_as_no_session_and_empty_holiday_rows_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "vix_daily.csv"
    path.write_text(
        "date,open,close,is_nyse_session\n"
        "2018-01-01,11.0,11.0,False\n"
        "2018-01-04,9.01,9.22,True\n"
        "2018-01-05,9.08,9.22,True\n"
        "2018-01-06,.,.,True\n"
        "2018-01-07,,nan,True\n",
        encoding="utf-8",
    )

    table = read_table(path, VIX_SHAPE, POSITIONS)

    assert table.days() == (date(2018, 1, 4), date(2018, 1, 5))
    assert table.columns["close"].tolist() == [9.22, 9.22]
