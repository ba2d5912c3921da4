"""What happened: the frozen events that go through the one queue and into the journal.

Each carries the instant it happened (`at`, UTC). Inputs come from outside; records are what the
engine concluded. `KINDS` names every kind that a journal can hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from market.orders import (
    BrokerEvent,
    FillCharged,
    FillReviewed,
    LineChanged,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
    SettlementAwaited,
)
from market.quotes import FuturesCurve, IndexLevels, MarketSnapshot
from market.schedule import Moment
from market.values import value
from strategies.base import Decision, HedgePlan, JsonValue


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The daemon or a replay began: version, profile, settings and what the market is made of."""

    at: datetime
    version: str
    profile: str
    run_mode: str
    seed: int
    start_nlv_usd: Decimal
    config_hash: str
    settings: Mapping[str, Mapping[str, JsonValue]]
    series: Mapping[str, str]
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class RunResumed:
    """A run went on from its journal, under a version and settings that may have changed."""

    at: datetime
    version: str
    profile: str
    config_hash: str
    settings: Mapping[str, Mapping[str, JsonValue]]


@value(frozen=True, slots=True)
class MomentReached:
    """A moment of the schedule came; `event` names the release it belongs to."""

    at: datetime
    session: date
    name: str
    event: str | None = None


@dataclass(frozen=True, slots=True)
class MomentMissed:
    """A moment was not kept, and its policy says not to make up for it."""

    at: datetime
    session: date
    name: str
    reason: str
    event: str | None = None


@value(frozen=True, slots=True)
class MarketSeen:
    """The index levels and futures that a decision looked at; `kept` are the digests under which
    the journal holds the whole of it, none where a world and its seed give it again."""

    at: datetime
    session: date
    levels: IndexLevels
    curve: FuturesCurve
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketUnseen:
    """The market could not be looked at for those that asked."""

    at: datetime
    session: date
    moment: str
    asked_by: tuple[str, ...]
    reason: str


@value(frozen=True, slots=True)
class DecisionMade:
    """A strategy decided; the decision holds its reasons and its orders."""

    at: datetime
    session: date
    decision: Decision


@dataclass(frozen=True, slots=True)
class OrderApproved:
    """The risk gate let an order through; it is in the journal before it is sent."""

    at: datetime
    session: date
    order: Order
    approval: str


@dataclass(frozen=True, slots=True)
class OrderStopped:
    """The risk gate stopped a proposed order."""

    at: datetime
    session: date
    strategy: str
    purpose: str
    order_id: str
    code: str
    sentence: str


class EntryResult(StrEnum):
    """What became of a session's entry."""

    OPENED = "opened"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class EntryClosed:
    """The entry of a session is over: condors opened, or the reason why none was."""

    at: datetime
    session: date
    result: EntryResult
    reason: str
    quantity: int


@value(frozen=True, slots=True)
class LayerMark:
    """One hedge contract at a session's end; `is_quoted` is false for a stated substitute."""

    layer: str
    contract: str
    position: int
    mark_points: float
    delta: float | None
    value_usd: Decimal
    is_quoted: bool
    campaign: str = "alvh"


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """The book at a session's end, with the hedge and without it, in dollars."""

    at: datetime
    session: date
    spx: float
    vix: float
    nlv_usd: Decimal
    unhedged_nlv_usd: Decimal
    cash_usd: Decimal
    condor_value_usd: Decimal
    hedge_value_usd: Decimal
    hedge_pnl_usd: Decimal
    fees_usd: Decimal
    open_max_loss_usd: Decimal
    layers: tuple[LayerMark, ...]
    temporal_theta_condor: float | None = None
    temporal_theta_hedge: float | None = None


@dataclass(frozen=True, slots=True)
class TradingHalted:
    """The kill switch tripped; `until` is the session that ends it, None waits for a person."""

    at: datetime
    session: date
    code: str
    sentence: str
    until: date | None


@dataclass(frozen=True, slots=True)
class TradingResumed:
    """A halt ended."""

    at: datetime
    session: date
    sentence: str


@dataclass(frozen=True, slots=True)
class BooksAdopted:
    """A person's word: the book takes over what the broker says, where the two differed.

    `positions` are signed contracts by symbol, `ended_orders` no longer work, `cash_change_usd`
    is what the broker has more in cash.
    """

    at: datetime
    positions: Mapping[str, int]
    ended_orders: tuple[str, ...]
    cash_change_usd: Decimal
    sentence: str


