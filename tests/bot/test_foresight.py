"""The daemon listens to the market ahead of a moment; its journal is the same without."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.clock import SimulatedClock
from bot.daemon import Daemon
from bot.events import MomentDue
from bot.foresight import LEAD
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.journal.store import JournalReader
from bot.log import RunLog
from bot.paper import PaperRun, build_paper
from bot.settings import Settings
from bot.timetable import Finished, Item, Pulse, Put
from bot.world import World
from brokers.gateway.server import GatewayServer
from market.schedule import Moment, MomentName

SESSION = date(2018, 2, 2)
WINDOW_AT = datetime(2018, 2, 2, 16, 0, tzinfo=UTC)  # 90 minutes after the open
BEGUN_AT = WINDOW_AT - timedelta(minutes=2)
SECOND = timedelta(seconds=1)


@dataclass
class ByHand:
    """A timetable whose instants a test names; each puts a pulse, and the moment due then."""

    run: PaperRun
    server: GatewayServer
    clock: SimulatedClock
    stops: list[datetime]
    before_rest: Callable[[], None]
    daemon: Daemon | None = None
    due: list[tuple[datetime, Moment]] = field(default_factory=list)
    put: Put | None = None
    going: asyncio.Task[None] | None = None

    def start(self, put: Put) -> None:
        self.put = put

    def at(self, at: datetime, item: Item) -> None:
        if isinstance(item, MomentDue):
            self.due.append((at, item.moment))

    def rest(self) -> None:
        if self.going is None and self.put is not None:
            self.going = asyncio.get_running_loop().create_task(self._go_on(self.put))

    async def _go_on(self, put: Put) -> None:
        assert self.daemon is not None
        ahead = self.daemon._foresight._task
        if ahead is not None:
            await asyncio.wait({ahead})
        self.before_rest()
        if not self.stops:
            put(Finished())
            return
        self.clock.jump(self.stops.pop(0))
        self.server.pulse()
        await self.run.adapter.broker.quiet()
        self.going = None
        put(Pulse())
        for at, moment in [each for each in self.due if each[0] <= self.clock.now()]:
            self.due.remove((at, moment))
            put(MomentDue(moment))

    def stop(self) -> None:
        self.put = None


@dataclass
class Lived:
    """What a run left behind."""

    journal: list[tuple[str, str]]
    standing: list[tuple[datetime, int]]
    log: list[str]

    @property
    def orders(self) -> list[str]:
        """Return the orders that risk approved, as they were journaled."""
        return [payload for kind, payload in self.journal if kind == "order_approved"]


async def live(
    world: World, folder: Path, stops: list[datetime], *, loses_at: datetime | None = None
) -> Lived:
    """Run a daemon on a paper account of the emulator through some instants of its clock."""
    clock = SimulatedClock(BEGUN_AT)
    server = build_gateway(Settings(), world, clock, 7, account=PAPER_ACCOUNT)
    await server.start("127.0.0.1", 0)
    # Before an emulator nothing is paced.
    keys = {"port": server.port, "account": PAPER_ACCOUNT, "lockstep": "none:1"}
    ib = Settings().ib.model_copy(update=keys)
    settings = Settings().model_copy(update={"ib": ib})
    folder.mkdir()
    log, standing = io.StringIO(), list[tuple[datetime, int]]()
    run = await build_paper(settings, clock, folder / "journal.db", 7, continues=False)
    board = run.adapter.feed.board

    def look_around() -> None:
        standing.append((clock.now(), board.lines_standing))
        if clock.now() == loses_at:
            server.drop_clients()

    timetable = ByHand(run, server, clock, stops, look_around)
    daemon = timetable.daemon = Daemon(run.rig, timetable, RunLog(log), lambda _moment: None)
    await daemon.serve()
    await server.stop()
    with JournalReader(folder / "journal.db") as reader:
        rows = [(row.kind, json.dumps(row.payload)) for row in reader.rows()]
    said = [json.loads(line)["event"] for line in log.getvalue().splitlines()]
    return Lived(rows[1:], standing, said)


def stops(*, ahead: bool) -> list[datetime]:
    """Return instants around the hedge window; without one inside the lead nothing is foreseen."""
    before = [WINDOW_AT - LEAD] if ahead else []
    after = [WINDOW_AT + SECOND, WINDOW_AT + 2 * SECOND]
    return [WINDOW_AT - LEAD - SECOND, *before, WINDOW_AT, *after]


async def test_lines_stand_from_half_a_minute_before_a_moment_until_it_was_kept(
    world: World, tmp_path: Path
) -> None:
    lived = await live(world, tmp_path / "run", stops(ahead=True))

    stood = {at: count > 0 for at, count in lived.standing}
    assert stood == {
        BEGUN_AT: False,
        WINDOW_AT - LEAD - SECOND: False,
        WINDOW_AT - LEAD: True,
        WINDOW_AT: True,
        WINDOW_AT + SECOND: False,
        WINDOW_AT + 2 * SECOND: False,
    }
    assert "not_foreseen" not in lived.log


async def test_lines_stand_again_after_a_socket_was_lost_in_between(
    world: World, tmp_path: Path
) -> None:
    lost_at = WINDOW_AT - timedelta(seconds=20)
    instants = [WINDOW_AT - LEAD, lost_at]
    # The adapter tries again after two seconds, and reads the account; the rest is the daemon's.
    instants += [lost_at + each * SECOND for each in range(1, 16)]

    lived = await live(world, tmp_path / "run", list(instants), loses_at=lost_at)

    stood = {at: count for at, count in lived.standing}
    assert stood[WINDOW_AT - LEAD] > 0
    assert stood[lost_at + SECOND] == 0
    assert stood[instants[-1]] == stood[WINDOW_AT - LEAD]
    assert 1 <= lived.log.count("not_foreseen") <= 3


async def test_orders_are_those_of_now_where_the_chain_was_read_before_the_moment(
    world: World, tmp_path: Path
) -> None:
    just_before = [WINDOW_AT - LEAD, WINDOW_AT - 5 * SECOND, WINDOW_AT, WINDOW_AT + SECOND]
    early = await live(world, tmp_path / "early", just_before)
    now = await live(world, tmp_path / "now", [WINDOW_AT, WINDOW_AT + SECOND])

    assert early.orders == now.orders
    assert len(early.orders) == 3
    assert "order_stopped" not in {kind for kind, _ in early.journal}


async def test_the_journal_is_the_same_with_and_without(world: World, tmp_path: Path) -> None:
    with_lines = await live(world, tmp_path / "with", stops(ahead=True))
    without = await live(world, tmp_path / "without", stops(ahead=False))

    assert with_lines.journal == without.journal
    kinds = [kind for kind, _ in with_lines.journal]
    assert {"market_seen", "decision_made", "order_approved"} <= set(kinds)
    assert MomentName.HEDGE_WINDOW in next(p for k, p in without.journal if k == "moment_reached")
    assert max(count for _, count in without.standing) == 0
