"""Lines that stand for a moment to come: its look reads them, and they are given back after it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_bench import Bench, bench_at
from ib_samples import AT, approved, condor_order

from bot.world import World
from brokers.gateway.faults import read_faults
from brokers.ib import translate
from brokers.ib.shown import LineShown
from brokers.ib.standing import HEARD_WITHIN, KEPT_FREE
from market.errors import BrokerUnavailable, MarketDataError
from market.instruments import OptionContract, Right, TradingClass
from market.orders import OrderFilled
from market.quotes import SnapshotRequest

NEXT_DAY = (AT + timedelta(days=3)).date()
CONTRACTS = tuple(
    OptionContract(TradingClass.SPXW, NEXT_DAY, Decimal(strike), Right.PUT)
    for strike in (2700, 2725, 2750)
)
WANTED = SnapshotRequest(contracts=CONTRACTS)
CHAIN = SnapshotRequest(chains=((TradingClass.SPXW, NEXT_DAY),))
LEVELS_AND_CURVE = 5 + 4 * 4
HANGS_S = 20.0
Values = dict[str, float | None]


def asked_since(bench: Bench, number: int) -> int:
    """Return how many numbers of requests were used since one was given out."""
    return bench.broker.line.wire.next_id() - number - 1


def lines_at_gateway(bench: Bench) -> int:
    """Return how many lines the gateway has open, less the adapter's own pulse."""
    return sum(len(c.connection._data._data.request_ids()) for c in bench.server._clients) - 1


async def come_back(bench: Bench) -> None:
    """Let time pass until the adapter has its line again."""
    for _ in range(40):
        await bench.pass_time(2)
        if bench.broker.line.is_ready:
            return
    raise AssertionError("the line did not come back")


async def test_a_look_at_what_stands_asks_nothing_and_sees_the_same(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())
        standing = bench.feed.board.lines_standing
        await bench.pass_time(30)
        before = bench.broker.line.wire.next_id()

        seen = await bench.feed.snapshot(WANTED)

        assert asked_since(bench, before) == 0
        assert standing == LEVELS_AND_CURVE + len(CONTRACTS)
        bench.feed.release()
        assert seen == await bench.feed.snapshot(WANTED)
        assert [quote.at for quote in seen.quotes.values()] == [bench.clock.now()] * len(CONTRACTS)


async def test_lines_are_given_back(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())
        during = lines_at_gateway(bench)

        bench.feed.release()
        await bench.broker.quiet()

        assert during == LEVELS_AND_CURVE + len(CONTRACTS)
        assert (lines_at_gateway(bench), bench.feed.board.lines_open) == (0, 0)


async def test_no_more_lines_stand_than_leave_room_for_a_look(world: World) -> None:
    async with bench_at(world, AT, most_lines=40) as bench:
        await bench.feed.prepare(CHAIN, bench.clock.now())
        standing = bench.feed.board.lines_standing

        seen = await bench.feed.snapshot(CHAIN)

        bench.feed.release()
        assert standing == 40 - KEPT_FREE
        assert len(seen.chains[CHAIN.chains[0]].strikes) > standing
        assert repr(seen) == repr(await bench.feed.snapshot(CHAIN))


async def test_a_look_at_more_gives_back_no_more_than_it_needs(world: World) -> None:
    more = [replace(CONTRACTS[0], strike=Decimal(2570 + 5 * n)) for n in range(KEPT_FREE + 1)]
    async with bench_at(world, AT, most_lines=LEVELS_AND_CURVE + 3 + KEPT_FREE) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())

        seen = await bench.feed.quotes((*CONTRACTS, *more))

        assert list(seen) == [*CONTRACTS, *more]
        assert bench.feed.board.lines_standing == LEVELS_AND_CURVE + 2


async def test_a_socket_that_is_lost_takes_the_lines_with_it(world: World) -> None:
    async with bench_at(world, AT) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())

        bench.server.drop_clients()
        await come_back(bench)
        open_after = lines_at_gateway(bench), bench.feed.board.lines_open
        seen = await bench.feed.snapshot(WANTED)

        assert open_after == (0, 0)
        assert list(seen.quotes) == list(CONTRACTS)
        assert all(quote.at == bench.clock.now() for quote in seen.quotes.values())


