"""Faults together: bot and exchange go through sessions in which several things break at once.

    python tests/chaos/storm.py --faults 40 --seed 7

Each round plays two sessions on a quick clock, bot and exchange as processes, and draws from its
seed what breaks and when, more than half of it around the trades: kills, suspended processes, a
locked journal, a full disk, the clock set forward and back, an exchange that stays away, settings
written by half at a restart. Afterwards all is healed, and what the bot's journal says is held
against the exchange's file: each order, fill and settlement once and the same on both sides, each
session's entry decided or missed with a reason, each session marked once, and every decision made
again from the journal. What happens at an instant depends on the machine, so a seed repeats the
faults and not their outcome.
"""

import argparse
import json
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from chaos import FORK
from lives import Stage, life, live_exchange
from storm_lives import SLOW_AT, SLOW_FROM, SLOW_UNTIL, StormStage, live_in_storm
from tally import Tally

from bot.clock import SystemClock
from bot.events import EntryClosed, EquityMarked, MomentMissed, OrderApproved, Record
from bot.journal.check import verify
from bot.journal.reader import JournalReader
from bot.past import rerun_journal
from bot.replay import Window
from bot.schedule import schedule_of
from bot.settings import Settings
from bot.world import World, historical_world
from brokers.sim.store import ExchangeStore
from market.orders import OrderFilled, PositionSettled

FIRST, LAST = date(2017, 1, 4), date(2018, 1, 23)
SESSIONS, LEAST_FAULTS, MOST_FAULTS = 2, 3, 6
GRACE = timedelta(hours=2)
LONGEST_S = 240.0
WATCH_EVERY_S = 0.01
# A condor every session.
CONFIG = '[daemon]\nstop_seconds = 2\n[market]\nlisting = "hypothetical"\n'
SETTINGS = {"market": {"listing": "hypothetical"}}
FREE = resource.RLIM_INFINITY
ROOM_FOR_WORDS = 1 << 16


@dataclass
class StormTally(Tally):
    """What came of a round, or of all, with the faults by kind and how lives ended."""

    faults: dict[str, int] = field(default_factory=dict)
    overlapping: int = 0
    lives: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    entries_missed: int = 0


@dataclass(frozen=True, order=True)
class Drawn:
    """One fault: when it begins and ends on the machine's clock, in seconds of the round."""

    begins_s: float
    name: str
    lasts_s: float


