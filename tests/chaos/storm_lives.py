"""Lives of a bot and an exchange under a storm: real processes on a clock that runs many times as
fast as the machine's, slowly around the trades, and that anybody may set.

The market's time is a function of the machine's and of one file, so that every process reads the
same; setting the file's number sets the clock of all.
"""

import asyncio
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from lives import FACTS, Stage

from bot.bootstrap import RunIdentity, build_simulated
from bot.clock import SystemClock
from bot.daemon import Daemon
from bot.instance import LOCK_NAME, InstanceLock
from bot.journal.reader import last_record_at
from bot.log import RunLog
from bot.settings import load_settings
from bot.timetable import SystemTimetable
from brokers.sim.client import ExchangeClient
from market.errors import AlvhError
from market.schedule import MomentName

# Seconds of the market in one of the machine's, around the trades and else.
SLOW, FAST = 60.0, 6000.0
SLOW_AT = frozenset({MomentName.HEDGE_WINDOW, MomentName.ENTRY})
SLOW_FROM, SLOW_UNTIL = timedelta(minutes=-2), timedelta(minutes=11)
PATIENCE_S = 0.2


@dataclass(frozen=True)
class StormStage:
    """What a round is played on: the stage, and when the machine's clock showed its beginning."""

    stage: Stage
    start: datetime
    began: datetime
    slow: tuple[tuple[datetime, datetime], ...]

    @property
    def config(self) -> Path:
        """Return the bot's settings, which may be written by half."""
        return self.stage.folder / "alvh.toml"

    @property
    def jump(self) -> Path:
        """Return the file that says by how many seconds the clock was set."""
        return self.stage.folder / "jump"

    def market_at(self, machine: datetime) -> datetime:
        """Return the market's time at an instant of the machine, without what was set."""
        at, left = self.start, (machine - self.began).total_seconds()
        for begin, end in self.slow:
            quick = (begin - at).total_seconds() / FAST
            if left < quick:
                return at + timedelta(seconds=left * FAST)
            slow = (end - begin).total_seconds() / SLOW
            left -= quick
            if left < slow:
                return begin + timedelta(seconds=left * SLOW)
            at, left = end, left - slow
        return at + timedelta(seconds=left * FAST)

    def machine_at(self, market: datetime) -> datetime:
        """Return the instant of the machine at which the market's time comes."""
        at, passed = self.start, 0.0
        for begin, end in self.slow:
            if market < begin:
                break
            passed += (begin - at).total_seconds() / FAST
            passed += (min(market, end) - begin).total_seconds() / SLOW
            at = min(market, end)
        passed += max(0.0, (market - at).total_seconds()) / FAST
        return self.began + timedelta(seconds=passed)


class StormClock(SystemClock):
    """Shows the market's time of a stage; never before `floor`, where a dead life ended."""

    def __init__(self, stage: StormStage, floor: datetime | None) -> None:
        super().__init__()
        self._stage = stage
        self._latest = floor or self._latest

    def machine(self) -> datetime:
        return self._stage.market_at(super().machine()) + self._set_by()

    def to_machine(self, at: datetime) -> datetime:
        return self._stage.machine_at(at - self._set_by())

    def _set_by(self) -> timedelta:
        path = self._stage.jump
        return timedelta(seconds=float(path.read_text(encoding="utf-8") or 0))


def live_in_storm(storm: StormStage, _steps: int) -> None:
    """Be the bot until killed, told to stop, or unable to go on."""
    try:
        _live(storm)
    except AlvhError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _live(storm: StormStage) -> None:
    stage = storm.stage
    settings = load_settings(config=storm.config)
    with InstanceLock(stage.folder / LOCK_NAME, "the bot of the storm", SystemClock().now()):
        last_at = last_record_at(stage.journal)
        clock = StormClock(storm, last_at)
        session: date = clock.now().astimezone(UTC).date()
        identity = RunIdentity("sim", "S", stage.seed, clock.now(), session, session)
        client = ExchangeClient(stage.socket, clock.now, FACTS, patience_s=PATIENCE_S)
        rig = build_simulated(
            settings,
            stage.world,
            clock,
            identity,
            stage.journal,
            durable=True,
            continues=last_at is not None,
            broker=client,
        )
        timetable = SystemTimetable(clock, lambda _seconds: None)
        log = RunLog(sys.stderr)
        daemon = Daemon(rig, timetable, log, lambda _moment: None, try_again_s=PATIENCE_S)
        asyncio.run(_serve(daemon))
    if daemon.difference is not None:
        print(f"books differ: {daemon.difference}", file=sys.stderr)
        sys.exit(4)


async def _serve(daemon: Daemon) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.stop)
    await daemon.serve()
