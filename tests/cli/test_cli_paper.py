"""The profiles on Interactive Brokers from the command line: refusals in one sentence."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import cli
from brokers.lockstep import TOKEN_VARIABLE
from market.errors import AlvhError


def run(tmp_path: Path, *overrides: str, token: str = "") -> Result:
    words = ["run", "--profile", "paper", "--no-web", "--out", str(tmp_path / "run")]
    words += [f"--set={text}" for text in ("ib.account=DU1234567", *overrides)]
    env = {TOKEN_VARIABLE: token}
    return CliRunner().invoke(cli, words, standalone_mode=False, env=env)


def error_of(result: Result) -> AlvhError:
    assert isinstance(result.exception, AlvhError), result.output
    return result.exception


def test_nothing_listening_is_exit_code_3(tmp_path: Path, unused_tcp_port: int) -> None:
    error = error_of(run(tmp_path, f"ib.port={unused_tcp_port}"))

    assert error.exit_code == 3
    assert str(error).startswith(f"nothing listens on 127.0.0.1:{unused_tcp_port}")


@pytest.mark.parametrize(
    ("lockstep", "token", "words"),
    [
        ("nonsense", "a token", "is not of the form 127.0.0.1:PORT"),
        ("10.0.0.1:5000", "a token", "must name the host of ib.host"),
        ("127.0.0.1:5000", "", "needs the emulator's token"),
    ],
)
def test_a_lockstep_clock_that_cannot_be_is_exit_code_2(
    tmp_path: Path, unused_tcp_port: int, lockstep: str, token: str, words: str
) -> None:
    own_port = f"ib.port={unused_tcp_port}"
    error = error_of(run(tmp_path, own_port, f"ib.lockstep={lockstep}", token=token))

    assert error.exit_code == 2
    assert words in str(error)


async def test_a_peer_that_is_no_emulator_is_never_followed(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"emulator": "alvh-gateway", "protocol": 2, "nonce": "x"}\n')
        await reader.readline()
        writer.write(b'{"proof": "guessed", "port": 4002, "time": "2018-01-22T14:00:00+00:00"}\n')
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    ours = (f"ib.port={unused_tcp_port}", f"ib.lockstep=127.0.0.1:{port}")
    result = await asyncio.to_thread(run, tmp_path, *ours, token="a token of ours")

    assert error_of(result).exit_code == 2
    assert "is no emulator of ours that knows the token" in str(result.exception)
    server.close()
