"""The clocks: the system's, an offset one, and a simulated one that jumps. The only reader of the
system's time in the program."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from market.errors import InvariantBroken


class Clock(Protocol):
    """Tells the present instant, UTC."""

    def now(self) -> datetime:
        """Return the present instant."""


class SystemClock:
    """The machine's clock, optionally shifted: `offset` is added to it."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the machine's time plus the offset."""
        return datetime.now(UTC) + self.offset

    def to_machine(self, at: datetime) -> datetime:
        """Return the machine's time at which this clock will show `at`."""
        return at - self.offset


class SimulatedClock:
    """A clock that stands until told to jump, and never runs backwards."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant last jumped to."""
        return self._now

    def jump(self, at: datetime) -> None:
        """Move to `at`.

        Raises:
            InvariantBroken: `at` lies in the past.
        """
        if at < self._now:
            raise InvariantBroken(f"the simulated clock cannot run back from {self._now} to {at}")
        self._now = at


def changed_at(path: Path) -> datetime:
    """Return when a file was last written, UTC.

    Raises:
        OSError: there is no such file.
    """
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
