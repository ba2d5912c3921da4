"""Claims about the ladder: recycling, tenors, convexity, high-VIX days (K15 … K18)."""

import numpy as np

from bot.study.claim import Also, Claim, Judged
from bot.study.claims_hedge import COVERAGE_RISE, bends, coverages, steepening
from bot.study.evidence import Sample, column, paired
from bot.study.populations import Evidence
from bot.study.statistics import (
    cut,
    deepest_fall,
    drawdown_cut,
    ratio_of_means,
    yearly,
)
from bot.study.variants import SINGLE_TENORS
from bot.study.verdict import Region, figure
from market.quotes import FloatArray

HIGH_VIX, K18_YEAR = 25.0, 2022
CHEAPER = "ladder a year less the cheapest single tenor, of NLV"
RESPENT = "spent again per dollar of gains realised"


def recycling(evidence: Evidence) -> Sample:
    """Return the hedge's daily dollars with recycling less those without, once it began."""
    harvests = evidence.tables.harvest.sessions
    ours, theirs = evidence.days, evidence.seen_from("no_recycling").days
    gain = ours.hedge - theirs.hedge
    if not harvests:
        return Sample(column([]), yearly, why_empty="the near layer never gained enough to harvest")
    keep = np.array([day >= harvests[0] for day in ours.sessions])
    return Sample(column(gain[keep]), yearly, labels=ours.labels(keep, "year"))


def respent(evidence: Evidence) -> dict[str, Sample]:
    """Return the dollars that bought calls again over the gains realised, of the whole run."""
    found = evidence.tables.harvest
    rows = paired([found.spent_usd], [found.realised_usd]) if found.realised_usd else paired([], [])
    return {RESPENT: Sample(rows, ratio_of_means, why_empty="nothing was realised")}


def tenors(evidence: Evidence) -> Sample:
    """Return condors, the ladder, and each single tenor scaled to the ladder's mean premium."""
    days = evidence.days
    columns = [days.condor, days.hedge]
    columns += [scaled_hedge(evidence, name) for name in SINGLE_TENORS]
    start = evidence.tables.start_nlv_usd
    return Sample(paired(*columns), lambda rows: ladder_lead(rows, start))


def scaled_hedge(evidence: Evidence, name: str) -> FloatArray:
    """Return a variant's hedge dollars at the ladder's own mean premium at work."""
    ours = np.mean([row.hedge_value_usd for row in evidence.tables.sessions])
    other = evidence.seen_from(name)
    theirs = np.mean([row.hedge_value_usd for row in other.tables.sessions])
    return other.days.hedge * (ours / theirs if theirs > 0 else 0.0)


def ladder_lead(rows: FloatArray, start: float) -> float:
    """Return by how much the ladder's deepest fall is smaller than that of the best single tenor,
    as a fraction of equity."""
    condor = rows[:, 0]
    falls = [deepest_fall(condor + rows[:, at], start) for at in range(1, rows.shape[1])]
    return min(falls[1:]) - falls[0]


def by_tenor(evidence: Evidence) -> dict[str, Sample]:
    """Return saving and cost of the ladder and of each tenor at the same premium."""
    days, start = evidence.days, evidence.tables.start_nlv_usd
    hedges = {"4/4/2 ladder": days.hedge}
    hedges |= {name: scaled_hedge(evidence, name) for name in SINGLE_TENORS}
    found = {}
    for name, hedge in hedges.items():
        found[f"{name}: drawdown cut"] = Sample(
            paired(days.condor + hedge, days.condor), drawdown_cut(start)
        )
        found[f"{name}: hedge a year, of NLV"] = Sample(column(hedge / days.nlv_before), yearly)
    yields = paired(*(hedge / days.nlv_before for hedge in hedges.values()))
    return found | {CHEAPER: Sample(yields, yearly_lead)}


def yearly_lead(rows: FloatArray) -> float:
    """Return what the first hedge brings a year above the best of the others."""
    found = [yearly(rows[:, at : at + 1]) for at in range(rows.shape[1])]
    return found[0] - max(found[1:])


def high_vix(evidence: Evidence) -> Sample:
    """Return the losses of both books on sessions of 2022 that followed a VIX above 25."""
    days = evidence.days
    in_year = np.array([day.year == K18_YEAR for day in days.sessions])
    keep = in_year & (days.vix_before > HIGH_VIX) & (days.condor < 0)
    why = "the VIX gate sells nothing above 20, so no condor was open on such a day"
    if not in_year.any():
        why = "the window holds no session of 2022"
    return Sample(paired(-days.full[keep], -days.condor[keep]), cut, 5.0, why_empty=why)


def high_vix_others(evidence: Evidence) -> dict[str, Sample]:
    """Return the same without the VIX gate, on listed expiries and on one every session."""
    return {
        "without the VIX gate": high_vix(evidence.seen_from("ungated")),
        "without the VIX gate, an expiry every session": high_vix(
            evidence.seen_from("ungated_daily")
        ),
    }


def _tenors(told: Judged) -> str:
    value = told.found.value or 0.0
    return (
        f"at equal premium the ladder's deepest drawdown is {figure(abs(value), 'frac')} of equity "
        f"{'shallower' if value >= 0 else 'deeper'} than that of the best single tenor "
        f"({told.range()})."
    )


LADDER: tuple[Claim, ...] = (
    Claim(
        "K15", "Recycling pays for itself: it makes the hedge cheaper than leaving gains alone.",
        "sessions from the first harvest on",
        "hedge result with recycling less without, USD a year", "usd", Region(low=0.0), recycling,
        lambda told: f"recycling changes the hedge's result by {told.value()} a year "
        f"({told.range()}); for each dollar of gains realised {told.other(RESPENT, 'usd_cents')} "
        "went into calls again (R-23 allows one).",
        respent,
    ),
    Claim(
        "K16", "4/4/2 over 30/110/220 days beats any single tenor at equal cost.",
        "all sessions, single tenors scaled to the ladder's mean premium",
        "deepest drawdown of the best single tenor less the ladder's, of equity", "frac",
        Region(low=0.0), tenors,
        _tenors,
        by_tenor, also=(Also(CHEAPER, Region(low=0.0), "frac"),),
    ),
    Claim(
        "K17", "Convexity accelerates with the size of the shock.",
        "sessions with a priced hedge", "mean steepening ratio S(20)/S(1)", "ratio",
        Region(low=1.3), steepening,
        lambda told: f"the pay-off steepens {told.value()} times from +1 to +20 ({told.range()}): "
        f"{bends(told)}.",
        coverages, is_repeated=True, also=(Also(COVERAGE_RISE, Region(low=0.0), "ratio"),),
    ),
    Claim(
        "K18", "Losses on high-VIX days of 2022 are 37 % smaller with the hedge.",
        "sessions of 2022 after a VIX close above 25 on which the condors lost",
        "1 − mean loss with hedge / mean loss without", "frac", Region(low=0.37), high_vix,
        lambda told: (
            f"the method's own gate leaves nothing to judge: {told.found.ci.reason}."
            if told.found.value is None
            else f"losses were {told.value()} smaller with the hedge ({told.range()})."
        ),
        high_vix_others,
    ),
)  # fmt: skip
