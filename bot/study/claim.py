"""The shape of a claim, and how it is judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.study.evidence import Estimate, Sample, Slice, estimate, slices
from bot.study.populations import Evidence
from bot.study.variants import BASE, SCENARIOS
from bot.study.verdict import Region, Verdict, all_told, figure, judge

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

    `others` are neighbouring questions that the trader will ask next; where the claim demands
    something of their answers as well, `also` says what (in the unit given), by their names.
    `unknowable` says why the model cannot decide, whatever the numbers; `is_repeated` asks for the
    claim under every scenario.
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
    also: tuple["Also", ...] = ()


@dataclass(frozen=True, slots=True)
class Also:
    """A further condition of a claim: where the answer to a neighbouring question must lie."""

    name: str
    region: Region
    unit: str


def judged(claim: Claim, evidence: Evidence) -> dict[str, Any]:
    """Return a claim with its estimate, interval, verdict, sentence, slices and scenarios."""
    sample = claim.sample(evidence)
    found = estimate(sample, claim.name)
    others = claim.others(evidence)
    beside = {name: estimate(each, f"{claim.name}/{name}") for name, each in others.items()}
    first = Verdict.UNDECIDED if claim.unknowable else judge(found.ci, claim.region, found.n)
    further = [_condition(each, beside[each.name]) for each in claim.also]
    verdict = all_told([first, *_verdicts(claim, beside)])
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
        "also": further,
        "reason": _reason(claim, found, first, verdict),
        "sentence": f"{verdict.value.capitalize()}: {claim.tells(told)}",
        "slices": [_slice(each) for each in cut_up],
        "scenarios": _scenarios(claim, evidence) if claim.is_repeated else [],
    }


def rounded(value: float | None) -> float | None:
    """Return a figure to six digits after the point; None stays unknown."""
    return None if value is None else round(value, DIGITS)


def _verdicts(claim: Claim, beside: Mapping[str, Estimate]) -> list[Verdict]:
    """Return the verdicts on a claim's further conditions."""
    return [judge(beside[e.name].ci, e.region, beside[e.name].n) for e in claim.also]


def _condition(also: Also, found: Estimate) -> dict[str, Any]:
    return {
        "name": also.name,
        "n": found.n,
        "unit": also.unit,
        "claimed": also.region.words(also.unit),
        "estimate": rounded(found.value),
        "ci_low": rounded(found.ci.low),
        "ci_high": rounded(found.ci.high),
        "verdict": judge(found.ci, also.region, found.n).value,
    }


def _reason(claim: Claim, found: Estimate, first: Verdict, verdict: Verdict) -> str | None:
    """Return why a claim stays open or has no interval, None for one that is decided."""
    if claim.unknowable:
        return claim.unknowable
    if found.ci.reason is not None or verdict is not Verdict.UNDECIDED:
        return found.ci.reason
    if first is not Verdict.UNDECIDED:
        return "a further condition of it is open"
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
    return [
        {"name": name, "words": words} | _scenario(claim, evidence.seen_from(name), name)
        for name, (words, _overrides) in SCENARIOS.items()
        if name != BASE
    ]


def _scenario(claim: Claim, seen: Evidence, name: str) -> dict[str, Any]:
    found = estimate(claim.sample(seen), f"{claim.name}/{name}")
    others = claim.others(seen) if claim.also else {}
    beside = {
        each.name: estimate(others[each.name], f"{claim.name}/{name}/{each.name}")
        for each in claim.also
    }
    verdict = all_told([judge(found.ci, claim.region, found.n), *_verdicts(claim, beside)])
    return {
        "n": found.n,
        "estimate": rounded(found.value),
        "ci_low": rounded(found.ci.low),
        "ci_high": rounded(found.ci.high),
        "verdict": verdict.value,
        "reason": found.ci.reason,
    }


def rate_words(told: Judged) -> str:
    """Return a rate with its interval in words, or why there is none."""
    if told.found.value is None:
        return f"nothing to judge: {told.found.ci.reason}."
    return f"{told.value()} of {told.found.n} ({told.range()})"
