"""`alvh study`: the method's claims, judged on history."""

import os
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, DEFAULT_SEED, json_option, print_json
from bot.settings import DEFAULT_PRESET

DEFAULT_OUT = Path("runs/study")


@click.group("study")
def command() -> None:
    """Judge what the method claims on replays of history.

    \b
    Examples:
      alvh study claims --data history
    """


@command.command("claims")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with market history; without it the built-in daily set 2014–2018.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    metavar="DIR",
    help="Where page, figures, pictures and kept replays go.",
)
@click.option(
    "--from",
    "first",
    type=DATE,
    default=None,
    help="First session; default: the earliest, or when VIX options began.",
)
@click.option("--to", "last", type=DATE, default=None, help="Last session; default: latest.")
@click.option("--preset", default=DEFAULT_PRESET, show_default=True, metavar="NAME")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One parameter.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1), default=None, help="Processes; default: one per core."
)
@json_option
def claims(
    data: Path | None,
    out: Path,
    first: date | None,
    last: date | None,
    preset: str,
    overrides: tuple[str, ...],
    seed: int,
    workers: int | None,
    as_json: bool,
) -> None:
    """Judge K1 … K22 and the seed's claims; write a page with every figure behind them.

    Some sixty replays are made, on every core, and kept below --out/cache by settings, data and
    code: a second run makes only what changed.

    \b
    Examples:
      alvh study claims
      alvh study claims --data DIR --out runs/study-recorded --json
    """
    from bot.report.study_page import write_study  # noqa: PLC0415 - heavy, only when used
    from bot.study.pictures import pictures  # noqa: PLC0415
    from bot.study.runs import RunSpec, history_source  # noqa: PLC0415
    from bot.study.study import make_study, shelf_in  # noqa: PLC0415
    from bot.study.window import span_of_study  # noqa: PLC0415

    source = history_source(data)
    span = span_of_study(source, first, last)
    spec = RunSpec(preset, overrides, source, *span, seed)
    spec.settings()
    study = make_study(
        spec, shelf_in(out), workers or os.cpu_count() or 1, told_on_stderr, words_of_call(data)
    )
    page = write_study(out, study.told, pictures(study.evidence))
    if as_json:
        print_json(study.told)
        return
    click.echo(as_text(study.told))
    click.echo(f"\nThe page: {page}")


def told_on_stderr(done: int, total: int, what: str) -> None:
    """Report progress on stderr."""
    end = "\n" if done == total or not sys.stderr.isatty() else "\r"
    click.echo(f"{done:4d} of {total}: {what:<40}", err=True, nl=False)
    click.echo(end, err=True, nl=False)


def words_of_call(data: Path | None) -> str:
    """Return the command as it was given, the data folder by its name alone."""
    words = ["alvh", *sys.argv[1:]]
    if data is not None:
        words = ["DIR" if word == str(data) else word for word in words]
    return shlex.join(words)


def as_text(told: dict[str, Any]) -> str:
    """Return the verdicts, one claim a line."""
    lines = [f"{told['study']['from']} … {told['study']['to']} (simulated)", ""]
    lines += [f"{claim['id']:>4}  {claim['sentence']}" for claim in told["claims"]]
    return "\n".join(lines)
