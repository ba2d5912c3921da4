"""Contracts, orders and messages that the adapter's tests share."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from brokers.ib.messages import ContractSeen, ExecutionSeen, OpenOrderSeen, StatusSeen
from market.instruments import OptionContract
from market.orders import ApprovedOrder, Leg, Order, OrderIntent, PriceWalk

AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
SESSION = date(2018, 2, 2)
ACCOUNT = "DU1234567"
REF = "P-20180202-condor-entry-1"

LONG_PUT = OptionContract.parse("SPXW 2018-02-05 2700 P")
SHORT_PUT = OptionContract.parse("SPXW 2018-02-05 2725 P")
SHORT_CALL = OptionContract.parse("SPXW 2018-02-05 2790 C")
LONG_CALL = OptionContract.parse("SPXW 2018-02-05 2815 C")
VIX_CALL = OptionContract.parse("VIX 2018-02-14 16 C")
CON_IDS = {LONG_PUT: 11, SHORT_PUT: 12, SHORT_CALL: 13, LONG_CALL: 14, VIX_CALL: 21}
CONDOR = (Leg(SHORT_PUT, -1), Leg(LONG_PUT, 1), Leg(SHORT_CALL, -1), Leg(LONG_CALL, 1))
# 2.00 − 1.35 + 1.80 − 1.05
LEG_PRICES = (Decimal("2.00"), Decimal("1.35"), Decimal("1.80"), Decimal("1.05"))
CREDIT = Decimal("1.40")


def condor_order(quantity: int = 1, ref: str = REF, credit: str = "1.40") -> Order:
    walk = PriceWalk(Decimal("0.05"), timedelta(seconds=30), 3)
    until = AT + timedelta(minutes=4, seconds=30)
    intent = OrderIntent(
        "condor", "entry", "20180202", CONDOR, quantity, Decimal(credit), until, walk=walk
    )
    return Order(ref, SESSION, intent)


def call_order(ratio: int = 1, credit: str = "-0.80", ref: str = "P-20180202-alvh-buy-1") -> Order:
    legs = (Leg(VIX_CALL, ratio),)
    until = AT + timedelta(hours=1)
    intent = OrderIntent("alvh", "buy", "alvh", legs, 2, Decimal(credit), until, layer="near")
    return Order(ref, SESSION, intent)


def approved(order: Order) -> ApprovedOrder:
    return ApprovedOrder(order, "risk: ok")


def occ(contract: OptionContract) -> str:
    strike = int(contract.strike * 1000)
    return f"{contract.trading_class:<6}{contract.expiry:%y%m%d}{contract.right}{strike:08d}"


def option_seen(contract: OptionContract, last_trade: str = "") -> ContractSeen:
    return ContractSeen(
        CON_IDS.get(contract, 99),
        contract.spec.underlying,
        "OPT",
        last_trade,
        contract.strike,
        str(contract.right),
        occ(contract),
        str(contract.trading_class),
    )


BAG_SEEN = ContractSeen(28812380, "SPX", "BAG", "", None, "", "28812380", "COMB")


def leg_execution(
    index: int,
    number: str,
    *,
    quantity: int = 1,
    price: Decimal | None = None,
    revision: str = "01",
    order: Order | None = None,
) -> ExecutionSeen:
    """Return the report of one leg; `number` names the fill, the index its place in the combo."""
    order = order or condor_order()
    leg = order.intent.legs[index]
    return ExecutionSeen(
        exec_id=f"0000e0d5.{number}.{index + 2:02d}.{revision}",
        tws_order_id=5,
        client_id=7,
        perm_id=900,
        order_ref=order.order_id,
        account=ACCOUNT,
        at=AT,
        contract=option_seen(leg.contract),
        sign=1 if leg.ratio > 0 else -1,
        quantity=Decimal(quantity),
        price=LEG_PRICES[index] if price is None else price,
    )


def bag_execution(number: str, *, quantity: int = 1, price: str = "-1.40") -> ExecutionSeen:
    return ExecutionSeen(
        f"0000e0d5.{number}.01.01", 5, 7, 900, REF, ACCOUNT, AT, BAG_SEEN, 1,
        Decimal(quantity), Decimal(price),
    )  # fmt: skip


def open_seen(
    status: str = "Submitted", *, perm_id: int = 900, ref: str = REF, limit: str = "-1.40"
) -> OpenOrderSeen:
    return OpenOrderSeen(
        7, 5, perm_id, ref, ACCOUNT, "BUY", Decimal(1), Decimal(limit), status, BAG_SEEN
    )


def status_seen(status: str, filled: int = 0, remaining: int = 1) -> StatusSeen:
    return StatusSeen(5, 7, 900, status, Decimal(filled), Decimal(remaining))
