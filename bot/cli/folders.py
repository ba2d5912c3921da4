"""Where a run's files lie."""

from itertools import count
from pathlib import Path

from bot.clock import SystemClock
from bot.instance import LOCK_NAME
from bot.settings import Settings
from market.errors import ConfigError

JOURNAL = "journal.db"


def new_folder(settings: Settings, out: Path | None, name: str) -> Path:
    """Return a new folder for a run's files.

    Raises:
        ConfigError: it exists already and is not empty, or cannot be made.
    """
    if out is not None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConfigError(f"--out {out} is not an empty folder; name a new one.")
        return _made(out, is_new=False)
    stamp = SystemClock().now().strftime("%Y%m%d-%H%M%S")
    parent = Path(settings.journal.folder)
    for number in count(1):
        folder = parent / (f"{name}-{stamp}" if number == 1 else f"{name}-{stamp}-{number}")
        if not folder.exists():
            return _made(folder, is_new=True)
    raise AssertionError  # count never ends


def _made(folder: Path, *, is_new: bool) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=not is_new)
    except OSError as error:
        raise ConfigError(f"the folder {folder} cannot be made ({error.strerror}).") from None
    return folder


def daemon_folder(settings: Settings, out: Path | None, name: str) -> Path:
    """Return a daemon's folder.

    A folder named with --out is a life: one with a journal goes on, one without begins. Without
    --out every start begins a new one.

    Raises:
        ConfigError: the folder holds something else, or cannot be made.
    """
    if out is None:
        return new_folder(settings, None, name)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is no folder; name another.")
    if out.exists() and not (out / JOURNAL).exists():
        foreign = [item.name for item in out.iterdir() if item.name not in OF_A_DAEMON]
        if foreign:
            raise ConfigError(
                f"--out {out} is not empty and holds no {JOURNAL} to continue; name a new folder."
            )
    return _made(out, is_new=False)


# What a start that failed before its first record may have left.
OF_A_DAEMON = frozenset({LOCK_NAME, "bot.log", "control.sock", "HALT", "exchange.db"})
