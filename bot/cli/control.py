"""`alvh halt`, `resume` and `flatten`: a person's orders to a running daemon."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.cli.options import json_option, print_json
from market.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
RUNS = Path("runs")


def daemon_options(function: F) -> F:
    """Add the options that name a daemon and say why."""
    for option in (
        click.option("--reason", default="", help="Why; it is kept in the journal."),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of the daemon; by default the only one that runs below ./runs.",
        ),
    ):
        function = option(function)
    return function


@click.command("halt")
@daemon_options
@json_option
def halt(out: Path | None, reason: str, as_json: bool) -> None:
    """Stop a running daemon from opening anything, until `alvh resume`; the hedge is kept.

    The same is done by a file named HALT in the daemon's folder, and by the dashboard.

    \b
    Examples:
      alvh halt --reason "exchange outage"
      alvh halt --out runs/paper --json
    """
    _tell(out, {"verb": "halt", "reason": reason}, as_json=as_json)


@click.command("resume")
@daemon_options
@json_option
def resume(out: Path | None, reason: str, as_json: bool) -> None:
    """Let a halted daemon trade again.

    \b
    Examples:
      alvh resume --reason "outage over"
    """
    _tell(out, {"verb": "resume", "reason": reason}, as_json=as_json)


@click.command("flatten")
@daemon_options
@click.option("--hedge-too", is_flag=True, help="Sell the hedge as well; without it, it is kept.")
@click.option("--confirm", metavar="WORD", help="The word `flatten`, instead of typing it.")
@json_option
def flatten(
    out: Path | None, reason: str, hedge_too: bool, confirm: str | None, as_json: bool
) -> None:
    """Halt, stop what works, and buy back every open condor at once.

    The hedge is kept unless --hedge-too is given. The word `flatten` must be typed.

    \b
    Examples:
      alvh flatten --reason "leaving for a month"
      alvh flatten --hedge-too --confirm flatten --json
    """
    from bot.control_socket import FLATTEN_WORD  # noqa: PLC0415 - heavy, only when used

    if confirm is None:
        what = "every condor and the hedge" if hedge_too else "every condor; the hedge is kept"
        confirm = click.prompt(f"This closes {what}. Type {FLATTEN_WORD} to go on", err=True)
    if confirm != FLATTEN_WORD:
        raise ConfigError(f"{confirm!r} is not {FLATTEN_WORD!r}; nothing was done.")
    demand = {"verb": "flatten", "reason": reason, "with_hedge": hedge_too, "confirm": confirm}
    _tell(out, demand, as_json=as_json)


def _tell(out: Path | None, demand: Mapping[str, Any], *, as_json: bool) -> None:
    from bot.control_socket import ask_daemon, folder_of_daemon  # noqa: PLC0415

    folder = folder_of_daemon(out, RUNS)
    answer = ask_daemon(folder, demand)
    if answer is None:
        raise ConfigError(f"no daemon runs in {folder}; `alvh run --out {folder}` starts one.")
    if not answer.get("ok"):
        raise ConfigError(f"the daemon refuses: {answer.get('sentence')}")
    if as_json:
        print_json({"folder": str(folder), "sentence": answer["sentence"]})
    else:
        click.echo(answer["sentence"])
