"""The life of orders as a client sees it: sent, modified, filled, cancelled, refused."""

from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from gateway_samples import (
    EVENING,
    STRIKES,
    Client,
    Emulator,
    client,
    condor,
    emulator,
    errors_of,
    library,
    limit,
    spxw,
    vix_call,
    wait_until,
)

from bot.world import World
from brokers.unsuspended import run_now
from market.instruments import TradingClass

MONDAY = date(2018, 2, 5)
SERIES = (TradingClass.SPXW, MONDAY)
POSITIONS = {
    "SPXW  180205P02700000": 1,
    "SPXW  180205P02725000": -1,
    "SPXW  180205C02790000": -1,
    "SPXW  180205C02815000": 1,
}


def trail(trade: Any) -> list[str]:
    """Return the statuses that an order went through, repeats left out."""
    statuses = [entry.status for entry in trade.log]
    return [s for n, s in enumerate(statuses) if n == 0 or statuses[n - 1] != s]


async def filled_condor(gateway: Emulator, ib: Client, price: float = -1.0) -> Any:
    """Buy the sample condor and let it fill."""
    trade = ib.placeOrder(await condor(ib), limit(price))
    await gateway.pass_time(seconds=5)
    await wait_until(lambda: trade.orderStatus.status == "Filled")
    await gateway.settle_down()
    return trade


