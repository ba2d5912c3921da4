"""README's figures are what the program says today."""

import json
from collections import Counter
from pathlib import Path
from textwrap import dedent
from typing import Any

from cli_samples import Alvh

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
STUDY = Path(__file__).parents[2] / "docs" / "studies" / "recorded-2006-2026"
FIVE_YEARS = ("--from", "2014-01-03", "--to", "2018-12-31", "--json")


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def test_the_summary_of_the_first_run_stands_in_readme_line_by_line(
    alvh: Alvh, tmp_path: Path
) -> None:
    begin = README.index("    2018-01-02 … 2018-03-29: 61 sessions")
    shown = dedent(README[begin : README.index("![Equity with and without", begin)]).strip()

    answer = alvh("run", "--pace", "0", "--out", tmp_path / "quarter")

    assert shown in answer.out


def test_the_five_years_stand_in_readme_as_they_come_out(alvh: Alvh) -> None:
    full, ungated = (
        json.loads(alvh("backtest", *FIVE_YEARS, *more).out)
        for more in ((), ("--set", "capital.wacc_enabled=false"))
    )

    assert told(full, ungated) in words(README)


def test_the_twenty_recorded_years_stand_in_readme_as_the_study_tells_them() -> None:
    study = json.loads((STUDY / "claims.json").read_text(encoding="utf-8"))
    base = study["books"][0]
    verdicts = Counter(claim["verdict"] for claim in study["claims"])

    assert (
        f"the condors alone turn 250,000 into {round(base['end_nlv_without_hedge_usd'], -2):,.0f}"
        f" and the account with the hedge ends at {round(base['end_nlv_usd'], -2):,.0f},"
        f" its deepest drawdown {100 * base['max_drawdown_frac']:.1f} % against"
        f" {100 * base['max_drawdown_without_hedge_frac']:.1f} %; of the method's"
        f" {verdicts.total()} claims {verdicts['supported']} are supported,"
        f" {verdicts['refuted']} refuted and {verdicts['undecided']} undecided"
    ) in words(README)


def told(full: dict[str, Any], ungated: dict[str, Any]) -> str:
    """Return README's sentences with the figures of two runs."""

    def ends(run: dict[str, Any]) -> str:
        return f"{round(run['end_nlv_usd'], -2):,.0f}"

    bare, bare_ungated = full["unhedged"], ungated["unhedged"]
    years = full["sessions"] / 252
    cost = -full["net_hedge_pnl_usd"] / full["start_nlv_usd"] / years
    falls = [f"{100 * run['max_drawdown_frac']:.1f} %" for run in (full, bare)]
    return (
        f"the condors alone turn 250,000 into {ends(bare)} and the hedge costs another"
        f" {100 * cost:.0f} % a year and makes the deepest drawdown deeper"
        f" ({falls[0]} against {falls[1]}); the method's own capital rule R-30 skips"
        f" {full['condors_skipped']['IRR']} sessions as not worth their capital, and without it"
        " (`--set capital.wacc_enabled=false`) the account ends at"
        f" {ends(ungated)} with the hedge, {ends(bare_ungated)} without."
    )
