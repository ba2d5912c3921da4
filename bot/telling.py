"""One plain sentence for each record: what the page's log, `alvh top` and notifications say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from bot.events import (
    KIND_OF,
    BooksAdopted,
    DecisionMade,
    EntryClosed,
    EquityMarked,
    FlattenWanted,
    MarketSeen,
    MarketUnseen,
    MomentMissed,
    MomentReached,
    OrderApproved,
    OrderStopped,
    Record,
    RunResumed,
    RunStarted,
    TradingHalted,
    TradingResumed,
)
from market.orders import (
    FillCharged,
    FillReviewed,
    LineChanged,
    LineState,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
    SettlementAwaited,
)

SHIFT_STRATEGY = "shift"
# How the reason of a lost line begins where only a person can mend it.
BOOKS_DIFFER = "book and broker differ"
TOPIC_OF_PURPOSE = {"roll_": "roll", "event_roll_": "roll", "shift_": "shift"}


class Level(StrEnum):
    """How much a sentence matters, least first."""

    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


LEVELS = tuple(Level)


class Topic(StrEnum):
    """What a sentence is about; a person chooses topics for a channel."""

    RUN = "run"
    DECISION = "decision"
    SHIFT = "shift"
    ROLL = "roll"
    ORDER = "order"
    FILL = "fill"
    SETTLEMENT = "settlement"
    SUMMARY = "summary"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with its weight and topic."""

    level: Level
    topic: Topic
    sentence: str


def tell(record: Record) -> Told:
    """Return what a record says in one sentence; every kind has one."""
    maker = _MAKERS.get(type(record))
    if maker is None:
        name = KIND_OF[type(record)].replace("_", " ").capitalize()
        return Told(Level.DETAIL, Topic.RUN, f"{name}.")
    return maker(record)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _credit(credit: Decimal) -> str:
    """Return a combo's net price in words: what is received or paid per combo."""
    return f"{credit:.2f} credit" if credit >= 0 else f"{-credit:.2f} debit"


def _order_topic(order_id: str) -> Topic:
    """Return the topic of an order from the purpose in its id: mode-day-strategy-purpose."""
    purpose = "-".join(order_id.split("-")[3:])
    for start, topic in TOPIC_OF_PURPOSE.items():
        if purpose.startswith(start):
            return Topic(topic)
    return Topic.ORDER


def _started(record: RunStarted) -> Told:
    mode = "simulated" if record.is_simulated else "paper account"
    return Told(Level.INFO, Topic.RUN, f"Run started: profile {record.profile}, {mode}.")


def _continued(record: RunResumed) -> Told:
    return Told(Level.INFO, Topic.RUN, f"Run went on from its journal, version {record.version}.")


def _reached(record: MomentReached) -> Told:
    release = "" if record.event is None else f" ({record.event})"
    return Told(Level.DETAIL, Topic.RUN, f"Moment reached: {_words(record.name)}{release}.")


def _missed(record: MomentMissed) -> Told:
    return Told(Level.WARNING, Topic.ALARM, f"Missed {_words(record.name)}: {record.reason}.")


def _seen(record: MarketSeen) -> Told:
    levels = record.levels
    return Told(
        Level.DETAIL, Topic.RUN, f"Market seen: SPX {levels.spx:,.2f}, VIX {levels.vix:.2f}."
    )


def _unseen(record: MarketUnseen) -> Told:
    sentence = f"The market could not be seen at {_words(record.moment)}: {_ended(record.reason)}"
    return Told(Level.WARNING, Topic.ALARM, sentence)


def _line(record: LineChanged) -> Told:
    """A line that is lost every night is no alarm, so that quiet hours hold it back; that it stands
    again weighs as much, so that who heard of the one hears of the other."""
    reason = _ended(record.reason)
    if record.state is LineState.READY:
        return Told(Level.WARNING, Topic.ALARM, f"The line to the broker stands: {reason}")
    if record.state is LineState.STALE:
        return Told(Level.WARNING, Topic.ALARM, f"The broker's quotes are stale: {reason}")
    if record.reason.startswith(BOOKS_DIFFER):
        return Told(Level.ALARM, Topic.ALARM, f"Nothing is sent: {reason}")
    sentence = f"The line to the broker is down, nothing is sent: {reason}"
    return Told(Level.WARNING, Topic.ALARM, sentence)


def _ended(reason: str) -> str:
    """Return a reason with one full stop behind it."""
    return f"{reason.rstrip('.')}."


def _flatten(record: FlattenWanted) -> Told:
    hedge = " and the hedge sold" if record.with_hedge else ""
    sentence = f"A person has every condor bought back{hedge}: {_ended(record.reason)}"
    return Told(Level.WARNING, Topic.ALARM, sentence)


