"""`alvh journal`: read and verify what a run wrote."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, json_option, print_json
from market.errors import ConfigError

FILE = click.argument("file", type=click.Path(path_type=Path), metavar="FILE.db")
EVENT_KINDS = (
    "run_started",
    "run_resumed",
    "moment_reached",
    "moment_missed",
    "market_seen",
    "decision_made",
    "order_approved",
    "order_stopped",
    "order_accepted",
    "order_rejected",
    "order_repriced",
    "order_looked",
    "order_filled",
    "order_cancelled",
    "fill_reviewed",
    "position_settled",
    "settlement_awaited",
    "entry_closed",
    "equity_marked",
    "shadow_traded",
    "shadows_marked",
    "trading_halted",
    "trading_resumed",
)
TABLES = ("decisions", "orders", "fills", "positions", "sessions", "hedge_layers", "equity")


@click.group("journal")
def command() -> None:
    """Read and verify the journal of a run: an append-only, hash-chained SQLite file."""


@command.command("verify")
@FILE
@json_option
def verify(file: Path, as_json: bool) -> None:
    """Check numbers and hash chain; exit 4 and name the first bad row when they do not hold.

    \b
    Example:
      alvh journal verify quarter.db
    """
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    reader = JournalReader(file)
    count = reader.verify()
    reader.close()
    if as_json:
        print_json({"file": str(file), "events": count, "is_intact": True})
    else:
        click.echo(f"{file}: {count} events, all in order and unchanged.")


@command.command("show")
@FILE
@click.option("--table", type=click.Choice(TABLES), help="Show a projection instead of events.")
@click.option(
    "--kind",
    type=click.Choice(EVENT_KINDS),
    metavar="KIND",
    help="Only events of this kind, such as decision_made.",
)
@click.option("--session", type=DATE, help="Only this session, as 2018-02-05.")
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="Rows at most.")
@json_option
def show(
    file: Path, table: str | None, kind: str | None, session: date | None, last: int, as_json: bool
) -> None:
    """Show the last events, or the last rows of a projection.

    \b
    Examples:
      alvh journal show quarter.db --table decisions --session 2018-02-02
      alvh journal show quarter.db --kind order_filled --json
    """
    if table is not None and kind is not None:
        raise ConfigError("--kind chooses events, --table a projection; give one of them.")
    rows = _rows(file, table, kind, None if session is None else session.isoformat())[-last:]
    if as_json:
        print_json({"file": str(file), "rows": rows})
        return
    for row in rows:
        click.echo("  ".join(str(value) for value in row.values()))
    if not rows:
        click.echo("No such rows.")


def _rows(
    file: Path, table: str | None, kind: str | None, session: str | None
) -> list[dict[str, Any]]:
    from bot.journal.store import JournalReader  # noqa: PLC0415

    reader = JournalReader(file)
    if table is not None:
        rows = reader.table(table)
    else:
        rows = [
            {
                "seq": row.seq,
                "at": row.at,
                "session": row.session,
                "kind": row.kind,
                "payload": json.loads(row.payload),
            }
            for row in reader.rows()
            if kind is None or row.kind == kind
        ]
    reader.close()
    return [row for row in rows if session is None or row.get("session") == session]
