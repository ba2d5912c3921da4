"""What a test of deaths and faults counts: by round, and over all rounds."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Self


@dataclass
class Tally:
    """What came of a round, or of all."""

    rounds: int = 0
    sessions: int = 0
    orders: int = 0
    fills: int = 0
    settlements: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    trouble: list[str] = field(default_factory=list)

    def add(self, other: Self) -> None:
        """Add another tally to this one; counts by name are added name by name."""
        for name, value in asdict(other).items():
            mine = getattr(self, name)
            if isinstance(value, dict):
                setattr(self, name, dict(Counter(mine) + Counter(value)))
            else:
                setattr(self, name, mine + value)

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing went wrong."""
        return not (self.lost or self.doubled or self.trouble)


@dataclass
class KillTally(Tally):
    """What came of kills, where the books are compared afterwards."""

    kills: int = 0
    unequal_books: int = 0

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing went wrong and all books are equal."""
        return super().is_clean and not self.unequal_books
