"""Four TWS clients, none of them ours, live through the same session with the gateway.

Each runs unchanged in its own environment (`make clients`) as a process of its own, and tells what
it saw; all must have seen the same. The market stands still but for two seconds after each order,
so that the figures are those of one replayed instant.
"""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import SimulatedClock
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.settings import Settings
from bot.world import World, historical_world
from brokers.gateway.contracts import VENUES, local_symbol
from brokers.gateway.server import GatewayServer
from brokers.gateway.venue import Venue
from market.instruments import OptionContract, TradingClass

HERE = Path(__file__).parent
ENVIRONMENTS = Path(__file__).parents[2] / ".clients"
START_AT = datetime(2018, 2, 2, 20, 45, tzinfo=UTC)
WAIT_S = 60
CLIENTS = {
    "ib_insync": [sys.executable, str(HERE / "speak_ib.py"), "ib_insync"],
    "ib_async": ["ib_async", str(HERE / "speak_ib.py"), "ib_async"],
    "ibapi": ["ibapi", str(HERE / "speak_ibapi.py")],
    "nautilus_ibapi": ["nautilus_ibapi", str(HERE / "speak_ibapi.py")],
}
STRIKES = (("2700", "P"), ("2725", "P"), ("2790", "C"), ("2815", "C"))
CONTRACTS = [OptionContract.parse(f"SPXW 2018-02-05 {strike} {right}") for strike, right in STRIKES]
POSITIONS = (1, -1, -1, 1)


def command(client: str) -> list[str]:
    python, *rest = CLIENTS[client]
    if python != sys.executable:
        path = ENVIRONMENTS / python / "bin" / "python"
        if not path.exists():
            pytest.skip(f"{client} is not at hand: `make clients` installs it")
        python = str(path)
    return [python, *rest]


async def let_time_pass(server: GatewayServer, clock: SimulatedClock) -> None:
    """Two seconds go by whenever an order works; else the market stands."""
    while True:
        await asyncio.sleep(0.02)
        if server.venue.desk.working():
            clock.jump(clock.now() + timedelta(seconds=2))
        server.pulse()


def quotes_of(venue: Venue) -> list[list[object]]:
    shown = venue.means.market.quotes(CONTRACTS, venue.now)
    return [[local_symbol(c), shown[c].bid, shown[c].ask] for c in CONTRACTS]


def chains_of(venue: Venue) -> list[list[object]]:
    directory = venue.means.directory
    rows: list[list[object]] = []
    for kind in (TradingClass.SPX, TradingClass.SPXW):
        days = directory.expiries(kind)
        strikes = {strike for day in days for strike in directory.strikes(kind, day)}
        rows += [[exchange, str(kind), len(days), len(strikes)] for exchange in VENUES]
    return sorted(rows, key=str)


def truth(venue: Venue) -> dict[str, object]:
    """Return what a client must have seen, from what lies behind the wire."""
    entry = venue.desk.tickets[0]
    held = sorted([local_symbol(c), float(n)] for c, n in zip(CONTRACTS, POSITIONS, strict=True))
    fills = [[e.contract.sec_type, e.side, float(e.price)] for e in entry.executions]
    return {
        "accounts": [PAPER_ACCOUNT],
        "index": [416904, "S&P 500 Stock Index"],
        "hedge": ["VIX   180214C00020000", "20180214"],
        "margin": 2500.0,
        "fill": [1.0, float(entry.average_price)],
        "executions": sorted(fills, key=str),
        "commission": float(round(entry.commission_usd, 4)),
        "positions": held,
        "portfolio": held,
        "single": float(POSITIONS[0]),
        "resting": "Cancelled",
        "completed": [["entry", "Filled"], ["resting", "Cancelled"]],
    }


async def story(client: str, world: World) -> tuple[dict[str, object], dict[str, object]]:
    """Return what a client told, and what it must have seen."""
    program = command(client)  # skips before anything is open
    clock = SimulatedClock(START_AT)
    server = build_gateway(Settings(), world, clock, seed=7)
    await server.start("127.0.0.1", 0)
    shown = {"quotes": quotes_of(server.venue), "chains": chains_of(server.venue)}
    time_passes = asyncio.create_task(let_time_pass(server, clock))
    arguments = [*program, str(server.port), PAPER_ACCOUNT]
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    finally:
        if process.returncode is None:
            process.kill()
        time_passes.cancel()
        await server.stop()
    assert process.returncode == 0, err.decode()
    told: dict[str, object] = json.loads(out.decode().splitlines()[-1])
    return told, shown | truth(server.venue)


@pytest.fixture(scope="module")
def world() -> World:
    return historical_world(Settings(), None, seed=7)


@pytest.mark.parametrize("client", tuple(CLIENTS))
async def test_every_client_sees_the_same_session(client: str, world: World) -> None:
    told, seen = await story(client, world)

    assert told == seen
