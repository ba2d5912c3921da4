"""The monitor: does the loop turn, and can the journal still be written?"""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.web.views.health import Pulse
from market.errors import AlvhError

LAG_EVERY_S = 0.5
PROBE_KEPT_S = 2.0


class Monitor:
    """Keeps the vital signs of one process; `journal_fault` says why the journal cannot be
    written, None while it can."""

    def __init__(
        self, journal_fault: Callable[[], str | None], connection: Callable[[], str]
    ) -> None:
        self._journal_fault = journal_fault
        self._connection = connection
        self._beat_at: float | None = None
        self._lag_s = 0.0
        self._probed_at = float("-inf")
        self._fault: str | None = None

    def beat(self, at: float | None = None) -> None:
        """Note that the daemon's consumer took an item from its queue, now or at a loop time."""
        self._beat_at = asyncio.get_running_loop().time() if at is None else at

    async def watch(self) -> None:
        """Measure for ever how late the loop wakes a sleeper."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lag_s = max(loop.time() - due, 0.9 * self._lag_s)

    async def pulse(self, streams: int) -> Pulse:
        """Return the vital signs now; the journal is asked at most every two seconds."""
        now = asyncio.get_running_loop().time()
        if now - self._probed_at > PROBE_KEPT_S:
            self._fault = await asyncio.to_thread(self._journal_fault)
            self._probed_at = now
        age = None if self._beat_at is None else now - self._beat_at
        return Pulse(age, self._lag_s, self._fault, streams, self._connection())


def file_probe(journal: Path) -> Callable[[], str | None]:
    """Return what tells why a journal's file cannot be written: its folder is tried for real."""
    first = _identity(journal)

    def fault() -> str | None:
        try:
            if _identity(journal) != first:
                return "the journal's file was replaced by another"
            if not os.access(journal, os.W_OK):
                return "the journal's file is not writable"
            with tempfile.TemporaryFile(dir=journal.parent) as file:
                file.write(b"alive")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return f"the journal's folder takes no write ({error.strerror})"
        return None

    return fault


def server_probe(ask: Callable[[], object]) -> Callable[[], str | None]:
    """Return what tells why a journal's server cannot be asked; `ask` reads one row from it."""

    def fault() -> str | None:
        try:
            ask()
        except AlvhError as error:
            return str(error)
        return None

    return fault


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
