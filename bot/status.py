"""Where a run stands, read from its journal; and what the calendar needs of a person."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from bot.deadman import overdue
from bot.events import MomentReached, Record, RunStarted, TradingHalted, TradingResumed
from bot.journal.codec import decode
from bot.journal.store import JournalReader
from bot.order_states import ACTIVE
from bot.settings import Settings
from bot.vitals import Vitals
from bot.world import load_calendar, load_macro

STRATEGIES = ("condor", "alvh")


def read_status(path: Path | None, today: date) -> dict[str, Any]:
    """Return a run's status as plain values; without a run, what the calendar needs.

    Raises:
        ConfigError: the journal is missing or unreadable.
    """
    seen = _Seen()
    decisions, equity, positions, orders = [], [], [], []
    if path is not None:
        with JournalReader(path) as reader:
            for row in reader.rows():
                seen.take(decode(row.kind, row.payload))
            decisions, equity = reader.table("decisions"), reader.table("equity")
            positions, orders = reader.table("positions"), reader.table("orders")
    macro = load_macro(Settings())
    return {
        "journal": None if path is None else str(path),
        **_run(seen.started),
        "events": seen.count,
        "last_moment": _moment_text(seen.vitals.last_moment),
        "equity": equity[-1] if equity else None,
        "positions": positions,
        "last_decisions": _last_by_strategy(decisions),
        **_standing(seen, equity, orders),
        "macro_coverage": {kind.value: day.isoformat() for kind, day in macro.coverage().items()},
        "warnings": list(macro.warnings(today)),
    }


class _Seen:
    """What a journal's records say of the run's standing."""

    def __init__(self) -> None:
        self.vitals = Vitals()
        self.started: RunStarted | None = None
        self.halt: TradingHalted | None = None
        self.count = 0

    def take(self, record: Record) -> None:
        self.count += 1
        self.vitals.watch(record)
        if isinstance(record, RunStarted):
            self.started = record
        elif isinstance(record, TradingHalted):
            self.halt = record
        elif isinstance(record, TradingResumed):
            self.halt = None


def _standing(
    seen: _Seen, equity: list[dict[str, Any]], orders: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what a running daemon would tell as well, as far as its journal knows it."""
    return {
        "pid": None,
        "halted": seen.halt is not None,
        "halt_reason": None if seen.halt is None else seen.halt.sentence,
        "connection": None,
        "next_moment": None,
        "missed": missed_rows(seen.vitals),
        "working_orders": [working_row(row) for row in orders if row["status"] in ACTIVE],
        "nlv_usd": equity[-1]["nlv_usd"] if equity else None,
        "reconciled_at": None,
        "difference": None,
        "refusals": dict(seen.vitals.refusals),
        "starting": None,
        "last_decision": None if seen.vitals.decided is None else seen.vitals.decided.isoformat(),
    }


def working_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return one row of the orders table as status shows a working order."""
    return {key: row[key] for key in ("order_id", "status", "quantity", "filled", "limit_credit")}


def missed_rows(vitals: Vitals) -> list[dict[str, str]]:
    """Return the moments missed of late, each with its reason, oldest first."""
    return [
        {"session": m.session.isoformat(), "moment": m.name, "reason": m.reason}
        for m in vitals.missed
    ]


def overdue_decision(path: Path, now: datetime) -> date | None:
    """Return the session whose decision a journal should hold by now and does not."""
    seen = _Seen()
    with JournalReader(path) as reader:
        for record in reader.records():
            seen.take(record)
    return overdue(load_calendar(), now, seen.vitals.decided, seen.vitals.began_at)


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
