"""From a moment to its order on the socket of the gateway emulator, by strikes that are quoted.

    python -m benchmarks.order_on_wire [--orders 100] [--json]

The emulator of `alvh gateway` runs as a process of its own, in front of a replayed session whose
time goes in steps of a second: its model then prices a quote once a second and not once a message,
as an exchange has its quotes at hand. Here runs what a daemon of the profile `paper` has between a
moment and the wire: shell, engine, risk gate, durable journal with all inputs, adapter and client
library. A small strategy asks for the quotes of so many strikes, calls and puts in turn, and buys
or sells one option at each moment. As before a moment of the daemon's timetable, lines on what will
be wanted are opened ahead, as many as the account has, the rest is read in turns, and all is given
back after it. The time begins with the moment and ends when the order's message is handed to the
socket; lines on the order's legs are opened within it, after the question about its margin. The
account has lines for all that is quoted; two rows tell of the usual hundred. The limit on messages
a second is switched off at both ends; a real Gateway takes 50.
"""

import asyncio
import cProfile
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.figures import Figure, Told, has_miss, parser_of, tell
from benchmarks.profiles import lines_of
from benchmarks.quoted_market import Turner
from bot.book import Book
from bot.bootstrap import build_tape
from bot.clock import Clock
from bot.engine import Engine, Reference
from bot.events import MomentDue
from bot.gateway_rig import PAPER_ACCOUNT, PULSE, build_gateway, paced_from
from bot.inputs import InputKeeper
from bot.journal.store import SqlJournal
from bot.paper import Adapter, build_adapter
from bot.risk import RiskGate, RiskParams
from bot.settings import DEFAULT_PRESET, Settings, load_settings
from bot.shell import Shell
from bot.world import World, historical_world
from brokers.gateway.terms import Terms
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from strategies.base import Context

SESSION, AT = date(2018, 1, 3), datetime(2018, 1, 3, 15, 0, tzinfo=UTC)
CHAINS = ((TradingClass.SPXW, date(2018, 1, 5)), (TradingClass.SPXW, date(2018, 1, 12)))
MORE_CHAINS = tuple((TradingClass.SPXW, date(2018, 1, day)) for day in (8, 10, 17, 19, 22, 24, 26))
STRIKES = (1, 100, 200, 1000)
LINES, USUAL_LINES = 1200, 100
BAR_MS, BAR_STRIKES = 50.0, 200
PATIENCE_S = 60.0
WARM_TURNS = 2
MOST_OF_A_CHAIN = 200
# An order at each moment: fills at once, and never a quote that is missing, crossed or stale.
AS_IN_A_CALM = (
    "fills.latency_seconds=0",
    "fills.reject_share=0",
    "quotes.share_stale_frac=0",
    "quotes.share_crossed_frac=0",
    "quotes.share_missing_frac=0",
)


class QuoteReader(Turner):
    """Turns one call over, and looks at many quotes each time."""

    def __init__(self, contracts: tuple[OptionContract, ...]) -> None:
        self._contracts = contracts

    def needs(self, _context: Context) -> SnapshotRequest:
        """Ask for all quotes; the first is the one that trades."""
        return SnapshotRequest(contracts=self._contracts)


class Stopwatch:
    """When orders were handed to the socket."""

    def __init__(self, adapter: Adapter) -> None:
        self._sent: list[float] = []
        wire: Any = adapter.broker.line.wire
        place = wire.place

        def timed(order_id: int, contract: Any, order: Any) -> None:
            place(order_id, contract, order)
            if not order.whatIf:
                self._sent.append(perf_counter())

        wire.place = timed

    def start(self) -> float:
        """Forget what was sent, and return the present time."""
        self._sent.clear()
        return perf_counter()

    def sent_at(self) -> float:
        """Return when the first order since the start was sent."""
        if not self._sent:
            raise SystemExit("a moment led to no order: the measurement is void")
        return self._sent[0]


