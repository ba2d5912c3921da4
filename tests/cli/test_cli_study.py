"""`alvh study claims`: what it writes, and what it says when it cannot."""

import json
from pathlib import Path

from cli_samples import Alvh


def test_a_study_writes_figures_pictures_and_one_page_that_needs_nothing(
    alvh: Alvh, tmp_path: Path
) -> None:
    window = ("--from", "2018-02-01", "--to", "2018-02-06")

    answer = alvh(
        "study", "claims", *window, "--workers", "1", "--out", tmp_path / "study", "--json"
    )

    told = json.loads(answer.out)
    folder = tmp_path / "study"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert answer.code == 0
    assert told == json.loads((folder / "claims.json").read_text(encoding="utf-8"))
    assert [claim["id"] for claim in told["claims"]][:5] == ["S1", "S2", "S3", "S4", "K1"]
    covered = [row["name"] for row in told["stress"] if row["is_covered"]]
    assert covered == ["2015-08", "2018-02", "2018-12"]
    assert {path.name for path in folder.rglob("*.json")} == {"claims.json"}
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "equity.svg",
        "moves.svg",
        "stress_daily.svg",
        "stress_listed.svg",
        "stress_paths.svg",
        "stress_ungated.svg",
        "years.svg",
    }
    assert "Model risk: what is real, what is model" in page
    assert page.index("Model risk") < page.index("Claims of the seed") < page.index('id="K1"')
    for outside in ("src=", "href=", "@import", "url("):
        assert outside not in page.replace('xlink:href="#', "").replace("url(#", "")


def test_a_folder_without_history_is_one_sentence(alvh: Alvh, tmp_path: Path) -> None:
    answer = alvh("study", "claims", "--data", tmp_path / "none", "--out", tmp_path / "study")

    assert answer.code != 0
    assert "is no folder; name one that holds spx_daily.csv" in answer.err
    assert "Traceback" not in answer.err


def test_an_unknown_parameter_is_refused_before_anything_runs(alvh: Alvh, tmp_path: Path) -> None:
    answer = alvh("study", "claims", "--set", "alvh.delta_neer=0.4", "--out", tmp_path / "study")

    assert answer.code == 2
    assert "did you mean alvh.delta_near" in answer.err
    assert not (tmp_path / "study").exists()
