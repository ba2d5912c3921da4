"""The simulated exchange behind the ports Broker and Timed: it meets the clock and the market."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from brokers.base import AccountState
from brokers.sim.exchange import SimExchange
from brokers.sim.margin import SeriesKey
from market.instruments import OptionContract, TradingClass
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled, SettlementAwaited
from market.quotes import Quote
from market.sessions import SessionCalendar

ASK_AGAIN_AFTER = timedelta(minutes=1)


class SimMarket(Protocol):
    """What the simulated venue needs to know of its market."""

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of what is listed at `at`; a series that is not has no entry."""

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the official settlement value, or None outside history."""

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        """Tell whether that value was published by `at`."""


def regular_hours(calendar: SessionCalendar) -> Callable[[OptionContract, datetime], bool]:
    """Return the rule by which a contract trades: open to option close of a session.

    Combos trade in these hours only (IB's message 2109). When a series' own last trading moment
    comes earlier, `trading_ends_at` says so.
    """

    def is_open(_contract: OptionContract, at: datetime) -> bool:
        # These hours never cross midnight UTC, so the UTC date is the session's date.
        day = at.date()
        if not calendar.is_session(day):
            return False
        hours = calendar.session(day)
        return hours.open_at <= at < hours.option_close_at

    return is_open


class SimBroker:
    """Runs the simulated exchange on a clock; nothing here ever suspends.

    Events come out in the order of their own times: before anything else happens at an instant,
    everything that was due by then happens first, each at its own time.
    """

    def __init__(
        self,
        exchange: SimExchange,
        market: SimMarket,
        calendar: SessionCalendar,
        clock: Callable[[], datetime],
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._events: list[BrokerEvent] = []
        self._listeners: list[Callable[[], None]] = []
        self._settlements: dict[SeriesKey, datetime] = {}
        self._awaited: set[SeriesKey] = set()
        self._note_series_held()

    async def connect(self) -> None:
        """Do nothing: the exchange is in this process."""

    async def close(self) -> None:
        """Do nothing: the exchange is in this process."""

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order; its fate arrives as events."""
        at = self._clock()
        self._catch_up(at)
        contracts = tuple(leg.contract for leg in approved.order.intent.legs)
        self._publish(self._exchange.submit(approved, at, self._market.quotes(contracts, at)))

    async def cancel(self, order_id: str) -> None:
        """Stop an order unless it is finished by then."""
        at = self._clock()
        self._catch_up(at)
        self._publish(self._exchange.cancel(order_id, at))

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work at the exchange."""
        return self._exchange.open_orders()

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held, without zeros."""
        return self._exchange.positions()

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills of the last days at or after `since`, oldest first."""
        return self._exchange.executions(since)

    async def account(self) -> AccountState:
        """Return cash, margin and fees in dollars."""
        return self._exchange.account()

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return the events since the last call, oldest first."""
        events = tuple(self._events)
        self._events.clear()
        return events

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever events wait to be drained."""
        self._listeners.append(wake)

    def due(self) -> datetime | None:
        """Return when time alone next changes something, or None."""
        exchange_due = self._exchange.due()
        if not self._settlements:
            return exchange_due
        settlement_due = min(self._settlements.values())
        return settlement_due if exchange_due is None else min(exchange_due, settlement_due)

    def advance(self, at: datetime) -> None:
        """Let everything happen that is due up to `at`, then show resting orders the market."""
        last = self._catch_up(at)
        if last != at and self._exchange.open_orders():
            self._show_market(at)

    def _catch_up(self, at: datetime) -> datetime | None:
        """Process what is due up to `at` and return the last instant at which anything was."""
        last: datetime | None = None
        while (due := self.due()) is not None and due <= at:
            self._show_market(due)
            self._settle(due)
            last = due
        return last

    def _show_market(self, at: datetime) -> None:
        contracts = self._exchange.contracts_of_interest()
        if contracts:
            self._publish(self._exchange.on_market(at, self._market.quotes(contracts, at)))

    def _settle(self, at: datetime) -> None:
        for series, due in tuple(self._settlements.items()):
            if due > at:
                continue
            value = self._market.settlement_points(*series)
            if value is None or not self._market.settlement_known(*series, at):
                self._await_value(series, at)
            else:
                self._publish(self._exchange.settle(series, value, at, is_official=True))

    def _await_value(self, series: SeriesKey, at: datetime) -> None:
        """Ask again later; the first time, say that the series waits."""
        self._settlements[series] = at + ASK_AGAIN_AFTER
        if series not in self._awaited:
            self._awaited.add(series)
            due_at = self._calendar.settles_at(*series)
            self._publish((SettlementAwaited(at, *series, due_at),))

    def _publish(self, events: tuple[BrokerEvent, ...]) -> None:
        if not events:
            return
        self._events += events
        self._note_series_held()
        for wake in self._listeners:
            wake()

    def _note_series_held(self) -> None:
        known = self._settlements
        self._settlements = {
            series: known.get(series) or self._calendar.settles_at(*series)
            for series in self._exchange.series_held()
        }
