"""Replays as evidence: rows that add up, runs that are kept, claims on worlds of known truth."""

import multiprocessing
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.report.scorecard import scorecard
from bot.study.claim import judged
from bot.study.claims import CLAIMS, judge_all
from bot.study.library import Library, attempts, collect, quiet
from bot.study.model_error import model_error
from bot.study.populations import Evidence
from bot.study.runs import (
    RunSpec,
    Shelf,
    history_source,
    run_hash,
    run_tables,
    synthetic_source,
    synthetic_window,
)
from bot.study.stress import WINDOWS, path_of, stress_rows
from bot.study.tables import Tables
from bot.study.variants import all_variants
from bot.study.window import span_of_study
from market.errors import ConfigError

FIRST, LAST = date(2018, 1, 2), date(2018, 3, 29)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def spec() -> RunSpec:
    """Return the run of the default quarter."""
    return RunSpec("seed_25", (), history_source(None), FIRST, LAST, 7)


@pytest.fixture(scope="module")
def tables(spec: RunSpec) -> Tables:
    """Return its rows."""
    return run_tables(spec)


def test_the_trades_of_a_run_add_up_to_its_account_without_the_hedge(tables: Tables) -> None:
    earned = sum(trade.net_usd for trade in tables.trades)

    assert tables.sessions[-1].condor_nlv_usd == pytest.approx(tables.start_nlv_usd + earned)


def test_held_trades_add_up_to_the_shadow_book_that_never_shifts(tables: Tables) -> None:
    last = tables.sessions[-1]
    held = sum(trade.held_net_usd for trade in tables.trades)
    hedge = last.nlv_usd - last.condor_nlv_usd

    assert last.held_nlv_usd == pytest.approx(tables.start_nlv_usd + held + hedge)


def test_every_session_has_one_row_and_one_entry(tables: Tables) -> None:
    sessions = [row.session for row in tables.sessions]

    assert [entry.session for entry in tables.entries] == sessions
    assert len(sessions) == 61
    sold = {entry.session for entry in tables.entries if entry.action == "SELL"}
    assert {trade.session for trade in tables.trades} <= sold


def test_rows_survive_being_kept(spec: RunSpec, tables: Tables, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)

    shelf.put(spec, tables)

    assert shelf.get(spec) == tables
    assert shelf.get(replace(spec, seed=8)) is None


def test_a_damaged_file_counts_as_none(spec: RunSpec, tables: Tables, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(spec, tables)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])

    assert shelf.get(spec) is None


def test_a_study_begins_when_there_was_a_hedge_to_buy(data_folder: Path) -> None:
    """VIX options were listed on 24 February 2006; recorded SPX and VIX reach back to 1990."""
    recorded, built_in = history_source(data_folder), history_source(None)

    assert span_of_study(recorded, None, date(2008, 12, 31))[0] == date(2006, 2, 24)
    assert span_of_study(recorded, date(2004, 1, 5), date(2008, 12, 31))[0] == date(2004, 1, 5)
    assert span_of_study(built_in, None, None) == (date(2014, 1, 3), date(2018, 12, 31))


def test_a_run_is_named_by_all_that_it_depends_on(spec: RunSpec) -> None:
    others = [
        spec.with_overrides("alvh.delta_near=0.40"),
        replace(spec, seed=8),
        replace(spec, last=date(2018, 3, 28)),
        replace(spec, source=replace(spec.source, fingerprint="other")),
    ]

    names = {run_hash(each) for each in (spec, *others)}

    assert len(names) == 5
    same = spec.with_overrides("alvh.delta_near=0.45")
    assert run_hash(same) == run_hash(spec)


def test_a_folder_that_differs_from_the_one_asked_for_is_refused(
    spec: RunSpec, tmp_path: Path
) -> None:
    (tmp_path / "spx_daily.csv").write_text("date,close\n")
    elsewhere = replace(spec, source=replace(spec.source, folder=str(tmp_path), fingerprint="x"))

    with pytest.raises(ConfigError, match="holds other data here"):
        run_tables(elsewhere)


def deadly(spec: RunSpec) -> str:
    """End the process that makes the second run, unless it is the study's own."""
    if spec.seed == 2 and multiprocessing.parent_process() is not None:
        os._exit(1)
    return f"made {spec.seed}"


def test_runs_go_on_alone_when_a_process_was_killed(spec: RunSpec) -> None:
    specs = [replace(spec, seed=seed) for seed in (1, 2, 3, 4)]

    found = list(attempts(specs, 2, deadly))

    assert found == [(each, f"made {each.seed}") for each in specs]


def test_a_run_that_cannot_be_made_is_named(spec: RunSpec, tmp_path: Path) -> None:
    outside = replace(spec, first=date(1990, 1, 2))

    with pytest.raises(ConfigError, match="the replay outside could not be made: 1990-01-02"):
        collect(Shelf(tmp_path), {"outside": outside}, spec, 1, quiet)


@pytest.fixture(scope="module")
def library(spec: RunSpec, tables: Tables) -> Library:
    """Return a library in which every variant came out like the full method."""
    return Library(spec, dict.fromkeys(all_variants(), tables))


def test_every_claim_is_judged_with_the_same_keys(library: Library) -> None:
    found = judge_all(Evidence(library))

    names = [claim["id"] for claim in found]
    assert names == ["S1", "S2", "S3", "S4", *(f"K{number}" for number in range(1, 23))]
    assert len({tuple(claim) for claim in found}) == 1
    for claim in found:
        assert claim["verdict"] in ("supported", "refuted", "undecided")
        has_interval = claim["ci_low"] is not None and claim["ci_high"] is not None
        assert has_interval or (claim["ci_low"] is None and claim["reason"])
        assert claim["sentence"].startswith(claim["verdict"].capitalize())


