"""The plain alternative to the strike search: both shorts equally many expected ranges away."""

from bot.study.tables import Symmetric
from strategies.base import Candidates, Decision, ShortCandidate


def symmetric_of(decision: Decision) -> Symmetric | None:
    """Return the chosen condor beside the even one that meets the same credit target, if any."""
    weighed, facts = decision.candidates, decision.facts
    if weighed is None:
        return None
    even = even_pair(weighed)
    if even is None:
        return None
    put, call = facts["short_put_strike"], facts["short_call_strike"]
    chosen = _credit(weighed, float(put or 0.0), float(call or 0.0))
    return None if chosen is None else Symmetric(chosen, even)


def even_pair(weighed: Candidates) -> tuple[float, float, float] | None:
    """Return the furthest pair at one common distance whose net credit meets the target.

    Each short is the nearest one at or beyond the distance; None when no distance pays enough.
    """
    multiples = sorted(
        {each.edr_multiple for each in (*weighed.puts, *weighed.calls)}, reverse=True
    )
    for multiple in multiples:
        put, call = _beyond(weighed.puts, multiple), _beyond(weighed.calls, multiple)
        if put is None or call is None:
            continue
        credit = put.credit_points + call.credit_points - weighed.slippage_points
        if credit >= weighed.target_credit_points - 1e-9:
            return put.strike, call.strike, round(credit, 4)
    return None


def _beyond(side: tuple[ShortCandidate, ...], multiple: float) -> ShortCandidate | None:
    """Return the nearest short at or beyond a distance; candidates come nearest first."""
    return next((each for each in side if each.edr_multiple >= multiple), None)


def _credit(weighed: Candidates, put: float, call: float) -> tuple[float, float, float] | None:
    puts = {each.strike: each.credit_points for each in weighed.puts}
    calls = {each.strike: each.credit_points for each in weighed.calls}
    if put not in puts or call not in calls:
        return None
    return put, call, round(puts[put] + calls[call] - weighed.slippage_points, 4)
