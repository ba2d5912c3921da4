"""Between our words and those of TWS; the only place that flips the sign of a combo.

The rule of signs: a combo is always *bought* as it will stand, short legs being legs of action
SELL. Receiving a credit is then buying at a negative price: price = −credit. A single option is
bought or sold at a positive price.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite, isnan
from types import ModuleType
from typing import Any

from brokers.ib.messages import (
    BarSeen,
    CommissionSeen,
    ContractSeen,
    DetailsSeen,
    ExecutionSeen,
    OpenOrderSeen,
    PositionSeen,
)
from market.errors import OrderRefused
from market.instruments import OptionContract
from market.orders import Order, OrderIntent

UNSET = 1e300  # TWS writes 1.797e308 where it has no number
BUY, SELL = "BUY", "SELL"
SMART = "SMART"
INDEX_EXCHANGE, FUTURES_EXCHANGE = "CBOE", "CFE"
MOST_CHARACTERS_OF_REF = 60


def number(value: object) -> float | None:
    """Return a wire number, or None for NaN, infinity and TWS's mark of no value."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if isfinite(found) and abs(found) < UNSET else None


def exact(value: object) -> Decimal | None:
    """Return a wire number as the decimal that was written, or None when there is none."""
    found = number(value)
    return None if found is None else Decimal(repr(found)).normalize() + Decimal(0)


def order_side(intent: OrderIntent, credit: Decimal) -> tuple[str, Decimal]:
    """Return action and limit price that mean `credit` points per combo received (+) or paid."""
    if intent.is_combo:
        return BUY, -credit
    return (BUY, -credit) if intent.legs[0].ratio > 0 else (SELL, credit)


def credit_of(action: str, price: Decimal, *, is_combo: bool) -> Decimal:
    """Return the credit that an action at a price means: the inverse of `order_side`."""
    if is_combo:
        return -price if action == BUY else price
    return -price if action == BUY else price


def limit_order(
    api: ModuleType, order: Order, credit: Decimal, *, account: str, perm_id: int = 0
) -> Any:
    """Return the limit order of TWS for one of ours at a limit.

    Raises:
        OrderRefused: our id cannot travel as an order reference, or the limit is no number.
    """
    ref = order.order_id
    if not ref.isascii() or not ref.isprintable() or len(ref) > MOST_CHARACTERS_OF_REF:
        raise OrderRefused(f"order id {ref!r} cannot travel as an order reference.")
    if not credit.is_finite():
        raise OrderRefused(f"order {ref} has the limit {credit}, which is no price.")
    action, price = order_side(order.intent, credit)
    return api.Order(
        action=action,
        totalQuantity=order.intent.quantity,
        orderType="LMT",
        lmtPrice=float(price),
        tif="DAY",
        account=account,
        orderRef=ref,
        permId=perm_id,
        transmit=True,
    )


def order_contract(
    api: ModuleType, intent: OrderIntent, con_ids: Mapping[OptionContract, int]
) -> Any:
    """Return the contract of an order: the option itself, or one bag with all legs, no leg missing.

    Raises:
        OrderRefused: the contract id of a leg is not known.
    """
    missing = [leg.contract.symbol for leg in intent.legs if leg.contract not in con_ids]
    if missing:
        raise OrderRefused(f"no contract id is known for {', '.join(missing)}.")
    first = intent.legs[0].contract
    if not intent.is_combo:
        return api.Contract(
            secType="OPT",
            conId=con_ids[first],
            symbol=first.spec.underlying,
            exchange=SMART,
            currency="USD",
            tradingClass=str(first.trading_class),
            multiplier=str(first.multiplier),
        )
    legs = [
        api.ComboLeg(
            conId=con_ids[leg.contract],
            ratio=abs(leg.ratio),
            action=BUY if leg.ratio > 0 else SELL,
            exchange=SMART,
        )
        for leg in intent.legs
    ]
    return api.Contract(
        secType="BAG",
        symbol=first.spec.underlying,
        exchange=SMART,
        currency="USD",
        comboLegs=legs,
    )


def index_contract(api: ModuleType, symbol: str) -> Any:
    """Return the contract of an index such as SPX or VIX."""
    return api.Contract(secType="IND", symbol=symbol, exchange=INDEX_EXCHANGE, currency="USD")


def series_contract(api: ModuleType, *, symbol: str, trading_class: str, last_trade: str) -> Any:
    """Return the query for all strikes of one class that trade last on a day (YYYYMMDD)."""
    return api.Contract(
        secType="OPT",
        symbol=symbol,
        exchange=SMART,
        currency="USD",
        tradingClass=trading_class,
        lastTradeDateOrContractMonth=last_trade,
    )


def option_by_id(api: ModuleType, con_id: int) -> Any:
    """Return a contract known by its id alone, for quotes."""
    return api.Contract(secType="OPT", conId=con_id, exchange=SMART, currency="USD")


