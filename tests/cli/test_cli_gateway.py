"""`alvh gateway`: what it says when it starts, and each mistake as one sentence."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cli_samples import Alvh

from brokers.lockstep import TOKEN_VARIABLE, LockstepClock

COMMAND = (str(Path(sys.executable).with_name("alvh")), "gateway", "--port", "0")
LOCKSTEP = ("--on", "2018-02-05", "--at", "15:45", "--lockstep", "--json")
WAIT_S = 30


async def test_it_serves_a_replayed_day_whose_time_follows_the_one_who_joins() -> None:
    environment = {k: v for k, v in os.environ.items() if k != TOKEN_VARIABLE}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *LOCKSTEP, stdout=PIPE, env=environment
    )
    assert process.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), WAIT_S))
        clock = await LockstepClock.join(
            "127.0.0.1",
            told["lockstep_port"],
            told["lockstep_token"],
            tws_port=told["port"],
            name="test",
        )
        start = clock.now()
        later = await clock.idle(start + timedelta(minutes=25))
        await clock.leave()
    finally:
        process.terminate()
        code = await process.wait()

    assert (start, later) == (
        datetime.fromisoformat("2018-02-05T20:45:00+00:00"),
        datetime.fromisoformat("2018-02-05T21:10:00+00:00"),
    )
    assert start == datetime.fromisoformat(told["clock"])
    assert (told["account"], told["simulated"], code) == ("DU0000001", True, 0)


MISTAKES = {
    ("--at", "15:45"): "--at needs a replayed session; add --on 2018-02-05.",
    ("--lockstep",): "--lockstep needs a replayed session; add --on 2018-02-05.",
    ("--on", "2018-02-05", "--lockstep", "--pace", "2"): "--pace does not go with --lockstep",
    ("--on", "2018-02-05", "--lockstep", "--pacing", "50"): "--pacing does not go with --lockstep",
    ("--on", "2018-02-05", "--lockstep-port", "1"): "--lockstep-port says nothing without",
    ("--on", "2018-02-05", "--at", "late"): "--at late is no time of day",
    ("--on", "2018-02-04"): "2018-02-04 is no trading session",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_is_one_sentence(alvh: Alvh, arguments: tuple[str, ...]) -> None:
    answer = alvh("gateway", "--port", 0, *arguments)

    assert answer.code == 2
    assert MISTAKES[arguments] in answer.err
    assert answer.err.count("\n") == 1


def test_a_script_that_cannot_be_read_and_one_that_says_nonsense_are_refused(
    alvh: Alvh, tmp_path: Path
) -> None:
    script = tmp_path / "storm.toml"
    absent = alvh("gateway", "--port", 0, "--faults", script)
    script.write_text('[[fault]]\nkind = "flood"\n', encoding="utf-8")

    answer = alvh("gateway", "--port", 0, "--faults", script)

    assert absent.err == f"alvh: --faults {script} cannot be read; name a TOML file.\n"
    assert answer.err.startswith("alvh: storm.toml, fault 1: kind = 'flood' is none of drop,")
    assert (absent.code, answer.code) == (2, 2)


def test_a_token_that_can_be_guessed_is_refused(
    alvh: Alvh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "short")

    answer = alvh("gateway", "--port", 0, "--on", "2018-02-05", "--lockstep")

    assert answer.code == 2
    assert answer.err == (
        "alvh: ALVH_LOCKSTEP_TOKEN has 5 letters; give it at least 8, or leave it unset and read "
        "the token that is printed.\n"
    )


async def test_a_port_that_is_taken_is_one_sentence() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        process = await asyncio.create_subprocess_exec(
            *COMMAND[:-1], str(port), stderr=PIPE, stdout=PIPE
        )
        _, said = await asyncio.wait_for(process.communicate(), WAIT_S)

    assert process.returncode == 2
    assert said.decode() == (
        f"alvh: --port {port} cannot be had (Address already in use); choose another.\n"
    )
