"""A journal replayed: its own inputs where it kept them, else the simulated world of its run."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from bot.bootstrap import build_tape
from bot.engine import Reference
from bot.events import RunStarted
from bot.rerun import Past, Rerun, rerun
from bot.settings import Settings, settings_of
from bot.tape import DailyTape
from bot.world import (
    DATA_CALENDAR_FIRST,
    World,
    historical_world,
    load_calendar,
    load_listings,
    load_macro,
    synthetic_world,
)
from market.errors import ConfigError
from market.quotes import MarketSnapshot, SnapshotRequest
from market.sessions import exchange_zone


class WorldPast:
    """The simulated market of a run, made once more of its history and seed."""

    def __init__(self, world: World) -> None:
        self._world = world

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        """Return the market at an instant."""
        return self._world.market.snapshot(at, request)

    def tape(self, settings: Settings) -> DailyTape:
        """Return the daily tape under settings."""
        return build_tape(settings, self._world)


def world_of_run(data: Path | None) -> Callable[[RunStarted], Past]:
    """Return what makes the world of a simulated run, on recorded history from `data`."""

    def make(started: RunStarted) -> Past:
        settings = settings_of(started.settings)
        if started.profile == "replay":
            return WorldPast(historical_world(settings, data, started.seed))
        if started.profile == "sim":
            today = started.at.astimezone(exchange_zone()).date()
            return WorldPast(synthetic_world(settings, today, started.seed))
        raise ConfigError(
            f"the journal of profile {started.profile} lacks what its decisions looked at, and no"
            " world can give it again."
        )

    return make


def rerun_journal(target: Path | str, data: Path | None = None) -> Rerun:
    """Replay a journal and compare every record.

    Raises:
        ConfigError: there is no journal, or its world cannot be made again.
        JournalDamaged: the journal does not hold.
    """
    from bot.journal.reader import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(target) as reader, reader.at_one_instant():
        settings = settings_of(reader.started().settings)
        calendar = load_calendar(DATA_CALENDAR_FIRST)
        listings = load_listings(calendar, settings)
        reference = Reference(calendar, listings, load_macro(settings))
        return rerun(reader.verified_rows(), reader.content, reference, world_of_run(data))