def futures_query(api: ModuleType) -> Any:
    """Return the query for all monthly VIX futures."""
    return api.Contract(
        secType="FUT",
        symbol="VIX",
        exchange=FUTURES_EXCHANGE,
        currency="USD",
        tradingClass="VX",
    )


def future_by_id(api: ModuleType, con_id: int) -> Any:
    """Return a future known by its id alone, for quotes."""
    return api.Contract(secType="FUT", conId=con_id, exchange=FUTURES_EXCHANGE, currency="USD")


def contract_seen(contract: Any) -> ContractSeen:
    """Return a contract of the library in our words."""
    strike = exact(contract.strike)
    return ContractSeen(
        con_id=int(contract.conId or 0),
        symbol=contract.symbol,
        kind=contract.secType,
        last_trade=contract.lastTradeDateOrContractMonth[:8],
        strike=strike if strike else None,
        right=contract.right[:1] if contract.right not in {"0", "?"} else "",
        local_symbol=contract.localSymbol,
        trading_class=contract.tradingClass,
    )


def details_seen(details: Any) -> DetailsSeen:
    """Return contract details in our words."""
    rules = tuple(int(part) for part in details.marketRuleIds.split(",") if part.strip())
    exchanges = tuple(part for part in details.validExchanges.split(",") if part)
    return DetailsSeen(
        contract_seen(details.contract), details.realExpirationDate, rules, exchanges
    )


def open_order_seen(contract: Any, order: Any, state: Any) -> OpenOrderSeen:
    """Return an open, completed or valued order in our words."""
    return OpenOrderSeen(
        client_id=int(order.clientId or 0),
        tws_order_id=int(order.orderId or 0),
        perm_id=int(order.permId or 0),
        order_ref=order.orderRef,
        account=order.account,
        action=order.action,
        quantity=exact(order.totalQuantity) or Decimal(0),
        limit_price=exact(order.lmtPrice),
        status=state.status,
        contract=contract_seen(contract),
        init_margin_after_usd=exact(state.initMarginAfter),
        equity_with_loan_after_usd=exact(state.equityWithLoanAfter),
        warning=state.warningText,
    )


def execution_seen(contract: Any, execution: Any) -> ExecutionSeen | None:
    """Return an execution in our words; None when its price or size is no number."""
    price, shares = exact(execution.price), exact(execution.shares)
    if price is None or shares is None or shares <= 0:
        return None
    at: datetime = execution.time
    return ExecutionSeen(
        exec_id=execution.execId,
        tws_order_id=int(execution.orderId or 0),
        client_id=int(execution.clientId or 0),
        perm_id=int(execution.permId or 0),
        order_ref=execution.orderRef,
        account=execution.acctNumber,
        at=at.astimezone(UTC),
        contract=contract_seen(contract),
        sign=1 if execution.side in {"BOT", "BUY"} else -1,
        quantity=shares,
        price=price,
    )


def commission_seen(report: Any) -> CommissionSeen:
    """Return a commission report in our words."""
    return CommissionSeen(report.execId, exact(report.commission), report.currency)


def position_seen(account: str, contract: Any, position: float) -> PositionSeen:
    """Return a position in our words."""
    return PositionSeen(account, contract_seen(contract), round(position))


def bar_seen(bar: Any) -> BarSeen:
    """Return a historical bar in our words; the library gives a day as a date or as text."""
    figures = (float(bar.open), float(bar.high), float(bar.low), float(bar.close))
    when = bar.date
    if isinstance(when, datetime):
        return BarSeen(f"{when:%Y%m%d}", when.astimezone(UTC), *figures)
    return BarSeen(when[:8] if isinstance(when, str) else f"{when:%Y%m%d}", None, *figures)


# The numbers of the ticks that are read; 66 … 83 are the delayed twins.
TICK_FIELDS: Mapping[int, str] = {
    0: "bid_size",
    1: "bid",
    2: "ask",
    3: "ask_size",
    4: "last",
    9: "close",
    66: "bid",
    67: "ask",
    68: "last",
    69: "bid_size",
    70: "ask_size",
    75: "close",
}
SIZE_OF = {"bid": "bid_size", "ask": "ask_size"}
MODEL_TICKS = frozenset({13, 83})
_NO_QUOTE = -1.0


def tick_value(field: str, value: float) -> float | None:
    """Return a tick's value; TWS writes −1 (or 0 for an ask) where there is no quote."""
    if isnan(value) or value >= UNSET or value == _NO_QUOTE or value < 0:
        return None
    if value == 0 and field in {"ask", "last", "close"}:
        return None
    return value


def greek_value(value: float, *, floor: float, ceiling: float) -> float | None:
    """Return a greek within its bounds; −1 and −2 are TWS's marks of no value."""
    if isnan(value) or not floor <= value <= ceiling or value in {-1.0, -2.0}:
        return None
    return value
