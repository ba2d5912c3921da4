"""The daemon: APScheduler puts moments on one queue, one consumer takes them through the shell.

Lives and dies in order: startup, loop, shutdown. Scheduled jobs do nothing but put something on
the queue; whether a late moment still runs is decided here by its own policy.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.bootstrap import Rig
from bot.clock import SystemClock
from bot.events import MomentDue, MomentSkipped
from bot.log import RunLog
from bot.replay import check
from market.schedule import MissedPolicy, Moment, MomentName

PULSE_SECONDS = 1
LATE_AFTER = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A second went by: the venue's own timers are looked after."""


@dataclass(frozen=True, slots=True)
class PlanSession:
    """A session is to be put on the schedule."""

    session: date


Item = MomentDue | Pulse | PlanSession


class Daemon:
    """Drives one rig on the machine's clock until told to stop."""

    def __init__(
        self, rig: Rig, clock: SystemClock, log: RunLog, on_change: Callable[[Moment | None], None]
    ) -> None:
        self._rig = rig
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._queue: asyncio.Queue[Item] = asyncio.Queue()
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._pending: list[Moment] = []
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask the daemon to end after the event at hand."""
        self._stop.set()

    async def serve(self) -> None:
        """Run until stopped, then leave in order."""
        self._startup()
        try:
            await self._loop()
        finally:
            await self._shutdown()

    def _startup(self) -> None:
        calendar = self._rig.world.calendar
        now = self._clock.now()
        today = calendar.on_or_after(now.date())
        if now > calendar.session(today).option_close_at:
            today = calendar.next(today)
        self._plan(today)
        self._scheduler.add_job(
            self._put,
            "interval",
            (Pulse(),),
            seconds=PULSE_SECONDS,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._scheduler.start()
        self._log.info("daemon_started", session=today)

    def _plan(self, session: date) -> None:
        """Put a session's moments on the schedule; those before now are not this run's duty."""
        now = self._clock.now()
        moments = [moment for moment in self._rig.moments(session) if moment.at >= now]
        for moment in moments:
            self._at(moment.at, MomentDue(moment))
        self._pending += moments
        following = self._rig.world.calendar.next(session)
        last = moments[-1].at if moments else now
        self._at(max(last, now) + timedelta(minutes=1), PlanSession(following))
        self._log.info("session_planned", session=session, moments=len(moments))

    async def _put(self, item: Item) -> None:
        """Put something on the queue; a coroutine, since plain functions run in a thread."""
        self._queue.put_nowait(item)

    def _at(self, at: datetime, item: Item) -> None:
        self._scheduler.add_job(
            self._put,
            "date",
            (item,),
            run_date=self._clock.to_machine(at),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    async def _loop(self) -> None:
        stopping = asyncio.create_task(self._stop.wait())
        getting = asyncio.create_task(self._queue.get())
        try:
            while not self._stop.is_set():
                await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    item, getting = getting.result(), asyncio.create_task(self._queue.get())
                    await self._take(item)
        finally:
            for task in (getting, stopping):
                task.cancel()
            await asyncio.gather(getting, stopping, return_exceptions=True)

    async def _take(self, item: Item) -> None:
        await self._tick()
        if isinstance(item, PlanSession):
            self._plan(item.session)
        elif isinstance(item, MomentDue):
            await self._keep(item.moment)
        self._on_change(self._pending[0] if self._pending else None)

    async def _tick(self) -> None:
        broker, now = self._rig.broker, self._clock.now()
        due = broker.due()
        if due is not None and due <= now:
            broker.advance(now)
        await self._rig.shell.hear_broker()

    async def _keep(self, moment: Moment) -> None:
        if moment in self._pending:
            self._pending.remove(moment)
        now = self._clock.now()
        if is_too_late(moment, now):
            reason = f"{(now - moment.at).total_seconds():.0f} s late, policy {moment.missed}"
            await self._rig.shell.handle(MomentSkipped(moment, now, reason))
            return
        await self._rig.shell.handle(MomentDue(replace(moment, at=now)))
        if moment.name is MomentName.HEDGE_REVIEW:
            await check(self._rig)

    async def _shutdown(self) -> None:
        self._scheduler.shutdown(wait=False)
        for order in await self._rig.broker.open_orders():
            await self._rig.broker.cancel(order.order_id)
        await self._rig.shell.hear_broker()
        self._rig.journal.close()
        self._log.info("daemon_stopped")


def is_too_late(moment: Moment, now: datetime) -> bool:
    """Tell whether a moment's policy forbids keeping it now."""
    if moment.missed is MissedPolicy.ALWAYS or now - moment.at <= LATE_AFTER:
        return False
    until = moment.runs_until
    return until is not None and now > until
