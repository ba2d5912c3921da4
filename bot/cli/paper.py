"""The profiles `paper` and `shadow` from the command line."""

import asyncio
from datetime import datetime

from rich.console import Console

from bot.cli.ending import finish
from bot.cli.folders import JOURNAL
from bot.cli.front import Front, LiveOptions
from bot.cli.live import LiveRun, last_at_of, serve_here
from bot.clock import Clock, SystemClock
from bot.daemon import TRY_AGAIN_S
from bot.lockstep import LockstepTimetable, join_clock
from bot.paper import PAPER, PaperRun, build_paper, build_shadow
from bot.settings import Settings
from brokers.ib.paper_lock import masked
from brokers.lockstep import LockstepClock
from market.quotes import IndexLevels

TITLES = {
    PAPER: "an Interactive Brokers paper account; no real money",
    "shadow": "Interactive Brokers' quotes, simulated fills; no order leaves",
}


def trade(settings: Settings, options: LiveOptions, profile: str, front: Front) -> None:
    """Run a daemon on Interactive Brokers' quotes until a signal ends it.

    Raises:
        NotPaper: the log-in breaks the paper lock.
        BrokerUnavailable: the Gateway cannot be reached.
    """
    console = Console(stderr=options.as_json)
    run, is_quiet = asyncio.run(_serve(settings, options, front, console, profile))
    if not is_quiet:
        finish(run.rig, console, front.folder, TITLES[profile], profile, as_json=options.as_json)


async def _serve(
    settings: Settings, options: LiveOptions, front: Front, console: Console, profile: str
) -> tuple[PaperRun, bool]:
    folder = front.folder
    clock: Clock = await join_clock(settings) if settings.ib.lockstep else SystemClock()
    journal = settings.journal.url or folder / JOURNAL
    continues = last_at_of(journal) is not None
    seed = options.seed
    front.starting.say("connecting to the broker")
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
        run.rig,
        clock,
        folder,
        profile,
        console,
        web,
        timetable,
        levels,
        patience_s,
        feed,
        front.starting,
    )
    try:
        return run, await serve_here(live)
    finally:
        await run.adapter.broker.close()
        if isinstance(clock, LockstepClock):
            await clock.leave()
