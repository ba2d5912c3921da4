"""What one market-data line has shown, and whether its quote can be used.

What TWS marks as missing is None here, and the reason why a quote cannot be used has a name.
Nothing is ever filled in with zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from brokers.ib.messages import ErrorSeen
from market.quotes import Quote


class Veto(StrEnum):
    """Why a quote is not used."""

    NO_LINE = "no line"  # TWS refused the subscription
    NO_BID = "no bid"
    NO_ASK = "no ask"
    CROSSED = "crossed"
    STALE = "stale"
    DESYNCHRONISED = "desynchronised"  # seen too far apart from the others of its package
    DELAYED = "delayed"


class DataKind(StrEnum):
    """How fresh TWS says that its data are."""

    LIVE = "live"
    FROZEN = "frozen"
    DELAYED = "delayed"
    DELAYED_FROZEN = "delayed-frozen"


KIND_OF_NUMBER = {
    1: DataKind.LIVE,
    2: DataKind.FROZEN,
    3: DataKind.DELAYED,
    4: DataKind.DELAYED_FROZEN,
}
DELAYED_KINDS = frozenset({DataKind.DELAYED, DataKind.DELAYED_FROZEN})
MODEL_FIGURES = ("iv", "delta", "forward")
LEGS_APART_AT_MOST = timedelta(seconds=1)


@dataclass(slots=True)
class LineShown:
    """The last values of one line, None where TWS says that there is none."""

    values: dict[str, float | None] = field(default_factory=dict)
    seen_at: dict[str, datetime] = field(default_factory=dict)
    kind: DataKind = DataKind.LIVE
    refusal: ErrorSeen | None = None

    def get(self, name: str) -> float | None:
        """Return a value, None when it is absent or marked as none."""
        return self.values.get(name)

    @property
    def is_whole(self) -> bool:
        """Tell whether all that an option's line is going to show has been shown."""
        if self.refusal is not None:
            return True
        if not {"bid", "ask"} <= self.values.keys():
            return False
        # The model shows nothing for a quote that it cannot read.
        return not self._is_readable or "iv" in self.values

    @property
    def has_level(self) -> bool:
        """Tell whether an index line has shown its level."""
        return self.refusal is not None or "last" in self.values

    def quote(self, at: datetime) -> Quote:
        """Return the line as a quote; a side that is missing is None."""
        sizes = (self.get("bid_size"), self.get("ask_size"))
        bid_size, ask_size = (None if size is None else round(size) for size in sizes)
        return Quote(
            self._seen(at),
            self.get("bid"),
            self.get("ask"),
            self.get("iv"),
            self.get("delta"),
            bid_size,
            ask_size,
        )

    def as_of(self, at: datetime) -> "LineShown":
        """Return the line with all that it shows seen at an instant.

        The model's figures are those of the last quote that it could read: none of one that is
        gone or crossed now.
        """
        values = dict(self.values)
        if {"bid", "ask"} <= values.keys() and not self._is_readable:
            for name in MODEL_FIGURES:
                values.pop(name, None)
        return LineShown(values, dict.fromkeys(values, at), self.kind)

    @property
    def _is_readable(self) -> bool:
        bid, ask = self.get("bid"), self.get("ask")
        return bid is not None and ask is not None and bid <= ask

    def _seen(self, at: datetime) -> datetime:
        return max((self.seen_at[n] for n in ("bid", "ask") if n in self.seen_at), default=at)

    def veto(self, at: datetime, oldest: timedelta, *, accepts_delayed: bool) -> Veto | None:
        """Return why the line's quote cannot be used, or None when it can."""
        bid, ask = self.get("bid"), self.get("ask")
        checks = (
            (self.refusal is not None, Veto.NO_LINE),
            (not accepts_delayed and self.kind in DELAYED_KINDS, Veto.DELAYED),
            (bid is None, Veto.NO_BID),
            (ask is None, Veto.NO_ASK),
            (bid is not None and ask is not None and bid > ask, Veto.CROSSED),
            (at - self._seen(at) > oldest, Veto.STALE),
        )
        return next((veto for is_so, veto in checks if is_so), None)


def apart_veto(lines: Iterable[LineShown]) -> Veto | None:
    """Return a veto when the quotes of one package were seen too far apart."""
    instants = [
        line.seen_at[name] for line in lines for name in ("bid", "ask") if name in line.seen_at
    ]
    if instants and max(instants) - min(instants) > LEGS_APART_AT_MOST:
        return Veto.DESYNCHRONISED
    return None
