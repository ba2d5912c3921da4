"""`alvh run --profile replay`: recorded history through the engine, with a live view."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.live import Live

from bot.bootstrap import Rig
from bot.cli.ending import finish
from bot.cli.folders import new_folder
from bot.log import RunLog, open_log
from bot.replay import replay_rig, walk, window
from bot.screen import Screen
from bot.settings import Settings
from bot.world import historical_world
from market.schedule import Moment

REPLAY_TITLE = "simulated on recorded SPX and VIX; option prices are modelled"
LINES_WITHOUT_TERMINAL = 20


def replay(
    settings: Settings,
    first: date,
    last: date,
    pace: float,
    out: Path | None,
    data: Path | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Replay history with a live view, and end with a summary and a picture."""
    world = historical_world(settings, data, seed)
    span = window(world, first, last)
    sessions = world.calendar.between(span.first, span.last)
    folder = new_folder(settings, out, f"replay-{span.first}-{span.last}")
    rig = replay_rig(settings, world, span, seed, folder / "journal.db")
    console = Console(stderr=as_json)
    screen = Screen(rig, len(sessions))
    with open_log(folder) as file:
        rig.engine.listen(RunLog(file, profile="replay").watch)
        with _live(console, screen) as refresh:

            async def after(day: date) -> None:
                screen.advance()
                screen.state.next_moment = _first_moment_after(rig, day)
                refresh(day)
                await asyncio.sleep(pace / len(sessions))

            try:
                asyncio.run(walk(rig, sessions, after))
            except KeyboardInterrupt:
                console.print("Stopped before the end; what follows covers the sessions so far.")
            finally:
                rig.journal.close()
    finish(rig, console, folder, REPLAY_TITLE, "replay", as_json=as_json)


def _first_moment_after(rig: Rig, day: date) -> Moment:
    return rig.moments(rig.world.calendar.next(day))[0]


@contextmanager
def _live(console: Console, screen: Screen) -> Iterator["_Refresh"]:
    """Show the screen on a terminal; elsewhere print a line now and then."""
    if not console.is_terminal:
        yield _Lines(console, screen)
        return
    # Repainted by hand: a thread of its own would read the book while it changes.
    with Live(screen, console=console, auto_refresh=False) as live:
        yield _Repaint(live)


class _Refresh:
    """What a session's end does to the screen."""

    def __call__(self, day: date) -> None:
        """Show the state after a session."""


class _Repaint(_Refresh):
    def __init__(self, live: Live) -> None:
        self._live = live

    def __call__(self, _day: date) -> None:
        self._live.refresh()


class _Lines(_Refresh):
    def __init__(self, console: Console, screen: Screen) -> None:
        self._console = console
        self._screen = screen
        self._count = 0

    def __call__(self, day: date) -> None:
        self._count += 1
        equity = self._screen.state.equity
        if self._count % LINES_WITHOUT_TERMINAL == 0 and equity is not None:
            self._console.print(
                f"{day}  SPX {equity.spx:,.2f}  VIX {equity.vix:.2f}  "
                f"NLV {equity.nlv_usd:,.0f} with hedge, {equity.unhedged_nlv_usd:,.0f} without"
            )
