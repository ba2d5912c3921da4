"""Faults of a real process, each on its own: what the user sees, and what is not done twice."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from bot.control_socket import ask_daemon

ROOT = Path(__file__).parents[2]
ALVH = Path(sys.executable).with_name("alvh")
SLEEPER = Path(__file__).with_name("sleeper.py")
ASLEEP_S = 4.0  # eight minutes on the sleeper's clock
LONGEST_S = 30.0


def started(*command: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_process_stopped_over_the_entry_does_not_trade_late(tmp_path: Path) -> None:
    with started(sys.executable, SLEEPER, tmp_path) as sleeper:
        assert sleeper.stdout is not None
        assert sleeper.stdout.readline().startswith("serves")
        sleeper.send_signal(signal.SIGSTOP)
        threading.Event().wait(ASLEEP_S)

        sleeper.send_signal(signal.SIGCONT)
        said, _ = sleeper.communicate(timeout=LONGEST_S)

    missed = [line for line in said.splitlines() if line.startswith("missed")]
    assert re.fullmatch(r"missed entry: 0:0[5-9]:\d\d late; its policy skip .*", missed[-1])
    assert said.splitlines()[-1] == "entry MISSED"


def test_sigterm_ends_a_daemon_in_time_and_another_start_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    command = (ALVH, "run", "--profile", "sim", "--no-web", "--out", folder)
    for expected in ("Synthetic market", "Goes on with the run in"):
        with started(*command) as daemon:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().startswith(expected)
            wait_for_line(folder, "up")
            before = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate(timeout=LONGEST_S)
            took_s = time.monotonic() - before

        assert daemon.returncode == 0
        assert took_s < 5.0
    assert not (folder / "control.sock").exists()


def wait_for_socket(path: Path) -> None:
    until = time.monotonic() + LONGEST_S
    while not path.exists() and time.monotonic() < until:
        threading.Event().wait(0.02)


def test_a_config_written_by_half_is_named_with_its_line(tmp_path: Path) -> None:
    half = tmp_path / "half.toml"
    half.write_text("[condor]\nenabled = tr", encoding="utf-8")

    with started(ALVH, "run", "--profile", "sim", "--config", half, "--out", tmp_path / "x") as bot:
        _, complaint = bot.communicate(timeout=LONGEST_S)

    assert bot.returncode == 2
    assert complaint.startswith("alvh: half.toml is no valid TOML:")
    assert "Traceback" not in complaint
    assert not (tmp_path / "x").exists()


def test_a_dead_exchange_is_noticed_by_an_idle_bot_and_taken_up_again(tmp_path: Path) -> None:
    place, folder = tmp_path / "x.sock", tmp_path / "bot"
    exchange = started(ALVH, "exchange", "--socket", place)
    wait_for_socket(place)
    run = (ALVH, "run", "--profile", "sim", "--no-web", "--exchange", place, "--out", folder)
    with started(*run) as bot:
        wait_for_socket(folder / "control.sock")
        wait_for_line(folder, "up")
        exchange.kill()
        exchange.communicate()
        wait_for_line(folder, "down")

        again = started(ALVH, "exchange", "--socket", place)
        wait_for_line(folder, "up")
        again.send_signal(signal.SIGTERM)
        _, complaint = again.communicate(timeout=LONGEST_S)
        bot.send_signal(signal.SIGTERM)
        bot.communicate(timeout=LONGEST_S)

    assert (again.returncode, complaint) == (0, "")
    assert bot.returncode == 0


def wait_for_line(folder: Path, state: str) -> None:
    until = time.monotonic() + LONGEST_S
    seen = None
    while seen != state and time.monotonic() < until:
        answer = ask_daemon(folder, {"verb": "status"}) or {"status": {}}
        seen = answer["status"].get("connection")
        threading.Event().wait(0.1)
    assert seen == state
