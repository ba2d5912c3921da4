"""Shadow books on the same fills, in the same pass: what each part of the method is worth (R-35).

Five books differ by one part each: condors alone; with a hedge that is only rolled; the full
method; with a stop at twice the credit instead of time shifts; without time shifts. All take the
entry fills of the full book at the prices and fees it paid.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from bot.book import Book
from bot.equity import Valuation
from bot.events import (
    DecisionMade,
    MarketSeen,
    OrderApproved,
    Record,
    ShadowMark,
    ShadowsMarked,
    ShadowTraded,
)
from bot.held import CONDOR, HEDGE
from bot.shadow_condors import CondorBook, Trade
from bot.shadow_hedge import StaticHedge
from brokers.sim.fees import FeeSchedule
from market.instruments import OptionContract
from market.orders import ZERO, FillCharged, Order, OrderFilled
from market.quotes import ChainKey, IndexLevels, MarketSnapshot, SnapshotRequest
from market.schedule import Moment, MomentName
from strategies.base import Context, View
from strategies.params import MethodParams
from strategies.shift import SCANS
from strategies.time_shift import root_campaign

CENT = Decimal("0.01")
STOP_CREDITS = Decimal(2)
SHADOW = "shadow"
FILLS_REMEMBERED = 64  # a broker tells its charges within days


class ShadowName(StrEnum):
    """The five books of R-35."""

    CONDOR_ONLY = "condor_only"
    STATIC_HEDGE = "static_hedge"
    FULL = "full"
    STOP_2X = "stop_2x"
    NO_TIME_SHIFT = "no_time_shift"


@dataclass
class Variants:
    """The three ways the same condors may live on."""

    traded: CondorBook = field(default_factory=CondorBook)
    stopped: CondorBook = field(default_factory=CondorBook)
    held: CondorBook = field(default_factory=CondorBook)

    def all(self) -> tuple[CondorBook, ...]:
        """Return all three."""
        return (self.traded, self.stopped, self.held)


@dataclass
class BookedFill:
    """A fill as the variants booked it: its fees as known so far, and the trades that bear them."""

    fees_usd: Decimal
    trades: list[tuple[CondorBook, Trade]]


class Shadows:
    """Keeps the shadow books: fed with every record, and with the market at its moments."""

    def __init__(self, params: MethodParams, start_usd: Decimal, fees: FeeSchedule) -> None:
        self.condors = Variants()
        self.static = StaticHedge(params, start_usd, fees) if params.alvh.enabled else None
        self._start_usd = start_usd
        self._fees = fees
        self._orders: dict[str, Order] = {}
        self._fills: dict[str, BookedFill] = {}
        self._tiers: dict[str, str] = {}
        self._levels: IndexLevels | None = None

    def recall(self, record: Record) -> None:
        """Take in a record of the past: what the books did then is repeated, not decided again."""
        self.watch(record)
        if isinstance(record, MarketSeen):
            self._levels = record.levels
        elif isinstance(record, ShadowTraded):
            self._repeat(record)
        elif isinstance(record, ShadowsMarked) and self._levels is not None:
            self._settle(record.session, record.at, self._levels)
            if self.static is not None:
                self.static.note_pnl(record.books[ShadowName.STATIC_HEDGE].hedge_pnl_usd)

    def _repeat(self, traded: ShadowTraded) -> None:
        if traded.book == ShadowName.STATIC_HEDGE and self.static is not None:
            self.static.repeat(traded)
        elif traded.book == ShadowName.STOP_2X:
            for order, fill in zip(traded.orders, traded.fills, strict=True):
                self.condors.stopped.buy_back(order.intent.campaign, fill)
            self.condors.stopped.close_finished()

    def watch(self, record: Record) -> None:
        """Take in one record of the full book."""
        if isinstance(record, DecisionMade):
            self._note_tier(record)
        elif isinstance(record, OrderApproved):
            if record.order.intent.strategy == CONDOR:
                self._orders[record.order.order_id] = record.order
        elif isinstance(record, OrderFilled) and record.order_id in self._orders:
            self._filled(record)
        elif isinstance(record, FillCharged):
            self._charged(record)

    def _note_tier(self, record: DecisionMade) -> None:
        tier = record.decision.facts.get("tier")
        for intent in record.decision.orders:
            if intent.strategy == CONDOR and isinstance(tier, str):
                self._tiers = {intent.campaign: tier}

    def _filled(self, fill: OrderFilled) -> None:
        order = self._orders[fill.order_id]
        intent, session = order.intent, order.session
        tier = self._tiers.get(root_campaign(intent.campaign), "")
        is_entry = not intent.is_closing and root_campaign(intent.campaign) == intent.campaign
        books = self.condors.all() if is_entry else (self.condors.traded,)
        trades = [(book, book.fill(intent, fill, session, tier)) for book in books]
        self._fills[fill.fill_id] = BookedFill(fill.fees_usd, trades)
        while len(self._fills) > FILLS_REMEMBERED:
            del self._fills[next(iter(self._fills))]

    def _charged(self, charge: FillCharged) -> None:
        """Have the variants bear what the broker charged later, as the full book does."""
        booked = self._fills.get(charge.fill_id)
        if booked is None:
            return
        further_usd, booked.fees_usd = charge.fees_usd - booked.fees_usd, charge.fees_usd
        for book, trade in booked.trades:
            book.charge(trade, further_usd)

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Return what the shadows want to see at this moment, beyond what the full book does."""
        chains: tuple[ChainKey, ...] = ()
        wanted = self.static.needs(context) if self.static is not None else None
        if wanted is not None:
            chains = wanted.chains
        is_watched = context.moment.name in SCANS and self.condors.stopped.contracts()
        is_due = context.moment.name in (MomentName.HEDGE_REVIEW, MomentName.HEDGE_WINDOW)
        if not is_watched and not is_due:
            return None
        return SnapshotRequest(chains, tuple(self._contracts()))

    def _contracts(self) -> Iterable[OptionContract]:
        for book in self.condors.all():
            yield from book.contracts()
        if self.static is not None:
            yield from self.static.contracts()

    def see(self, view: View, book: Book, valuation: Valuation) -> Iterator[Record]:
        """Act on the market of a moment and tell it; at the review mark all five books."""
        moment, snapshot = view.context.moment, view.snapshot
        if moment.name in SCANS:
            yield from self._stop(moment, snapshot)
        if moment.name is MomentName.HEDGE_WINDOW and self.static is not None:
            done = self.static.decide(view)
            if done.changes_something:
                plan, orders, fills = done.plan, tuple(done.orders), tuple(done.fills)
                name = ShadowName.STATIC_HEDGE
                yield ShadowTraded(snapshot.at, moment.session, name, plan, orders, fills)
        if moment.name is MomentName.HEDGE_REVIEW:
            self._settle(moment.session, moment.at, snapshot.levels)
            yield self._mark(moment, snapshot, book, valuation)

    def _stop(self, moment: Moment, snapshot: MarketSnapshot) -> Iterator[Record]:
        stops = self.condors.stopped.stop(moment.session, snapshot, STOP_CREDITS, self._fees)
        if stops:
            orders, fills = zip(*stops, strict=True)
            name = ShadowName.STOP_2X
            yield ShadowTraded(snapshot.at, moment.session, name, None, orders, fills)

    def _settle(self, session: date, at: datetime, levels: IndexLevels) -> None:
        close = Decimal(f"{levels.spx:.2f}")
        for variant in self.condors.all():
            variant.settle(session, close)
        if self.static is not None:
            self.static.settle(session, at, Decimal(f"{levels.vix:.2f}"))
        open_orders = {o for o, order in self._orders.items() if order.session == session}
        self._orders = {name: self._orders[name] for name in open_orders}

    def _mark(
        self, moment: Moment, snapshot: MarketSnapshot, book: Book, valuation: Valuation
    ) -> ShadowsMarked:
        hedge = book.ledger.purse(HEDGE)
        full_hedge = (hedge.cash_usd + valuation.value_usd[HEDGE], hedge.fees_usd)
        none = (ZERO, ZERO)
        traded = self._worth(self.condors.traded, snapshot)
        rows = {
            ShadowName.CONDOR_ONLY: (traded, none),
            ShadowName.STATIC_HEDGE: (traded, self._static_worth(snapshot)),
            ShadowName.FULL: (traded, full_hedge),
            ShadowName.STOP_2X: (self._worth(self.condors.stopped, snapshot), full_hedge),
            ShadowName.NO_TIME_SHIFT: (self._worth(self.condors.held, snapshot), full_hedge),
        }
        marks = {name.value: self._row(*row) for name, row in rows.items()}
        return ShadowsMarked(moment.at, moment.session, marks)

    def _worth(self, condors: CondorBook, snapshot: MarketSnapshot) -> tuple[Decimal, Decimal]:
        return condors.cash_usd + condors.value_usd(snapshot), condors.fees_usd

    def _static_worth(self, snapshot: MarketSnapshot) -> tuple[Decimal, Decimal]:
        if self.static is None:
            return ZERO, ZERO
        self.static.mark(snapshot)
        return self.static.worth(snapshot)

    def _row(self, condors: tuple[Decimal, Decimal], hedge: tuple[Decimal, Decimal]) -> ShadowMark:
        nlv = self._start_usd + condors[0] + hedge[0]
        return ShadowMark(nlv.quantize(CENT), hedge[0].quantize(CENT), condors[1] + hedge[1])

    def win_rates(self) -> dict[str, dict[str, float]]:
        """Return per book the share of finished trades that kept money, by tier."""
        traded = self.condors.traded.win_rate_by_tier()
        return {
            ShadowName.CONDOR_ONLY: traded,
            ShadowName.STATIC_HEDGE: traded,
            ShadowName.FULL: traded,
            ShadowName.STOP_2X: self.condors.stopped.win_rate_by_tier(),
            ShadowName.NO_TIME_SHIFT: self.condors.held.win_rate_by_tier(),
        }
