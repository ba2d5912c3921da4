"""`alvh run`: the bot itself, over history or on a synthetic live market."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from rich.console import Console
from rich.live import Live

from bot.bootstrap import Rig, RunIdentity, build_simulated
from bot.cli.backtest import as_text
from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    print_json,
    read_settings,
    settings_options,
)
from bot.clock import SystemClock
from bot.daemon import Daemon
from bot.log import RunLog, open_log
from bot.notify import Notifier, notifier_of
from bot.picture import draw
from bot.replay import replay_rig, walk, window
from bot.screen import Screen
from bot.settings import Settings
from bot.web.options import WebSettings
from bot.world import World, historical_world, synthetic_world
from market.errors import ConfigError
from market.schedule import Moment
from market.sessions import SessionCalendar, exchange_zone

if TYPE_CHECKING:
    from bot.web.dashboard import Dashboard

DEFAULT_PACE_S = 20.0
REPLAY_TITLE = "simulated on recorded SPX and VIX; option prices are modelled"
SIM_TITLE = "a synthetic market: no price here ever existed"
START_BEFORE_OPEN = timedelta(seconds=5)
LINES_WITHOUT_TERMINAL = 20


@click.command("run")
@click.option(
    "--profile",
    type=click.Choice(("replay", "sim")),
    default="replay",
    show_default=True,
    help="replay: recorded history; sim: a synthetic live market on the machine's clock.",
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
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for journal, log, summary and picture; by default a new one under ./runs.",
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
    out: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Run the bot with a live view; no account, no network, no real money.

    The replay takes the default quarter of 2018, with the shock of 5 February, through the same
    engine that runs live, and ends with a summary and a picture. The profile sim goes on until
    Ctrl-C.

    \b
    Examples:
      alvh run
      alvh run --pace 0 --from 2014-01-03 --to 2018-12-31
      alvh run --profile sim
    """
    settings = read_settings(preset, config, overrides)
    refuse_foreign_options(profile)
    if not isfinite(pace):
        raise ConfigError(f"--pace {pace} is no number of seconds; give one such as 20, or 0.")
    if profile == "replay":
        _replay(settings, first, last, pace, out, data, seed, as_json=as_json)
    else:
        web = None if no_web else web_settings(settings, web_port)
        _simulate(settings, out, seed, web, real_time=real_time, as_json=as_json)


FOREIGN = {
    "sim": ("first", "last", "pace", "data"),
    "replay": ("real_time", "web_port", "no_web"),
}


def refuse_foreign_options(profile: str) -> None:
    """Refuse options that the profile would ignore.

    Raises:
        ConfigError: such an option was given.
    """
    context = click.get_current_context()
    other = "replay" if profile == "sim" else "sim"
    for name in FOREIGN[profile]:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            parameter = next(each for each in context.command.params if each.name == name)
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
    _finish(rig, console, folder, REPLAY_TITLE, as_json=as_json)


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


def _finish(rig: Rig, console: Console, folder: Path, subtitle: str, *, as_json: bool) -> None:
    points = rig.summary.points
    if not points:
        console.print(f"No session was completed. Journal and log: {folder}")
        return
    result = rig.result() | {
        "from": points[0].session.isoformat(),
        "to": points[-1].session.isoformat(),
        "seed": rig.world.seed,
        "simulated": True,
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


def start_offset(
    calendar: SessionCalendar, now: datetime, *, real_time: bool
) -> tuple[timedelta, str]:
    """Return how far the clock of a synthetic market runs ahead, and the sentence that says so."""
    today = calendar.on_or_after(now.date())
    session = calendar.session(today)
    if real_time or session.open_at <= now <= session.option_close_at:
        return timedelta(0), "The clock is the machine's."
    if now > session.option_close_at:
        session = calendar.session(calendar.next(today))
    local = session.open_at.astimezone(exchange_zone())
    offset = session.open_at - START_BEFORE_OPEN - now
    return offset, (
        f"The market is closed: the clock is set ahead to the next open, {local:%a %d %b %H:%M} ET "
        "(--real-time waits for it instead)."
    )


def web_settings(settings: Settings, port: int | None) -> WebSettings:
    """Return where the dashboard listens, the option before the settings."""
    web = settings.web
    return web if port is None else web.model_copy(update={"port": port})


def _simulate(
    settings: Settings,
    out: Path | None,
    seed: int,
    web: WebSettings | None,
    *,
    real_time: bool,
    as_json: bool,
) -> None:
    console = Console(stderr=as_json)
    now = SystemClock().now()
    world = synthetic_world(settings, now.astimezone(exchange_zone()).date(), seed)
    offset, sentence = start_offset(world.calendar, now, real_time=real_time)
    clock = SystemClock(offset)
    folder = new_folder(settings, out, "sim")
    today = _session_on(world, clock.now())
    identity = RunIdentity("sim", "S", seed, clock.now(), today, today)
    if web is not None and settings.journal.url:
        raise ConfigError(
            "the page reads a journal in a file; leave journal.url empty or switch the page off"
            " (--no-web)."
        )
    kept = settings.journal.url or folder / "journal.db"
    rig = build_simulated(settings, world, clock, identity, kept, durable=True)
    rig.journal.commit()
    from bot.web.dashboard import Dashboard  # noqa: PLC0415 - the web is loaded only when served

    dashboard = None if web is None else Dashboard(rig, web, folder / "journal.db", console.print)
    console.print(f"Synthetic market, seed {seed}. {sentence} Ctrl-C ends the run.")
    screen = Screen(rig, None)
    with open_log(folder) as file:
        log = RunLog(file, profile="sim")
        rig.engine.listen(log.watch)
        for warning in world.macro.warnings(clock.now().date()):
            log.warning("macro_calendar_ends", sentence=warning)
            console.print(f"WARNING: {warning}", style="yellow")
        notifier = notifier_of(settings.notify, clock.now, log)
        asyncio.run(_serve(rig, clock, log, console, screen, dashboard, notifier))
    _finish(rig, console, folder, SIM_TITLE, as_json=as_json)


async def _serve(
    rig: Rig,
    clock: SystemClock,
    log: RunLog,
    console: Console,
    screen: Screen,
    dashboard: "Dashboard | None",
    notifier: Notifier | None,
) -> None:
    live = Live(screen, console=console, auto_refresh=False)

    def on_change(following: Moment | None) -> None:
        state, now = screen.state, clock.now()
        levels = rig.world.market.levels(now)
        state.next_moment, state.at, state.session = following, now, _session_on(rig.world, now)
        state.spx, state.vix = levels.spx, levels.vix
        if dashboard is not None:
            dashboard.beat()
        if console.is_terminal:
            live.refresh()

    daemon = Daemon(rig, clock, log, on_change)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop_or_force, daemon, loop)
    async with AsyncExitStack() as around:
        if notifier is not None:
            notifier.start()
            around.push_async_callback(notifier.stop)
            rig.engine.listen(notifier.hear)
        if dashboard is not None:
            await around.enter_async_context(dashboard.serving())
        if console.is_terminal:
            around.enter_context(live)
        await daemon.serve()


def _session_on(world: World, at: datetime) -> date:
    return world.calendar.on_or_after(at.astimezone(exchange_zone()).date())


def _stop_or_force(daemon: Daemon, loop: asyncio.AbstractEventLoop) -> None:
    """First signal: end in order. Second: the default, which ends at once."""
    daemon.stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
