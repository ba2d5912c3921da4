"""A user's mistake gets one sentence that names the remedy, exit code 2, and nothing is written."""

from pathlib import Path

import pytest
from cli_samples import Alvh

QUARTER = ("--from", "2018-01-02", "--to", "2018-01-31")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("backtest", "--from", "2018-03-01", "--to", "2018-01-02"),
            "--from 2018-03-01 lies after --to 2018-01-02; swap them.",
        ),
        (
            ("backtest", "--from", "2018-02-30"),
            "--from 2018-02-30 is no date; write it as 2018-02-05.",
        ),
        (
            ("backtest", "--from", "1950-01-03", "--to", "1950-02-01"),
            "1950-01-03 … 1950-02-01 lies outside the history at hand, which runs from 2014-01-03 "
            "to 2018-12-31; choose dates in that range.",
        ),
        (
            ("backtest", "--from", "2018-01-06", "--to", "2018-01-07"),
            "no trading session lies between 2018-01-06 and 2018-01-07.",
        ),
        (
            ("decide", "--as-of", "2018-01-01"),
            "2018-01-01 is no trading session; the nearest ones are 2017-12-29 and 2018-01-02.",
        ),
        (
            ("backtest", "--preset", "seed_52", *QUARTER),
            "preset 'seed_52' is unknown; did you mean seed_25.",
        ),
        (
            ("backtest", "--set", "condor.wing_width_points=27", *QUARTER),
            "wing_width_points = 27 is off the strike grid; use a multiple of "
            "strike_grid_points = 5",
        ),
        (
            ("backtest", "--set", "alvh.budget_max_frac=-0.1", *QUARTER),
            "alvh.budget_max_frac = -0.1",
        ),
        (
            ("backtest", "--set", "alvh.no_such_key=1", *QUARTER),
            "alvh.no_such_key is no known key",
        ),
        (("plan", "--as-of", "1980-01-02"), "--as-of 1980-01-02 lies outside the calendar"),
        (("journal", "verify", "no-such-file.db"), "no-such-file.db is no file"),
        (
            ("run", "--profile", "sim", "--data", "."),
            "--data goes with --profile replay only; leave it out.",
        ),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_a_mistake_gets_one_sentence(alvh: Alvh, arguments: tuple[str, ...], sentence: str) -> None:
    answer = alvh(*arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("alvh: ")
    assert answer.err.count("\n") == 1
    assert sentence in answer.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[condor]\nwing_widht = 25\n", "condor.wing_widht is no known key"),
        ("not toml at all [[[\n", "mine.toml is no valid TOML"),
        ('[condor]\nmax_delta = "much"\n', "condor.max_delta = 'much' is refused"),
    ],
)
def test_a_bad_settings_file_is_named(alvh: Alvh, tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)

    answer = alvh("backtest", "--config", file, *QUARTER)

    assert answer.code == 2
    assert "mine.toml" in answer.err
    assert sentence in answer.err


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("date,open,high,low\n2018-01-02,1,2,0.5\n", "close"),
        ("date,open,high,low,close\n2018-01-02,1,2,0.5,-3\n", "-3"),
        (
            "date,open,high,low,close\n2018-01-03,1,2,1,1.5\n2018-01-02,1,2,1,1.5\n",
            "2018-01-02",
        ),
        ("date,open,high,low,close\n2018-01-01,1,2,1,1.5\n", "2018-01-01"),
        (
            "date,open,high,low,close\n2018-01-02,1,2,1,1.5\n2018-01-04,1,2,1,1.5\n",
            "sessions missing between 2018-01-02 and this row: 1",
        ),
    ],
    ids=["missing column", "negative price", "unsorted", "holiday", "gap"],
)
def test_a_bad_history_file_stops_before_anything_is_written(
    alvh: Alvh, tmp_path: Path, rows: str, sentence: str
) -> None:
    data, journal = tmp_path / "data", tmp_path / "journal.db"
    data.mkdir()
    (data / "spx_daily.csv").write_text(rows)
    (data / "vix_daily.csv").write_text("date,open,close\n2018-01-02,10,10\n")

    answer = alvh("backtest", "--data", data, "--journal", journal, *QUARTER)

    assert answer.code == 2
    assert "spx_daily.csv" in answer.err
    assert sentence in answer.err
    assert not journal.exists()


def test_an_existing_journal_is_never_written_over(alvh: Alvh, tmp_path: Path) -> None:
    journal = tmp_path / "mine.db"
    journal.write_text("precious")

    answer = alvh("backtest", "--journal", journal, *QUARTER)

    assert answer.code == 2
    assert "exists already" in answer.err
    assert journal.read_text() == "precious"


def test_an_unknown_option_is_the_users_mistake(alvh: Alvh) -> None:
    assert alvh("backtest", "--no-such-option").code == 2
    assert alvh("no-such-command").code == 2
