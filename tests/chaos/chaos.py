"""The kill test: bot and exchange die by SIGKILL over a replayed quarter, and come back right.

    python tests/chaos/chaos.py --kills 1000 --seed 7

Each round plays the quarter on another seed of the market until its kills are spent, then lets it
end, and compares what came of it with a run that nobody disturbed. It prints one line a round, and
at the end the sums; the exit code is 1 when anything was lost, doubled or unequal. A failing round
is played again by its own seed with --rounds 1.
"""

import argparse
import json
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from lives import Stage, life, live_bot, live_exchange
from tally import KillTally

from bot.book import Book
from bot.events import EquityMarked, OrderApproved, Record
from bot.journal.check import verify
from bot.journal.reader import JournalReader
from bot.replay import Window, backtest, replay_rig
from bot.settings import Settings
from bot.world import World, historical_world
from brokers.sim.store import ExchangeStore
from market.orders import OrderFilled, PositionSettled

QUARTER = Window(date(2018, 1, 2), date(2018, 3, 29))
KILLS_PER_ROUND = 40
# A quarter burns about so many steps of either fuse.
BOT_STEPS, EXCHANGE_STEPS = 4500, 700
LONGEST_LIFE_S = 120.0
WATCH_EVERY_S = 0.002
FORK = multiprocessing.get_context("fork")


@dataclass
class Tally(KillTally):
    """What came of a round, or of all, with who was killed."""

    kills_of_bot: int = 0
    kills_of_exchange: int = 0
    kills_of_both: int = 0


