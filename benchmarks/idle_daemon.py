"""What an idle daemon costs: time to its first answer, memory, share of a core, end by SIGTERM.

    python benchmarks/idle_daemon.py [--seconds 30] [--web]

The bar: first answer below 1 s, below 120 MB, below 0.3 % of a core, gone within 5 s of SIGTERM.
The first answer may be that the daemon is starting; it is ready when it says so no more. Seconds
of a core are what an idle machine would show, seconds what this one does now.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.control_socket import ask_daemon

PAGE = os.sysconf("SC_PAGE_SIZE")
# As after any first start, compiled modules are there.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
WARM_UP = "import bot.cli.front, bot.cli.live, bot.cli.run, bot.web.dashboard, bot.web.server"
SETTLE_S = 10.0  # late imports and first caches are no idling
TICKS = os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """Return the resident memory of a process, MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def seconds_of_core(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def handles(pid: int) -> int:
    """Return how many files a process holds open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def wait_until(
    folder: Path, pid: int, began: float, is_so: Callable[[Mapping[str, Any]], bool]
) -> tuple[float, float]:
    """Return after how many seconds a daemon answers so, and how many of a core it used."""
    while True:
        answer = ask_daemon(folder, {"verb": "status"})
        if answer is not None and is_so(answer["status"]):
            return round(time.perf_counter() - began, 2), round(seconds_of_core(pid), 2)
        time.sleep(0.01)


def measure(seconds: float, *, web: bool) -> dict[str, float]:
    """Start a daemon, look at it for a while, and end it."""
    with tempfile.TemporaryDirectory(prefix="idle-") as parent:
        folder = Path(parent) / "life"
        alvh = Path(sys.executable).with_name("alvh")
        # At night the clock is the machine's and nothing is due: that is what idle means.
        command = [alvh, "run", "--profile", "sim", "--real-time", "--out", folder]
        if not web:
            command.append("--no-web")
        began = time.perf_counter()
        daemon = subprocess.Popen(
            list(map(str, command)),
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        first = wait_until(folder, daemon.pid, began, lambda _status: True)
        ready = wait_until(folder, daemon.pid, began, lambda status: not status["starting"])
        time.sleep(SETTLE_S)
        used, at = seconds_of_core(daemon.pid), time.perf_counter()
        time.sleep(seconds)
        share = (seconds_of_core(daemon.pid) - used) / (time.perf_counter() - at)
        told = {
            "first_answer_s": first[0],
            "first_answer_core_s": first[1],
            "ready_s": ready[0],
            "ready_core_s": ready[1],
            "resident_mb": round(megabytes(daemon.pid), 1),
            "core_percent": round(100 * share, 2),
            "open_files": handles(daemon.pid),
        }
        before = time.perf_counter()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)
        return told | {"end_s": round(time.perf_counter() - before, 2)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--web", action="store_true", help="Serve the dashboard as well.")
    given = parser.parse_args()
    subprocess.run([sys.executable, "-c", WARM_UP], env=ENVIRONMENT, check=True)
    print(json.dumps(measure(given.seconds, web=given.web)))
