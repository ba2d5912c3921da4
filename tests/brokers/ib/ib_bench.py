"""The adapter before the gateway emulator, in one event loop, on a clock that stands."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.clock import SimulatedClock
from bot.gateway_rig import build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.gateway.faults import Fault
from brokers.gateway.orders import Ticket
from brokers.gateway.pacing import Pace
from brokers.gateway.server import GatewayServer
from brokers.gateway.terms import Terms
from brokers.ib.broker import IbBroker, KnownOrder, VenueDates
from brokers.ib.diary import PriceDiary
from brokers.ib.feed import FeedFacts, IbFeed
from brokers.ib.settings import IbSettings
from market.instruments import OptionContract
from market.orders import BrokerEvent

ACCOUNT = "DU0000001"
CLIENT_ID = 7


@dataclass
class Bench:
    """One adapter, the gateway before it, and their common clock."""

    world: World
    server: GatewayServer
    clock: SimulatedClock
    broker: IbBroker
    feed: IbFeed

    async def pass_time(self, seconds: float) -> tuple[BrokerEvent, ...]:
        """Let time pass at the venue, then at the adapter; return what it told."""
        self.clock.jump(self.clock.now() + timedelta(seconds=seconds))
        self.server.pulse()
        await self.broker.quiet()
        self.broker.advance(self.clock.now())
        await self.broker.quiet()
        return self.broker.drain()

    async def say(self, code: int, text: str = "scripted", request_id: int = -1) -> None:
        """Have the gateway tell a code to every client."""
        for client in self.server._clients:
            client.connection._talk.refuse(request_id, code, text)
        await self.broker.quiet()

    def tickets(self) -> list[Ticket]:
        """Return the orders that the gateway has ever taken."""
        return self.server.venue.desk.tickets

    def fresh(self, **changes: object) -> tuple[IbBroker, IbFeed]:
        """Return another adapter for the same gateway, as after a restart of the bot."""
        return adapter_for(self.world, self.server.port, self.clock, never, **changes)


def never(_at: datetime) -> bool:
    """Say that the market is shut: no quote of SPX is then expected."""
    return False


def adapter_for(
    world: World,
    port: int,
    clock: SimulatedClock,
    is_open: Callable[[datetime], bool] = never,
    **changes: object,
) -> tuple[IbBroker, IbFeed]:
    settings = replace(
        IbSettings("127.0.0.1", port, CLIENT_ID, ACCOUNT, messages_per_second=0, quote_s=1.0),
        **changes,  # type: ignore[arg-type]
    )
    calendar = world.calendar
    dates = VenueDates(calendar.last_trade_date, calendar.settles_at, is_open)
    broker = IbBroker(settings, clock.now, dates)
    facts = FeedFacts(
        calendar.settles_at,
        lambda at: world.listings.vx_expiries(at.date(), 4),
        lambda _day: 0.01,
    )
    feed = IbFeed(settings, broker.line, broker.finder, clock.now, facts)
    broker.ticks, broker.settlement_value = feed.board.hear, feed.settlement_value
    broker.lines_lost, broker.sender.package_veto = feed.release, feed.package_veto
    broker.keep_diary(PriceDiary(feed.board, broker.line, broker.cache, clock.now))
    return broker, feed


@asynccontextmanager
async def bench_at(
    world: World,
    at: datetime,
    *,
    has_live_data: bool = True,
    orders: Iterable[KnownOrder] = (),
    held: dict[OptionContract, int] | None = None,
    faults: Iterable[Fault] = (),
    is_open: Callable[[datetime], bool] = never,
    pace: Pace | None = None,
    gateway_lines: int = 100,
    **changes: object,
) -> AsyncIterator[Bench]:
    """Run a gateway and an adapter that has connected to it."""
    clock = SimulatedClock(at)
    server = build_gateway(
        Settings(),
        world,
        clock,
        7,
        account=ACCOUNT,
        faults=faults,
        terms=Terms(has_live_data, pace, most_lines=gateway_lines),
    )
    await server.start("127.0.0.1", 0)
    broker, feed = adapter_for(world, server.port, clock, is_open, **changes)
    broker.restore(orders, held or {})
    try:
        await broker.connect()
        yield Bench(world, server, clock, broker, feed)
    finally:
        await broker.close()
        await server.stop()
