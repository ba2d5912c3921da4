"""Whole lives of the daemon on simulated time: a person's orders, a broker that is away, a file
that cannot be written, and what the journal says of each."""

import asyncio
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from bot_samples import book_state, replay

from bot.bootstrap import Rig, RunIdentity, build_simulated, build_venue, first_moment
from bot.clock import SimulatedClock
from bot.control import HALT_FILE, Controls
from bot.daemon import Daemon
from bot.events import (
    EntryClosed,
    EquityMarked,
    MomentMissed,
    MomentReached,
    OrderApproved,
    OrderStopped,
    Record,
)
from bot.journal.reader import JournalReader, last_record_at
from bot.log import RunLog
from bot.past import rerun_journal
from bot.settings import Settings
from bot.timetable import JumpingTimetable
from bot.world import World
from brokers.base import TimedBroker
from brokers.sim.broker import SimBroker
from brokers.sim.store import ExchangeStore
from market.errors import BrokerUnavailable, JournalUnavailable
from market.orders import LineChanged

FIRST, LAST = date(2018, 1, 29), date(2018, 2, 9)
SEED = 7
LIFE_S = 300.0  # a guard against standing still, on a busy machine too


class Life:
    """One daemon over two weeks of 2018, begun or gone on in a folder."""

    def __init__(
        self,
        world: World,
        folder: Path,
        venue: Callable[[SimBroker, SimulatedClock], TimedBroker] = lambda sim, _clock: sim,
        *,
        start: datetime | None = None,
        first: date = FIRST,
        last: date = LAST,
    ) -> None:
        journal = folder / "journal.db"
        last_at = last_record_at(journal)
        self.store = ExchangeStore(folder / "exchange.db")
        self.clock = SimulatedClock(start or last_at or first_moment(world, first))
        sim = build_venue(Settings(), world, self.clock, SEED, self.store)
        self.clock.jump(max(self.clock.now(), sim.at or self.clock.now()))
        broker = venue(sim, self.clock)
        identity = RunIdentity("replay", "R", SEED, self.clock.now(), first, last)
        self.rig: Rig = build_simulated(
            Settings(),
            world,
            self.clock,
            identity,
            journal,
            durable=True,
            continues=last_at is not None,
            broker=broker,
        )
        timetable = JumpingTimetable(self.clock, broker, last)
        log = RunLog(sys.stderr)
        self.daemon = Daemon(self.rig, timetable, log, lambda _moment: None, try_again_s=0.0)
        self.controls = Controls(self.daemon, folder, "replay")

    async def run(self) -> None:
        """Live to the end."""
        try:
            await asyncio.wait_for(self.daemon.serve(), LIFE_S)
        finally:
            self.store.close()


def records(folder: Path) -> list[Record]:
    with JournalReader(folder / "journal.db") as reader:
        return list(reader.records())


async def test_a_daemon_on_simulated_time_is_the_replay(world: World, tmp_path: Path) -> None:
    life = Life(world, tmp_path)

    await life.run()

    assert book_state(life.rig.book) == book_state(replay(world, FIRST, LAST).rig.book)


async def test_flatten_buys_the_condor_back_keeps_the_hedge_and_can_be_replayed(
    world: World, tmp_path: Path
) -> None:
    life = Life(world, tmp_path)
    told: list[asyncio.Task[str]] = []

    def flatten_once(record: Record) -> None:
        is_scan = isinstance(record, MomentReached) and record.name == "threat_scan_1"
        if is_scan and life.rig.book.positions().condors and not told:
            told.append(asyncio.create_task(life.controls.flatten("enough", with_hedge=False)))

    life.rig.engine.listen(flatten_once)
    await life.run()

    assert await told[0] == "1 closing orders sent; trading is halted; the hedge is kept."
    assert life.rig.book.positions().condors == ()
    assert life.rig.book.positions().layers != ()
    assert life.rig.book.halt is not None
    assert life.rig.book.halt.code == "PERSON"
    assert life.rig.vitals.refusals.keys() <= {"HALTED"}
    assert rerun_journal(tmp_path / "journal.db").first_difference is None


async def test_a_file_named_halt_halts_and_resume_waits_until_it_is_gone(
    world: World, tmp_path: Path
) -> None:
    life = Life(world, tmp_path)
    (tmp_path / HALT_FILE).touch()
    said: list[str] = []

    async def person() -> None:
        await life.daemon.run_errand(_obey(life))
        said.append(await life.controls.resume("now"))
        (tmp_path / HALT_FILE).unlink()
        said.append(await life.controls.resume("now"))

    task = asyncio.create_task(person())
    await life.run()
    await task

    assert said == [
        f"Trading stays halted: remove the file {tmp_path / HALT_FILE} first.",
        "Trading resumes.",
    ]


def _obey(life: Life) -> Callable[[], "asyncio.Future[str]"]:
    async def run() -> str:
        await life.controls.obey_file()
        return ""

    return lambda: asyncio.ensure_future(run())


class Away:
    """An exchange that cannot be reached for a while."""

    def __init__(self, sim: SimBroker, clock: SimulatedClock, gone: tuple[datetime, datetime]):
        self._sim, self._clock, self._gone = sim, clock, gone

    def __getattr__(self, name: str) -> object:
        first, last = self._gone
        if name in self.REACHING and first <= self._clock.now() < last:
            raise BrokerUnavailable("the exchange is away")
        return getattr(self._sim, name)

    REACHING = frozenset(
        {"connect", "submit", "cancel", "positions", "open_orders", "executions", "advance"}
    )


