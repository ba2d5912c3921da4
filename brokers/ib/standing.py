"""Lines that stand for a moment to come: opened before it, read at it, given back after it.

On a line that stands, what was shown last is so, since TWS tells changes alone. That holds of a
line that is whole, was never refused, lies on the present socket and was heard within a minute;
any other is given back and asked for anew.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from brokers.ib.shown import LineShown
from brokers.ib.wire import Wire

HEARD_WITHIN = timedelta(seconds=60)
KEPT_FREE = 24  # lines for turns, for a look at what nobody foresaw, and at an order's legs


@dataclass(frozen=True, slots=True)
class StandingLine:
    """One line over one socket."""

    wire: Wire
    number: int
    shown: LineShown


class StandingLines:
    """The lines that stand now, by what they show; they leave some of the account's lines free."""

    def __init__(self, clock: Callable[[], datetime], most_lines: int) -> None:
        self._clock = clock
        self._most_lines = most_lines
        self._lines: dict[Any, StandingLine] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    @property
    def room(self) -> int:
        """Return how many more lines may stand."""
        return max(self._most_lines - KEPT_FREE - len(self._lines), 0)

    def stand(self, name: object, line: StandingLine) -> None:
        """Take in an open line."""
        self._lines[name] = line

    def has(self, name: object, number: int) -> bool:
        """Tell whether it is this line that stands for a name."""
        line = self._lines.get(name)
        return line is not None and line.number == number

    def read(
        self, wire: Wire, names: Iterable[Any], is_done: Callable[[LineShown], bool]
    ) -> tuple[dict[Any, LineShown], list[StandingLine]]:
        """Return what the lines that can be trusted show now, and those to be given back."""
        at = self._clock()
        told: dict[Any, LineShown] = {}
        unfit: list[StandingLine] = []
        for name in names:
            line = self._lines.get(name)
            if line is None:
                continue
            if line.wire is wire and _is_fit(line.shown, at, is_done):
                told[name] = line.shown.as_of(at)
            else:
                unfit.append(self._lines.pop(name))
        return told, unfit

    def back(self, names: Iterable[Any] | None = None) -> list[StandingLine]:
        """Let the lines of these names, by default all, stand no more; return them."""
        wanted = list(self._lines if names is None else names)
        return [self._lines.pop(name) for name in wanted if name in self._lines]


def _is_fit(shown: LineShown, at: datetime, is_done: Callable[[LineShown], bool]) -> bool:
    heard = max(shown.seen_at.values(), default=None)
    return (
        shown.refusal is None
        and heard is not None
        and at - heard <= HEARD_WITHIN
        and is_done(shown)
    )
