"""What a daemon does before anything heavy is loaded: its folder, its locks, its first answer."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bot.cli.folders import daemon_folder
from bot.clock import SystemClock
from bot.instance import LOCK_NAME, AccountLock, InstanceLock
from bot.settings import Settings
from bot.starting import SOCKET_NAME, StartingSocket
from bot.web.options import WebSettings
from brokers.ib.paper_lock import masked, require_paper_settings

PAPER, SHADOW = "paper", "shadow"


@dataclass(frozen=True)
class LiveOptions:
    """What the command line says of a daemon, whatever its profile."""

    out: Path | None
    seed: int
    web: WebSettings | None
    exchange: Path | None = None
    real_time: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class Front:
    """A daemon's folder, locked for it, and the socket that says that it starts."""

    folder: Path
    starting: StartingSocket


@contextmanager
def begin(settings: Settings, options: LiveOptions, profile: str) -> Iterator[Front]:
    """Yield the folder of a daemon, for which nobody else runs meanwhile.

    Raises:
        NotPaper: the settings break the paper lock.
        AlreadyRunning: another process runs in that folder, or on that account.
    """
    if profile in (PAPER, SHADOW):
        require_paper_settings(settings.ib.account, settings.ib.port)
    now = SystemClock().now()
    with ExitStack() as held:
        if profile == PAPER:
            held.enter_context(account_lock(settings))
        folder = daemon_folder(settings, options.out, profile)
        held.enter_context(InstanceLock(folder / LOCK_NAME, f"profile {profile} in {folder}", now))
        held.enter_context(_leaving_at_once(folder))
        yield Front(folder, held.enter_context(StartingSocket(folder, profile)))


def account_lock(settings: Settings) -> AccountLock:
    """Return the lock of the account that the settings name, taken.

    Raises:
        AlreadyRunning: another process trades it.
    """
    keys = settings.ib
    return AccountLock(keys.account, keys.port, f"account {masked(keys.account)}")


@contextmanager
def _leaving_at_once(folder: Path) -> Iterator[None]:
    """Let SIGTERM end a start; once the daemon serves it hears the signal itself.

    An exception would be lost where the interpreter may not raise, as it may not while modules are
    imported; and a start leaves nothing behind but its socket: what it has is the kernel's to free.
    """

    def leave(_number: int, _frame: FrameType | None) -> None:
        (folder / SOCKET_NAME).unlink(missing_ok=True)
        os._exit(0)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may listen to signals
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
