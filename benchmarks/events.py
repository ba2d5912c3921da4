"""Quotes through the program: a million, with a trade at every hundredth, beside nautilus_trader.

    python -m benchmarks.events [--count 1000000] [--json]

Quotes do not wake strategies here: the adapter's board keeps the latest of each line, and a moment
reads it. So a quote is two ticks (bid and ask) on the board; at every hundredth a moment goes
through the shell: engine, strategy, risk gate, simulated exchange, fill, book, journal in memory.
The peer's strategy gets every quote and sends a market order at every hundredth. Both are measured
in processor time, each in a process of its own; the peer lives in an environment made by
`make peers`.
"""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import cast

from benchmarks.figures import Figure, Told, has_miss, median_rate, parser_of, tell
from benchmarks.profiles import profile_of
from benchmarks.quoted_market import (
    CALLS,
    LINES,
    OPENED_AT,
    SESSION,
    VIX_POINTS,
    QuotedMarket,
    SilentWire,
    Turner,
)
from bot.book import Book
from bot.bootstrap import build_tape, load_fees, load_fills
from bot.clock import SimulatedClock
from bot.engine import Engine, Reference
from bot.events import MomentDue, MomentSkipped
from bot.journal.base import MemoryJournal
from bot.order_states import OrderStatus
from bot.risk import RiskGate, RiskParams
from bot.settings import DEFAULT_PRESET, Settings, load_settings
from bot.shell import Shell
from bot.world import World, historical_world
from brokers.ib.board import Board
from brokers.ib.messages import Tick
from brokers.ib.wire import Wire
from brokers.sim.broker import SimBroker, regular_hours
from brokers.sim.exchange import SimExchange
from brokers.unsuspended import run_now
from market.schedule import MissedPolicy, Moment, MomentName

PEER = Path(".clients/nautilus-peers/bin/python")
PEER_SCRIPT = Path(__file__).with_name("nautilus_peer.py")
ROUNDS, PEER_ROUNDS = 3, 2
EVERY = 100
BETWEEN_QUOTES = timedelta(microseconds=20_000)
LEVELS = 14
# As the peer's exchange: an order that meets the market fills at once and whole. Ten thousand
# spreads are paid, which an account of the usual size would be halted for.
FILLS_AT_ONCE = (
    "fills.latency_seconds=0",
    "fills.reject_share=0",
    "fills.pessimistic=true",
    "account.start_nlv_usd=100000000",
)
RATE_BAR, STATED_RATE, TIMES_BAR = 300_000.0, 125_000.0, 2.0


class Trading:
    """The program on a market of ticks: all that stands between a quote and a booked fill."""

    def __init__(self, world: World) -> None:
        settings = load_settings(DEFAULT_PRESET, None, FILLS_AT_ONCE)
        self.clock = SimulatedClock(OPENED_AT)
        self.board = Board(self.clock.now, most_lines=LINES, wait_s=600.0)
        lines = self.board.hold(cast(Wire, SilentWire()), {call: call for call in CALLS}).lines
        market = QuotedMarket(lines, self.clock.now)
        broker = SimBroker(exchange_on(world, settings), market, world.calendar, self.clock.now)
        journal = MemoryJournal()
        self.book = Book(settings.account.start_nlv_usd)
        self.engine = Engine(
            strategies=(Turner(),),
            book=self.book,
            risk=RiskGate(RiskParams(max_orders_per_session=1_000_000)),
            reference=Reference(world.calendar, world.listings, world.macro),
            tape=build_tape(settings, world),
            run_mode="R",
            record=journal.append,
        )
        self.shell = Shell(self.engine, broker, market, journal, self.clock.now)


def exchange_on(world: World, settings: Settings) -> SimExchange:
    """Return an exchange whose market is the ticks and not the world's model."""
    calendar = world.calendar
    return SimExchange(
        cash_usd=settings.account.start_nlv_usd,
        fees=load_fees(),
        fills=load_fills(settings.fills, 7),
        trading_ends_at=lambda each: calendar.trading_ends_at(each.trading_class, each.expiry),
        is_open=regular_hours(calendar),
        is_listed=lambda each, at: world.listings.is_listed(
            each.trading_class, each.expiry, at.date()
        ),
        vix_at=lambda _at: VIX_POINTS,
    )


