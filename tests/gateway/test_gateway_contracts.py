"""Contracts as a client sees them: two dates, classes told apart, chains, rules, bars."""

import asyncio

import pytest
from gateway_samples import WAIT_S, client, emulator, errors_of, library, spxw, vix_call, wait_until

from bot.settings import Settings
from bot.world import World, historical_world


async def test_the_indices_have_the_ids_that_interactive_brokers_gives_them(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        (spx,) = await ib.reqContractDetailsAsync(library().Index("SPX", "CBOE"))
        (vix,) = await ib.reqContractDetailsAsync(library().Index("VIX", "CBOE"))

    assert [(each.contract.conId, each.contract.secType) for each in (spx, vix)] == [
        (416904, "IND"),
        (13455763, "IND"),
    ]


async def test_row_18_an_spxw_option_ends_on_its_expiry(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        (found,) = await ib.reqContractDetailsAsync(spxw(2700, "P"))

    contract = found.contract
    assert contract.localSymbol == "SPXW  180205P02700000"
    assert contract.lastTradeDateOrContractMonth == "20180205"
    assert (found.realExpirationDate, contract.tradingClass, contract.multiplier) == (
        "20180205",
        "SPXW",
        "100",
    )
    assert (found.underConId, found.timeZoneId) == (416904, "US/Central")


async def test_row_21_an_am_settled_option_has_the_day_before_as_its_last_trading_day(
    world: World,
) -> None:
    monthly = library().Option("SPX", "20180215", 2700, "P", "SMART", tradingClass="SPX")
    async with emulator(world) as gateway, client(gateway) as ib:
        (spx,) = await ib.reqContractDetailsAsync(monthly)
        (vix,) = await ib.reqContractDetailsAsync(vix_call())

    assert [
        (d.contract.localSymbol, d.contract.lastTradeDateOrContractMonth, d.realExpirationDate)
        for d in (spx, vix)
    ] == [
        ("SPX   180216P02700000", "20180215", "20180216"),
        ("VIX   180214C00020000", "20180213", "20180214"),
    ]


async def test_row_22_the_class_tells_two_options_of_one_last_trading_day_apart() -> None:
    settings = Settings.model_validate({"market": {"listing": "hypothetical"}})
    world = historical_world(settings, None, 7)
    option = library().Option("SPX", "20180215", 2700, "P", "SMART")
    async with emulator(world) as gateway, client(gateway) as ib:
        both = await ib.reqContractDetailsAsync(option)
        with pytest.raises(library().wrapper.RequestError) as refused:
            await asyncio.wait_for(ib.reqTickersAsync(option), WAIT_S)
        option.tradingClass = "SPX"
        (only,) = await ib.reqContractDetailsAsync(option)

    assert sorted(each.contract.localSymbol for each in both) == [
        "SPX   180216P02700000",
        "SPXW  180215P02700000",
    ]
    assert refused.value.code == 200
    assert only.contract.localSymbol == "SPX   180216P02700000"


async def test_a_contract_that_is_not_listed_is_refused_with_200(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        with pytest.raises(library().wrapper.RequestError) as refused:
            await ib.reqContractDetailsAsync(spxw(2700, "P", "20180206"))

    assert refused.value.code == 200


async def test_row_11_details_of_a_bag_are_refused_at_once(world: World) -> None:
    bag = library().Contract(symbol="SPX", secType="BAG", currency="USD", exchange="SMART")
    async with emulator(world) as gateway, client(gateway) as ib:
        with pytest.raises(library().wrapper.RequestError) as refused:
            await asyncio.wait_for(ib.reqContractDetailsAsync(bag), WAIT_S)

    assert refused.value.code == 321


async def test_a_chain_is_the_union_of_strikes_so_that_some_pairs_do_not_exist(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        chains = await ib.reqSecDefOptParamsAsync("SPX", "", "IND", 416904)
        weekly = next(c for c in chains if (c.exchange, c.tradingClass) == ("SMART", "SPXW"))
        listed = await ib.reqContractDetailsAsync(spxw(0, "P"))

    assert {(c.exchange, c.tradingClass) for c in chains} == {
        ("SMART", "SPX"),
        ("SMART", "SPXW"),
        ("CBOE", "SPX"),
        ("CBOE", "SPXW"),
    }
    assert "20180205" in weekly.expirations
    assert {d.contract.strike for d in listed} < set(weekly.strikes)


async def test_row_32_the_market_rule_has_the_grid_that_contract_details_hide(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        (found,) = await ib.reqContractDetailsAsync(spxw(2700, "P"))
        rule = await ib.reqMarketRuleAsync(int(found.marketRuleIds.split(",")[0]))

    assert found.minTick == 0.05
    assert [(step.lowEdge, step.increment) for step in rule] == [(0.0, 0.05), (3.0, 0.1)]


async def test_bars_of_an_index_are_those_of_recorded_history(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        bars = await ib.reqHistoricalDataAsync(
            library().Index("SPX", "CBOE"), "", "5 D", "1 day", "TRADES", useRTH=True
        )

    assert [f"{bar.date}" for bar in bars[-3:]] == ["2018-01-31", "2018-02-01", "2018-02-02"]
    assert [round(bar.close, 2) for bar in bars[-3:-1]] == [2823.81, 2821.98]


async def test_bars_of_an_unknown_grid_are_refused(world: World) -> None:
    async with emulator(world) as gateway, client(gateway, raises=False) as ib:
        heard = errors_of(ib)
        bars = await ib.reqHistoricalDataAsync(
            library().Index("SPX", "CBOE"), "", "5 D", "3 secs", "TRADES", useRTH=True
        )
        await wait_until(lambda: bool(heard))

    assert list(bars) == []
    assert [code for _, code in heard] == [321]


async def test_bars_from_before_history_are_left_out(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        bars = await ib.reqHistoricalDataAsync(
            library().Index("SPX", "CBOE"), "", "10 Y", "1 day", "TRADES", useRTH=True
        )

    first = world.history.sessions[world.history.first_index]
    assert [f"{bars[0].date}", f"{bars[-1].date}"] == [first.isoformat(), "2018-02-02"]
