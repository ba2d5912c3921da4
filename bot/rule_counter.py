"""How often each rule bound: counted from the records of a run, live or read from its journal.

A rule binds when it changed or decided something; `bound_when` in the registry says so rule by
rule. A decision counts a rule once, however many entries of its vector speak for it; only contracts
picked (R-21) and transitions valued (R-33) are counted singly. Rules of this file:
- An entry's filter binds when it limits or blocks; on a session for which nothing is listed there
  is no entry that it could bind.
- What forbids the hedge to buy stands in every vector while it lasts. It binds where something was
  wanted: its words then stand in the decision's sentence.
- So does the budget, which speaks of itself only where it lowered, cut or forbade a purchase.
- What a layer of the hedge needs is counted by the orders that come of it, an early roll or a
  re-strike for a release or for the profile also where it is only called for.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.events import (
    DecisionMade,
    EquityMarked,
    OrderApproved,
    Record,
    ShadowsMarked,
    TradingHalted,
)
from bot.held import CONDOR, HEDGE
from bot.rules import rules
from market.orders import OrderCancelled, OrderIntent, OrderRepriced, PositionSettled
from market.schedule import MomentName
from strategies import shift
from strategies.base import TIERS, Decision, FilterResult, Tier, Verdict
from strategies.condor import ENTRY_PURPOSE
from strategies.filters import allowed_tier
from strategies.hedge_orders import HARVEST, OPEN, RECYCLE, REDUCE, RETIRE, TILT, UNTILT
from strategies.upkeep import Need

NO_DATA = ("DATA", "WARMUP")
UNLISTED = "NOT_LISTED"
BY_TRADE_CAP = "per_trade_frac"

RULE_OF_SCAN = {
    "SHIFT_FORWARD": "R-17",
    "SHIFT_INFEASIBLE": "R-17",
    "SHIFT_CAP": "R-17",
    "SHIFT_IRR": "R-17",
    "MAX_SHIFTS": "R-17",
    "SHIFT_BACK": "R-18",
    "BACK_INFEASIBLE": "R-18",
    "STOP": "R-15",
}
RULE_OF_PURPOSE = {
    OPEN: "R-19",
    Need.REFRESH: "R-19",
    REDUCE: "R-20",
    Need.ROLL: "R-22",
    HARVEST: "R-23",
    RECYCLE: "R-23",
    RETIRE: "R-23",
    Need.EVENT_ROLL: "R-25",
    Need.EVENT_REFRESH: "R-25",
    TILT: "R-26",
    UNTILT: "R-26",
    Need.STEEPEN: "R-28",
}
BUDGET_WORDS = ("paid premium", "the budget")
# Layers that call for something under these rules bind them even where no order may be sent yet.
CALLED_FOR = frozenset({"R-25", "R-28"})


@dataclass(slots=True)
class RuleCounter:
    """Counts by rule, each record in constant time."""

    _counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(rules(), 0))
    _entry_ends: dict[str, datetime] = field(default_factory=dict)
    _ranged: date | None = None
    _is_holding: bool = False

    @property
    def kinds(self) -> Collection[type]:
        """Return the kinds of records that bind a rule or tell how one ended."""
        return _WATCHERS.keys()

    def watch(self, record: Record) -> None:
        """Take in one record."""
        watcher = _WATCHERS.get(type(record))
        if watcher is not None:
            watcher(self, record)

    def counts(self) -> dict[str, int]:
        """Return how often each rule bound, all of them, 0 where one never did."""
        return dict(self._counts)

    def _add(self, bound: Iterable[str]) -> None:
        for rule in bound:
            if rule in self._counts:
                self._counts[rule] += 1

    def _decided(self, record: DecisionMade) -> None:
        decision = record.decision
        bound = {"R-02"} if decision.reason in NO_DATA else set()
        if decision.strategy == CONDOR:
            bound |= self._entry(decision)
        elif decision.strategy == HEDGE:
            bound |= self._hedge(decision)
        elif decision.strategy == shift.NAME:
            bound |= _scan(decision)
        self._add(bound)
        self._counts["R-33"] += len(decision.transitions)

    def _entry(self, decision: Decision) -> set[str]:
        facts = decision.facts
        bound = set() if decision.reason == UNLISTED else _bound_filters(decision)
        if len(bound) > 1 or decision.reason == "SIZE_FLOOR":
            bound.add("R-10")
        if "edr_frac" in facts and decision.session != self._ranged:
            self._ranged = decision.session
            bound.add("R-03")
        if decision.candidates is not None:
            bound.add("R-12")
        if _is_tier_lowered(decision):
            bound.add("R-11")
        if _is_size_cut(decision):
            bound.add("R-13")
        if decision.moment == MomentName.ENTRY:
            self._is_holding = any(
                each.rule == "R-05" and each.verdict is Verdict.BLOCK for each in decision.filters
            )
        return bound

    def _hedge(self, decision: Decision) -> set[str]:
        bound = {each.rule for each in decision.filters if _binds_hedge(each, decision)}
        for intent in decision.orders:
            rule = RULE_OF_PURPOSE.get(intent.purpose.rpartition("_")[0])
            if rule is not None:
                bound.add(rule)
            self._counts["R-21"] += _bought_series(intent)
        if decision.plan is not None:
            bound.add("R-20")
        if any(words in decision.sentence for words in BUDGET_WORDS):
            bound.add("R-24")
        if self._is_holding:
            bound.add("R-27")
        return bound

    def _approved(self, record: OrderApproved) -> None:
        intent = record.order.intent
        if intent.strategy == CONDOR and intent.purpose.startswith(ENTRY_PURPOSE):
            self._entry_ends[record.order.order_id] = intent.good_until

    def _cancelled(self, record: OrderCancelled) -> None:
        end = self._entry_ends.pop(record.order_id, None)
        if end is not None and record.at >= end and record.remaining > 0:
            self._counts["R-01"] += 1

    def _repriced(self, _record: OrderRepriced) -> None:
        self._counts["R-14"] += 1

    def _settled(self, record: PositionSettled) -> None:
        # A provisional value is followed by the official one; the series settles once (A4).
        if record.contract.spec.underlying == "SPX" and record.is_official:
            self._counts["R-16"] += 1

    def _marked(self, _record: EquityMarked) -> None:
        self._counts["R-34"] += 1
        self._entry_ends.clear()

    def _shadowed(self, _record: ShadowsMarked) -> None:
        self._counts["R-35"] += 1

    def _halted(self, _record: TradingHalted) -> None:
        self._counts["R-36"] += 1


_WATCHERS: dict[type, Callable[[RuleCounter, Any], None]] = {
    DecisionMade: RuleCounter._decided,
    OrderApproved: RuleCounter._approved,
    OrderCancelled: RuleCounter._cancelled,
    OrderRepriced: RuleCounter._repriced,
    PositionSettled: RuleCounter._settled,
    EquityMarked: RuleCounter._marked,
    ShadowsMarked: RuleCounter._shadowed,
    TradingHalted: RuleCounter._halted,
}


def _bound_filters(decision: Decision) -> set[str]:
    binding = (Verdict.LIMIT, Verdict.BLOCK)
    return {each.rule for each in decision.filters if each.verdict in binding}


def _is_tier_lowered(decision: Decision) -> bool:
    """Tell whether R-11, or a search that fell to a lower tier, sold less than was allowed."""
    others: list[FilterResult] = []
    tier: Tier | None = None
    for each in decision.filters:
        if each.verdict is Verdict.BLOCK:
            return False
        if each.rule == "R-11":
            tier = each.tier_cap
        else:
            others.append(each)
    if tier is None:
        return False
    sold = decision.facts.get("tier", tier)
    return TIERS.index(Tier(str(sold))) < TIERS.index(allowed_tier(others))


def _is_size_cut(decision: Decision) -> bool:
    facts = decision.facts
    bound_by, multiplier = facts.get("size_bound_by"), facts.get("size_multiplier")
    if bound_by is None:
        return False
    is_smaller = isinstance(multiplier, float | int) and multiplier < 1
    return bound_by != BY_TRADE_CAP or is_smaller or decision.reason == "SIZE"


def _binds_hedge(result: FilterResult, decision: Decision) -> bool:
    if result.verdict is Verdict.BLOCK:
        return result.detail in decision.sentence
    if result.verdict is not Verdict.LIMIT:
        return False
    return result.name.startswith("layer_") and result.rule in CALLED_FOR


def _bought_series(intent: OrderIntent) -> int:
    return sum(1 for leg in intent.legs if leg.ratio > 0)


def _scan(decision: Decision) -> set[str]:
    bound = set()
    rule = RULE_OF_SCAN.get(decision.reason)
    if rule is not None:
        bound.add(rule)
    facts = decision.facts
    is_threatened = facts.get("put_is_threatened") or facts.get("call_is_threatened")
    if decision.action == "HOLD" and is_threatened:
        bound.add("R-15")
    return bound
