"""What a journal does, and the one kept in memory."""

from collections.abc import Callable
from typing import Protocol

from bot.events import Record


class Journal(Protocol):
    """Takes records in order; what is committed survives."""

    def append(self, record: Record, /) -> None:
        """Add one record to the open transaction."""

    def recall(self, take: Callable[[Record], None], /) -> int:
        """Hand every record so far to `take`, oldest first; return how many there were."""

    def keep(self, content: bytes, /) -> str:
        """Keep what a decision looks at in the open transaction; return its digest."""

    def commit(self) -> None:
        """Make everything appended so far durable."""

    def close(self) -> None:
        """Commit and release the store."""


class MemoryJournal:
    """Counts records and keeps none: the book and the summary hold what a replay needs."""

    def __init__(self) -> None:
        self.count = 0

    def append(self, _record: Record, /) -> None:
        """Count one record."""
        self.count += 1

    def recall(self, _take: Callable[[Record], None], /) -> int:
        """Recall nothing: no record was kept."""
        return 0

    def keep(self, _content: bytes, /) -> str:
        """Keep nothing."""
        return ""

    def commit(self) -> None:
        """Do nothing: memory is as durable as it gets."""

    def close(self) -> None:
        """Do nothing."""
