"""The two ports: what the rest of the program may ask of a broker and of a market-data feed.

Both are asynchronous so that one shell serves a socket and a simulation; a simulated adapter
never suspends, so a replay can drive the same coroutines without an event loop.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, runtime_checkable

from market.instruments import OptionContract
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled
from market.quotes import MarketSnapshot, SnapshotRequest


@dataclass(frozen=True, slots=True)
class AccountState:
    """The broker's own figures, in dollars."""

    cash_usd: Decimal
    margin_usd: Decimal
    fees_usd: Decimal


class Broker(Protocol):
    """Takes approved orders and reports what became of them."""

    async def connect(self) -> None:
        """Reach the broker; nothing else may be asked before.

        Raises:
            BrokerUnavailable: it cannot be reached now; waiting may help.
            ConfigError: it is not the broker or account that the settings name.
        """

    async def close(self) -> None:
        """Let go of the broker; orders that work there go on working."""

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order; its fate arrives as events."""

    async def cancel(self, order_id: str) -> None:
        """Ask for an order to stop working; the answer arrives as an event."""

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work at the venue."""

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held, without zeros."""

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills at or after `since`, oldest first, as far back as the broker keeps
        them: at least those of the present session."""

    async def account(self) -> AccountState:
        """Return cash, margin and fees as the broker has them."""

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return the events since the last call, oldest first."""

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever events wait to be drained."""


class Timed(Protocol):
    """A venue whose state changes with time alone: walks, time-outs, settlements."""

    def due(self) -> datetime | None:
        """Return when something happens next, or None."""

    def advance(self, at: datetime) -> None:
        """Let everything happen that is due up to and including `at`."""


class TimedBroker(Broker, Timed, Protocol):
    """A broker that has to be told how late it is."""


@runtime_checkable
class Retelling(Protocol):
    """A broker that keeps what it told, so that nothing is lost between its file and ours."""

    async def retell(self, heard: int) -> None:
        """Put the events after the first `heard` ones up for draining again.

        Raises:
            BooksDiffer: so many were never told: it is not the account of this journal.
        """


class MarketData(Protocol):
    """Shows the market at the present instant of the clock it was built with."""

    async def snapshot(self, request: SnapshotRequest) -> MarketSnapshot:
        """Return index levels, futures curve and what `request` names.

        Raises:
            MarketDataError: index levels cannot be had.
        """


@runtime_checkable
class Foreseeing(Protocol):
    """Market data that can be listened to ahead of a moment, so that a snapshot is a read."""

    async def prepare(self, request: SnapshotRequest, moment_at: datetime) -> None:
        """Listen to what `request` names, as far as there is room, for a moment soon to come.

        Called again and again until then: what was lost is heard, what grew old is read again.

        Raises:
            MarketDataError: it cannot be heard now.
            BrokerUnavailable: the line is down.
        """

    async def renew(
        self, snapshot: MarketSnapshot, contracts: Iterable[OptionContract]
    ) -> MarketSnapshot:
        """Return the snapshot with these contracts looked at now, all together.

        Raises:
            BrokerUnavailable: the line is down.
        """

    def release(self) -> None:
        """Listen no more."""


@runtime_checkable
class Suspicious(Protocol):
    """A broker that may hold or work what our orders do not explain."""

    def strangers(self) -> tuple[str, ...]:
        """Return what was seen there that is not ours, each a sentence without its full stop."""
