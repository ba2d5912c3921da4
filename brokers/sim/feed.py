"""Market data out of a model: the market-data port over a pure function of the instant."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from market.quotes import MarketSnapshot, SnapshotRequest


class SnapshotSource(Protocol):
    """A market that can be looked at, at any instant."""

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        """Return what `request` names, as it stood at `at`."""


class ModelFeed:
    """Shows a modelled market at the present instant of a clock; never suspends."""

    def __init__(self, market: SnapshotSource, clock: Callable[[], datetime]) -> None:
        self._market = market
        self._clock = clock

    async def snapshot(self, request: SnapshotRequest) -> MarketSnapshot:
        """Return index levels, futures curve and what `request` names."""
        return self._market.snapshot(self._clock(), request)
