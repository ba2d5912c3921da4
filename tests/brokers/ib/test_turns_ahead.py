"""What finds no line ahead of a moment is read in turns, and told at it while it is young."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from time import monotonic

import numpy as np
import pytest
from ib_bench import Bench, bench_at
from ib_samples import AT

from bot.world import World
from brokers.gateway.pacing import MESSAGES_PER_SECOND, Pace
from brokers.ib.remembered import LAST_SECONDS, TOLD_FOR
from brokers.ib.settings import IbSettings
from brokers.ib.standing import KEPT_FREE
from market.errors import MarketDataError
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import Chain, Quote, SnapshotRequest

NEXT_DAY = (AT + timedelta(days=3)).date()
KEY = (TradingClass.SPXW, NEXT_DAY)
CHAIN = SnapshotRequest(chains=(KEY,))
LINES = 40
LEVELS_AND_CURVE = 5 + 4 * 4
PULSE = 1  # line of the adapter's own
HALF_MINUTE = timedelta(seconds=30)
HANGS_S = 20.0


def puts(count: int) -> tuple[OptionContract, ...]:
    strikes = (Decimal(2600 + 5 * n) for n in range(count))
    return tuple(OptionContract(*KEY, strike, Right.PUT) for strike in strikes)


async def numbers_used(bench: Bench, doing: Awaitable[object]) -> int:
    """Return how many numbers of requests were used meanwhile."""
    before = bench.broker.line.wire.next_id()
    await doing
    return bench.broker.line.wire.next_id() - before - 1


async def test_a_look_is_a_read_of_what_stands_and_of_what_was_read_in_turns(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES, gateway_lines=LINES + PULSE) as bench:
        moment_at = AT + LAST_SECONDS

        asked = await numbers_used(bench, bench.feed.prepare(CHAIN, moment_at))
        standing = bench.feed.board.lines_standing
        await bench.pass_time(LAST_SECONDS.total_seconds())
        at_moment = await numbers_used(bench, bench.feed.snapshot(CHAIN))
        chain = (await bench.feed.snapshot(CHAIN)).chains[KEY]

        assert (standing, at_moment) == (LINES - KEPT_FREE, 0)
        assert asked > len(chain.strikes) > standing
        assert chain.at == AT
        assert np.isfinite(chain.forward)


async def test_what_was_read_too_long_ago_is_asked_for_anew(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES) as bench:
        await bench.feed.prepare(CHAIN, AT + LAST_SECONDS)
        await bench.pass_time(TOLD_FOR.total_seconds() + 1)

        chain = (await bench.feed.snapshot(CHAIN)).chains[KEY]
        bench.feed.release()
        unforeseen = (await bench.feed.snapshot(CHAIN)).chains[KEY]

        assert chain.at == bench.clock.now()
        assert repr(chain) == repr(unforeseen)


async def test_turns_are_taken_once_early_and_once_more_in_the_last_seconds(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES) as bench:
        moment_at, asked = AT + HALF_MINUTE, list[int]()
        await bench.feed.snapshot(CHAIN)  # contract details are asked for once
        for wait_s in (0, 10, 13, 1):
            await bench.pass_time(wait_s)
            asked.append(await numbers_used(bench, bench.feed.prepare(CHAIN, moment_at)))

        first, idle, last, done = asked
        assert (idle, done) == (0, 0)
        assert first - last == LINES - KEPT_FREE


async def test_few_turns_are_taken_as_late_as_their_number_allows(world: World) -> None:
    few = SnapshotRequest(contracts=puts(5))
    async with bench_at(world, AT, most_lines=LEVELS_AND_CURVE + KEPT_FREE) as bench:
        moment_at, asked = AT + HALF_MINUTE, list[int]()
        await bench.feed.snapshot(few)  # contract details are asked for once
        for wait_s in (0, 26, 2, 1):
            await bench.pass_time(wait_s)
            asked.append(await numbers_used(bench, bench.feed.prepare(few, moment_at)))

        assert asked == [LEVELS_AND_CURVE + 5, 0, 5, 0]


async def test_nothing_is_remembered_beyond_the_moment_or_the_socket(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES) as bench:
        await bench.feed.prepare(CHAIN, AT)
        bench.feed.release()

        asked = await numbers_used(bench, bench.feed.snapshot(CHAIN))

        await bench.feed.prepare(CHAIN, AT)
        bench.broker.lines_lost()
        assert await numbers_used(bench, bench.feed.snapshot(CHAIN)) == asked > LINES


async def test_lines_that_are_silent_are_left_alone_for_a_while(world: World) -> None:
    unknown = puts(LINES)
    async with bench_at(world, AT, most_lines=LINES, quote_s=0.01) as bench:
        board, wire = bench.feed.board, bench.broker.line.wire
        named = {c: bench.feed._named({c: 1})[c] for c in unknown}  # no such contract

        def read() -> Awaitable[object]:
            return board.foresee(wire, named, lambda line: line.is_whole, AT)

        first = await numbers_used(bench, read())
        soon = await numbers_used(bench, read())
        await bench.pass_time(11)

        assert (first, soon) == (LINES, 0)
        assert await numbers_used(bench, read()) == LINES
        assert (board.lines_open, board.lines_standing) == (0, 0)


async def test_a_decision_sends_the_turns_away_at_once(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES) as bench:
        ahead = asyncio.create_task(bench.feed.prepare(CHAIN, AT))
        while bench.feed.board.lines_open <= LINES - KEPT_FREE:
            await asyncio.sleep(0)

        async with asyncio.timeout(HANGS_S):
            seen = await bench.feed.snapshot(CHAIN)
            with pytest.raises(MarketDataError, match="a decision needs"):
                await ahead

        assert len(seen.chains[KEY].strikes) > LINES
        assert bench.feed.board.lines_open == bench.feed.board.lines_standing


async def test_a_socket_that_is_lost_ends_the_turns(world: World) -> None:
    own = IbSettings("127.0.0.1", 0, 1, "DU1").messages_per_second
    async with bench_at(world, AT, most_lines=LINES, messages_per_second=own) as bench:
        ahead = asyncio.create_task(bench.feed.prepare(CHAIN, AT))
        while bench.feed.board.lines_open <= LINES - KEPT_FREE:
            await asyncio.sleep(0)

        bench.server.drop_clients()

        async with asyncio.timeout(HANGS_S):
            with pytest.raises(Exception, match=r"socket|line to the broker"):
                await ahead
        assert bench.feed.board.lines_open == 0


async def test_turns_keep_under_the_rate_and_hold_up_nothing_else(world: World) -> None:
    own = IbSettings("127.0.0.1", 0, 1, "DU1").messages_per_second
    pace, waiting = Pace(MESSAGES_PER_SECOND, monotonic), list[int]()
    async with bench_at(
        world, AT, most_lines=LINES, pace=pace, messages_per_second=own, quote_s=10.0
    ) as bench:
        wire = bench.broker.line.wire
        await bench.feed.prepare(SnapshotRequest(), AT)  # levels and curve, in batches
        await wire.calm()
        ahead = asyncio.create_task(bench.feed.prepare(CHAIN, AT))
        while not ahead.done():
            waiting.append(wire.messages_waiting)
            await asyncio.wait({ahead}, timeout=0.05)
        await ahead

        (client,) = bench.server._clients
        assert client.connection.pacing.most_seen <= MESSAGES_PER_SECOND
        assert client.connection.pacing.breaches == 0
        assert max(waiting) <= KEPT_FREE + 1  # lines given back, and one that is asked for


async def test_what_would_be_traded_is_looked_at_again_together(world: World) -> None:
    async with bench_at(world, AT, most_lines=LINES) as bench:
        await bench.feed.prepare(CHAIN, AT + LAST_SECONDS)
        await bench.pass_time(5)
        before = await bench.feed.snapshot(CHAIN)
        chain = before.chains[KEY]
        far = OptionContract(*KEY, Decimal(str(chain.strikes[-1])), Right.CALL)

        renewed = await bench.feed.renew(before, (far,))

        now = bench.clock.now()
        bench.feed.release()
        (unforeseen,) = (await bench.feed.quotes((far,))).values()
        assert renewed.quotes == {far: unforeseen}
        assert (renewed.at, renewed.quotes[far].at) == (now, now)
        assert call_at(renewed.chains[KEY], -1) == figures(unforeseen)
        assert call_at(renewed.chains[KEY], -2) == call_at(chain, -2)
        assert before.chains[KEY].at == AT


async def test_who_asks_for_quotes_alone_gets_those_of_now(world: World) -> None:
    more = puts(LINES)
    async with bench_at(world, AT, most_lines=LINES) as bench:
        await bench.feed.prepare(SnapshotRequest(contracts=more), AT + LAST_SECONDS)
        await bench.pass_time(5)

        seen = await bench.feed.snapshot(SnapshotRequest(contracts=more))
        quotes = await bench.feed.quotes(more)

        assert {quote.at for quote in seen.quotes.values()} == {AT}
        assert {quote.at for quote in quotes.values()} == {bench.clock.now()}


def call_at(chain: Chain, row: int) -> tuple[float | None, ...]:
    columns = (chain.call_bid, chain.call_ask, chain.call_iv, chain.call_delta)
    return tuple(float(column[row]) for column in columns)


def figures(quote: Quote) -> tuple[float | None, ...]:
    return quote.bid, quote.ask, quote.iv, quote.delta
