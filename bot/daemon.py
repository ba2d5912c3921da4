"""The daemon: a timetable puts moments on one queue, one consumer takes them through the shell.

Lives and dies in order: startup, loop, shutdown. Whether a late moment still runs is decided here,
by its own policy and by what the journal says was kept; that holds alike for a moment that came
late, one that a stopped process slept over and one that passed while no process lived.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from bot.bootstrap import Rig
from bot.clock import SimulatedClock
from bot.events import BrokerReported, Input, MomentDue, MomentSkipped
from bot.foresight import Foresight
from bot.log import RunLog
from bot.settings import DaemonSettings, OnStop
from bot.startup import TakenUp, compare, take_up
from bot.timetable import Finished, Item, PlanSession, Pulse, Timetable
from brokers.base import Retelling
from market.errors import BrokerUnavailable, JournalUnavailable
from market.orders import LineChanged, LineState
from market.schedule import MissedPolicy, Moment, MomentName

LATE_AFTER = timedelta(seconds=2)
PLAN_NEXT_AFTER = timedelta(minutes=1)
START_WITHIN_S = 10.0
TRY_AGAIN_S = 2.0
ANSWERS_EVERY_S = 0.05
PROBE_EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that a person wants done between two events, and who waits for it."""

    run: Callable[[], Awaitable[str]]
    done: asyncio.Future[str]