class Round:
    """One quarter with its deaths, all drawn from one seed."""

    def __init__(self, stage: Stage, kills: int, seed: int, *, forgets: bool) -> None:
        self._stage = stage
        self._forgets = forgets
        self._random = Random(seed)
        self._kills = kills
        self._bot_gap = max(2, 2 * BOT_STEPS // max(kills, 1))
        self._exchange_gap = max(2, 3 * EXCHANGE_STEPS // max(kills, 1))
        self.tally = Tally(rounds=1)

    def play(self) -> None:
        """Kill until the kills are spent, then let the quarter end."""
        exchange = self._start_exchange()
        try:
            while True:
                bot, ends_at, is_both = self._start_bot()
                exchange, code = self._watch(bot, exchange, ends_at, is_both=is_both)
                if code == -signal.SIGKILL:
                    continue
                if code != 0:
                    self.tally.trouble.append(f"the bot ended with {code}: {self._last_words()}")
                return
        finally:
            exchange.terminate()
            exchange.join(10)

    @property
    def _is_spent(self) -> bool:
        return self.tally.kills >= self._kills

    def _start_bot(self) -> tuple[BaseProcess, float, bool]:
        """Start a bot: it dies by its own fuse, or at an instant by our hand, alone or not."""
        draw, steps, ends_at, is_both = self._random.random(), 0, float("inf"), False
        if not self._is_spent and draw < 0.7:
            steps = self._random.randint(1, self._bot_gap)
        elif not self._is_spent:
            ends_at = time.monotonic() + self._random.uniform(0.0, 0.6)
            is_both = draw > 0.85
        return self._start(live_bot, steps, "bot"), ends_at, is_both

    def _start_exchange(self) -> BaseProcess:
        is_armed = not self._is_spent and self._random.random() < 0.6
        steps = self._random.randint(1, self._exchange_gap) if is_armed else 0
        return self._start(live_exchange, steps, "exchange")

    def _start(self, live: Callable[[Stage, int], None], steps: int, name: str) -> BaseProcess:
        words = self._stage.folder / f"{name}.err"
        process = FORK.Process(target=life, args=(live, self._stage, steps, words), name=name)
        process.start()
        return process

    def _watch(
        self, bot: BaseProcess, exchange: BaseProcess, ends_at: float, *, is_both: bool
    ) -> tuple[BaseProcess, int]:
        """See a bot's life to its end, and start the exchange again whenever it dies."""
        until = time.monotonic() + LONGEST_LIFE_S
        while True:
            if not exchange.is_alive():
                exchange = self._bury_exchange(exchange)
            if not bot.is_alive():
                break
            now = time.monotonic()
            if now >= ends_at or now >= until:
                self._kill(bot)
                if is_both:
                    self._kill(exchange)
                    exchange.join()
                break
            bot.join(WATCH_EVERY_S)
        bot.join()
        code = bot.exitcode or 0
        if code == -signal.SIGKILL:
            self._count(bot, is_both=is_both and time.monotonic() >= ends_at)
        if time.monotonic() >= until:
            self.tally.trouble.append("a life took too long")
            return exchange, 1
        if is_both and not exchange.is_alive():
            exchange = self._start_exchange()
        return exchange, code

    def _bury_exchange(self, exchange: BaseProcess) -> BaseProcess:
        exchange.join()
        if exchange.exitcode == -signal.SIGKILL:
            self.tally.kills += 1
            self.tally.kills_of_exchange += 1
            if self._forgets:
                self._stage.store.unlink(missing_ok=True)
        else:
            self.tally.trouble.append(f"the exchange ended: {self._last_words('exchange')}")
        return self._start_exchange()

    def _count(self, _bot: BaseProcess, *, is_both: bool) -> None:
        self.tally.kills += 1
        if is_both:
            self.tally.kills_of_both += 1
        else:
            self.tally.kills_of_bot += 1

    def _kill(self, process: BaseProcess) -> None:
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)

    def _last_words(self, name: str = "bot") -> str:
        path = self._stage.folder / f"{name}.err"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return " | ".join(lines[-3:])


@dataclass
class Told:
    """What a journal tells: the book, and the facts that must be there once each."""

    orders: Counter[str] = field(default_factory=Counter)
    fills: Counter[tuple[object, ...]] = field(default_factory=Counter)
    settlements: Counter[tuple[object, ...]] = field(default_factory=Counter)
    equity: list[EquityMarked] = field(default_factory=list)
    state: dict[str, object] = field(default_factory=dict)


def told_by(path: Path, settings: Settings) -> Told:
    """Fold a journal's records into a book and its facts."""
    told, book = Told(), Book(settings.account.start_nlv_usd)
    with JournalReader(path) as reader:
        for record in reader.records():
            book.apply(record)
            _note(told, record)
    told.state = {
        "holdings": book.ledger.holdings,
        "purses": book.ledger.purses,
        "cash": book.ledger.cash_usd,
        "orders": book.orders,
        "plan": book.plan,
        "halt": book.halt,
        "nlv": book.last_nlv_usd,
        "hedge_pnl": list(book.hedge_pnl),
        "fills": book.fill_fees_usd,
    }
    return told


def _note(told: Told, record: Record) -> None:
    match record:
        case OrderApproved():
            told.orders[record.order.order_id] += 1
        case OrderFilled():
            told.fills[record.fill_id, record.at, record.quantity, record.credit] += 1
        case PositionSettled():
            told.settlements[record.at, record.contract, record.position, record.cash_usd] += 1
        case EquityMarked():
            told.equity.append(record)
        case _:
            pass


def judge(tally: Tally, lived: Told, quiet: Told, store: Path) -> None:
    """Compare a disturbed run with a quiet one, and the bot's journal with the exchange's file."""
    for ours, theirs in (
        (lived.orders, quiet.orders),
        (lived.fills, quiet.fills),
        (lived.settlements, quiet.settlements),
    ):
        tally.lost += sum((Counter(theirs) - Counter(ours)).values())
        tally.doubled += sum((Counter(ours) - Counter(theirs)).values())
    with ExchangeStore(store) as kept:
        events = kept.events_after(0)
    at_exchange = Counter(e.fill_id for e in events if isinstance(e, OrderFilled))
    tally.doubled += sum(count - 1 for count in at_exchange.values())
    tally.lost += len(set(at_exchange) ^ {str(key[0]) for key in lived.fills})
    tally.orders += len(quiet.orders)
    tally.fills += len(quiet.fills)
    tally.settlements += len(quiet.settlements)
    if lived.state != quiet.state or lived.equity != quiet.equity:
        tally.unequal_books += 1
        names = [name for name, value in quiet.state.items() if lived.state[name] != value]
        tally.trouble.append(f"unequal: {', '.join(names) or 'equity'}")


def play(
    world: World, settings: Settings, kills: int, seed: int, parent: Path, *, forgets: bool = False
) -> Tally:
    """Play one round and judge it; `forgets` takes the exchange's file away when it dies."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=parent))
    stage = Stage(settings, world, QUARTER, seed, folder)
    this = Round(stage, kills, seed, forgets=forgets)
    this.play()
    quiet = replay_rig(settings, world, QUARTER, seed, folder / "quiet.db")
    backtest(quiet, QUARTER)
    if not this.tally.trouble:
        verify(stage.journal)
        lived = told_by(stage.journal, settings)
        judge(this.tally, lived, told_by(folder / "quiet.db", settings), stage.store)
        this.tally.sessions = len(lived.equity)
    this.tally.seconds = round(time.monotonic() - started, 1)
    return this.tally


def main() -> int:
    """Play as many rounds as the kills need; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=KILLS_PER_ROUND)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument(
        "--forget", action="store_true", help="Lose the exchange's file: the test must notice."
    )
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else int.from_bytes(os.urandom(2), "big")
    settings, total = Settings(), Tally()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="alvh-chaos-") as parent:
        while total.kills < given.kills if given.rounds is None else total.rounds < given.rounds:
            number = seed + total.rounds
            world = historical_world(settings, None, number)
            kills = min(KILLS_PER_ROUND, given.kills - total.kills)
            tally = play(world, settings, kills, number, Path(parent), forgets=given.forget)
            total.add(tally)
            print(f"round {number}: {json.dumps(asdict(tally))}", flush=True)
            if not tally.kills:
                break
    print(json.dumps({"seed": seed, **asdict(total)}))
    return 0 if total.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
