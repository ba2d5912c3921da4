"""The daemon from the command line: what every profile on the machine's clock shares."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live

from bot.bootstrap import Rig, RunIdentity, build_simulated, build_venue
from bot.cli.ending import finish
from bot.cli.exchange import market_facts
from bot.cli.folders import JOURNAL
from bot.cli.front import Front, LiveOptions
from bot.clock import Clock, SystemClock
from bot.control import Controls
from bot.control_socket import ControlSocket
from bot.daemon import TRY_AGAIN_S, Daemon
from bot.deadman import DeadMan
from bot.log import RunLog, open_log
from bot.notify import Notifier, notifier_of
from bot.screen import Screen
from bot.service import ServiceManager
from bot.settings import Settings
from bot.starting import StartingSocket
from bot.timetable import SystemTimetable, Timetable
from bot.web.options import WebSettings
from bot.world import World, synthetic_world
from brokers.base import TimedBroker
from brokers.sim.client import ExchangeClient
from brokers.sim.store import ExchangeStore
from market import normal
from market.errors import InvariantBroken
from market.quotes import IndexLevels
from market.schedule import Moment
from market.sessions import SessionCalendar, exchange_zone

if TYPE_CHECKING:
    from bot.web.dashboard import Dashboard
    from bot.web.desk import Look
    from bot.web.watching import Window
    from brokers.ib.feed import IbFeed

SIM_TITLE = "a synthetic market: no price here ever existed"
START_BEFORE_OPEN = timedelta(seconds=5)
# The loop stands while it waits; a longer absence is mended by asking again.
LIVE_PATIENCE_S = 0.2
EXCHANGE_STORE = "exchange.db"
LOADS_WITH_PULSE = 2


@dataclass(frozen=True)
class LiveRun:
    """One wired daemon: a rig of any profile on the machine's clock, and where it lives."""

    rig: Rig
    clock: Clock
    folder: Path
    profile: str
    console: Console
    web: WebSettings | None
    timetable: Timetable | None = None
    levels: Callable[[datetime], IndexLevels | None] | None = None
    try_again_s: float = TRY_AGAIN_S
    feed: "IbFeed | None" = None
    starting: StartingSocket | None = None


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


def simulate(settings: Settings, options: LiveOptions, front: Front) -> None:
    """Run the profile sim: a synthetic market, a simulated exchange in here or in a process.

    Raises:
        BrokerUnavailable: the exchange's process cannot be reached.
    """
    console, folder = Console(stderr=options.as_json), front.folder
    journal = settings.journal.url or folder / JOURNAL
    today = SystemClock().now().astimezone(exchange_zone()).date()
    front.starting.say("reading the journal")
    last_at = last_at_of(journal)
    world = synthetic_world(settings, today, options.seed)
    clock, sentence = _clock(world, last_at, options)
    with _venue(settings, world, clock, folder, options) as broker:
        rig = _rig(settings, world, clock, broker, journal, last_at is not None, options)
        run = LiveRun(rig, clock, folder, "sim", console, options.web, starting=front.starting)
        verb = f"Goes on with the run in {folder}. " if last_at is not None else ""
        console.print(
            f"{verb}Synthetic market, seed {options.seed}. {sentence} Ctrl-C ends the run."
        )
        is_quiet = serve(run)
    if not is_quiet:
        finish(run.rig, console, folder, SIM_TITLE, "sim", as_json=options.as_json)


def _rig(
    settings: Settings,
    world: World,
    clock: SystemClock,
    broker: TimedBroker,
    journal: Path | str,
    continues: bool,
    options: LiveOptions,
) -> Rig:
    today = session_on(world, clock.now())
    identity = RunIdentity("sim", "S", options.seed, clock.now(), today, today)
    return build_simulated(
        settings,
        world,
        clock,
        identity,
        journal,
        durable=True,
        continues=continues,
        broker=broker,
    )


def _clock(world: World, last_at: datetime | None, options: LiveOptions) -> tuple[SystemClock, str]:
    """Return the clock of a synthetic market; one that goes on never starts before its end."""
    now = SystemClock().now()
    offset, sentence = start_offset(world.calendar, now, real_time=options.real_time)
    if last_at is not None and last_at > now + offset:
        offset = last_at - now
        sentence = f"The clock goes on where the run stood, {last_at:%Y-%m-%d %H:%M:%S} UTC."
    return SystemClock(offset), sentence


def last_at_of(journal: Path | str) -> datetime | None:
    """Return when the last record of a journal happened; None where a run is to begin."""
    from bot.journal.reader import last_record_at  # noqa: PLC0415 - SQL is loaded only when used

    return last_record_at(journal)


@contextmanager
def _venue(
    settings: Settings, world: World, clock: SystemClock, folder: Path, options: LiveOptions
) -> Iterator[TimedBroker]:
    """Yield the exchange: in a process of its own, or in here with a file in the run's folder."""
    facts = market_facts(settings, "synthetic", options.seed)
    if options.exchange is not None:
        yield ExchangeClient(options.exchange, clock.now, facts, patience_s=LIVE_PATIENCE_S)
        return
    with ExchangeStore(folder / EXCHANGE_STORE) as store:
        store.bind(facts)
        yield build_venue(settings, world, clock, options.seed, store)


def serve(run: LiveRun) -> bool:
    """Run a daemon until a signal ends it; return whether it was told to go without a show."""
    return asyncio.run(serve_here(run))


