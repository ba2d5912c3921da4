"""The shell around the engine: commits, performs commands, feeds what comes back.

Order of things: the engine records, the journal commits, and only then is anything sent. What one
event leads to, up to the next thing sent, is one transaction: a moment is in the journal with its
decision or not at all. All ports are coroutines; over the simulated market they never suspend.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.commands import CancelOrder, Command, FetchSnapshot, SubmitOrder
from bot.engine import Engine
from bot.events import BrokerReported, Input, SnapshotFailed, SnapshotTaken
from bot.journal.base import Journal
from brokers.base import Broker, Foreseeing, MarketData
from market.errors import BrokerUnavailable, MarketDataError
from market.instruments import OptionContract
from market.orders import BrokerEvent, LineChanged, LineState
from market.quotes import MarketSnapshot, SnapshotRequest
from market.schedule import Moment

ONE_INSTANT = timedelta(seconds=1)  # further apart, risk takes no two legs for quotes of one time
MOST_RENEWALS = 3


class Shell:
    """Performs what the engine commands, one event at a time."""

    def __init__(
        self,
        engine: Engine,
        broker: Broker,
        market_data: MarketData,
        journal: Journal,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._market_data = market_data
        self._ahead = market_data if isinstance(market_data, Foreseeing) else None
        self._journal = journal
        self._clock = clock
        self._commit_listeners: list[Callable[[], None]] = []

    def listen_to_commits(self, listener: Callable[[], None]) -> None:
        """Have `listener` called whenever the journal has committed."""
        self._commit_listeners.append(listener)

    async def handle(self, event: Input) -> None:
        """Take one event through the engine, and all that follows from it."""
        await self._work_off(deque([event]))

    async def hear_broker(self, *, is_compared: bool = True) -> int:
        """Take in what the broker reported since last time; return how many events that were.

        Unless the books are compared, its word that the line is ready again counts for nothing.
        """
        told = [each for each in self._broker.drain() if is_compared or not _is_ready(each)]
        await self._work_off(deque(map(BrokerReported, told)))
        return len(told)

    async def _work_off(self, pending: deque[Input]) -> None:
        if not pending:
            return
        while pending:
            commands = self._engine.step(pending.popleft())
            if any(not isinstance(command, FetchSnapshot) for command in commands):
                self.commit()
            for command in commands:
                pending.extend(await self._perform(command))
            pending.extend(BrokerReported(told) for told in self._broker.drain())
        self.commit()

    @property
    def can_foresee(self) -> bool:
        """Tell whether the market can be listened to ahead of a moment."""
        return self._ahead is not None

    async def prepare(self, moments: Sequence[Moment]) -> None:
        """Have the market listened to ahead of moments, where it can be; nothing is recorded.

        Raises:
            MarketDataError: it cannot be heard now.
            BrokerUnavailable: the line is down.
        """
        requests = [each for each in map(self._engine.foresee, moments) if each is not None]
        if requests and self._ahead is not None:
            first_at = min(moment.at for moment in moments)
            await self._ahead.prepare(_unbarred(requests), first_at)

    def release(self) -> None:
        """Have the market listened to no more."""
        if self._ahead is not None:
            self._ahead.release()

    def commit(self) -> None:
        """Make durable what was recorded, and tell those who listen."""
        self._journal.commit()
        for listener in self._commit_listeners:
            listener()

    async def _perform(self, command: Command) -> list[Input]:
        if isinstance(command, FetchSnapshot):
            return [await self._fetch(command)]
        try:
            if isinstance(command, SubmitOrder):
                await self._broker.submit(command.approved)
            elif isinstance(command, CancelOrder):
                await self._broker.cancel(command.order_id)
        except BrokerUnavailable as error:
            # Whether it arrived is unknown: the line is down until the books were compared again.
            return [BrokerReported(LineChanged(self._clock(), LineState.DOWN, None, str(error)))]
        return []

    async def _fetch(self, command: FetchSnapshot) -> Input:
        try:
            snapshot = await self._market_data.snapshot(command.request)
            if self._ahead is not None and not _is_of_one_instant(snapshot):
                snapshot = await self._renewed(command, snapshot, self._ahead)
        except (MarketDataError, BrokerUnavailable) as error:
            return SnapshotFailed(command.moment, command.asked_by, str(error))
        return SnapshotTaken(command.moment, command.asked_by, snapshot)

    async def _renewed(
        self, command: FetchSnapshot, snapshot: MarketSnapshot, market: Foreseeing
    ) -> MarketSnapshot:
        """Return the snapshot with what would be traded on it looked at together, now.

        Other quotes may make it another order; risk refuses legs that were not looked at so.
        """
        renewed: dict[OptionContract, None] = {}
        for _ in range(MOST_RENEWALS):
            legs = self._engine.rehearse(SnapshotTaken(command.moment, command.asked_by, snapshot))
            if all(leg in renewed for leg in legs):
                break
            renewed |= dict.fromkeys(legs)
            snapshot = await market.renew(snapshot, tuple(renewed))
        return snapshot


def _unbarred(requests: Sequence[SnapshotRequest]) -> SnapshotRequest:
    """Return what requests name, less the bars, which are asked for at their time."""
    return replace(SnapshotRequest.joined(requests), bars=0)


def _is_of_one_instant(snapshot: MarketSnapshot) -> bool:
    chained = (chain.at for chain in snapshot.chains.values())
    quoted = (quote.at for quote in snapshot.quotes.values())
    return snapshot.at - min((*chained, *quoted), default=snapshot.at) <= ONE_INSTANT


def _is_ready(event: BrokerEvent) -> bool:
    return isinstance(event, LineChanged) and event.state is LineState.READY
