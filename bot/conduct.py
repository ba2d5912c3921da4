"""How the account was run: steward's conduct, regret, money-weighted returns (R-30, R-32 … R-34).

Watches the records go by; `report` gives the figures of the run so far.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from bot.book import Book
from bot.events import DecisionMade, EquityMarked, OrderApproved, Record
from bot.held import CONDOR, HEDGE
from market.orders import OrderFilled
from strategies.capital import SESSIONS_OF_YEAR, CampaignReturn, Flow, campaign_return
from strategies.params import MethodParams
from strategies.shift import NAME as SHIFT
from strategies.shift_orders import CLOSE, OPEN, STOP

LEAST_QUICK_RATIO = Decimal(1)


@dataclass(slots=True)
class ConductMeter:
    """Running figures; a session is well conducted with the hedge complete, a quick ratio of 1 or
    more and open losses within the cap (R-32)."""

    kinds: ClassVar = frozenset({EquityMarked, DecisionMade, OrderApproved, OrderFilled})
    book: Book
    params: MethodParams
    sessions: int = 0
    well_conducted: int = 0
    regret_usd: float = 0.0
    overrides: int = 0
    transitions_valued: int = 0
    shifts_closed: int = 0
    shifts_opened: int = 0
    _purposes: dict[str, str] = field(default_factory=dict)
    _units: tuple[float, float] = (0.0, 0.0)
    _campaign: list[Flow] = field(default_factory=list)
    _hedge: list[Flow] = field(default_factory=list)
    _committed_usd: Decimal = Decimal(0)
    _sum_committed_usd: Decimal = Decimal(0)
    _hedge_cash_usd: Decimal = Decimal(0)
    _last: EquityMarked | None = None

    def watch(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, EquityMarked):
            self._session(record)
        elif isinstance(record, DecisionMade):
            self._decision(record)
        elif isinstance(record, OrderApproved):
            self._order(record)
        elif isinstance(record, OrderFilled):
            self._fill(record)

    def _order(self, record: OrderApproved) -> None:
        intent = record.order.intent
        if intent.strategy == CONDOR:
            self._purposes[record.order.order_id] = intent.purpose
            # A condor bought back for no reason of the rules is somebody's own idea.
            self.overrides += intent.is_closing and intent.purpose not in (CLOSE, STOP)

    def _fill(self, record: OrderFilled) -> None:
        purpose = self._purposes.pop(record.order_id, "")
        self.shifts_closed += purpose == CLOSE
        self.shifts_opened += purpose == OPEN

    def _decision(self, record: DecisionMade) -> None:
        facts = record.decision.facts
        held, required = facts.get("units_held"), facts.get("units_required")
        if isinstance(held, int | float) and isinstance(required, int | float):
            self._units = (float(held), float(required))
        if record.decision.strategy == SHIFT:
            self.regret_usd += float(facts.get("regret_usd") or 0.0)
            self.transitions_valued += len(record.decision.transitions)

    def _session(self, mark: EquityMarked) -> None:
        self.sessions += 1
        self.well_conducted += self._is_well_conducted(mark)
        # Money committed is what the condors tie up less the cash they brought, and what the
        # hedge cost; its change is the flow of the day.
        start = self.book.ledger.start_usd
        committed = self.book.width_margin_usd() - (mark.cash_usd - start)
        self._campaign.append(Flow(mark.session, float(self._committed_usd - committed)))
        self._committed_usd = committed
        at_work = self.book.width_margin_usd() + mark.hedge_value_usd
        self._sum_committed_usd += max(at_work, Decimal(0))
        hedge = self.book.ledger.purse(HEDGE).cash_usd
        self._hedge.append(Flow(mark.session, float(hedge - self._hedge_cash_usd)))
        self._hedge_cash_usd = hedge
        self._last = mark

    def _is_well_conducted(self, mark: EquityMarked) -> bool:
        held, required = self._units
        at_risk = mark.open_max_loss_usd
        reserve = 1 + Decimal(str(self.params.capital.time_shift_reserve_frac))
        half = Decimal(str(self.params.capital.option_liquidity_frac))
        liquid = mark.cash_usd + half * mark.hedge_value_usd
        is_liquid = at_risk <= 0 or liquid / (at_risk * reserve) >= LEAST_QUICK_RATIO
        cap = Decimal(str(self.params.size.aggregate_frac)) * mark.nlv_usd
        return held >= required > 0 and is_liquid and at_risk <= cap

    def report(self) -> dict[str, Any]:
        """Return the figures of the run so far, dollars and fractions a year."""
        score = self.well_conducted / self.sessions if self.sessions else None
        return {
            "steward_score": None if score is None else round(score, 6),
            "regret_usd": round(self.regret_usd, 2),
            "overrides": self.overrides,
            "transitions_valued": self.transitions_valued,
            "shifts_closed": self.shifts_closed,
            "shifts_opened": self.shifts_opened,
            "campaign_return": self._return(self._campaign, self._closing_campaign())
            | {"on_mean_commitment_frac": self._on_commitment()},
            "second_engine": self._second_engine(),
        }

    def _on_commitment(self) -> float | None:
        """Return yearly profit and loss over the mean money committed, as a fraction."""
        if self._last is None or not self._sum_committed_usd:
            return None
        pnl = self._last.nlv_usd - self.book.ledger.start_usd
        mean = self._sum_committed_usd / self.sessions
        years = Decimal(self.sessions) / SESSIONS_OF_YEAR
        return round(float(pnl / mean / years), 6)

    def _closing_campaign(self) -> float:
        if self._last is None:
            return 0.0
        open_value = self._last.condor_value_usd + self._last.hedge_value_usd
        return float(self.book.width_margin_usd() + open_value)

    def _second_engine(self) -> Mapping[str, Any]:
        """Return the hedge's own ledger: cash, value, profit and loss, fees, return (R-34)."""
        value = Decimal(0) if self._last is None else self._last.hedge_value_usd
        purse = self.book.ledger.purse(HEDGE)
        return {
            "cash_usd": float(round(purse.cash_usd, 2)),
            "value_usd": float(round(value, 2)),
            "pnl_usd": float(round(purse.cash_usd + value, 2)),
            "fees_usd": float(round(purse.fees_usd, 2)),
            "return": self._return(self._hedge, float(value)),
        }

    def _return(self, flows: list[Flow], closing_usd: float) -> dict[str, Any]:
        if not flows:
            return {"rate_frac": None, "kind": "none", "sign_changes": 0}
        closed = [*flows[:-1], Flow(flows[-1].on, flows[-1].usd + closing_usd)]
        # One rate both ways, so that a loss never shows as a gain; the bill is near zero here.
        found: CampaignReturn = campaign_return(closed, finance_frac=0.0, reinvest_frac=0.0)
        rate = None if found.rate_frac is None else round(found.rate_frac, 6)
        return {
            "rate_frac": rate,
            "kind": str(found.kind),
            "sign_changes": found.sign_changes,
        }


def regret_against(books: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return what pure holding, and a stop at twice the credit, would have kept above the full
    method, dollars and 0 when they kept less (R-33)."""
    if not books:
        return {}
    full = books["full"]["end_nlv_usd"]
    return {
        "regret_vs_hold_usd": round(max(0.0, books["no_time_shift"]["end_nlv_usd"] - full), 2),
        "regret_vs_stop_2x_usd": round(max(0.0, books["stop_2x"]["end_nlv_usd"] - full), 2),
    }