def ticks() -> list[tuple[Tick, Tick]]:
    """Return quotes of all lines, in turn, each a bid and an ask."""
    quotes = []
    for n in range(LINES * LEVELS):
        bid = 2.0 + 0.05 * (n % LEVELS)
        line = 1 + n % LINES
        quotes.append((Tick(line, "bid", round(bid, 2)), Tick(line, "ask", round(bid + 0.05, 2))))
    return quotes


def trade(count: int, world: World) -> float:
    """Return processor seconds for `count` quotes with a trade at every hundredth."""
    trading = Trading(world)
    quotes, hear, clock = ticks(), trading.board.hear, trading.clock
    size = len(quotes)
    begun = process_time()
    for turn in range(count // EVERY):
        for place in range(turn * EVERY, (turn + 1) * EVERY):
            bid, ask = quotes[place % size]
            hear(bid)
            hear(ask)
        at = OPENED_AT + turn * EVERY * BETWEEN_QUOTES + timedelta(microseconds=turn % LINES)
        clock.jump(at)
        moment = Moment(MomentName.THREAT_SCAN_1, at, SESSION, MissedPolicy.SKIP, timedelta(0))
        run_now(trading.shell.handle(MomentDue(moment)))
    seconds = process_time() - begun
    check(trading.book, count // EVERY)
    return seconds


def check(book: Book, turns: int) -> None:
    """Stop when not every turn was a trade: the measurement would be void."""
    filled = sum(state.status is OrderStatus.FILLED for state in book.orders.values())
    if filled != turns:
        raise SystemExit(f"{filled} of {turns} orders were filled: the measurement is void")


def engine_alone(count: int, world: World) -> float:
    """Return processor seconds for events that ask for no market."""
    engine, policy = Trading(world).engine, MissedPolicy.SKIP
    events = []
    for number in range(count):
        at = OPENED_AT + timedelta(microseconds=number)
        moment = Moment(MomentName.THREAT_SCAN_1, at, SESSION, policy, timedelta(0))
        events.append(MomentSkipped(moment, at, "measured"))
    begun = process_time()
    for each in events:
        engine.step(each)
    return process_time() - begun


def peer_rate(count: int) -> float | None:
    """Return the peer's quotes a second, None where it is not at hand."""
    if not PEER.exists():
        return None
    rounds = []
    for _ in range(PEER_ROUNDS):
        command = [str(PEER), str(PEER_SCRIPT), str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rounds.append((count, float(json.loads(done.stdout)["seconds"])))
    return median_rate(rounds)


def measured(count: int) -> Told:
    """Return the figures of events."""
    world = historical_world(load_settings(DEFAULT_PRESET, None, ()), None, 7)
    rate = median_rate([(count, trade(count, world)) for _ in range(ROUNDS)])
    alone = median_rate([(count // 10, engine_alone(count // 10, world)) for _ in range(ROUNDS)])
    peer = peer_rate(count)
    figures = [Figure("quotes, a trade at every hundredth", rate, "quotes/s", RATE_BAR)]
    if peer is None:
        name, peer = "ours / nautilus_trader 1.221, stated", STATED_RATE
        print("nautilus_trader is not at hand: `make peers`", file=sys.stderr)
    else:
        name = "ours / nautilus_trader"
        figures.append(Figure("nautilus_trader, a trade at every hundredth", peer, "quotes/s"))
    figures += [
        Figure(name, rate / peer, "times", TIMES_BAR),
        Figure("events through the engine alone", alone, "events/s"),
    ]
    notes = (
        f"{count // EVERY:,} orders, each judged by the risk gate, filled and booked. The peer's"
        " strategy is called at every quote; ours reads the board when it is woken.",
    )
    profile: tuple[str, ...] = ()
    if has_miss(figures):
        turns = count // 10 // EVERY
        profile = profile_of(lambda: trade(turns * EVERY, world), turns, "a trade")
    return Told(f"{count:,} quotes", tuple(figures), notes, profile)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    tell(given, measured(given.count))


if __name__ == "__main__":
    main()
