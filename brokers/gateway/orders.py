"""Orders as a gateway keeps them: ids, statuses and executions; a state machine without I/O.

Rules of this file, with their source (recorded TWS traffic):
- `permId` belongs to the account and never changes; `orderId` belongs to the client that sent it.
- A combo tells one execution for the package (`….01`) and one for each leg (`….02` and on).
- A modification is a new price for the same order; what is filled stays filled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.gateway.contracts import WireContract
from brokers.gateway.requests import BAG, ExecutionFilter, WireOrder
from market.instruments import OptionContract
from market.orders import Leg, OrderFilled

FIRST_PERM_ID = 1_400_000_001
ZERO = Decimal(0)


class Status(StrEnum):
    """Where an order stands, in IB's words."""

    PENDING_SUBMIT = "PendingSubmit"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    PENDING_CANCEL = "PendingCancel"
    CANCELLED = "Cancelled"
    FILLED = "Filled"
    INACTIVE = "Inactive"


OVER = frozenset({Status.CANCELLED, Status.FILLED, Status.INACTIVE})


@dataclass(frozen=True, slots=True)
class Execution:
    """One line of the day's executions; `contract` is the package's or a leg's."""

    execution_id: str
    at: datetime
    perm_id: int
    client_id: int
    order_id: int
    order_ref: str
    account: str
    contract: WireContract
    side: str
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average_price: Decimal
    commission_usd: Decimal | None


@dataclass(slots=True)
class Ticket:
    """An order and what became of it. `legs` are what one unit buys (+) and sells (−)."""

    perm_id: int
    client_id: int
    wire: WireOrder
    legs: tuple[Leg, ...]
    sent_at: datetime
    status: Status = Status.PENDING_SUBMIT
    revision: int = 0
    filled: int = 0
    paid_points: Decimal = ZERO
    last_price: Decimal = ZERO
    commission_usd: Decimal = ZERO
    ended_at: datetime | None = None
    reason: str = ""
    executions: list[Execution] = field(default_factory=list)

    @property
    def quantity(self) -> int:
        """Return the units ordered."""
        return int(self.wire.quantity)

    @property
    def remaining(self) -> int:
        """Return the units not filled."""
        return self.quantity - self.filled

    @property
    def average_price(self) -> Decimal:
        """Return the mean price per unit, > 0 paid when the action is BUY."""
        return self.paid_points / self.filled if self.filled else ZERO

    @property
    def is_working(self) -> bool:
        """Tell whether it may still fill."""
        return self.status not in OVER

    @property
    def venue_id(self) -> str:
        """Return the id under which the exchange knows the present revision."""
        return f"{self.perm_id}.{self.revision}"

    @property
    def sign(self) -> int:
        """Return 1 when the client buys, −1 when it sells."""
        return 1 if self.wire.action == "BUY" else -1


