"""The faults that are no accident of one order: each ends in a named veto, a wait or a new line."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from time import monotonic

import pytest
from ib_bench import CLIENT_ID, Bench, bench_at
from ib_books import assert_books_agree, cash_at
from ib_samples import AT, REF, approved, condor_order

from bot.world import World
from brokers.gateway.faults import Fault, Kind, read_faults
from brokers.gateway.pacing import MESSAGES_PER_SECOND, Pace
from brokers.ib.session import Phase
from brokers.ib.settings import IbSettings
from market.errors import BrokerUnavailable, MarketDataError
from market.instruments import TradingClass
from market.orders import (
    BrokerEvent,
    LineChanged,
    LineState,
    Order,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
)
from market.quotes import SnapshotRequest

FILLING = condor_order(credit="1.00")
RESTING = condor_order(credit="6.00", ref="P-rests-1")
LATER = condor_order(credit="1.00", ref="P-later-1")
# The kinds told here; the others work on one order each and have a script in the file beside.
STORIES = (
    *(Kind.MUTE, Kind.PACING, Kind.ID_IN_USE, Kind.STALE_ID, Kind.TWIN),
    *(Kind.SILENT_DATA, Kind.NAN_GREEKS, Kind.NO_QUOTES, Kind.COMPETING),
)


def script(*faults: str) -> tuple[Fault, ...]:
    """Return the faults of a script, each given as its lines."""
    return read_faults("".join(f"[[fault]]\n{text}\n" for text in faults), "script")


def rejections(events: tuple[BrokerEvent, ...]) -> list[tuple[str, str]]:
    """Return code and sentence of every order that was turned down."""
    return [(e.code, e.reason) for e in events if isinstance(e, OrderRejected)]


def lines(events: tuple[BrokerEvent, ...]) -> list[tuple[LineState, str]]:
    """Return what was told of the line."""
    return [(e.state, e.reason) for e in events if isinstance(e, LineChanged)]


async def goes_on(bench: Bench, seconds: float, times: int = 1) -> tuple[BrokerEvent, ...]:
    """Let time pass in steps; return what the adapter told."""
    events: list[BrokerEvent] = []
    for _ in range(times):
        await asyncio.sleep(0.003)
        events += await bench.pass_time(seconds)
    return tuple(events)


async def sends(bench: Bench, *orders: Order) -> tuple[BrokerEvent, ...]:
    """Send orders and let two seconds pass, in which those at a good limit fill."""
    for order in orders:
        await bench.broker.submit(approved(order))
    return (*bench.broker.drain(), *await bench.pass_time(2))


async def test_a_mute_port_is_left_and_the_fill_behind_it_is_read_on_a_new_line(
    world: World,
) -> None:
    mute = script('kind = "mute"\nat = 2018-02-02T16:10:00.5\nseconds = 60')
    async with bench_at(world, AT, faults=mute, answer_s=0.3) as bench:
        before = cash_at(bench)
        await bench.broker.submit(approved(FILLING))
        sent = bench.broker.drain()

        during = await goes_on(bench, 21, 2)
        refused = (*during, *await sends(bench, LATER))
        after = await goes_on(bench, 30, 4)

        assert (LineState.DOWN, "the Gateway stopped answering") in lines(during)
        assert rejections(refused) == [("LINE", "the line to the broker is disconnected.")]
        assert bench.broker.line.is_ready
        assert [fill.order_id for fill in after if isinstance(fill, OrderFilled)] == [REF]
        assert_books_agree(bench, [FILLING], (*sent, *during, *after), before)


PACED = {
    "an order": ("place_order", "TWS_100"),
    "a what-if": ("what_if", "LINE"),
}


@pytest.mark.parametrize("name", PACED)
async def test_what_is_refused_for_going_too_fast_is_not_sent_and_is_said(
    world: World, name: str
) -> None:
    request, code = PACED[name]
    async with bench_at(
        world, AT, faults=script(f'kind = "pacing"\non = "{request}"'), answer_s=0.5
    ) as bench:
        before = cash_at(bench)

        events = (*await sends(bench, FILLING), *await goes_on(bench, 15, 2))
        events += await sends(bench, LATER)

        ((told, _),) = rejections(events)
        assert told == code
        assert [ticket.wire.order_ref for ticket in bench.tickets()] == [LATER.order_id]
        assert_books_agree(bench, [LATER], events, before)


async def test_a_reading_that_was_asked_too_fast_is_asked_again(world: World) -> None:
    slow = script(
        'kind = "swallow"\ntell = "execution"\ntimes = 5',
        'kind = "pacing"\non = "executions"\nnth = 2',
    )
    async with bench_at(world, AT, faults=slow, answer_s=0.5) as bench:
        before = cash_at(bench)

        events = (*await sends(bench, FILLING), *await goes_on(bench, 15, 3))

        assert bench.broker.ledger.active() == ()
        assert_books_agree(bench, [FILLING], events, before)


async def test_the_adapter_keeps_under_the_rate_that_the_gateway_measures(world: World) -> None:
    own = IbSettings("127.0.0.1", 0, 1, "DU1").messages_per_second
    pace = Pace(MESSAGES_PER_SECOND, monotonic)
    async with bench_at(world, AT, pace=pace, messages_per_second=own) as bench:
        key = (TradingClass.SPXW, LATER.intent.legs[0].contract.expiry)

        snapshot = await bench.feed.snapshot(SnapshotRequest(chains=(key,)))

        (client,) = bench.server._clients
        pacing = client.connection.pacing
        assert len(snapshot.chains[key].strikes) > MESSAGES_PER_SECOND
        assert pacing.most_seen <= MESSAGES_PER_SECOND
        assert (pacing.breaches, bench.broker.line.is_ready) == (0, True)


async def test_a_client_id_in_use_is_waited_for_and_never_dodged(world: World) -> None:
    taken = script(
        'kind = "drop"\nat = 2018-02-02T16:10:00.5',
        'kind = "id_in_use"\non = "start_api"\nnth = 2\ntimes = 3',
    )
    async with bench_at(world, AT, faults=taken, answer_s=0.3) as bench:
        before, tried = cash_at(bench), bench.server.weather.script.watched[0]
        events = await sends(bench, FILLING)
        retries: list[datetime] = []
        while not bench.broker.line.is_ready:
            if tried.seen > len(retries) + 1:
                retries.append(bench.clock.now())
            events += await goes_on(bench, 1)

        waits = [later - earlier for earlier, later in pairwise(retries)]
        assert waits == [timedelta(seconds=10), timedelta(seconds=20)]
        assert {client.connection.client_id for client in bench.server._clients} == {CLIENT_ID}
        assert_books_agree(bench, [FILLING], events, before)


async def test_a_number_that_falls_back_is_not_used_again(world: World) -> None:
    stale = script(
        'kind = "stale_id"\non = "start_api"\nnth = 2\ntimes = 2',
        'kind = "drop"\nat = 2018-02-02T16:10:30',
    )
    async with bench_at(world, AT, faults=stale) as bench:
        before = cash_at(bench)
        events = (*await sends(bench, RESTING, FILLING), *await goes_on(bench, 15, 3))
        events += await sends(bench, LATER)
        await bench.broker.close()
        again, _ = bench.fresh()
        await again.connect()  # as after a restart of the bot, which remembers no number

        last = condor_order(credit="1.00", ref="P-last-1")
        await again.submit(approved(last))
        bench.clock.jump(bench.clock.now() + timedelta(seconds=2))
        bench.server.pulse()
        await again.quiet()

        events += again.drain()
        numbers = [ticket.wire.order_id for ticket in bench.tickets()]
        assert numbers == sorted(set(numbers))
        assert rejections(events) == []
        assert_books_agree(bench, [FILLING, LATER, last], events, before)
        await again.close()


async def test_a_change_that_became_a_second_order_is_told_and_not_touched(world: World) -> None:
    async with bench_at(world, AT, faults=script('kind = "twin"\non = "modify_order"')) as bench:
        events = (*await sends(bench, RESTING), *await goes_on(bench, 31))

        twice = f"order {RESTING.order_id} exists twice at the broker"
        assert len(bench.server.venue.desk.working()) == 2
        assert twice in bench.broker.strangers()
        assert [e for e in events if isinstance(e, OrderRepriced)] == []
        assert await goes_on(bench, 31, 2) == ()


async def test_quotes_that_fall_silent_stop_new_orders_until_they_are_back(world: World) -> None:
    silent = script('kind = "silent_data"\nat = 2018-02-02T15:10:10\nseconds = 300')
    trading = AT - timedelta(hours=1)
    async with bench_at(world, trading, faults=silent, is_open=lambda _at: True) as bench:
        before = cash_at(bench)
        first = await sends(bench, FILLING)

        events = await goes_on(bench, 21, 6)
        refused = await sends(bench, LATER)
        with pytest.raises(MarketDataError, match="the line to the broker is degraded"):
            await bench.feed.snapshot(SnapshotRequest())
        back = await goes_on(bench, 60, 4)

        ((state, reason),) = lines(events)
        assert (state, reason[:21]) == (LineState.STALE, "no quote of SPX since")
        assert rejections(refused) == [("LINE", "the line to the broker is degraded.")]
        assert lines(back) == [(LineState.READY, "quotes are fresh again")]
        assert len(bench.server._clients) == 1
        assert_books_agree(bench, [FILLING], (*first, *events, *back), before)


async def test_greeks_that_are_no_numbers_are_none_and_the_chain_is_read_without(
    world: World,
) -> None:
    key = (TradingClass.SPXW, LATER.intent.legs[0].contract.expiry)
    async with bench_at(
        world, AT, faults=script('kind = "nan_greeks"\nat = 2018-02-02T16:10:10')
    ) as bench:
        request = SnapshotRequest(chains=(key,), contracts=(LATER.intent.legs[0].contract,))
        before = await bench.feed.snapshot(request)
        await goes_on(bench, 15)

        after = await bench.feed.snapshot(request)

        (known,), (quote,) = before.quotes.values(), after.quotes.values()
        assert known.delta is not None
        assert (quote.iv, quote.delta) == (None, None)
        assert quote.mid is not None
        assert (quote.bid, quote.ask) != (0.0, 0.0)


async def test_sides_that_are_not_to_be_had_are_a_veto_by_name(world: World) -> None:
    none = script('kind = "no_quotes"\nat = 2018-02-02T16:10:10\nseconds = 60')
    async with bench_at(world, AT, faults=none) as bench:
        before = cash_at(bench)
        await goes_on(bench, 15)

        refused = await sends(bench, FILLING)
        after = (*await goes_on(bench, 60), *await sends(bench, LATER))

        ((code, reason),) = rejections(refused)
        assert (code, "no bid" in reason) == ("QUOTE", True)
        assert [ticket.wire.order_ref for ticket in bench.tickets()] == [LATER.order_id]
        assert_books_agree(bench, [LATER], after, before)


async def test_a_competing_session_is_a_veto_by_name_until_it_ends(world: World) -> None:
    taken = script('kind = "competing"\nat = 2018-02-02T16:10:10\nseconds = 60')
    async with bench_at(world, AT, faults=taken) as bench:
        before = cash_at(bench)
        await goes_on(bench, 15)

        with pytest.raises(MarketDataError, match="competing live session"):
            await bench.feed.snapshot(SnapshotRequest())
        refused = await sends(bench, FILLING)
        after = (*await goes_on(bench, 60), *await sends(bench, LATER))

        ((code, reason),) = rejections(refused)
        assert (code, "no line" in reason) == ("QUOTE", True)
        assert [e.order_id for e in after if isinstance(e, OrderAccepted)] == [LATER.order_id]
        assert bench.broker.line.phase is Phase.READY
        assert_books_agree(bench, [LATER], after, before)


async def test_nobody_waits_for_ever_on_a_port_that_is_mute_from_the_first(world: World) -> None:
    async with bench_at(world, AT) as bench:
        bench.server.weather.begin(script('kind = "mute"\nat = 2018-02-02T16:10:10')[0])
        late, _ = bench.fresh(client_id=CLIENT_ID + 1, answer_s=0.2)

        with pytest.raises(BrokerUnavailable, match="accepts connections but does not answer"):
            await late.connect()

        await late.close()
