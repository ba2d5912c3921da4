"""What a client asks for: requests decoded from fields, by negotiated version (157 to 178)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from brokers.gateway.contracts import WireContract, WireLeg
from brokers.gateway.wire import Fields, Malformed

BAG = "BAG"
ROUTES_WITH_EXTRA_FIELDS = frozenset({"IBKRATS"})


class Ask(IntEnum):
    """Message ids of a client, as the TWS API numbers them."""

    MARKET_DATA = 1
    CANCEL_MARKET_DATA = 2
    PLACE_ORDER = 3
    CANCEL_ORDER = 4
    OPEN_ORDERS = 5
    ACCOUNT_UPDATES = 6
    EXECUTIONS = 7
    IDS = 8
    CONTRACT_DETAILS = 9
    SERVER_LOG_LEVEL = 14
    AUTO_OPEN_ORDERS = 15
    ALL_OPEN_ORDERS = 16
    MANAGED_ACCOUNTS = 17
    HISTORICAL_DATA = 20
    CANCEL_HISTORICAL_DATA = 25
    CURRENT_TIME = 49
    GLOBAL_CANCEL = 58
    MARKET_DATA_TYPE = 59
    POSITIONS = 61
    ACCOUNT_SUMMARY = 62
    CANCEL_ACCOUNT_SUMMARY = 63
    CANCEL_POSITIONS = 64
    START_API = 71
    ACCOUNT_UPDATES_MULTI = 76
    CANCEL_ACCOUNT_UPDATES_MULTI = 77
    OPTION_PARAMETERS = 78
    MATCHING_SYMBOLS = 81
    MARKET_RULE = 91
    PNL = 92
    CANCEL_PNL = 93
    PNL_SINGLE = 94
    CANCEL_PNL_SINGLE = 95
    COMPLETED_ORDERS = 99


@dataclass(frozen=True, slots=True)
class DetailsRequest:
    """Contract details wanted."""

    request_id: int
    contract: WireContract


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Market data wanted, once or as a stream."""

    request_id: int
    contract: WireContract
    legs: tuple[WireLeg, ...]
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Executions wanted; empty fields fit all. `since` is `yyyymmdd hh:mm:ss`, zone optional."""

    request_id: int
    client_id: int
    account: str
    since: str
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Bars wanted."""

    request_id: int
    contract: WireContract
    end: str
    bar_size: str
    duration: str
    what_to_show: str
    date_format: int
    keeps_up_to_date: bool


@dataclass(frozen=True, slots=True)
class WireOrder:
    """An order as the wire has it: the fields that matter to a venue for limit orders.

    `limit_price` and `stop_price` are None when unset. `has_leg_prices` and `routing` are kept
    because four-leg combos may not have them.
    """

    order_id: int
    contract: WireContract
    legs: tuple[WireLeg, ...]
    action: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    account: str
    order_ref: str
    is_transmitted: bool
    outside_hours: bool
    has_leg_prices: bool
    routing: tuple[tuple[str, str], ...]
    is_what_if: bool
    uses_etrade_fields: bool
    good_till: str = ""


def contract(fields: Fields) -> WireContract:
    """Read the twelve fields of a contract."""
    return WireContract(
        con_id=fields.whole(),
        symbol=fields.text(),
        sec_type=fields.text(),
        last_trade=fields.text(),
        strike=fields.number() or Decimal(0),
        right=fields.text(),
        multiplier=fields.text(),
        exchange=fields.text(),
        primary_exchange=fields.text(),
        currency=fields.text(),
        local_symbol=fields.text(),
        trading_class=fields.text(),
    )


def _data_legs(fields: Fields) -> tuple[WireLeg, ...]:
    return tuple(
        WireLeg(fields.whole(), fields.whole(), fields.text(), fields.text())
        for _ in range(fields.count())
    )


def details_request(fields: Fields) -> DetailsRequest:
    """Read a request for contract details."""
    fields.skip(1)
    return DetailsRequest(fields.whole(), contract(fields))


def data_request(fields: Fields) -> DataRequest:
    """Read a request for market data."""
    fields.skip(1)
    request_id, wanted = fields.whole(), contract(fields)
    legs = _data_legs(fields) if wanted.sec_type == BAG else ()
    if fields.flag():  # delta-neutral contract
        fields.skip(3)
    fields.skip(1)
    return DataRequest(request_id, wanted, legs, fields.flag())


def execution_filter(fields: Fields) -> ExecutionFilter:
    """Read a request for executions."""
    fields.skip(1)
    return ExecutionFilter(
        fields.whole(),
        fields.whole(),
        *(fields.text() for _ in range(6)),
    )


