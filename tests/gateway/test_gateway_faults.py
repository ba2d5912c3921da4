"""Every kind of scripted fault, seen through a real client. Rows are those of the catalogue of
failures that other systems met."""

import asyncio
from datetime import timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from gateway_samples import (
    AFTERNOON,
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
from brokers.gateway.faults import Kind

AT_1550 = "at = 2018-02-02T15:50:00"


def fault(kind: str, *lines: str) -> str:
    """Return the text of one fault."""
    return "\n".join(["[[fault]]", f'kind = "{kind}"', *lines, ""])


async def sent(gateway: Emulator, ib: Client, price: float = -1.0, quantity: int = 1) -> Any:
    """Send the sample condor and let a few seconds pass."""
    trade = ib.placeOrder(await condor(ib), limit(price, quantity))
    await gateway.pass_time(seconds=5)
    return trade


async def test_a_socket_dropped_at_an_order_is_lost_with_it(world: World) -> None:
    script = fault("drop", 'on = "place_order"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        ib.placeOrder(await condor(ib), limit(-1.0))
        await wait_until(lambda: not ib.isConnected())

    assert gateway.server.venue.desk.tickets == []


async def test_row_5_a_socket_dropped_after_an_order_leaves_it_at_work_unacknowledged(
    world: World,
) -> None:
    script = fault("drop", 'on = "place_order"', 'when = "after"')
    async with emulator(world, faults=script) as gateway:
        async with client(gateway) as ib:
            trade = ib.placeOrder(await condor(ib), limit(-15.0))
            await wait_until(lambda: not ib.isConnected())
            seen = trade.orderStatus.status
        async with client(gateway) as again:
            (found,) = again.openTrades()

    assert seen == "PendingSubmit"
    assert (found.order.orderRef, found.orderStatus.status) == ("sample", "Submitted")


async def test_row_2_an_order_that_filled_while_the_client_was_gone_is_found_by_its_reference(
    world: World,
) -> None:
    script = fault("drop", 'tell = "execution"')
    async with emulator(world, faults=script) as gateway:
        async with client(gateway) as ib:
            await sent(gateway, ib)
            await wait_until(lambda: not ib.isConnected())
        async with client(gateway) as again:
            fills = await again.reqExecutionsAsync()
            done = await again.reqCompletedOrdersAsync(False)
            positions = await again.reqPositionsAsync()

    assert {fill.execution.orderRef for fill in fills} == {"sample"}
    assert [trade.order.orderRef for trade in done] == ["sample"]
    assert len(positions) == 4


async def test_a_socket_can_drop_at_a_time_for_everybody(world: World) -> None:
    async with emulator(world, faults=fault("drop", AT_1550)) as gateway:
        async with client(gateway, 1) as one, client(gateway, 2) as two:
            await gateway.pass_time(minutes=4)
            before = (one.isConnected(), two.isConnected())
            await gateway.pass_time(minutes=2)
            await wait_until(lambda: not one.isConnected() and not two.isConnected())
        async with client(gateway, 1) as again:
            assert again.isConnected()

    assert before == (True, True)


async def test_a_restart_drops_everybody_and_lets_nobody_in_for_a_minute(world: World) -> None:
    script = fault("restart", AT_1550, "seconds = 60")
    async with emulator(world, faults=script) as gateway:
        async with client(gateway) as ib:
            await gateway.pass_time(minutes=5)
            await wait_until(lambda: not ib.isConnected())
        with pytest.raises((ConnectionError, TimeoutError)):
            await library().IB().connectAsync("127.0.0.1", gateway.server.port, 1, timeout=0.5)
        await gateway.pass_time(seconds=61)
        async with client(gateway) as again:
            assert again.isConnected()


async def test_row_3_fills_during_a_cut_are_not_told_but_can_be_read_after_1102(
    world: World,
) -> None:
    script = fault("cut", "at = 2018-02-02T15:45:01", "seconds = 60")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        trade = ib.placeOrder(await condor(ib), limit(-1.0))
        await gateway.pass_time(seconds=1)
        await gateway.pass_time(seconds=10)
        during = trade.orderStatus.status, list(trade.fills)
        await gateway.pass_time(seconds=60)
        fills = await ib.reqExecutionsAsync()

    assert during == ("Submitted", [])
    assert [code for _, code in heard] == [1100, 1102]
    assert len(fills) == 5


async def test_row_5_an_order_written_during_a_cut_is_lost(world: World) -> None:
    script = fault("cut", AT_1550, "seconds = 60")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        await gateway.pass_time(minutes=5)
        trade = await sent(gateway, ib)
        await gateway.pass_time(minutes=2)

    assert trade.orderStatus.status == "PendingSubmit"
    assert gateway.server.venue.desk.tickets == []


async def test_1101_says_that_subscriptions_are_lost_and_they_are(world: World) -> None:
    script = fault("cut", AT_1550, "seconds = 60", "loses_subscriptions = true")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        ticker = ib.reqMktData(library().Index("SPX", "CBOE"))
        await wait_until(lambda: isfinite(ticker.last))
        await gateway.pass_time(minutes=5)
        await gateway.pass_time(minutes=2)
        last = ticker.last
        await gateway.pass_time(minutes=5)

    assert [code for _, code in heard] == [1100, 1101]
    assert ticker.last == last


async def test_row_6_a_nightly_reset_keeps_the_socket_repeats_1100_and_shows_an_empty_account(
    world: World,
) -> None:
    script = fault("reset", AT_1550, "seconds = 240")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        await gateway.pass_time(minutes=5)
        during = {v.value for v in await ib.accountSummaryAsync() if v.tag == "NetLiquidation"}
        for _ in range(4):
            await gateway.pass_time(minutes=1)
        await gateway.settle_down()
        held = ib.isConnected()

    assert [code for _, code in heard] == [1100, 1100, 1100, 1100, 1102]
    assert during == {"0"}
    assert held


async def test_row_24_a_mute_port_takes_the_connection_and_never_answers(world: World) -> None:
    script = fault("mute", AT_1550)
    async with emulator(world, AFTERNOON, faults=script) as gateway:
        async with client(gateway) as ib:
            await gateway.pass_time(minutes=6)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.2)
            held = ib.isConnected()
        with pytest.raises((ConnectionError, TimeoutError)):
            await library().IB().connectAsync("127.0.0.1", gateway.server.port, 2, timeout=0.3)

    assert held


async def test_row_23_a_farm_that_flaps_is_told_and_the_socket_stays(world: World) -> None:
    script = fault("notice", AT_1550, "code = 2103", "every = 60", "times = 3")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        for _ in range(9):
            await gateway.pass_time(minutes=1)
        held = ib.isConnected()

    assert heard == [(-1, 2103)] * 3
    assert held


async def test_a_pacing_violation_is_100_and_the_request_is_not_served(world: World) -> None:
    script = fault("pacing", 'on = "contract_details"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        with pytest.raises(library().wrapper.RequestError) as refused:
            await ib.reqContractDetailsAsync(spxw(2700, "P"))
        found = await ib.reqContractDetailsAsync(spxw(2700, "P"))

    assert refused.value.code == 100
    assert len(found) == 1


async def test_row_23_a_client_id_that_is_still_in_use_is_free_a_little_later(
    world: World,
) -> None:
    script = fault("id_in_use", 'on = "start_api"', "times = 2")
    codes: list[list[int]] = []
    async with emulator(world, faults=script) as gateway:
        for _ in range(2):
            ib = library().IB()
            heard = errors_of(ib)
            with pytest.raises((ConnectionError, TimeoutError)):
                await ib.connectAsync("127.0.0.1", gateway.server.port, 1, timeout=0.3)
            codes.append([code for _, code in heard])
        async with client(gateway) as ib:
            assert ib.isConnected()

    assert codes == [[326], [326]]


async def test_an_order_id_that_falls_back_is_a_duplicate(world: World) -> None:
    script = fault("stale_id", 'on = "start_api"', "nth = 2")
    async with emulator(world, faults=script) as gateway:
        async with client(gateway) as ib:
            trade = await sent(gateway, ib, -15.0)
        async with client(gateway) as again:
            heard = errors_of(again)
            bag = await condor(again)
            again.client.placeOrder(1, bag, limit(-15.0))
            await wait_until(lambda: bool(heard))

    assert trade.order.orderId > 1
    assert heard == [(1, 103)]


async def test_row_11_a_request_can_stay_without_an_answer(world: World) -> None:
    script = fault("ignore", 'on = "contract_details"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ib.reqContractDetailsAsync(spxw(2700, "P")), 0.2)
        assert await ib.reqCurrentTimeAsync() == gateway.clock.now()


async def test_a_new_order_can_be_rejected(world: World) -> None:
    script = fault("reject", 'on = "place_order"', 'text = "Order rejected - reason:margin"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        trade = await sent(gateway, ib)

    assert heard == [(trade.order.orderId, 201)]
    assert trade.log[-1].message.startswith("Error 201")
    assert gateway.server.venue.desk.tickets == []


async def test_a_modification_can_be_rejected_while_the_order_lives_on(world: World) -> None:
    script = fault("reject", 'on = "modify_order"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, -15.0)
        heard = errors_of(ib)
        trade.order.lmtPrice = -1.0
        ib.placeOrder(trade.contract, trade.order)
        await wait_until(lambda: bool(heard))
        (ticket,) = gateway.server.venue.desk.working()

    assert heard == [(trade.order.orderId, 201)]
    assert ticket.wire.limit_price == -15


async def test_row_10_a_cancel_can_be_refused_while_the_order_lives_on(world: World) -> None:
    script = fault("reject", 'on = "cancel_order"', "code = 10148")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, -15.0)
        heard = errors_of(ib)
        ib.cancelOrder(trade.order)
        await wait_until(lambda: bool(heard))

    assert heard == [(trade.order.orderId, 10148)]
    assert len(gateway.server.venue.desk.working()) == 1


async def test_row_8_an_informational_code_names_a_live_order(world: World) -> None:
    script = fault("notice", 'on = "place_order"', "code = 10349", 'when = "after"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        trade = ib.placeOrder(await condor(ib), limit(-15.0))
        await wait_until(lambda: bool(heard))
        local = trade.orderStatus.status
        (alive,) = gateway.server.venue.desk.working()

    assert heard == [(trade.order.orderId, 10349)]
    assert local == "Cancelled"  # what the library makes of it
    assert alive.status == "Submitted"


async def test_an_order_can_fill_in_parts(world: World) -> None:
    script = fault("partial", 'on = "place_order"', "quantity = 2", "seconds = 30")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, quantity=5)
        first = trade.orderStatus.status, trade.orderStatus.filled, trade.orderStatus.remaining
        await gateway.pass_time(seconds=30)
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: trade.orderStatus.status == "Filled")

    assert first == ("Submitted", 2, 3)
    assert trade.orderStatus.filled == 5


async def test_row_13_parts_of_a_combo_sum_leg_by_leg_to_the_whole(world: World) -> None:
    script = fault("partial", 'on = "place_order"', "quantity = 2", "seconds = 30")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, quantity=5)
        await gateway.pass_time(seconds=30)
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: trade.orderStatus.status == "Filled")
        await gateway.settle_down()

    packages = [f.execution for f in trade.fills if f.contract.secType == "BAG"]
    legs = [f.execution for f in trade.fills if f.contract.secType == "OPT"]
    signs = {"BOT": 1, "SLD": -1}
    paid = sum(signs[e.side] * e.shares * e.price for e in legs)
    assert [(e.shares, e.cumQty) for e in packages] == [(2, 2), (3, 5)]
    assert sum(e.shares for e in legs) == 4 * 5
    assert paid == pytest.approx(trade.orderStatus.avgFillPrice * 5)


async def test_an_order_changed_between_its_parts_fills_once_and_whole(world: World) -> None:
    script = fault("partial", 'on = "place_order"', "quantity = 2", "seconds = 30")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, quantity=5)
        trade.order.lmtPrice = -1.5
        ib.placeOrder(trade.contract, trade.order)
        for _ in range(3):
            await gateway.pass_time(seconds=30)
        await wait_until(lambda: trade.orderStatus.status == "Filled")
        held = await ib.reqPositionsAsync()

    packages = [f.execution for f in trade.fills if f.contract.secType == "BAG"]
    assert [(e.shares, e.cumQty) for e in packages] == [(2, 2), (3, 5)]
    assert {abs(p.position) for p in held} == {5}


