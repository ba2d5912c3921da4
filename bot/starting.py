"""The socket of a daemon that is still starting: it says so, from the first tenths of a second on.

What makes a daemon heavy is loaded after this socket listens. A thread answers meanwhile; then the
daemon takes the listening socket over, so that nobody who asks ever finds it closed.
"""

import json
import os
import select
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from brokers.local_socket import listen_on, peer_uid

SOCKET_NAME = "control.sock"
PATIENCE_S = 0.5
LONGEST_DEMAND = 4096
BACKLOG = 16


class StartingSocket:
    """Listens in a daemon's folder until the daemon takes over, or the block around it ends.

    Raises:
        ConfigError: the socket cannot be made there.
    """

    def __init__(self, folder: Path, profile: str) -> None:
        self._path = folder / SOCKET_NAME
        self._profile = profile
        self._phase = "loading"
        self._listening = listen_on(self._path)
        self._listening.listen(BACKLOG)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="starting", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.take_over().close()
        self._path.unlink(missing_ok=True)

    def say(self, phase: str) -> None:
        """Say from now on what the start is at, such as "connecting to the broker"."""
        self._phase = phase

    def take_over(self) -> socket.socket:
        """Answer no more; return the listening socket, on which those who come now wait."""
        with suppress(OSError):
            self._wake.send(b".")
        self._thread.join()
        self._wake.close()
        self._woken.close()
        return self._listening

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._listening, self._woken], [], [])
            if self._woken in ready:
                return
            # Whoever hangs up or stays silent is left alone.
            with suppress(OSError):
                line, _ = self._listening.accept()
                with line:
                    line.settimeout(PATIENCE_S)
                    self._speak(line)

    def _speak(self, line: socket.socket) -> None:
        if peer_uid(line) in (os.getuid(), None):
            answer = self.answer(_demand_of(line))
            line.sendall(json.dumps(answer).encode() + b"\n")

    def answer(self, demand: bytes) -> Mapping[str, Any]:
        """Return the answer to a line: where the start stands, and no to all else."""
        if _verb_of(demand) == "status":
            return {"ok": True, "status": self._status()}
        return {
            "ok": False,
            "sentence": f"the daemon is still starting ({self._phase}); ask again in a moment.",
        }

    def _status(self) -> Mapping[str, Any]:
        return {
            "profile": self._profile,
            "pid": os.getpid(),
            "connection": "starting",
            "starting": self._phase,
        }


def _demand_of(line: socket.socket) -> bytes:
    demand = b""
    while not demand.endswith(b"\n") and len(demand) < LONGEST_DEMAND:
        piece = line.recv(LONGEST_DEMAND)
        if not piece:
            break
        demand += piece
    return demand


def _verb_of(demand: bytes) -> object:
    try:
        told = json.loads(demand)
    except (ValueError, RecursionError):
        return None
    return told.get("verb") if isinstance(told, dict) else None
