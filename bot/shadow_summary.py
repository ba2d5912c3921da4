"""What the shadow books came to: one object a book, same keys, over the same sessions (R-35)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.drawdown import Drawdown
from bot.events import ShadowMark, ShadowsMarked

SESSIONS_OF_YEAR = 252


@dataclass(slots=True)
class ShadowCurve:
    """One book's running figures, so that nothing is kept per session."""

    drawdown: Drawdown
    last: ShadowMark
    previous_usd: Decimal
    worst_day_usd: Decimal = Decimal(0)
    sessions: int = 0

    def add(self, mark: ShadowMark) -> None:
        """Take in the mark of the next session."""
        self.sessions += 1
        self.drawdown.add(float(mark.nlv_usd))
        self.worst_day_usd = min(self.worst_day_usd, mark.nlv_usd - self.previous_usd)
        self.previous_usd, self.last = mark.nlv_usd, mark


@dataclass(slots=True)
class ShadowCurves:
    """The curves of all shadow books."""

    start_usd: Decimal
    curves: dict[str, ShadowCurve] = field(default_factory=dict)

    def watch(self, record: ShadowsMarked) -> None:
        """Take in the marks of one session."""
        for name, mark in record.books.items():
            curve = self.curves.get(name)
            if curve is None:
                curve = ShadowCurve(Drawdown(float(self.start_usd)), mark, self.start_usd)
                self.curves[name] = curve
            curve.add(mark)

    def as_dict(
        self,
        common: Mapping[str, Any],
        rolls: Mapping[str, int],
        refreshes: Mapping[str, int],
        win_rates: Mapping[str, Mapping[str, float]],
    ) -> dict[str, Any]:
        """Return one object a book; `common` holds what is equal in all of them."""
        return {
            name: dict(common)
            | {
                "hedge_rolls": rolls.get(name, 0),
                "hedge_refreshes": refreshes.get(name, 0),
                "fees_usd": float(round(curve.last.fees_usd, 2)),
                "start_nlv_usd": float(round(self.start_usd, 2)),
                "end_nlv_usd": float(curve.last.nlv_usd),
                "net_hedge_pnl_usd": float(curve.last.hedge_pnl_usd),
                "max_drawdown_frac": round(curve.drawdown.deepest_frac, 6),
                "worst_day_usd": float(curve.worst_day_usd),
                "cost_frac_per_year": self._cost(curve),
                "win_rate_by_tier": dict(win_rates.get(name, {})),
            }
            for name, curve in self.curves.items()
        }

    def _cost(self, curve: ShadowCurve) -> float:
        """Return the hedge's net cost per year as a share of starting NLV, negative for a gain."""
        years = curve.sessions / SESSIONS_OF_YEAR
        return round(float(-curve.last.hedge_pnl_usd / self.start_usd) / years, 6)
