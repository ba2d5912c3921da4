"""A whole week before the gateway emulator: `alvh gateway` and `alvh run`, each its own process.

The test leads neither of them. It joins the lockstep clock as a program like any other, so that
time stands whenever it has something to do: kill the bot, or look at the account as any client may.
"""

import asyncio
import json
import os
import signal
import sysconfig
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

from bot.clock import SimulatedClock
from bot.gateway_rig import build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.gateway.lockstep import Lockstep
from brokers.gateway.server import GatewayServer
from brokers.lockstep import TOKEN_VARIABLE, LockstepClock

TOKEN = "a token of this test alone"
LONGEST_S = 240.0
ALVH = str(Path(sysconfig.get_path("scripts")) / "alvh")
ENVIRONMENT = os.environ | {TOKEN_VARIABLE: TOKEN}
LOOKER_ID = 99
Process = asyncio.subprocess.Process
Act = Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Account:
    """The account at the gateway as a client of its own saw it, over the socket alone."""

    perm_ids: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    positions: Mapping[str, int] = field(default_factory=dict)
    cash_usd: Decimal | None = None

    async def look(self, port: int) -> None:
        """Read the day's orders, the positions and the cash."""
        ib = import_module("ib_insync").IB()  # taken hold of inside the running loop
        ib.RaiseRequestErrors = True
        await ib.connectAsync("127.0.0.1", port, clientId=LOOKER_ID, timeout=20)
        for trade in (
            *await ib.reqCompletedOrdersAsync(False),
            *await ib.reqAllOpenOrdersAsync(),
        ):
            self.perm_ids[trade.order.orderRef].add(trade.order.permId)
        held = await ib.reqPositionsAsync()
        self.positions = {row.contract.localSymbol: int(row.position) for row in held}
        (cash,) = (v.value for v in ib.accountValues() if v.tag == "TotalCashValue")
        self.cash_usd = Decimal(cash)
        ib.disconnect()


@dataclass
class Week:
    """The gateway's process, its clock, and the bot's process as it lives, dies and lives again."""

    folder: Path
    port: int
    clock: LockstepClock
    config: Path
    profile: str = "paper"
    kills: int = 0
    said: str = ""
    account: Account = field(default_factory=Account)
    _acts: list[tuple[datetime, Act]] = field(default_factory=list)
    _bot: Process | None = None

    def kill_at(self, at: datetime) -> None:
        """Have the bot killed without a word at a time, and started again."""
        self._acts.append((at, self._kill))

    def look_at(self, at: datetime) -> None:
        """Have the account read by another client at a time."""
        self._acts.append((at, self._look))

    async def run(self, until: datetime) -> None:
        """Run the bot until the clock reaches `until`, then end it in order."""
        async with asyncio.timeout(LONGEST_S):
            self._bot = await self._started()
            for at, act in sorted(self._acts, key=lambda row: row[0]):
                await self._pass_time(at)
                await act()
            await self._pass_time(until)
            code = await self._ended(signal.SIGTERM)
        assert code == 0, self.said

    async def _pass_time(self, until: datetime) -> None:
        assert self._bot is not None
        while self.clock.now() < until:
            assert self._bot.returncode is None, f"the bot ended: {self.said}"
            await self.clock.idle(until)

    async def _kill(self) -> None:
        self.kills += 1
        assert await self._ended(signal.SIGKILL) == -signal.SIGKILL
        self._bot = await self._started()

    async def _look(self) -> None:
        await self.account.look(self.port)

    async def _started(self) -> Process:
        """Start the bot; by its first line it has joined the clock."""
        bot = await asyncio.create_subprocess_exec(
            ALVH, "run", "--profile", self.profile, "--no-web",
            "--config", str(self.config), "--out", str(self.folder),
            env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert bot.stdout is not None
        first = await bot.stdout.readline()
        self.said += first.decode()
        assert first, f"the bot ended with {await bot.wait()}"
        return bot

    async def _ended(self, number: signal.Signals) -> int:
        bot, self._bot = self._bot, None
        assert bot is not None
        assert bot.stdout is not None
        with suppress(ProcessLookupError):  # it may have ended by itself
            bot.send_signal(number)
        self.said += (await bot.stdout.read()).decode()
        return await bot.wait()

    async def let_go(self) -> None:
        """End what a failed test left running."""
        if self._bot is not None:
            await self._ended(signal.SIGKILL)
        await self.clock.leave()


@dataclass
class GatewayHere:
    """A gateway with its lockstep clock in the test's own process, for a look at its inside."""

    server: GatewayServer
    lockstep: Lockstep

    async def close(self) -> None:
        """Let go of the ports."""
        await self.lockstep.stop()
        await self.server.stop()


async def gateway_here(world: World, start: datetime) -> GatewayHere:
    """Return a gateway that serves, whose time stands at an instant."""
    clock = SimulatedClock(start)
    server = build_gateway(Settings(), world, clock, 7)
    await server.start("127.0.0.1", 0)
    lockstep = Lockstep(server, clock, TOKEN)
    await lockstep.start()
    return GatewayHere(server, lockstep)


async def _gateway(start: datetime, faults: Path) -> tuple[Process, Mapping[str, Any]]:
    """Start a gateway whose time stands at an instant in New York; return it and what it told."""
    process = await asyncio.create_subprocess_exec(
        ALVH, "gateway", "--port", "0", "--on", f"{start:%Y-%m-%d}", "--at", f"{start:%H:%M}",
        "--lockstep", "--faults", str(faults), "--json",
        env=ENVIRONMENT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(await process.stdout.readline())


@asynccontextmanager
async def a_week(
    folder: Path, start_et: datetime, faults: str = "", settings: str = ""
) -> AsyncIterator[Week]:
    """Run a gateway with a script of faults; the bot gets its port, account and more settings."""
    script, config = folder / "faults.toml", folder / "paper.toml"
    script.write_text(faults, encoding="utf-8")
    gateway, told = await _gateway(start_et, script)
    port, clock_port = told["port"], told["lockstep_port"]
    config.write_text(
        f'[ib]\nport = {port}\naccount = "{told["account"]}"\n'
        f'lockstep = "127.0.0.1:{clock_port}"\n{settings}',
        encoding="utf-8",
    )
    clock = await LockstepClock.join("127.0.0.1", clock_port, TOKEN, tws_port=port, name="test")
    week = Week(folder / "run", port, clock, config)
    try:
        yield week
    finally:
        try:
            await week.let_go()
        finally:
            gateway.terminate()
            assert await gateway.wait() == 0
