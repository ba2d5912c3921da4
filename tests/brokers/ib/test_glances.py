"""A page's look at the broker's quotes: the same figures, and never in a decision's way."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from ib_bench import Bench, bench_at

from bot.world import World
from brokers.ib import translate
from brokers.ib.shown import LineShown
from market.errors import MarketDataError
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import SnapshotRequest

AT = datetime(2018, 1, 23, 16, 0, tzinfo=UTC)
EXPIRY = datetime(2018, 1, 24, tzinfo=UTC).date()
SHORT = OptionContract(TradingClass.SPXW, EXPIRY, Decimal(2800), Right.PUT)
# Whoever waits for what never comes would hang here; nothing is measured.
HANGS_S = 20.0
NEVER_WHOLE = 1e9


def indices(bench: Bench) -> Mapping[str, object]:
    api = bench.broker.line.wire.api
    return {name: translate.index_contract(api, name) for name in ("SPX", "VIX")}


def has_never_enough(_line: LineShown) -> bool:
    return False


async def test_a_page_sees_what_a_decision_sees_and_releases_every_line(world: World) -> None:
    async with bench_at(world, AT) as bench:
        request = SnapshotRequest(contracts=(SHORT,))
        pages = bench.feed.for_pages()

        seen = await pages.snapshot(request)

        assert seen == await bench.feed.snapshot(request)
        assert seen.quotes[SHORT].bid is not None
        assert str(pages.kind) == "live"
        assert bench.feed.board.lines_open == 0


async def test_a_decision_sends_a_page_away_at_once(world: World) -> None:
    async with bench_at(world, AT) as bench:
        board, wire = bench.feed.board, bench.broker.line.wire
        glance = asyncio.create_task(
            board.glance(wire, indices(bench), has_never_enough, NEVER_WHOLE)
        )
        while not board.lines_open:
            await asyncio.sleep(0)

        async with asyncio.timeout(HANGS_S):
            shown = await board.look(wire, indices(bench), lambda line: line.has_level)
            with pytest.raises(MarketDataError, match="a decision needs the market-data lines"):
                await glance

        assert all(line.get("last") is not None for line in shown.values())
        assert board.lines_open == 0


async def test_a_page_takes_no_line_while_a_decision_looks(world: World) -> None:
    async with bench_at(world, AT) as bench:
        board, wire = bench.feed.board, bench.broker.line.wire
        look = asyncio.create_task(board.look(wire, indices(bench), has_never_enough))
        while not board.lines_open:
            await asyncio.sleep(0)

        with pytest.raises(MarketDataError, match="a decision needs"):
            await bench.feed.for_pages().snapshot(SnapshotRequest())

        assert board.lines_open == len(indices(bench))
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        assert board.lines_open == 0
