"""The shape of a claim, and how it is judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.study.evidence import Estimate, Sample, Slice, estimate, slices
from bot.study.populations import Evidence
from bot.study.variants import BASE, SCENARIOS
from bot.study.verdict import Region, Verdict, figure, judge

DIGITS = 6


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim's estimate with its verdict; what its sentence is written from."""

    found: Estimate
    verdict: Verdict
    unit: str
    others: Mapping[str, Estimate]

    def value(self) -> str:
        """Return the estimate as a trader writes it."""
        return figure(self.found.value, self.unit)

    def range(self) -> str:
        """Return the interval in words."""
        if self.found.ci.low is None:
            return "no interval"
        low, high = figure(self.found.ci.low, self.unit), figure(self.found.ci.high, self.unit)
        return f"95 % interval {low} to {high}"

    def other_value(self, name: str) -> float | None:
        """Return the estimate of a neighbouring question, None where it is unknown."""
        found = self.others.get(name)
        return None if found is None else found.value

    def other(self, name: str, unit: str) -> str:
        """Return the estimate of a neighbouring question in words."""
        return figure(self.other_value(name), unit)


Sampler = Callable[[Evidence], Sample]
NO_OTHERS: Callable[[Evidence], Mapping[str, Sample]] = lambda _evidence: {}  # noqa: E731


@dataclass(frozen=True, slots=True)
class Claim:
    """One falsifiable statement of the method.

    `others` are neighbouring questions that the trader will ask next. `unknowable` says why the
    model cannot decide, whatever the numbers; `is_repeated` asks for it under every scenario.
    """

    name: str
    statement: str
    population: str
    statistic: str
    unit: str
    region: Region
    sample: Sampler
    tells: Callable[[Judged], str]
    others: Callable[[Evidence], Mapping[str, Sample]] = NO_OTHERS
    is_repeated: bool = False
    unknowable: str | None = None


def judged(claim: Claim, evidence: Evidence) -> dict[str, Any]:
    """Return a claim with its estimate, interval, verdict, sentence, slices and scenarios."""
    sample = claim.sample(evidence)
    found = estimate(sample, claim.name)
    others = claim.others(evidence)
    beside = {name: estimate(each, f"{claim.name}/{name}") for name, each in others.items()}
    verdict = Verdict.UNDECIDED if claim.unknowable else judge(found.ci, claim.region, found.n)
    told = Judged(found, verdict, claim.unit, beside)
    cut_up = [
        *slices(sample, claim.name),
        *(Slice("beside", name, each) for name, each in beside.items()),
    ]
    return {
        "id": claim.name,
        "statement": claim.statement,
        "population": claim.population,
        "n": found.n,
        "statistic": claim.statistic,
        "unit": claim.unit,
        "claimed": claim.region.words(claim.unit),
        "claimed_low": claim.region.low,
        "claimed_high": claim.region.high,
        "estimate": rounded(found.value),
        "ci_low": rounded(found.ci.low),
        "ci_high": rounded(found.ci.high),
        "interval": found.ci.method,
        "verdict": verdict.value,
        "reason": _reason(claim, found, verdict),
        "sentence": f"{verdict.value.capitalize()}: {claim.tells(told)}",
        "slices": [_slice(each) for each in cut_up],
        "scenarios": _scenarios(claim, evidence) if claim.is_repeated else [],
    }


def rounded(value: float | None) -> float | None:
    """Return a figure to six digits after the point; None stays unknown."""
    return None if value is None else round(value, DIGITS)


def _reason(claim: Claim, found: Estimate, verdict: Verdict) -> str | None:
    """Return why a claim stays open, None for one that is decided."""
    if claim.unknowable:
        return claim.unknowable
    if found.ci.reason is not None:
        return found.ci.reason
    if verdict is not Verdict.UNDECIDED:
        return None
    if found.n < 20:
        return f"{found.n} observations are fewer than the 20 that a verdict needs"
    return "the interval reaches across the edge of what is claimed"


def _slice(each: Slice) -> dict[str, Any]:
    found = each.estimate
    return {
        "by": each.by,
        "name": each.name,
        "n": found.n,
        "estimate": rounded(found.value),
        "ci_low": rounded(found.ci.low),
        "ci_high": rounded(found.ci.high),
        "reason": found.ci.reason,
    }


def _scenarios(claim: Claim, evidence: Evidence) -> list[dict[str, Any]]:
    found = []
    for name, (words, _overrides) in SCENARIOS.items():
        if name == BASE:
            continue
        each = estimate(claim.sample(evidence.seen_from(name)), f"{claim.name}/{name}")
        found.append(
            {
                "name": name,
                "words": words,
                "n": each.n,
                "estimate": rounded(each.value),
                "ci_low": rounded(each.ci.low),
                "ci_high": rounded(each.ci.high),
                "verdict": judge(each.ci, claim.region, each.n).value,
                "reason": each.ci.reason,
            }
        )
    return found


def rate_words(told: Judged) -> str:
    """Return a rate with its interval in words, or why there is none."""
    if told.found.value is None:
        return f"nothing to judge: {told.found.ci.reason}."
    return f"{told.value()} of {told.found.n} ({told.range()})"
