"""Lives of a bot and an exchange as processes that die on purpose, for the tests of chaos.

A fuse ends its process by a real SIGKILL at a chosen step: between two records of a turn, after a
commit, before or after a word with the exchange, before or after the exchange keeps what it did.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bot.bootstrap import Rig, RunIdentity, build_simulated, build_venue, first_moment
from bot.clock import SimulatedClock
from bot.daemon import Daemon
from bot.journal.reader import last_record_at
from bot.log import RunLog
from bot.replay import RUN_MODE, Window
from bot.settings import Settings
from bot.timetable import JumpingTimetable
from bot.world import World
from brokers.base import AccountState
from brokers.sim.broker import VenueState
from brokers.sim.client import ExchangeClient
from brokers.sim.server import ExchangeServer, ToldClock
from brokers.sim.store import ExchangeStore
from brokers.unsuspended import run_now
from market.instruments import OptionContract
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled

S = TypeVar("S")
FACTS = {"market": "history"}
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
# Only a test's own dead need so long: the other process is started again within milliseconds.
PATIENCE_S = 30.0


class Fuse:
    """Kills its own process at the n-th step, without a chance to tidy; 0 never burns down."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def burn(self) -> None:
        """Come one step nearer to the end."""
        if self._left > 0:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Stage:
    """What a round is played on: the world, its sessions, and the folder of both files."""

    settings: Settings
    world: World
    span: Window
    seed: int
    folder: Path

    @property
    def journal(self) -> Path:
        """Return the bot's file."""
        return self.folder / "journal.db"

    @property
    def store(self) -> Path:
        """Return the exchange's file."""
        return self.folder / "exchange.db"

    @property
    def socket(self) -> Path:
        """Return the exchange's socket."""
        return self.folder / "exchange.sock"


class FusedStore(ExchangeStore):
    """A store whose process may die just before or just after it keeps something."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(path)
        self._fuse = fuse

    def add(
        self, at: datetime, order: Order | None, events: Iterable[BrokerEvent], state: VenueState
    ) -> None:
        """Keep what one call changed, if it lives so long."""
        self._fuse.burn()
        super().add(at, order, events, state)
        self._fuse.burn()


class FusedClient:
    """The client of the exchange, whose process may die before or after each word."""

    def __init__(self, client: ExchangeClient, fuse: Fuse) -> None:
        self._client = client
        self._fuse = fuse

    async def connect(self) -> None:
        """Reach the exchange."""
        await self._client.connect()

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def retell(self, heard: int) -> None:
        """Have what was not heard told again."""
        await self._client.retell(heard)
        self._fuse.burn()

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order, or die on either side of it."""
        self._fuse.burn()
        await self._client.submit(approved)
        self._fuse.burn()

    async def cancel(self, order_id: str) -> None:
        """Stop an order, or die on either side of it."""
        self._fuse.burn()
        await self._client.cancel(order_id)
        self._fuse.burn()

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work."""
        return await self._client.open_orders()

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return what is held."""
        return await self._client.positions()

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills since an instant."""
        return await self._client.executions(since)

    async def account(self) -> AccountState:
        """Return the account's figures."""
        return await self._client.account()

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return the events since the last call."""
        return self._client.drain()

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when events wait."""
        self._client.subscribe(wake)

    def due(self) -> datetime | None:
        """Return when time alone next changes something."""
        return self._client.due()

    def advance(self, at: datetime) -> None:
        """Let time pass, or die on either side of it."""
        self._fuse.burn()
        self._client.advance(at)
        self._fuse.burn()


def life(live: Callable[[S, int], None], stage: S, steps: int, words: Path) -> None:
    """Live a life whose complaints go to a file."""
    with words.open("a", encoding="utf-8") as file, redirect_stderr(file):
        live(stage, steps)


def live_exchange(stage: Stage, steps: int) -> None:
    """Be the exchange until killed or told to stop."""
    clock = ToldClock(LONG_AGO)
    with FusedStore(stage.store, Fuse(steps)) as store:
        venue = build_venue(stage.settings, stage.world, clock, stage.seed, store)
        server = ExchangeServer(venue, store, clock, FACTS)
        asyncio.run(_serve(server, stage.socket))


async def _serve(server: ExchangeServer, path: Path) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    await server.serve(path, lambda: None)


def live_bot(stage: Stage, steps: int) -> None:
    """Be the bot from where its journal ends until killed or the last session is over."""
    fuse = Fuse(steps)
    rig, clock = awake(stage, fuse)
    rig.engine.listen(lambda _record: fuse.burn())
    rig.shell.listen_to_commits(fuse.burn)
    timetable = JumpingTimetable(clock, rig.broker, stage.span.last)
    daemon = Daemon(rig, timetable, RunLog(sys.stderr), lambda _moment: None)
    asyncio.run(daemon.serve())
    if daemon.difference is not None:
        sys.exit(f"books differ: {daemon.difference}")


def awake(stage: Stage, fuse: Fuse) -> tuple[Rig, SimulatedClock]:
    """Return the rig rebuilt from the journal, its clock where bot and exchange stood."""
    start = first_moment(stage.world, stage.span.first)
    last_at = last_record_at(stage.journal)
    clock = SimulatedClock(last_at or start)
    client = ExchangeClient(stage.socket, clock.now, FACTS, patience_s=PATIENCE_S)
    run_now(client.connect())
    clock.jump(max(clock.now(), client.at or start))
    identity = RunIdentity(
        "replay", RUN_MODE, stage.seed, clock.now(), stage.span.first, stage.span.last
    )
    rig = build_simulated(
        stage.settings,
        stage.world,
        clock,
        identity,
        stage.journal,
        durable=True,
        continues=last_at is not None,
        broker=FusedClient(client, fuse),
    )
    return rig, clock