class Storm:
    """One round: the processes, the faults drawn from its seed, and their ends."""

    def __init__(self, storm: StormStage, seed: int, until_s: float) -> None:
        self._storm, self._stage = storm, storm.stage
        self._random = Random(seed)
        self._until_s = until_s
        self._began = time.monotonic()
        self._bot: BaseProcess | None = None
        self._exchange: BaseProcess | None = None
        self._bot_at = self._exchange_at = 0.0
        self._locks: list[sqlite3.Connection] = []
        self.tally = StormTally(rounds=1)
        self._faults: dict[str, Callable[[], Callable[[], None]]] = {
            "kill the bot": self._kill_bot,
            "kill the exchange": self._kill_exchange,
            "suspend the bot": self._suspend_bot,
            "suspend the exchange": self._suspend_exchange,
            "lock the journal": self._lock,
            "fill the disk": self._fill,
            "set the clock forward": lambda: self._set_clock(self._random.uniform(60, 3000)),
            "set the clock back": lambda: self._set_clock(-self._random.uniform(60, 3000)),
            "keep the exchange away": self._keep_away,
            "write the settings by half": self._halve,
        }

    def drawn(self, traded_s: list[float]) -> list[Drawn]:
        """Return the faults of the round, in their order; `traded_s` is when trades are due."""
        faults = []
        for name in self._random.sample(
            sorted(self._faults), self._random.randint(LEAST_FAULTS, MOST_FAULTS)
        ):
            near = self._random.random() < 0.6
            at = self._random.choice(traded_s) + self._random.uniform(-3.0, 3.0)
            begins = at if near else self._random.uniform(0.0, self._until_s)
            faults.append(Drawn(max(0.5, begins), name, self._random.uniform(0.1, 7.0)))
        return sorted(faults)

    def play(self, traded_s: list[float]) -> None:
        """Let it storm, heal everything, and end both processes in order."""
        faults = self.drawn(traded_s)
        self.tally.faults = dict(Counter(fault.name for fault in faults))
        self.tally.overlapping = sum(
            a.begins_s < b.begins_s < a.begins_s + a.lasts_s for a in faults for b in faults
        )
        ends: list[tuple[float, Callable[[], None]]] = []
        while (passed := time.monotonic() - self._began) < self._until_s:
            while faults and faults[0].begins_s <= passed:
                fault = faults.pop(0)
                ends.append((passed + fault.lasts_s, self._faults[fault.name]()))
            for row in [row for row in ends if row[0] <= passed]:
                ends.remove(row)
                row[1]()
            self._keep_alive(passed)
            time.sleep(WATCH_EVERY_S)
        for _, heal in ends:
            heal()
        self._end()

    def _keep_alive(self, passed: float) -> None:
        """Start again what has died, a while after its death."""
        if self._exchange is None or not self._exchange.is_alive():
            if self._exchange is not None:
                self._exchange = None
                self._exchange_at = max(self._exchange_at, passed + self._random.uniform(0.0, 1.5))
            if passed >= self._exchange_at:
                self._exchange = self._start(live_exchange, self._stage, "exchange")
        if self._bot is None or not self._bot.is_alive():
            if self._bot is not None:
                self._note_end(self._bot)
                self._bot = None
                self._bot_at = max(self._bot_at, passed + self._random.uniform(0.0, 1.5))
            if passed >= self._bot_at:
                self.tally.lives += 1
                self._bot = self._start(live_in_storm, self._storm, "bot")

    def _note_end(self, bot: BaseProcess) -> None:
        bot.join()
        name = {-9: "killed", 2: "settings", 3: "unavailable"}.get(bot.exitcode or 0)
        if name is None:
            self.tally.trouble.append(f"the bot ended with {bot.exitcode}: {self._last_words()}")
        self.tally.ends[name or "other"] = self.tally.ends.get(name or "other", 0) + 1

    def _end(self) -> None:
        """Give both a while to find each other, then end the bot by SIGTERM and the exchange."""
        passed = time.monotonic() - self._began
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until and not self._is_at_rest():
            self._keep_alive(max(passed, time.monotonic() - self._began))
            time.sleep(WATCH_EVERY_S * 20)
        for process in (self._bot, self._exchange):
            if process is not None:
                process.terminate()
                process.join(30)
                if process.exitcode != 0:
                    self.tally.trouble.append(
                        f"{process.name} ended with {process.exitcode}: {self._last_words()}"
                    )

    def _is_at_rest(self) -> bool:
        """Tell whether the last session has its mark, by a look into the journal."""
        if not self._stage.journal.exists():
            return False
        with sqlite3.connect(f"file:{self._stage.journal}?mode=ro", uri=True) as look:
            last = self._stage.span.last.isoformat()
            query = "SELECT count(*) FROM equity WHERE session = ?"
            try:
                found = look.execute(query, (last,)).fetchone()
            except sqlite3.Error:
                return False
        return bool(found and found[0])

    def _start(self, live: Callable[..., None], stage: object, name: str) -> BaseProcess:
        words = self._stage.folder / f"{name}.err"
        process = FORK.Process(target=life, args=(live, stage, 0, words), name=name)
        process.start()
        return process

    def _last_words(self) -> str:
        path = self._stage.folder / "bot.err"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return " | ".join(lines[-4:])

    def _signal(self, process: BaseProcess | None, number: int) -> None:
        if process is not None and process.pid is not None and process.is_alive():
            os.kill(process.pid, number)

    def _kill_bot(self) -> Callable[[], None]:
        self._signal(self._bot, signal.SIGKILL)
        return _nothing

    def _kill_exchange(self) -> Callable[[], None]:
        self._signal(self._exchange, signal.SIGKILL)
        return _nothing

    def _suspend_bot(self) -> Callable[[], None]:
        bot = self._bot
        self._signal(bot, signal.SIGSTOP)
        return lambda: self._signal(bot, signal.SIGCONT)

    def _suspend_exchange(self) -> Callable[[], None]:
        exchange = self._exchange
        self._signal(exchange, signal.SIGSTOP)
        return lambda: self._signal(exchange, signal.SIGCONT)

    def _lock(self) -> Callable[[], None]:
        if not self._stage.journal.exists():
            return _nothing
        other = sqlite3.connect(self._stage.journal, isolation_level=None, timeout=0.5)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            other.close()
            return _nothing
        return other.close

    def _fill(self) -> Callable[[], None]:
        """Let no file of the bot grow any more, as on a full disk."""
        bot = self._bot
        log = self._stage.journal.with_name("journal.db-wal")
        if bot is not None and bot.pid is not None and bot.is_alive() and log.exists():
            # What it complains goes to a file as well, which shall still have room.
            room = max(log.stat().st_size, ROOM_FOR_WORDS)
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (room, FREE))
        return lambda: self._free(bot)

    def _free(self, bot: BaseProcess | None) -> None:
        if bot is not None and bot.pid is not None and bot.is_alive():
            resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (FREE, FREE))

    def _set_clock(self, seconds: float) -> Callable[[], None]:
        before = float(self._storm.jump.read_text(encoding="utf-8"))
        _write(self._storm.jump, str(before + seconds))
        return lambda: _write(self._storm.jump, "0")

    def _keep_away(self) -> Callable[[], None]:
        self._signal(self._exchange, signal.SIGKILL)
        self._exchange_at = float("inf")

        def let_back() -> None:
            self._exchange_at = 0.0

        return let_back

    def _halve(self) -> Callable[[], None]:
        _write(self._storm.config, CONFIG[: len(CONFIG) // 2 + 3])
        self._signal(self._bot, signal.SIGKILL)
        return lambda: _write(self._storm.config, CONFIG)


def _nothing() -> None:
    pass


def _write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text, encoding="utf-8")
    path.with_suffix(".new").rename(path)


def judge(tally: StormTally, stage: Stage) -> None:
    """Hold the bot's journal against the exchange's file, and against itself."""
    with JournalReader(stage.journal) as reader:
        records = list(reader.records())
    with ExchangeStore(stage.store) as kept:
        there = kept.events_after(0)
    ours: Counter[object] = Counter(
        r for r in records if isinstance(r, OrderFilled | PositionSettled)
    )
    theirs: Counter[object] = Counter(
        e for e in there if isinstance(e, OrderFilled | PositionSettled)
    )
    tally.lost += (theirs - ours).total()
    tally.doubled += (
        (ours - theirs).total() + ours.total() - len(ours) + theirs.total() - len(theirs)
    )
    approved = Counter(r.order.order_id for r in records if isinstance(r, OrderApproved))
    tally.doubled += approved.total() - len(approved)
    tally.orders += len(approved)
    tally.fills += sum(isinstance(each, OrderFilled) for each in ours)
    tally.settlements += sum(isinstance(each, PositionSettled) for each in ours)
    _judge_sessions(tally, stage, records)
    found = rerun_journal(stage.journal).first_difference
    if found is not None:
        tally.trouble.append(f"event {found.seq} was made otherwise again: {found.sentence}")


def _judge_sessions(tally: StormTally, stage: Stage, records: list[Record]) -> None:
    sessions = stage.world.calendar.between(stage.span.first, stage.span.last)
    marks = Counter(r.session for r in records if isinstance(r, EquityMarked))
    closed = Counter(r.session for r in records if isinstance(r, EntryClosed))
    missed = {r.session for r in records if isinstance(r, MomentMissed) and r.name == "entry"}
    tally.sessions += len(sessions)
    tally.entries_missed += len(missed & set(sessions))
    for session in sessions:
        if (marks[session], closed[session]) != (1, 1):
            tally.trouble.append(
                f"{session} has {marks[session]} marks and {closed[session]} ends of its entry"
            )


def storm_of(world: World, seed: int, parent: Path) -> StormStage:
    """Return the stage of a round: sessions drawn by the seed, from before their first open on."""
    calendar = world.calendar
    first = Random(seed).choice(calendar.between(FIRST, LAST))
    last = calendar.next(first, SESSIONS - 1)
    folder = Path(tempfile.mkdtemp(prefix=f"storm-{seed}-", dir=parent))
    stage = Stage(Settings.model_validate(SETTINGS), world, Window(first, last), seed, folder)
    days = calendar.between(first, last)
    moments = [m for day in days for m in schedule_of(stage.settings, calendar, world.macro, day)]
    slow = tuple((m.at + SLOW_FROM, m.at + SLOW_UNTIL) for m in moments if m.name in SLOW_AT)
    start = calendar.session(first).open_at - timedelta(minutes=5)
    storm = StormStage(stage, start, SystemClock().now().astimezone(UTC), slow)
    _write(storm.config, CONFIG)
    _write(storm.jump, "0")
    return storm


def play(world: World, seed: int, parent: Path) -> StormTally:
    """Play one round and judge it."""
    storm = storm_of(world, seed, parent)

    def passed_s(at: datetime) -> float:
        return (storm.machine_at(at) - storm.began).total_seconds()

    traded = [passed_s(begin - SLOW_FROM) for begin, _ in storm.slow]
    this = Storm(storm, seed, passed_s(storm.slow[-1][1] + GRACE))
    this.play(traded)
    if not this.tally.trouble:
        verify(storm.stage.journal)
        judge(this.tally, storm.stage)
    this.tally.seconds = round(time.monotonic() - this._began, 1)
    return this.tally


def main() -> int:
    """Play as many rounds as the faults need; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=LEAST_FAULTS)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else int.from_bytes(os.urandom(2), "big")
    world, total = historical_world(Settings.model_validate(SETTINGS), None, seed), StormTally()
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="alvh-storm-") as parent:
        while sum(total.faults.values()) < given.faults:
            tally = play(world, seed + total.rounds, Path(parent))
            print(f"round {seed + total.rounds}: {json.dumps(asdict(tally))}", flush=True)
            total.add(tally)
    print(json.dumps({"seed": seed, **asdict(total)}))
    return 0 if total.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
