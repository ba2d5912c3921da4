"""The shell around the engine: commits, performs commands, feeds what comes back.

Order of things: the engine records, the journal commits, and only then is anything sent. All
ports are coroutines; over the simulated market they never suspend.
"""

from collections import deque
from collections.abc import Callable

from bot.commands import CancelOrder, Command, FetchSnapshot, SubmitOrder
from bot.engine import Engine
from bot.events import BrokerReported, Input, SnapshotFailed, SnapshotTaken
from bot.journal.base import Journal
from brokers.base import Broker, MarketData
from market.errors import MarketDataError


class Shell:
    """Performs what the engine commands, one event at a time."""

    def __init__(
        self, engine: Engine, broker: Broker, market_data: MarketData, journal: Journal
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._market_data = market_data
        self._journal = journal
        self._commit_listeners: list[Callable[[], None]] = []

    def listen_to_commits(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the journal has committed."""
        self._commit_listeners.append(listener)

    async def handle(self, event: Input) -> None:
        """Take one event through the engine, and all that follows from it."""
        await self._work_off(deque([event]))

    async def hear_broker(self) -> None:
        """Take in what the broker reported since last time."""
        await self._work_off(deque(map(BrokerReported, self._broker.drain())))

    async def _work_off(self, pending: deque[Input]) -> None:
        while pending:
            commands = self._engine.step(pending.popleft())
            self._journal.commit()
            for listener in self._commit_listeners:
                listener()
            for command in commands:
                pending.extend(await self._perform(command))
            pending.extend(BrokerReported(told) for told in self._broker.drain())

    async def _perform(self, command: Command) -> list[Input]:
        if isinstance(command, FetchSnapshot):
            return [await self._fetch(command)]
        if isinstance(command, SubmitOrder):
            await self._broker.submit(command.approved)
        elif isinstance(command, CancelOrder):
            await self._broker.cancel(command.order_id)
        return []

    async def _fetch(self, command: FetchSnapshot) -> Input:
        try:
            snapshot = await self._market_data.snapshot(command.request)
        except MarketDataError as error:
            return SnapshotFailed(command.moment, command.asked_by, str(error))
        return SnapshotTaken(command.moment, command.asked_by, snapshot)
