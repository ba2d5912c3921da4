"""`alvh report`: pages of a range, of a day and of a study, and what it refuses."""

import json
import re
from pathlib import Path

import pytest
from cli_samples import Alvh

from bot.report.interval_bar import interval_bar
from bot.report.page import part_figure, rendered
from bot.report.study_page import PICTURES

WINDOW = ("--from", "2018-01-22", "--to", "2018-02-09")


@pytest.fixture
def journal(alvh: Alvh, tmp_path: Path) -> Path:
    """Return the journal of three weeks around the shock of February 2018."""
    path = tmp_path / "journal.db"
    assert alvh("backtest", *WINDOW, "--journal", path).code == 0
    return path


def _asks_nothing_of_the_network(page: str) -> bool:
    text = page.replace('xlink:href="#', "").replace("url(#", "")
    return not any(word in text for word in ("src=", "href=", "@import", "url(", "<script"))


def test_a_range_tells_the_same_as_the_backtest(alvh: Alvh, journal: Path) -> None:
    told = json.loads(alvh("report", "--journal", journal, "--json").out)
    result = json.loads(alvh("backtest", *WINDOW, "--json").out)

    page = Path(told["page"]).read_text(encoding="utf-8")
    assert told["end_nlv_usd"] == result["end_nlv_usd"]
    assert told["end_nlv_without_hedge_usd"] == result["unhedged"]["end_nlv_usd"]
    assert told["skipped"] == result["condors_skipped"]
    sheet, card = told["tearsheet"]["with_hedge"], told["scorecard"]
    assert sheet["max_drawdown_frac"] == pytest.approx(result["max_drawdown_frac"], abs=1e-6)
    assert card["hedge_usd"] == result["net_hedge_pnl_usd"]
    assert card["steward_score"] == result["conduct"]["steward_score"]
    assert card["regret_vs_hold_usd"] == result["conduct"]["regret_vs_hold_usd"]
    assert _asks_nothing_of_the_network(page)
    assert '<meta name="viewport" content="width=device-width' in page
    assert "@media print" in page


def test_a_later_range_starts_where_the_account_stood(alvh: Alvh, journal: Path) -> None:
    whole = json.loads(alvh("report", "--journal", journal, "--json").out)
    part = json.loads(alvh("report", "--journal", journal, "--from", "2018-02-05", "--json").out)

    assert part["end_nlv_usd"] == whole["end_nlv_usd"]
    assert part["sessions"] == 5
    worst = part["scorecard"]["worst_days"]
    assert sorted(day["session"] for day in worst) == [f"2018-02-0{day}" for day in (5, 6, 7, 8, 9)]
    assert [day["condor_usd"] for day in worst] == sorted(day["condor_usd"] for day in worst)


def test_a_day_tells_every_decision_and_every_fill(alvh: Alvh, journal: Path) -> None:
    told = json.loads(alvh("report", "--journal", journal, "--day", "2018-02-05", "--json").out)

    said = [line["what"] for line in told["story"]]
    assert "No condor: no SPXW series expiring 2018-02-06 was listed (A7)." in said
    assert told["day_usd"] == pytest.approx(
        told["condor_day_usd"] + told["hedge_day_usd"], abs=0.02
    )
    assert sorted(told["shadows"]) == [
        "condor_only", "full", "no_time_shift", "static_hedge", "stop_2x",
    ]  # fmt: skip
    assert _asks_nothing_of_the_network(Path(told["page"]).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--day", "2018-03-05"), "the run has not finished 2018-03-05"),
        (("--from", "2018-02-09", "--to", "2018-02-01"), "lies after --to"),
        (("--from", "2018-03-01", "--to", "2018-03-05"), "the run holds no session from"),
        (("--day", "2018-02-05", "--from", "2018-02-01"), "give one of them"),
        (("--study", "nowhere"), "give one of them"),
    ],
)
def test_a_mistake_is_one_sentence(
    alvh: Alvh, journal: Path, words: tuple[str, ...], sentence: str
) -> None:
    answer = alvh("report", "--journal", journal, *words)

    assert answer.code == 2
    assert sentence in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_folder_without_a_study_is_one_sentence(alvh: Alvh, tmp_path: Path) -> None:
    answer = alvh("report", "--study", tmp_path)

    assert answer.code == 2
    assert "name a folder that `alvh study claims --out` has written" in answer.err


@pytest.mark.parametrize("name", ["built-in-2014-2018", "recorded-2006-2026"])
def test_the_committed_study_renders_again_from_its_figures(
    alvh: Alvh, tmp_path: Path, name: str
) -> None:
    folder = Path(__file__).parents[2] / "docs" / "studies" / name

    told = json.loads((folder / "claims.json").read_text(encoding="utf-8"))

    answer = alvh("report", "--study", folder, "--out", tmp_path / "again.html")

    assert answer.code == 0
    assert told["command"].endswith(f" --out docs/studies/{name}")
    assert (tmp_path / "again.html").read_text() == (folder / "report.html").read_text()
    assert len(list((folder / PICTURES).glob("*.svg"))) >= 5


def test_account_numbers_never_reach_a_page() -> None:
    page = rendered("base.html.j2", title="order of DU1234567 refused")

    assert "DU1234567" not in page
    assert "67 refused" in page


def test_an_interval_is_drawn_beside_what_is_claimed() -> None:
    claim = {
        "ci_low": 0.1, "ci_high": 0.3, "estimate": 0.2, "claimed_low": 0.4, "claimed_high": None,
        "claimed": "at least 40 %", "unit": "frac",
    }  # fmt: skip

    drawn = interval_bar(claim)

    assert 'aria-label="interval 10.0\u00a0% to 30.0\u00a0%, claimed at least 40 %"' in drawn
    assert re.findall(r"<text[^>]*>([^<]*)<", drawn) == [
        "at least 40 %", "10.0\u00a0%", "30.0\u00a0%",
    ]  # fmt: skip
    assert _places(drawn, "line", "x1", "x2") == [95.2, 234.9]
    assert interval_bar(claim | {"ci_low": None}) == ""


def _places(drawn: str, element: str, *names: str) -> list[float]:
    found = re.search(rf"<{element} [^>]*>", drawn)
    assert found is not None
    return [float(re.findall(rf' {name}="([^"]+)"', found[0])[0]) for name in names]


def test_parts_of_a_claim_are_told_in_its_unit_and_neighbours_in_their_own() -> None:
    claim = {"unit": "frac"}

    told = [
        part_figure(-0.00281, {"by": "year"}, claim),
        part_figure(0.8881, {"by": "beside"}, claim),
        part_figure(-5532.83, {"by": "beside"}, claim),
        part_figure(None, {"by": "year"}, claim),
    ]

    assert told == ["−0.28\u00a0%", "0.888", "−5,533", "unknown"]