async def test_row_1_a_modification_that_became_a_second_order_leaves_two_at_work(
    world: World,
) -> None:
    script = fault("twin", 'on = "modify_order"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, -15.0)
        trade.order.lmtPrice = -16.0
        ib.placeOrder(trade.contract, trade.order)
        await gateway.settle_down()
        both = [ticket.perm_id for ticket in gateway.server.venue.desk.working()]
        ib.client.cancelOrder(trade.order.orderId, "")
        await gateway.settle_down()
        left = [ticket.perm_id for ticket in gateway.server.venue.desk.working()]

    assert len(both) == 2
    assert left == both[:1]


async def test_row_9_a_fill_after_the_cancel_was_confirmed(world: World) -> None:
    script = fault("fill_after_cancel", 'on = "cancel_order"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = ib.placeOrder(await condor(ib), limit(-1.0))
        await wait_until(lambda: trade.orderStatus.status == "Submitted")
        heard = errors_of(ib)
        ib.cancelOrder(trade.order)
        await wait_until(lambda: (trade.order.orderId, 202) in heard)
        confirmed = trade.orderStatus.status
        await gateway.pass_time(seconds=5)
        await wait_until(lambda: len(trade.fills) == 5)
        positions = await ib.reqPositionsAsync()

    assert confirmed == "Cancelled"
    assert len(positions) == 4


async def test_a_what_if_can_come_in_two_steps_the_first_without_numbers(world: World) -> None:
    script = fault("two_step_what_if", 'on = "what_if"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        first = await ib.whatIfOrderAsync(await condor(ib), limit(-1.0))
        second = await ib.whatIfOrderAsync(await condor(ib), limit(-1.0))

    assert float(first.initMarginAfter) > 1e300
    assert float(second.initMarginAfter) == 2500


async def test_news_can_be_swallowed_while_the_order_works(world: World) -> None:
    script = fault("swallow", 'tell = "order_status"', "times = 99")
    script += fault("swallow", 'tell = "open_order"', "times = 99")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib, -15.0)

    assert trade.orderStatus.status == "PendingSubmit"
    assert len(gateway.server.venue.desk.working()) == 1


async def test_executions_can_come_twice(world: World) -> None:
    script = fault("repeat", 'tell = "execution"', "times = 5")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        heard: list[str] = []
        ib.wrapper.execDetails = lambda _id, _contract, told: heard.append(told.execId)
        await sent(gateway, ib)

    assert len(heard) == 10
    assert len(set(heard)) == 5


async def test_an_execution_can_be_revised_under_the_same_stem(world: World) -> None:
    script = fault("revise", 'tell = "execution"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib)

    first, second = [f.execution.execId for f in trade.fills if f.contract.secType == "BAG"]
    assert (first[:-2], first[-2:], second[-2:]) == (second[:-2], "01", "02")


async def test_executions_and_charges_can_come_late(world: World) -> None:
    script = fault("delay", 'tell = "execution"', "times = 5", "seconds = 60")
    script += fault("delay", 'tell = "commission_report"', "times = 4", "seconds = 120")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib)
        at_once = trade.orderStatus.status, len(trade.fills)
        await gateway.pass_time(seconds=60)
        a_minute_later = [fill.commissionReport.execId for fill in trade.fills]
        await gateway.pass_time(seconds=60)
        charged = [fill.commissionReport.execId for fill in trade.fills[1:]]

    assert at_once == ("Filled", 0)
    assert a_minute_later == [""] * 5
    assert "" not in charged


async def test_row_12_legs_can_be_told_before_their_package(world: World) -> None:
    script = fault("legs_first", 'on = "fill"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib)

    assert [f.contract.secType for f in trade.fills] == ["OPT"] * 4 + ["BAG"]


async def test_an_old_status_can_come_after_the_last(world: World) -> None:
    script = fault("stale_status", 'on = "fill"')
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        trade = await sent(gateway, ib)

    assert (trade.orderStatus.status, trade.orderStatus.filled) == ("Submitted", 0)
    assert gateway.server.venue.desk.tickets[0].status == "Filled"


async def test_row_33_data_can_fall_silent_while_the_socket_lives(world: World) -> None:
    script = fault("silent_data", AT_1550, "seconds = 300")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        ticker = ib.reqMktData(library().Index("SPX", "CBOE"))
        await wait_until(lambda: isfinite(ticker.last))
        await gateway.pass_time(minutes=5)
        before = ticker.last
        await gateway.pass_time(minutes=4)
        silent, alive = ticker.last, await ib.reqCurrentTimeAsync()
        await gateway.pass_time(minutes=2)

    assert silent == before != ticker.last
    assert alive == AFTERNOON + timedelta(minutes=9)


async def test_row_17_greeks_can_be_no_numbers(world: World) -> None:
    script = fault("nan_greeks", 'on = "market_data"', "seconds = 60")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        ticker = ib.reqMktData(vix_call())
        await wait_until(lambda: ticker.modelGreeks is not None)
        sick = ticker.modelGreeks
        await gateway.pass_time(seconds=61)

    assert sick.delta is not None
    assert not isfinite(sick.delta)
    assert isfinite(ticker.modelGreeks.delta)


async def test_row_16_a_leg_without_a_quote_leaves_the_package_without_a_price(
    world: World,
) -> None:
    script = fault("no_quotes", AT_1550, "seconds = 60")
    async with emulator(world, faults=script) as gateway, client(gateway) as ib:
        await gateway.pass_time(minutes=5)
        option, package = ib.reqMktData(spxw(2700, "P")), ib.reqMktData(await condor(ib))
        await wait_until(lambda: isfinite(package.bid) and isfinite(option.bid))

    assert (option.bid, option.ask, package.bid, package.ask) == (-1, -1, -1, -1)


async def test_row_26_a_competing_session_silences_streams_and_refuses_new_ones(
    world: World,
) -> None:
    script = fault("competing", AT_1550, "seconds = 300")
    async with emulator(world, faults=script) as gateway, client(gateway, raises=False) as ib:
        heard = errors_of(ib)
        ib.reqMktData(spxw(2700, "P"))
        await gateway.pass_time(minutes=5)
        ib.reqMktData(spxw(2725, "P"))
        await gateway.settle_down()
        codes = [code for _, code in heard]
        await gateway.pass_time(minutes=5)
        later = ib.reqMktData(vix_call())
        await wait_until(lambda: isfinite(later.bid))

    assert codes == [10197, 10197]


async def test_a_fault_can_be_meant_for_one_client_and_one_occasion(world: World) -> None:
    script = fault("reject", 'on = "place_order"', "client_id = 2", "nth = 2")
    async with (
        emulator(world, faults=script) as gateway,
        client(gateway, 1) as one,
        client(gateway, 2) as two,
    ):
        codes = []
        for ib in (one, two, one, two):
            heard = errors_of(ib)
            await sent(gateway, ib, -15.0)
            codes.append([code for _, code in heard])

    assert codes == [[], [], [], [201]]


def test_every_kind_of_fault_is_shown_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    assert [kind for kind in Kind if f'fault("{kind}"' not in source] == []
