"""Orders and contracts between our words and those of TWS: the sign of a combo above all."""

from decimal import Decimal
from math import inf, nan
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_samples import ACCOUNT, CON_IDS, CONDOR, VIX_CALL, call_order, condor_order

from brokers.ib.library import client_library
from brokers.ib.translate import (
    contract_seen,
    credit_of,
    exact,
    limit_order,
    order_contract,
    order_side,
    tick_value,
)
from market.errors import OrderRefused
from market.orders import Order


async def test_a_credit_condor_is_bought_at_a_negative_price() -> None:
    api, order = client_library(), condor_order(quantity=3)

    sent = limit_order(api, order, Decimal("1.40"), account=ACCOUNT)

    assert (sent.action, sent.lmtPrice, sent.totalQuantity) == ("BUY", -1.4, 3)
    assert (sent.account, sent.orderRef, sent.tif) == (ACCOUNT, order.order_id, "DAY")


async def test_the_condor_is_one_bag_of_four_legs_without_prices_of_their_own() -> None:
    bag = order_contract(client_library(), condor_order().intent, CON_IDS)

    legs = [(leg.conId, leg.ratio, leg.action, leg.exchange) for leg in bag.comboLegs]
    assert (bag.secType, bag.symbol, bag.exchange) == ("BAG", "SPX", "SMART")
    assert legs == [
        (12, 1, "SELL", "SMART"),
        (11, 1, "BUY", "SMART"),
        (13, 1, "SELL", "SMART"),
        (14, 1, "BUY", "SMART"),
    ]


async def test_a_single_call_is_bought_at_a_positive_price_with_its_class() -> None:
    api, order = client_library(), call_order()

    sent = limit_order(api, order, Decimal("-0.80"), account=ACCOUNT)
    contract = order_contract(api, order.intent, CON_IDS)

    assert (sent.action, sent.lmtPrice) == ("BUY", 0.8)
    assert (contract.secType, contract.conId, contract.tradingClass) == ("OPT", 21, "VIX")


def test_a_single_call_is_sold_at_a_positive_price() -> None:
    order = call_order(ratio=-1, credit="0.75")

    assert order_side(order.intent, Decimal("0.75")) == ("SELL", Decimal("0.75"))


@given(credit=st.decimals(-50, 50, places=2), is_sold=st.booleans())
def test_action_and_price_mean_the_credit_they_were_made_of(credit: Decimal, is_sold: bool) -> None:
    for order in (condor_order(), call_order(ratio=-1 if is_sold else 1)):
        action, price = order_side(order.intent, credit)

        assert credit_of(action, price, is_combo=order.intent.is_combo) == credit


async def test_a_combo_with_a_leg_unknown_to_the_broker_is_not_sent() -> None:
    ids = {leg.contract: 1 for leg in CONDOR[1:]}

    with pytest.raises(OrderRefused, match="SPXW 2018-02-05 2725 P"):
        order_contract(client_library(), condor_order().intent, ids)


@pytest.mark.parametrize("credit", [Decimal("NaN"), Decimal("Infinity")])
async def test_a_limit_that_is_no_number_is_not_sent(credit: Decimal) -> None:
    with pytest.raises(OrderRefused, match="which is no price"):
        limit_order(client_library(), condor_order(), credit, account=ACCOUNT)


@pytest.mark.parametrize("ref", ["P-…-1", "x" * 61])
async def test_an_id_that_cannot_travel_is_not_sent(ref: str) -> None:
    order = Order(ref, condor_order().session, condor_order().intent)

    with pytest.raises(OrderRefused, match="cannot travel"):
        limit_order(client_library(), order, Decimal(1), account=ACCOUNT)


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (1.4, Decimal("1.4")),
        (100.0, Decimal(100)),
        ("0.85", Decimal("0.85")),
        (1.7976931348623157e308, None),
        (nan, None),
        (inf, None),
        ("", None),
    ],
)
def test_numbers_come_over_exactly_and_sentinels_as_nothing(
    wire: object, value: Decimal | None
) -> None:
    assert exact(wire) == value


@pytest.mark.parametrize(
    ("field", "wire", "value"),
    [
        ("bid", -1.0, None),
        ("bid", 0.0, 0.0),
        ("ask", 0.0, None),
        ("ask", nan, None),
        ("last", -1.0, None),
        ("bid", 1.25, 1.25),
    ],
)
def test_no_quote_is_never_a_price(field: str, wire: float, value: float | None) -> None:
    assert tick_value(field, wire) == value


def test_a_contract_keeps_its_class_and_its_local_symbol() -> None:
    wire = SimpleNamespace(
        conId=21, symbol="VIX", secType="OPT", lastTradeDateOrContractMonth="20180213 16:15:00",
        strike=16.0, right="CALL", localSymbol="VIX   180214C00016000", tradingClass="VIX",
    )  # fmt: skip

    seen = contract_seen(wire)

    assert (seen.con_id, seen.last_trade, seen.strike) == (21, "20180213", VIX_CALL.strike)
    assert (seen.right, seen.trading_class) == ("C", "VIX")
