"""`alvh reconcile`: both books side by side, and taking over what the broker says."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import json_option, print_json, read_settings, settings_options
from market.errors import ConfigError

if TYPE_CHECKING:
    from bot.reconcile import Difference
    from bot.reconciling import Meeting

WORD = "adopt"


@click.command("reconcile")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    required=True,
    help="The folder of a run on the paper account; no daemon may run there.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help=f"Take over what the broker says, after typing the word {WORD}.",
)
@settings_options
@json_option
def command(
    out: Path,
    adopt: bool,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> int:
    """Compare the book of a run with the paper account: positions, orders, cash, strangers.

    What happened while the run was stopped is heard first. Exit 0 when both agree, 4 when not.

    \b
    Examples:
      alvh reconcile --out runs/paper --config paper.toml
      alvh reconcile --out runs/paper --config paper.toml --adopt
    """
    from bot.reconciling import meet  # noqa: PLC0415 - heavy, only when used

    if adopt and as_json:
        raise ConfigError("--adopt asks a person; leave --json out.")
    settings = read_settings(preset, config, overrides)
    with meet(settings, out) as meeting:
        asyncio.run(meeting.look())
        if as_json:
            rows = [asdict(each) for each in meeting.differences]
            print_json({"agree": not rows, "heard": meeting.heard, "differences": rows})
            return 4 if rows else 0
        _show(meeting)
        if not meeting.differences:
            return 0
        if not adopt:
            return 4
        _adopt(meeting)
    return 0


def _show(meeting: "Meeting") -> None:
    if meeting.heard:
        click.echo(
            f"{meeting.heard} events of the broker are new to the journal; they are counted."
        )
    if not meeting.differences:
        click.echo("Book and broker agree: positions, orders and cash.")
    for each in meeting.differences:
        click.echo(_line(each))


def _line(each: "Difference") -> str:
    return (
        f"{each.subject}: the book has {each.ours}, the broker {each.theirs} ({each.explanation})."
    )


def _adopt(meeting: "Meeting") -> None:
    typed = click.prompt(f"Type {WORD} to take over what the broker says", default="", err=True)
    if typed != WORD:
        raise ConfigError(f"{typed!r} is not the word {WORD}: nothing was changed.")
    click.echo(meeting.adopt())
