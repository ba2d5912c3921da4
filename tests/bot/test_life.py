"""Life and death of a daemon: one at a time, told apart from its journal, obedient to its owner."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import ClockWatch, SystemClock
from bot.control_socket import ControlSocket, ask_daemon
from bot.deadman import DeadMan, overdue
from bot.events import EntryClosed, EntryResult, MomentMissed, MomentReached, OrderStopped
from bot.instance import InstanceLock
from bot.log import RunLog
from bot.service import ServiceManager
from bot.starting import SOCKET_NAME
from bot.vitals import Vitals
from bot.world import load_calendar
from market.errors import AlreadyRunning, ConfigError
from market.orders import LineChanged, LineState, OrderAccepted
from market.schedule import MissedPolicy, Moment, MomentName

FRIDAY, MONDAY = date(2018, 2, 2), date(2018, 2, 5)
AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
CALENDAR = load_calendar()
HOLDS_LOCK = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from bot.instance import InstanceLock
lock = InstanceLock(Path(sys.argv[1]), "profile sim", datetime(2026, 1, 2, tzinfo=UTC))
print("held", flush=True)
time.sleep(60)
"""


def entry(session: date = FRIDAY) -> Moment:
    at = CALENDAR.session(session).cash_close_at + timedelta(minutes=10)
    return Moment(MomentName.ENTRY, at, session, MissedPolicy.SKIP, timedelta(seconds=270))


def test_a_second_process_hears_who_holds_the_lock_and_death_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "instance.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_LOCK, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(
            AlreadyRunning,
            match=f"profile sim is already run by process {holder.pid} since 2026-01-02",
        ):
            InstanceLock(path, "profile sim", AT)

        holder.send_signal(signal.SIGKILL)
        holder.wait()
        InstanceLock(path, "profile sim", AT).release()


def test_what_the_journal_says_was_kept_or_missed_is_owed_no_more() -> None:
    vitals = Vitals()
    assert vitals.is_owed(entry())

    vitals.watch(MomentReached(AT, FRIDAY, "entry"))
    vitals.watch(MomentMissed(AT, MONDAY, "entry", "9:00:00 late"))

    assert not vitals.is_owed(entry(FRIDAY))
    assert not vitals.is_owed(entry(MONDAY))
    assert vitals.is_owed(entry(date(2018, 2, 6)))
    assert vitals.first_open_session == FRIDAY


def test_moments_before_the_run_began_are_not_its_duty() -> None:
    vitals = Vitals(began_at=AT + timedelta(seconds=1))

    assert not vitals.is_owed(entry())


def test_the_brokers_word_is_counted_and_our_own_of_the_line_is_not() -> None:
    vitals = Vitals()

    vitals.watch(OrderAccepted(AT, "one"))
    vitals.watch(LineChanged(AT, LineState.DOWN, None, "gone"))

    assert vitals.heard == 1


def test_each_refusal_of_the_gate_is_counted_by_its_code() -> None:
    vitals = Vitals()

    for code in ("STALE", "MARGIN", "STALE"):
        vitals.watch(OrderStopped(AT, FRIDAY, "condor", "entry", "id", code, "sentence"))

    assert vitals.refusals == {"STALE": 2, "MARGIN": 1}


class Obedient:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def halt(self, reason: str) -> str:
        self.told.append(("halt", reason))
        return "Halted."

    async def resume(self, reason: str) -> str:
        self.told.append(("resume", reason))
        return "Resumed."

    async def flatten(self, reason: str, *, with_hedge: bool) -> str:
        self.told.append(("flatten", f"{reason} {with_hedge}"))
        return "Flat."

    def status(self) -> Mapping[str, Any]:
        return {"pid": 7}

    async def overview(self) -> Mapping[str, Any]:
        return {"overview": {}}


async def test_the_socket_is_its_owners_and_answers_in_sentences(tmp_path: Path) -> None:
    obedient = Obedient()
    async with ControlSocket(tmp_path, obedient):
        mode = (tmp_path / SOCKET_NAME).stat().st_mode & 0o777
        halted = await asyncio.to_thread(ask_daemon, tmp_path, {"verb": "halt", "reason": "why"})
        told = await asyncio.to_thread(ask_daemon, tmp_path, {"verb": "status"})

    assert mode == 0o600
    assert halted == {"ok": True, "sentence": "Halted."}
    assert told == {"ok": True, "status": {"pid": 7}}
    assert obedient.told == [("halt", "why")]
    assert ask_daemon(tmp_path, {"verb": "status"}) is None


@pytest.mark.parametrize("confirm", ["", "yes", "FLATTEN"])
async def test_nothing_is_flattened_without_the_word(tmp_path: Path, confirm: str) -> None:
    obedient = Obedient()
    demand = json.dumps({"verb": "flatten", "confirm": confirm}).encode()

    answer = await ControlSocket(tmp_path, obedient).answer(demand)

    assert answer == {"ok": False, "sentence": "a flattening is confirmed by the word flatten"}
    assert obedient.told == []


