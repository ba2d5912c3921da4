"""What a run came to: the one object that `backtest --json` prints and the terminal shows.

It watches the records go by and keeps a few numbers a session, so that it costs the same per
session however long the run.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from bot.book import Book
from bot.drawdown import Drawdown
from bot.events import (
    DecisionMade,
    EntryClosed,
    EntryResult,
    EquityMarked,
    OrderApproved,
    Record,
    ShadowsMarked,
)
from bot.held import CONDOR, HEDGE
from bot.shadow import ShadowName, Shadows
from bot.shadow_summary import ShadowCurves
from market.orders import OrderFilled
from strategies.upkeep import Need

ROLLS = (Need.ROLL, Need.EVENT_ROLL)
REFRESHES = (Need.REFRESH, Need.EVENT_REFRESH, Need.STEEPEN)


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity of one session in dollars, floats for pictures and ratios."""

    session: date
    spx: float
    vix: float
    nlv_usd: float
    unhedged_nlv_usd: float
    hedge_value_usd: float


@dataclass(slots=True)
class RunSummary:
    """Counters and curves of one run."""

    kinds: ClassVar = frozenset(
        {DecisionMade, EntryClosed, OrderApproved, OrderFilled, EquityMarked, ShadowsMarked}
    )
    start_nlv_usd: Decimal
    sessions: int = 0
    opened: int = 0
    contracts: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    orders_by_kind: Counter[str] = field(default_factory=Counter)
    points: list[EquityPoint] = field(default_factory=list)
    last_decision: str = ""
    _kinds: dict[str, str] = field(default_factory=dict)
    _last: EquityMarked | None = None
    _shadows: ShadowCurves | None = None

    def __post_init__(self) -> None:
        self._shadows = ShadowCurves(self.start_nlv_usd)

    def watch(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, DecisionMade):
            self.last_decision = record.decision.sentence
        elif isinstance(record, EntryClosed):
            self.sessions += 1
            if record.result is EntryResult.OPENED:
                self.opened += 1
                self.contracts += record.quantity
            else:
                self.skipped[record.reason] += 1
        elif isinstance(record, OrderApproved):
            if record.order.intent.strategy == HEDGE:
                kind = record.order.intent.purpose.rpartition("_")[0]
                self._kinds[record.order.order_id] = kind
        elif isinstance(record, OrderFilled):
            kind = self._kinds.pop(record.order_id, "")
            if kind:
                self.orders_by_kind[kind] += 1
        elif isinstance(record, EquityMarked):
            self._mark(record)
        elif isinstance(record, ShadowsMarked) and self._shadows is not None:
            self._shadows.watch(record)

    def _mark(self, record: EquityMarked) -> None:
        self._last = record
        self.points.append(
            EquityPoint(
                record.session,
                record.spx,
                record.vix,
                float(record.nlv_usd),
                float(record.unhedged_nlv_usd),
                float(record.hedge_value_usd),
            )
        )

    @property
    def hedge_rolls(self) -> int:
        """Return hedge orders that rolled a layer, by DTE or before an event."""
        return sum(self.orders_by_kind[kind] for kind in ROLLS)

    @property
    def hedge_refreshes(self) -> int:
        """Return hedge orders that renewed strikes."""
        return sum(self.orders_by_kind[kind] for kind in REFRESHES)

    def max_drawdown_frac(self, *, hedged: bool) -> float:
        """Return the deepest fall of daily equity from its running peak."""
        start = float(self.start_nlv_usd)
        drawdown = Drawdown(start)
        for point in self.points:
            drawdown.add(point.nlv_usd if hedged else point.unhedged_nlv_usd)
        return round(drawdown.deepest_frac, 6)

    def as_dict(self, book: Book, shadows: Shadows | None = None) -> dict[str, Any]:
        """Return the contract's object without run facts (seed, series, wall time)."""
        last = self._last
        nlv = self.start_nlv_usd if last is None else last.nlv_usd
        unhedged = self.start_nlv_usd if last is None else last.unhedged_nlv_usd
        common = {
            "sessions": self.sessions,
            "condors_opened": self.opened,
            "condor_contracts": self.contracts,
            "condors_skipped": dict(sorted(self.skipped.items())),
        }
        ledger = book.ledger
        return common | {
            "hedge_rolls": self.hedge_rolls,
            "hedge_refreshes": self.hedge_refreshes,
            "fees_usd": _usd(ledger.fees_usd),
            "start_nlv_usd": _usd(self.start_nlv_usd),
            "end_nlv_usd": _usd(nlv),
            "max_drawdown_frac": self.max_drawdown_frac(hedged=True),
            "open_at_end": self._open_at_end(book),
            "net_hedge_pnl_usd": _usd(nlv - unhedged),
            "unhedged": common
            | {
                "hedge_rolls": 0,
                "hedge_refreshes": 0,
                "fees_usd": _usd(ledger.purse(CONDOR).fees_usd),
                "start_nlv_usd": _usd(self.start_nlv_usd),
                "end_nlv_usd": _usd(unhedged),
                "max_drawdown_frac": self.max_drawdown_frac(hedged=False),
            },
            "books": self._books(common, shadows),
        }

    def _books(self, common: Mapping[str, Any], shadows: Shadows | None) -> dict[str, Any]:
        if shadows is None or self._shadows is None:
            return {}
        rolls: dict[str, int] = dict.fromkeys(ShadowName, self.hedge_rolls)
        rolls[ShadowName.CONDOR_ONLY] = 0
        rolls[ShadowName.STATIC_HEDGE] = 0 if shadows.static is None else shadows.static.rolls
        refreshes: dict[str, int] = dict.fromkeys(ShadowName, self.hedge_refreshes)
        refreshes[ShadowName.CONDOR_ONLY] = 0
        static = shadows.static
        refreshes[ShadowName.STATIC_HEDGE] = 0 if static is None else static.refreshes
        return self._shadows.as_dict(common, rolls, refreshes, shadows.win_rates())

    def _open_at_end(self, book: Book) -> Mapping[str, Any]:
        condors = book.positions().condors
        value = Decimal(0) if self._last is None else self._last.condor_value_usd
        return {"condors": sum(c.quantity for c in condors), "mark_usd": _usd(value)}


def _usd(value: Decimal) -> float:
    return float(round(value, 2))
