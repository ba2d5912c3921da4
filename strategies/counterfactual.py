"""What would have changed an entry decision: the same view, with one binding filter silenced.

Filters are silenced one at a time, so the answers do not add up: two may block at once.
"""

from dataclasses import dataclass

from strategies.base import Decision, Verdict, View
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

# Without these there is nothing to sell, or nothing to sell it by.
NEEDED = frozenset({"warmup", "listing", "data", "entered", "tier"})


@dataclass(frozen=True, slots=True)
class Change:
    """One filter that bound, and what would have been decided without it."""

    rule: str
    name: str
    detail: str
    sentence: str
    is_same: bool


def changes(view: View, decision: Decision, params: MethodParams) -> tuple[Change, ...]:
    """Return for each filter that bound what the decision would have been without it."""
    found = []
    for result in decision.filters:
        if result.verdict not in (Verdict.BLOCK, Verdict.LIMIT) or result.name in NEEDED:
            continue
        other = CondorStrategy(params, frozenset({result.name})).decide(view)
        is_same = _outcome(other) == _outcome(decision)
        change = Change(result.rule, result.name, result.detail, other.sentence, is_same)
        found.append(change)
    return tuple(found)


def _outcome(decision: Decision) -> tuple[object, ...]:
    """Return what was decided, without the words."""
    orders = tuple((order.legs, order.quantity, order.limit_credit) for order in decision.orders)
    return (decision.action, decision.reason, orders)
