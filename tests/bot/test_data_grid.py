"""The CSV files of many vendors become one form, and what is no such file is named."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.data.grid import Grid, merged, read_grid
from market.errors import HistoryError
from market.history_files import SPX_SHAPE, VIX_SHAPE

STORED = b"date,open,high,low,close\n2018-02-02,2808.92,2808.92,2759.97,2762.13\n"


@pytest.mark.parametrize(
    "text",
    [
        "date,open,high,low,close\n2018-02-02,2808.92,2808.92,2759.97,2762.13\n",
        "Date,Open,High,Low,Close\n02/02/2018,2808.92,2808.92,2759.97,2762.13\n",
        " DATE , OPEN , HIGH , LOW , CLOSE*\n2/2/2018,2808.92,2808.92,2759.97,2762.13\n",
        "\ufeffDate,Close/Last,Open,High,Low\n02/02/2018,2762.13,2808.92,2808.92,2759.97\n",
        "Date,Open,High,Low,Close,Adj Close,Volume\n"
        "2018-02-02 00:00:00-05:00,2808.92,2808.92,2759.97,2762.13,2762.13,4301130000\n",
        'Date,Open,High,Low,Close\n02/02/2018,"2,808.92","2,808.92","2,759.97","2,762.13"\n',
        "A notice of terms\n\nDate,Open,High,Low,Close\n"
        "2018-02-02,2808.92,2808.92,2759.97,2762.13\n\n",
    ],
    ids=["ours", "m/d/Y", "spaces", "Close/Last", "times", "commas", "a notice"],
)
def test_many_forms_become_one(text: str) -> None:
    grid = read_grid(text.encode(), SPX_SHAPE, "mine.csv")

    assert grid.to_csv() == STORED


def test_rows_that_run_backwards_are_turned() -> None:
    text = b"Date,Close\n2018-02-05,37.32\n2018-02-02,17.31\n2018-02-01,13.47\n"

    grid = read_grid(text, VIX_SHAPE, "mine.csv")

    assert grid.column("close") == {
        date(2018, 2, 1): "13.47",
        date(2018, 2, 2): "17.31",
        date(2018, 2, 5): "37.32",
    }


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            b"",
            "mine.csv has no column of dates (it begins with nothing readable); name one 'date'.",
        ),
        (
            b"When,Close\n2018-02-02,1\n",
            "mine.csv has no column of dates (it begins with when, close); name one 'date'.",
        ),
        (b"Date,Close\n", "mine.csv holds no row; choose another file."),
        (
            b"Date,Close\n2018-02-02\n",
            "mine.csv, line 2: the header names 2 cells, the line has 1; mend the line.",
        ),
        (
            b"Date,Close\n25/12/2018,1\n",
            "mine.csv, line 2: '25/12/2018' is no date; write YYYY-MM-DD or month/day/year.",
        ),
    ],
)
def test_what_is_no_such_file_is_named(body: bytes, sentence: str) -> None:
    with pytest.raises(HistoryError) as refused:
        read_grid(body, VIX_SHAPE, "mine.csv")

    assert str(refused.value) == sentence


def test_bytes_that_are_no_text_are_named() -> None:
    with pytest.raises(HistoryError, match=r"mine\.csv is no CSV text in UTF-8"):
        read_grid(b"Date,Close\n\xff\xfe\n", VIX_SHAPE, "mine.csv")


closes = st.dictionaries(
    st.integers(0, 30).map(lambda days: date(2018, 1, 1) + timedelta(days=days)),
    st.sampled_from(["", "10.5", "11.25", "12"]),
    min_size=1,
)


def as_grid(cells: dict[date, str]) -> Grid:
    return Grid("date", ("close",), tuple((day, (cells[day],)) for day in sorted(cells)))


@given(closes, closes)
def test_merging_keeps_every_date_and_believes_the_new_one(
    old: dict[date, str], new: dict[date, str]
) -> None:
    both = merged(as_grid(old), as_grid(new)).column("close")

    assert both == {day: new.get(day) or old.get(day) or "" for day in sorted(old | new)}


def test_a_date_that_stands_twice_is_refused() -> None:
    twice = Grid("date", ("close",), ((date(2018, 2, 2), ("1",)), (date(2018, 2, 2), ("2",))))

    with pytest.raises(HistoryError, match="2018-02-02 stands twice"):
        merged(None, twice)
