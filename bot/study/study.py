"""A study as one object: window, what is real, every claim, stress, model error, the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import __version__
from bot.report.scorecard import scorecard
from bot.report.tearsheet import tearsheet
from bot.study.claims import judge_all
from bot.study.library import Library, Progress, collect
from bot.study.model_error import model_error, real_and_modelled
from bot.study.populations import Evidence, days_of
from bot.study.runs import RunSpec, Shelf, as_mapping, calendar_of, code_hash, span_of
from bot.study.statistics import deepest_fall, yearly
from bot.study.stress import stress_rows, stress_specs
from bot.study.tables import Tables
from bot.study.variants import BASE, SCENARIOS, specs_of


@dataclass(frozen=True)
class Study:
    """All that a study came to; `told` is what claims.json holds."""

    told: dict[str, Any]
    evidence: Evidence


def make_study(
    base: RunSpec, shelf: Shelf, workers: int, progress: Progress, command: str
) -> Study:
    """Run what is missing and judge every claim.

    Raises:
        ConfigError: a replay could not be made.
    """
    # Stress windows start accounts of their own, so all that the history reaches over are told.
    reach = span_of(base.source, None, None)
    stress = stress_specs(base, calendar_of(base.source), *reach)
    library = collect(shelf, specs_of(base) | stress, base, workers, progress)
    evidence = Evidence(library)
    tables = evidence.tables
    told = {
        "study": as_mapping(base) | {"version": __version__, "code": code_hash()},
        "command": command,
        "is_simulated": True,
        "real_and_modelled": real_and_modelled(tables.series),
        "model_error": model_error(),
        "books": _books(library),
        "start_nlv": tables.start_nlv_usd,
        "tearsheet": _tearsheets(tables),
        "scorecard": scorecard(tables),
        "claims": judge_all(evidence),
        "stress": stress_rows(library.tables, *reach),
        "conduct": dict(tables.conduct),
        "skipped": dict(tables.skipped),
    }
    return Study(told, evidence)


def _books(library: Library) -> list[dict[str, Any]]:
    """Return the headline result of every scenario."""
    return [_book(name, words, library[name]) for name, (words, _more) in SCENARIOS.items()]


def _book(name: str, words: str, tables: Tables) -> dict[str, Any]:
    days, start = days_of(tables), tables.start_nlv_usd
    last = tables.sessions[-1]
    return {
        "name": name,
        "words": words,
        "condors_sold": len(tables.trades),
        "end_nlv_usd": last.nlv_usd,
        "end_nlv_without_hedge_usd": last.condor_nlv_usd,
        "hedge_usd": round(last.nlv_usd - last.condor_nlv_usd, 2),
        "hedge_frac_per_year": round(yearly((days.hedge / days.nlv_before).reshape(-1, 1)), 6),
        "max_drawdown_frac": round(deepest_fall(days.full, start), 6),
        "max_drawdown_without_hedge_frac": round(deepest_fall(days.condor, start), 6),
        "is_base": name == BASE,
    }


def _tearsheets(tables: Tables) -> Mapping[str, Any]:
    start, rows = tables.start_nlv_usd, tables.sessions
    sessions = [row.session for row in rows]
    return {
        "with_hedge": tearsheet(sessions, [row.nlv_usd for row in rows], start).as_dict(),
        "without": tearsheet(sessions, [row.condor_nlv_usd for row in rows], start).as_dict(),
    }


def shelf_in(out: Path) -> Shelf:
    """Return where a study keeps its replays."""
    return Shelf(out / "cache")
