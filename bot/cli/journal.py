"""`alvh journal`: read, verify and keep what a run wrote."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, JournalType, json_option, print_json
from market.errors import ConfigError, JournalDamaged

FILE = click.argument("file", type=JournalType(), metavar="FILE.db")
EVENT_KINDS = (
    "run_started",
    "run_resumed",
    "moment_reached",
    "moment_missed",
    "market_seen",
    "market_unseen",
    "decision_made",
    "order_approved",
    "order_stopped",
    "order_accepted",
    "order_rejected",
    "order_repriced",
    "order_looked",
    "order_filled",
    "fill_charged",
    "order_cancelled",
    "fill_reviewed",
    "position_settled",
    "settlement_awaited",
    "line_changed",
    "entry_closed",
    "equity_marked",
    "shadow_traded",
    "shadows_marked",
    "trading_halted",
    "trading_resumed",
    "flatten_wanted",
    "books_adopted",
)
TABLES = (
    "runs",
    "decisions",
    "orders",
    "fills",
    "positions",
    "purses",
    "settlements",
    "sessions",
    "hedge_layers",
    "equity",
)
Target = Path | str


@click.group("journal")
def command() -> None:
    """Read and verify the journal of a run: an append-only, hash-chained SQLite file, or
    a PostgreSQL database named by its URL.

    \b
    Examples:
      alvh journal verify runs/sim-20261127-093000/journal.db
      alvh journal show runs/sim-20261127-093000/journal.db
    """


@command.command("verify")
@FILE
@json_option
def verify(file: Target, as_json: bool) -> None:
    """Check numbers, hash chain, inputs and projections; exit 4 and name the first bad row when
    they do not hold.

    \b
    Examples:
      alvh journal verify quarter.db
    """
    from bot.journal import check  # noqa: PLC0415 - SQL is loaded only when used

    count = check.verify(file)
    if as_json:
        print_json({"file": str(file), "events": count, "is_intact": True})
    else:
        click.echo(
            f"{file}: {count} events, all in order and unchanged, as are the tables made of them."
        )


@command.command("replay")
@FILE
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of history that a replay was recorded on.",
)
@json_option
def replay(file: Target, data: Path | None, as_json: bool) -> None:
    """Feed a journal's inputs to a fresh engine and compare every decision, byte by byte.

    What a daemon looked at is in its journal; what a replay looked at comes from its history and
    seed again. Exits 4 and names the first record that differs.

    \b
    Examples:
      alvh journal replay runs/sim/journal.db
      alvh journal replay quarter.db --json
    """
    from bot.past import rerun_journal  # noqa: PLC0415 - the engine is loaded only when used

    result = rerun_journal(file, data)
    found = result.first_difference
    if as_json:
        print_json(
            {
                "file": str(file),
                "events": result.events,
                "decisions": result.decisions,
                "kept_inputs": result.kept_inputs,
                "regenerated_inputs": result.regenerated_inputs,
                "is_same": found is None,
                "first_difference": None if found is None else asdict(found),
            }
        )
    elif found is None:
        click.echo(
            f"{file}: {result.events} events, {result.decisions} decisions, all made again byte by"
            f" byte ({result.kept_inputs} inputs from the journal,"
            f" {result.regenerated_inputs} from the simulated world)."
        )
    if found is not None:
        session = "" if found.session is None else f" of {found.session}"
        raise JournalDamaged(
            f"{file}: event {found.seq}, {found.kind}{session}, came out otherwise:"
            f" {found.sentence}"
        )


@command.command("export")
@FILE
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="An empty folder."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("parquet", "csv")),
    default="parquet",
    show_default=True,
    help="What to write.",
)
@json_option
def export(file: Target, out: Path, form: str, as_json: bool) -> None:
    """Write events and projections as Parquet or CSV, one file a table.

    \b
    Example:
      alvh journal export quarter.db --out quarter --format csv
    """
    from bot.journal import export as exporting  # noqa: PLC0415 - SQL is loaded only when used

    rows = exporting.export(file, out, form)
    if as_json:
        print_json({"file": str(file), "folder": str(out), "format": form, "rows": rows})
        return
    for name, count in rows.items():
        click.echo(f"{count:9,d}  {out / name}.{form}")


@command.command("upgrade")
@FILE
@click.option(
    "--backed-up", is_flag=True, help="A database was backed up; a file is kept by itself."
)
@json_option
def upgrade(file: Target, backed_up: bool, as_json: bool) -> None:
    """Bring a journal of an older version to the present schema; the old file is kept beside it.

    Refused while a daemon writes it.

    \b
    Examples:
      alvh journal upgrade runs/paper/journal.db
      alvh journal upgrade postgresql://alvh@localhost/journal --backed-up
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.journal import upgrade as upgrading  # noqa: PLC0415 - Alembic is loaded only when used

    done = upgrading.upgrade(file, at=SystemClock().now(), is_backed_up=backed_up)
    if as_json:
        print_json(
            {
                "file": str(file),
                "schema_before": done.before,
                "schema": done.after,
                "events": done.events,
                "backup": None if done.backup is None else str(done.backup),
            }
        )
    elif done.before == done.after:
        click.echo(f"{file} has schema {done.after} already; {done.events} events, all intact.")
    else:
        kept = "" if done.backup is None else f" The old file is {done.backup}."
        click.echo(f"{file}: schema {done.before} -> {done.after}, {done.events} events.{kept}")


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
    file: Target,
    table: str | None,
    kind: str | None,
    session: date | None,
    last: int,
    as_json: bool,
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
    file: Target, table: str | None, kind: str | None, session: str | None
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
