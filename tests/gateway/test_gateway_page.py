"""`docs/gateway.md` keeps its word: its program runs, its script is read, its tables are whole."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from brokers.gateway.faults import RULES, Kind, read_faults

PAGE = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
ALVH = str(Path(sys.executable).with_name("alvh"))
SERVED = ("--port", "0", "--on", "2018-02-02", "--at", "15:45", "--json")
WAIT_S = 60


def blocks(language: str) -> list[str]:
    """Return the code of the page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


async def test_the_program_of_the_page_sells_its_condor_in_a_fresh_gateway(
    tmp_path: Path,
) -> None:
    (program,) = blocks("python")
    gateway = await asyncio.create_subprocess_exec(ALVH, "gateway", *SERVED, stdout=PIPE)
    assert gateway.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(gateway.stdout.readline(), WAIT_S))
        script = tmp_path / "try.py"
        script.write_text(program.replace("4002", str(told["port"])), encoding="utf-8")
        client = await asyncio.create_subprocess_exec(
            sys.executable, str(script), stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(client.communicate(), WAIT_S)
    finally:
        gateway.terminate()
        await gateway.wait()

    lines = out.decode().splitlines()
    assert client.returncode == 0, err.decode()
    assert lines[0] == "account ['DU0000001']"
    assert lines[5].startswith("Filled at -")
    assert sorted(line.rsplit(maxsplit=1)[1] for line in lines[6:]) == [
        "-1.0",
        "-1.0",
        "1.0",
        "1.0",
    ]


def test_the_script_of_the_page_can_be_read() -> None:
    (script,) = blocks("toml")

    assert [fault.kind for fault in read_faults(script, "page")] == [
        Kind.DROP,
        Kind.RESET,
        Kind.SWALLOW,
        Kind.REPEAT,
    ]


def test_the_page_lists_every_kind_with_every_key_of_its_own() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*\|)$", PAGE, flags=re.MULTILINE))

    assert rows.keys() & set(Kind) == set(Kind)
    missing = [
        (kind, key) for kind, rule in RULES.items() for key in rule.keys if key not in rows[kind]
    ]
    assert missing == []