def _decided(record: DecisionMade) -> Told:
    decision = record.decision
    topic = Topic.SHIFT if decision.strategy == SHIFT_STRATEGY else Topic.DECISION
    level = Level.INFO if decision.orders or decision.strategy == "condor" else Level.DETAIL
    return Told(level, topic, decision.sentence)


def _approved(record: OrderApproved) -> Told:
    intent, name = record.order.intent, record.order.order_id
    sentence = f"Order {name} sent: {intent.quantity} for {_credit(intent.limit_credit)} or better."
    return Told(Level.INFO, _order_topic(name), sentence)


def _stopped(record: OrderStopped) -> Told:
    return Told(Level.WARNING, Topic.ORDER, f"Order {record.order_id} stopped: {record.sentence}")


def _accepted(record: OrderAccepted) -> Told:
    return Told(Level.DETAIL, Topic.ORDER, f"Order {record.order_id} is working.")


def _rejected(record: OrderRejected) -> Told:
    return Told(Level.WARNING, Topic.ORDER, f"Order {record.order_id} rejected: {record.reason}.")


def _repriced(record: OrderRepriced) -> Told:
    sentence = f"Order {record.order_id} now asks {_credit(record.limit_credit)}."
    return Told(Level.DETAIL, Topic.ORDER, sentence)


def _looked(record: OrderLooked) -> Told:
    sentence = f"Order {record.order_id} looked at: {record.verdict}."
    return Told(Level.DETAIL, Topic.ORDER, sentence)


def _filled(record: OrderFilled) -> Told:
    sentence = f"Filled {record.quantity} of {record.order_id} for {_credit(record.credit)}."
    topic = _order_topic(record.order_id)
    return Told(Level.INFO, Topic.FILL if topic is Topic.ORDER else topic, sentence)


def _cancelled(record: OrderCancelled) -> Told:
    sentence = f"Order {record.order_id} ended, {record.remaining} unfilled: {record.reason}."
    return Told(Level.INFO, Topic.ORDER, sentence)


def _reviewed(record: FillReviewed) -> Told:
    points = record.adverse_selection_points
    sentence = f"One minute after {record.fill_id}: {points:+.2f} points against us."
    return Told(Level.DETAIL, Topic.FILL, sentence)


def _usd(amount: Decimal) -> str:
    """Return dollars and cents, the minus before the sign of the dollar."""
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def _charged(record: FillCharged) -> Told:
    sentence = f"Charged ${record.fees_usd:,.2f} for a fill of {record.order_id}."
    return Told(Level.DETAIL, Topic.FILL, sentence)


def _settled(record: PositionSettled) -> Told:
    sentence = f"{record.position:+d} {record.contract.symbol} settled for {_usd(record.cash_usd)}."
    return Told(Level.INFO, Topic.SETTLEMENT, sentence)


def _awaited(record: SettlementAwaited) -> Told:
    sentence = f"{record.trading_class} {record.expiry} waits for its official settlement value."
    return Told(Level.WARNING, Topic.SETTLEMENT, sentence)


def _closed(record: EntryClosed) -> Told:
    sentence = f"Entry over: {record.quantity} condors {record.result} ({record.reason})."
    return Told(Level.DETAIL, Topic.DECISION, sentence)


def _marked(record: EquityMarked) -> Told:
    sentence = (
        f"{record.session}: NLV ${record.nlv_usd:,.0f} with hedge,"
        f" ${record.unhedged_nlv_usd:,.0f} without; SPX {record.spx:,.2f}, VIX {record.vix:.2f}."
    )
    return Told(Level.INFO, Topic.SUMMARY, sentence)


def _halted(record: TradingHalted) -> Told:
    return Told(Level.ALARM, Topic.ALARM, record.sentence)


def _resumed(record: TradingResumed) -> Told:
    return Told(Level.WARNING, Topic.ALARM, record.sentence)


def _adopted(record: BooksAdopted) -> Told:
    return Told(Level.WARNING, Topic.ALARM, record.sentence)


_MAKERS: Mapping[type, Callable[[Any], Told]] = {
    RunStarted: _started,
    RunResumed: _continued,
    MomentReached: _reached,
    MomentMissed: _missed,
    MarketSeen: _seen,
    MarketUnseen: _unseen,
    LineChanged: _line,
    FlattenWanted: _flatten,
    DecisionMade: _decided,
    OrderApproved: _approved,
    OrderStopped: _stopped,
    OrderAccepted: _accepted,
    OrderRejected: _rejected,
    OrderRepriced: _repriced,
    OrderLooked: _looked,
    OrderFilled: _filled,
    OrderCancelled: _cancelled,
    FillReviewed: _reviewed,
    FillCharged: _charged,
    PositionSettled: _settled,
    SettlementAwaited: _awaited,
    EntryClosed: _closed,
    EquityMarked: _marked,
    TradingHalted: _halted,
    TradingResumed: _resumed,
    BooksAdopted: _adopted,
}
