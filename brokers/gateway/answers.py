"""What the gateway tells: messages encoded as fields, by negotiated version (157 to 178).

Each function returns the fields of one message, its id first. Unset numbers are None.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from zoneinfo import ZoneInfo

from brokers.gateway.contracts import (
    BAG_ID,
    INDEX_NAMES,
    WireContract,
)
from brokers.gateway.orders import Execution, Ticket
from brokers.gateway.requests import BAG, WireOrder
from brokers.gateway.wire import UNSET_DOUBLE, Value

EASTERN = ZoneInfo("America/New_York")
NO_REQUEST = -1
ZERO, CENT = Decimal(0), Decimal("0.01")
UNSET_LONG = 9223372036854775807
Message = list[Value]


class Tell(IntEnum):
    """Message ids of a gateway, as the TWS API numbers them."""

    TICK_PRICE = 1
    TICK_SIZE = 2
    ORDER_STATUS = 3
    ERROR = 4
    OPEN_ORDER = 5
    ACCOUNT_VALUE = 6
    PORTFOLIO_VALUE = 7
    ACCOUNT_TIME = 8
    NEXT_VALID_ID = 9
    CONTRACT_DETAILS = 10
    EXECUTION = 11
    MANAGED_ACCOUNTS = 15
    HISTORICAL_DATA = 17
    TICK_OPTION = 21
    CURRENT_TIME = 49
    CONTRACT_DETAILS_END = 52
    OPEN_ORDERS_END = 53
    ACCOUNT_DOWNLOAD_END = 54
    EXECUTIONS_END = 55
    SNAPSHOT_END = 57
    MARKET_DATA_TYPE = 58
    COMMISSION_REPORT = 59
    POSITION = 61
    POSITIONS_END = 62
    ACCOUNT_SUMMARY = 63
    ACCOUNT_SUMMARY_END = 64
    ACCOUNT_UPDATE_MULTI = 73
    ACCOUNT_UPDATES_MULTI_END = 74
    OPTION_PARAMETERS = 75
    OPTION_PARAMETERS_END = 76
    MATCHING_SYMBOLS = 79
    TICK_PARAMETERS = 81
    MARKET_RULE = 93
    PNL = 94
    COMPLETED_ORDER = 101
    COMPLETED_ORDERS_END = 102


def error(request_id: int, code: int, text: str, version: int) -> Message:
    """Return an error or notice; id −1 belongs to no request."""
    extra: Message = [""] if version >= 166 else []
    return [Tell.ERROR, 2, request_id, code, text, *extra]


def managed_accounts(accounts: Iterable[str]) -> Message:
    """Return the accounts of the log-in."""
    return [Tell.MANAGED_ACCOUNTS, 1, ",".join(accounts)]


def next_valid_id(order_id: int) -> Message:
    """Return the least order id that the client may use."""
    return [Tell.NEXT_VALID_ID, 1, order_id]


def current_time(at: datetime) -> Message:
    """Return the gateway's clock in seconds since 1970."""
    return [Tell.CURRENT_TIME, 1, int(at.timestamp())]


def end_of(kind: Tell, request_id: int) -> Message:
    """Return the end of an answer in several messages."""
    if kind in {Tell.OPTION_PARAMETERS_END}:
        return [kind, request_id]
    return [kind, 1, request_id]


