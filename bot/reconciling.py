"""Brings a stopped run's journal and its paper account together, for a person to look at both."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from bot.book import Book
from bot.clock import Clock, SystemClock
from bot.events import Record, RunStarted
from bot.instance import LOCK_NAME, InstanceLock
from bot.journal.reader import JournalReader
from bot.journal.store import SqlJournal
from bot.paper import PAPER, build_adapter, restore
from bot.reconcile import BrokerBooks, Difference, adoption, differences
from bot.settings import Settings
from brokers.ib.paper_lock import require_paper_settings
from market.errors import ConfigError

JOURNAL = "journal.db"


class Meeting:
    """One run's journal, opened to go on, and what the broker says."""

    def __init__(self, settings: Settings, path: Path, started: RunStarted, clock: Clock) -> None:
        """Rebuild the book from the journal.

        Raises:
            JournalDamaged: the journal does not hold.
        """
        self._settings = settings
        self._path = path
        self._clock = clock
        self.book = Book(started.start_nlv_usd, settings.capital.steward_drawdown_frac)
        self._journal = SqlJournal(
            path, book=self.book, wall_clock=SystemClock().now, durable=True, continues=True
        )
        self._journal.recall(self.book.apply)
        self._broker = BrokerBooks({}, frozenset(), Decimal(0))
        self._news: tuple[Record, ...] = ()
        self.differences: tuple[Difference, ...] = ()

    @property
    def heard(self) -> int:
        """Return how many of the broker's events the journal did not have."""
        return len(self._news)

    async def look(self) -> None:
        """Connect, hear what is new, and compare.

        Raises:
            NotPaper: the settings or the log-in break the paper lock.
            BrokerUnavailable: the Gateway cannot be reached or does not answer.
        """
        adapter = build_adapter(self._settings, self._clock, may_be_delayed=False)
        restore(adapter, self._path, self._clock.now())
        broker = adapter.broker
        try:
            await broker.connect()
            positions, working = await broker.positions(), await broker.open_orders()
            account = await broker.account()
            self._news = broker.drain()
            names = frozenset(order.order_id for order in working)
            self._broker = BrokerBooks(positions, names, account.cash_usd, broker.strangers())
        finally:
            await broker.close()
        for event in self._news:
            self._journal.append(event)
            self.book.apply(event)
        self.differences = differences(self.book, self._broker)

    def adopt(self) -> str:
        """Write what the broker says into the journal; return the sentence that says so."""
        record = adoption(self.book, self._broker, self._clock.now())
        if record is None:
            return "Nothing can be taken over: what differs must be put right at the broker."
        self._journal.append(record)
        self.book.apply(record)
        self._journal.commit()
        return record.sentence

    def close(self) -> None:
        """Let go of the journal; what was heard is kept with it."""
        self._journal.close()


@contextmanager
def meet(settings: Settings, folder: Path, clock: Clock | None = None) -> Iterator[Meeting]:
    """Yield the meeting of a stopped run with its account.

    Raises:
        AlreadyRunning: a daemon runs in the folder.
        ConfigError: the folder holds no run on a paper account.
    """
    require_paper_settings(settings.ib.account, settings.ib.port)
    path, now = folder / JOURNAL, SystemClock().now()
    with JournalReader(path) as reader:
        started = reader.started()
    if started.profile != PAPER:
        raise ConfigError(
            f"{path} is a run of the profile {started.profile}; only one on the paper account has"
            " two books to compare."
        )
    with InstanceLock(folder / LOCK_NAME, f"profile {PAPER} in {folder}", now):
        meeting = Meeting(settings, path, started, clock or SystemClock())
        try:
            yield meeting
        finally:
            meeting.close()
