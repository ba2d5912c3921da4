"""Doubles of the two ports around a shell: a broker that does as told, and a feed of one market."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.base import AccountState
from market.errors import MarketDataError
from market.instruments import OptionContract
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled
from market.quotes import MarketSnapshot, Quote, SnapshotRequest


class CandidBroker:
    """A broker that looks around when it is called, and answers with the events it was given."""

    def __init__(self, on_submit: Callable[[Order], Iterable[BrokerEvent]]) -> None:
        self.on_submit = on_submit
        self.cancelled: list[str] = []
        self.events: list[BrokerEvent] = []

    async def connect(self) -> None:
        """Be there."""

    async def close(self) -> None:
        """Stay there."""

    async def submit(self, approved: ApprovedOrder) -> None:
        """Take an order."""
        self.events += self.on_submit(approved.order)

    async def cancel(self, order_id: str) -> None:
        """Note a cancel."""
        self.cancelled.append(order_id)

    async def open_orders(self) -> tuple[Order, ...]:
        """Work nothing."""
        return ()

    async def positions(self) -> Mapping[OptionContract, int]:
        """Hold nothing."""
        return {}

    async def executions(self, _since: datetime) -> tuple[OrderFilled, ...]:
        """Have done nothing."""
        return ()

    async def account(self) -> AccountState:
        """Have nothing."""
        return AccountState(Decimal(0), Decimal(0), Decimal(0))

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return what was said since last time."""
        said, self.events = tuple(self.events), []
        return said

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Wake nobody."""


class StillFeed:
    """A feed that shows one market, or none."""

    def __init__(self, shown: MarketSnapshot | None) -> None:
        self.shown = shown

    async def snapshot(self, _request: SnapshotRequest) -> MarketSnapshot:
        """Return the market."""
        if self.shown is None:
            raise MarketDataError("The feed is silent.")
        return self.shown


class SlowFeed(StillFeed):
    """A feed that takes long over a look, and shows single contracts at once when asked again."""

    def __init__(self, shown: MarketSnapshot, slowness: timedelta) -> None:
        super().__init__(replace(shown, quotes=_at(shown.quotes, shown.at - slowness)))
        self._at = shown.at
        self.renewed: list[tuple[OptionContract, ...]] = []

    async def prepare(self, request: SnapshotRequest, moment_at: datetime) -> None:
        """Have nothing ahead."""

    async def renew(
        self, snapshot: MarketSnapshot, contracts: Iterable[OptionContract]
    ) -> MarketSnapshot:
        """Return the snapshot with these quotes of now."""
        asked = tuple(contracts)
        self.renewed.append(asked)
        fresh = _at({each: snapshot.quotes[each] for each in asked}, self._at)
        return replace(snapshot, quotes={**snapshot.quotes, **fresh})

    def release(self) -> None:
        """Let nothing go."""


def _at(quotes: Mapping[OptionContract, Quote], at: datetime) -> dict[OptionContract, Quote]:
    return {contract: replace(quote, at=at) for contract, quote in quotes.items()}


def nothing(_order: Order) -> Iterable[BrokerEvent]:
    return ()
