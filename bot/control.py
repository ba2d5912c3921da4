"""What a person may order of a running daemon, and what they may ask: by command, file and page.

Each order is done by the daemon's one consumer, between two events, and kept as a record with its
reason.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.bootstrap import Rig
from bot.daemon import Daemon
from bot.events import FlattenAsked, HaltAsked, ResumeAsked
from bot.status import missed_rows
from market.orders import LineState
from market.schedule import Moment

HALT_FILE = "HALT"
NO_REASON = "no reason given"


class Controls:
    """What a person may order of a daemon; each answers with one sentence."""

    def __init__(
        self,
        daemon: Daemon,
        folder: Path,
        profile: str,
        watched: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
    ) -> None:
        """Order `daemon`; `watched` tells what `alvh top` shows."""
        self._watched = watched
        self._daemon = daemon
        self._rig = daemon.rig
        self._profile = profile
        self._halt_file = folder / HALT_FILE

    async def halt(self, reason: str) -> str:
        """Stop opening anything until a person resumes it."""

        async def run() -> str:
            await self._daemon.handle(HaltAsked(self._rig.clock.now(), reason or NO_REASON))
            halt = self._rig.book.halt
            return "Trading is halted." if halt is None else halt.sentence

        return await self._daemon.run_errand(run)

    async def resume(self, reason: str) -> str:
        """Let trading go on, unless the file that halts it is still there."""

        async def run() -> str:
            if self._halt_file.exists():
                return f"Trading stays halted: remove the file {self._halt_file} first."
            if self._rig.book.halt is None:
                return self._not_halted()
            asked = ResumeAsked(self._rig.clock.now(), reason or NO_REASON)
            await self._daemon.handle(asked)
            return "Trading resumes."

        return await self._daemon.run_errand(run)

    def _not_halted(self) -> str:
        if self._daemon.difference is not None:
            return f"Nothing is sent while book and broker differ: {self._daemon.difference}"
        return "Trading was not halted."

    async def flatten(self, reason: str, *, with_hedge: bool) -> str:
        """Halt, and close every condor; the hedge is kept unless it is wanted closed too."""

        async def run() -> str:
            now = self._rig.clock.now()
            if not is_open(self._rig, now):
                return "The market is closed: nothing can be bought back now, and nothing was done."
            before = set(self._rig.book.orders)
            await self._daemon.handle(FlattenAsked(now, reason or NO_REASON, with_hedge))
            sent = len(set(self._rig.book.orders) - before)
            kept = "sold too" if with_hedge else "kept"
            return f"{sent} closing orders sent; trading is halted; the hedge is {kept}."

        return await self._daemon.run_errand(run)

    async def obey_file(self) -> None:
        """Halt when the file that asks for it is there."""
        if self._halt_file.exists() and self._rig.book.halt is None:
            now = self._rig.clock.now()
            await self._daemon.handle(HaltAsked(now, f"the file {self._halt_file} asks for it"))

    async def overview(self) -> Mapping[str, Any]:
        """Return what `alvh top` shows."""
        return {} if self._watched is None else await self._watched()

    def status(self) -> dict[str, Any]:
        """Return where the daemon stands, as plain values."""
        rig, vitals, halt = self._rig, self._rig.vitals, self._rig.book.halt
        line = rig.book.line
        return {
            "profile": self._profile,
            "pid": os.getpid(),
            "halted": halt is not None,
            "halt_reason": None if halt is None else halt.sentence,
            "connection": "up" if line is LineState.READY else str(line),
            "next_moment": moment_text(self._daemon.next_moment),
            "missed": missed_rows(vitals),
            "working_orders": working_rows(rig),
            "nlv_usd": str(rig.book.last_nlv_usd),
            "reconciled_at": _text(self._daemon.reconciled_at),
            "difference": self._daemon.difference,
            "refusals": dict(vitals.refusals),
            "starting": None,
        }


def is_open(rig: Rig, now: datetime) -> bool:
    """Tell whether options trade at an instant."""
    calendar = rig.world.calendar
    if not calendar.is_session(now.date()):
        return False
    hours = calendar.session(now.date())
    return hours.open_at <= now < hours.option_close_at


def moment_text(moment: Moment | None) -> str | None:
    """Return a moment as status shows it, None when none is to come."""
    if moment is None:
        return None
    return f"{moment.session} {moment.name} at {moment.at:%Y-%m-%dT%H:%M:%SZ}"


def working_rows(rig: Rig) -> list[dict[str, Any]]:
    """Return the orders not yet at an end."""
    return [
        {
            "order_id": state.order.order_id,
            "status": str(state.status),
            "quantity": state.order.intent.quantity,
            "filled": state.filled,
            "limit_credit": str(state.limit_credit),
        }
        for state in rig.book.working()
    ]


def _text(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
