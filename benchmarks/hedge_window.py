"""From a hedge window to its decision at a real Gateway's pace, on the lines of a usual account.

    python -m benchmarks.hedge_window [--json]

The emulator of `alvh gateway` grants 50 messages a second and so many market-data lines, and runs
on the machine's clock. Before it runs what a daemon of the profile `paper` has between a moment and
its decision: foresight, looked over each second, shell, engine, adapter and client library with its
own pace. An empty book has the window look at three whole chains of VIX calls. The time begins with
the moment and ends with the decision's record. What decides is the pace, so a busy machine changes
little.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.figures import Figure, Told, parser_of, tell
from benchmarks.order_on_wire import AS_IN_A_CALM, WholeSeconds
from bot.events import DecisionMade, MomentDue, OrderStopped, Record
from bot.foresight import LEAD, Foresight
from bot.gateway_rig import PAPER_ACCOUNT, PULSE, PacedClock, build_gateway, paced_from
from bot.log import RunLog
from bot.paper import PaperRun, build_paper
from bot.settings import DEFAULT_PRESET, load_settings
from bot.startup import take_up
from bot.world import historical_world
from brokers.gateway.pacing import MESSAGES_PER_SECOND, Pace
from brokers.gateway.server import GatewayServer
from brokers.gateway.terms import Terms
from market.schedule import Moment, MomentName

CALM, WILD = datetime(2018, 2, 2, 16, 0, tzinfo=UTC), datetime(2018, 2, 6, 16, 0, tzinfo=UTC)
BEGUN_BEFORE = LEAD + timedelta(seconds=5)
USUAL_LINES, MORE_LINES = 100, 400
A_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """A window, how many lines the account has, and whether it is foreseen."""

    name: str
    at: datetime
    lines: int
    is_foreseen: bool = True


CASES = (
    Case("VIX at 15, 100 lines", CALM, USUAL_LINES),
    Case("VIX at 15, 100 lines, unforeseen", CALM, USUAL_LINES, is_foreseen=False),
    Case("VIX at 34, 100 lines", WILD, USUAL_LINES),
    Case("VIX at 34, 400 lines", WILD, MORE_LINES),
)


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds from the moment to the decision, orders stopped, and the most messages a second."""

    waited_s: float
    stopped: int
    most_messages: int


async def kept(case: Case, folder: Path) -> Window:
    """Keep one window."""
    clock = paced_from(case.at - BEGUN_BEFORE, 1.0)
    world = historical_world(load_settings(DEFAULT_PRESET, None, AS_IN_A_CALM), None, 7)
    settings = load_settings(DEFAULT_PRESET, None, AS_IN_A_CALM)
    terms = Terms(pace=Pace(MESSAGES_PER_SECOND, monotonic), most_lines=case.lines)
    server = build_gateway(settings, world, WholeSeconds(clock), 7, terms=terms)
    await server.start("127.0.0.1", 0)
    pulsing = asyncio.create_task(pulse(server))
    keys = (
        f"ib.port={server.port}",
        f'ib.account="{PAPER_ACCOUNT}"',
        f"ib.lines={case.lines}",
    )
    run = await build_paper(
        load_settings(DEFAULT_PRESET, None, keys), clock, folder / "j.db", 7, continues=False
    )
    try:
        return await decided(run, clock, server, case)
    finally:
        await run.adapter.broker.close()
        run.rig.journal.close()
        pulsing.cancel()
        with suppress(asyncio.CancelledError):
            await pulsing
        await server.stop()


async def pulse(server: GatewayServer) -> None:
    """Let time pass at the gateway."""
    while True:
        server.pulse()
        await asyncio.sleep(PULSE.total_seconds())


async def decided(run: PaperRun, clock: PacedClock, server: GatewayServer, case: Case) -> Window:
    """Foresee the window if the case does, keep it, and return what came of it."""
    rig, records, decided_at = run.rig, list[Record](), list[datetime]()

    def note(record: Record) -> None:
        records.append(record)
        if isinstance(record, DecisionMade):
            decided_at.append(clock.now())

    rig.engine.listen(note)
    taken = (rig.broker, rig.shell, rig.book, rig.vitals.heard, clock.now())
    await take_up(*taken, sends_again=False)
    window = next(m for m in rig.moments(case.at.date()) if m.name is MomentName.HEDGE_WINDOW)
    await wait_for(window, clock, Foresight(rig.shell, RunLog(StringIO())), case)
    await rig.shell.handle(MomentDue(window))
    (client,) = server._clients
    stopped = sum(isinstance(each, OrderStopped) for each in records)
    waited = decided_at[0] - window.at
    return Window(waited.total_seconds(), stopped, client.connection.pacing.most_seen)


async def wait_for(window: Moment, clock: PacedClock, foresight: Foresight, case: Case) -> None:
    """Wait as the daemon does: foresight looks each second what is to be done."""
    while (left := (window.at - clock.now()).total_seconds()) > 0:
        if case.is_foreseen:
            foresight.watch((window,), clock.now())
        await asyncio.sleep(min(left, A_SECOND))
    await foresight.stand_by()


def measured() -> Told:
    """Return the figures."""
    figures, most, stopped = [], 0, 0
    for case in CASES:
        with TemporaryDirectory(dir=".") as folder:
            window = asyncio.run(kept(case, Path(folder)))
        figures.append(Figure(f"{case.name}, moment to decision", window.waited_s, "s"))
        most, stopped = max(most, window.most_messages), stopped + window.stopped
    figures.append(Figure("most messages in a second", most, "", MESSAGES_PER_SECOND, is_most=True))
    figures.append(Figure("orders stopped for their quotes", stopped, ""))
    return Told("A hedge window at a Gateway's pace", tuple(figures))


def main() -> None:
    """Measure and print."""
    tell(parser_of(__doc__).parse_args(), measured())


if __name__ == "__main__":
    main()
