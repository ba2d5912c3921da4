"""The kill test of the profile paper: it dies by SIGKILL over weeks before the gateway emulator.

    python tests/chaos/gateway_chaos.py --kills 100 --seed 7

Each round plays a week drawn by its seed, with some faults of the emulator beside the deaths, until
its kills are spent, then to its end. The bot's journal is then held against the account at the
emulator: every order there once and only what was approved, every fill booked once, equal positions
and equal cash. An order that a death kept from ever leaving has to be ended in the journal; it is
counted as `unsent`. A failing round is played again by its own seed with --rounds 1.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from chaos import FORK, WATCH_EVERY_S
from gateway_lives import GatewayStage, live_gateway, live_paper, said
from lives import life
from tally import KillTally

from bot.events import EquityMarked, OrderApproved, Record
from bot.journal.check import verify
from bot.journal.reader import JournalReader
from bot.known_orders import KnownOrders
from bot.settings import Settings
from bot.world import World, historical_world
from brokers.gateway.faults import Fault, read_faults
from market.orders import (
    FillCharged,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    PositionSettled,
)
from market.sessions import exchange_zone

FIRST, LAST = date(2017, 1, 3), date(2018, 1, 22)
SESSIONS_PER_ROUND = 5
KILLS_PER_ROUND = 12
BOT_STEPS, ACCOUNT_CHANGES = 260, 60  # so many there are in a week
# A condor every session, and rolls within the week.
SETTINGS = {"market": {"listing": "hypothetical"}, "alvh": {"roll_near_dte": 27}}
# None that lasts: time stands while no bot lives, so that one could not outlive it.
FAULTS = (
    'kind = "drop"\nat = {at}',
    'kind = "drop"\non = "place_order"\nwhen = "after"\nnth = {nth}',
    'kind = "drop"\non = "place_order"\nwhen = "before"\nnth = {nth}',
    'kind = "drop"\ntell = "execution"\nwhen = "before"\nnth = {nth}',
    'kind = "swallow"\ntell = "execution"\nnth = {nth}',
    'kind = "swallow"\ntell = "order_status"\nnth = {nth}',
    'kind = "repeat"\ntell = "execution"\nnth = {nth}',
    'kind = "delay"\ntell = "commission_report"\nseconds = 40\nnth = {nth}',
    'kind = "revise"\ntell = "execution"\nnth = {nth}',
    'kind = "legs_first"\non = "fill"\nnth = {nth}',
    'kind = "stale_status"\non = "fill"\nnth = {nth}',
)
MOST_FAULTS = 3
LONGEST_LIFE_S = 120.0
END = timedelta(hours=1)


@dataclass
class Tally(KillTally):
    """What came of a round, or of all, with when the bot was killed and what else went wrong."""

    kills_at_a_record: int = 0
    kills_at_the_account: int = 0
    kills_at_an_instant: int = 0
    faults: int = 0
    unsent: int = 0


class Round:
    """One week with its deaths, all drawn from one seed."""

    def __init__(self, stage: GatewayStage, kills: int, *, forgets: bool) -> None:
        self._stage = stage
        self._forgets = forgets
        self._random = Random(stage.seed)
        self._kills = kills
        self.tally = Tally(rounds=1)

    def play(self) -> None:
        """Kill until the kills are spent, then let the week end."""
        gateway = self._start(live_gateway, 0, "gateway")
        try:
            _wait_for(self._stage.ports)
            while self._live() == -signal.SIGKILL:
                pass
        finally:
            gateway.terminate()
            gateway.join(20)

    def _live(self) -> int:
        """See one life of the bot to its end; return how it ended."""
        cause, steps, ends_at = self._drawn()
        bot = self._start(live_paper, steps, "bot")
        until = time.monotonic() + LONGEST_LIFE_S
        while bot.is_alive() and time.monotonic() < min(until, ends_at):
            bot.join(WATCH_EVERY_S)
        if bot.is_alive():
            os.kill(bot.pid or 0, signal.SIGKILL)
        bot.join()
        self._stage.bot.unlink(missing_ok=True)
        self._stage.deaths.unlink(missing_ok=True)
        code = bot.exitcode or 0
        if time.monotonic() >= until:
            self.tally.trouble.append("a life took too long")
            return 1
        if code == -signal.SIGKILL:
            if self._forgets:
                self._stage.journal.unlink(missing_ok=True)
            self.tally.kills += 1
            setattr(self.tally, cause, getattr(self.tally, cause) + 1)
        elif code != 0:
            self.tally.trouble.append(f"the bot ended with {code}: {self._last_words()}")
        return code

    def _drawn(self) -> tuple[str, int, float]:
        """Return what kills the next bot, after how many of its steps, and at which instant."""
        draw, ends_at = self._random.random(), float("inf")
        if self.tally.kills >= self._kills:
            return "", 0, ends_at
        if draw < 0.5:
            steps = self._random.randint(1, max(2, 2 * BOT_STEPS // self._kills))
            return "kills_at_a_record", steps, ends_at
        if draw < 0.85:
            changes = self._random.randint(1, max(2, 2 * ACCOUNT_CHANGES // self._kills))
            self._stage.deaths.write_text(str(changes), encoding="utf-8")
            return "kills_at_the_account", 0, ends_at
        return "kills_at_an_instant", 0, time.monotonic() + self._random.uniform(0.2, 3.0)

    def _start(
        self, live: Callable[[GatewayStage, int], None], steps: int, name: str
    ) -> BaseProcess:
        words = self._stage.folder / f"{name}.err"
        process = FORK.Process(target=life, args=(live, self._stage, steps, words), name=name)
        process.start()
        return process

    def _last_words(self) -> str:
        lines = (self._stage.folder / "bot.err").read_text(encoding="utf-8").splitlines()
        return " | ".join(lines[-3:])


def _wait_for(path: Path) -> None:
    until = time.monotonic() + LONGEST_LIFE_S
    while not path.exists() and time.monotonic() < until:
        time.sleep(WATCH_EVERY_S)


@dataclass
class Told:
    """What a journal tells of orders and money."""

    approved: Counter[str] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)
    fills: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    sessions: int = 0

    def take(self, record: Record) -> None:
        """Take in one record."""
        match record:
            case OrderApproved(order=order):
                self.approved[order.order_id] += 1
            case OrderFilled():
                self.fills[record.fill_id] += 1
                self.filled[record.order_id] += record.quantity
            case OrderRejected() | OrderCancelled():
                self.ended.add(record.order_id)
            case PositionSettled():
                self.settled[record.contract.symbol] += 1
            case EquityMarked():
                self.sessions += 1
            case _:
                pass


def cash_of(records: Iterable[Record], start_usd: Decimal) -> Decimal:
    """Return the cash that a journal's records come to, by arithmetic of its own."""
    cash, charges = start_usd, dict[str, Decimal]()
    for record in records:
        if isinstance(record, OrderFilled):
            cash += record.credit * 100 * record.quantity
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, FillCharged):
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, PositionSettled):
            cash += record.cash_usd
    return cash - sum(charges.values(), Decimal(0))


