"""What the account is told to hold and to be worth, and how it is told again when that changes."""

from datetime import date, timedelta
from math import isfinite
from typing import Any

import pytest
from gateway_samples import Client, Emulator, client, condor, emulator, limit, wait_until

from bot.world import World
from market.instruments import TradingClass

SERIES = (TradingClass.SPXW, date(2018, 2, 5))


async def filled(gateway: Emulator, ib: Client) -> Any:
    """Let the sample condor fill, and its news travel."""
    trade = ib.placeOrder(await condor(ib), limit(-1.0))
    await gateway.pass_time(seconds=5)
    await wait_until(lambda: trade.orderStatus.status == "Filled")
    await gateway.pass_time(seconds=1)
    return trade


def value(ib: Client, name: str) -> float:
    """Return a figure of the account as the client last heard it."""
    (told,) = (float(v.value) for v in ib.accountValues() if v.tag == name and v.currency == "USD")
    return told


async def test_a_fill_is_told_in_the_accounts_values_and_in_the_portfolio(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        before, empty = value(ib, "TotalCashValue"), ib.portfolio()
        trade = await filled(gateway, ib)
        await wait_until(lambda: len(ib.portfolio()) == 4)
        paid = float(gateway.server.venue.desk.tickets[0].commission_usd)
        items, values = ib.portfolio(), gateway.server.venue.account_values()

        assert empty == []
        assert value(ib, "TotalCashValue") - before == pytest.approx(
            -100 * trade.orderStatus.avgFillPrice - paid
        )
        assert sorted(item.position for item in items) == [-1, -1, 1, 1]
        assert sum(item.marketValue for item in items) == pytest.approx(
            float(values["OptionMarketValue"])
        )
        assert {item.account for item in items} == {"DU0000001"}


async def test_what_has_settled_leaves_the_portfolio(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled(gateway, ib)
        await gateway.until(world.calendar.settles_at(*SERIES) + timedelta(minutes=30))
        await gateway.pass_time(seconds=1)

        assert ib.portfolio() == []
        assert value(ib, "OptionMarketValue") == 0


async def test_profit_and_loss_of_a_position_is_told_and_sums_to_that_of_the_account(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled(gateway, ib)
        account = ib.managedAccounts()[0]
        held = await ib.reqPositionsAsync()
        whole = ib.reqPnL(account)
        parts = [ib.reqPnLSingle(account, "", row.contract.conId) for row in held]
        await wait_until(lambda: all(isfinite(p.unrealizedPnL) for p in (whole, *parts)))

        assert [part.position for part in parts] == [row.position for row in held]
        assert sum(p.unrealizedPnL for p in parts) == pytest.approx(whole.unrealizedPnL)


async def test_profit_and_loss_is_told_again_when_the_market_moves(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        await filled(gateway, ib)
        pnl = ib.reqPnL(ib.managedAccounts()[0])
        await wait_until(lambda: isfinite(pnl.unrealizedPnL))
        first = pnl.unrealizedPnL
        await gateway.pass_time(minutes=10)

        after = gateway.server.venue.marks()
        assert pnl.unrealizedPnL == pytest.approx(float(sum(m.open_usd for m in after)))
        assert pnl.unrealizedPnL != first
