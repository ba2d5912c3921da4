"""Turns the records of a run into rows, as they go by: in a replay, or read from a journal."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bot.events import (
    DecisionMade,
    EntryClosed,
    EntryResult,
    EquityMarked,
    OrderApproved,
    Record,
    ShadowMark,
    ShadowsMarked,
)
from bot.shadow import ShadowName
from bot.study.coverage import Convexity
from bot.study.symmetric import symmetric_of
from bot.study.tables import EntryRow, Harvest, ScanRow, SessionRow, Tables, WouldBe
from bot.study.trades import TradeKeeper
from market.orders import OrderFilled
from strategies.base import Decision, JsonValue
from strategies.condor import NAME as CONDOR
from strategies.expected import WouldBeTrade
from strategies.hedge_orders import HARVEST
from strategies.hedge_orders import NAME as HEDGE
from strategies.shift import NAME as SHIFT

SHIFTED = ("SHIFT_FORWARD", "SHIFT_INFEASIBLE", "SHIFT_CAP", "SHIFT_IRR")
ENTRY_MOMENTS = ("entry",)


@dataclass
class Collector:
    """Watches records; `tables` gives the rows of what went by so far."""

    start_nlv_usd: float
    convexity: Convexity = field(default_factory=Convexity)
    trades: TradeKeeper = field(default_factory=TradeKeeper)
    sessions: list[SessionRow] = field(default_factory=list)
    entries: list[EntryRow] = field(default_factory=list)
    scans: list[ScanRow] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    _harvests: list[date] = field(default_factory=list)
    _harvest_orders: dict[str, date] = field(default_factory=dict)
    _hedge: Mapping[str, JsonValue] = field(default_factory=dict)
    _shadows: ShadowsMarked | None = None

    def watch(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, DecisionMade):
            self._decision(record.decision)
        elif isinstance(record, OrderApproved):
            self._approved(record)
        elif isinstance(record, OrderFilled):
            self._filled(record)
        elif isinstance(record, EntryClosed):
            if record.result is EntryResult.SKIPPED:
                self.skipped[record.reason] += 1
        elif isinstance(record, ShadowsMarked):
            self._shadows = record
        elif isinstance(record, EquityMarked):
            self.trades.settle(record.session, record.spx)
            seen = self._shadows
            is_today = seen is not None and seen.session == record.session
            self._row(record, seen.books if seen is not None and is_today else {})

    def _approved(self, record: OrderApproved) -> None:
        intent = record.order.intent
        if intent.strategy == CONDOR:
            self.trades.approved(record.order)
        elif intent.strategy == HEDGE and intent.purpose.startswith(HARVEST):
            self._harvest_orders[record.order.order_id] = record.session

    def _filled(self, fill: OrderFilled) -> None:
        self.trades.filled(fill)
        session = self._harvest_orders.pop(fill.order_id, None)
        if session is not None:
            self._harvests.append(session)

    def _decision(self, decision: Decision) -> None:
        if decision.strategy == CONDOR and decision.moment in ENTRY_MOMENTS:
            self.entries.append(_entry(decision))
            self.trades.decided(decision)
        elif decision.strategy == SHIFT and decision.reason in SHIFTED:
            self.scans.append(_scan(decision))
        elif decision.strategy == HEDGE and "units_held" in decision.facts:
            self._hedge = decision.facts

    def _row(self, mark: EquityMarked, books: Mapping[str, ShadowMark]) -> None:
        def worth(name: ShadowName, otherwise: float) -> float:
            return float(books[name].nlv_usd) if name in books else otherwise

        nlv, bare = float(mark.nlv_usd), float(mark.unhedged_nlv_usd)
        self.sessions.append(
            SessionRow(
                mark.session,
                mark.spx,
                mark.vix,
                None,
                nlv,
                bare,
                worth(ShadowName.STATIC_HEDGE, bare),
                worth(ShadowName.STOP_2X, nlv),
                worth(ShadowName.NO_TIME_SHIFT, nlv),
                float(mark.hedge_value_usd),
                float(mark.fees_usd),
                float(mark.open_max_loss_usd),
                _number(self._hedge, "budget_used_frac"),
                _number(self._hedge, "units_held"),
                _number(self._hedge, "units_required"),
                _number(self._hedge, "steepening_ratio"),
                *self.convexity.of(mark.session),
                mark.temporal_theta_condor,
                mark.temporal_theta_hedge,
            )
        )

    def tables(
        self,
        series: Mapping[str, str],
        conduct: Mapping[str, float | None],
        realised_usd: float = 0.0,
        spent_usd: float = 0.0,
    ) -> Tables:
        """Return all rows; the last two are R-23's dollars over the run."""
        return Tables(
            self.start_nlv_usd,
            dict(series),
            tuple(self.sessions),
            tuple(self.entries),
            tuple(self.trades.finished),
            tuple(self.scans),
            Harvest(tuple(self._harvests), realised_usd, spent_usd),
            dict(conduct),
            dict(sorted(self.skipped.items())),
        )


def _number(facts: Mapping[str, JsonValue], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None


def _entry(decision: Decision) -> EntryRow:
    facts = decision.facts
    found = WouldBeTrade.from_facts(facts)
    would_be = None
    if found is not None:
        fees = found.max_loss_points - (found.width_points - found.credit_points)
        would_be = WouldBe(
            found.expiry,
            found.short_put,
            found.short_call,
            found.credit_points,
            found.width_points,
            fees,
        )
    is_sale = decision.action == "SELL" and decision.candidates is not None
    return EntryRow(
        decision.session,
        decision.action,
        decision.reason,
        str(facts.get("tier", "")),
        _number(facts, "vix") or 0.0,
        _number(facts, "premium_gauge_points"),
        would_be,
        symmetric_of(decision) if is_sale else None,
    )


def _scan(decision: Decision) -> ScanRow:
    facts = decision.facts
    net = _number(facts, "shift_net_points")
    if net is None:
        best = (_number(facts, "shift_target_points") or 0.0) - (
            _number(facts, "shortfall_points") or 0.0
        )
        net = best - (_number(facts, "closing_debit_points") or 0.0)
    return ScanRow(
        decision.session,
        str(facts.get("campaign", "")),
        decision.reason,
        net,
        decision.reason == "SHIFT_FORWARD",
    )