@dataclass(frozen=True, slots=True)
class FlattenWanted:
    """A person wanted every condor bought back, and with `with_hedge` the hedge sold too."""

    at: datetime
    session: date
    reason: str
    with_hedge: bool


@value(frozen=True, slots=True)
class ShadowMark:
    """One shadow book at a session's end, dollars."""

    nlv_usd: Decimal
    hedge_pnl_usd: Decimal
    fees_usd: Decimal


@dataclass(frozen=True, slots=True)
class ShadowsMarked:
    """All shadow books at a session's end, by name (R-35)."""

    at: datetime
    session: date
    books: Mapping[str, ShadowMark]


@dataclass(frozen=True, slots=True)
class ShadowTraded:
    """A shadow book acted on the market of a moment: a new plan, orders with their fills, or both.

    Shadow books look at quotes that no other record holds, so what they did is recorded.
    """

    at: datetime
    session: date
    book: str
    plan: HedgePlan | None
    orders: tuple[Order, ...]
    fills: tuple[OrderFilled, ...]


Record = (
    RunStarted
    | RunResumed
    | MomentReached
    | MomentMissed
    | MarketSeen
    | MarketUnseen
    | DecisionMade
    | OrderApproved
    | OrderStopped
    | OrderAccepted
    | OrderRejected
    | OrderRepriced
    | OrderLooked
    | OrderFilled
    | FillCharged
    | OrderCancelled
    | FillReviewed
    | PositionSettled
    | SettlementAwaited
    | LineChanged
    | EntryClosed
    | EquityMarked
    | ShadowTraded
    | ShadowsMarked
    | TradingHalted
    | TradingResumed
    | FlattenWanted
    | BooksAdopted
)

KINDS: dict[str, type] = {
    "run_started": RunStarted,
    "run_resumed": RunResumed,
    "moment_reached": MomentReached,
    "moment_missed": MomentMissed,
    "market_seen": MarketSeen,
    "market_unseen": MarketUnseen,
    "decision_made": DecisionMade,
    "order_approved": OrderApproved,
    "order_stopped": OrderStopped,
    "order_accepted": OrderAccepted,
    "order_rejected": OrderRejected,
    "order_repriced": OrderRepriced,
    "order_looked": OrderLooked,
    "order_filled": OrderFilled,
    "fill_charged": FillCharged,
    "order_cancelled": OrderCancelled,
    "fill_reviewed": FillReviewed,
    "position_settled": PositionSettled,
    "settlement_awaited": SettlementAwaited,
    "line_changed": LineChanged,
    "entry_closed": EntryClosed,
    "equity_marked": EquityMarked,
    "shadow_traded": ShadowTraded,
    "shadows_marked": ShadowsMarked,
    "trading_halted": TradingHalted,
    "trading_resumed": TradingResumed,
    "flatten_wanted": FlattenWanted,
    "books_adopted": BooksAdopted,
}
KIND_OF: dict[type, str] = {record: name for name, record in KINDS.items()}


@value(frozen=True, slots=True)
class MomentDue:
    """Input: the clock reached a moment of the schedule."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class MomentSkipped:
    """Input: a moment passed without being kept."""

    moment: Moment
    at: datetime
    reason: str


@value(frozen=True, slots=True)
class SnapshotTaken:
    """Input: the market as fetched for a moment, for the strategies that asked."""

    moment: Moment
    asked_by: tuple[str, ...]
    snapshot: MarketSnapshot


@dataclass(frozen=True, slots=True)
class SnapshotFailed:
    """Input: the market could not be fetched for the strategies that asked."""

    moment: Moment
    asked_by: tuple[str, ...]
    reason: str


@value(frozen=True, slots=True)
class BrokerReported:
    """Input: the broker said something about an order or a position."""

    event: BrokerEvent


@dataclass(frozen=True, slots=True)
class HaltAsked:
    """Input: a person, or their file, wants trading to stop; `reason` is theirs."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """Input: a person wants trading to go on."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class FlattenAsked:
    """Input: a person wants every condor bought back, and with `with_hedge` the hedge sold."""

    at: datetime
    reason: str
    with_hedge: bool


Input = (
    MomentDue
    | MomentSkipped
    | SnapshotTaken
    | SnapshotFailed
    | BrokerReported
    | HaltAsked
    | ResumeAsked
    | FlattenAsked
)
