"""What the book remembers for rules that look back: equity, temporal theta, would-be trades, hedge.

Rebuilt from the journal's records like everything else in the book; costs the same per session
however long the run.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bot.events import EquityMarked
from strategies.base import ExpectedState, JsonValue
from strategies.expected import VIX_BUCKETS, ExpectedReturns, vix_bucket
from strategies.recycling import HedgeMemoryKeeper

SESSIONS_OF_MONTH = 20


@dataclass(slots=True)
class StewardMemory:
    """R-32: halved from a fall of NLV by a share of its peak to the next 20-session high."""

    fall_frac: Decimal
    peak_usd: Decimal
    recent: deque[Decimal] = field(default_factory=lambda: deque(maxlen=SESSIONS_OF_MONTH))
    is_halved: bool = False

    def mark(self, nlv_usd: Decimal) -> None:
        """Take in the equity of a session's end."""
        is_high = all(nlv_usd > earlier for earlier in self.recent)
        self.recent.append(nlv_usd)
        self.peak_usd = max(self.peak_usd, nlv_usd)
        if self.is_halved and is_high and len(self.recent) == SESSIONS_OF_MONTH:
            self.is_halved, self.peak_usd = False, nlv_usd
        elif nlv_usd <= self.peak_usd * (1 - self.fall_frac):
            self.is_halved = True


@dataclass(slots=True)
class ThetaMemory:
    """R-29: the last temporal theta of the condor book and the mean of the last twenty."""

    last: float | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=SESSIONS_OF_MONTH))

    def mark(self, theta: float | None) -> None:
        """Take in the figure of a session's end; unknown ones leave the mean as it was."""
        self.last = theta
        if theta is not None:
            self.recent.append(theta)

    @property
    def mean(self) -> float | None:
        """Return the mean once twenty are known."""
        is_full = len(self.recent) == SESSIONS_OF_MONTH
        return sum(self.recent) / SESSIONS_OF_MONTH if is_full else None


class Memory:
    """All that rules look back on."""

    def __init__(self, start_usd: Decimal, steward_fall_frac: float) -> None:
        self.steward = StewardMemory(Decimal(str(steward_fall_frac)), start_usd)
        self.theta = ThetaMemory()
        self.hedge = HedgeMemoryKeeper()
        self._expected = [ExpectedReturns() for _ in range(len(VIX_BUCKETS) + 1)]

    def expected(self, vix: float) -> ExpectedState:
        """Return what the settled would-be trades of this level of VIX say (R-30)."""
        return self._expected[vix_bucket(vix)].state

    def note_entry(self, session: date, facts: Mapping[str, JsonValue]) -> None:
        """Take in the would-be trade of an entry decision."""
        vix = facts.get("vix")
        if isinstance(vix, float):
            self._expected[vix_bucket(vix)].note(session, facts)

    def mark(self, record: EquityMarked) -> None:
        """Take in a session's end."""
        for sample in self._expected:
            sample.settle(record.session, record.spx)
        self.theta.mark(record.temporal_theta_condor)
        self.steward.mark(record.nlv_usd)
        self.hedge.mark(record.session, record.vix)
