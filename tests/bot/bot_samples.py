"""Plain values for examples of the bot: one condor, two VIX calls, orders and what became of them.

The day is Friday, 2 February 2018; the condor sold then expires on Monday the 5th.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from bot.book import Book
from bot.bootstrap import Rig
from bot.engine import Engine, Reference
from bot.events import DecisionMade, OrderApproved, Record
from bot.replay import backtest, replay_rig, window
from bot.risk import RiskGate, RiskParams
from bot.settings import Settings
from bot.tape import Tape
from bot.world import World
from market.instruments import OptionContract
from market.orders import (
    Leg,
    Order,
    OrderFilled,
    OrderIntent,
    PositionSettled,
)
from market.quotes import FuturesCurve, IndexLevels, MarketSnapshot, Quote, SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from strategies.base import Context, Decision, Strategy, View

T = TypeVar("T")

FRIDAY = date(2018, 2, 2)
MONDAY = date(2018, 2, 5)
AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
CUTOFF_AT = datetime(2018, 2, 2, 21, 14, 30, tzinfo=UTC)
REVIEW_AT = datetime(2018, 2, 2, 21, 20, tzinfo=UTC)
MONDAY_CLOSE = datetime(2018, 2, 5, 21, 0, tzinfo=UTC)
CAMPAIGN = "20180202"

LONG_PUT = OptionContract.parse("SPXW 2018-02-05 2700 P")
SHORT_PUT = OptionContract.parse("SPXW 2018-02-05 2725 P")
SHORT_CALL = OptionContract.parse("SPXW 2018-02-05 2790 C")
LONG_CALL = OptionContract.parse("SPXW 2018-02-05 2815 C")
VIX_CALL = OptionContract.parse("VIX 2018-03-21 16 C")
VIX_CALL_LATER = OptionContract.parse("VIX 2018-05-16 18 C")

CONDOR_LEGS = (Leg(SHORT_PUT, -1), Leg(LONG_PUT, 1), Leg(SHORT_CALL, -1), Leg(LONG_CALL, 1))
# 2.00 − 1.35 + 1.80 − 1.05 = 1.40 received.
CONDOR_PRICES = tuple(map(Decimal, ("2.00", "1.35", "1.80", "1.05")))


def condor_intent(
    quantity: int = 2, *, credit: str = "1.40", purpose: str = "entry"
) -> OrderIntent:
    """Return the sale of the sample condor."""
    return OrderIntent(
        "condor", purpose, CAMPAIGN, CONDOR_LEGS, quantity, Decimal(credit), CUTOFF_AT
    )


def hedge_intent(
    *legs: Leg, quantity: int = 4, credit: str = "-1.50", layer: str = "near", purpose: str = "open"
) -> OrderIntent:
    """Return an order of the hedge, by default the purchase of four VIX calls."""
    wanted = legs or (Leg(VIX_CALL, 1),)
    return OrderIntent(
        "alvh", f"{purpose}_{layer}", "ladder", wanted, quantity, Decimal(credit), CUTOFF_AT, layer
    )


def order(intent: OrderIntent, name: str = "1") -> Order:
    """Return an order whose id ends in `name`."""
    return Order(f"T-20180202-{intent.strategy}-{intent.purpose}-{name}", FRIDAY, intent)


def sent(order: Order) -> OrderApproved:
    """Return the record of an approved order."""
    return OrderApproved(AT, order.session, order, "9 limits kept")


def filled(
    order: Order,
    prices: Sequence[str | Decimal],
    *,
    quantity: int = 1,
    name: str = "1",
    fees: str = "0",
) -> OrderFilled:
    """Return a fill at leg prices, its credit worked out from them."""
    exact = tuple(map(Decimal, prices))
    legs = zip(order.intent.legs, exact, strict=True)
    credit = -sum((leg.ratio * price for leg, price in legs), Decimal(0))
    fill_id = f"{order.order_id}/{name}"
    return OrderFilled(
        AT, order.order_id, fill_id, quantity, credit, exact, Decimal(fees), Decimal(0), None
    )


def settled(contract: OptionContract, position: int, settlement: str) -> PositionSettled:
    """Return the settlement of a position on an index value."""
    points = Decimal(settlement)
    value = contract.intrinsic_points(points)
    cash = position * value * contract.multiplier
    return PositionSettled(MONDAY_CLOSE, contract, position, value, points, cash, True)


def condor_settled(settlement: str, quantity: int = 2) -> tuple[PositionSettled, ...]:
    """Return the settlement of the whole sample condor, shorts first."""
    shorts = (settled(SHORT_PUT, -quantity, settlement), settled(SHORT_CALL, -quantity, settlement))
    longs = (settled(LONG_PUT, quantity, settlement), settled(LONG_CALL, quantity, settlement))
    return shorts + longs


def book_after(*records: Record, start: str = "100000") -> Book:
    """Return a book that took in the records."""
    book = Book(Decimal(start))
    for record in records:
        book.apply(record)
    return book


def book_state(book: Book) -> dict[str, object]:
    """Return all that a book knows, as plain values to compare."""
    ledger = book.ledger
    return {
        "holdings": ledger.holdings,
        "purses": ledger.purses,
        "cash": ledger.cash_usd,
        "orders": book.orders,
        "working": book.working(),
        "plan": book.plan,
        "marks": book.last_mark,
        "hedge_pnl": list(book.hedge_pnl),
        "fills": book.fill_fees_usd,
        "open_max_loss": book.open_max_loss_usd(),
        "positions": book.positions(),
    }


def moment(name: MomentName, at: datetime = AT, session: date = FRIDAY) -> Moment:
    """Return a moment of the sample session."""
    return Moment(name, at, session, MissedPolicy.SKIP, timedelta(minutes=4))


SIDES: Mapping[OptionContract, tuple[float, float]] = {
    SHORT_PUT: (2.00, 2.20),
    LONG_PUT: (1.20, 1.35),
    SHORT_CALL: (1.80, 1.95),
    LONG_CALL: (0.95, 1.05),
    VIX_CALL: (1.40, 1.60),
    VIX_CALL_LATER: (1.40, 1.60),
}


def snapshot(quotes: Mapping[OptionContract, tuple[float, float]] | None = None) -> MarketSnapshot:
    """Return a market with SPX at 2762.13 and VIX at 17.31, and the quotes given, or the sample's
    own: the condor at a mid credit of 1.70, VIX calls at 1.50."""
    levels = IndexLevels(AT, 2762.13, 17.31, 18.0, 16.5)
    curve = FuturesCurve((date(2018, 2, 14), date(2018, 3, 21)), (16.1, 15.6))
    shown = {
        contract: Quote(AT, *sides)
        for contract, sides in (SIDES if quotes is None else quotes).items()
    }
    return MarketSnapshot(AT, levels, curve, {}, shown)


@dataclass
class OneOrder:
    """A strategy that proposes the same orders at one moment, and nothing at any other."""

    orders: tuple[OrderIntent, ...]
    name: str = "condor"
    at: MomentName = MomentName.ENTRY
    reason: str = "SELL"
    views: list[View] = field(default_factory=list)

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for index levels at the moment."""
        return SnapshotRequest() if context.moment.name is self.at else None

    def decide(self, view: View) -> Decision:
        """Propose the orders."""
        self.views.append(view)
        return Decision(
            self.name,
            self.at,
            view.session,
            view.at,
            "TRADE" if self.orders else "SKIP",
            self.reason,
            "As told.",
            orders=self.orders,
        )


