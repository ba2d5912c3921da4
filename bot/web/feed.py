"""The feed: brings what the journal committed into the facts and to every open stream.

No stream has a queue: each knows the number of the event it sent last and reads on from there, in
memory or in the journal. A slow or returning reader therefore loses nothing and costs nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Protocol

from bot.events import KIND_OF
from bot.journal.chain import EventRow
from bot.journal.codec import decode
from bot.telling import tell
from bot.web.facts import Facts, News

BLOCK_ROWS = 500


class Reading(Protocol):
    """Where committed rows are read."""

    def rows(self, after: int = 0, limit: int | None = None) -> Iterable[EventRow]:
        """Return at most `limit` rows beyond `after`, in order."""


class Feed:
    """Follows one journal."""

    def __init__(self, facts: Facts, journal: Reading) -> None:
        self._facts = facts
        self._journal = journal
        self._listeners: list[Callable[[News], None]] = []
        self._news = asyncio.Event()
        self._is_closed = False
        self.streams = 0

    def listen(self, listener: Callable[[News], None]) -> None:
        """Have `listener` called with every record committed from now on."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """Take in the whole journal in blocks, so that the loop keeps turning meanwhile."""
        while self._take(BLOCK_ROWS):
            await asyncio.sleep(0)

    def pump(self) -> None:
        """Take in what was committed since last time, and wake the streams."""
        for news in self._take(None):
            for listener in self._listeners:
                listener(news)

    def _take(self, limit: int | None) -> list[News]:
        news = self._facts.take(self._journal.rows(self._facts.seq, limit))
        if news:
            self._wake()
        return news

    def _wake(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        self._wake()

    async def follow(self, after: int, every_s: float) -> AsyncIterator[News | None]:
        """Yield every record beyond `after`; None says that they are all sent, every `every_s`
        at the latest."""
        self.streams += 1
        try:
            while not self._is_closed:
                waiting = self._news
                news = await self._since(after)
                for each in news:
                    yield each
                    after = each.seq
                if not news:
                    await self._rest(waiting, every_s)
                    yield None
        finally:
            self.streams -= 1

    async def _rest(self, waiting: asyncio.Event, every_s: float) -> None:
        try:
            await asyncio.wait_for(waiting.wait(), every_s)
        except TimeoutError:
            return

    async def _since(self, after: int) -> list[News]:
        """Return the records beyond `after`, from memory where they are still there."""
        kept = self._facts.news
        if after >= self._facts.seq:
            return []
        if kept and kept[0].seq <= after + 1:
            return [news for news in kept if news.seq > after]
        return await asyncio.to_thread(self._read, after)

    def _read(self, after: int) -> list[News]:
        return [_news(row) for row in self._journal.rows(after, BLOCK_ROWS)]


def _news(row: EventRow) -> News:
    record = decode(row.kind, row.payload)
    told = tell(record)
    return News(row.seq, record.at, KIND_OF[type(record)], told.level, told.sentence)
