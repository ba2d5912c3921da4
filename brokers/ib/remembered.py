"""What was read in turns ahead of a moment, for want of lines, and is told while it is young.

R-02 wants a chain of at most ten seconds at its decision: what is remembered is told for eight, the
rest is for the look and what follows it. It is read in the last seconds before the moment; what was
read earlier tells how far a chain must be looked at, and the next turn reads it again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from brokers.ib.shown import LineShown
from brokers.ib.wire import Wire

TOLD_FOR = timedelta(seconds=8)
READ_WITHIN = timedelta(seconds=7.5)  # before the moment; the look finds it young enough
SILENT_FOR = timedelta(seconds=10)  # what showed nothing is not asked for again at once


@dataclass(frozen=True, slots=True)
class _Memory:
    """What a line showed over one socket until it was closed; None if it showed too little."""

    wire: Wire
    at: datetime
    shown: LineShown | None


class Remembered:
    """What closed lines showed last, by what they show."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[Any, _Memory] = {}

    def keep(self, wire: Wire, name: object, shown: LineShown | None) -> None:
        """Remember what a line shows now, None if it was silent or refused."""
        at = self._clock()
        self._known[name] = _Memory(wire, at, None if shown is None else shown.as_of(at))

    def young(self, wire: Wire, names: Iterable[Any]) -> dict[Any, LineShown]:
        """Return what is remembered of these names and can still be told."""
        return self._since(wire, names, self._clock() - TOLD_FOR)

    def ahead(
        self, wire: Wire, names: Iterable[Any], moment_at: datetime
    ) -> tuple[dict[Any, LineShown], set[Any]]:
        """Return what need not be read now for a moment to come, and the names that were silent.

        Before the last seconds that is all that is known; in them it is what was read within them.
        """
        names = tuple(names)
        read_from = moment_at - READ_WITHIN
        since = read_from if self._clock() >= read_from else None
        silent = {name for name in names if self._is_silent(wire, name)}
        return self._since(wire, names, since), silent

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
