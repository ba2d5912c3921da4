"""`alvh status`: where a run stands."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.options import json_option, print_json
from market.errors import BrokerUnavailable

NO_RUN = "No run yet below runs/; start one with `alvh run`, or name one with --journal."


@click.command("status")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    metavar="FILE.db",
    help="The run's journal; by default the newest under ./runs.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The run's folder; its journal is read, and a daemon that runs there is asked.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Exit 3 when a trading day's decision is overdue: the dead man's switch for a cron job.",
)
@json_option
def command(journal: Path | None, out: Path | None, check: bool, as_json: bool) -> None:
    """Show where a run stands: last moment, equity, positions, hedge, last decisions, warnings.

    A daemon that runs in the journal's folder is asked as well: whether it is halted and why, its
    line to the broker, the next moment, what was missed, what works.

    \b
    Examples:
      alvh status
      alvh status --journal quarter.db --json
      alvh status --out runs/sim --check
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.control_socket import ask_daemon  # noqa: PLC0415
    from bot.status import read_status  # noqa: PLC0415
    from market.sessions import exchange_zone  # noqa: PLC0415

    path = journal or (newest_journal(Path("runs")) if out is None else out / "journal.db")
    now = SystemClock().now()
    answer = None if path is None else ask_daemon(path.parent, {"verb": "status"})
    # A daemon at its very first start has no journal yet.
    is_to_come = answer is not None and path is not None and not path.exists()
    status = read_status(None if is_to_come else path, now.astimezone(exchange_zone()).date())
    if answer is not None:
        status |= answer.get("status", {})
    if as_json:
        print_json(status)
    else:
        click.echo(as_text(status))
    if check:
        require_decided(path, now)


def require_decided(path: Path | None, now: datetime) -> None:
    """Do nothing when the last trading day's decision is there.

    Raises:
        BrokerUnavailable: it is overdue.
    """
    from bot.status import overdue_decision  # noqa: PLC0415

    session = None if path is None else overdue_decision(path, now)
    if path is None or session is not None:
        what = "there is no run" if session is None else f"no decision was made on {session}"
        raise BrokerUnavailable(f"{what}: look whether the daemon runs.")


def _standing(status: dict[str, Any]) -> list[str]:
    """Return what concerns a running daemon: process, line, halt, missed moments, orders."""
    if status["pid"] is None:
        lines = ["no daemon runs in its folder"]
    elif status["starting"] is not None:
        lines = [f"starts as process {status['pid']}: {status['starting']}"]
    else:
        lines = [
            f"runs as process {status['pid']}, line to the broker {status['connection']},"
            f" books compared {status['reconciled_at'] or 'not yet'},"
            f" next {status['next_moment'] or 'nothing'}"
        ]
    if status["halted"]:
        lines.append(f"HALTED: {status['halt_reason']}")
    if status["difference"]:
        lines.append(f"BOOKS DIFFER: {status['difference']}")
    lines += [f"missed: {m['session']} {m['moment']}: {m['reason']}" for m in status["missed"][-5:]]
    for row in status["working_orders"]:
        lines.append(f"working: {row['order_id']} at {row['limit_credit']}, {row['status']}")
    return lines


def _money(status: dict[str, Any]) -> str:
    return "simulated" if status["simulated"] else "paper account"


def newest_journal(folder: Path) -> Path | None:
    """Return the journal written last below a folder, None when there is none."""
    found = sorted(folder.glob("*/journal.db"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def as_text(status: dict[str, Any]) -> str:
    """Return the status as a person reads it."""
    if status["journal"] is None:
        lines = [NO_RUN] if status["pid"] is None else _standing(status)
    else:
        lines = [
            f"{status['journal']}",
            f"profile {status['profile']} ({_money(status)}), version {status['version']}, "
            f"seed {status['seed']}, {status['events']} events",
            f"last moment: {status['last_moment'] or 'none yet'}",
        ]
        lines += _standing(status)
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
