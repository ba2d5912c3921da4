"""What was read in turns ahead of a moment, for want of lines, and is told while it is young.

R-02 wants a chain of at most ten seconds at its decision: what is remembered is told for less, the
rest is for the look and for looking again at what would be traded. It is read in the last seconds
before the moment, as late as its number allows; what was read earlier tells how far a chain must be
looked at, and what has to be read again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from brokers.ib.shown import LineShown
from brokers.ib.wire import Wire

TOLD_FOR = timedelta(seconds=7.5)
LAST_SECONDS = timedelta(seconds=7)  # before the moment: what is read in them is young at its look
LEAST_SECONDS = timedelta(seconds=2)  # one, and the second between two passes
A_TURN = timedelta(seconds=1 / 15)  # two messages of forty a second, and some patience
SILENT_FOR = timedelta(seconds=10)  # what showed nothing is not asked for again at once


@dataclass(frozen=True, slots=True)
class Asked:
    """A line to be read: what names it, its contract, and when it has shown enough."""

    name: Any
    contract: Any
    is_done: Callable[[LineShown], bool]


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a line showed over one socket until it was closed; None if it showed too little."""

    asked: Asked
    wire: Wire
    at: datetime
    shown: LineShown | None


class Remembered:
    """What closed lines showed last, by what they show."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[Any, _Memory] = {}

    def keep(self, wire: Wire, asked: Asked, shown: LineShown | None) -> None:
        """Remember what a line shows now, None if it was silent or refused."""
        at = self._clock()
        told = None if shown is None else shown.as_of(at)
        self._known[asked.name] = _Memory(asked, wire, at, told)

    def young(self, wire: Wire, names: Iterable[Any]) -> dict[Any, LineShown]:
        """Return what is remembered of these names and can still be told."""
        return self._since(wire, names, self._clock() - TOLD_FOR)

    def due(self, wire: Wire, moment_at: datetime) -> list[Asked]:
        """Return what must be read again for a moment that comes within seconds, else nothing."""
        since = self._read_from(wire, moment_at)
        if since is None:
            return []
        return [each.asked for each in self._of(wire) if each.at < since]

    def ahead(
        self, wire: Wire, names: Iterable[Any], moment_at: datetime
    ) -> tuple[dict[Any, LineShown], set[Any]]:
        """Return what need not be read now for a moment to come, and the names that were silent.

        Before the last seconds that is all that is known; in them it is what was read within them.
        """
        names = tuple(names)
        silent = {name for name in names if self._is_silent(wire, name)}
        return self._since(wire, names, self._read_from(wire, moment_at)), silent

    def _read_from(self, wire: Wire, moment_at: datetime) -> datetime | None:
        """Return since when what is known must have been read, None while its age is no matter."""
        needed = LEAST_SECONDS + A_TURN * sum(1 for _ in self._of(wire))
        since = moment_at - min(needed, LAST_SECONDS)
        return since if self._clock() >= since else None

    def _of(self, wire: Wire) -> Iterator[_Memory]:
        return (each for each in self._known.values() if each.wire is wire and each.shown)

    def _is_silent(self, wire: Wire, name: object) -> bool:
        known = self._known.get(name)
        if known is None or known.wire is not wire or known.shown is not None:
            return False
        return self._clock() - known.at < SILENT_FOR

    def _since(
        self, wire: Wire, names: Iterable[Any], since: datetime | None
    ) -> dict[Any, LineShown]:
        found = {}
        for name in names:
            known = self._known.get(name)
            if known is None or known.wire is not wire or known.shown is None:
                continue
            if since is None or known.at >= since:
                found[name] = known.shown
        return found

    def forget(self) -> None:
        """Remember nothing."""
        self._known.clear()
