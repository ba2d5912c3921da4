"""From a moment to its order on the socket of the gateway emulator, by strikes that are quoted.

    python -m benchmarks.order_on_wire [--orders 100] [--json]

`alvh gateway` runs as a process of its own, in front of a replayed session at life's pace. Here
runs what a daemon of the profile `paper` has between a moment and the wire: shell, engine, risk
gate, durable journal with all inputs, adapter and client library. A small strategy asks for the
quotes of so many strikes, calls and puts in turn, and buys or sells one option at each moment. The
time ends when the order's message is handed to the socket; the adapter's questions about margin and
about the legs lie before that. The limit on messages a second is switched off at both ends; a real
Gateway takes 50.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.figures import Figure, Told, parser_of, tell
from benchmarks.quoted_market import Turner
from bot.book import Book
from bot.bootstrap import build_tape
from bot.clock import Clock
from bot.engine import Engine, Reference
from bot.events import MomentDue
from bot.gateway_rig import paced_from
from bot.inputs import InputKeeper
from bot.journal.store import SqlJournal
from bot.paper import Adapter, build_adapter
from bot.risk import RiskGate, RiskParams
from bot.settings import DEFAULT_PRESET, Settings, load_settings
from bot.shell import Shell
from bot.world import World, historical_world
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from strategies.base import Context

SESSION, AT = date(2018, 1, 3), "10:00"
CHAINS = ((TradingClass.SPXW, date(2018, 1, 5)), (TradingClass.SPXW, date(2018, 1, 12)))
MORE_CHAINS = tuple((TradingClass.SPXW, date(2018, 1, day)) for day in (8, 10, 17, 19, 22, 24, 26))
STRIKES = (1, 100, 200, 1000)
BAR_MS, BAR_STRIKES = 50.0, 200
PATIENCE_S = 60.0
MOST_OF_A_CHAIN = 200
FILLS_AT_ONCE = ("fills.latency_seconds=0", "fills.reject_share=0")


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
    """Run the emulator; give what it says of itself."""
    alvh = str(Path(sys.executable).with_name("alvh"))
    command = [alvh, "gateway", "--port", "0", "--on", f"{SESSION}", "--at", AT, "--json"]
    command += ["--pacing", "0"]
    command += [f"--set={text}" for text in FILLS_AT_ONCE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise SystemExit("the gateway has no output")
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=20)


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

    async def turn(self, shell: Shell) -> float:
        """Return milliseconds from a moment to its order on the wire, and see the order end."""
        at = self._clock.now()
        moment = Moment(MomentName.THREAT_SCAN_1, at, SESSION, MissedPolicy.SKIP, timedelta(0))
        begun = self._watch.start()
        await shell.handle(MomentDue(moment))
        sent = self._watch.sent_at()
        await self._filled(shell)
        return 1e3 * (sent - begun)

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


async def waits(told: dict[str, Any], orders: int, folder: Path) -> dict[int, list[float]]:
    """Return milliseconds of each order, by the number of strikes quoted."""
    port = told["port"]
    keys = (f"ib.port={port}", f'ib.account="{told["account"]}"', f'ib.lockstep="none:{port}"')
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
        for strikes in STRIKES:
            shell = trial.shell(quoted(world, clock.now(), strikes))
            for _ in range(2):  # the contracts of a session are asked for once
                await trial.turn(shell)
            count = orders if strikes <= BAR_STRIKES else max(orders // 5, 2)
            found[strikes] = [await trial.turn(shell) for _ in range(count)]
    finally:
        await adapter.broker.close()
        trial.journal.close()
    return found


def measured(orders: int) -> Told:
    """Return the figures by strikes quoted."""
    with TemporaryDirectory(dir=".") as folder, gateway() as told:
        found = asyncio.run(waits(told, orders, Path(folder)))
    figures = []
    for strikes, each in found.items():
        bar = BAR_MS if strikes == BAR_STRIKES else None
        name = f"moment to order on the wire, {strikes:,} strikes"
        figures.append(Figure(f"{name}, median", float(np.median(each)), "ms"))
        far = float(np.percentile(each, 99))
        figures.append(Figure(f"{name}, 99th percentile", far, "ms", bar, is_most=True))
    counts = ", ".join(f"{len(each)} at {strikes:,}" for strikes, each in found.items())
    notes = (f"Orders: {counts}; the emulator shares the machine's cores.",)
    return Told("From a moment to its order on the wire", tuple(figures), notes)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--orders", type=int, default=100)
    given = parser.parse_args()
    tell(given, measured(given.orders))


if __name__ == "__main__":
    main()
