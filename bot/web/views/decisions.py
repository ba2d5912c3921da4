"""The decisions page: a searchable list, and one decision with all that led to it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from bot.events import DecisionMade
from bot.journal.codec import plain
from bot.web.facts import DecisionLine, Facts
from bot.web.views.overview import decision_line
from bot.web.views.plain import Json, figure, instant
from market.orders import OrderIntent


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: folded words that all must occur, a strategy, sessions; paged by
    `before`."""

    words: tuple[str, ...] = ()
    strategy: str = ""
    session: str = ""
    before: int | None = None
    limit: int = 50

    def fits(self, line: DecisionLine) -> bool:
        """Tell whether a decision is one of those looked for."""
        if self.strategy and line.strategy != self.strategy:
            return False
        if self.session and not line.folded.startswith(self.session):
            return False
        return all(word in line.folded for word in self.words)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a search, case folded."""
    return tuple(text.casefold().split())


def decisions_page(facts: Facts, query: Query) -> Json:
    """Return the object of `/api/decisions`, newest first."""
    fitting = [line for line in reversed(facts.decisions) if query.fits(line)]
    older = [line for line in fitting if query.before is None or line.seq < query.before]
    shown = older[: query.limit]
    return {
        "seq": facts.seq,
        "total": len(fitting),
        "decisions": [decision_line(line) for line in shown],
        "before": shown[-1].seq if len(older) > len(shown) else None,
        "strategies": sorted({line.strategy for line in facts.decisions}),
    }


def decision_detail(seq: int, record: DecisionMade) -> Json:
    """Return one decision whole, as the journal has it: filters, facts, candidates, orders."""
    told: dict[str, Any] = msgspec.to_builtins(record.decision, enc_hook=plain)
    told["orders"] = [_order(each) for each in record.decision.orders]
    return {"seq": seq, **told}


def _order(intent: OrderIntent) -> Json:
    return {
        "purpose": intent.purpose,
        "quantity": intent.quantity,
        "limit_credit": figure(intent.limit_credit, 4),
        "good_until": instant(intent.good_until),
        "layer": intent.layer,
        "legs": [f"{leg.ratio:+d} {leg.contract.symbol}" for leg in intent.legs],
    }
