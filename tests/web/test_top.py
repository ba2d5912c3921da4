"""`alvh top` shows what a daemon tells over its socket, or a dashboard over HTTP."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner
from rich.console import Console
from web_samples import Site, site_at_noon

from bot.cli.top import ask_page, ask_socket, command
from bot.control_socket import ask_daemon
from bot.starting import SOCKET_NAME
from bot.top import Told, draw, fitted
from bot.web.watching import told_of
from bot.world import World
from market.errors import BrokerUnavailable, ConfigError

ALVH = str(Path(sys.executable).parent / "alvh")
HANGS_S = 60.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Return the sample run's dashboard."""
    async with site_at_noon(world, tmp_path_factory.mktemp("site")) as served:
        yield served


async def test_the_screen_tells_account_condor_hedge_and_decision(site: Site) -> None:
    told = await asyncio.to_thread(ask_page, site.address)

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


async def test_without_a_bot_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(BrokerUnavailable, match=r"no bot answers at http://127.0.0.1:9;"):
        ask_page("http://127.0.0.1:9")
    with pytest.raises(BrokerUnavailable, match=r"no daemon runs in .*; `alvh run --profile sim"):
        ask_socket(tmp_path)


async def test_two_places_at_once_are_refused() -> None:
    words = ["--out", "runs/sim", "--url", "http://127.0.0.1:8642"]

    answer = CliRunner().invoke(command, words, standalone_mode=False)

    assert isinstance(answer.exception, ConfigError)
    assert str(answer.exception) == "--out and --url name two places; leave one out."


@pytest.mark.parametrize("height", [16, 40])
async def test_a_low_terminal_shows_less_of_the_log_and_all_of_the_rest(
    site: Site, height: int
) -> None:
    told = Told(**json.loads(json.dumps(await told_of(site.desk))))
    console = Console(width=100, height=height, force_terminal=False)

    with console.capture() as shown:
        console.print(fitted(told, console))

    lines = shown.get().splitlines()
    rows_without_log = len(console.render_lines(draw(told, lines_of_log=1))) - 1
    assert len(lines) == max(height, rows_without_log + 1)
    assert "Run started" in lines[-2] or len(told.overview["news"]) > height - rows_without_log


class Screen:
    """A pseudo-terminal of 100 by 30, and all that a program wrote to it, without its colours."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.text = ""
        self._written = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.ours, self._read)

    def _read(self) -> None:
        raw = os.read(self.ours, 65_536).decode(errors="replace")
        self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
        self._written.set()

    async def until(self, words: str) -> None:
        """Wait until the program has written some words after what was awaited last."""
        while words not in self.text:
            self._written.clear()
            await self._written.wait()
        self.text = self.text.partition(words)[2]

    def close(self) -> None:
        """Let go of the terminal."""
        asyncio.get_running_loop().remove_reader(self.ours)
        os.close(self.ours)
        os.close(self.theirs)


async def test_a_daemon_without_a_page_is_watched_in_a_terminal_over_its_socket(
    tmp_path: Path,
) -> None:
    run = [ALVH, "run", "--profile", "sim", "--no-web", "--out", str(tmp_path)]
    screen = Screen()
    bot = await asyncio.create_subprocess_exec(*run, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(HANGS_S):
            while not (tmp_path / SOCKET_NAME).is_socket():
                await asyncio.sleep(0.05)
            # The daemon may still be starting: that is waited for, not refused.
            top = await asyncio.create_subprocess_exec(
                ALVH, "top", "--out", str(tmp_path), "--every", "0.2",
                stdin=screen.theirs, stdout=screen.theirs,
                env=os.environ | {"TERM": "xterm-256color"},
                # Tests that a shell runs in the background inherit that Ctrl-C is ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
            for words in ("ALVH  ·  sim  ·  simulated, no real money", "trading on", "Run started"):
                await screen.until(words)

            await asyncio.to_thread(ask_daemon, tmp_path, {"verb": "halt", "reason": "a look"})
            await screen.until("HALTED")
            await screen.until("Trading is halted until a person resumes it: a look.")
            top.send_signal(signal.SIGINT)
            ended = await top.wait()
    finally:
        bot.kill()
        await bot.wait()
        screen.close()

    assert ended == 0
