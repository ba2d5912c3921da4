"""One job of a sweep: a replay boiled down to a row of figures; the same on any engine."""

from typing import Any

from bot.report.tearsheet import tearsheet
from bot.study.populations import days_of
from bot.study.runs import run_hash, run_tables
from bot.study.statistics import deepest_fall, sharpe, yearly
from bot.study.tables import Tables
from bot.sweep.plan import Job

Row = dict[str, Any]
FIGURES = (
    "sessions",
    "condors_sold",
    "end_nlv_usd",
    "end_nlv_without_hedge_usd",
    "hedge_usd",
    "hedge_frac_per_year",
    "cagr_frac",
    "volatility_frac",
    "sharpe",
    "sharpe_without_hedge",
    "sortino",
    "max_drawdown_frac",
    "max_drawdown_without_hedge_frac",
    "tail_ratio",
    "steward_score",
)


def run_job(job: Job) -> Row:
    """Return the row of a job; whatever goes wrong is told in the row, since one failing job must
    not stop the others."""
    try:
        if run_hash(job.spec) != job.name:
            return failed(job, "this process runs other code than the one that planned the sweep")
        return done(job, run_tables(job.spec))
    except Exception as error:
        return failed(job, f"{type(error).__name__}: {error}")


def labels_of(job: Job) -> Row:
    """Return what a row says of where it belongs."""
    return {
        "job": job.name,
        "preset": job.spec.preset,
        "world": job.world,
        "seed": job.spec.seed,
        "listing": job.listing,
        "first": job.spec.first.isoformat(),
        "last": job.spec.last.isoformat(),
        "point": dict(job.point),
    }


def failed(job: Job, why: str) -> Row:
    """Return the row of a job that came to nothing."""
    return labels_of(job) | {"error": why} | dict.fromkeys(FIGURES) | {"daily_usd": []}


def done(job: Job, tables: Tables) -> Row:
    """Return the row of a finished replay; `daily_usd` is the account's change of each session."""
    days, start, last = days_of(tables), tables.start_nlv_usd, tables.sessions[-1]
    sheet = tearsheet(
        [row.session for row in tables.sessions], [row.nlv_usd for row in tables.sessions], start
    )
    figures = {
        "sessions": len(tables.sessions),
        "condors_sold": len(tables.trades),
        "end_nlv_usd": last.nlv_usd,
        "end_nlv_without_hedge_usd": last.condor_nlv_usd,
        "hedge_usd": round(last.nlv_usd - last.condor_nlv_usd, 2),
        "hedge_frac_per_year": yearly((days.hedge / days.nlv_before).reshape(-1, 1)),
        "cagr_frac": sheet.cagr_frac,
        "volatility_frac": sheet.volatility_frac,
        "sharpe": sharpe(days.full),
        "sharpe_without_hedge": sharpe(days.condor),
        "sortino": sheet.sortino,
        "max_drawdown_frac": deepest_fall(days.full, start),
        "max_drawdown_without_hedge_frac": deepest_fall(days.condor, start),
        "tail_ratio": sheet.tail_ratio,
        "steward_score": tables.conduct.get("steward_score"),
    }
    daily = [round(value, 2) for value in days.full.tolist()]
    return labels_of(job) | {"error": None} | figures | {"daily_usd": daily}
