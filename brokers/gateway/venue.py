"""The account behind the gateway: the simulated exchange, its market and the desk of orders.

No sockets here. Every change is told to listeners as a `Told`; connections turn it into messages.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from brokers.gateway import account
from brokers.gateway.contracts import Directory, WireContract, option_of_id
from brokers.gateway.indices import SettledMarket
from brokers.gateway.news import OrderMoved, OrderRefused, PositionMoved, Refused, Told, Traded
from brokers.gateway.orders import OrderDesk, Status, Ticket
from brokers.gateway.requests import BAG, WireOrder
from brokers.sim.admission import RejectionCode
from brokers.sim.broker import SimBroker
from brokers.sim.fees import FeeSchedule
from brokers.unsuspended import run_now
from market.instruments import OptionContract, TradingClass, floor_to_tick
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    Leg,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    PositionSettled,
    legal_tick,
)
from market.quotes import Chain, IndexLevels, Quote
from market.sessions import SessionCalendar, exchange_zone

CONDOR_LEGS = 4


class Market(SettledMarket, Protocol):
    """What the gateway shows of the market."""

    def levels(self, at: datetime) -> IndexLevels:
        """Return the index levels."""

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        """Return the chain of an expiry."""

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of what is listed."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the venue is made of."""

    broker: SimBroker
    market: Market
    directory: Directory
    calendar: SessionCalendar
    fees: FeeSchedule
    clock: Callable[[], datetime]
    account: str