def contract_details(
    request_id: int,
    contract: WireContract,
    *,
    under_id: int,
    min_tick: Decimal,
    market_rule: int,
    hours: tuple[str, str],
    expires: str,
    version: int,
) -> Message:
    """Return the details of one contract; `hours` are trading and liquid hours, `expires` the day
    of settlement as yyyymmdd."""
    is_option = contract.sec_type == "OPT"
    ended = f"{contract.last_trade} 15:00:00" if is_option else ""
    symbol = contract.symbol
    head: Message = [Tell.CONTRACT_DETAILS, *([8] if version < 164 else []), request_id]
    named: Message = [
        symbol,
        contract.sec_type,
        ended,
        contract.strike,
        contract.right,
        contract.exchange,
        contract.currency,
        contract.local_symbol,
        contract.trading_class,
        contract.trading_class,
        contract.con_id,
        min_tick,
        *(["1"] if version < 164 else []),
        contract.multiplier,
        "ACTIVETIM,AD,ALERT,COND,DAY,GTC,LMT,MKT,WHATIF",
        "SMART,CBOE" if is_option else "CBOE",
        1,
        under_id,
        INDEX_NAMES[symbol],
        "" if is_option else contract.exchange,
        contract.last_trade[:6],
        "Indices",
        "Broad Range Equity Index" if symbol == "SPX" else "Volatility Index",
        "*",
        "US/Central",
        *hours,
        "",
        0,
        0,
    ]
    tail: Message = [
        2 if is_option else "",
        symbol if is_option else "",
        "IND" if is_option else "",
        f"{market_rule},{market_rule}" if is_option else str(market_rule),
        expires,
        "",
    ]
    if version == 163:
        tail += ["1"]
    if version >= 164:
        tail += [1, 1, 1]
    return [*head, *named, *tail]


def option_parameters(
    request_id: int,
    exchange: str,
    under_id: int,
    trading_class: str,
    expiries: Sequence[str],
    strikes: Sequence[Decimal],
) -> Message:
    """Return expiries and the union of strikes of one class at one exchange."""
    return [
        Tell.OPTION_PARAMETERS,
        request_id,
        exchange,
        under_id,
        trading_class,
        100,
        len(expiries),
        *expiries,
        len(strikes),
        *strikes,
    ]


def tick_price(request_id: int, tick: int, price: float, size: int | None) -> Message:
    """Return a price with its size; −1 is not available."""
    return [Tell.TICK_PRICE, 6, request_id, tick, price, size if size is not None else 0, 0]


def tick_size(request_id: int, tick: int, size: int) -> Message:
    """Return a size alone."""
    return [Tell.TICK_SIZE, 6, request_id, tick, size]


def tick_option(request_id: int, tick: int, figures: Sequence[float]) -> Message:
    """Return greeks: iv, delta, price, pv of dividends, gamma, vega, theta, underlying."""
    return [Tell.TICK_OPTION, request_id, tick, 0, *figures]


def tick_parameters(request_id: int, min_tick: Decimal) -> Message:
    """Return the tick of a subscription."""
    return [Tell.TICK_PARAMETERS, request_id, min_tick, "9c0001", 3]


def market_data_type(request_id: int, kind: int) -> Message:
    """Return of which kind the ticks of a subscription are: 1 live … 4 delayed and frozen."""
    return [Tell.MARKET_DATA_TYPE, 1, request_id, kind]


def position(account: str, contract: WireContract, held: int, average_cost: Decimal) -> Message:
    """Return one position; derivatives come without exchange."""
    return [Tell.POSITION, 3, account, *_eleven(contract, exchange=""), held, average_cost]


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


def execution(told: Execution, request_id: int, version: int) -> Message:
    """Return one execution; request −1 is told without being asked."""
    return [
        Tell.EXECUTION,
        request_id,
        told.order_id,
        *_eleven(told.contract),
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


def _eleven(contract: WireContract, *, exchange: str | None = None) -> Message:
    """Return the eleven fields by which answers name a contract; a combo has IB's own."""
    is_bag = contract.sec_type == BAG
    return [
        BAG_ID if is_bag else contract.con_id,
        contract.symbol,
        contract.sec_type,
        contract.last_trade,
        contract.strike,
        "?" if is_bag else contract.right,
        contract.multiplier,
        contract.exchange if exchange is None else exchange,
        contract.currency,
        str(BAG_ID) if is_bag else contract.local_symbol,
        "COMB" if is_bag else contract.trading_class,
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
        *_eleven(wire.contract),
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
        *_eleven(wire.contract),
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
