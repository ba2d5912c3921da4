"""The profiles `paper` and `shadow` from the command line."""

import asyncio
from datetime import datetime
from pathlib import Path

from rich.console import Console

from bot.cli.ending import JOURNAL, daemon_folder, finish
from bot.cli.live import LOCK_NAME, LiveOptions, LiveRun, last_at_of, serve_here
from bot.clock import Clock, SystemClock
from bot.daemon import TRY_AGAIN_S
from bot.instance import InstanceLock
from bot.lockstep import LockstepTimetable, join_clock
from bot.paper import PAPER, PaperRun, build_paper, build_shadow
from bot.settings import Settings
from brokers.ib.paper_lock import masked, require_paper_settings
from brokers.lockstep import LockstepClock
from market.quotes import IndexLevels

TITLES = {
    PAPER: "an Interactive Brokers paper account; no real money",
    "shadow": "Interactive Brokers' quotes, simulated fills; no order leaves",
}


def trade(settings: Settings, options: LiveOptions, profile: str) -> None:
    """Run a daemon on Interactive Brokers' quotes until a signal ends it.

    Raises:
        NotPaper: the settings or the log-in break the paper lock.
        BrokerUnavailable: the Gateway cannot be reached.
        AlreadyRunning: another process runs in that folder.
    """
    require_paper_settings(settings.ib.account, settings.ib.port)
    console = Console(stderr=options.as_json)
    folder = daemon_folder(settings, options.out, profile)
    now = SystemClock().now()
    with InstanceLock(folder / LOCK_NAME, f"profile {profile} in {folder}", now):
        run, is_quiet = asyncio.run(_serve(settings, options, folder, console, profile))
    if not is_quiet:
        finish(run.rig, console, folder, TITLES[profile], profile, as_json=options.as_json)


async def _serve(
    settings: Settings, options: LiveOptions, folder: Path, console: Console, profile: str
) -> tuple[PaperRun, bool]:
    clock: Clock = await join_clock(settings) if settings.ib.lockstep else SystemClock()
    journal = settings.journal.url or folder / JOURNAL
    continues = last_at_of(journal) is not None
    seed = options.seed
    if profile == PAPER:
        run = await build_paper(settings, clock, journal, seed, continues=continues)
    else:
        run = await build_shadow(settings, clock, journal, seed, folder, continues=continues)
    account = masked(settings.ib.account)
    verb = f"Goes on with the run in {folder}. " if continues else ""
    console.print(f"{verb}Account {account}: {TITLES[profile]}. Ctrl-C ends the run.")
    timetable = None
    if isinstance(clock, LockstepClock):
        timetable = LockstepTimetable(clock, run.adapter.broker, run.rig.broker)

    def levels(_at: datetime) -> IndexLevels | None:
        return run.adapter.feed.last_levels

    # On a clock that jumps, a second of the machine's may be a day.
    patience_s = TRY_AGAIN_S if timetable is None else 0.0
    web = options.web
    feed = run.adapter.feed
    live = LiveRun(
        run.rig, clock, folder, profile, console, web, timetable, levels, patience_s, feed
    )
    try:
        return run, await serve_here(live)
    finally:
        await run.adapter.broker.close()
        if isinstance(clock, LockstepClock):
            await clock.leave()