class Venue:
    """One paper account on the simulated exchange."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self.desk = OrderDesk()
        self.holdings = account.Holdings()
        self._listeners: list[Callable[[Told], None]] = []
        self._held_back: list[Ticket] = []

    @property
    def now(self) -> datetime:
        """Return the present instant of the gateway's clock."""
        return self.means.clock()

    def listen(self, listener: Callable[[Told], None]) -> None:
        """Have `listener` called with every change from now on."""
        self._listeners.append(listener)

    def is_open(self) -> bool:
        """Tell whether options trade in regular hours now."""
        return self._session_end() is not None

    def _session_end(self) -> datetime | None:
        calendar, now = self.means.calendar, self.now
        if not calendar.is_session(now.date()):
            return None
        session = calendar.session(now.date())
        return session.option_close_at if session.open_at <= now < session.option_close_at else None

    def legs_of(self, wire: WireOrder | None, contract: WireContract) -> tuple[Leg, ...]:
        """Return what one unit of an order's contract is made of, as its action buys or sells it.

        Raises:
            Refused: a contract is unknown (200), or the combo is none (321).
        """
        legs = () if wire is None else wire.legs
        if contract.sec_type != BAG:
            option = self.means.directory.option(contract)
            if option is None:
                raise Refused(200, "No security definition has been found for the request")
            return (Leg(option, 1),)
        if not legs:
            raise Refused(321, "Error validating request:-'cp' : cause - combo without legs")
        return tuple(self.leg(leg.con_id, leg.ratio, leg.action) for leg in legs)

    def leg(self, con_id: int, ratio: int, action: str) -> Leg:
        """Return a leg with its sign.

        Raises:
            Refused: the contract is unknown or the ratio none.
        """
        option = option_of_id(con_id)
        if option is None or not self.means.directory.is_listed(option):
            raise Refused(200, "No security definition has been found for the request")
        if ratio <= 0 or action not in {"BUY", "SELL"}:
            raise Refused(321, "Error validating request:-'cp' : cause - leg without ratio or side")
        return Leg(option, ratio if action == "BUY" else -ratio)

    def place(self, client_id: int, wire: WireOrder) -> Ticket:
        """Take a new order or the modification of a working one.

        Raises:
            Refused: the order cannot be; nothing has changed.
        """
        known = self.desk.known(client_id, wire.order_id)
        if known is not None:
            return self._modify(known, wire)
        if wire.order_id <= self.desk.highest_order_id(client_id):
            raise Refused(103, "Duplicate order id")
        legs = self._checked(wire)
        ticket = self.desk.take(client_id, wire, legs, self.now)
        self._send(ticket)
        return ticket

    def _checked(self, wire: WireOrder) -> tuple[Leg, ...]:
        """Return the signed legs of an order that may be sent."""
        if wire.account not in {"", self.means.account}:
            raise Refused(321, f"Error validating request:-'bW' : cause - account {wire.account}")
        if wire.uses_etrade_fields:
            raise Refused(10268, "The 'EtradeOnly' order attribute is not supported")
        if wire.order_type != "LMT" or wire.limit_price is None:
            raise Refused(387, "Unsupported order type for this exchange and security type")
        if wire.quantity <= 0 or wire.quantity != int(wire.quantity):
            raise Refused(434, "The order size cannot be zero")
        if len(wire.legs) == CONDOR_LEGS and wire.has_leg_prices:
            raise Refused(10058, "Combo leg prices are not allowed for this combo")
        if len(wire.legs) == CONDOR_LEGS and dict(wire.routing).get("NonGuaranteed") == "1":
            raise Refused(10043, "Non-guaranteed combos of four legs are not allowed")
        sign = 1 if wire.action == "BUY" else -1
        legs = tuple(
            Leg(leg.contract, sign * leg.ratio) for leg in self.legs_of(wire, wire.contract)
        )
        intent = self._intent(wire, legs, int(wire.quantity))
        tick = legal_tick(intent)
        if floor_to_tick(intent.limit_credit, tick) != intent.limit_credit:
            raise Refused(
                110, "The price does not conform to the minimum price variation for this contract."
            )
        return legs

    def _intent(self, wire: WireOrder, legs: tuple[Leg, ...], quantity: int) -> OrderIntent:
        limit = wire.limit_price or Decimal(0)
        credit = -limit if wire.action == "BUY" else limit
        end = self._session_end() or self._next_close()
        # The venue ends what works at its close; a good-till-cancelled order is sent anew each day.
        return OrderIntent("client", "order", "client", legs, quantity, credit, end)

    def _next_close(self) -> datetime:
        calendar, now = self.means.calendar, self.now
        day = calendar.on_or_after(now.date())
        if now >= calendar.session(day).option_close_at:
            day = calendar.next(day)
        return calendar.session(day).option_close_at

    def _send(self, ticket: Ticket) -> None:
        """Let the exchange have an order, or hold it until the market opens."""
        if not self.is_open():
            ticket.status = Status.PRE_SUBMITTED
            self._held_back.append(ticket)
            self._tell(OrderMoved(ticket))
            return
        intent = self._intent(ticket.wire, ticket.legs, ticket.remaining)
        session = self.means.calendar.on_or_before(self.now.date())
        order = Order(ticket.venue_id, session, intent)
        run_now(self.means.broker.submit(ApprovedOrder(order, "taken by the gateway")))
        self.hear()

    def _modify(self, ticket: Ticket, wire: WireOrder) -> Ticket:
        if not ticket.is_working:
            raise Refused(104, "Cannot modify a filled order.")
        same = replace(wire, limit_price=None, quantity=Decimal(0), is_transmitted=True)
        before = replace(ticket.wire, limit_price=None, quantity=Decimal(0), is_transmitted=True)
        if (same.legs, same.action, same.contract.con_id) != (
            before.legs,
            before.action,
            before.contract.con_id,
        ):
            raise Refused(105, "Order being modified does not match original order")
        self._checked(wire)
        if int(wire.quantity) <= ticket.filled:
            raise Refused(201, "Order rejected - reason:quantity is filled already")
        earlier = ticket.venue_id
        self.desk.revise(ticket, wire)
        if ticket not in self._held_back:
            run_now(self.means.broker.cancel(earlier))
            self.hear()
        if ticket.is_working:
            self._resend(ticket)
        return ticket

    def _resend(self, ticket: Ticket) -> None:
        if ticket in self._held_back:
            self._tell(OrderMoved(ticket))
        else:
            self._send(ticket)

    def cancel(self, client_id: int, order_id: int) -> Ticket:
        """Stop an order of a client.

        Raises:
            Refused: it is not known (10147) or over (10148).
        """
        ticket = self.desk.known(client_id, order_id)
        if ticket is None:
            raise Refused(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        if not ticket.is_working:
            raise Refused(
                10148,
                f"OrderId {order_id} that needs to be cancelled cannot be cancelled, "
                f"state: {ticket.status}.",
            )
        self.stop(ticket)
        return ticket

    def stop(self, ticket: Ticket) -> None:
        """Stop a working order."""
        if ticket in self._held_back:
            self._held_back.remove(ticket)
            self._end(ticket)
            return
        ticket.status = Status.PENDING_CANCEL
        self._tell(OrderMoved(ticket))
        run_now(self.means.broker.cancel(ticket.venue_id))
        self.hear()

    def advance(self) -> None:
        """Let everything happen that is due by now."""
        self.means.broker.advance(self.now)
        self.hear()
        if self._held_back and self.is_open():
            waiting, self._held_back = self._held_back, []
            for ticket in waiting:
                self._send(ticket)

    def due(self) -> datetime | None:
        """Return when time alone next changes something at the exchange, or None."""
        due = self.means.broker.due()
        if not self._held_back:
            return due
        opens_at = self._next_open()
        return opens_at if due is None else min(due, opens_at)

    def _next_open(self) -> datetime:
        calendar, now = self.means.calendar, self.now
        day = calendar.on_or_after(now.date())
        if now >= calendar.session(day).open_at:
            day = calendar.next(day)
        return calendar.session(day).open_at

    def has_working_orders(self) -> bool:
        """Tell whether an order works at the exchange now."""
        return any(ticket not in self._held_back for ticket in self.desk.working())

    def hear(self) -> None:
        """Take in what the exchange reported."""
        for event in self.means.broker.drain():
            self._take(event)

    def _take(self, event: BrokerEvent) -> None:
        if isinstance(event, PositionSettled):
            self.holdings.settle(event)
            self._tell(PositionMoved(event.contract))
        elif isinstance(event, OrderFilled):
            self._filled(event)
        elif isinstance(event, OrderAccepted | OrderRejected | OrderCancelled):
            ticket = self.desk.at_venue(event.order_id)
            if ticket is not None:
                self._moved(ticket, event)

    def _moved(self, ticket: Ticket, event: OrderAccepted | OrderRejected | OrderCancelled) -> None:
        if isinstance(event, OrderAccepted):
            ticket.status = Status.SUBMITTED
            self._tell(OrderMoved(ticket))
        elif isinstance(event, OrderCancelled):
            self._cancelled(ticket, event)
        else:
            ticket.status, ticket.ended_at = Status.INACTIVE, event.at
            ticket.reason = event.reason
            code = 200 if event.code == RejectionCode.UNKNOWN_CONTRACT else 201
            self._tell(OrderRefused(ticket, code, f"Order rejected - reason:{event.reason}"))

    def _cancelled(self, ticket: Ticket, event: OrderCancelled) -> None:
        """End an order; one that is good till cancelled waits for the next session instead."""
        ends_by_itself = ticket.status is not Status.PENDING_CANCEL
        if ends_by_itself and ticket.wire.time_in_force == "GTC":
            self.desk.revise(ticket, ticket.wire)
            ticket.status = Status.PRE_SUBMITTED
            self._held_back.append(ticket)
            self._tell(OrderMoved(ticket))
            return
        ticket.reason = event.reason
        self._end(ticket)

    def _end(self, ticket: Ticket) -> None:
        ticket.status, ticket.ended_at = Status.CANCELLED, self.now
        self._tell(OrderMoved(ticket))

    def _filled(self, event: OrderFilled) -> None:
        ticket = self.desk.any_revision(event.order_id)
        if ticket is None:
            return
        self.holdings.fill(ticket.legs, event)
        directory = self.means.directory
        contracts = {leg.contract: directory.wire(leg.contract) for leg in ticket.legs}
        made = self.desk.fill(ticket, event, self.means.account, contracts)
        self._tell(Traded(ticket, tuple(made)))
        for leg in ticket.legs:
            self._tell(PositionMoved(leg.contract))

    def _tell(self, told: Told) -> None:
        for listener in self._listeners:
            listener(told)

    def what_if(self, wire: WireOrder) -> tuple[Decimal, Decimal, Decimal]:
        """Return margin before, margin after and commission of an order, dollars.

        Raises:
            Refused: the order cannot be, or would leave a short uncovered.
        """
        legs = self._checked(wire)
        before = run_now(self.means.broker.account()).margin_usd
        positions = run_now(self.means.broker.positions())
        after = account.margin_after_usd(positions, legs, int(wire.quantity))
        if after is None:
            raise Refused(201, "Order rejected - reason:a short would stand uncovered")
        quotes = self.means.market.quotes([leg.contract for leg in legs], self.now)
        prices = tuple(_mid(quotes.get(leg.contract)) for leg in legs)
        charge = self.means.fees.charge(legs, prices, int(wire.quantity))
        return before, after, charge.commission_usd + charge.exchange_fees_usd

    def account_values(self) -> dict[str, Decimal]:
        """Return the account's figures by IB's names."""
        state = run_now(self.means.broker.account())
        positions = self.positions()
        quotes = self.means.market.quotes(positions, self.now)
        return account.values(state, account.market_value_usd(positions, quotes))

    def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held, without zeros."""
        return run_now(self.means.broker.positions())

    def day_start(self) -> datetime:
        """Return the exchange's midnight before now: a gateway remembers the day's orders."""
        local = self.now.astimezone(exchange_zone())
        return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _mid(quote: Quote | None) -> Decimal:
    mid = None if quote is None else quote.mid
    return Decimal(0) if mid is None else Decimal(f"{mid:.2f}")
