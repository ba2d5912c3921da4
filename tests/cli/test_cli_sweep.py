"""`alvh sweep`: what it writes, what it refuses."""

import json
from pathlib import Path

import pytest
from cli_samples import Alvh

WINDOW = ("--from", "2018-02-01", "--to", "2018-02-09", "--workers", "1")


def test_a_sweep_writes_parquet_and_a_page_and_runs_nothing_twice(
    alvh: Alvh, tmp_path: Path
) -> None:
    call = ("sweep", "--grid", "alvh.delta_near=0.35,0.45", *WINDOW, "--out", tmp_path, "--json")

    first = alvh(*call)
    again = alvh(*call)

    told = json.loads(first.out)
    page = (tmp_path / "sweep.html").read_text(encoding="utf-8")
    assert (first.code, again.code) == (0, 0)
    assert (told["jobs"], told["failed"]) == (4, [])
    assert [each["listing"] for each in told["rankings"]] == ["listed", "hypothetical"]
    assert json.loads(again.out)["rankings"] == told["rankings"]
    assert again.err == ""
    assert len((tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert (tmp_path / "sweep.parquet").stat().st_size > 0
    assert "Guards against overfitting" in page


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--grid", "alvh.delta_neer=1"), "is no known key"),
        (("--no-history",), "--no-history without --seeds leaves no market"),
        (("--scheduler", "tcp://127.0.0.1:1"), "--scheduler is for --engine dask"),
        (("--grid", "alvh.delta_near=2"), "alvh.delta_near = 2 is refused"),
    ],
)
def test_a_mistake_is_one_sentence(
    alvh: Alvh, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    answer = alvh("sweep", *words, "--out", tmp_path / "out")

    assert answer.code == 2
    assert sentence in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