async def serve_here(run: LiveRun) -> bool:
    """Run a daemon in the running loop until a signal ends it."""
    rig, clock = run.rig, run.clock
    screen = Screen(rig, None)
    with open_log(run.folder) as file:
        log = RunLog(file, profile=run.profile)
        rig.engine.listen(log.watch)
        for warning in rig.world.macro.warnings(clock.now().date()):
            log.warning("macro_calendar_ends", sentence=warning)
            run.console.print(f"WARNING: {warning}", style="yellow")
        return await _Serving(run, log, screen).serve()


class _Serving:
    """The daemon with all that stands around it: socket, page, notices, manager, screen."""

    def __init__(self, run: LiveRun, log: RunLog, screen: Screen) -> None:
        self._run, self._log, self._screen = run, log, screen
        self._live = Live(screen, console=run.console, auto_refresh=False)
        rig, daemon = run.rig, run.rig.settings.daemon
        self._manager = ServiceManager(os.environ, monotonic)
        self._dead_man = DeadMan(
            rig.world.calendar,
            run.clock.now,
            rig.vitals,
            log,
            url=daemon.deadman_url,
            file=daemon.deadman_file,
        )
        timetable = run.timetable or self._system_timetable()
        beats = (self._manager.beat, self._dead_man.beat, self._obey_file, self._load_rest)
        self._daemon = Daemon(
            rig, timetable, log, self._on_change, beats, try_again_s=run.try_again_s
        )
        self._controls = Controls(self._daemon, run.folder, run.profile, self._told)
        self._dashboard = self._page()
        self._window: Window | None = None
        self._signal: int | None = None
        self._pulses = 0

    def _system_timetable(self) -> Timetable:
        clock = self._run.clock
        if not isinstance(clock, SystemClock):
            raise InvariantBroken("a clock that is not the machine's needs its own timetable")
        return SystemTimetable(clock, self._on_jump)

    def _page(self) -> "Dashboard | None":
        run = self._run
        if run.web is None:
            return None
        from bot.web.dashboard import Dashboard  # noqa: PLC0415 - only when served

        say = run.console.print
        return Dashboard(run.rig, run.web, self._journal(), say, self._controls, self._look())

    def _look(self) -> "Look":
        """Return how the market is looked at: what is modelled never as a broker's quotes."""
        from bot.web.dashboard import broker_look, model_look  # noqa: PLC0415 - only when used

        run = self._run
        return model_look(run.rig) if run.feed is None else broker_look(run.feed)

    def _journal(self) -> Path | str:
        return self._run.rig.settings.journal.url or self._run.folder / JOURNAL

    def _notifier(self) -> Notifier | None:
        rig = self._run.rig
        known_usd = float(rig.book.last_nlv_usd)
        return notifier_of(rig.settings.notify, self._run.clock.now, self._log, known_usd)

    async def _told(self) -> Mapping[str, Any]:
        """Return what `alvh top` shows, from the page's desk or from one made when first asked."""
        from bot.web.dashboard import desk_for  # noqa: PLC0415 - only when somebody looks
        from bot.web.watching import Window, told_of  # noqa: PLC0415

        if self._dashboard is not None:
            return await told_of(self._dashboard.desk)
        if self._window is None:
            self._window = Window(desk_for(self._run.rig, self._journal(), self._look()))
        return await self._window.told()

    async def _close_window(self) -> None:
        if self._window is not None:
            await self._window.close()

    async def serve(self) -> bool:
        """Serve until a signal; return whether that was a manager's and not a person's."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop_or_force, number)
        notifier = self._notifier()
        async with AsyncExitStack() as around:
            around.push_async_callback(self._dead_man.close)
            around.push_async_callback(self._close_window)
            if notifier is not None:
                notifier.start()
                around.push_async_callback(notifier.stop)
                self._run.rig.engine.listen(notifier.hear)
                # That it began was recorded before anybody could listen.
                notifier.hear(self._run.rig.began)
            await around.enter_async_context(self._socket())
            if self._dashboard is not None:
                await around.enter_async_context(self._dashboard.serving())
            if self._run.console.is_terminal:
                around.enter_context(self._live)
            self._manager.ready(f"profile {self._run.profile} serves")
            await self._daemon.serve()
        return self._signal == signal.SIGTERM

    def _socket(self) -> ControlSocket:
        starting = self._run.starting
        taken = None if starting is None else starting.take_over()
        return ControlSocket(self._run.folder, self._controls, taken)

    def _stop_or_force(self, number: int) -> None:
        """First signal: end in order. Second: the default, which ends at once."""
        self._signal = number
        self._manager.stopping()
        self._daemon.stop()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)

    async def _obey_file(self) -> None:
        await self._controls.obey_file()

    async def _load_rest(self) -> None:
        """Load what decisions need and a first answer does not, with the second pulse: by then the
        page has answered, and no moment has to wait for it."""
        self._pulses += 1
        if self._pulses == LOADS_WITH_PULSE:
            normal.load()

    def _on_jump(self, seconds: float) -> None:
        self._log.warning("clock_was_set", by_seconds=round(seconds, 1))

    def _on_change(self, following: Moment | None) -> None:
        run, state = self._run, self._screen.state
        if self._dashboard is not None:
            self._dashboard.beat()
        if not run.console.is_terminal:
            return
        now = run.clock.now()
        levels = (run.levels or run.rig.world.market.levels)(now)
        state.next_moment, state.at = following, now
        state.session = session_on(run.rig.world, now)
        if levels is not None:
            state.spx, state.vix = levels.spx, levels.vix
        self._live.refresh()


def session_on(world: World, at: datetime) -> date:
    """Return the session that runs or comes next at an instant."""
    return world.calendar.on_or_after(at.astimezone(exchange_zone()).date())
