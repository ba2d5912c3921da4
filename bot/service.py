"""What a service manager is told: ready, alive, stopping (systemd's sd_notify protocol).

A few lines of our own: one datagram to the socket that the manager names; without one, silence.
"""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

MICROSECONDS = 1_000_000


class ServiceManager:
    """Speaks to whoever started the daemon; `passed_s` is a clock that only ever goes on."""

    def __init__(self, environ: Mapping[str, str], passed_s: Callable[[], float]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._passed_s = passed_s
        self._every_s = _watchdog_s(environ) / 2
        self._next_s = 0.0

    def ready(self, sentence: str) -> None:
        """Say that the daemon serves."""
        self._send(f"READY=1\nSTATUS={sentence}")

    def stopping(self) -> None:
        """Say that the daemon ends in order."""
        self._send("STOPPING=1")

    async def beat(self) -> None:
        """Say that the loop turns, twice in each time that the manager allows."""
        now = self._passed_s()
        if self._every_s and now >= self._next_s:
            self._next_s = now + self._every_s
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # A leading @ names a socket without a file; the kernel wants a zero byte there.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line, suppress(OSError):
            line.connect(address)
            line.sendall(text.encode())


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Return within how many seconds the manager wants to hear from us, 0 for never."""
    text, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text.isdigit() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(text) / MICROSECONDS
