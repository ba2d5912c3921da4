"""Quotes through the program: a million ticks onto the board, each hundredth with an engine step.

    python -m benchmarks.events [--count 1000000] [--json]

Quotes do not wake strategies here: the adapter's board keeps the latest of each line, and a moment
reads it. So the job is a tick per line, and after every hundredth tick a whole event through the
engine: recorded, applied, told to all listeners. The engine alone is measured beside it.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any, cast

from benchmarks.figures import Figure, Told, median_rate, parser_of, tell
from bot.bootstrap import Rig
from bot.events import MomentSkipped
from bot.replay import replay_rig, window
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import historical_world
from brokers.ib.board import Board, LineShown
from brokers.ib.messages import Tick
from brokers.ib.wire import Wire
from market.schedule import MissedPolicy, Moment, MomentName

START = datetime(2018, 1, 2, 15, 0, tzinfo=UTC)
ROUNDS = 5
LINES = 50
EVERY = 100
RATE_BAR, NAUTILUS_RATE = 300_000.0, 125_000.0


class SilentWire:
    """Opens numbered lines that say nothing by themselves."""

    def __init__(self) -> None:
        self.opened = 0

    def watch(self, _contract: Any) -> int:
        """Return the number of a new line."""
        self.opened += 1
        return self.opened

    def unwatch(self, _number: int) -> None:
        """Close a line."""


def engine_rig() -> Rig:
    """Return a run in memory on which events can be stepped."""
    settings = load_settings(DEFAULT_PRESET, None, ())
    world = historical_world(settings, None, 7)
    span = window(world, date(2018, 1, 2), date(2018, 3, 29))
    return replay_rig(settings, world, span, 7)


def event(number: int) -> MomentSkipped:
    """Return an event that asks for no market."""
    at = START + timedelta(microseconds=number)
    moment = Moment(MomentName.THREAT_SCAN_1, at, START.date(), MissedPolicy.SKIP, timedelta(0))
    return MomentSkipped(moment, at, "measured")


async def quotes_a_second(count: int) -> float:
    """Return ticks a second that the board and the engine take in together."""
    rig, board = engine_rig(), Board(lambda: START, most_lines=LINES, wait_s=600.0)
    ticks = [Tick(1 + n % LINES, "bid" if n % 2 else "ask", 2.0 + n % 7) for n in range(LINES * 14)]
    is_over = False

    def done(_line: LineShown) -> bool:
        return is_over

    contracts = {number: number for number in range(LINES)}
    looking = asyncio.create_task(board.look(cast(Wire, SilentWire()), contracts, done))
    await asyncio.sleep(0)
    rounds, size = count // EVERY, len(ticks)
    begun = perf_counter()
    for turn in range(rounds):
        for place in range(turn * EVERY, (turn + 1) * EVERY):
            board.hear(ticks[place % size])
        rig.engine.step(event(turn))
    seconds = perf_counter() - begun
    is_over = True
    board.hear(ticks[0])
    shown = await looking
    if not all(line.get("bid") or line.get("ask") for line in shown.values()):
        raise SystemExit("a line of the board saw no tick: the measurement is void")
    return rounds * EVERY / seconds


def engine_events_a_second(count: int) -> float:
    """Return events a second through the engine alone."""
    rig = engine_rig()
    events = [event(number) for number in range(count)]
    begun = perf_counter()
    for each in events:
        rig.engine.step(each)
    return count / (perf_counter() - begun)


def measured(count: int) -> Told:
    """Return the figures of events."""
    quotes = [(asyncio.run(quotes_a_second(count)), 1.0) for _ in range(ROUNDS)]
    alone = [(engine_events_a_second(count // 10), 1.0) for _ in range(ROUNDS)]
    rate = median_rate(quotes)
    figures = (
        Figure("quotes, a hundredth with an engine step", rate, "quotes/s", RATE_BAR),
        Figure("the same / nautilus_trader 1.221, stated", rate / NAUTILUS_RATE, "times", 2.0),
        Figure("events through the engine alone", median_rate(alone), "events/s"),
    )
    notes = ("The peer trades at each hundredth quote; here the engine records and applies.",)
    return Told(f"{count:,} quotes", figures, notes)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    given = parser.parse_args()
    tell(given, measured(given.count))


if __name__ == "__main__":
    main()
