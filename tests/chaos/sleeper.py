"""A daemon of the profile sim a minute before its entry, on a clock that runs 120 times as fast."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.bootstrap import RunIdentity, build_simulated
from bot.clock import SystemClock
from bot.daemon import Daemon
from bot.events import EntryClosed, MomentMissed, MomentReached, Record
from bot.log import RunLog
from bot.settings import Settings
from bot.timetable import SystemTimetable
from bot.world import synthetic_world

SPEED = 120
SESSION = date(2026, 11, 24)
SEED = 1


class FastClock(SystemClock):
    """Runs from `start` on, many times as fast as the machine's."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._start, self._began = start, super().machine()

    def machine(self) -> datetime:
        return self._start + (super().machine() - self._began) * SPEED

    def to_machine(self, at: datetime) -> datetime:
        return self._began + (at - self._start) / SPEED


def main() -> None:
    """Serve until the entry is over, and say what became of each moment."""
    world = synthetic_world(Settings(), SESSION, SEED)
    entry_at = world.calendar.session(SESSION).cash_close_at + timedelta(minutes=10)
    clock = FastClock(entry_at - timedelta(minutes=1))
    identity = RunIdentity("sim", "S", SEED, clock.now(), SESSION, SESSION)
    journal = Path(sys.argv[1]) / "journal.db"
    rig = build_simulated(Settings(), world, clock, identity, journal, durable=True)
    timetable = SystemTimetable(clock, lambda _seconds: None)
    daemon = Daemon(rig, timetable, RunLog(sys.stderr), lambda _moment: None)

    def tell(record: Record) -> None:
        if isinstance(record, MomentReached):
            print(f"kept {record.name}", flush=True)
        elif isinstance(record, MomentMissed):
            print(f"missed {record.name}: {record.reason}", flush=True)
        elif isinstance(record, EntryClosed):
            print(f"entry {record.reason}", flush=True)
            daemon.stop()

    rig.engine.listen(tell)
    print(f"serves at {clock.now():%H:%M:%S} {UTC}", flush=True)
    asyncio.run(daemon.serve())


if __name__ == "__main__":
    main()
