"""Where a run's files lie, and what is shown at its end."""

import json
from itertools import count
from pathlib import Path

from rich.console import Console

from bot.bootstrap import Rig
from bot.cli.backtest import as_text
from bot.cli.options import print_json
from bot.clock import SystemClock
from bot.picture import draw
from bot.settings import Settings
from market.errors import ConfigError

JOURNAL = "journal.db"


def finish(
    rig: Rig, console: Console, folder: Path, subtitle: str, profile: str, *, as_json: bool
) -> None:
    """Print a run's result, and write its summary and picture into its folder."""
    points = rig.summary.points
    if not points:
        console.print(f"No session was completed. Journal and log: {folder}")
        return
    result = rig.result() | {
        "from": points[0].session.isoformat(),
        "to": points[-1].session.isoformat(),
        "seed": rig.world.seed,
        "simulated": rig.is_simulated,
        "profile": profile,
        "series": rig.world.series(points[0].session, points[-1].session),
        "folder": str(folder),
    }
    text = json.dumps(result, indent=2) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")
    title = (
        f"SPX iron condors with and without the VIX-call hedge, {result['from']} … {result['to']}\n"
        f"{subtitle}"
    )
    draw(points, float(rig.summary.start_nlv_usd), title, folder / "equity.png")
    if as_json:
        print_json(result)
        return
    console.print()
    console.print(as_text(result), highlight=False)
    console.print()
    console.print(f"Written to {folder}/: equity.png, summary.json, journal.db, bot.log")


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
OF_A_DAEMON = frozenset({"instance.lock", "bot.log", "control.sock", "HALT", "exchange.db"})
