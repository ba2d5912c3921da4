"""A whole week of the profile `paper`: the bot as a process of its own before the emulator.

The emulator runs here, on its lockstep clock; faults happen when that clock crosses their times.
"""

import asyncio
import os
import signal
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.clock import SimulatedClock
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.gateway.lockstep import Lockstep
from brokers.gateway.server import GatewayServer
from brokers.lockstep import TOKEN_VARIABLE

TOKEN = "a token of this test alone"
LONGEST_S = 150.0
ALVH = str(Path(sysconfig.get_path("scripts")) / "alvh")


class ScriptedClock(SimulatedClock):
    """A clock that does things when it crosses their times."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._script: list[tuple[datetime, Callable[[], None]]] = []

    def at(self, at: datetime, act: Callable[[], None]) -> None:
        """Have something done at a time."""
        self._script.append((at, act))
        self._script.sort(key=lambda row: row[0])

    def jump(self, at: datetime) -> None:
        """Move on, and do what lies on the way."""
        super().jump(at)
        while self._script and self._script[0][0] <= at:
            self._script.pop(0)[1]()


@dataclass
class Week:
    """The emulator, its clock, and the bot's process as it lives, dies and lives again."""

    server: GatewayServer
    clock: ScriptedClock
    lockstep: Lockstep
    folder: Path
    overrides: tuple[str, ...] = ()
    profile: str = "paper"
    kills: int = 0
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _wants_kill: asyncio.Event = field(default_factory=asyncio.Event)

    def kill_at(self, at: datetime) -> None:
        """Have the bot killed without a word at a time, and started again."""
        self.clock.at(at, self._wants_kill.set)

    def drop_at(self, at: datetime) -> None:
        """Have every client's socket cut at a time."""
        self.clock.at(at, self.server.drop_clients)

    def say_at(self, at: datetime, code: int, text: str) -> None:
        """Have a code told to every client at a time."""

        def say() -> None:
            for client in self.server._clients:
                client.connection._talk.refuse(-1, code, text)

        self.clock.at(at, say)

    async def run(self, until: datetime) -> str:
        """Run the bot until the clock crosses `until`; return all that it said."""
        self.clock.at(until, self._is_over.set)
        said = ""
        async with asyncio.timeout(LONGEST_S):
            while not self._is_over.is_set():
                bot = await self._start()
                said += await self._watch(bot)
        return said

    async def close(self) -> None:
        """Let go of the ports."""
        await self.lockstep.stop()
        await self.server.stop()

    async def _start(self) -> asyncio.subprocess.Process:
        settings = {
            "ib.port": self.server.port,
            "ib.account": PAPER_ACCOUNT,
            "ib.lockstep": f"127.0.0.1:{self.lockstep.port}",
        }
        words = [f"--set={key}={value}" for key, value in settings.items()]
        words += [f"--set={text}" for text in self.overrides]
        return await asyncio.create_subprocess_exec(
            ALVH, "run", "--profile", self.profile, "--no-web",
            "--out", str(self.folder), *words,
            env=os.environ | {TOKEN_VARIABLE: TOKEN},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def _watch(self, bot: asyncio.subprocess.Process) -> str:
        assert bot.stdout is not None
        reading = asyncio.create_task(bot.stdout.read())
        waits = [asyncio.create_task(e.wait()) for e in (self._is_over, self._wants_kill)]
        await asyncio.wait({reading, *waits}, return_when=asyncio.FIRST_COMPLETED)
        if self._wants_kill.is_set():
            self._wants_kill.clear()
            self.kills += 1
            bot.send_signal(signal.SIGKILL)
        elif self._is_over.is_set():
            bot.send_signal(signal.SIGTERM)
        said = (await reading).decode()
        code = await bot.wait()
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        if code not in {0, -signal.SIGKILL}:
            raise AssertionError(f"the bot ended with {code}: {said}")
        return said


async def begin(world: World, start: datetime, folder: Path, *overrides: str) -> Week:
    """Return a week that stands before its first moment."""
    clock = ScriptedClock(start)
    server = build_gateway(Settings(), world, clock, 7, account=PAPER_ACCOUNT)
    await server.start("127.0.0.1", 0)
    lockstep = Lockstep(server, clock, TOKEN)
    await lockstep.start()
    return Week(server, clock, lockstep, folder, overrides)
