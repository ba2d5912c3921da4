"""Where a run stands, read from its journal; and what the calendar needs of a person."""

from datetime import date
from pathlib import Path
from typing import Any

from bot.events import MomentReached, RunStarted
from bot.journal.codec import decode
from bot.journal.store import JournalReader
from bot.settings import Settings
from bot.world import load_macro

STRATEGIES = ("condor", "alvh")


def read_status(path: Path | None, today: date) -> dict[str, Any]:
    """Return a run's status as plain values; without a run, what the calendar needs.

    Raises:
        ConfigError: the journal is missing or unreadable.
    """
    started, last_moment, count = None, None, 0
    decisions, equity, positions = [], [], []
    if path is not None:
        with JournalReader(path) as reader:
            for row in reader.rows():
                count += 1
                if row.kind == "run_started":
                    started = decode(row.kind, row.payload)
                elif row.kind == "moment_reached":
                    last_moment = row
            decisions, equity = reader.table("decisions"), reader.table("equity")
            positions = reader.table("positions")
    moment = None if last_moment is None else decode(last_moment.kind, last_moment.payload)
    macro = load_macro(Settings())
    return {
        "journal": None if path is None else str(path),
        **_run(started),
        "events": count,
        "last_moment": _moment_text(moment),
        "equity": equity[-1] if equity else None,
        "positions": positions,
        "last_decisions": _last_by_strategy(decisions),
        "macro_coverage": {kind.value: day.isoformat() for kind, day in macro.coverage().items()},
        "warnings": list(macro.warnings(today)),
    }


def _run(started: object) -> dict[str, Any]:
    if not isinstance(started, RunStarted):
        return {"profile": None, "version": None, "seed": None, "simulated": None}
    return {
        "profile": started.profile,
        "version": started.version,
        "seed": started.seed,
        "simulated": started.is_simulated,
    }


def _moment_text(moment: object) -> str | None:
    if not isinstance(moment, MomentReached):
        return None
    return f"{moment.session} {moment.name} at {moment.at:%Y-%m-%dT%H:%M:%SZ}"


def _last_by_strategy(decisions: list[dict[str, object]]) -> list[dict[str, object]]:
    latest = {row["strategy"]: row for row in decisions}
    return [latest[name] for name in STRATEGIES if name in latest]
