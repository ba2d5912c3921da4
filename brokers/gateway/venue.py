"""The account behind the gateway: the simulated exchange, its market and the desk of orders.

No sockets here. Every change is told to listeners as a `Told`; connections turn it into messages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.gateway import account
from brokers.gateway.admission import Admission, refused_as
from brokers.gateway.means import Means
from brokers.gateway.news import OrderMoved, OrderRefused, PositionMoved, Refused, Told, Traded
from brokers.gateway.orders import OrderDesk, Status, Ticket
from brokers.gateway.requests import WireOrder
from brokers.unsuspended import run_now
from market.instruments import OptionContract
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    PositionSettled,
)
from market.quotes import Quote
from market.sessions import exchange_zone


@dataclass(frozen=True, slots=True)
class Oddity:
    """What a script makes of an order: only `portion` units are sent, the rest after a `pause`; or
    a modification becomes an order of its own beside the first."""

    portion: int | None = None
    pause: timedelta = timedelta(0)
    is_twin: bool = False


PLAIN = Oddity()


class Venue:
    """One paper account on the simulated exchange."""

    def __init__(self, means: Means) -> None:
        self.means = means
        self.admission = Admission(means)
        self.desk = OrderDesk()
        self.holdings = account.Holdings()
        self._listeners: list[Callable[[Told], None]] = []
        self._held_back: list[Ticket] = []
        self._portions: dict[int, Oddity] = {}
        self._rests: list[tuple[datetime, Ticket]] = []

    @property
    def now(self) -> datetime:
        """Return the present instant of the gateway's clock."""
        return self.means.clock()

    def listen(self, listener: Callable[[Told], None]) -> None:
        """Have `listener` called with every change from now on."""
        self._listeners.append(listener)

    def is_open(self) -> bool:
        """Tell whether options trade in regular hours now."""
        return self.admission.session_end is not None

    def place(self, client_id: int, wire: WireOrder, oddity: Oddity = PLAIN) -> Ticket:
        """Take a new order or the modification of a working one.

        Raises:
            Refused: the order cannot be; nothing has changed.
        """
        known = self.desk.known(client_id, wire.order_id)
        if known is not None and not oddity.is_twin:
            return self._modify(known, wire)
        if known is None and wire.order_id <= self.desk.highest_order_id(client_id):
            raise Refused(103, "Duplicate order id")
        legs = self.admission.checked(wire)
        ticket = self.desk.take(client_id, wire, legs, self.now)
        if oddity.portion is not None:
            self._portions[ticket.perm_id] = oddity
        self._send(ticket)
        return ticket

    def _send(self, ticket: Ticket) -> None:
        """Let the exchange have an order, or hold it until the market opens."""
        if not self.is_open():
            self._hold(ticket)
            return
        order = self._order_of(ticket, ticket.wire, ticket.venue_id)
        run_now(self.means.broker.submit(ApprovedOrder(order, "taken by the gateway")))
        self.hear()

    def _hold(self, ticket: Ticket) -> None:
        """Keep an order until the market opens."""
        ticket.status = Status.PRE_SUBMITTED
        self._held_back.append(ticket)
        self._tell(OrderMoved(ticket, is_held=True))

    def _order_of(self, ticket: Ticket, wire: WireOrder, venue_id: str) -> Order:
        """Return what the exchange is sent of an order: what is not filled yet, or a portion."""
        rest = int(wire.quantity) - ticket.filled
        portion = self._portions.get(ticket.perm_id, PLAIN).portion
        intent = self.admission.intent(wire, ticket.legs, min(rest, portion or rest))
        return Order(venue_id, self.means.calendar.on_or_before(self.now.date()), intent)

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
        self.admission.checked(wire)
        if ticket not in self._held_back:
            self._check_change(ticket, wire)
        earlier = ticket.venue_id
        self._forget_rest(ticket)
        self.desk.revise(ticket, wire)
        if ticket not in self._held_back:
            run_now(self.means.broker.cancel(earlier))
            self.hear()
        self._resend(ticket)
        return ticket

    def _check_change(self, ticket: Ticket, wire: WireOrder) -> None:
        """Ask the exchange before the working order is given up: a refused change leaves it be."""
        self.means.broker.advance(self.now)
        self.hear()
        if not ticket.is_working:
            raise Refused(104, "Cannot modify a filled order.")
        if int(wire.quantity) <= ticket.filled:
            raise Refused(201, "Order rejected - reason:quantity is filled already")
        changed = self._order_of(ticket, wire, f"{ticket.perm_id}.{ticket.revision + 1}")
        objection = self.means.broker.objection(changed, instead_of=ticket.venue_id)
        if objection is not None:
            raise Refused(*refused_as(objection.code, objection.reason))

    def _resend(self, ticket: Ticket) -> None:
        if ticket in self._held_back:
            self._tell(OrderMoved(ticket, is_held=True))
        else:
            self._send(ticket)

    def cancel(self, client_id: int, order_id: int, *, is_only_told: bool = False) -> Ticket:
        """Stop an order of a client; with `is_only_told` the exchange never hears of it.

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
        if is_only_told:
            self._end(ticket)
        else:
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
        self._send_rests()

    def _forget_rest(self, ticket: Ticket) -> None:
        """Send no rest of its own for an order that is sent anew as a whole."""
        waiting = [row for row in self._rests if row[1] is not ticket]
        if len(waiting) < len(self._rests):
            self._portions.pop(ticket.perm_id, None)
        self._rests = waiting

    def _send_rests(self) -> None:
        """Send what a script held back of orders that filled in part."""
        due = [ticket for at, ticket in self._rests if at <= self.now]
        self._rests = [row for row in self._rests if row[0] > self.now]
        for ticket in due:
            if ticket.is_working:
                self._portions.pop(ticket.perm_id, None)
                self.desk.revise(ticket, ticket.wire)
                self._send(ticket)

    def due(self) -> datetime | None:
        """Return when time alone next changes something at the exchange, or None."""
        due = [at for at, _ in self._rests]
        due += [self.admission.next_open()] if self._held_back else []
        exchange_due = self.means.broker.due()
        return min(due + ([] if exchange_due is None else [exchange_due]), default=None)

    def has_working_orders(self) -> bool:
        """Tell whether an order works at the exchange now."""
        return bool(run_now(self.means.broker.open_orders()))

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
            if ticket is not None and ticket.is_working:
                self._moved(ticket, event)

    def _moved(self, ticket: Ticket, event: OrderAccepted | OrderRejected | OrderCancelled) -> None:
        if isinstance(event, OrderAccepted):
            self._accepted(ticket)
        elif isinstance(event, OrderCancelled):
            self._cancelled(ticket, event)
        else:
            ticket.status, ticket.ended_at = Status.INACTIVE, event.at
            ticket.reason = event.reason
            self._tell(OrderRefused(ticket, *refused_as(event.code, event.reason)))

    def _accepted(self, ticket: Ticket) -> None:
        """Tell that an order works; a new one is told as held by the gateway first."""
        if ticket.status is Status.PENDING_SUBMIT:
            ticket.status = Status.PRE_SUBMITTED
            self._tell(OrderMoved(ticket))
        ticket.status = Status.SUBMITTED
        self._tell(OrderMoved(ticket))

    def _cancelled(self, ticket: Ticket, event: OrderCancelled) -> None:
        """End an order; one that is good till cancelled waits for the next session instead."""
        ends_by_itself = ticket.status is not Status.PENDING_CANCEL
        if ends_by_itself and ticket.wire.time_in_force == "GTC":
            self.desk.revise(ticket, ticket.wire)
            self._hold(ticket)
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
        self._note_portion(ticket)
        self._tell(Traded(ticket, tuple(made)))
        for leg in ticket.legs:
            self._tell(PositionMoved(leg.contract))

    def _note_portion(self, ticket: Ticket) -> None:
        oddity = self._portions.get(ticket.perm_id, PLAIN)
        if ticket.is_working and ticket.filled == oddity.portion:
            self._rests.append((self.now + oddity.pause, ticket))

    def _tell(self, told: Told) -> None:
        for listener in self._listeners:
            listener(told)

    def what_if(self, wire: WireOrder) -> tuple[Decimal, Decimal, Decimal]:
        """Return margin before, margin after and commission of an order, dollars.

        Raises:
            Refused: the order cannot be, or would leave a short uncovered.
        """
        legs = self.admission.checked(wire)
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

    def marks(self) -> tuple[account.Mark, ...]:
        """Return every position with its price and its cost."""
        positions = self.positions()
        quotes = self.means.market.quotes(positions, self.now)
        return account.marks(positions, quotes, self.holdings)

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
