from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sample_venue import AT, VIX_CALL, HandClock

from brokers.base import MarketData
from brokers.sim.feed import ModelFeed
from market.quotes import FuturesCurve, IndexLevels, MarketSnapshot, SnapshotRequest


@dataclass
class RecordingMarket:
    """A market that shows nothing and remembers what it was asked."""

    asked: list[tuple[datetime, SnapshotRequest]] = field(default_factory=list)

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        self.asked.append((at, request))
        levels = IndexLevels(at, spx=2762.13, vix=17.31, vix9d=18.0, vix3m=16.5)
        return MarketSnapshot(at, levels, FuturesCurve((), ()), {}, {})


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the feed suspended")


def test_a_snapshot_shows_the_market_at_the_clock() -> None:
    market, clock = RecordingMarket(), HandClock()
    feed: MarketData = ModelFeed(market, clock)
    request = SnapshotRequest(contracts=(VIX_CALL,))

    clock.at = AT + timedelta(minutes=3)
    snapshot = finish(feed.snapshot(request))

    assert snapshot.at == AT + timedelta(minutes=3)
    assert market.asked == [(AT + timedelta(minutes=3), request)]
