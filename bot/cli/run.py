"""`alvh run`: the bot itself, over history or on a synthetic live market."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from math import isfinite
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.live import Live

from bot.bootstrap import Rig
from bot.cli.ending import finish, new_folder
from bot.cli.live import LiveOptions, simulate
from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    read_settings,
    settings_options,
)
from bot.log import RunLog, open_log
from bot.replay import replay_rig, walk, window
from bot.screen import Screen
from bot.settings import Settings
from bot.web.options import WebSettings
from bot.world import historical_world
from market.errors import ConfigError
from market.schedule import Moment

DEFAULT_PACE_S = 20.0
REPLAY_TITLE = "simulated on recorded SPX and VIX; option prices are modelled"
SIM_TITLE = "a synthetic market: no price here ever existed"
START_BEFORE_OPEN = timedelta(seconds=5)
LINES_WITHOUT_TERMINAL = 20


@click.command("run")
@click.option(
    "--profile",
    type=click.Choice(("replay", "sim", "paper", "shadow")),
    default="replay",
    show_default=True,
    help="replay: recorded history; sim: a synthetic live market on the machine's clock; paper: an"
    " Interactive Brokers paper account; shadow: its quotes, the simulated exchange.",
)
@click.option("--from", "first", type=DATE, default="2018-01-02", show_default=True)
@click.option("--to", "last", type=DATE, default="2018-03-29", show_default=True)
@click.option(
    "--pace",
    type=click.FloatRange(0, 86_400),
    default=DEFAULT_PACE_S,
    show_default=True,
    help="Seconds that the whole replay takes; 0 is full speed.",
)
@click.option(
    "--real-time",
    is_flag=True,
    help="sim: keep the machine's clock even when the market is closed.",
)
@click.option(
    "--web-port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Port of the dashboard instead of 8642; if it is taken, the next free one is said.",
)
@click.option("--no-web", is_flag=True, help="Serve no dashboard.")
@click.option(
    "--exchange",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="sim: socket of a running `alvh exchange`, instead of an exchange in here.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for journal, log, summary and picture; by default a new one under ./runs. A daemon"
    " goes on with the journal that it finds there.",
)
@settings_options
@history_options
@json_option
def command(
    profile: str,
    first: date,
    last: date,
    pace: float,
    real_time: bool,
    web_port: int | None,
    no_web: bool,
    exchange: Path | None,
    out: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Run the bot with a live view, never with real money.

    The replay takes the default quarter of 2018, with the shock of 5 February, through the same
    engine that runs live, and ends with a summary and a picture. The profile sim goes on until
    Ctrl-C.

    \b
    Examples:
      alvh run
      alvh run --pace 0 --from 2014-01-03 --to 2018-12-31
      alvh run --profile sim
      alvh run --profile sim --out runs/sim
      alvh run --profile sim --exchange exchange.sock --out runs/sim
      alvh run --profile paper --config paper.toml --out runs/paper
    """
    settings = read_settings(preset, config, overrides)
    refuse_foreign_options(profile)
    if not isfinite(pace):
        raise ConfigError(f"--pace {pace} is no number of seconds; give one such as 20, or 0.")
    if profile == "replay":
        _replay(settings, first, last, pace, out, data, seed, as_json=as_json)
        return
    web = None if no_web else web_settings(settings, web_port)
    options = LiveOptions(out, seed, web, exchange, real_time, as_json)
    if profile == "sim":
        simulate(settings, options)
    else:
        from bot.cli.paper import trade  # noqa: PLC0415 - the adapter is loaded only when used

        trade(settings, options, profile)


OF_A_REPLAY = ("first", "last", "pace", "data")
OF_A_SIMULATION = ("real_time", "exchange")
FOREIGN = {
    "sim": OF_A_REPLAY,
    "paper": (*OF_A_REPLAY, *OF_A_SIMULATION),
    "shadow": (*OF_A_REPLAY, *OF_A_SIMULATION),
    "replay": ("real_time", "web_port", "no_web", "exchange"),
}


def refuse_foreign_options(profile: str) -> None:
    """Refuse options that the profile would ignore.

    Raises:
        ConfigError: such an option was given.
    """
    context = click.get_current_context()
    for name in FOREIGN[profile]:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            parameter = next(each for each in context.command.params if each.name == name)
            other = "replay" if name in OF_A_REPLAY else "sim"
            raise ConfigError(
                f"{parameter.opts[0]} goes with --profile {other} only; leave it out."
            )


def _replay(
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


def web_settings(settings: Settings, port: int | None) -> WebSettings:
    """Return where the dashboard listens, the option before the settings."""
    web = settings.web
    return web if port is None else web.model_copy(update={"port": port})