def quoted(world: World, at: datetime, count: int) -> tuple[OptionContract, ...]:
    """Return options around the money, a VIX call first: it is cheap enough to be traded."""
    vix = OptionContract(TradingClass.VIX, date(2018, 2, 14), Decimal(12), Right.CALL)
    chains = world.market.snapshot(at, SnapshotRequest(chains=CHAINS + MORE_CHAINS)).chains
    found = [vix]
    for (trading_class, expiry), chain in chains.items():
        near = sorted(chain.strikes.tolist(), key=lambda strike: abs(strike - chain.forward))
        for place, strike in enumerate(near[:MOST_OF_A_CHAIN]):
            right = Right.CALL if place % 2 else Right.PUT
            found.append(OptionContract(trading_class, expiry, Decimal(str(strike)), right))
    if len(found) < count:
        raise SystemExit(f"only {len(found)} options are listed, {count} were wanted")
    return tuple(found[:count])


@contextmanager
def gateway() -> Iterator[dict[str, Any]]:
    """Run the emulator in a process of its own; give what it says of itself."""
    command = [sys.executable, "-m", "benchmarks.order_on_wire", "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise SystemExit("the gateway has no output")
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=20)


@dataclass(frozen=True)
class WholeSeconds:
    """A clock that stands within each second."""

    clock: Clock

    def now(self) -> datetime:
        """Return the present second's beginning."""
        return self.clock.now().replace(microsecond=0)


async def serve() -> None:
    """Be the emulator until the process is ended."""
    settings = load_settings(DEFAULT_PRESET, None, AS_IN_A_CALM)
    world, clock = historical_world(settings, None, 7), WholeSeconds(paced_from(AT, 1.0))
    server = build_gateway(settings, world, clock, 7, terms=Terms(most_lines=LINES))
    await server.start("127.0.0.1", 0)
    told = {"port": server.port, "account": PAPER_ACCOUNT, "clock": clock.now().isoformat()}
    print(json.dumps(told), flush=True)
    while True:
        server.pulse()
        await asyncio.sleep(PULSE.total_seconds())


@dataclass(frozen=True, slots=True)
class Turn:
    """Milliseconds from a moment to its order on the wire, and of this process's own work."""

    wait_ms: float
    work_ms: float


class Trial:
    """One connection to the emulator and the program on it, trading on so many quotes."""

    def __init__(
        self, settings: Settings, world: World, clock: Clock, adapter: Adapter, path: Path
    ) -> None:
        self._clock = clock
        self._adapter = adapter
        self.book = Book(settings.account.start_nlv_usd)
        self.journal = SqlJournal(path, book=self.book, wall_clock=clock.now, durable=True)
        self._tape = build_tape(settings, world)
        self._reference = Reference(world.calendar, world.listings, world.macro)
        self._watch = Stopwatch(adapter)
        self.profile: cProfile.Profile | None = None

    def shell(self, contracts: tuple[OptionContract, ...]) -> Shell:
        """Return the program with a strategy that looks at these contracts."""
        engine = Engine(
            strategies=(QuoteReader(contracts),),
            book=self.book,
            risk=RiskGate(RiskParams(max_orders_per_session=1_000_000)),
            reference=self._reference,
            tape=self._tape,
            run_mode="P",
            record=self.journal.append,
            keep_input=InputKeeper(self.journal.keep, self._tape),
        )
        adapter, clock = self._adapter, self._clock
        return Shell(engine, adapter.broker, adapter.feed, self.journal, clock.now)

    async def turn(self, shell: Shell) -> Turn:
        """Take a moment to its order on the wire, and see the order end."""
        at = self._clock.now()
        moment = Moment(MomentName.THREAT_SCAN_1, at, SESSION, MissedPolicy.SKIP, timedelta(0))
        await shell.prepare((moment,))
        used, begun = process_time(), self._watch.start()
        with self.profile or nullcontext():
            await shell.handle(MomentDue(moment))
        used, sent = process_time() - used, self._watch.sent_at()
        await self._filled(shell)
        shell.release()
        return Turn(1e3 * (sent - begun), 1e3 * used)

    async def _filled(self, shell: Shell) -> None:
        broker, begun = self._adapter.broker, perf_counter()
        while self.book.working():
            if perf_counter() - begun > PATIENCE_S:
                raise SystemExit("an order was not filled: the measurement is void")
            await asyncio.sleep(0.01)
            due = broker.due()
            if due is not None and due <= self._clock.now():
                broker.advance(self._clock.now())
            await shell.hear_broker()


