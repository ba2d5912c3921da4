"""Which client sees whose orders: its own, everybody's when it asks, or all as they move."""

from gateway_samples import (
    MASTER,
    client,
    condor,
    emulator,
    errors_of,
    library,
    limit,
    wait_until,
)

from bot.world import World

ALL_LEGS = 4


async def test_the_master_client_hears_of_anothers_order_from_its_start_to_its_charges(
    world: World,
) -> None:
    async with (
        emulator(world) as gateway,
        client(gateway, MASTER) as master,
        client(gateway, 1) as ours,
    ):
        statuses: list[str] = []
        charged: list[str] = []
        master.orderStatusEvent += lambda trade: statuses.append(trade.orderStatus.status)
        master.commissionReportEvent += lambda *row: charged.append(row[1].execution.execId)
        sent = ours.placeOrder(await condor(ours), limit(-1.0))
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: len(charged) == ALL_LEGS)
        (seen,) = master.trades()

    assert statuses == ["PreSubmitted", "Submitted", "Filled"]
    assert (seen.order.permId, seen.order.clientId) == (sent.order.permId, 1)
    assert [f.execution.execId for f in seen.fills] == [f.execution.execId for f in sent.fills]


async def test_errors_of_an_order_are_for_the_client_alone_that_sent_it(world: World) -> None:
    async with (
        emulator(world) as gateway,
        client(gateway, MASTER, raises=False) as master,
        client(gateway, 1, raises=False) as ours,
    ):
        theirs, own = errors_of(master), errors_of(ours)
        trade = ours.placeOrder(await condor(ours), limit(-15.0))
        await gateway.pass_time(seconds=1)
        master.client.cancelOrder(trade.order.orderId, "")
        await wait_until(lambda: bool(theirs))
        ours.cancelOrder(trade.order)
        await wait_until(lambda: bool(own))
        await gateway.settle_down()

    assert theirs == [(trade.order.orderId, 10147)]
    assert own == [(trade.order.orderId, 202)]
    assert master.trades()[0].orderStatus.status == "Cancelled"


async def test_client_0_may_bind_orders_of_a_person_and_any_other_is_refused(
    world: World,
) -> None:
    async with (
        emulator(world) as gateway,
        client(gateway, 0, raises=False) as zero,
        client(gateway, 1, raises=False) as one,
    ):
        heard, refused = errors_of(zero), errors_of(one)
        one.placeOrder(await condor(one), limit(-15.0))
        await gateway.pass_time(seconds=1)
        for ib in (zero, one):
            ib.client.reqAutoOpenOrders(True)
        await wait_until(lambda: bool(refused))
        of_zero, of_all = await zero.reqOpenOrdersAsync(), await zero.reqAllOpenOrdersAsync()

    assert (heard, refused) == ([], [(-1, 321)])
    assert (of_zero, len(of_all)) == ([], 1)


async def test_a_read_only_api_refuses_orders_and_the_sight_of_them_and_tells_the_rest(
    world: World,
) -> None:
    async with emulator(world, is_read_only=True) as gateway:
        ib = library().IB()
        await ib.connectAsync("127.0.0.1", gateway.server.port, clientId=1, readonly=True)
        heard = errors_of(ib)
        order = ib.placeOrder(await condor(ib), limit(-1.0)).order
        ib.client.reqOpenOrders()
        ib.client.reqCompletedOrders(False)
        await wait_until(lambda: len(heard) == 3)
        cash = [v.value for v in ib.accountValues() if v.tag == "TotalCashValue"]
        ib.disconnect()

    assert heard == [(order.orderId, 321), (-1, 321), (-1, 321)]
    assert gateway.server.venue.desk.tickets == []
    assert len(cash) == 1
