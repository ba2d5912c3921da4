"""The daemon: cold start, what it costs idle, and how long a moment takes to become an order.

    python -m benchmarks.daemon [--idle-seconds 20] [--json]

Cold start is from starting the process to the first answer of /healthz; as after any first start,
compiled modules are there. The way from a moment to
its order is measured on the simulated exchange, with a durable journal as in life: from the moment
reaching the shell to the commit after which the order goes out. Time on a wire is not in it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from urllib.error import URLError
from urllib.request import urlopen

import numpy as np

from benchmarks.figures import Figure, Told, has_miss, parser_of, tell
from bot.bootstrap import RunIdentity, build_simulated, first_moment
from bot.clock import SimulatedClock
from bot.events import MomentReached, OrderApproved, Record
from bot.replay import walk, window
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import historical_world
from brokers.unsuspended import run_now

START_BAR, MEGABYTES_BAR, CPU_BAR, ORDER_BAR = 1.0, 120.0, 0.003, 50.0
ROUNDS = 3
ORDERS_FROM, ORDERS_TO = date(2017, 1, 3), date(2017, 12, 29)
GIVE_UP_S = 60.0
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def started(
    folder: Path, port: int, environment: Mapping[str, str] = ENVIRONMENT
) -> tuple[subprocess.Popen[bytes], float]:
    """Start a daemon; return it with the seconds until its health page answered."""
    alvh = Path(sys.executable).with_name("alvh")
    command = [str(alvh), "run", "--profile", "sim", "--real-time", "--web-port"]
    command += [str(port), "--out", str(folder)]
    with (folder.parent / "said").open("wb") as said:
        begun = perf_counter()
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
    while perf_counter() - begun < GIVE_UP_S and daemon.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return daemon, perf_counter() - begun
        except (URLError, OSError):
            sleep(0.005)
    daemon.kill()
    daemon.wait()
    raise SystemExit("the daemon did not answer: is its folder writable?")


def cpu_seconds(process: int) -> float:
    """Return processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(process: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    row = next(line for line in lines if line.startswith("VmRSS"))
    return int(row.split()[1]) / 1024.0


def ended(daemon: subprocess.Popen[bytes]) -> None:
    """Stop a daemon in order."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(timeout=20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def lived(idle_seconds: float) -> tuple[float, float, float]:
    """Return seconds to health, memory in MB and share of a core over a quiet while."""
    with TemporaryDirectory() as parent:
        daemon, start = started(Path(parent) / "run", free_port())
        try:
            sleep(2.0 if idle_seconds else 0.0)
            before, begun = cpu_seconds(daemon.pid), perf_counter()
            sleep(idle_seconds)
            share = (cpu_seconds(daemon.pid) - before) / max(perf_counter() - begun, 1e-9)
            return start, megabytes(daemon.pid), share
        finally:
            ended(daemon)


def where_start_goes() -> tuple[str, ...]:
    """Return what the daemon imports until it answers, by package, as lines."""
    with TemporaryDirectory() as parent:
        watched = ENVIRONMENT | {"PYTHONPROFILEIMPORTTIME": "1"}
        daemon, seconds = started(Path(parent) / "run", free_port(), watched)
        ended(daemon)
        rows = (Path(parent) / "said").read_text(encoding="utf-8").splitlines()
    spent: Counter[str] = Counter()
    for row in rows:
        told = re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)", row)
        if told is not None:
            spent[told[2]] += int(told[1])
    lines = [f"of {1e3 * seconds:,.0f} ms under the profiler, imports by package (own time):"]
    return (*lines, *(f"{us / 1e3:8.0f} ms  {name}" for name, us in spent.most_common(12)))


def moment_to_order(last: date) -> list[float]:
    """Return milliseconds from each moment to the commit of its first order."""
    settings = load_settings(DEFAULT_PRESET, None, ('market.listing="hypothetical"',))
    world = historical_world(settings, None, 7)
    span = window(world, ORDERS_FROM, last)
    start = first_moment(world, span.first)
    identity = RunIdentity("replay", "R", 7, start, span.first, span.last)
    found: list[float] = []
    begun: list[float] = [0.0]
    waiting: list[bool] = []

    def watch(record: Record) -> None:
        if isinstance(record, MomentReached):
            begun[0] = perf_counter()
            waiting.clear()
        elif isinstance(record, OrderApproved):
            waiting.append(True)

    def committed() -> None:
        if waiting:
            found.append(1e3 * (perf_counter() - begun[0]))
            waiting.clear()

    with TemporaryDirectory(dir=".") as folder:
        path = Path(folder) / "journal.db"
        rig = build_simulated(settings, world, SimulatedClock(start), identity, path, durable=True)
        rig.engine.listen(watch)
        rig.shell.listen_to_commits(committed)
        run_now(walk(rig, world.calendar.between(span.first, span.last)))
        rig.journal.close()
    return found


def measured(idle_seconds: float, rounds: int, last: date) -> Told:
    """Return the figures of the daemon."""
    lived(0.0)  # compiles what was never run here
    starts = [lived(0.0)[0] for _ in range(rounds)]
    _, memory, share = lived(idle_seconds)
    waits = moment_to_order(last)
    figures = (
        Figure(
            "cold start to the first health answer", float(np.median(starts)), "s", START_BAR, True
        ),
        Figure("idle memory", memory, "MB", MEGABYTES_BAR, True),
        Figure("idle processor", share, "of a core", CPU_BAR, True),
        Figure("moment to committed order, median", float(np.median(waits)), "ms"),
        Figure(
            "moment to committed order, 99th percentile",
            float(np.percentile(waits, 99)),
            "ms",
            ORDER_BAR,
            True,
        ),
    )
    notes = (
        f"{len(waits)} orders of 2017 on the simulated exchange, journal durable with all inputs;"
        " the way over a wire is measured apart.",
    )
    return Told("The daemon", figures, notes, where_start_goes() if has_miss(figures) else ())


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--idle-seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="starts measured")
    parser.add_argument("--orders-to", type=date.fromisoformat, default=ORDERS_TO)
    given = parser.parse_args()
    tell(given, measured(given.idle_seconds, given.rounds, given.orders_to))


if __name__ == "__main__":
    main()
