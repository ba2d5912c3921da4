"""A recorded run read back for its pages: rows by session, and what was said and done each day."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bot.book import Book
from bot.conduct import ConductMeter
from bot.events import (
    DecisionMade,
    EntryClosed,
    EquityMarked,
    OrderApproved,
    OrderStopped,
    Record,
    RunStarted,
    ShadowsMarked,
    TradingHalted,
    TradingResumed,
)
from bot.settings import Settings
from bot.study.collector import Collector
from bot.study.tables import Tables
from market.errors import ConfigError
from market.orders import OrderCancelled, OrderFilled, OrderRejected, PositionSettled

Shown = (
    DecisionMade
    | OrderApproved
    | OrderStopped
    | OrderFilled
    | OrderCancelled
    | OrderRejected
    | PositionSettled
    | EntryClosed
    | EquityMarked
    | ShadowsMarked
    | TradingHalted
    | TradingResumed
)
SHOWN = Shown.__args__


@dataclass
class RecordedRun:
    """One run: how it began, its rows, and its records by session."""

    started: RunStarted
    tables: Tables
    by_session: Mapping[date, list[Shown]] = field(default_factory=dict)

    @property
    def sessions(self) -> list[date]:
        """Return the sessions that ended, in order."""
        return [row.session for row in self.tables.sessions]


def read_run(journal: Path) -> RecordedRun:
    """Return the run that a journal holds.

    Raises:
        ConfigError: the file is no journal, or holds no finished session.
    """
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(journal) as reader:
        return recorded(reader.records(), str(journal))


def recorded(records: Iterable[Record], name: str) -> RecordedRun:
    """Return the run that records tell.

    Raises:
        ConfigError: they do not begin with a run, or no session has ended.
    """
    stream = iter(records)
    started = next(stream, None)
    if not isinstance(started, RunStarted):
        raise ConfigError(f"{name} holds no run; name a journal that a run has written.")
    collector = Collector(float(started.start_nlv_usd))
    book = Book(started.start_nlv_usd)
    meter = ConductMeter(book, Settings.model_validate(started.settings))
    by_session: dict[date, list[Shown]] = {}
    for record in stream:
        collector.watch(record)
        meter.watch(record)
        book.apply(record)
        if isinstance(record, SHOWN):
            day = getattr(record, "session", None) or record.at.date()
            by_session.setdefault(day, []).append(record)
    if not collector.sessions:
        raise ConfigError(f"{name} holds no session that has ended; ask again after the close.")
    conduct = {
        key: value
        for key, value in meter.report().items()
        if value is None or isinstance(value, int | float)
    }
    memory = book.memory.hedge.memory
    tables = collector.tables(
        started.series,
        conduct,
        float(memory.realised_gains_usd),
        float(memory.recycled_spend_usd),
    )
    return RecordedRun(started, tables, by_session)
