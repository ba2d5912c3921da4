"""The account behind the gateway: the simulated exchange, its market and the desk of orders.

No sockets here. Every change is told to listeners as a `Told`; connections turn it into messages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.gateway import account
from brokers.gateway.contracts import WireContract, option_of_id
from brokers.gateway.means import Means
from brokers.gateway.news import OrderMoved, OrderRefused, PositionMoved, Refused, Told, Traded
from brokers.gateway.orders import OrderDesk, Status, Ticket
from brokers.gateway.requests import BAG, WireOrder
from brokers.sim.admission import RejectionCode
from brokers.unsuspended import run_now
from market.instruments import OptionContract, floor_to_tick
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
from market.quotes import Quote
from market.sessions import exchange_zone

CONDOR_LEGS = 4


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
        legs = self._checked(wire)
        ticket = self.desk.take(client_id, wire, legs, self.now)
        if oddity.portion is not None:
            self._portions[ticket.perm_id] = oddity
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
        portion = self._portions.get(ticket.perm_id, PLAIN).portion
        quantity = min(ticket.remaining, portion or ticket.remaining)
        intent = self._intent(ticket.wire, ticket.legs, quantity)
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
        due += [self._next_open()] if self._held_back else []
        exchange_due = self.means.broker.due()
        return min(due + ([] if exchange_due is None else [exchange_due]), default=None)

    def _next_open(self) -> datetime:
        calendar, now = self.means.calendar, self.now
        day = calendar.on_or_after(now.date())
        if now >= calendar.session(day).open_at:
            day = calendar.next(day)
        return calendar.session(day).open_at

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