def test_a_rule_that_never_acted_stays_undecided_without_numbers(library: Library) -> None:
    found = {claim["id"]: claim for claim in judge_all(Evidence(library))}

    for name, why in (
        ("K14", "no condor was ever rolled back"),
        ("K18", "the window holds no session of 2022"),
        ("K19", "the rule never changed a trade in this window"),
    ):
        row = found[name]
        told = (row["n"], row["estimate"], row["ci_low"], row["verdict"], row["reason"])
        assert told == (0, None, None, "undecided", why)


@pytest.mark.parametrize(("coverage_20", "expected"), [(1.5, "supported"), (0.5, "refuted")])
def test_a_convex_hedge_that_falls_behind_the_condors_refutes_the_claim(
    spec: RunSpec, tables: Tables, coverage_20: float, expected: str
) -> None:
    """K17 asks for a steepening pay-off and for coverage that rises with the shock."""
    rows = tuple(
        replace(row, steepening=1.8, coverage_10=1.2, coverage_20=coverage_20)
        for row in tables.sessions
    )
    claim = next(each for each in CLAIMS if each.name == "K17")
    library = Library(spec, {"base": replace(tables, sessions=rows)})

    found = judged(replace(claim, is_repeated=False), Evidence(library))

    assert (found["estimate"], found["verdict"]) == (1.8, expected)
    assert [each["verdict"] for each in found["also"]] == [expected]


def _edge(vol_shock: float) -> dict[str, object]:
    """Return the claim K6 on a drawn market whose options are priced off by a share."""
    sessions = 252
    overrides = (
        'market.listing="hypothetical"',
        "capital.wacc_enabled=false",
        f"market.vol_shock_frac={vol_shock}",
    )
    spec = RunSpec("seed_25", overrides, synthetic_source(sessions), *synthetic_window(sessions), 4)
    claim = next(each for each in CLAIMS if each.name == "K6")
    library = Library(spec, {"base": run_tables(spec)})
    return judged(replace(claim, is_repeated=False), Evidence(library))


@pytest.mark.parametrize(
    ("vol_shock", "verdict"), [(0.5, "supported"), (0.0, "undecided"), (-0.3, "refuted")]
)
def test_a_planted_edge_is_found_end_to_end_and_a_planted_absence_is_not(
    vol_shock: float, verdict: str
) -> None:
    """Options half too dear are an edge for their seller, options too cheap a loss."""
    found = _edge(vol_shock)

    assert found["verdict"] == verdict


def test_windows_out_of_reach_are_listed_with_the_reason() -> None:
    rows = stress_rows({}, date(2014, 1, 3), date(2014, 12, 31))

    assert [row["name"] for row in rows] == [window.name for window in WINDOWS]
    assert {row["is_covered"] for row in rows} == {False}
    assert {row["reason"] for row in rows} == {
        "the history at hand runs from 2014-01-03 to 2014-12-31"
    }
    assert {row["net_usd"] for row in rows} == {None}


def test_a_stress_path_starts_the_evening_before(tables: Tables) -> None:
    window = next(each for each in WINDOWS if each.name == "2018-02")

    path = path_of(window, "listed", tables)

    before = next(row for row in tables.sessions if row.session == date(2018, 1, 31))
    last = next(row for row in tables.sessions if row.session == date(2018, 2, 28))
    net = path.condor_usd[-1] + path.hedge_usd[-1]
    assert path.sessions[0] == date(2018, 2, 1)
    assert net == pytest.approx(last.nlv_usd - before.nlv_usd, abs=0.02)


def test_the_model_errors_are_those_of_the_page_that_explains_them() -> None:
    page = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    errors = {row["what"]: row["value"] for row in model_error()["errors"]}
    vol = errors["implied vol of SPX options, closing chains held out"]
    condor = "credit of one-day 25-wide condors"
    closing, evenings = (
        errors[f"{condor}, {sample} held out"] for sample in ("closing chains", "evenings of 2026")
    )
    future, far_future = (
        errors[f"VIX future, {place} position, where not recorded"] for place in ("first", "eighth")
    )

    shown = (
        f"implied vol, vol points | {vol} |",
        f"one-day 25-wide condors, credit, points | {closing} | {evenings} |",
        f"as a part of the credit | {100 * errors['the same as a part of the credit']:g} % |",
        f"VIX1D inferred | {100 * errors['VIX1D inferred where it is not recorded']:g} % |",
        f"delta, up to 65 days | {errors['VIX calls of 5 to 50 delta, up to 65 days']} points;",
        f"VIX futures, positions 1 to 8 | {future} ",
        f" {far_future} points | months held out, 2007–2026 |",
    )

    assert [each for each in shown if each not in page] == []
    assert len(errors) == 8


def test_the_scorecard_counts_the_ten_worst_days(tables: Tables) -> None:
    card = scorecard(tables)

    days = card["worst_days"]
    assert len(days) == 10
    assert [day["condor_usd"] for day in days] == sorted(day["condor_usd"] for day in days)
    assert card["hedge_usd"] == pytest.approx(1750.43)
    assert card["credit_captured_frac"] == pytest.approx(
        sum(t.credit_points * t.quantity for t in tables.trades)
        / sum((t.mid_points or 0) * t.quantity for t in tables.trades),
        abs=1e-6,
    )
