"""Timetables: they put what is due on the daemon's queue, at its time.

The system's hands the list to APScheduler, whose jobs do nothing but put. The jumping one serves a
replay: once the daemon rests it moves the clock to what comes next and puts that.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from bot.clock import ClockWatch, SimulatedClock, SystemClock
from bot.events import MomentDue
from brokers.base import Timed

PULSE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Pulse:
    """Time went by: the venue's own timers, the line and the clock are looked after."""


@dataclass(frozen=True, slots=True)
class PlanSession:
    """A session is to be put on the timetable."""

    session: date


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing will ever be due again."""


Item = MomentDue | Pulse | PlanSession | Finished
Put = Callable[[Item], None]


class Timetable(Protocol):
    """Knows what is due when, and puts it on a queue."""

    def start(self, put: Put) -> None:
        """Begin to put."""

    def at(self, at: datetime, item: Item) -> None:
        """Have an item put at a time; one that is past is put at once."""

    def rest(self) -> None:
        """Hear that the queue is empty."""

    def stop(self) -> None:
        """Put nothing any more."""


class SystemTimetable:
    """Puts by the machine's clock, and a pulse every second whatever that clock says."""

    def __init__(self, clock: SystemClock, on_jump: Callable[[float], None]) -> None:
        """Begin stopped; `on_jump` hears by how many seconds the machine's clock was set."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler  # noqa: PLC0415 - heavy

        self._clock = clock
        self._on_jump = on_jump
        self._scheduler: Any = AsyncIOScheduler(timezone=UTC)
        self._put: Put | None = None
        self._pulse: asyncio.Task[None] | None = None

    def start(self, put: Put) -> None:
        """Begin to put."""
        self._put = put
        self._scheduler.start()
        self._pulse = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        watch = ClockWatch(self._clock.machine, loop.time)
        while self._put is not None:
            jumped_s = watch.jumped_s()
            if jumped_s:
                # Its timer still waits by the old time.
                self._scheduler.wakeup()
                self._on_jump(jumped_s)
            self._put(Pulse())
            await asyncio.sleep(PULSE_SECONDS)

    def at(self, at: datetime, item: Item) -> None:
        """Have an item put at a time; one that is past is put at once."""
        if at <= self._clock.now():
            self._due(item)
        else:
            self._scheduler.add_job(
                self._put_later,
                "date",
                (item,),
                run_date=self._clock.to_machine(at),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

    async def _put_later(self, item: Item) -> None:
        """Put something on the queue; a coroutine, since plain functions run in a thread."""
        self._due(item)

    def _due(self, item: Item) -> None:
        if self._put is not None:
            self._put(item)

    def rest(self) -> None:
        """Do nothing: time goes by on its own."""

    def stop(self) -> None:
        """Put nothing any more."""
        self._put = None
        if self._pulse is not None:
            self._pulse.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


class JumpingTimetable:
    """Moves a simulated clock from one due time to the next, the venue's own included.

    `last` is the last session to be planned.
    """

    def __init__(self, clock: SimulatedClock, venue: Timed, last: date) -> None:
        self._clock = clock
        self._venue = venue
        self._last = last
        self._put: Put | None = None
        self._due: list[tuple[datetime, int, Item]] = []
        self._number = count()

    def start(self, put: Put) -> None:
        """Begin to put."""
        self._put = put

    def at(self, at: datetime, item: Item) -> None:
        """Have an item put at a time."""
        if not isinstance(item, PlanSession) or item.session <= self._last:
            heappush(self._due, (at, next(self._number), item))

    def rest(self) -> None:
        """Jump to what comes next and put it; once nothing does, say so."""
        if self._put is None:
            return
        venue_at = self._venue.due()
        if not self._due:
            self._put(Finished())
        elif venue_at is not None and venue_at <= self._due[0][0]:
            self._jump(venue_at)
            self._put(Pulse())
        else:
            at, _, item = heappop(self._due)
            self._jump(at)
            self._put(item)

    def _jump(self, at: datetime) -> None:
        self._clock.jump(max(at, self._clock.now()))

    def stop(self) -> None:
        """Put nothing any more."""
        self._put = None