class Daemon:
    """Drives one rig on a timetable until told to stop."""

    def __init__(
        self,
        rig: Rig,
        timetable: Timetable,
        log: RunLog,
        on_change: Callable[[Moment | None], None],
        on_pulse: Sequence[Callable[[], Awaitable[None]]] = (),
        try_again_s: float = TRY_AGAIN_S,
    ) -> None:
        """Wire it; `on_pulse` is called each second, from the loop, for as long as it turns, and a
        broker that is lost is asked for again after `try_again_s` of the machine's time."""
        self.rig = self._rig = rig
        self._clock = rig.clock
        self._timetable = timetable
        self._log = log
        self._on_change = on_change
        self._on_pulse = on_pulse
        self._policy: DaemonSettings = rig.settings.daemon
        self._foresight = Foresight(rig.shell, log)
        self._queue: asyncio.Queue[Item | Errand] = asyncio.Queue()
        self._pending: list[Moment] = []
        self._stop = asyncio.Event()
        self._try_again_at = 0.0
        self._probe_at = 0.0
        self._try_again_s = try_again_s
        self.reconciled_at: datetime | None = None
        self.difference: str | None = None

    @property
    def next_moment(self) -> Moment | None:
        """Return the next moment on the timetable."""
        return self._pending[0] if self._pending else None

    def stop(self) -> None:
        """Ask the daemon to end after the event at hand."""
        self._stop.set()

    async def run_errand(self, run: Callable[[], Awaitable[str]]) -> str:
        """Have something done by the one consumer, between two events; return its sentence."""
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Errand(run, done))
        return await done

    async def handle(self, event: Input) -> None:
        """Take an event through the shell; only for errands, which the consumer runs."""
        await self._rig.shell.handle(event)

    async def serve(self) -> None:
        """Run until stopped, then leave in order.

        Raises:
            BrokerUnavailable: the broker could not be reached at the start.
            JournalUnavailable: the journal can no longer be written; nothing was sent since.
        """
        can_record = True
        try:
            await self._startup()
            await self._loop()
        except JournalUnavailable:
            can_record = False
            raise
        finally:
            await self._shutdown(can_record=can_record)

    async def _startup(self) -> None:
        self._rig.shell.commit()
        await self._reach_broker()
        self._timetable.start(self._queue.put_nowait)
        for session in self._open_sessions():
            self._plan(session)
        self._log.info("daemon_started", session=self._pending[0].session if self._pending else "")

    async def _reach_broker(self) -> None:
        """Take up the broker, with some patience: it may be starting at the same time."""
        until = asyncio.get_running_loop().time() + START_WITHIN_S
        while not self._stop.is_set():
            try:
                await self._take_up()
            except BrokerUnavailable:
                if asyncio.get_running_loop().time() >= until:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def _take_up(self) -> TakenUp:
        rig, now = self._rig, self._clock.now()
        taken = await take_up(
            rig.broker, rig.shell, rig.book, rig.vitals.heard, now, sends_again=rig.sends_again
        )
        self._note_difference(taken.difference, now)
        if taken.heard or taken.sent_again:
            self._log.info("broker_taken_up", heard=taken.heard, sent_again=list(taken.sent_again))
        return taken

    def _note_difference(self, difference: str | None, now: datetime) -> None:
        if difference is None:
            self.reconciled_at = now
        elif difference != self.difference:
            self._log.error("books_differ", sentence=difference)
        self.difference = difference

    def _open_sessions(self) -> Sequence[date]:
        """Return the sessions that may still owe a moment, today's or the next one included."""
        calendar, now = self._rig.world.calendar, self._clock.now()
        today = calendar.on_or_after(now.date())
        if now > calendar.session(today).option_close_at + timedelta(minutes=10):
            today = calendar.next(today)
        first = self._rig.vitals.first_open_session or today
        return calendar.between(min(first, today), today)

    def _plan(self, session: date) -> None:
        """Put what a session still owes on the timetable; what is past comes at once."""
        now = self._clock.now()
        owed = [moment for moment in self._rig.moments(session) if self._rig.vitals.is_owed(moment)]
        for moment in owed:
            self._timetable.at(moment.at, MomentDue(moment))
        self._pending += owed
        last = owed[-1].at if owed else now
        following = self._rig.world.calendar.next(session)
        if session == self._planned_until(session):
            self._timetable.at(max(last, now) + PLAN_NEXT_AFTER, PlanSession(following))
        self._log.info("session_planned", session=session, moments=len(owed))

    def _planned_until(self, session: date) -> date:
        """Return the last session that is planned now; only that one calls for the next."""
        return max(session, *self._open_sessions())

    async def _loop(self) -> None:
        stopping = asyncio.create_task(self._stop.wait())
        getting = asyncio.create_task(self._queue.get())
        try:
            while not self._stop.is_set():
                if self._queue.empty() and not getting.done():
                    self._timetable.rest()
                await asyncio.wait({getting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    item, getting = getting.result(), asyncio.create_task(self._queue.get())
                    await self._take(item)
        finally:
            for task in (getting, stopping):
                task.cancel()
            await asyncio.gather(getting, stopping, return_exceptions=True)

    async def _take(self, item: Item | Errand) -> None:
        await self._tick()
        match item:
            case PlanSession():
                self._plan(item.session)
            case MomentDue():
                await self._keep(item.moment)
            case Errand():
                await self._run(item)
            case Finished():
                self.stop()
            case Pulse():
                await self._probe()
                self._foresight.watch(self._pending, self._clock.now())
                for beat in self._on_pulse:
                    await beat()
        self._on_change(self.next_moment)

    async def _run(self, errand: Errand) -> None:
        sentence = await errand.run()
        if not errand.done.done():
            errand.done.set_result(sentence)

    async def _tick(self) -> None:
        """Let the venue's own timers run, hear it, and look after the line."""
        broker, now = self._rig.broker, self._clock.now()
        try:
            due = broker.due()
            if due is not None and due <= now:
                broker.advance(now)
        except BrokerUnavailable as error:
            await self.line_lost(str(error))
        await self._rig.shell.hear_broker()
        if self._rig.book.line is LineState.DOWN:
            await self._mend()

    async def _probe(self) -> None:
        """Now and then ask a broker that only ever answers whether it is still there."""
        now, broker = asyncio.get_running_loop().time(), self._rig.broker
        if not isinstance(broker, Retelling) or now < self._probe_at:
            return
        self._probe_at = now + PROBE_EVERY_S
        try:
            await broker.open_orders()
        except BrokerUnavailable as error:
            await self.line_lost(str(error))

    async def line_lost(self, reason: str) -> None:
        """Record that the broker cannot be trusted or reached; it is taken up again later."""
        if self._rig.book.line is not LineState.DOWN:
            now = self._clock.now()
            change = LineChanged(now, LineState.DOWN, None, reason)
            await self._rig.shell.handle(BrokerReported(change))
            self._log.error("line_down", at=now, sentence=reason)

    async def _mend(self) -> None:
        """Try to take the broker up again, now and then."""
        now = asyncio.get_running_loop().time()
        if now < self._try_again_at:
            return
        self._try_again_at = now + self._try_again_s
        try:
            await self._take_up()
        except BrokerUnavailable:
            return
        if self._rig.book.line is LineState.READY:
            self._log.info("line_ready", at=self._clock.now())

    async def _keep(self, moment: Moment) -> None:
        if moment in self._pending:
            self._pending.remove(moment)
        if not self._rig.vitals.is_owed(moment):
            return
        await self._foresight.stand_by()
        now = self._clock.now()
        if is_too_late(moment, now):
            await self._rig.shell.handle(MomentSkipped(moment, now, reason_of(moment, now)))
            return
        await self._rig.shell.handle(MomentDue(replace(moment, at=max(moment.at, now))))
        if moment.name is MomentName.HEDGE_REVIEW:
            await self._compare()

    async def _compare(self) -> None:
        """Compare the books at a session's end; a difference stops trading, not the daemon."""
        now = self._clock.now()
        try:
            difference = await compare(self._rig.broker, self._rig.book)
        except BrokerUnavailable as error:
            await self.line_lost(str(error))
            return
        self._note_difference(difference, now)
        if difference is not None:
            await self.line_lost(f"book and broker differ: {difference}")

    async def _shutdown(self, *, can_record: bool) -> None:
        """Leave within a bound: stop what works where the policy says so, then close up."""
        self._timetable.stop()
        try:
            if self._policy.on_stop is OnStop.CANCEL:
                await self._cancel_orders()
            if can_record:
                await self._await_answers()
        except BrokerUnavailable as error:
            self._log.warning("orders_left_working", sentence=str(error))
        await self._foresight.close()
        await self._rig.broker.close()
        if can_record:
            self._rig.journal.close()
        self._log.info("daemon_stopped")

    async def _cancel_orders(self) -> None:
        if isinstance(self._clock, SimulatedClock):
            return  # a replay ends between two instants: what works there goes on with the next
        for order in await self._rig.broker.open_orders():
            await self._rig.broker.cancel(order.order_id)

    async def _await_answers(self) -> None:
        """Hear what became of the cancelled orders, for as long as the policy allows."""
        until = asyncio.get_running_loop().time() + self._policy.stop_seconds
        await self._rig.shell.hear_broker()
        while await self._works_still() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(ANSWERS_EVERY_S)
            await self._rig.shell.hear_broker()

    async def _works_still(self) -> bool:
        if self._policy.on_stop is OnStop.LEAVE or isinstance(self._clock, SimulatedClock):
            return False
        return any(state.is_active for state in self._rig.book.working())


def is_too_late(moment: Moment, now: datetime) -> bool:
    """Tell whether a moment's policy forbids keeping it now."""
    if moment.missed is MissedPolicy.ALWAYS or now - moment.at <= LATE_AFTER:
        return False
    until = moment.runs_until
    return until is not None and now > until


def reason_of(moment: Moment, now: datetime) -> str:
    """Return why a moment is not kept any more."""
    late = str(timedelta(seconds=round((now - moment.at).total_seconds())))
    grace = str(timedelta(seconds=round(moment.grace.total_seconds())))
    return f"{late} late; its policy {moment.missed} allows {grace}"
