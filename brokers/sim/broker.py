"""The simulated exchange behind the ports Broker and Timed: it meets the clock and the market."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from brokers.base import AccountState
from brokers.sim.admission import Refusal
from brokers.sim.exchange import ExchangeState, SimExchange
from brokers.sim.margin import SeriesKey
from market.errors import BooksDiffer
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


@dataclass(frozen=True, slots=True)
class VenueState:
    """What a venue needs to go on: its exchange, and the series whose settlement is to come."""

    exchange: ExchangeState
    settlements: tuple[tuple[SeriesKey, datetime], ...]
    awaited: tuple[SeriesKey, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a store gives back: the state as of `at`, and every order ever seen."""

    at: datetime
    state: VenueState
    orders: tuple[Order, ...]


class VenueStore(Protocol):
    """Keeps what a venue did, so that its end ends nothing."""

    @property
    def events_told(self) -> int:
        """Return how many events the venue ever told."""

    def load(self) -> Kept | None:
        """Return what was kept, or None when nothing was."""

    def add(
        self, at: datetime, order: Order | None, events: Iterable[BrokerEvent], state: VenueState
    ) -> None:
        """Make what one call changed durable, whole or not at all."""

    def events_after(self, heard: int) -> tuple[BrokerEvent, ...]:
        """Return every event after the first `heard`, oldest first."""


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
    everything that was due by then happens first, each at its own time. With a store the venue
    goes on from what is kept there, and keeps what a call changed before anybody hears of it. Its
    time never runs back, whatever the clock says.
    """

    def __init__(
        self,
        exchange: SimExchange,
        market: SimMarket,
        calendar: SessionCalendar,
        clock: Callable[[], datetime],
        store: VenueStore | None = None,
    ) -> None:
        self._exchange = exchange
        self._market = market
        self._calendar = calendar
        self._clock = clock
        self._store = store
        self._at: datetime | None = None
        self._fresh: list[BrokerEvent] = []
        self._events: list[BrokerEvent] = []
        self._listeners: list[Callable[[], None]] = []
        self._settlements: dict[SeriesKey, datetime] = {}
        self._awaited: set[SeriesKey] = set()
        kept = None if store is None else store.load()
        if kept is not None:
            self._resume(kept)
        self._note_series_held()

    def _resume(self, kept: Kept) -> None:
        self._exchange.resume(kept.state.exchange, kept.orders)
        self._settlements = dict(kept.state.settlements)
        self._awaited = set(kept.state.awaited)
        self._at = kept.at

    @property
    def at(self) -> datetime | None:
        """Return the latest instant that the venue has seen, None before its first."""
        return self._at

    async def retell(self, heard: int) -> None:
        """Put the events after the first `heard` ones up for draining again.

        Raises:
            BooksDiffer: so many were never told.
        """
        if self._store is None:
            if heard:
                raise BooksDiffer(
                    f"the exchange is new, yet the journal heard {heard} events of it"
                )
            return
        if heard > self._store.events_told:
            raise BooksDiffer(
                f"the exchange told {self._store.events_told} events, yet the journal heard {heard}"
            )
        self._events = list(self._store.events_after(heard))

    async def connect(self) -> None:
        """Do nothing: the exchange is in this process."""

    async def close(self) -> None:
        """Do nothing: the exchange is in this process."""

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order; its fate arrives as events."""
        at = self._now()
        self._catch_up(at)
        contracts = tuple(leg.contract for leg in approved.order.intent.legs)
        is_new = not self._exchange.has_seen(approved.order.order_id)
        self._note(self._exchange.submit(approved, at, self._market.quotes(contracts, at)))
        self._publish(at, approved.order if is_new else None)

    async def cancel(self, order_id: str) -> None:
        """Stop an order unless it is finished by then."""
        at = self._now()
        self._catch_up(at)
        self._note(self._exchange.cancel(order_id, at))
        self._publish(at)

    def objection(self, order: Order, *, instead_of: str) -> Refusal | None:
        """Return why the exchange would turn an order down that took another's place, or None."""
        at = self._now()
        contracts = tuple(leg.contract for leg in order.intent.legs)
        quotes = self._market.quotes(contracts, at)
        return self._exchange.objection(order, at, quotes, instead_of=instead_of)

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
        at = self._not_before(at)
        last = self._catch_up(at)
        if last != at and self._exchange.open_orders():
            self._show_market(at)
        self._publish(at)

    def _now(self) -> datetime:
        return self._not_before(self._clock())

    def _not_before(self, at: datetime) -> datetime:
        self._at = at if self._at is None else max(at, self._at)
        return self._at

    def _catch_up(self, at: datetime) -> datetime | None:
        """Process what is due up to `at` and return the last instant at which anything was."""
        last: datetime | None = None
        while (due := self.due()) is not None and due <= at:
            self._show_market(due)
            self._settle(due)
            last = due
        return last

    def _show_market(self, at: datetime) -> None:
        contracts = self._exchange.contracts_of_interest(at)
        if contracts:
            self._note(self._exchange.on_market(at, self._market.quotes(contracts, at)))

    def _settle(self, at: datetime) -> None:
        for series, due in tuple(self._settlements.items()):
            if due > at:
                continue
            value = self._market.settlement_points(*series)
            if value is None or not self._market.settlement_known(*series, at):
                self._await_value(series, at)
            else:
                self._note(self._exchange.settle(series, value, at, is_official=True))

    def _await_value(self, series: SeriesKey, at: datetime) -> None:
        """Ask again later; the first time, say that the series waits."""
        self._settlements[series] = at + ASK_AGAIN_AFTER
        if series not in self._awaited:
            self._awaited.add(series)
            due_at = self._calendar.settles_at(*series)
            self._note((SettlementAwaited(at, *series, due_at),))

    def _note(self, events: tuple[BrokerEvent, ...]) -> None:
        if events:
            self._fresh += events
            self._note_series_held()

    def _publish(self, at: datetime, order: Order | None = None) -> None:
        """Keep what this call changed, and only then let it be heard."""
        events, self._fresh = self._fresh, []
        if self._store is not None:
            self._store.add(at, order, events, self._state())
        if events:
            self._events += events
            for wake in self._listeners:
                wake()

    def _state(self) -> VenueState:
        settlements, awaited = tuple(self._settlements.items()), tuple(sorted(self._awaited))
        return VenueState(self._exchange.state(), settlements, awaited)

    def _note_series_held(self) -> None:
        known = self._settlements
        self._settlements = {
            series: known.get(series) or self._calendar.settles_at(*series)
            for series in self._exchange.series_held()
        }