async def waits(
    told: dict[str, Any],
    orders: int,
    folder: Path,
    quoted_strikes: tuple[int, ...] = STRIKES,
    *,
    lines: int = LINES,
    profile: cProfile.Profile | None = None,
) -> dict[int, list[Turn]]:
    """Return each turn by the number of strikes quoted."""
    port = told["port"]
    keys = (
        f"ib.port={port}",
        f'ib.account="{told["account"]}"',
        f'ib.lockstep="none:{port}"',
        f"ib.lines={lines}",
    )
    settings = load_settings(DEFAULT_PRESET, None, keys)
    world, clock = (
        historical_world(settings, None, 7),
        paced_from(datetime.fromisoformat(told["clock"]), 1.0),
    )
    adapter = build_adapter(settings, clock, may_be_delayed=False)
    await adapter.broker.connect()
    trial = Trial(settings, world, clock, adapter, folder / "journal.db")
    found = {}
    try:
        for strikes in quoted_strikes:
            shell = trial.shell(quoted(world, clock.now(), strikes))
            for _ in range(WARM_TURNS):  # the contracts of a session are asked for once
                await trial.turn(shell)
            trial.profile = profile
            count = orders if strikes <= BAR_STRIKES else max(orders // 5, 2)
            found[strikes] = [await trial.turn(shell) for _ in range(count)]
    finally:
        await adapter.broker.close()
        trial.journal.close()
    return found


def measured(orders: int) -> Told:
    """Return the figures by strikes quoted, and where this process's own time goes."""
    with TemporaryDirectory(dir=".") as folder, gateway() as told:
        found = asyncio.run(waits(told, orders, Path(folder)))
        (Path(folder) / "usual").mkdir()
        usual = asyncio.run(
            waits(told, orders, Path(folder) / "usual", (BAR_STRIKES,), lines=USUAL_LINES)
        )
    figures = []
    for strikes, turns in found.items():
        bar = BAR_MS if strikes == BAR_STRIKES else None
        name = f"{strikes:,} quoted"
        waited = [turn.wait_ms for turn in turns]
        own = float(np.median([turn.work_ms for turn in turns]))
        figures.append(Figure(f"{name}, median", float(np.median(waited)), "ms"))
        far = float(np.percentile(waited, 99))
        figures.append(Figure(f"{name}, 99th percentile", far, "ms", bar, is_most=True))
        figures.append(Figure(f"{name}, processor time of the bot, median", own, "ms"))
    waited = [turn.wait_ms for turn in usual[BAR_STRIKES]]
    name = f"{BAR_STRIKES} quoted on {USUAL_LINES} lines"
    figures.append(Figure(f"{name}, median", float(np.median(waited)), "ms"))
    far = float(np.percentile(waited, 99))
    figures.append(Figure(f"{name}, 99th percentile", far, "ms"))
    counts = ", ".join(f"{len(each)} at {strikes:,}" for strikes, each in found.items())
    notes = (f"Orders: {counts}; the emulator shares the machine's cores.",)
    title = "From a moment to its order on the wire"
    return Told(title, tuple(figures), notes, where_time_goes() if has_miss(figures) else ())


def where_time_goes() -> tuple[str, ...]:
    """Return a profile of the bot's process over turns at the bar's number of strikes."""
    turns, profile = 10, cProfile.Profile()
    with TemporaryDirectory(dir=".") as folder, gateway() as told:
        asyncio.run(waits(told, turns, Path(folder), (BAR_STRIKES,), profile=profile))
    return lines_of(profile, turns, "an order")


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--orders", type=int, default=100)
    parser.add_argument("--serve", action="store_true", help="be the emulator, until ended")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
    tell(given, measured(given.orders))


if __name__ == "__main__":
    main()
