"""`alvh top` shows in the terminal what the dashboard serves."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from click.testing import CliRunner
from rich.console import Console
from web_samples import Site, site_at_noon

from bot.cli.top import ask, command
from bot.top import draw
from bot.world import World
from market.errors import BrokerUnavailable

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Return the sample run's dashboard."""
    async with site_at_noon(world, tmp_path_factory.mktemp("site")) as served:
        yield served


async def test_the_screen_tells_account_condor_hedge_and_decision(site: Site) -> None:
    told = await asyncio.to_thread(ask, site.address)

    console = Console(width=120, force_terminal=False)
    with console.capture() as shown:
        console.print(draw(told))

    text = shown.get()
    assert "Mon 05 Feb 12:00:00 ET" in text
    assert "SPX 2,686.35   VIX 24.20" in text
    assert "trading on" in text
    condor = told.condor["condors"][0]
    strikes = " ".join(leg["contract"].split()[2] for leg in condor["legs"])
    assert strikes in text
    pnl_usd = condor["open_pnl_usd"]
    assert f"{'+' if pnl_usd >= 0 else '-'}${abs(pnl_usd):,.0f}" in text
    assert "Sell 2 conservative condors expiring Mon 05 Feb" in text
    assert "near" in text


async def test_json_is_what_the_pages_have(site: Site) -> None:
    answer = await asyncio.to_thread(CliRunner().invoke, command, ["--json", "--url", site.address])

    assert set(json.loads(answer.output)) == {"overview", "condor", "hedge"}


async def test_without_a_bot_it_says_how_to_start_one() -> None:
    with pytest.raises(BrokerUnavailable, match=r"no bot answers .*; start one with"):
        ask("http://127.0.0.1:9")
