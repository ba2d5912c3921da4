"""Lives of the profile paper before the gateway emulator, each a process, for the tests of chaos.

The bot speaks TWS over a real socket and follows the emulator's lockstep clock. It dies by SIGKILL
at a step of its own (a record, a commit), or the moment the account at the emulator changes, before
a word of that has reached it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lives import Fuse

from bot.clock import SimulatedClock
from bot.daemon import Daemon
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.journal.reader import last_record_at
from bot.lockstep import LockstepTimetable, join_clock
from bot.log import RunLog
from bot.paper import build_paper
from bot.settings import Settings
from bot.timetable import Finished
from bot.world import World
from brokers.gateway.faults import Fault
from brokers.gateway.lockstep import Lockstep
from brokers.gateway.server import GatewayServer
from brokers.lockstep import TOKEN_VARIABLE
from brokers.unsuspended import run_now

TOKEN = "a token of these lives alone"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class GatewayStage:
    """What a round is played on: market, instants, faults, and the folder of all files."""

    settings: Settings
    world: World
    start: datetime
    until: datetime
    seed: int
    folder: Path
    faults: tuple[Fault, ...] = ()

    @property
    def journal(self) -> Path:
        """Return the bot's file."""
        return self.folder / "journal.db"

    @property
    def ports(self) -> Path:
        """Return where the emulator says on which ports it listens."""
        return self.folder / "ports.json"

    @property
    def bot(self) -> Path:
        """Return where the number of the bot's process stands while one lives."""
        return self.folder / "bot.pid"

    @property
    def account(self) -> Path:
        """Return where the emulator writes at its end what the account came to."""
        return self.folder / "account.json"

    @property
    def deaths(self) -> Path:
        """Return where the emulator draws how many changes of the account on the bot dies."""
        return self.folder / "dies_after"


class Executioner:
    """Kills the bot once the account has changed so often as the stage's file says."""

    def __init__(self, stage: GatewayStage) -> None:
        self._stage = stage

    def hear(self, _told: object) -> None:
        """Count one change of the account."""
        left = _number(self._stage.deaths)
        if left <= 0:
            return
        _put(self._stage.deaths, left - 1)
        bot = _number(self._stage.bot)
        if left == 1 and bot:
            os.kill(bot, signal.SIGKILL)


def _number(path: Path) -> int:
    return int(path.read_text(encoding="utf-8")) if path.exists() else 0


def _put(path: Path, number: int) -> None:
    path.write_text(str(number), encoding="utf-8")


def live_gateway(stage: GatewayStage, _steps: int) -> None:
    """Be the emulator until told to stop; then write what the account came to."""
    asyncio.run(_gateway(stage))


async def _gateway(stage: GatewayStage) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clock = SimulatedClock(stage.start)
    server = build_gateway(
        stage.settings, stage.world, clock, stage.seed, account=PAPER_ACCOUNT, faults=stage.faults
    )
    server.venue.listen(Executioner(stage).hear)
    await server.start(LOOPBACK, 0)
    lockstep = Lockstep(server, clock, TOKEN)
    await lockstep.start()
    begun = stage.ports.with_suffix(".new")
    begun.write_text(json.dumps([server.port, lockstep.port]), encoding="utf-8")
    begun.rename(stage.ports)
    await stop.wait()
    await lockstep.stop()
    await server.stop()
    stage.account.write_text(json.dumps(_account(server)), encoding="utf-8")


def _account(server: GatewayServer) -> dict[str, object]:
    broker = server.venue.means.broker
    positions = run_now(broker.positions())
    return {
        "orders": [ticket.wire.order_ref for ticket in server.venue.desk.tickets],
        "filled": {t.wire.order_ref: t.filled for t in server.venue.desk.tickets if t.filled},
        "positions": {contract.symbol: held for contract, held in positions.items()},
        "cash_usd": str(run_now(broker.account()).cash_usd),
    }


def live_paper(stage: GatewayStage, steps: int) -> None:
    """Be the bot from where its journal ends until killed or the last instant has come."""
    os.environ[TOKEN_VARIABLE] = TOKEN
    _put(stage.bot, os.getpid())
    asyncio.run(_paper(stage, Fuse(steps)))


def settings_of(stage: GatewayStage) -> Settings:
    """Return the settings of the stage with the line to its emulator."""
    port, clock_port = json.loads(stage.ports.read_text(encoding="utf-8"))
    line = {"port": port, "account": PAPER_ACCOUNT, "lockstep": f"{LOOPBACK}:{clock_port}"}
    ib = stage.settings.ib.model_copy(update=line)
    return stage.settings.model_copy(update={"ib": ib})


async def _paper(stage: GatewayStage, fuse: Fuse) -> None:
    settings = settings_of(stage)
    clock = await join_clock(settings)
    continues = last_record_at(stage.journal) is not None
    run = await build_paper(settings, clock, stage.journal, stage.seed, continues=continues)
    run.rig.engine.listen(lambda _record: fuse.burn())
    run.rig.shell.listen_to_commits(fuse.burn)
    timetable = LockstepTimetable(clock, run.adapter.broker, run.rig.broker)
    timetable.at(stage.until, Finished())
    daemon = Daemon(run.rig, timetable, RunLog(sys.stderr), lambda _m: None, try_again_s=0.0)
    try:
        await daemon.serve()
    finally:
        await run.adapter.broker.close()
        await clock.leave()
    if daemon.difference is not None:
        sys.exit(f"books differ: {daemon.difference}")


def said(faults: Iterable[Fault]) -> str:
    """Return the faults of a stage in short."""
    return ", ".join(str(fault.kind) for fault in faults)
