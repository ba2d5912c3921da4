"""The line over real sockets: silence, a taken client id, another account after a reconnection."""

import asyncio
from datetime import timedelta

import pytest
from ib_bench import ACCOUNT, bench_at
from ib_samples import AT, approved, condor_order

from bot.gateway_rig import LIVE_SHAPED_ACCOUNT, build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.ib.session import Phase
from market.errors import BrokerUnavailable, NotPaper
from market.orders import LineChanged, LineState

SECONDS_OF_A_BEAT = 21


async def test_a_gateway_that_falls_silent_is_left_and_found_again(world: World) -> None:
    async with bench_at(world, AT, answer_s=0.3) as bench:
        for client in bench.server._clients:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]

        during = await bench.pass_time(SECONDS_OF_A_BEAT)
        after = bench.broker.line.phase
        bench.server.drop_clients()
        await bench.pass_time(2)

        assert [e.state for e in during if isinstance(e, LineChanged)][:1] == [LineState.DOWN]
        assert after is Phase.DISCONNECTED
        assert bench.broker.line.is_ready


async def test_a_client_id_in_use_is_waited_for_and_never_replaced(world: World) -> None:
    async with bench_at(world, AT) as bench:
        second, _ = bench.fresh(answer_s=0.3)

        with pytest.raises(BrokerUnavailable):
            await second.connect()

        assert [c.connection.client_id for c in bench.server._clients] == [7]
        await second.close()


async def test_another_account_after_a_reconnection_ends_the_run(world: World) -> None:
    async with bench_at(world, AT) as bench:
        port = bench.server.port
        await bench.server.stop()
        await asyncio.sleep(0.01)
        live = build_gateway(Settings(), world, bench.clock, 7, account=LIVE_SHAPED_ACCOUNT)
        await live.start("127.0.0.1", port)
        bench.clock.jump(AT + timedelta(seconds=2))
        bench.broker.advance(bench.clock.now())
        await bench.broker.quiet()

        with pytest.raises(NotPaper, match="which is no paper account"):
            bench.broker.advance(bench.clock.now())

        assert not bench.broker.line.is_ready
        assert live.venue.desk.tickets == []
        await live.stop()


async def test_every_order_names_the_account(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.broker.submit(approved(condor_order(credit="6.00")))

        assert [ticket.wire.account for ticket in bench.tickets()] == [ACCOUNT]


async def test_ids_of_orders_grow_over_reconnections(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.broker.submit(approved(condor_order(credit="6.00", ref="P-first-1")))
        bench.server.drop_clients()
        await asyncio.sleep(0.01)
        await bench.pass_time(2)

        await bench.broker.submit(approved(condor_order(credit="6.05", ref="P-second-1")))

        first, second = (ticket.wire.order_id for ticket in bench.tickets())
        assert second > first
