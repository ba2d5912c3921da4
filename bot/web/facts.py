"""What the pages know of a run: a fold of the journal's rows, and nothing else."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.book import Book
from bot.events import (
    KIND_OF,
    DecisionMade,
    EntryClosed,
    EquityMarked,
    MarketSeen,
    MomentMissed,
    MomentReached,
    OrderApproved,
    Record,
    RunStarted,
)
from bot.journal.chain import EventRow
from bot.journal.codec import decode
from bot.telling import Level, tell
from market.errors import InvariantBroken
from market.orders import (
    FillCharged,
    FillReviewed,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
)
from strategies.params import CapitalParams

NEWS_KEPT = 200
ORDER_RECORDS = (
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
    FillCharged,
    FillReviewed,
)


@dataclass(frozen=True, slots=True)
class News:
    """One record of the journal in a sentence."""

    seq: int
    at: datetime
    kind: str
    level: Level
    sentence: str


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One decision as a list shows it; its whole is read from the journal by `seq`.

    `folded` is all of its text, case folded, in which searches look.
    """

    seq: int
    session: date
    at: datetime
    strategy: str
    moment: str
    action: str
    reason: str
    sentence: str
    folded: str


@dataclass
class OrderStory:
    """When an order was approved, and everything the broker said of it since."""

    approved_at: datetime
    records: list[Record] = field(default_factory=list)


class Facts:
    """Takes in the journal's rows in order; rows already known are passed over."""

    def __init__(self) -> None:
        self.seq = 0
        self.started: RunStarted | None = None
        self.book: Book | None = None
        self.fault: str | None = None
        self.decisions: list[DecisionLine] = []
        self.equity: list[EquityMarked] = []
        self.stories: dict[str, OrderStory] = {}
        self.news: deque[News] = deque(maxlen=NEWS_KEPT)
        self.market: MarketSeen | None = None
        self.moment: MomentReached | None = None
        self.missed: list[MomentMissed] = []
        self.entries: dict[date, EntryClosed] = {}
        self.counts: Counter[str] = Counter()

    def take(self, rows: Iterable[EventRow]) -> list[News]:
        """Take in rows and return what they say.

        Raises:
            JournalDamaged: a row cannot be read.
        """
        return [self.apply(row.seq, decode(row.kind, row.payload)) for row in rows]

    def apply(self, seq: int, record: Record) -> News:
        """Take in one record; one that contradicts the book is kept as `fault`."""
        told = tell(record)
        news = News(seq, record.at, KIND_OF[type(record)], told.level, told.sentence)
        self.seq = seq
        self.counts[news.kind] += 1
        self.news.append(news)
        self._remember(seq, record)
        if self.book is not None:
            try:
                self.book.apply(record)
            except InvariantBroken as error:
                self.fault = str(error)
        return news

    def _remember(self, seq: int, record: Record) -> None:
        match record:
            case RunStarted():
                self._start(record)
            case DecisionMade():
                self.decisions.append(_line(seq, record))
            case EquityMarked():
                self.equity.append(record)
            case MarketSeen():
                self.market = record
            case MomentReached():
                self.moment = record
            case MomentMissed():
                self.missed.append(record)
            case EntryClosed():
                self.entries[record.session] = record
            case _:
                self._remember_order(record)

    def _start(self, record: RunStarted) -> None:
        """Begin the book with the first run; a run that goes on from a journal keeps it."""
        self.started = record
        if self.book is None:
            capital = CapitalParams.model_validate(record.settings["capital"])
            self.book = Book(record.start_nlv_usd, capital.steward_drawdown_frac)

    def _remember_order(self, record: Record) -> None:
        if isinstance(record, OrderApproved):
            self.stories[record.order.order_id] = OrderStory(record.at)
        elif isinstance(record, ORDER_RECORDS) and record.order_id in self.stories:
            self.stories[record.order_id].records.append(record)


def _line(seq: int, record: DecisionMade) -> DecisionLine:
    decision = record.decision
    texts = (
        record.session.isoformat(),
        decision.strategy,
        decision.moment,
        decision.action,
        decision.reason,
        decision.sentence,
    )
    return DecisionLine(
        seq,
        record.session,
        record.at,
        decision.strategy,
        decision.moment,
        decision.action,
        decision.reason,
        decision.sentence,
        " ".join(texts).casefold(),
    )