def history_request(fields: Fields) -> HistoryRequest:
    """Read a request for bars."""
    request_id, wanted = fields.whole(), contract(fields)
    fields.skip(1)
    end, bar_size, duration = fields.text(), fields.text(), fields.text()
    fields.skip(1)
    what, date_format = fields.text(), fields.whole()
    if wanted.sec_type == BAG:
        _data_legs(fields)
    return HistoryRequest(
        request_id, wanted, end, bar_size, duration, what, date_format, fields.flag()
    )


def order(fields: Fields, version: int) -> WireOrder:
    """Read an order; the many fields that say nothing to this venue are passed over.

    Raises:
        Malformed: the message ends early, or carries what no limit order has.
    """
    order_id, wanted = fields.whole(), contract(fields)
    fields.skip(2)  # secIdType, secId
    action, quantity = fields.text(), fields.number() or Decimal(0)
    order_type, limit, stop = fields.text(), fields.number(), fields.number()
    time_in_force, _group, account = fields.text(), fields.text(), fields.text()
    fields.skip(2)  # openClose, origin
    order_ref, is_transmitted = fields.text(), fields.flag()
    fields.skip(5)  # parentId, blockOrder, sweepToFill, displaySize, triggerMethod
    outside_hours = fields.flag()
    fields.skip(1)  # hidden
    legs, has_leg_prices, routing = _combo(fields) if wanted.sec_type == BAG else ((), False, ())
    fields.skip(3)  # sharesAllocation, discretionaryAmt, goodAfterTime
    good_till = fields.text()
    fields.skip(3 + (version < 177) + 1)  # faGroup, faMethod, faPercentage, faProfile, modelCode
    fields.skip(9)  # shortSaleSlot … percentOffset
    uses_etrade_fields = fields.flag() | fields.flag()
    fields.skip(10)  # nbboPriceCap … volatilityType
    _delta_neutral(fields)
    _scale_and_hedge(fields)
    is_what_if = _algo_and_what_if(fields)
    return WireOrder(
        order_id=order_id,
        contract=wanted,
        legs=legs,
        action=action,
        quantity=quantity,
        order_type=order_type,
        limit_price=limit,
        stop_price=stop,
        time_in_force=time_in_force or "DAY",
        account=account,
        order_ref=order_ref,
        is_transmitted=is_transmitted,
        outside_hours=outside_hours,
        has_leg_prices=has_leg_prices,
        routing=routing,
        is_what_if=is_what_if,
        uses_etrade_fields=uses_etrade_fields,
        good_till=good_till,
    )


def _combo(
    fields: Fields,
) -> tuple[tuple[WireLeg, ...], bool, tuple[tuple[str, str], ...]]:
    legs = []
    for _ in range(fields.count()):
        legs.append(WireLeg(fields.whole(), fields.whole(), fields.text(), fields.text()))
        fields.skip(4)  # openClose, shortSaleSlot, designatedLocation, exemptCode
    prices = [fields.number() for _ in range(fields.count())]
    routing = tuple((fields.text(), fields.text()) for _ in range(fields.count()))
    return tuple(legs), any(price is not None for price in prices), routing


def _delta_neutral(fields: Fields) -> None:
    if fields.text():  # deltaNeutralOrderType
        fields.skip(9)
    else:
        fields.skip(1)


def _scale_and_hedge(fields: Fields) -> None:
    fields.skip(6)  # continuousUpdate … scaleSubsLevelSize
    increment = fields.number()
    if increment is not None and increment > 0:
        fields.skip(7)
    fields.skip(3)  # scaleTable, activeStart, activeStop
    if fields.text():  # hedgeType
        fields.skip(1)
    fields.skip(4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if fields.flag():  # delta-neutral contract
        fields.skip(3)


def _algo_and_what_if(fields: Fields) -> bool:
    if fields.text():  # algoStrategy
        fields.skip(2 * fields.count())
    fields.skip(1)  # algoId
    return fields.flag()


def cancel(fields: Fields) -> int:
    """Read which order a client wants stopped."""
    fields.skip(1)
    return fields.whole()


@dataclass(frozen=True, slots=True)
class ProfitRequest:
    """Profit and loss wanted, of the account, or of one contract by its id."""

    request_id: int
    con_id: int | None


def profit_request(fields: Fields, *, is_single: bool) -> ProfitRequest:
    """Read a request for profit and loss."""
    request_id = fields.whole()
    fields.skip(2)  # account, model code
    return ProfitRequest(request_id, fields.whole() if is_single else None)


def versioned_id(fields: Fields) -> int:
    """Read the request id of a message that starts with its version.

    Raises:
        Malformed: there is none.
    """
    if fields.left < 2:
        raise Malformed("a request without its id")
    fields.skip(1)
    return fields.whole()
