"""The faults of a script on their way: which of them act on this occasion, and what is due when."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count

from brokers.gateway.faults import ANY, FILL, Fault
from market.sessions import exchange_zone


class Agenda:
    """What is to happen at which instant; equal instants keep their order."""

    def __init__(self) -> None:
        self._rows: list[tuple[datetime, int, Callable[[], None]]] = []
        self._number = count()

    def add(self, at: datetime, act: Callable[[], None]) -> None:
        """Have `act` called once it is `at`."""
        heapq.heappush(self._rows, (at, next(self._number), act))

    def due(self) -> datetime | None:
        """Return when something is to happen next, or None."""
        return self._rows[0][0] if self._rows else None

    def run(self, now: datetime) -> None:
        """Do all that is due by now, in order."""
        while self._rows and self._rows[0][0] <= now:
            heapq.heappop(self._rows)[2]()


@dataclass(slots=True)
class Watched:
    """A fault that waits for its occasion, and how many it has seen."""

    fault: Fault
    seen: int = 0

    def acts(self) -> bool:
        """Count one occasion and tell whether the fault acts on it."""
        self.seen += 1
        return self.fault.nth <= self.seen < self.fault.nth + self.fault.times


@dataclass
class Script:
    """Faults that wait for requests and messages."""

    watched: list[Watched] = field(default_factory=list)

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> "Script":
        """Return the script of the faults that do not wait for a time."""
        return cls([Watched(fault) for fault in faults if fault.at is None])

    def on_request(self, name: str, client_id: int) -> tuple[Fault, ...]:
        """Return the faults that act on this request or fill."""
        return tuple(
            each.fault
            for each in self.watched
            if (each.fault.on == name or (each.fault.on == ANY and name != FILL))
            and each.fault.client_id in {None, client_id}
            and each.acts()
        )

    def on_tell(self, name: str, status: str, client_id: int) -> tuple[Fault, ...]:
        """Return the faults that act on this message to a client."""
        return tuple(
            each.fault
            for each in self.watched
            if each.fault.tell == name != ""
            and each.fault.status in {"", status}
            and each.fault.client_id in {None, client_id}
            and each.acts()
        )


def instants(fault: Fault, now: datetime) -> Iterator[datetime]:
    """Yield the instants from now on at which a timed fault acts, in UTC; none for other faults."""
    if isinstance(fault.at, time):
        yield from (at.astimezone(UTC) for at in _daily(fault.at, fault.times, now))
    elif fault.at is not None:
        first, step = fault.at.astimezone(UTC), fault.every or timedelta(0)
        yield from (first + n * step for n in range(fault.times))


def _daily(at: time, times: int, now: datetime) -> Iterator[datetime]:
    day = now.astimezone(exchange_zone()).date()
    if datetime.combine(day, at, exchange_zone()) < now:
        day += timedelta(days=1)
    for n in range(times):
        yield datetime.combine(day + timedelta(days=n), at, exchange_zone())
