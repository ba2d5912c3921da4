"""The clocks: the system's, an offset one, and a simulated one that jumps. The only reader of the
system's time in the program."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from market.errors import InvariantBroken

JUMP_S = 2.0


class Clock(Protocol):
    """Tells the present instant, UTC."""

    def now(self) -> datetime:
        """Return the present instant."""


class SystemClock:
    """The machine's clock, optionally shifted: `offset` is added to it.

    It never runs back: when the machine's clock is set back it stands until that has caught up,
    so that nothing is done twice.
    """

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the machine's time plus the offset."""
        self._latest = max(self._latest, self.machine() + self.offset)
        return self._latest

    def machine(self) -> datetime:
        """Return the machine's time as it stands, set or not."""
        return datetime.now(UTC)

    def to_machine(self, at: datetime) -> datetime:
        """Return the machine's time at which this clock will show `at`."""
        return at - self.offset


class ClockWatch:
    """Notices when a clock was set: it then went another way than the time that passed.

    A process that was stopped sees both go on, so that is no jump.
    """

    def __init__(self, clock: Callable[[], datetime], passed_s: Callable[[], float]) -> None:
        self._clock = clock
        self._passed_s = passed_s
        self._last = clock(), passed_s()

    def jumped_s(self) -> float:
        """Return by how many seconds the clock was set since the last call, 0 when it was not."""
        at, passed = self._clock(), self._passed_s()
        before, passed_before = self._last
        self._last = at, passed
        jumped = (at - before).total_seconds() - (passed - passed_before)
        return jumped if abs(jumped) > JUMP_S else 0.0


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
