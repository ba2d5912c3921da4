"""Rows 19 and 20 of the failure modes, seen end to end: adapter, socket, gateway, settlement."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ib_bench import Bench, bench_at
from ib_samples import approved

from bot.world import World
from brokers.unsuspended import run_now
from market.instruments import OptionContract, TradingClass
from market.orders import (
    BrokerEvent,
    Leg,
    Order,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    PositionSettled,
)

MULTIPLIER = 100


@dataclass
class Story:
    """What became of one call that was bought and held to its end."""

    events: list[BrokerEvent]
    cash_before: Decimal
    cash_after: Decimal

    @property
    def settled(self) -> PositionSettled:
        """Return the one settlement."""
        (settled,) = [event for event in self.events if isinstance(event, PositionSettled)]
        return settled


def bought(call: OptionContract, at: datetime) -> Order:
    """Return an order for one call at a limit that fills at once."""
    limit = -Decimal(200)
    intent = OrderIntent(
        "alvh", "buy", "alvh", (Leg(call, 1),), 1, limit, at + timedelta(minutes=5), layer="near"
    )
    return Order(f"P-{at:%Y%m%d}-buy-1", at.date(), intent)


async def until(bench: Bench, at: datetime) -> list[BrokerEvent]:
    """Let time pass up to an instant, and let what it began be read."""
    events = [*await bench.pass_time((at - bench.clock.now()).total_seconds())]
    await asyncio.sleep(0.01)
    return [*events, *await bench.pass_time(1)]


async def held_to_its_end(bench: Bench, call: OptionContract, just_before: datetime) -> Story:
    """Buy a call, see that it is still held `just_before` it settles, and let it settle."""
    venue = bench.server.venue.means.broker
    await bench.broker.submit(approved(bought(call, bench.clock.now())))
    events = [*await bench.pass_time(2)]
    assert [fill.quantity for fill in events if isinstance(fill, OrderFilled)] == [1]
    events += await until(bench, just_before)
    assert await bench.broker.positions() == {call: 1}
    assert not any(isinstance(event, PositionSettled) for event in events)
    before = run_now(venue.account()).cash_usd
    events += await until(bench, just_before + timedelta(minutes=2))
    return Story(events, before, run_now(venue.account()).cash_usd)


async def test_row_19_an_spx_option_is_worth_its_opening_quotation_at_both_ends(
    world: World,
) -> None:
    expiry = date(2018, 2, 16)
    call = OptionContract.parse("SPX 2018-02-16 2700 C")
    opening = world.market.settlement_points(TradingClass.SPX, expiry)
    closing = world.market.settlement_points(TradingClass.SPXW, expiry)
    assert opening is not None
    assert opening != closing
    thursday = datetime(2018, 2, 15, 20, 45, tzinfo=UTC)
    async with bench_at(world, thursday) as bench:
        open_at = world.calendar.session(expiry).open_at

        story = await held_to_its_end(bench, call, open_at - timedelta(minutes=1))

        cash = (opening - 2700) * MULTIPLIER
        assert (story.settled.settlement_points, story.settled.cash_usd) == (opening, cash)
        assert story.cash_after - story.cash_before == cash
        assert await bench.broker.positions() == {}


async def test_row_20_a_series_of_a_half_day_ends_at_one_in_the_afternoon_at_both_ends(
    world: World,
) -> None:
    expiry = date(2018, 7, 3)
    call = OptionContract.parse("SPXW 2018-07-03 2700 C")
    one_o_clock = datetime(2018, 7, 3, 17, 0, tzinfo=UTC)
    close = world.market.settlement_points(TradingClass.SPXW, expiry)
    assert close is not None
    async with bench_at(world, datetime(2018, 7, 3, 16, 30, tzinfo=UTC)) as bench:
        story = await held_to_its_end(bench, call, one_o_clock - timedelta(minutes=1))

        cash = (close - 2700) * MULTIPLIER
        assert (story.settled.settlement_points, story.settled.cash_usd) == (close, cash)
        assert story.cash_after - story.cash_before == cash
        assert story.settled.at - one_o_clock < timedelta(minutes=2)
        assert await bench.broker.positions() == {}


async def test_row_20_an_expiring_series_of_a_half_day_is_not_traded_after_one_o_clock(
    world: World,
) -> None:
    call = OptionContract.parse("SPXW 2018-07-03 2700 C")
    async with bench_at(world, datetime(2018, 7, 3, 17, 5, tzinfo=UTC)) as bench:
        await bench.broker.submit(approved(bought(call, bench.clock.now())))
        events = [*bench.broker.drain(), *await bench.pass_time(5)]

        refused = [event.code for event in events if isinstance(event, OrderRejected)]
        assert (len(events), refused) == (1, ["UNKNOWN_CONTRACT"])
        assert run_now(bench.server.venue.means.broker.positions()) == {}
