"""What the gateway tells: messages encoded as fields, by negotiated version (157 to 178).

Each function returns the fields of one message, its id first. Unset numbers are None.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from zoneinfo import ZoneInfo

from brokers.gateway.account import Mark
from brokers.gateway.contracts import (
    BAG_ID,
    INDEX_NAMES,
    WireContract,
)
from brokers.gateway.requests import BAG
from brokers.gateway.wire import Value

EASTERN = ZoneInfo("America/New_York")
NO_REQUEST = -1
ZERO, CENT = Decimal(0), Decimal("0.01")
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
    PNL_SINGLE = 95
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
    return [Tell.POSITION, 3, account, *eleven(contract, exchange=""), held, average_cost]


def portfolio_value(account: str, contract: WireContract, mark: Mark) -> Message:
    """Return one position with its price, value and profit; what was taken is not kept apart."""
    named = eleven(contract)
    named[7] = ""  # the primary exchange, where other answers have the exchange
    price, value = mark.price_points, mark.value_usd
    told: Message = [mark.position, price, value, mark.average_cost_usd, mark.open_usd, ZERO]
    return [Tell.PORTFOLIO_VALUE, 8, *named, *told, account]


def eleven(contract: WireContract, *, exchange: str | None = None) -> Message:
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
