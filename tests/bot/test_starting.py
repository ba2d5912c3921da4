"""A daemon that is still starting: it answers already, and nobody else starts beside it."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.control_socket import ControlSocket, ask_daemon
from bot.instance import AccountLock
from bot.starting import SOCKET_NAME, StartingSocket
from market.errors import AlreadyRunning

ALVH = Path(sys.executable).with_name("alvh")
ACCOUNT = "DU7654321"
LONGEST_S = 60.0


class Serving:
    """A daemon whose start is over."""

    async def halt(self, reason: str) -> str:
        return "Halted."

    async def resume(self, reason: str) -> str:
        return "Resumed."

    async def flatten(self, reason: str, *, with_hedge: bool) -> str:
        return "Flat."

    async def overview(self) -> Mapping[str, Any]:
        return {}

    def status(self) -> Mapping[str, Any]:
        return {"starting": None}


def asked(folder: Path, verb: str) -> Mapping[str, Any]:
    answer = ask_daemon(folder, {"verb": verb})
    assert answer is not None
    return answer


def test_a_start_says_how_far_it_is_and_does_nothing_else(tmp_path: Path) -> None:
    with StartingSocket(tmp_path, "sim") as starting:
        first = asked(tmp_path, "status")["status"]["starting"]
        starting.say("reading the journal")
        second = asked(tmp_path, "status")["status"]["starting"]
        halt = asked(tmp_path, "halt")

    assert (first, second) == ("loading", "reading the journal")
    assert halt == {
        "ok": False,
        "sentence": "the daemon is still starting (reading the journal); ask again in a moment.",
    }
    assert not (tmp_path / SOCKET_NAME).exists()


@pytest.mark.parametrize("line", [b"", b"\n", b"[]\n", b"{" * 5000, b"\xff\n", b"[" * 4000 + b"\n"])
def test_hostile_lines_do_not_stop_a_start_from_answering(tmp_path: Path, line: bytes) -> None:
    with StartingSocket(tmp_path, "sim"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hostile:
            hostile.connect(str(tmp_path / SOCKET_NAME))
            hostile.sendall(line)
            hostile.shutdown(socket.SHUT_WR)
            hostile.settimeout(LONGEST_S)
            hostile.recv(1 << 16)

        assert asked(tmp_path, "status")["ok"]


async def test_the_daemon_takes_the_same_socket_over(tmp_path: Path) -> None:
    with StartingSocket(tmp_path, "sim") as starting:
        before = (tmp_path / SOCKET_NAME).stat().st_ino
        async with ControlSocket(tmp_path, Serving(), starting.take_over()):
            after = (tmp_path / SOCKET_NAME).stat().st_ino
            told = await asyncio.to_thread(asked, tmp_path, "status")

    assert told == {"ok": True, "status": {"starting": None}}
    assert before == after


HOLDS_ACCOUNT = """
import sys
from bot.instance import AccountLock
lock = AccountLock(sys.argv[1], int(sys.argv[2]), "account DU…21")
print("held", flush=True)
sys.stdin.read()
"""


def test_an_account_is_held_by_one_process_until_its_death(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_ACCOUNT, ACCOUNT, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        with pytest.raises(
            AlreadyRunning,
            match=f"^account DU…21 on port {port} is already traded by process {holder.pid};",
        ):
            AccountLock(ACCOUNT, port, "account DU…21")
        AccountLock("DU7654322", port, "another account").release()

        holder.send_signal(signal.SIGKILL)
        holder.wait()
        AccountLock(ACCOUNT, port, "account DU…21").release()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def silent_gateway() -> Iterator[int]:
    """Listen as a Gateway does that hangs: connections are taken, nothing is ever said."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def paper(port: int, folder: Path) -> "subprocess.Popen[str]":
    words = ["run", "--profile", "paper", "--no-web", "--out", str(folder)]
    settings = [f"--set=ib.port={port}", f"--set=ib.account={ACCOUNT}"]
    return subprocess.Popen(
        [ALVH, *words, *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_start(folder: Path, phase: str) -> Mapping[str, Any]:
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        answer = ask_daemon(folder, {"verb": "status"})
        if answer is not None and answer["status"]["starting"] == phase:
            return dict(answer["status"])
        threading.Event().wait(0.05)
    raise AssertionError(f"no start in {folder} came to {phase!r}")


# A start mostly imports, and an import may swallow what a signal raises.
@pytest.mark.parametrize("steps", range(3))
def test_a_start_ends_by_sigterm_wherever_it_stands(tmp_path: Path, steps: int) -> None:
    with subprocess.Popen(
        [ALVH, "run", "--profile", "sim", "--no-web", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as daemon:
        wait_for_socket(tmp_path)
        for _ in range(steps):
            asked(tmp_path, "status")
        daemon.send_signal(signal.SIGTERM)
        _, last_words = daemon.communicate(timeout=LONGEST_S)

    assert (daemon.returncode, last_words) == (0, "")
    assert not (tmp_path / SOCKET_NAME).exists()


def wait_for_socket(folder: Path) -> None:
    until = time.monotonic() + LONGEST_S
    while not (folder / SOCKET_NAME).exists() and time.monotonic() < until:
        threading.Event().wait(0.01)


def test_a_daemon_before_a_hanging_gateway_answers_and_ends_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with silent_gateway() as port, paper(port, first) as daemon:
        told = wait_for_start(first, "connecting to the broker")
        status = subprocess.run(
            [ALVH, "status", "--out", str(first)], capture_output=True, text=True, check=False
        )
        with paper(port, second) as other:
            _, complaint = other.communicate(timeout=LONGEST_S)
        daemon.send_signal(signal.SIGTERM)
        _, last_words = daemon.communicate(timeout=LONGEST_S)

    assert (told["profile"], told["pid"]) == ("paper", daemon.pid)
    assert f"starts as process {daemon.pid}: connecting to the broker" in status.stdout
    assert other.returncode == 2
    assert complaint == (
        f"alvh: account DU…21 on port {port} is already traded by process {daemon.pid};"
        " stop that first.\n"
    )
    assert not second.exists()
    assert (daemon.returncode, last_words) == (0, "")
    assert not (first / SOCKET_NAME).exists()
