"""What is kept of an order's price on paper: looks, the mid of a fill, its review."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from ib_bench import Bench, bench_at
from ib_samples import AT, CONDOR, approved, condor_order

from bot.world import World
from brokers.gateway.faults import read_faults
from market.orders import (
    BrokerEvent,
    FillReviewed,
    LookVerdict,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRepriced,
)

TRADING = AT - timedelta(hours=4)  # 12:10 in New York, where the mid of the condor moves
FILLING = condor_order(credit="1.00")
RESTING = condor_order(credit="9.00")


def mid_now(bench: Bench) -> Decimal:
    """Return the condor's mid credit as the gateway's market has it now."""
    market = bench.server.venue.means.market
    quotes = market.quotes([leg.contract for leg in CONDOR], bench.clock.now())
    mids = [(leg.ratio, quotes[leg.contract].mid) for leg in CONDOR]
    return -sum((ratio * Decimal(str(mid)) for ratio, mid in mids), Decimal(0))


def looks(events: list[BrokerEvent]) -> list[tuple[Decimal, LookVerdict]]:
    """Return limit and verdict of every line of the diary."""
    return [(e.limit_credit, e.verdict) for e in events if isinstance(e, OrderLooked)]


async def sent(bench: Bench, order: Order = FILLING) -> list[BrokerEvent]:
    """Send an order; return what was told of it so far."""
    await bench.broker.submit(approved(order))
    return [*bench.broker.drain()]


async def test_a_fill_has_the_mid_of_its_moment_and_a_review_a_minute_later(
    world: World,
) -> None:
    async with bench_at(world, TRADING) as bench:
        events = [*await sent(bench), *await bench.pass_time(2)]
        at_fill = mid_now(bench)
        held = bench.feed.board.lines_open
        events += await bench.pass_time(60)
        later = mid_now(bench)

        (fill,) = (e for e in events if isinstance(e, OrderFilled))
        (review,) = (e for e in events if isinstance(e, FillReviewed))
        assert fill.mid_credit == at_fill
        assert fill.mid_credit > fill.credit > 0
        assert (review.fill_id, review.mid_credit) == (fill.fill_id, later)
        assert review.adverse_selection_points == later - fill.credit
        assert later != at_fill
        assert looks(events)[-1] == (FILLING.intent.limit_credit, LookVerdict.FILLED)
        assert (held, bench.feed.board.lines_open) == (len(CONDOR), 0)


async def test_a_fill_read_again_later_keeps_the_mid_that_was_told(world: World) -> None:
    async with bench_at(world, TRADING) as bench:
        events = [*await sent(bench), *await bench.pass_time(2)]
        told = [e for e in events if isinstance(e, OrderFilled)]

        await bench.pass_time(90)

        again = await bench.broker.executions(TRADING)
        assert [fill.mid_credit for fill in again] == [fill.mid_credit for fill in told]
        assert told[0].mid_credit is not None


async def test_a_resting_order_is_looked_at_when_its_limit_moves_and_when_its_market_does(
    world: World,
) -> None:
    async with bench_at(world, TRADING) as bench:
        events = await sent(bench, RESTING)
        for _ in range(3):
            events += await bench.pass_time(31)
        await bench.broker.cancel(RESTING.order_id)
        for _ in range(3):
            await asyncio.sleep(0.003)
            events += await bench.pass_time(15)

        repriced = [e.limit_credit for e in events if isinstance(e, OrderRepriced)]
        seen = looks(events)
        shown = [e.mid_credit for e in events if isinstance(e, OrderLooked)]
        assert repriced == [Decimal("8.95"), Decimal("8.90"), Decimal("8.85")]
        assert {limit for limit, _ in seen} == {Decimal("9.00"), *repriced}
        assert {verdict for _, verdict in seen} == {LookVerdict.ABOVE_MID}
        assert all(mid is not None and mid < RESTING.intent.limit_credit for mid in shown)
        assert [e.remaining for e in events if isinstance(e, OrderCancelled)] == [1]
        assert bench.feed.board.lines_open == 0


async def test_a_fill_heard_after_a_break_has_no_mid_and_no_review(world: World) -> None:
    drop = read_faults(
        '[[fault]]\nkind = "drop"\nat = 2018-02-02T12:10:00.5\n'
        '[[fault]]\nkind = "restart"\nat = 2018-02-02T12:10:00.6\nseconds = 30\n',
        "script",
    )
    async with bench_at(world, TRADING, faults=drop, answer_s=0.3) as bench:
        events = await sent(bench)
        for _ in range(30):
            await asyncio.sleep(0.003)
            events += await bench.pass_time(6)

        (fill,) = (e for e in events if isinstance(e, OrderFilled))
        assert fill.mid_credit is None
        assert [e for e in events if isinstance(e, FillReviewed)] == []
        assert bench.feed.board.lines_open == 0


async def test_an_order_that_works_on_after_a_break_is_watched_again(world: World) -> None:
    drop = read_faults('[[fault]]\nkind = "drop"\nat = 2018-02-02T12:10:10\n', "script")
    async with bench_at(world, TRADING, faults=drop) as bench:
        events = await sent(bench, RESTING)
        for _ in range(6):
            await asyncio.sleep(0.003)
            events += await bench.pass_time(12)

        last = [e for e in events if isinstance(e, OrderLooked)][-1]
        assert last.at > TRADING + timedelta(seconds=30)
        assert last.mid_credit is not None
        assert bench.feed.board.lines_open == len(CONDOR)


async def test_an_order_that_was_never_sent_leaves_no_line_open(world: World) -> None:
    none = read_faults('[[fault]]\nkind = "no_quotes"\nat = 2018-02-02T12:10:01\n', "script")
    async with bench_at(world, TRADING, faults=none) as bench:
        await bench.pass_time(2)

        events = await sent(bench)

        assert looks(events) == []
        assert bench.tickets() == []
        assert bench.feed.board.lines_open == 0


async def test_more_orders_than_lines_are_kept_for_leave_the_rest_to_decisions(
    world: World,
) -> None:
    async with bench_at(world, TRADING) as bench:
        events: list[BrokerEvent] = []
        for number in range(6):
            events += await sent(bench, condor_order(credit="9.00", ref=f"P-rests-{number}"))

        watched = {e.order_id for e in events if isinstance(e, OrderLooked) and e.mid_credit}
        assert len(bench.tickets()) == 6
        assert watched == {f"P-rests-{number}" for number in range(4)}
        assert bench.feed.board.lines_open == 4 * len(CONDOR)