async def test_without_a_broker_at_the_entry_nothing_is_sent_and_later_it_is_taken_up(
    world: World, tmp_path: Path
) -> None:
    day = date(2018, 2, 2)
    close = world.calendar.session(day).cash_close_at
    gone = (close + timedelta(minutes=5), close + timedelta(minutes=14))

    def away(sim: SimBroker, clock: SimulatedClock) -> TimedBroker:
        return Away(sim, clock, gone)  # type: ignore[return-value]

    life = Life(world, tmp_path, away)
    # The line is found dead by the word that is sent over it, so the loss is told beforehand.
    life.rig.engine.listen(_loses(life, gone[0]))
    await life.run()

    seen = records(tmp_path)
    closed = [r for r in seen if isinstance(r, EntryClosed) and r.session == day]
    stopped = [r for r in seen if isinstance(r, OrderStopped) and r.session == day]
    lines = [r.state for r in seen if isinstance(r, LineChanged)]
    assert [r.reason for r in closed] == ["RISK_LINE"]
    assert [r.sentence for r in stopped] == ["the line to the broker is down"]
    assert lines == ["down", "ready"]
    assert any(isinstance(r, OrderApproved) and r.session > day for r in seen)


def _loses(life: Life, at: datetime) -> Callable[[Record], None]:
    lost: list[asyncio.Task[None]] = []

    def watch(record: Record) -> None:
        if isinstance(record, MomentReached) and record.at >= at and not lost:
            lost.append(asyncio.create_task(life.daemon.line_lost("the exchange is away")))

    return watch


@contextmanager
def locked(journal: Path) -> Iterator[Callable[[], None]]:
    """Yield what locks a journal from outside, until the block ends."""
    other = sqlite3.connect(journal, isolation_level=None)

    def strike() -> None:
        if not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    yield strike
    other.close()


@contextmanager
def disk_full(journal: Path) -> Iterator[Callable[[], None]]:
    """Yield what lets no file of this process grow beyond the journal's log, until the block ends.

    The system then refuses the write as it does on a full disk.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = journal.with_name(journal.name + "-wal")

    def strike() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))

    yield strike
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("fault", [locked, disk_full])
async def test_a_journal_that_cannot_be_written_stops_the_bot_and_the_next_life_ends_equal(
    world: World,
    tmp_path: Path,
    fault: Callable[[Path], AbstractContextManager[Callable[[], None]]],
) -> None:
    life = Life(world, tmp_path)
    with fault(tmp_path / "journal.db") as strike:

        def watch(record: Record) -> None:
            if isinstance(record, MomentReached) and record.session == date(2018, 1, 31):
                strike()

        life.rig.engine.listen(watch)
        with pytest.raises(JournalUnavailable, match=r"journal\.db"):
            await life.run()
    told_before = len(records(tmp_path))

    again = Life(world, tmp_path)
    await again.run()

    assert len(records(tmp_path)) > told_before
    assert book_state(again.rig.book) == book_state(replay(world, FIRST, LAST).rig.book)


async def test_what_nobody_lived_to_keep_is_decided_by_its_policy(
    world: World, tmp_path: Path
) -> None:
    """The bot dies on Wednesday's entry and wakes on Thursday at noon."""
    day = date(2018, 1, 31)
    life = Life(world, tmp_path)

    def die(record: Record) -> None:
        if isinstance(record, MomentReached) and (record.session, record.name) == (day, "snapshot"):
            life.daemon.stop()

    life.rig.engine.listen(die)
    await life.run()
    noon = world.calendar.session(date(2018, 2, 1)).open_at + timedelta(hours=2, minutes=30)

    await Life(world, tmp_path, start=noon).run()

    seen = records(tmp_path)
    missed = {(r.session, r.name): r.reason for r in seen if isinstance(r, MomentMissed)}
    closed = [r for r in seen if isinstance(r, EntryClosed) and r.session == day]
    late = [r for r in seen if isinstance(r, MomentReached) and r.at == noon]
    assert missed[day, "entry"] == "19:50:00 late; its policy skip allows 0:04:30"
    assert [(r.reason, r.quantity) for r in closed] == [("MISSED", 0)]
    assert (date(2018, 2, 1), "hedge_window") in {(r.session, r.name) for r in late}
    assert rerun_journal(tmp_path / "journal.db").first_difference is None


async def test_memory_and_file_handles_stay_flat_over_a_year(world: World, tmp_path: Path) -> None:
    life = Life(world, tmp_path, first=date(2015, 1, 2), last=date(2015, 12, 31))
    seen: list[tuple[float, int]] = []

    def watch(record: Record) -> None:
        if isinstance(record, EquityMarked):
            seen.append((resident_mb(), len(list(Path("/proc/self/fd").iterdir()))))

    life.rig.engine.listen(watch)
    await life.run()

    memory, handles = zip(*seen, strict=True)
    grown_mb = max(memory[-21:]) - max(memory[60:81])
    assert len(seen) == 252
    assert grown_mb < 12.0
    assert max(handles[20:]) <= handles[20]


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
