"""The dashboard of a run, wired by hand: from its journal, its calendar and its market."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.journal.place import Target
from bot.journal.reader import JournalReader
from bot.settings import Settings
from bot.web.desk import Controls, Desk, Look
from bot.web.facts import Facts
from bot.web.feed import Feed
from bot.web.monitor import Monitor, file_probe, server_probe
from bot.web.scene import Almanac
from bot.world import World


def desk_of(
    settings: Settings,
    world: World,
    clock: Callable[[], datetime],
    journal: Target,
    *,
    look: Look | None,
    connection: Callable[[], str],
    controls: Controls | None = None,
) -> Desk:
    """Return what the pages of a run read.

    Raises:
        ConfigError: the journal is missing or unreadable.
        JournalUnavailable: its server cannot be reached.
    """
    reader, facts = JournalReader(journal), Facts()
    path = reader.place.path
    probe = server_probe(lambda: list(reader.rows(limit=1))) if path is None else file_probe(path)
    return Desk(
        facts,
        Feed(facts, reader),
        reader,
        Almanac(settings, world.calendar, world.macro, world.listings),
        clock,
        Monitor(probe, connection),
        Path(settings.web.reports),
        look,
        controls,
    )
