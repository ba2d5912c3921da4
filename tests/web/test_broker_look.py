"""The pages of a paper daemon: the broker's quotes of now, with their age, beside the trading."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from paper_week import ALVH, TOKEN, GatewayHere, gateway_here
from web_samples import Site, site_at_noon

from bot.cli.top import ask_socket
from bot.gateway_rig import PAPER_ACCOUNT
from bot.journal.reader import JournalReader
from bot.known_orders import KnownOrders
from bot.web.desk import Look
from bot.world import World
from brokers.lockstep import TOKEN_VARIABLE, LockstepClock
from market.errors import MarketDataError
from market.quotes import MarketSnapshot, SnapshotRequest

LONGEST_S = 150.0
BEGIN, HOLD = datetime(2018, 1, 22, 14, tzinfo=UTC), datetime(2018, 1, 24, 16, 7, tzinfo=UTC)


@dataclass
class Held:
    """A paper daemon whose time stands, and its page."""

    gateway: GatewayHere
    client: httpx2.AsyncClient

    async def page(self, name: str) -> Any:
        """Return a page's figures once they stand on quotes of now."""
        while True:
            told = (await self.client.get(f"/api/{name}")).json()
            if told["market"]["is_live"]:
                return told


def client_of(site: Site) -> httpx2.AsyncClient:
    """Return a client of a dashboard."""
    return httpx2.AsyncClient(base_url=site.address, timeout=LONGEST_S)


async def serves(client: httpx2.AsyncClient) -> None:
    """Wait until a daemon serves its page; before that it has joined the clock."""
    while True:
        try:
            await client.get("/healthz")
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
        else:
            return


@asynccontextmanager
async def held_at(
    world: World, folder: Path, port: int, profile: str, until: datetime
) -> AsyncIterator[Held]:
    """Run a daemon before the emulator until an instant, and hold the time there."""
    gateway = await gateway_here(world, BEGIN)
    lockstep, tws = gateway.lockstep.port, gateway.server.port
    watcher = await LockstepClock.join("127.0.0.1", lockstep, TOKEN, tws_port=tws, name="watcher")
    words = [f"--set=ib.port={tws}", f"--set=ib.account={PAPER_ACCOUNT}"]
    words += [f"--set=ib.lockstep=127.0.0.1:{lockstep}", "--web-port", str(port)]
    bot = await asyncio.create_subprocess_exec(
        ALVH, "run", "--profile", profile, "--out", str(folder), *words,
        env=os.environ | {TOKEN_VARIABLE: TOKEN},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        async with (
            asyncio.timeout(LONGEST_S),
            httpx2.AsyncClient(base_url=address, timeout=LONGEST_S) as client,
        ):
            await serves(client)
            while watcher.now() < until:
                await watcher.idle(until)
            yield Held(gateway, client)
    finally:
        bot.send_signal(signal.SIGTERM)
        await bot.wait()
        await watcher.leave()
        await gateway.close()


def mids(market: MarketSnapshot) -> dict[str, float]:
    """Return the mids of a snapshot's quotes by the name of the series."""
    found = {contract.symbol: quote.mid for contract, quote in market.quotes.items()}
    return {name: mid for name, mid in found.items() if mid is not None}


@pytest.mark.parametrize("profile", ["paper", "shadow"])
async def test_a_daemon_on_the_brokers_quotes_shows_profit_and_equity_of_now(
    world: World, tmp_path: Path, unused_tcp_port: int, profile: str
) -> None:
    async with held_at(world, tmp_path, unused_tcp_port, profile, HOLD) as held:
        sent = len(held.gateway.server.venue.desk.tickets)

        condor, overview = await held.page("condor"), await held.page("overview")
        hedge, health = await held.page("hedge"), (await held.client.get("/api/health")).json()

        with JournalReader(tmp_path / "journal.db") as reader:
            known = KnownOrders.of(reader.records()).held
            cash = float(str(reader.table("equity")[-1]["cash_usd"]))
        market = world.market.snapshot(HOLD, SnapshotRequest(contracts=tuple(known)))
        mid = mids(market)
        (shown,) = condor["condors"]
        value = sum(leg["position"] * mid[leg["contract"]] * 100 for leg in shown["legs"])
        assert shown["open_pnl_usd"] == pytest.approx(shown["credit_usd"] + value, abs=0.01)
        assert shown["greeks"]["theta_usd_per_day"] > 0
        assert [row["points"] for row in shown["distances"]] == [
            pytest.approx(abs(row["strike"] - market.levels.spx), abs=0.01)
            for row in shown["distances"]
        ]
        worth = sum(position * mid[each.symbol] * 100 for each, position in known.items())
        assert overview["live"]["nlv_usd"] == pytest.approx(cash + worth, abs=0.5)
        assert overview["live"]["unquoted"] == 0
        assert {row["contract"]: row["mid"] for row in hedge["positions"]} == {
            row["contract"]: pytest.approx(mid[row["contract"]], abs=1e-4)
            for row in hedge["positions"]
        }
        assert hedge["convexity"] is not None
        assert condor["market"] == {
            "at": "2018-01-24T16:07:00.000Z",
            "spx": pytest.approx(market.levels.spx, abs=0.01),
            "vix": pytest.approx(market.levels.vix, abs=0.01),
            "vix9d": pytest.approx(market.levels.vix9d, abs=0.01),
            "vix3m": pytest.approx(market.levels.vix3m, abs=0.01),
            "is_live": True,
            "quotes": "live",
            "age_s": 0.0,
        }
        told = await asyncio.to_thread(ask_socket, tmp_path)
        assert (told.condor["condors"], told.overview["live"]) == ([shown], overview["live"])
        assert (health["market"], health["market_age_s"]) == ("live", 0.0)
        assert len(held.gateway.server.venue.desk.tickets) == sent


class Silent:
    """A market that shows nothing."""

    async def snapshot(self, _request: SnapshotRequest) -> MarketSnapshot:
        """Fail."""
        raise MarketDataError("the line to the broker is down.")


async def test_what_is_too_old_to_speak_of_now_is_unknown(world: World, tmp_path: Path) -> None:
    async with site_at_noon(world, tmp_path) as site, client_of(site) as client:
        before = (await client.get("/api/overview")).json()
        site.desk.look = Look(Silent(), lambda: "live", kept_s=-1.0)

        site.clock.jump(site.clock.now() + timedelta(seconds=60))
        aged = (await client.get("/api/overview")).json()
        site.clock.jump(site.clock.now() + timedelta(seconds=1))
        old = (await client.get("/api/overview")).json()
        condor = (await client.get("/api/condor")).json()

    told = [(each["market"]["quotes"], each["market"]["age_s"]) for each in (before, aged)]
    assert told == [("modelled", 0.0), ("modelled", 60.0)]
    assert aged["live"] == before["live"]
    assert (old["market"]["quotes"], old["market"]["is_live"], old["live"]) == (
        "recorded", False, None,
    )  # fmt: skip
    assert [(each["open_pnl_usd"], each["greeks"]) for each in condor["condors"]] == [(None, None)]
