"""One process per folder and per account: locks that their holder's death releases."""

import fcntl
import json
import os
import socket
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from brokers.local_socket import peer_pid
from market.errors import AlreadyRunning, ConfigError

LOCK_NAME = "instance.lock"
HEX_DIGITS = 32


class AccountLock:
    """Holds an account of a Gateway on this machine for as long as the process lives.

    It is a listening socket of the kernel's own name space: it needs no folder that two starts
    would have to agree on, and the kernel tells who holds it. Two accounts of the same id behind
    two ports are two: one log-in is admitted once, so they are emulators.
    """

    def __init__(self, account: str, port: int, what: str) -> None:
        """Take the lock at once or not at all; `what` is the account as it may be shown.

        Raises:
            AlreadyRunning: another process holds it; the sentence says which.
        """
        digest = sha256(f"{account}:{port}".encode()).hexdigest()[:HEX_DIGITS]
        name = f"\0alvh-account-{digest}"
        self._held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._held.bind(name)
        except OSError:
            self._held.close()
            raise AlreadyRunning(
                f"{what} on port {port} is already traded by {_listener(name)}; stop that first."
            ) from None
        self._held.listen(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go; a second time does nothing."""
        self._held.close()


def _listener(name: str) -> str:
    """Return which process listens under a name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(name)
        except OSError:
            return "another process"
        return f"process {peer_pid(probe)}"


class InstanceLock:
    """Holds a file for as long as the process lives; the file says who holds it.

    The kernel lets go of it when the process ends, however it ends; the file itself stays.
    """

    def __init__(self, path: Path, what: str, at: datetime) -> None:
        """Take the lock for `what`, such as "profile sim in runs/sim", at once or not at all.

        Raises:
            AlreadyRunning: another process holds it; the sentence says which.
            ConfigError: the file cannot be made.
        """
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ConfigError(f"lock {path} cannot be made ({reason}); name another.") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = _holder(self._file)
            os.close(self._file)
            raise AlreadyRunning(f"{what} is already run by {holder}; stop that first.") from None
        self._write({"pid": os.getpid(), "what": what, "since": f"{at:%Y-%m-%d %H:%M:%S} UTC"})

    def _write(self, facts: dict[str, object]) -> None:
        # A full disk must not keep the daemon from starting: the lock holds without its label.
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(facts).encode(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Let go; a second time does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _holder(file: int) -> str:
    try:
        facts = json.loads(os.pread(file, 4096, 0))
        return f"process {facts['pid']} since {facts['since']}"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"
