"""The static hedge: a ladder that is opened, kept and rolled by DTE, without recycling, tilt or
re-checks around releases (R-35 ii). It trades at natural prices in a book of its own.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from bot.book import HEDGE, Book
from bot.equity import value_book
from bot.events import DecisionMade, OrderApproved
from bot.shadow_condors import OLDEST_QUOTE
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import price_package
from market.instruments import OptionContract, TradingClass
from market.orders import Order, OrderAccepted, OrderFilled, OrderIntent, PositionSettled
from market.quotes import MarketSnapshot, Quote, SnapshotRequest
from market.schedule import Moment, MomentName
from strategies.alvh import AlvhStrategy
from strategies.base import Context, Decision, View
from strategies.params import MethodParams


def static_params(params: MethodParams) -> MethodParams:
    """Return the method without R-23, R-25 and R-26."""
    alvh = params.alvh.model_copy(
        update={"recycle_enabled": False, "tilt_enabled": False, "event_enabled": False}
    )
    return params.model_copy(update={"alvh": alvh})


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

    def decide(self, view: View) -> None:
        """Decide on the own book and trade at natural prices."""
        # The account's size is the full book's, so that both hedges cover the same condors.
        capital = replace(view.capital, hedge_cost_year_usd=self.book.hedge_cost_year_usd)
        own = replace(view, context=self._own(view.context), capital=capital)
        decision = self._strategy.decide(own)
        self.book.apply(DecisionMade(decision.at, decision.session, decision))
        for intent in decision.orders:
            self._trade(intent, decision, view.snapshot)

    def worth(self, snapshot: MarketSnapshot) -> tuple[Decimal, Decimal]:
        """Return (profit and loss so far, fees), dollars."""
        purse = self.book.ledger.purse(HEDGE)
        return purse.cash_usd + value_book(self.book, snapshot).value_usd[HEDGE], purse.fees_usd

    def mark(self, snapshot: MarketSnapshot) -> None:
        """Remember the profit and loss of a session, for the trailing yearly cost of R-24."""
        self.book.hedge_pnl.append(self.worth(snapshot)[0])

    def _trade(self, intent: OrderIntent, decision: Decision, snapshot: MarketSnapshot) -> None:
        quotes = _quotes_of(intent, snapshot)
        package = price_package(intent.legs, quotes, snapshot.at, OLDEST_QUOTE)
        if package is None:
            return
        self._count += 1
        order = Order(f"static-{self._count}", decision.session, intent)
        charge = self._fees.charge(intent.legs, package.natural_prices, intent.quantity)
        at = snapshot.at
        self.book.apply(OrderApproved(at, decision.session, order, "shadow"))
        self.book.apply(OrderAccepted(at, order.order_id))
        self.book.apply(
            OrderFilled(
                at,
                order.order_id,
                f"{order.order_id}/1",
                intent.quantity,
                package.natural_credit,
                package.natural_prices,
                charge.commission_usd,
                charge.exchange_fees_usd,
                package.mid_credit,
            )
        )
        self.rolls += intent.purpose.startswith("roll")
        self.refreshes += intent.purpose.startswith(("refresh", "steepen"))

    def settle(self, moment: Moment, vix: Decimal) -> None:
        """Settle calls that reached their expiry, which no rule intends, at VIX of the day."""
        expired = [
            contract
            for contract in self.contracts()
            if contract.expiry <= moment.session and contract.trading_class in _VIX
        ]
        for contract in dict.fromkeys(expired):
            position = self.book.ledger.positions()[contract]
            value = contract.intrinsic_points(vix)
            cash = position * value * contract.multiplier
            self.book.apply(PositionSettled(moment.at, contract, position, value, vix, cash, False))


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
