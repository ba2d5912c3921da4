"""A run whose dashboard can be looked at: January 2018 replayed, the clock standing on Monday,
5 February at noon, with the condor of Friday still open and the market falling."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from bot.bootstrap import Rig, RunIdentity, build_simulated, first_moment
from bot.clock import SimulatedClock
from bot.events import MomentDue
from bot.replay import venue_times, walk
from bot.settings import Settings
from bot.web.dashboard import Dashboard, model_look
from bot.web.desk import Desk
from bot.web.options import WebSettings
from bot.world import World
from market.schedule import MomentName

FIRST, LAST = date(2018, 1, 2), date(2018, 2, 2)
MONDAY = date(2018, 2, 5)
NOON = datetime(2018, 2, 5, 17, 0, tzinfo=UTC)
SEED = 7
TOKEN = "0123456789abcdef0123"


@dataclass
class Site:
    """A dashboard that serves, and the rig behind it."""

    rig: Rig
    clock: SimulatedClock
    dashboard: Dashboard
    journal: Path
    address: str

    @property
    def desk(self) -> Desk:
        """Return what its pages read."""
        return self.dashboard.desk

    async def keep(self, name: MomentName) -> None:
        """Take one moment of Monday through the bot."""
        moment = next(each for each in self.rig.moments(MONDAY) if each.name is name)
        if moment.at > self.clock.now():
            self.clock.jump(moment.at)
        await self.rig.shell.handle(MomentDue(moment))

    async def live(self, session: date) -> AsyncIterator[None]:
        """Take a session through the bot; yield after each turn, as the daemon's loop would."""
        for moment in self.rig.moments(session):
            for _ in venue_times(self.rig.broker, self.clock, moment.at):
                await self.rig.shell.hear_broker()
                yield
            self.clock.jump(max(moment.at, self.clock.now()))
            await self.rig.shell.handle(MomentDue(moment))
            yield


async def rig_at_noon(world: World, journal: Path) -> tuple[Rig, SimulatedClock]:
    """Return the run, replayed up to Monday noon, its journal committed at every step."""
    clock = SimulatedClock(first_moment(world, FIRST))
    identity = RunIdentity("replay", "R", SEED, clock.now(), FIRST, LAST)
    rig = build_simulated(Settings(), world, clock, identity, journal, durable=True)
    await walk(rig, world.calendar.between(FIRST, LAST))
    clock.jump(NOON)
    rig.broker.advance(NOON)
    await rig.shell.hear_broker()
    return rig, clock


@asynccontextmanager
async def site_at_noon(
    world: World, folder: Path, web: Mapping[str, str] | None = None
) -> AsyncIterator[Site]:
    """Serve the run on a free port while the block runs."""
    journal = folder / "journal.db"
    rig, clock = await rig_at_noon(world, journal)
    reports = folder / "reports"
    reports.mkdir()
    (reports / "study.html").write_text("<!doctype html><title>Study</title><p>Figures.</p>")
    told: list[str] = []
    asked = WebSettings.model_validate({"reports": str(reports), **(web or {})})
    anywhere = asked.model_copy(update={"port": 0})
    settings = rig.settings.model_copy(update={"web": anywhere})
    shown = replace(rig, settings=settings)
    dashboard = Dashboard(shown, anywhere, journal, told.append, look=model_look(shown))
    async with dashboard.serving():
        yield Site(rig, clock, dashboard, journal, told[-1].removeprefix("Dashboard: "))
    rig.journal.close()
