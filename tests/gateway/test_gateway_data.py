"""Market data as a client sees them: sides, greeks, sentinels, delayed and frozen."""

from math import isfinite

import pytest
from gateway_samples import (
    EVENING,
    client,
    condor,
    emulator,
    errors_of,
    library,
    spxw,
    vix_call,
    wait_until,
)

from bot.world import World
from market.instruments import OptionContract

SHORT_PUT = OptionContract.parse("SPXW 2018-02-05 2725 P")


async def test_a_snapshot_of_an_option_has_the_sides_and_sizes_of_the_market(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        option = spxw(2725, "P")
        await ib.qualifyContractsAsync(option)
        (ticker,) = await ib.reqTickersAsync(option)
        quote = gateway.server.venue.means.market.quotes([SHORT_PUT], gateway.clock.now())[
            SHORT_PUT
        ]

    assert (ticker.bid, ticker.ask) == (quote.bid, quote.ask)
    assert (ticker.bidSize, ticker.askSize) == (quote.bid_size or 0, quote.ask_size or 0)
    assert ticker.marketDataType == 1


async def test_the_greeks_of_a_vix_call_are_told_against_its_own_future(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        call = vix_call()
        await ib.qualifyContractsAsync(call)
        (ticker,) = await ib.reqTickersAsync(call)
        market, now = gateway.server.venue.means.market, gateway.clock.now()
        contract = OptionContract.parse("VIX 2018-02-14 20 C")
        chain = market.chain(contract.trading_class, contract.expiry, now)
        quote = market.quotes([contract], now)[contract]

    greeks = ticker.modelGreeks
    assert greeks is not None
    assert chain is not None
    assert (greeks.undPrice, greeks.delta, greeks.impliedVol) == pytest.approx(
        (chain.forward, quote.delta, quote.iv)
    )


async def test_an_index_has_a_last_price_and_no_sides(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        index = library().Index("SPX", "CBOE")
        await ib.qualifyContractsAsync(index)
        (ticker,) = await ib.reqTickersAsync(index)
        levels = gateway.server.venue.means.market.levels(gateway.clock.now())

    assert (ticker.last, ticker.bid, ticker.ask) == (round(levels.spx, 2), -1, -1)
    assert ticker.close == 2821.98


async def test_a_stream_tells_what_changes_until_it_is_cancelled(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        index = library().Index("SPX", "CBOE")
        ticker = ib.reqMktData(index)
        await wait_until(lambda: isfinite(ticker.last))
        first = ticker.last
        await gateway.pass_time(minutes=5)
        second = ticker.last
        ib.cancelMktData(index)
        await gateway.pass_time(minutes=5)

        assert first != second == ticker.last


async def test_a_package_is_quoted_out_of_all_its_legs(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        ticker = ib.reqMktData(await condor(ib))
        await wait_until(lambda: isfinite(ticker.ask))

    assert ticker.bid < ticker.ask < 0  # bought as it will stand, it pays a credit


async def test_after_hours_live_sides_are_minus_one_and_frozen_ones_the_last_known(
    world: World,
) -> None:
    async with emulator(world, EVENING) as gateway, client(gateway) as ib:
        call = vix_call()
        await ib.qualifyContractsAsync(call)
        (live,) = await ib.reqTickersAsync(call)
        sides = (live.bid, live.ask)
        ib.reqMarketDataType(2)
        (frozen,) = await ib.reqTickersAsync(vix_call())

    assert sides == (-1, -1)
    assert 0 < frozen.bid < frozen.ask
    assert frozen.marketDataType == 2


async def test_row_26_without_permission_live_data_are_refused_and_delayed_ones_marked(
    world: World,
) -> None:
    async with (
        emulator(world, has_live_data=False) as gateway,
        client(gateway, raises=False) as ib,
    ):
        heard = errors_of(ib)
        refused = ib.reqMktData(spxw(2725, "P"))
        await wait_until(lambda: bool(heard))
        ib.reqMarketDataType(3)
        delayed = ib.reqMktData(spxw(2700, "P"))
        await wait_until(lambda: isfinite(delayed.bid))

    assert not isfinite(refused.bid)
    assert [code for _, code in heard] == [354, 10167]
    assert delayed.marketDataType == 3
    assert 0 < delayed.bid < delayed.ask


async def test_lines_beyond_the_limit_are_refused_with_101(world: World) -> None:
    async with emulator(world) as gateway, client(gateway, raises=False) as ib:
        heard = errors_of(ib)
        for _ in range(101):
            ib.client.reqMktData(
                ib.client.getReqId(), library().Index("SPX", "CBOE"), "", False, False, []
            )
        await wait_until(lambda: bool(heard))

    assert [code for _, code in heard] == [101]


async def test_a_package_without_legs_is_refused_instead_of_ending_the_session(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)
        bag = library().Contract(symbol="SPX", secType="BAG", currency="USD", exchange="SMART")
        ib.reqMktData(bag)
        await wait_until(lambda: bool(heard))

        assert [code for _, code in heard] == [321]
        assert await ib.reqCurrentTimeAsync() == gateway.clock.now()


async def test_ending_a_stream_that_is_not_there_is_refused_with_300(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)

        ib.client.cancelMktData(4711)
        await wait_until(lambda: bool(heard))

        assert heard == [(4711, 300)]
