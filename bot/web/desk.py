"""The desk: what the routes read, wired for one run."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from bot.web.facts import Facts
from bot.web.feed import Feed, Reading
from bot.web.monitor import Monitor
from bot.web.scene import Almanac, Scene, Seen, wanted
from brokers.base import MarketData
from market.errors import BrokerUnavailable, MarketDataError
from market.quotes import SnapshotRequest

LOOK_LIMIT_S = 20.0
TRY_AGAIN_S = 3.0
OLDEST_SEEN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Look:
    """How the pages look at the market: no look is younger than `kept_s` seconds than the last.

    A model is asked for all it knows. A broker's feed has few lines, which decisions need too: it
    is asked for the quotes held, without chains, seldom, and not shortly before a moment. A page
    waits `patience_s` for the answer where it knows nothing fresh; `kind` names what is shown.
    """

    market: MarketData
    kind: Callable[[], str]
    kept_s: float = 0.5
    patience_s: float = 3.0
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
    """Facts and feed of a journal, the almanac, the clock, the market and the controls.

    A look at the market is a task of its own beside the daemon's consumer: whoever waits for a page
    never holds a decision up.
    """

    facts: Facts
    feed: Feed
    journal: Reading
    almanac: Almanac
    clock: Callable[[], datetime]
    monitor: Monitor
    reports: Path
    look: Look | None = None
    controls: Controls | None = None
    _seen: Seen | None = field(default=None, init=False)
    _asked: SnapshotRequest | None = field(default=None, init=False)
    _looked_at: float = field(default=float("-inf"), init=False)
    _looking: "asyncio.Task[None] | None" = field(default=None, init=False)

    async def scene(self) -> Scene:
        """Return the present instant; many pages at once share one look at the market."""
        look = self.look
        if look is None:
            return Scene(self.clock(), self.almanac)
        if self._looking is None and self._is_due(look) and not self._is_moment_near(look):
            self._looked_at = asyncio.get_running_loop().time()
            self._looking = asyncio.create_task(self._take_a_look(look))
        if self._looking is not None and (self._fresh() is None or not look.clear_before_moment_s):
            await asyncio.wait({self._looking}, timeout=look.patience_s)
        return Scene(self.clock(), self.almanac, self._fresh())

    def _is_due(self, look: Look) -> bool:
        """Tell whether the last look is too old, or what is held has changed since."""
        passed_s = asyncio.get_running_loop().time() - self._looked_at
        is_of_use = self._fresh() is not None and self._asked == self._wanted(look)
        return passed_s > (look.kept_s if is_of_use else min(look.kept_s, TRY_AGAIN_S))

    def _wanted(self, look: Look) -> SnapshotRequest:
        known = self._seen.snapshot.levels if self._seen is not None else None
        if known is None and self.facts.market is not None:
            known = self.facts.market.levels
        spx = None if known is None else known.spx
        return wanted(self.facts.book, with_chains=look.with_chains, spx=spx)

    def _fresh(self) -> Seen | None:
        """Return what was seen last, None when it is too old to speak of now."""
        seen = self._seen
        return seen if seen is not None and self.clock() - seen.at <= OLDEST_SEEN else None

    def _is_moment_near(self, look: Look) -> bool:
        """Tell whether the next moment is too near to take lines from it."""
        if not look.clear_before_moment_s:
            return False
        at = self.clock()
        upcoming = self.almanac.upcoming(at, 1)
        return any((each.at - at).total_seconds() < look.clear_before_moment_s for each in upcoming)

    async def _take_a_look(self, look: Look) -> None:
        """See what is held as the market shows it; what cannot be had in time is not seen."""
        request = self._wanted(look)
        try:
            async with asyncio.timeout(LOOK_LIMIT_S):
                snapshot = await look.market.snapshot(request)
        except (MarketDataError, BrokerUnavailable, TimeoutError):
            return
        else:
            self._asked, self._seen = request, Seen(snapshot, look.kind())
        finally:
            self._looking = None

    def refresh(self) -> None:
        """Have the next page look at the market anew: what is held has changed."""
        if self.look is not None and not self.look.clear_before_moment_s:
            self._looked_at = float("-inf")

    async def close(self) -> None:
        """Look no more."""
        looking, self.look = self._looking, None
        if looking is not None:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
