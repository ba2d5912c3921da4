"""The gateway emulator wired: one market, one exchange, one paper account behind a TCP port."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.bootstrap import build_exchange, load_fees
from bot.clock import Clock, SystemClock
from bot.settings import Settings
from bot.world import World
from brokers.gateway.contracts import Directory
from brokers.gateway.faults import Fault
from brokers.gateway.means import Means
from brokers.gateway.server import GatewayServer
from brokers.gateway.terms import ORDINARY, Terms
from brokers.gateway.venue import Venue
from brokers.sim.broker import SimBroker

PAPER_ACCOUNT = "DU0000001"
LIVE_SHAPED_ACCOUNT = "U0000001"


@dataclass(frozen=True)
class PacedClock:
    """A clock that started at `start` when the machine's showed `began`, and runs `pace` times as
    fast."""

    machine: SystemClock
    began: datetime
    start: datetime
    pace: float

    def now(self) -> datetime:
        """Return the instant of the replayed day."""
        return self.start + (self.machine.now() - self.began) * self.pace


def paced_from(start: datetime, pace: float) -> PacedClock:
    """Return a clock that shows `start` now."""
    machine = SystemClock()
    return PacedClock(machine, machine.now(), start, pace)


def build_venue(settings: Settings, world: World, clock: Clock, seed: int, account: str) -> Venue:
    """Return an empty account on a simulated exchange over the world's market."""
    exchange = build_exchange(settings, world, seed)
    broker = SimBroker(exchange, world.market, world.calendar, clock.now)
    directory = Directory(world.market, world.listings, world.calendar, clock.now)
    means = Means(broker, world.market, directory, world.calendar, load_fees(), clock.now, account)
    return Venue(means)


def build_gateway(
    settings: Settings,
    world: World,
    clock: Clock,
    seed: int,
    *,
    account: str = PAPER_ACCOUNT,
    faults: Iterable[Fault] = (),
    terms: Terms = ORDINARY,
) -> GatewayServer:
    """Return a server that does not listen yet."""
    venue = build_venue(settings, world, clock, seed, account)
    return GatewayServer(venue, faults=faults, terms=terms)


PULSE = timedelta(seconds=0.25)
