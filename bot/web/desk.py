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
from market.errors import BrokerUnavailable, MarketDataError
from market.quotes import MarketSnapshot

LOOK_LIMIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """How the pages look at the market: no look is younger than `kept_s` seconds than the last.

    A model is asked for all it knows. A broker's feed has few lines, which decisions need too: it
    is asked for the quotes held, without chains, seldom, and not shortly before a moment.
    """

    market: MarketData
    kept_s: float = 0.5
    with_chains: bool = True
    clear_before_moment_s: float = 0.0


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
    look: Look | None = None
    controls: Controls | None = None
    _seen: MarketSnapshot | None = field(default=None, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)

    async def scene(self) -> Scene:
        """Return the present instant; many pages at once share one look at the market."""
        now, look = asyncio.get_running_loop().time(), self.look
        is_due = look is not None and now - self._looked_at > look.kept_s
        if look is not None and is_due and not self._is_moment_near(look):
            # Noted first: pages that ask meanwhile wait for no look of their own.
            self._looked_at = now
            self._seen = await self._snapshot(look)
        return Scene(self.clock(), self.almanac, self._seen)

    def _is_moment_near(self, look: Look) -> bool:
        """Tell whether the next moment is too near to take lines from it."""
        if not look.clear_before_moment_s:
            return False
        at = self.clock()
        upcoming = self.almanac.upcoming(at, 1)
        return any((each.at - at).total_seconds() < look.clear_before_moment_s for each in upcoming)

    async def _snapshot(self, look: Look) -> MarketSnapshot | None:
        """Return what is held as the market shows it, None when that cannot be had in time."""
        request = wanted(self.facts.book, with_chains=look.with_chains)
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                return await look.market.snapshot(request)
        except (MarketDataError, BrokerUnavailable, TimeoutError):
            return None

    def refresh(self) -> None:
        """Have the next page look at the market anew: what is held has changed."""
        if self.look is not None and not self.look.clear_before_moment_s:
            self._looked_at = float("-inf")
