"""The desk: what the routes read, wired for one run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.web.facts import Facts
from bot.web.feed import Feed, Reading
from bot.web.monitor import Monitor
from bot.web.scene import Almanac, Scene, wanted
from brokers.base import MarketData
from market.errors import MarketDataError
from market.quotes import MarketSnapshot

LOOK_KEPT_S = 0.5
LOOK_LIMIT_S = 3.0


class Controls(Protocol):
    """What a person may order; each answers with the sentence that the journal keeps."""

    async def halt(self, reason: str) -> str:
        """Stop opening anything."""

    async def resume(self, reason: str) -> str:
        """Let trading go on."""


@dataclass
class Desk:
    """Facts and feed of a journal, the almanac, the clock, the market and the controls."""

    facts: Facts
    feed: Feed
    journal: Reading
    almanac: Almanac
    clock: Callable[[], datetime]
    monitor: Monitor
    reports: Path
    market: MarketData | None = None
    controls: Controls | None = None
    _look: MarketSnapshot | None = field(default=None, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)

    async def scene(self) -> Scene:
        """Return the present instant; many pages at once share one look at the market."""
        now = asyncio.get_running_loop().time()
        if self.market is not None and now - self._looked_at > LOOK_KEPT_S:
            self._look = await self._snapshot(self.market)
            self._looked_at = now
        return Scene(self.clock(), self.almanac, self._look)

    async def _snapshot(self, market: MarketData) -> MarketSnapshot | None:
        """Return what is held as the market shows it, None when that cannot be had in time."""
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                return await market.snapshot(wanted(self.facts.book))
        except (MarketDataError, TimeoutError):
            return None

    def refresh(self) -> None:
        """Have the next page look at the market anew: what is held has changed."""
        self._looked_at = float("-inf")
