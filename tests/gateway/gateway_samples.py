"""A gateway on a clock that stands until a test lets time pass, and a real client before it.

The client library is imported inside the running loop: imported earlier it takes hold of another.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from bot.clock import SimulatedClock
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.gateway.faults import read_faults
from brokers.gateway.server import GatewayServer
from brokers.gateway.terms import Terms

AFTERNOON = datetime(2018, 2, 2, 20, 45, tzinfo=UTC)  # a Friday, 15:45 in New York
EVENING = datetime(2018, 2, 2, 23, 0, tzinfo=UTC)
STRIKES = ((2700, "P"), (2725, "P"), (2790, "C"), (2815, "C"))
ACTIONS = ("BUY", "SELL", "SELL", "BUY")
WAIT_S = 10.0
MASTER = 1000  # the client that hears of everybody's orders
LONGEST_TEST_S = 30.0  # what never answers fails its test instead of holding it up

# The client library is old and half typed; what it hands out is taken as it comes.
Client = Any


def library() -> Any:
    """Return the client library; called inside the running loop."""
    return import_module("ib_insync")


@dataclass
class Emulator:
    """A running gateway and the clock it follows."""

    server: GatewayServer
    clock: SimulatedClock

    async def settle_down(self) -> None:
        """Let what was written travel through the sockets."""
        for _ in range(5):
            await asyncio.sleep(0.002)

    async def pass_time(self, **span: float) -> None:
        """Let requests arrive, let that much time go by, and let the news travel."""
        await self.settle_down()
        self.clock.jump(self.clock.now() + timedelta(**span))
        self.server.pulse()
        await self.settle_down()

    async def until(self, at: datetime) -> None:
        """Let time pass up to `at`."""
        await self.pass_time(seconds=(at - self.clock.now()).total_seconds())


@asynccontextmanager
async def emulator(
    world: World,
    at: datetime = AFTERNOON,
    *,
    account: str = PAPER_ACCOUNT,
    has_live_data: bool = True,
    faults: str = "",
    is_read_only: bool = False,
) -> AsyncIterator[Emulator]:
    """Run a gateway on a free port; `faults` is the text of a script."""
    clock = SimulatedClock(at)
    server = build_gateway(
        Settings(),
        world,
        clock,
        7,
        account=account,
        terms=Terms(has_live_data, None, MASTER, is_read_only),
        faults=read_faults(faults, "script"),
    )
    await server.start("127.0.0.1", 0)
    try:
        async with asyncio.timeout(LONGEST_TEST_S):
            yield Emulator(server, clock)
    finally:
        await server.stop()


@asynccontextmanager
async def client(
    gateway: Emulator, number: int = 1, *, raises: bool = True
) -> AsyncIterator[Client]:
    """Connect a client; with `raises` a refused request raises in it."""
    ib = library().IB()
    ib.RaiseRequestErrors = raises
    await ib.connectAsync("127.0.0.1", gateway.server.port, clientId=number, timeout=WAIT_S)
    try:
        yield ib
    finally:
        ib.disconnect()
        await gateway.settle_down()


async def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it takes too long."""
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.002)


def spxw(strike: float, right: str, last_trade: str = "20180205") -> Any:
    """Return an SPXW option as a user would name it."""
    return library().Option("SPX", last_trade, strike, right, "SMART", tradingClass="SPXW")


def vix_call(strike: float = 20, last_trade: str = "20180213") -> Any:
    """Return a VIX call as a user would name it, by its last trading day."""
    return library().Option("VIX", last_trade, strike, "C", "SMART", tradingClass="VIX")


async def condor(ib: Client) -> Any:
    """Return the condor of the samples as a BAG that is bought the way it will stand."""
    options = [spxw(strike, right) for strike, right in STRIKES]
    await ib.qualifyContractsAsync(*options)
    legs = [
        library().ComboLeg(conId=option.conId, ratio=1, action=action, exchange="SMART")
        for option, action in zip(options, ACTIONS, strict=True)
    ]
    return library().Contract(
        symbol="SPX", secType="BAG", currency="USD", exchange="SMART", comboLegs=legs
    )


def limit(price: float, quantity: int = 1, action: str = "BUY", **terms: object) -> Any:
    """Return a limit order; a combo bought at a negative price is a credit."""
    given = {"account": PAPER_ACCOUNT, "tif": "DAY", "orderRef": "sample"} | terms
    return library().LimitOrder(action, quantity, price, **given)


def errors_of(ib: Client) -> list[tuple[int, int]]:
    """Return a list that fills with request id and code of every error and notice."""
    heard: list[tuple[int, int]] = []
    ib.errorEvent += lambda number, code, _text, _contract: heard.append((number, code))
    return heard
