"""The dashboard of a run, wired by hand: from its journal, its calendar and its market."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.journal.reader import JournalReader
from bot.settings import Settings
from bot.web.desk import Controls, Desk
from bot.web.facts import Facts
from bot.web.feed import Feed
from bot.web.monitor import Monitor
from bot.web.scene import Almanac
from bot.world import World
from brokers.base import MarketData


def desk_of(
    settings: Settings,
    world: World,
    clock: Callable[[], datetime],
    journal: Path,
    *,
    market: MarketData | None,
    connection: Callable[[], str],
    controls: Controls | None = None,
) -> Desk:
    """Return what the pages of a run read.

    Raises:
        ConfigError: the journal is missing or unreadable.
    """
    reader, facts = JournalReader(journal), Facts()
    return Desk(
        facts,
        Feed(facts, reader),
        reader,
        Almanac(settings, world.calendar, world.macro, world.listings),
        clock,
        Monitor(journal, connection),
        Path(settings.web.reports),
        market,
        controls,
    )