@given(
    line=st.one_of(
        st.binary(max_size=300),
        st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(
            lambda each: json.dumps(each).encode()
        ),
    )
)
async def test_no_demand_harms_the_daemon(line: bytes) -> None:
    obedient = Obedient()

    answer = await ControlSocket(Path("nowhere"), obedient).answer(line)

    assert answer["ok"] is False
    assert obedient.told == []


async def test_a_line_too_long_is_cut_and_the_next_is_served(tmp_path: Path) -> None:
    async with ControlSocket(tmp_path, Obedient()):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        writer.write(b"x" * 100_000 + b"\n")
        cut = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        told = await asyncio.to_thread(ask_daemon, tmp_path, {"verb": "status"})

    assert cut == b""
    assert told is not None


def test_a_folder_with_a_path_too_long_for_a_socket_says_so(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()

    async def open_there() -> None:
        async with ControlSocket(folder, Obedient()):
            pass

    with pytest.raises(ConfigError, match="longer path than systems allow"):
        asyncio.run(open_there())


async def test_a_service_manager_hears_ready_the_watchdog_and_the_end(tmp_path: Path) -> None:
    address = tmp_path / "notify.sock"
    passed = [0.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(5)
        environ = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "4000000"}
        service = ServiceManager(environ, lambda: passed[0])

        service.ready("serves")
        for passed[0] in (10.0, 11.0, 12.0):
            await service.beat()
        service.stopping()
        heard = [manager.recv(200).decode() for _ in range(4)]

    assert heard == ["READY=1\nSTATUS=serves", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


async def test_without_a_service_manager_nothing_is_said() -> None:
    service = ServiceManager({"WATCHDOG_USEC": "soon"}, lambda: 0.0)

    service.ready("serves")
    await service.beat()

    assert os.environ.get("NOTIFY_SOCKET") is None


CLOSE = CALENDAR.session(FRIDAY).cash_close_at


@pytest.mark.parametrize(
    ("now", "decided", "late"),
    [
        (CLOSE + timedelta(minutes=19), date(2018, 2, 1), None),
        (CLOSE + timedelta(minutes=20), date(2018, 2, 1), FRIDAY),
        (CLOSE + timedelta(minutes=20), FRIDAY, None),
        (CLOSE + timedelta(days=2), FRIDAY, None),
        (CLOSE + timedelta(days=3, minutes=20), FRIDAY, MONDAY),
    ],
    ids=["not yet", "overdue", "decided", "a Sunday", "Monday overdue"],
)
def test_a_decision_is_overdue_on_trading_days_alone(
    now: datetime, decided: date, late: date | None
) -> None:
    assert overdue(CALENDAR, now, decided, None) == late


async def test_the_dead_man_gives_one_sign_a_session_and_one_alarm(tmp_path: Path) -> None:
    now, fetched = [CLOSE + timedelta(minutes=15)], []

    async def fetch(url: str) -> None:
        fetched.append(url)

    vitals, sign = Vitals(began_at=AT - timedelta(days=9)), tmp_path / "sign.json"
    with (tmp_path / "log").open("w") as file:
        dead_man = DeadMan(
            CALENDAR,
            lambda: now[0],
            vitals,
            RunLog(file),
            url="https://signs.example/x",
            file=str(sign),
            fetch=fetch,
        )
        vitals.watch(EntryClosed(now[0], FRIDAY, EntryResult.SKIPPED, "HOLD", 0))
        await dead_man.beat()
        await dead_man.beat()
        first = json.loads(sign.read_text())
        now[0] = CLOSE + timedelta(days=3, minutes=21)
        await dead_man.beat()
        await dead_man.close()

    assert (first["session"], first["decided"]) == ("2018-02-02", True)
    assert json.loads(sign.read_text())["decided"] is False
    assert fetched == ["https://signs.example/x", "https://signs.example/x/fail"]


class SetClock(SystemClock):
    """A machine's clock that somebody sets."""

    def __init__(self) -> None:
        super().__init__()
        self.shows = AT

    def machine(self) -> datetime:
        return self.shows


def test_a_clock_that_is_set_back_stands_until_it_is_caught_up() -> None:
    clock = SetClock()
    seen = [clock.now()]

    for clock.shows in (AT - timedelta(hours=1), AT - timedelta(seconds=1), AT + timedelta(1)):
        seen.append(clock.now())

    assert seen == [AT, AT, AT, AT + timedelta(1)]


@pytest.mark.parametrize(("by_s", "noticed_s"), [(3600.0, 3600.0), (-7200.0, -7200.0), (0.0, 0.0)])
def test_a_clock_that_was_set_is_noticed_and_a_long_sleep_is_none(
    by_s: float, noticed_s: float
) -> None:
    clock, passed = SetClock(), [0.0]
    watch = ClockWatch(clock.machine, lambda: passed[0])

    passed[0] = 300.0
    clock.shows = AT + timedelta(seconds=300.0 + by_s)

    assert watch.jumped_s() == noticed_s
    assert watch.jumped_s() == 0.0
