"""What a run must know of its own life, folded from its records: what was kept, missed, heard.

Rules of this file:
- Everything here follows from the journal alone, so a restart knows what the dead run knew.
- A moment counts as kept once its whole turn is in the journal: its records are one transaction.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, get_args

from bot.events import (
    DecisionMade,
    EntryClosed,
    MomentMissed,
    MomentReached,
    OrderStopped,
    Record,
    RunStarted,
)
from market.orders import BrokerEvent, LineChanged
from market.schedule import Moment

SESSIONS_REMEMBERED = 6
MISSED_REMEMBERED = 40
# The state of the line is our own observation; all else is the broker's word.
TOLD_BY_BROKER = frozenset(kind for kind in get_args(BrokerEvent) if kind is not LineChanged)

MomentKey = tuple[str, str | None]


def key_of(moment: Moment) -> MomentKey:
    """Return what identifies a moment within its session, as records name it."""
    return moment.name, moment.release


@dataclass
class Vitals:
    """Watches the records go by; `heard` counts the broker's events, whichever line told them."""

    began_at: datetime | None = None
    last_at: datetime | None = None
    heard: int = 0
    last_moment: MomentReached | None = None
    decided: date | None = None
    missed: deque[MomentMissed] = field(default_factory=lambda: deque(maxlen=MISSED_REMEMBERED))
    refusals: Counter[str] = field(default_factory=Counter)
    _met: dict[date, set[MomentKey]] = field(default_factory=dict)

    def watch(self, record: Record) -> None:
        """Take in one record."""
        self.last_at = record.at if self.last_at is None else max(self.last_at, record.at)
        if type(record) in TOLD_BY_BROKER:
            self.heard += 1
            return
        watcher = _WATCHERS.get(type(record))
        if watcher is not None:
            watcher(self, record)

    def _began(self, record: RunStarted) -> None:
        self.began_at = record.at

    def _reached(self, record: MomentReached) -> None:
        self.last_moment = record
        self._meet(record.session, (record.name, record.event))

    def _missed(self, record: MomentMissed) -> None:
        self.missed.append(record)
        self._meet(record.session, (record.name, record.event))

    def _stopped(self, record: OrderStopped) -> None:
        self.refusals[record.code] += 1

    def _decided(self, record: DecisionMade) -> None:
        if record.decision.moment == "entry":
            self.decided = record.session

    def _closed(self, record: EntryClosed) -> None:
        self.decided = record.session

    def _meet(self, session: date, key: MomentKey) -> None:
        self._met.setdefault(session, set()).add(key)
        while len(self._met) > SESSIONS_REMEMBERED:
            del self._met[min(self._met)]

    @property
    def first_open_session(self) -> date | None:
        """Return the earliest session whose moments may still be owed, None before any was met."""
        known = sorted(self._met)
        return None if not known else known[max(0, len(known) - 2)]

    def is_owed(self, moment: Moment) -> bool:
        """Tell whether the run has yet to keep or miss a moment, as far as it is its duty."""
        if self.began_at is not None and moment.at < self.began_at:
            return False
        return key_of(moment) not in self._met.get(moment.session, ())


_WATCHERS: dict[type, Callable[[Vitals, Any], None]] = {
    RunStarted: Vitals._began,
    MomentReached: Vitals._reached,
    MomentMissed: Vitals._missed,
    OrderStopped: Vitals._stopped,
    DecisionMade: Vitals._decided,
    EntryClosed: Vitals._closed,
}
