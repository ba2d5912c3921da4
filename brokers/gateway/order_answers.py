"""What the gateway tells of orders and executions, by negotiated version (157 to 178)."""

from decimal import Decimal

from brokers.gateway.answers import EASTERN, Message, Tell, eleven
from brokers.gateway.orders import Execution, Ticket
from brokers.gateway.requests import WireOrder
from brokers.gateway.wire import UNSET_DOUBLE

UNSET_LONG = 9223372036854775807


def order_status(ticket: Ticket) -> Message:
    """Return where an order stands."""
    return [
        Tell.ORDER_STATUS,
        ticket.wire.order_id,
        ticket.status,
        ticket.filled,
        ticket.remaining,
        ticket.average_price,
        ticket.perm_id,
        0,
        ticket.last_price,
        ticket.client_id,
        "",
        0,
    ]


def stale_status(ticket: Ticket) -> Message:
    """Return the status that an order had before it filled, as TWS sometimes tells it again."""
    message = order_status(ticket)
    message[2:6] = ["Submitted", 0, ticket.quantity, 0]
    return message


def execution(told: Execution, request_id: int, version: int) -> Message:
    """Return one execution; request −1 is told without being asked."""
    return [
        Tell.EXECUTION,
        request_id,
        told.order_id,
        *eleven(told.contract),
        told.execution_id,
        f"{told.at.astimezone(EASTERN):%Y%m%d %H:%M:%S} US/Eastern",
        told.account,
        told.contract.exchange or "SMART",
        told.side,
        told.quantity,
        told.price,
        told.perm_id,
        told.client_id,
        0,
        told.cumulative,
        told.average_price,
        told.order_ref,
        "",
        0,
        "",
        2,
        *([False] if version >= 178 else []),
    ]


def commission_report(execution_id: str, commission_usd: Decimal) -> Message:
    """Return the charge for one execution; what it realised is not told."""
    return [
        Tell.COMMISSION_REPORT,
        1,
        execution_id,
        commission_usd,
        "USD",
        UNSET_DOUBLE,
        UNSET_DOUBLE,
        "",
    ]


def _legs(wire: WireOrder) -> Message:
    """Return description, legs, leg prices and routing of a combo; none for a single option."""
    legs = wire.legs
    signs = {"BUY": 1, "SELL": -1}
    told = ",".join(f"{leg.con_id}|{signs.get(leg.action, 1) * leg.ratio}" for leg in legs)
    rows: Message = []
    for leg in legs:
        rows += [leg.con_id, leg.ratio, leg.action, leg.exchange, 0, 0, "", -1]
    prices: Message = [len(legs), *([None] * len(legs))]
    routing: Message = [len(wire.routing)]
    for tag, value in wire.routing:
        routing += [tag, value]
    return [told, len(legs), *rows, *prices, *routing]


MARGIN_FIELDS = 9


def open_order(ticket: Ticket, version: int, margins: Message | None = None) -> Message:
    """Return an order with its state; `margins` are the nine margin texts of a what-if, then
    commission, least, most, currency and warning."""
    wire = ticket.wire
    state = margins or [*[None] * MARGIN_FIELDS, ticket.commission_usd or None, None, None, "", ""]
    message: Message = [
        Tell.OPEN_ORDER,
        wire.order_id,
        *eleven(wire.contract),
        *_terms(wire),
        wire.order_ref,
        ticket.client_id,
        ticket.perm_id,
        wire.outside_hours,
        False,
        0,
        "",
        "",  # obsolete shares allocation
        *_allocation(version),
        wire.good_till,
        *_stock_and_volatility(is_open=True),
        *_legs(wire),
        *_rest(wire.is_what_if, ticket.status, state),
    ]
    return message + _open_tail(version)


def completed_order(ticket: Ticket, version: int) -> Message:
    """Return an order that has ended; a filled one has quantity 0 and tells what it filled."""
    wire, ended = ticket.wire, ticket.ended_at
    quantity = Decimal(0) if ticket.remaining == 0 else wire.quantity
    message: Message = [
        Tell.COMPLETED_ORDER,
        *eleven(wire.contract),
        *_terms(wire, quantity),
        wire.order_ref,
        ticket.perm_id,
        wire.outside_hours,
        False,
        0,
        "",
        *_allocation(version),
        wire.good_till,
        *_stock_and_volatility(is_open=False),
        *_legs(wire),
        "",  # scale
        "",
        "",
        "",  # hedge type
        "",  # clearing
        "IB",
        False,
        False,  # delta neutral
        "",  # algo
        False,
        ticket.status,
        False,
        False,
        0,  # conditions
        None,  # trail stop price
        None,  # limit offset
        None,  # cash quantity
        False,
        False,
        None,  # auto-cancel date
        ticket.filled,
        None,
        False,
        "",
        False,
        False,
        UNSET_LONG,
        "" if ended is None else f"{ended.astimezone(EASTERN):%Y%m%d %H:%M:%S} US/Eastern",
        ticket.reason or f"{ticket.status} Size: {ticket.filled}",
    ]
    return message + ([None] * 5 if version >= 170 else [])


def _terms(wire: WireOrder, quantity: Decimal | None = None) -> Message:
    return [
        wire.action,
        wire.quantity if quantity is None else quantity,
        wire.order_type,
        wire.limit_price if wire.limit_price is not None else 0,
        wire.stop_price if wire.stop_price is not None else 0,
        wire.time_in_force,
        "",
        wire.account,
        "",
        0,
    ]


def _allocation(version: int) -> Message:
    """Return group, method, share, the profile that went with 177, and model."""
    return ["", "", "", *([""] if version < 177 else []), ""]


def _stock_and_volatility(*, is_open: bool) -> Message:
    """Return the fields from rule80A to the trailing stop; TWS writes the text None for no
    delta-neutral order type, which makes its fields follow."""
    neutral_of_open: Message = [0, "", "", "", "?", False, 0, ""]
    return [
        "",
        None,
        "",
        0,
        "",
        -1,
        *([0] if is_open else []),
        None,
        None,
        None,
        None,
        None,
        None,
        *([False] if is_open else []),
        False,
        False,
        None,
        3,
        *([False, False, None, 0] if is_open else []),
        0,
        None,
        0,
        "None",
        None,
        *(neutral_of_open if is_open else [0, False, 0, ""]),
        False,
        0,
        None,
        None,
        *([None, None] if is_open else []),
    ]


def _rest(is_what_if: bool, status: str, state: Message) -> Message:
    return [
        "",  # scale
        "",
        "",
        "",  # hedge type
        False,
        "",
        "IB",
        False,
        False,  # delta neutral
        "",  # algo
        False,
        is_what_if,
        status,
        *state,
        False,
        False,
        0,  # conditions
    ]


def _open_tail(version: int) -> Message:
    tail: Message = [
        "None",
        None,
        None,
        None,
        None,
        None,
        None,
        0,
        "",
        "",
        "",
        None,
        False,
        False,
        False,
        False,
    ]
    if version >= 159:
        tail += [None]
    if version >= 160:
        tail += [None]
    if version >= 162:
        tail += [False]
    if version >= 170:
        tail += [None] * 5
    return tail
