"""How many messages a client may send within a second, and what becomes of those beyond.

Interactive Brokers allows 50 a second, answers each one beyond with 100 and cuts a client off that
goes on so. How it measures the second is not published; here it is any second that just went by.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MESSAGES_PER_SECOND = 50
PACING_CODE = 100
BREACHES_UNTIL_CUT = 3
SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate that is allowed, and the clock by which it is measured, in seconds."""

    most: int
    clock: Callable[[], float]


class Pacing:
    """Counts the messages of one client. A breach is one stretch of time beyond the rate."""

    def __init__(self, pace: Pace | None) -> None:
        """Measure a rate; None is any rate."""
        self._pace = pace
        self._seen: deque[float] = deque()
        self._is_beyond = False
        self.most_seen = 0
        self.breaches = 0

    def objection(self) -> str | None:
        """Count one message; return what to tell the client if it came too fast, or None."""
        if self._pace is None:
            return None
        now = self._pace.clock()
        self._seen.append(now)
        while now - self._seen[0] >= SECOND:
            self._seen.popleft()
        count = len(self._seen)
        self.most_seen = max(self.most_seen, count)
        was_beyond, self._is_beyond = self._is_beyond, count > self._pace.most
        if not self._is_beyond:
            return None
        self.breaches += not was_beyond
        return (
            "Max rate of messages per second has been exceeded:"
            f"max={self._pace.most} rec={count} ({self.breaches})"
        )

    @property
    def is_over(self) -> bool:
        """Tell whether the client went too fast too often."""
        return self.breaches >= BREACHES_UNTIL_CUT
