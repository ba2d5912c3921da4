"""The page for strangers: its program runs as printed, and its tables name what there is."""

import asyncio
import os
import re
import sys
from datetime import timedelta
from pathlib import Path

from gateway_samples import AFTERNOON, Emulator, emulator

from bot.world import World
from brokers.gateway.faults import Kind, read_faults

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text("utf-8")
WAIT_S = 30


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_program_of_the_page_runs_as_printed(world: World, tmp_path: Path) -> None:
    async with emulator(world) as gateway:
        script = tmp_path / "five_minutes.py"
        script.write_text(block("python").replace("4002", str(gateway.server.port)), "utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            stdout=asyncio.subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )
        time_passes = asyncio.create_task(pass_time(gateway))
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
        time_passes.cancel()

    account, quote, fill = out.decode().splitlines()
    assert account == "['DU0000001']"
    assert quote.startswith("SPXW  180205P02725000 ")
    assert fill.startswith("Filled ")
    assert float(fill.split()[1]) == float(quote.split()[-1])


async def pass_time(gateway: Emulator) -> None:
    """A second goes by whenever an order works; else the market stands."""
    while True:
        await asyncio.sleep(0.01)
        if gateway.server.venue.desk.working():
            gateway.clock.jump(gateway.clock.now() + timedelta(seconds=1))
        gateway.server.pulse()


def test_the_script_of_the_page_is_one() -> None:
    faults = read_faults(block("toml"), "the page")

    assert [fault.kind for fault in faults] == [Kind.DROP, Kind.CUT, Kind.RESET, Kind.REPEAT]
    assert AFTERNOON.date().isoformat() in PAGE


def test_the_table_names_every_kind_of_fault() -> None:
    named = {word for row in re.findall(r"^\| (`.*?) \|", PAGE, re.M) for word in row.split(", ")}

    assert {word.strip("`") for word in named} == {str(kind) for kind in Kind}
