"""`alvh status`: where a run stands."""

from pathlib import Path
from typing import Any

import click

from bot.cli.options import json_option, print_json


@click.command("status")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE.db",
    help="The run's journal; by default the newest under ./runs.",
)
@json_option
def command(journal: Path | None, as_json: bool) -> None:
    """Show where a run stands: last moment, equity, positions, hedge, last decisions, warnings.

    \b
    Examples:
      alvh status
      alvh status --journal quarter.db --json
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.status import read_status  # noqa: PLC0415
    from market.sessions import exchange_zone  # noqa: PLC0415

    path = journal or newest_journal(Path("runs"))
    today = SystemClock().now().astimezone(exchange_zone()).date()
    status = read_status(path, today)
    if as_json:
        print_json(status)
    else:
        click.echo(as_text(status))


def newest_journal(folder: Path) -> Path | None:
    """Return the journal written last below a folder, None when there is none."""
    found = sorted(folder.glob("*/journal.db"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def as_text(status: dict[str, Any]) -> str:
    """Return the status as a person reads it."""
    if status["journal"] is None:
        lines = ["No run yet below runs/; start one with `alvh run`, or name one with --journal."]
    else:
        lines = [
            f"{status['journal']}",
            f"profile {status['profile']} (simulated), version {status['version']}, "
            f"seed {status['seed']}, {status['events']} events",
            f"last moment: {status['last_moment'] or 'none yet'}",
        ]
    equity = status["equity"]
    if equity:
        lines.append(
            f"{equity['session']}: NLV ${float(equity['nlv_usd']):,.2f} with hedge, "
            f"${float(equity['unhedged_nlv_usd']):,.2f} without"
        )
    lines += [f"  {row['position']:+d} {row['contract']}" for row in status["positions"]]
    lines += [f"{row['strategy']}: {row['sentence']}" for row in status["last_decisions"]]
    lines.append("Macro dates known until:")
    lines += [f"  {kind} {day}" for kind, day in status["macro_coverage"].items()]
    lines += [f"WARNING: {warning}" for warning in status["warnings"]]
    return "\n".join(lines)