def judge(tally: Tally, records: list[Record], account: dict[str, Any], start: Decimal) -> None:
    """Hold a bot's journal against the account at the emulator."""
    told, there = Told(), Counter[str](account["orders"])
    for record in records:
        told.take(record)
    unsent = told.approved.keys() - there.keys()
    strangers = there.keys() - told.approved.keys()
    silent = [name for name in unsent if name not in told.ended]
    missing = Counter(account["filled"]) - told.filled
    invented = told.filled - Counter(account["filled"])
    tally.unsent += len(unsent)
    tally.lost += len(silent) + missing.total()
    tally.doubled += len(strangers) + invented.total()
    for counted in (told.approved, there, told.fills, told.settled):
        tally.doubled += counted.total() - len(counted)
    held = {c.symbol: count for c, count in KnownOrders.of(records).held.items()}
    cash = cash_of(records, start)
    if held != account["positions"] or cash != Decimal(account["cash_usd"]):
        tally.unequal_books += 1
        tally.trouble.append(f"unequal: {held} {cash} against {account}")
    tally.orders += len(there)
    tally.fills += told.fills.total()
    tally.settlements += told.settled.total()
    tally.sessions += told.sessions


def stage_of(settings: Settings, world: World, seed: int, parent: Path) -> GatewayStage:
    """Return the stage of a round: a week drawn by the seed, from before its first open on."""
    calendar, random = world.calendar, Random(seed)
    first = random.choice(calendar.between(FIRST, LAST))
    last = calendar.next(first, SESSIONS_PER_ROUND - 1)
    start = calendar.session(first).open_at - timedelta(minutes=30)
    until = calendar.session(last).option_close_at + END
    folder = Path(tempfile.mkdtemp(prefix=f"gateway-{seed}-", dir=parent))
    faults = tuple(_faults(random, start, until))
    return GatewayStage(settings, world, start, until, seed, folder, faults)


def _faults(random: Random, start: datetime, until: datetime) -> Iterator[Fault]:
    """Return what goes wrong at the emulator besides, at an instant or an occasion."""
    zone = exchange_zone()
    for form in random.sample(FAULTS, random.randint(0, MOST_FAULTS)):
        at = (start + (until - start) * random.random()).astimezone(zone)
        text = form.format(at=f"{at:%Y-%m-%dT%H:%M:%S}", nth=random.randint(1, 6))
        yield from read_faults(f"[[fault]]\n{text}\n", "drawn")


def play(
    settings: Settings, kills: int, seed: int, parent: Path, *, forgets: bool = False
) -> Tally:
    """Play one round and judge it; `forgets` takes the bot's journal away when it dies."""
    started = time.monotonic()
    stage = stage_of(settings, historical_world(settings, None, seed), seed, parent)
    this = Round(stage, kills, forgets=forgets)
    this.play()
    if not this.tally.trouble:
        verify(stage.journal)
        with JournalReader(stage.journal) as reader:
            records, start = list(reader.records()), reader.started().start_nlv_usd
        judge(this.tally, records, json.loads(stage.account.read_text(encoding="utf-8")), start)
    elif stage.faults:
        this.tally.trouble.append(f"with {said(stage.faults)}")
    this.tally.faults = len(stage.faults)
    this.tally.seconds = round(time.monotonic() - started, 1)
    return this.tally


def main() -> int:
    """Play as many rounds as the kills need; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=KILLS_PER_ROUND)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument(
        "--forget", action="store_true", help="Lose the bot's journal: the test must notice."
    )
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else int.from_bytes(os.urandom(2), "big")
    settings, total = Settings.model_validate(SETTINGS), Tally()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="alvh-chaos-") as parent:
        while total.kills < given.kills if given.rounds is None else total.rounds < given.rounds:
            number = seed + total.rounds
            kills = min(KILLS_PER_ROUND, given.kills - total.kills)
            tally = play(settings, kills, number, Path(parent), forgets=given.forget)
            total.add(tally)
            print(f"round {number}: {json.dumps(asdict(tally))}", flush=True)
            if not tally.kills:
                break
    print(json.dumps({"seed": seed, **asdict(total)}))
    return 0 if total.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
