"""A person's terminals, as a page of the documentation uses them: commands that end, and commands
that are left running until Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bot.control_socket import ask_daemon

ROOT = Path(__file__).parents[2]
ALVH = Path(sys.executable).parent / "alvh"
LIMIT_S = 240.0
LOOK_EVERY_S = 0.1
# Ports that the pages name; each scene has its own in their place.
PORTS = ("4002", "4003", "8642", "8643", "8786")
ASSIGNMENT = re.compile(r"^(?:[A-Z_]+=\S+ )+")


class Failed(AssertionError):
    """A command did not do what the page says."""


def flat(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def shows(text: str, expected: list[str]) -> bool:
    """Tell whether a text shows the expected lines in order; … stands for anything."""
    parts = [
        ".*?".join(re.escape(part.strip()) for part in flat(line).split("…")) for line in expected
    ]
    return re.search(".*?".join(parts), flat(text)) is not None


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@dataclass
class Running:
    """A command that was left running."""

    line: str
    process: "subprocess.Popen[bytes]"
    log: Path


@dataclass
class Shell:
    """Terminals in one folder."""

    folder: Path
    ports: dict[str, str] = field(default_factory=lambda: {p: str(free_port()) for p in PORTS})
    _running: list[Running] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment in which commands run."""
        own = {"PATH": f"{ALVH.parent}:{os.environ['PATH']}"}
        ports = {"ALVH_IB__PORT": self.ports["4002"], "ALVH_WEB__PORT": self.ports["8642"]}
        return os.environ | own | ports

    def here(self, text: str) -> str:
        """Return a text of a page with the ports of this scene."""
        for known, mine in self.ports.items():
            text = re.sub(rf"\b{known}\b", mine, text)
        return text

    def run(self, line: str, expected: list[str]) -> str:
        """Run a command to its end; return what it wrote.

        Raises:
            Failed: it fails, or writes something else than what is expected.
        """
        done = subprocess.run(
            self.here(line),
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"{line}\nended with {done.returncode}: {done.stderr[-2000:]}")
        self._compare(line, done.stdout, expected)
        return done.stdout

    def start(self, line: str, expected: list[str]) -> None:
        """Leave a command running once it has written what is expected.

        Raises:
            Failed: it ends, or writes something else.
        """
        log = self.folder / f"terminal-{len(self._running)}-{time.monotonic_ns()}.txt"
        given = ASSIGNMENT.match(line)
        words = f"exec env {line}" if given else f"exec {line}"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.here(words),
                shell=True,
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(Running(line, process, log))
        until, wanted = time.monotonic() + LIMIT_S, [self.here(each) for each in expected]
        while not shows(log.read_text(), wanted) or not self._serves(line):
            if process.poll() is not None or time.monotonic() > until:
                raise Failed(f"{line}\nwrote {log.read_text()[-2000:]}\nexpected {expected}")
            time.sleep(LOOK_EVERY_S)

    def _serves(self, line: str) -> bool:
        """Tell whether a daemon has come so far that Ctrl-C ends it in order."""
        folder = re.search(r"alvh run .*--out (\S+)", line)
        if folder is None:
            return True
        answer = ask_daemon(self.folder / folder[1], {"verb": "status"})
        return answer is not None and answer["status"].get("starting") is None

    def stop(self, begins: str) -> str:
        """Press Ctrl-C where a command runs; return all that it wrote.

        Raises:
            Failed: none so named runs, or it does not end in order.
        """
        found = [each for each in self._running if begins in each.line]
        if not found:
            raise Failed(f"nothing runs that is named {begins!r}")
        running = found[-1]
        self._running.remove(running)
        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(timeout=LIMIT_S)
        said = running.log.read_text()
        if code != 0:
            raise Failed(f"{running.line}\nended with {code}: {said[-2000:]}")
        return said

    def close(self) -> None:
        """End what still runs, however the scene went."""
        for running in self._running:
            running.process.kill()
            running.process.wait()

    def _compare(self, line: str, said: str, expected: list[str]) -> None:
        wanted = [self.here(each) for each in expected]
        if not shows(said, wanted):
            raise Failed(f"{line}\nwrote {said[-3000:]}\nexpected {wanted}")