class OrderDesk:
    """All orders of the account, by client and by permanent id."""

    def __init__(self, first_perm_id: int = FIRST_PERM_ID) -> None:
        self._next_perm_id = first_perm_id
        self._by_client: dict[tuple[int, int], Ticket] = {}
        self._by_venue: dict[str, Ticket] = {}
        self.tickets: list[Ticket] = []
        self.executions: list[Execution] = []

    def take(self, client_id: int, wire: WireOrder, legs: tuple[Leg, ...], at: datetime) -> Ticket:
        """Open a ticket for a new order."""
        ticket = Ticket(self._next_perm_id, client_id, wire, legs, at)
        self._next_perm_id += 1
        self._by_client[client_id, wire.order_id] = ticket
        self._by_venue[ticket.venue_id] = ticket
        self.tickets.append(ticket)
        return ticket

    def revise(self, ticket: Ticket, wire: WireOrder) -> None:
        """Give a working order a new price or quantity."""
        ticket.wire = wire
        ticket.revision += 1
        self._by_venue[ticket.venue_id] = ticket

    def known(self, client_id: int, order_id: int) -> Ticket | None:
        """Return the ticket of a client's order, or None."""
        return self._by_client.get((client_id, order_id))

    def at_venue(self, venue_id: str) -> Ticket | None:
        """Return the ticket that the exchange speaks of; None for an earlier revision."""
        ticket = self._by_venue.get(venue_id)
        return ticket if ticket is not None and ticket.venue_id == venue_id else None

    def any_revision(self, venue_id: str) -> Ticket | None:
        """Return the ticket that the exchange speaks of, whatever its revision."""
        return self._by_venue.get(venue_id)

    def highest_order_id(self, client_id: int) -> int:
        """Return the greatest order id that a client used, 0 for none."""
        used = (number for client, number in self._by_client if client == client_id)
        return max(used, default=0)

    def working(self, client_id: int | None = None) -> list[Ticket]:
        """Return the orders that may still fill: a client's, or all."""
        return [
            ticket
            for ticket in self.tickets
            if ticket.is_working and client_id in {None, ticket.client_id}
        ]

    def completed(self, since: datetime) -> list[Ticket]:
        """Return the orders that ended at or after `since`."""
        return [
            ticket
            for ticket in self.tickets
            if ticket.ended_at is not None and ticket.ended_at >= since
        ]

    def fill(
        self,
        ticket: Ticket,
        told: OrderFilled,
        account: str,
        contracts: Mapping[OptionContract, WireContract],
    ) -> list[Execution]:
        """Book a fill and return its executions: the package first, then its legs."""
        price = -told.credit * ticket.sign if len(ticket.legs) > 1 else told.leg_prices[0]
        ticket.filled += told.quantity
        ticket.paid_points += price * told.quantity
        ticket.last_price = price
        ticket.commission_usd += told.fees_usd
        if ticket.remaining == 0:
            ticket.status, ticket.ended_at = Status.FILLED, told.at
        made = list(self._executions(ticket, told, price, account, contracts))
        ticket.executions += made
        self.executions += made
        return made

    def _executions(
        self,
        ticket: Ticket,
        told: OrderFilled,
        price: Decimal,
        account: str,
        contracts: Mapping[OptionContract, WireContract],
    ) -> Iterable[Execution]:
        stem = f"{ticket.perm_id:08x}.{told.at:%H%M%S}{len(ticket.executions):02d}"
        is_combo = ticket.wire.contract.sec_type == BAG

        def line(
            number: int, contract: WireContract, sign: int, ratio: int, price: Decimal
        ) -> Execution:
            is_leg_of_combo = number > 1
            return Execution(
                execution_id=f"{stem}.{number:02d}.01",
                at=told.at,
                perm_id=ticket.perm_id,
                client_id=ticket.client_id,
                order_id=ticket.wire.order_id,
                order_ref=ticket.wire.order_ref,
                account=account,
                contract=contract,
                side=side(sign),
                quantity=Decimal(ratio * told.quantity),
                price=price,
                cumulative=Decimal(ratio * ticket.filled),
                average_price=price if is_leg_of_combo else ticket.average_price,
                commission_usd=None,
            )

        if is_combo:
            yield line(1, ticket.wire.contract, ticket.sign, 1, price)
        fees = _shared(told.fees_usd, len(ticket.legs))
        rows = zip(ticket.legs, told.leg_prices, fees, strict=True)
        for number, (leg, leg_price, fee) in enumerate(rows, start=2 if is_combo else 1):
            of_leg = line(number, contracts[leg.contract], leg.ratio, abs(leg.ratio), leg_price)
            yield replace(of_leg, commission_usd=fee)


def side(sign: int) -> str:
    """Return IB's word for the side of an execution."""
    return "BOT" if sign > 0 else "SLD"


def _shared(fees_usd: Decimal, count: int) -> list[Decimal]:
    """Split a charge over legs so that the parts sum to it to the last digit."""
    cent = Decimal("0.0001")
    part = (fees_usd / count).quantize(cent)
    return [part] * (count - 1) + [fees_usd - part * (count - 1)]


def fits(execution: Execution, wanted: ExecutionFilter, since: datetime | None) -> bool:
    """Tell whether an execution passes a client's filter."""
    contract = execution.contract
    return (
        wanted.client_id in {0, execution.client_id}
        and wanted.account in {"", execution.account}
        and wanted.symbol in {"", contract.symbol}
        and wanted.sec_type in {"", contract.sec_type}
        and wanted.exchange in {"", contract.exchange}
        and (not wanted.side or wanted.side[:1] == ("B" if execution.side == "BOT" else "S"))
        and (since is None or execution.at >= since)
    )