async def test_lines_that_the_gateway_lost_are_asked_for_anew(world: World) -> None:
    at = "2018-02-02T16:10:03"  # in New York
    script = f'[[fault]]\nkind = "cut"\nat = {at}\nseconds = 5\nloses_subscriptions = true\n'
    async with bench_at(world, AT, faults=read_faults(script, "script")) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())
        await bench.pass_time(4)
        during = bench.feed.board.lines_standing

        await come_back(bench)
        seen = await bench.feed.snapshot(WANTED)

        bench.feed.release()
        assert during == 0
        assert seen == await bench.feed.snapshot(WANTED)


async def test_a_line_that_was_silent_for_too_long_is_not_believed(world: World) -> None:
    at = "2018-02-02T16:10:01"  # in New York
    script = f'[[fault]]\nkind = "silent_data"\nat = {at}\nseconds = 70\n'
    async with bench_at(world, AT, faults=read_faults(script, "script")) as bench:
        await bench.feed.prepare(WANTED, bench.clock.now())
        await bench.pass_time(HEARD_WITHIN.total_seconds() + 5)

        with pytest.raises(MarketDataError, match="shows no level"):
            await bench.feed.snapshot(WANTED)

        assert bench.feed.board.lines_open == LEVELS_AND_CURVE - 5 + len(CONTRACTS)


async def test_a_series_that_is_not_listed_stands_for_nothing(world: World) -> None:
    unknown = OptionContract(TradingClass.SPXW, NEXT_DAY, Decimal("2701.5"), Right.PUT)
    asked = SnapshotRequest(contracts=(unknown, *CONTRACTS))
    async with bench_at(world, AT) as bench:
        await bench.feed.prepare(asked, bench.clock.now())

        assert bench.feed.board.lines_standing == LEVELS_AND_CURVE + len(CONTRACTS)


async def test_a_decision_sends_the_preparation_away_at_once(world: World) -> None:
    async with bench_at(world, AT, quote_s=1e9) as bench:
        board, wire = bench.feed.board, bench.broker.line.wire
        silent = {"SPX": translate.index_contract(wire.api, "SPX")}
        ahead = asyncio.create_task(board.foresee(wire, silent, lambda _line: False, AT))
        while not board.lines_open:
            await asyncio.sleep(0)

        async with asyncio.timeout(HANGS_S):
            shown = await board.look(wire, silent, lambda line: line.has_level)
            with pytest.raises(MarketDataError, match="a decision needs"):
                await ahead

        assert shown["SPX"].get("last") is not None
        assert (board.lines_open, board.lines_standing) == (0, 0)


async def test_a_look_ends_with_its_socket(world: World) -> None:
    async with bench_at(world, AT, quote_s=1e9) as bench:
        board, wire = bench.feed.board, bench.broker.line.wire
        silent = {"SPX": translate.index_contract(wire.api, "SPX")}
        look = asyncio.create_task(board.look(wire, silent, lambda _line: False))
        while not board.lines_open:
            await asyncio.sleep(0)

        bench.server.drop_clients()

        async with asyncio.timeout(HANGS_S):
            with pytest.raises(BrokerUnavailable, match="is closed"):
                await look
        assert board.lines_open == 0


async def test_an_order_leaves_on_quotes_of_lines_that_are_opened_for_it(world: World) -> None:
    order = condor_order(credit="1.00")
    legs = SnapshotRequest(contracts=tuple(leg.contract for leg in order.intent.legs))
    async with bench_at(world, AT) as bench:
        await bench.feed.prepare(legs, bench.clock.now())
        before = bench.broker.line.wire.next_id()

        veto = await bench.feed.package_veto(order.intent.legs)
        opened = asked_since(bench, before)
        await bench.broker.submit(approved(order))
        events = [*bench.broker.drain(), *await bench.pass_time(2)]

        assert (veto, opened) == (None, len(order.intent.legs))
        assert [e.quantity for e in events if isinstance(e, OrderFilled)] == [1]


def test_the_models_figures_of_a_quote_that_is_gone_are_not_told_again() -> None:
    model: Values = {"iv": 0.2, "delta": 0.1, "forward": 2800.0}
    sides: Values = {"bid": 1.0, "ask": 1.1}
    whole = sides | model
    line = LineShown(dict(whole), dict.fromkeys(whole, AT))
    later = AT + timedelta(seconds=20)

    assert line.as_of(later) == LineShown(whole, dict.fromkeys(whole, later))
    unreadable: list[Values] = [
        {"bid": None, "ask": 1.1},
        {"bid": 1.0, "ask": None},
        {"bid": 1.2, "ask": 1.1},
    ]
    for sides in unreadable:
        shown = replace(line, values=model | sides).as_of(later)
        assert shown == LineShown(sides, dict.fromkeys(sides, later))