def engine_of(
    world: World,
    strategies: Sequence[Strategy],
    record: Callable[[Record], None],
    *,
    risk: RiskParams | None = None,
    settings: Settings | None = None,
) -> Engine:
    """Return an engine over a fresh book of $100,000."""
    known = settings or Settings()
    return Engine(
        strategies=strategies,
        book=Book(Decimal(100_000)),
        risk=RiskGate(risk or RiskParams()),
        reference=Reference(world.calendar, world.listings, world.macro),
        tape=Tape(world.history, world.calendar, known.vix_gate),
        run_mode="T",
        record=record,
    )


@dataclass(frozen=True)
class Replayed:
    """A replay that is over: its rig, its records in order, and its journal if it kept one."""

    rig: Rig
    records: tuple[Record, ...]
    journal: Path | None = None

    @property
    def decisions(self) -> list[Decision]:
        """Return all decisions in order."""
        return [each.decision for each in self.of(DecisionMade)]

    def of(self, kind: type[T]) -> list[T]:
        """Return the records of one kind in order."""
        return [record for record in self.records if isinstance(record, kind)]


def replay(
    world: World,
    first: date,
    last: date,
    *,
    settings: Settings | None = None,
    seed: int | None = None,
    journal: Path | str | None = None,
    watch: Callable[[Rig, Record], None] | None = None,
) -> Replayed:
    """Replay a window; `watch` sees each record before the book takes it in."""
    span = window(world, first, last)
    drawn = world.seed if seed is None else seed
    rig = replay_rig(settings or Settings(), world, span, drawn, journal)
    records: list[Record] = []
    rig.engine.listen(records.append)
    if watch is not None:
        rig.engine.listen(lambda record: watch(rig, record))
    backtest(rig, span)
    return Replayed(rig, tuple(records), journal if isinstance(journal, Path) else None)
