"""`alvh sweep`: a grid of parameters over history and drawn markets."""

import os
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, DEFAULT_SEED, json_option, print_json
from bot.cli.study import told_on_stderr, words_of_call
from bot.settings import DEFAULT_PRESET, ListingMode
from market.errors import ConfigError

LISTINGS = {
    "listed": (ListingMode.LISTED,),
    "hypothetical": (ListingMode.HYPOTHETICAL,),
    "both": (ListingMode.LISTED, ListingMode.HYPOTHETICAL),
}


@click.command("sweep")
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="KEY=A,B,C",
    help="A parameter with its values; repeatable: all combinations are run.",
)
@click.option("--preset", "presets", multiple=True, metavar="NAME", help="Repeatable.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="For all runs.")
@click.option(
    "--seeds", type=click.IntRange(0), default=0, show_default=True, help="Drawn markets."
)
@click.option(
    "--sessions",
    type=click.IntRange(60, 2520),
    default=252,
    show_default=True,
    help="Length of each drawn market.",
)
@click.option("--history/--no-history", default=True, show_default=True, help="Run on history too.")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Folder with history.")
@click.option("--from", "first", type=DATE, default=None, help="First session of history.")
@click.option("--to", "last", type=DATE, default=None, help="Last session of history.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Of history.")
@click.option("--listing", type=click.Choice(list(LISTINGS)), default="both", show_default=True)
@click.option("--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True)
@click.option("--scheduler", metavar="ADDRESS", default=None, help="An existing dask scheduler.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Default: one per core.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/sweep"), show_default=True
)
@json_option
def command(
    grids: tuple[str, ...],
    presets: tuple[str, ...],
    overrides: tuple[str, ...],
    seeds: int,
    sessions: int,
    history: bool,
    data: Path | None,
    first: date | None,
    last: date | None,
    seed: int,
    listing: str,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    out: Path,
    as_json: bool,
) -> None:
    """Run every combination; write one Parquet file and a page that compares them.

    Each result is kept as it comes: a sweep that was killed and is started again runs the rest.
    With --engine dask the same jobs run on a cluster of dask.distributed, with the same numbers.

    \b
    Examples:
      alvh sweep --grid alvh.delta_near=0.35,0.45,0.50 --seeds 20
      alvh sweep --preset seed_25 --preset budget_50 --data DIR --from 2011-01-03
      alvh sweep --grid shift.min_vix=12,16,20 --engine dask --scheduler tcp://127.0.0.1:8786
    """
    from bot.study.runs import history_source  # noqa: PLC0415 - heavy, only when used
    from bot.study.window import span_of_study  # noqa: PLC0415
    from bot.sweep.engines import run_dask, run_local  # noqa: PLC0415
    from bot.sweep.plan import Worlds, axis_of, jobs_of  # noqa: PLC0415
    from bot.sweep.sweep import conclude, sweep  # noqa: PLC0415

    if scheduler is not None and engine != "dask":
        raise ConfigError("--scheduler is for --engine dask; add it, or leave --scheduler away.")
    if not history and not seeds:
        raise ConfigError("--no-history without --seeds leaves no market; give --seeds N.")
    axes = [axis_of(text) for text in grids]
    source = history_source(data) if history else None
    today = date.min
    span = span_of_study(source, first, last) if source is not None else (today, today)
    worlds = Worlds(source, *span, seed, seeds, sessions)
    jobs = jobs_of(presets or (DEFAULT_PRESET,), axes, LISTINGS[listing], worlds, overrides)
    many = workers or os.cpu_count() or 1
    run: Any = (
        partial(run_dask, scheduler=scheduler, workers=many)
        if engine == "dask"
        else partial(run_local, workers=many)
    )
    rows = sweep(jobs, out, run, told_on_stderr)
    told = conclude(rows, out, words_of_call(data))
    if as_json:
        print_json(told)
    else:
        click.echo(as_text(told, out))


def as_text(told: dict[str, Any], out: Path) -> str:
    """Return the rankings as tables, guards first."""
    lines = [f"{told['jobs']} replays, {len(told['failed'])} failed (simulated)."]
    for group in told["rankings"]:
        guard, forward = group["overfitting_probability"], group["walk_forward"]
        lines += ["", f"{group['world']}, {group['listing']}, {group['sessions']} sessions:"]
        if guard is not None and forward is not None:
            lines.append(
                f"  probability of overfitting {guard:.0%}; walk-forward Sharpe"
                f" {forward['chosen_sharpe']:.2f}, mean of all {forward['mean_sharpe']:.2f}"
            )
        lines += [_line(point) for point in group["points"]]
    failures = [f"  FAILED {row['job']}: {row['error']}" for row in told["failed"]]
    return "\n".join([*lines, *failures, "", f"The page: {out / told['page']}"])


def _line(point: dict[str, Any]) -> str:
    chance = point["deflated_sharpe"]
    deflated = "  –" if chance is None else f"{chance:4.0%}"
    return (
        f"  {point['name']:36} Sharpe {point['sharpe']:6.2f}  deflated {deflated}"
        f"  end {point['end_nlv_usd']:>10,.0f}  hedge {point['hedge_frac_per_year']:+.1%} a year"
    )