async def test_row_15_a_condor_bought_at_a_negative_limit_is_sold_for_a_credit(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        before = gateway.server.venue.account_values()["TotalCashValue"]
        trade = await filled_condor(gateway, ib)
        after = gateway.server.venue.account_values()["TotalCashValue"]
        ticket = gateway.server.venue.desk.tickets[0]

    price = Decimal(str(trade.orderStatus.avgFillPrice))
    assert trail(trade) == ["PendingSubmit", "PreSubmitted", "Submitted", "Filled"]
    assert price <= -1
    assert after - before == -price * 100 - ticket.commission_usd


async def test_row_12_a_package_tells_one_execution_for_itself_and_one_for_each_leg(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        trade = await filled_condor(gateway, ib)

    package, *legs = trade.fills
    assert (package.contract.secType, package.execution.side) == ("BAG", "BOT")
    assert package.execution.execId.endswith(".01.01")
    assert [(f.contract.localSymbol, f.execution.side) for f in legs] == [
        (name, "BOT" if held > 0 else "SLD") for name, held in POSITIONS.items()
    ]
    signs = {"BOT": 1, "SLD": -1}
    net = sum(signs[f.execution.side] * f.execution.price for f in legs)
    assert net == pytest.approx(package.execution.price)
    assert package.execution.price < 0
    assert {f.execution.orderRef for f in trade.fills} == {"sample"}


async def test_charges_come_leg_by_leg_and_sum_to_what_the_account_paid(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        trade = await filled_condor(gateway, ib)
        paid = float(gateway.server.venue.desk.tickets[0].commission_usd)

    charged = [f.commissionReport.commission for f in trade.fills[1:]]
    assert sum(charged) == pytest.approx(paid)
    assert min(charged) > 0
    assert trade.fills[0].commissionReport.execId == ""


async def test_positions_come_with_average_cost_and_without_an_exchange(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled_condor(gateway, ib)
        positions = await ib.reqPositionsAsync()

    assert {p.contract.localSymbol: p.position for p in positions} == POSITIONS
    assert {p.contract.exchange for p in positions} == {""}
    assert min(p.avgCost for p in positions) > 0


async def test_a_limit_away_from_the_market_rests_and_a_better_one_fills_the_same_order(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        bag, order = await condor(ib), limit(-15.0)
        trade = ib.placeOrder(bag, order)
        await gateway.pass_time(seconds=5)
        resting, perm_id = trade.orderStatus.status, trade.order.permId
        order.lmtPrice = -1.0
        ib.placeOrder(bag, order)
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: trade.orderStatus.status == "Filled")

    assert resting == "Submitted"
    assert trade.order.permId == perm_id
    assert len(gateway.server.venue.desk.tickets) == 1


async def test_a_cancelled_order_passes_pending_cancel_and_tells_202(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        trade = ib.placeOrder(await condor(ib), limit(-15.0))
        await gateway.pass_time(seconds=5)
        ib.cancelOrder(trade.order)
        await wait_until(lambda: (trade.order.orderId, 202) in heard)

    assert trail(trade) == [
        "PendingSubmit",
        "PreSubmitted",
        "Submitted",
        "PendingCancel",
        "Cancelled",
    ]


async def test_row_10_cancelling_an_unknown_order_is_10147_and_a_filled_one_10148(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        trade = await filled_condor(gateway, ib)
        heard = errors_of(ib)
        ib.client.cancelOrder(trade.order.orderId, "")
        ib.client.cancelOrder(4711, "")
        await wait_until(lambda: len(heard) == 2)

    assert heard == [(trade.order.orderId, 10148), (4711, 10147)]


REFUSED: dict[str, tuple[int, dict[str, object]]] = {
    "a price off the grid": (110, {"lmtPrice": -1.03}),
    "no quantity": (434, {"totalQuantity": 0}),
    "a type that is not served": (387, {"orderType": "MKT"}),
    "another account": (321, {"account": "DU9999999"}),
    "more than the margin allows": (201, {"totalQuantity": 1000}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_an_order_that_cannot_be_is_refused_by_its_code(world: World, name: str) -> None:
    code, terms = REFUSED[name]
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        order = limit(-1.0)
        for term, value in terms.items():
            setattr(order, term, value)
        trade = ib.placeOrder(await condor(ib), order)
        await wait_until(lambda: bool(heard))

    assert heard[0] == (trade.order.orderId, code)
    assert gateway.server.venue.desk.working() == []


async def test_row_14_four_legs_with_their_own_prices_or_non_guaranteed_are_refused(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        bag = await condor(ib)
        ib.placeOrder(bag, limit(-1.0, orderComboLegs=[library().OrderComboLeg(1.0)] * 4))
        loose = [library().TagValue("NonGuaranteed", "1")]
        ib.placeOrder(bag, limit(-1.0, smartComboRoutingParams=loose))
        await wait_until(lambda: len(heard) == 2)

    assert [code for _, code in heard] == [10058, 10043]


async def test_a_used_order_id_is_refused_and_a_filled_order_is_not_modified(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        trade = await filled_condor(gateway, ib)
        heard = errors_of(ib)
        ib.client.placeOrder(trade.order.orderId, trade.contract, limit(-2.0))
        ib.client.placeOrder(trade.order.orderId - 1, trade.contract, limit(-2.0))
        await wait_until(lambda: len(heard) == 2)

    assert [code for _, code in heard] == [104, 103]


async def test_a_modification_to_another_combo_is_refused_and_the_order_lives_on(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        bag = await condor(ib)
        trade = ib.placeOrder(bag, limit(-15.0))
        await gateway.pass_time(seconds=1)
        heard = errors_of(ib)
        ib.client.placeOrder(trade.order.orderId, bag, limit(-1.0, action="SELL"))
        await wait_until(lambda: bool(heard))
        (ticket,) = gateway.server.venue.desk.working()

    assert heard == [(trade.order.orderId, 105)]
    assert ticket.wire.limit_price == -15


REFUSED_CHANGES: dict[str, tuple[int, dict[str, object]]] = {
    "a price off the grid": (110, {"lmtPrice": -15.03}),
    "a type that is not served": (387, {"orderType": "MKT"}),
    "more than the margin allows": (201, {"totalQuantity": 1000}),
    "a credit that cannot lose": (201, {"lmtPrice": -25.0}),
}


@pytest.mark.parametrize("name", REFUSED_CHANGES)
async def test_a_refused_modification_leaves_the_order_at_work_as_it_was(
    world: World, name: str
) -> None:
    code, terms = REFUSED_CHANGES[name]
    async with emulator(world) as gateway, client(gateway, raises=False) as ib:
        bag, order = await condor(ib), limit(-15.0)
        trade = ib.placeOrder(bag, order)
        await gateway.pass_time(seconds=1)
        heard, told = errors_of(ib), list(trade.log)
        changed = limit(-15.0, orderId=order.orderId)
        for term, value in terms.items():
            setattr(changed, term, value)
        ib.client.placeOrder(order.orderId, bag, changed)
        await wait_until(lambda: bool(heard))
        await gateway.pass_time(seconds=60)
        (ticket,) = gateway.server.venue.desk.working()
        working = gateway.server.venue.means.broker
        (at_work,) = run_now(working.open_orders())
        ib.client.placeOrder(order.orderId, bag, limit(-1.0, orderId=order.orderId))
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: ticket.status == "Filled")

    assert heard[0] == (order.orderId, code)
    assert [entry.status for entry in told] == ["PendingSubmit", "PreSubmitted", "Submitted"]
    assert "Inactive" not in trail(trade)
    assert (ticket.revision, at_work.order_id) == (1, f"{ticket.perm_id}.0")
    assert ticket.wire.order_ref == "sample"


async def test_an_order_that_fills_as_its_change_arrives_is_not_changed_any_more(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        bag, order = await condor(ib), limit(-1.0)
        ib.placeOrder(bag, order)
        await gateway.settle_down()
        heard = errors_of(ib)
        gateway.clock.jump(gateway.clock.now() + timedelta(seconds=5))
        ib.client.placeOrder(order.orderId, bag, limit(-2.0, orderId=order.orderId))
        await wait_until(lambda: bool(heard))
        (ticket,) = gateway.server.venue.desk.tickets

    assert heard == [(order.orderId, 104)]
    assert (ticket.status, ticket.revision) == ("Filled", 0)


async def test_a_what_if_tells_margin_and_commission_and_sends_nothing(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        state = await ib.whatIfOrderAsync(await condor(ib), limit(-1.0, 2))
        orders = gateway.server.venue.desk.tickets

    assert orders == []
    assert (float(state.initMarginBefore), float(state.initMarginAfter)) == (0.0, 5000.0)
    assert state.commission > 0
    assert float(state.equityWithLoanAfter) < float(state.equityWithLoanBefore)


async def test_an_order_sent_after_hours_waits_for_the_next_open(world: World) -> None:
    async with emulator(world, EVENING) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        trade = ib.placeOrder(vix_call(), limit(20.0))
        await wait_until(lambda: (trade.order.orderId, 399) in heard)
        waiting = trade.orderStatus.status
        await gateway.until(world.calendar.session(MONDAY).open_at)
        await gateway.pass_time(seconds=60)
        await wait_until(lambda: trade.orderStatus.status == "Filled")

    assert waiting == "PreSubmitted"


async def test_a_day_order_ends_with_the_session_and_one_good_till_cancelled_does_not(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        day = ib.placeOrder(vix_call(), limit(0.05))
        lasting = ib.placeOrder(vix_call(25), limit(0.05, tif="GTC"))
        await gateway.until(EVENING)
        await wait_until(lambda: day.orderStatus.status == "Cancelled")

        assert lasting.orderStatus.status == "PreSubmitted"
        await gateway.until(world.calendar.session(MONDAY).open_at)
        await gateway.pass_time(seconds=5)
        assert lasting.orderStatus.status == "Submitted"


async def test_orders_belong_to_the_client_that_sent_them(world: World) -> None:
    async with emulator(world) as gateway, client(gateway, 1) as ours, client(gateway, 2) as theirs:
        trade = ours.placeOrder(await condor(ours), limit(-15.0))
        await gateway.pass_time(seconds=1)
        heard = errors_of(theirs)
        own = await theirs.reqOpenOrdersAsync()
        everybodys = await theirs.reqAllOpenOrdersAsync()
        theirs.client.cancelOrder(trade.order.orderId, "")
        await wait_until(lambda: bool(heard))

    assert own == []
    assert [t.order.permId for t in everybodys] == [trade.order.permId]
    assert heard == [(trade.order.orderId, 10147)]


async def test_a_global_cancel_ends_the_orders_of_all(world: World) -> None:
    async with emulator(world) as gateway, client(gateway, 1) as ours, client(gateway, 2) as theirs:
        trade = ours.placeOrder(await condor(ours), limit(-15.0))
        await gateway.pass_time(seconds=1)
        theirs.reqGlobalCancel()
        await wait_until(lambda: trade.orderStatus.status == "Cancelled")

    assert gateway.server.venue.desk.working() == []


async def test_row_27_a_client_that_comes_back_finds_its_order_with_legs_price_and_ref(
    world: World,
) -> None:
    async with emulator(world) as gateway:
        async with client(gateway, 1) as ib:
            bag = await condor(ib)
            before = ib.placeOrder(bag, limit(-15.0))
            await gateway.pass_time(seconds=1)
        async with client(gateway, 1) as again:
            (found,) = again.openTrades()
            next_id = again.client.getReqId()

    assert (found.order.permId, found.order.orderRef) == (before.order.permId, "sample")
    assert (found.order.lmtPrice, found.order.totalQuantity) == (-15.0, 1)
    assert (found.contract.conId, found.contract.tradingClass) == (28812380, "COMB")
    legs = [(leg.conId, leg.ratio, leg.action) for leg in found.contract.comboLegs]
    assert legs == [(leg.conId, leg.ratio, leg.action) for leg in bag.comboLegs]
    assert next_id > before.order.orderId


async def test_the_days_completed_orders_and_executions_can_be_read_again(world: World) -> None:
    async with emulator(world) as gateway:
        async with client(gateway, 1) as ib:
            trade = await filled_condor(gateway, ib)
        async with client(gateway, 2) as reader:
            (done,) = await reader.reqCompletedOrdersAsync(False)
            fills = await reader.reqExecutionsAsync()

    assert (done.orderStatus.status, done.order.permId) == ("Filled", trade.order.permId)
    assert done.order.totalQuantity == 0
    assert done.order.filledQuantity == 1
    assert [f.execution.execId for f in fills] == [f.execution.execId for f in trade.fills]
    assert [f.execution.time for f in fills] == [f.execution.time for f in trade.fills]


@pytest.mark.parametrize(
    ("terms", "count"),
    [
        ({}, 5),
        ({"symbol": "VIX"}, 0),
        ({"secType": "BAG"}, 1),
        ({"secType": "OPT"}, 4),
        ({"side": "SELL"}, 2),
        ({"clientId": 9}, 0),
        ({"acctCode": "DU0000001"}, 5),
        ({"acctCode": "DU9999999"}, 0),
        ({"time": "20180202 15:00:00"}, 5),
        ({"time": "20180202 15:50:00"}, 0),
        ({"time": "20180202-20:50:00"}, 0),
    ],
)
async def test_executions_are_those_that_fit_the_filter(
    world: World, terms: dict[str, object], count: int
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled_condor(gateway, ib)
        fills = await ib.reqExecutionsAsync(library().ExecutionFilter(**terms))

    assert len(fills) == count


async def test_a_new_day_forgets_yesterdays_executions_and_completed_orders(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled_condor(gateway, ib)
        await gateway.pass_time(hours=12)
        fills = await ib.reqExecutionsAsync()
        done = await ib.reqCompletedOrdersAsync(False)

    assert (fills, done) == ([], [])


async def test_expired_options_leave_the_account_as_cash_when_their_value_is_known(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled_condor(gateway, ib)
        cash = gateway.server.venue.account_values()["TotalCashValue"]
        settles_at = world.calendar.settles_at(*SERIES)
        await gateway.until(settles_at - timedelta(minutes=1))
        held = await ib.reqPositionsAsync()
        await gateway.until(settles_at + timedelta(minutes=30))
        left = await ib.reqPositionsAsync()
        paid = gateway.server.venue.account_values()["TotalCashValue"] - cash
        close = world.market.settlement_points(*SERIES)

    assert len(held) == len(STRIKES)
    assert left == []
    assert close is not None
    assert paid == value_at(close) * 100


def value_at(close: Decimal) -> Decimal:
    """Return what the condor is worth to its holder at a settlement value, in points."""
    put_side = max(Decimal(2725) - close, Decimal(0)) - max(Decimal(2700) - close, Decimal(0))
    call_side = max(close - Decimal(2790), Decimal(0)) - max(close - Decimal(2815), Decimal(0))
    return -put_side - call_side


async def test_account_values_and_summary_tell_the_same_and_the_third_summary_is_refused(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        summary = await ib.accountSummaryAsync()
        values = {v.tag: v.value for v in ib.accountValues() if v.currency == "USD"}
        for number in (9001, 9002):
            ib.client.reqAccountSummary(number, "All", "NetLiquidation")
        await wait_until(lambda: bool(heard))

    told = {v.tag: v.value for v in summary if v.tag == "NetLiquidation"}
    assert told == {"NetLiquidation": values["NetLiquidation"]}
    assert heard == [(9002, 322)]


async def test_profit_and_loss_of_an_open_condor_is_its_worth_less_what_it_cost(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        start = gateway.server.venue.account_values()["NetLiquidation"]
        await filled_condor(gateway, ib)
        pnl = ib.reqPnL(ib.managedAccounts()[0])
        await wait_until(lambda: isfinite(pnl.unrealizedPnL))
        now = gateway.server.venue.account_values()["NetLiquidation"]

    assert pnl.unrealizedPnL == pytest.approx(float(now - start), abs=0.01)


async def test_a_single_option_tells_one_execution_and_its_charge(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        trade = ib.placeOrder(spxw(2700, "P"), limit(20.0))
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: trade.orderStatus.status == "Filled")
        await gateway.settle_down()

    (fill,) = trade.fills
    assert (fill.contract.localSymbol, fill.execution.side, fill.execution.shares) == (
        "SPXW  180205P02700000",
        "BOT",
        1,
    )
    assert fill.commissionReport.commission > 0
