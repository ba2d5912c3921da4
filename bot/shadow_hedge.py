"""The static hedge: a ladder that is opened, kept and rolled by DTE, without recycling, tilt or
re-checks around releases (R-35 ii). It trades at natural prices in a book of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from bot.book import Book
from bot.equity import value_book
from bot.events import DecisionMade, OrderApproved, ShadowTraded
from bot.held import HEDGE
from bot.shadow_condors import OLDEST_QUOTE
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import price_package
from market.instruments import OptionContract, TradingClass
from market.orders import Order, OrderAccepted, OrderFilled, OrderIntent, PositionSettled
from market.quotes import MarketSnapshot, Quote, SnapshotRequest
from market.schedule import MomentName
from strategies.alvh import AlvhStrategy
from strategies.base import Context, Decision, HedgePlan, View
from strategies.params import MethodParams


def static_params(params: MethodParams) -> MethodParams:
    """Return the method without R-23, R-25 and R-26."""
    alvh = params.alvh.model_copy(
        update={"recycle_enabled": False, "tilt_enabled": False, "event_enabled": False}
    )
    return params.model_copy(update={"alvh": alvh})


CENT = Decimal("0.01")


@dataclass(slots=True)
class Done:
    """What one decision of the static hedge came to."""

    plan: HedgePlan | None
    orders: list[Order] = field(default_factory=list)
    fills: list[OrderFilled] = field(default_factory=list)

    @property
    def changes_something(self) -> bool:
        """Tell whether the book is another one now."""
        return self.plan is not None or bool(self.fills)


class StaticHedge:
    """Runs the hedge strategy once a session on a book that shares the full book's condors."""

    def __init__(self, params: MethodParams, start_usd: Decimal, fees: FeeSchedule) -> None:
        self.book = Book(start_usd)
        self.rolls = self.refreshes = 0
        self._strategy = AlvhStrategy(static_params(params))
        self._fees = fees
        self._count = 0

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for what the strategy wants to see, at the hedge window only."""
        if context.moment.name is not MomentName.HEDGE_WINDOW:
            return None
        return self._strategy.needs(self._own(context))

    def contracts(self) -> tuple[OptionContract, ...]:
        """Return the hedge series held."""
        return tuple(h.contract for h in self.book.ledger.holdings.values() if h.strategy == HEDGE)

    def _own(self, context: Context) -> Context:
        return replace(context, positions=self.book.positions())

    def decide(self, view: View) -> Done:
        """Decide on the own book and trade at natural prices; return what was done."""
        # The account's size is the full book's, so that both hedges cover the same condors.
        capital = replace(view.capital, hedge_cost_year_usd=self.book.hedge_cost_year_usd)
        own = replace(view, context=self._own(view.context), capital=capital)
        decision = self._strategy.decide(own)
        self.book.apply(DecisionMade(decision.at, decision.session, decision))
        done = Done(decision.plan)
        for intent in decision.orders:
            self._trade(intent, decision, view.snapshot, done)
        return done

    def repeat(self, traded: ShadowTraded) -> None:
        """Do again what a record says was done."""
        if traded.plan is not None:
            self.book.plan = traded.plan
        for order, fill in zip(traded.orders, traded.fills, strict=True):
            self._book(order, fill)

    def worth(self, snapshot: MarketSnapshot) -> tuple[Decimal, Decimal]:
        """Return (profit and loss so far, fees), dollars."""
        purse = self.book.ledger.purse(HEDGE)
        return purse.cash_usd + value_book(self.book, snapshot).value_usd[HEDGE], purse.fees_usd

    def mark(self, snapshot: MarketSnapshot) -> None:
        """Remember the profit and loss of a session, for the trailing yearly cost of R-24."""
        self.note_pnl(self.worth(snapshot)[0].quantize(CENT))

    def note_pnl(self, pnl_usd: Decimal) -> None:
        """Take in the profit and loss of a session's end."""
        self.book.hedge_pnl.append(pnl_usd)

    def _trade(
        self, intent: OrderIntent, decision: Decision, snapshot: MarketSnapshot, done: Done
    ) -> None:
        quotes = _quotes_of(intent, snapshot)
        package = price_package(intent.legs, quotes, snapshot.at, OLDEST_QUOTE)
        if package is None:
            return
        order = Order(f"static-{self._count + 1}", decision.session, intent)
        charge = self._fees.charge(intent.legs, package.natural_prices, intent.quantity)
        fill = OrderFilled(
            snapshot.at,
            order.order_id,
            f"{order.order_id}/1",
            intent.quantity,
            package.natural_credit,
            package.natural_prices,
            charge.commission_usd,
            charge.exchange_fees_usd,
            package.mid_credit,
        )
        self._book(order, fill)
        done.orders.append(order)
        done.fills.append(fill)

    def _book(self, order: Order, fill: OrderFilled) -> None:
        self._count += 1
        self.book.apply(OrderApproved(fill.at, order.session, order, "shadow"))
        self.book.apply(OrderAccepted(fill.at, order.order_id))
        self.book.apply(fill)
        purpose = order.intent.purpose
        self.rolls += purpose.startswith("roll")
        self.refreshes += purpose.startswith(("refresh", "steepen"))

    def settle(self, session: date, at: datetime, vix: Decimal) -> None:
        """Settle calls that reached their expiry, which no rule intends, at VIX of the day."""
        expired = [
            contract
            for contract in self.contracts()
            if contract.expiry <= session and contract.trading_class in _VIX
        ]
        for contract in dict.fromkeys(expired):
            position = self.book.ledger.positions()[contract]
            value = contract.intrinsic_points(vix)
            cash = position * value * contract.multiplier
            self.book.apply(PositionSettled(at, contract, position, value, vix, cash, False))


_VIX = frozenset({TradingClass.VIX, TradingClass.VIXW})


def _quotes_of(intent: OrderIntent, snapshot: MarketSnapshot) -> dict[OptionContract, Quote]:
    """Return the legs' quotes, from the quotes asked for or from their chains."""
    found: dict[OptionContract, Quote] = {}
    for contract in _contracts(intent):
        quote = snapshot.quotes.get(contract)
        if quote is None:
            chain = snapshot.chains.get((contract.trading_class, contract.expiry))
            quote = None if chain is None else chain.quote(contract.strike, contract.right)
        if quote is not None:
            found[contract] = quote
    return found


def _contracts(intent: OrderIntent) -> Iterable[OptionContract]:
    return (leg.contract for leg in intent.legs)
