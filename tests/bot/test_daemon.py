"""The daemon on the machine's clock: moments are kept, a stop is orderly, lateness counts."""

import asyncio
import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.bootstrap import Rig, RunIdentity, build_simulated
from bot.cli.live import START_BEFORE_OPEN as LEAD
from bot.cli.live import start_offset
from bot.clock import SystemClock
from bot.daemon import Daemon, is_too_late
from bot.events import Record
from bot.journal.store import JournalReader
from bot.log import RunLog
from bot.past import rerun_journal
from bot.settings import Settings
from bot.timetable import SystemTimetable
from bot.world import World, load_calendar, synthetic_world
from market.schedule import MissedPolicy, Moment, MomentName
from market.sessions import SessionCalendar

SESSION = date(2026, 11, 24)
LONGEST_WAIT_S = 20.0
CALM_SEED = 1  # VIX stands at 14 that day, so the hedge may be opened


@pytest.fixture(scope="module")
def synthetic() -> World:
    return synthetic_world(Settings(), SESSION, seed=CALM_SEED)


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return load_calendar()


def rig_on(world: World, clock: SystemClock, journal: Path) -> Rig:
    identity = RunIdentity("sim", "S", CALM_SEED, clock.now(), SESSION, SESSION)
    return build_simulated(Settings(), world, clock, identity, journal, durable=True)


def clock_at(at: datetime) -> SystemClock:
    return SystemClock(at - SystemClock().now())


def timetable(clock: SystemClock) -> SystemTimetable:
    return SystemTimetable(clock, lambda _seconds: None)


def moment(name: MomentName, at: datetime, policy: MissedPolicy, grace_s: float) -> Moment:
    return Moment(name, at, SESSION, policy, timedelta(seconds=grace_s))


async def test_the_hedge_is_bought_when_its_window_opens(synthetic: World, tmp_path: Path) -> None:
    window_at = synthetic.calendar.session(SESSION).open_at + timedelta(minutes=90)
    clock = clock_at(window_at - timedelta(seconds=1))
    journal, lines = tmp_path / "journal.db", io.StringIO()
    rig = rig_on(synthetic, clock, journal)
    daemon = Daemon(rig, timetable(clock), RunLog(lines, profile="sim"), lambda _moment: None)

    def stop_once_filled() -> None:
        if len(rig.book.positions().layers) == 3:
            daemon.stop()

    def watch(_record: Record) -> None:
        asyncio.get_running_loop().call_soon(stop_once_filled)

    rig.engine.listen(watch)
    await asyncio.wait_for(daemon.serve(), LONGEST_WAIT_S)

    held = {layer.layer: layer.contracts for layer in rig.book.positions().layers}
    assert held == {"near": 4, "mid": 4, "long": 2}
    with JournalReader(journal) as reader:
        assert reader.verify() > 0
        kinds = [row.kind for row in reader.rows()]
    assert kinds.index("order_approved") < kinds.index("order_filled")
    events = [json.loads(line)["event"] for line in lines.getvalue().splitlines()]
    assert (events[0], events[-1]) == ("session_planned", "daemon_stopped")
    again = rerun_journal(journal)
    assert (again.first_difference, again.regenerated_inputs) == (None, 0)
    assert again.kept_inputs > 0


async def test_a_stop_before_anything_happened_leaves_an_intact_journal(
    synthetic: World, tmp_path: Path
) -> None:
    clock = clock_at(synthetic.calendar.session(SESSION).open_at)
    rig = rig_on(synthetic, clock, tmp_path / "journal.db")
    daemon = Daemon(rig, timetable(clock), RunLog(io.StringIO()), lambda _moment: None)

    daemon.stop()
    await asyncio.wait_for(daemon.serve(), LONGEST_WAIT_S)

    with JournalReader(tmp_path / "journal.db") as reader:
        assert [row.kind for row in reader.rows()][:1] == ["run_started"]


AT = datetime(2026, 11, 24, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "late_s", "verdict"),
    [
        (MissedPolicy.SKIP, 1, False),
        (MissedPolicy.SKIP, 269, False),
        (MissedPolicy.SKIP, 271, True),
        (MissedPolicy.LATE, 271, True),
        (MissedPolicy.ALWAYS, 86_400, False),
    ],
)
def test_a_late_moment_is_kept_only_within_its_grace(
    policy: MissedPolicy, late_s: float, verdict: bool
) -> None:
    due = moment(MomentName.ENTRY, AT, policy, 270)

    assert is_too_late(due, AT + timedelta(seconds=late_s)) is verdict


@pytest.mark.parametrize(
    ("now", "real_time", "offset"),
    [
        (datetime(2026, 11, 24, 15, 0, tzinfo=UTC), False, timedelta(0)),
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), False, timedelta(hours=2, minutes=30) - LEAD),
        (datetime(2026, 11, 24, 22, 0, tzinfo=UTC), False, timedelta(hours=16, minutes=30) - LEAD),
        (datetime(2026, 11, 26, 15, 0, tzinfo=UTC), False, timedelta(hours=23, minutes=30) - LEAD),
        (datetime(2026, 11, 24, 22, 0, tzinfo=UTC), True, timedelta(0)),
    ],
    ids=["open", "before the open", "after the close", "Thanksgiving", "real time"],
)
def test_out_of_hours_the_clock_is_set_to_the_next_open(
    calendar: SessionCalendar, now: datetime, real_time: bool, offset: timedelta
) -> None:
    assert start_offset(calendar, now, real_time=real_time)[0] == offset
