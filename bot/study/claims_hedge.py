"""Claims about the hedge: what it saves, what it costs, how it bends (seed, K1 … K4)."""

import math

import numpy as np

from bot.study.claim import Also, Claim, Judged
from bot.study.evidence import MONTHS, Sample, column, paired
from bot.study.populations import Evidence, calm_years
from bot.study.statistics import (
    cut,
    drawdown_cut,
    mean,
    median,
    ratio_of_means,
    yearly,
)
from bot.study.variants import WIDTHS, width_variant
from bot.study.verdict import Region, figure
from market.quotes import BoolArray, FloatArray

LARGE_MOVE_EDR = 2.0
SPIKE_VIX = 35.0
K1_CUT, K2_COST = 0.35, 0.02
LARGE_MOVES = "loss cut on moves of two expected ranges"
COST_OVER_CREDIT = "cost over gross credit, won months"
COVERAGE_RISE = "coverage at +20 less that at +10"


def large_losses(evidence: Evidence) -> Sample:
    """Return the losses of both books on sessions with a move of two expected ranges or more on
    which the condors lost."""
    days = evidence.days
    keep = (np.abs(days.move_frac) >= LARGE_MOVE_EDR * days.edr_before) & (days.condor < 0)
    rows = paired(-days.full[keep], -days.condor[keep])
    why = "no open condor lost on a move of two expected ranges"
    return Sample(rows, cut, 5.0, labels=days.labels(keep, "side", "vix", "year"), why_empty=why)


def large_gains(evidence: Evidence) -> dict[str, Sample]:
    """Return the same days by side in dollars of the hedge."""
    days = evidence.days
    keep = (np.abs(days.move_frac) >= LARGE_MOVE_EDR * days.edr_before) & (days.condor < 0)
    falls = keep & (days.move_frac < 0)
    return {
        "hedge gain per such day, USD": Sample(column(days.hedge[keep]), mean, 5.0),
        "condor loss per such day, USD": Sample(column(days.condor[keep]), mean, 5.0),
        "hedge gain on falls, USD": Sample(column(days.hedge[falls]), mean, 5.0),
    }


def large_moves(evidence: Evidence) -> dict[str, Sample]:
    """Return the second half of the claim: how much of the losses of large moves is cut."""
    return {LARGE_MOVES: large_losses(evidence)}


def drawdowns(evidence: Evidence) -> Sample:
    """Return the days of both books, for their deepest falls."""
    days, start = evidence.days, evidence.tables.start_nlv_usd
    everything = np.ones(len(days.full), dtype=bool)
    return Sample(
        paired(days.full, days.condor), drawdown_cut(start), labels=days.labels(everything, "year")
    )


def _without_spikes(evidence: Evidence) -> BoolArray:
    calm = calm_years(evidence.tables.sessions, SPIKE_VIX)
    return np.array([day.year in calm for day in evidence.days.sessions])


def yearly_cost(evidence: Evidence) -> Sample:
    """Return the hedge's daily result over the account's value, spike years left out."""
    days, keep = evidence.days, _without_spikes(evidence)
    why = f"VIX closed above {SPIKE_VIX:g} in every year of the window"
    rows = column((days.hedge / days.nlv_before)[keep])
    return Sample(rows, yearly, labels=days.labels(keep, "vix", "year"), why_empty=why)


def all_years(evidence: Evidence) -> dict[str, Sample]:
    """Return the cost over all years, and that of the merely rolled hedge."""
    days = evidence.days
    static = (days.static - days.condor) / days.nlv_before
    return {
        "all years": Sample(column(days.hedge / days.nlv_before), yearly),
        "all years, hedge only rolled": Sample(column(static), yearly),
    }


def joint(evidence: Evidence) -> Sample:
    """Return cost and saving of every wing width, one group of three columns a width."""
    columns: list[FloatArray] = []
    for width in WIDTHS:
        days = evidence.seen_from(width_variant(width)).days
        columns += [days.full, days.condor, days.hedge / days.nlv_before]
    start = evidence.tables.start_nlv_usd
    return Sample(paired(*columns), lambda rows: best_margin(rows, start))


def margins(rows: FloatArray, start: float) -> list[float]:
    """Return of each width how far it passes both claims, 0 is just so; −1 where nothing traded."""
    found, saved = [], drawdown_cut(start)
    for at in range(0, rows.shape[1], 3):
        cost = -yearly(rows[:, at + 2 : at + 3])
        saving = saved(rows[:, at : at + 2])
        margin = min(saving / K1_CUT - 1.0, 1.0 - cost / K2_COST)
        found.append(margin if math.isfinite(margin) else -1.0)
    return found


def best_margin(rows: FloatArray, start: float) -> float:
    """Return the best width's margin."""
    return max(margins(rows, start))


def by_width(evidence: Evidence) -> dict[str, Sample]:
    """Return saving and yearly cost of each width."""
    found = {}
    start = evidence.tables.start_nlv_usd
    for width in WIDTHS:
        days = evidence.seen_from(width_variant(width)).days
        found[f"{width} wide: drawdown cut"] = Sample(
            paired(days.full, days.condor), drawdown_cut(start)
        )
        found[f"{width} wide: hedge a year, of NLV"] = Sample(
            column(days.hedge / days.nlv_before), yearly
        )
    return found


def winning_months(evidence: Evidence) -> Sample:
    """Return the hedge's result in months in which the condors gained, over NLV."""
    months = evidence.months
    keep = months.condor > 0
    labels = {"year": [months.names[row][:4] for row in np.flatnonzero(keep)]}
    rows = column((months.hedge / months.nlv_before)[keep])
    return Sample(rows, median, MONTHS, labels=labels, why_empty="no month was won")


def monthly(evidence: Evidence) -> dict[str, Sample]:
    """Return all months, and the hedge's cost in won months over the credit received in them."""
    months = evidence.months
    keep = (months.condor > 0) & (months.credit_usd > 0)
    cost = paired(-months.hedge[keep], months.credit_usd[keep])
    return {
        "all months": Sample(column(months.hedge / months.nlv_before), median, MONTHS),
        COST_OVER_CREDIT: Sample(cost, ratio_of_means, MONTHS),
    }


def premium_share(evidence: Evidence) -> Sample:
    """Return the premium paid for the calls held over planned condor notional, session by
    session while the hedge is held (amendment A2)."""
    rows = evidence.tables.sessions
    keep = np.array([bool(row.units_held) and row.budget_used_frac is not None for row in rows])
    values = [row.budget_used_frac or 0.0 for row, kept in zip(rows, keep, strict=True) if kept]
    return Sample(column(values), mean, labels=evidence.days.labels(keep, "vix", "year"))


def inside_budget(evidence: Evidence) -> dict[str, Sample]:
    """Return the share of those sessions inside 4 to 8 %."""
    rows = [row.budget_used_frac for row in evidence.tables.sessions if row.units_held]
    inside = [0.04 <= value <= 0.08 for value in rows if value is not None]
    return {"sessions inside 4 to 8 %": Sample(column(inside), mean, is_rate=True)}


def steepening(evidence: Evidence) -> Sample:
    """Return the steepening ratio S(20)/S(1) of every session with a priced hedge (R-28)."""
    rows = evidence.tables.sessions
    keep = np.array([row.steepening is not None for row in rows])
    values = [row.steepening for row in rows if row.steepening is not None]
    return Sample(column(values), mean, labels=evidence.days.labels(keep, "vix", "year"))


def coverages(evidence: Evidence) -> dict[str, Sample]:
    """Return the hedge's gain over the open condors' loss when VIX jumps by 10 and by 20, the
    median session's: where a far condor hardly loses, the ratio has no bound."""
    known = [
        (row.coverage_10, row.coverage_20)
        for row in evidence.tables.sessions
        if row.coverage_10 is not None and row.coverage_20 is not None
    ]
    ten, twenty = [each[0] for each in known], [each[1] for each in known]
    rise = [after - before for before, after in known]
    return {
        "coverage of open condors at VIX +10": Sample(column(ten), median, why_empty="none open"),
        "coverage of open condors at VIX +20": Sample(
            column(twenty), median, why_empty="none open"
        ),
        COVERAGE_RISE: Sample(column(rise), median, why_empty="none open"),
    }


def bends(told: Judged) -> str:
    """Return in words whether the hedge alone bends upwards, and whether it outgrows the loss of
    the condors that are open."""
    slope = told.found.value or 0.0
    bent = "convex" if slope > 1.0 else "not convex"
    ten = told.other_value("coverage of open condors at VIX +10")
    twenty = told.other_value("coverage of open condors at VIX +20")
    if ten is None or twenty is None:
        return f"{bent}; no condor was open to be covered"
    pace = "more than it covers" if twenty > ten else "less than it covers"
    return (
        f"{bent} by itself; of the open condors' loss it covers {figure(twenty, 'frac')} at "
        f"+20, {pace} at +10 ({figure(ten, 'frac')})"
    )


def _widths(told: Judged) -> str:
    tried = "; ".join(_width(told, width) for width in WIDTHS)
    return (
        f"the best of five widths stands at {told.value()} where 0 just passes both "
        f"({told.range()}). Drawdown cut and hedge a year: {tried}."
    )


def _width(told: Judged, width: int) -> str:
    cut = told.other(f"{width} wide: drawdown cut", "frac")
    cost = told.other(f"{width} wide: hedge a year, of NLV", "frac")
    if told.other_value(f"{width} wide: drawdown cut") is None:
        return f"{width} wide sold no condor that lost, and {cost}"
    return f"{width} wide {cut} and {cost}"


def _saving(told: Judged) -> str:
    if told.found.value is None:
        return f"on this window nothing can be said ({told.found.ci.reason})."
    return (
        f"on {told.found.n} losing days of large moves the hedge took back {told.value()} of "
        f"what the condors lost ({told.range()}); the claim was 40 to 60 %. It made "
        f"{told.other('hedge gain per such day, USD', 'usd')} a day against "
        f"{told.other('condor loss per such day, USD', 'usd')}."
    )


def _drawdown(told: Judged) -> str:
    value = told.found.value or 0.0
    shown = f"{figure(abs(value), 'frac')} {'shallower' if value >= 0 else 'DEEPER'}"
    return f"with the hedge the deepest drawdown is {shown} than without ({told.range()})."


SEED: tuple[Claim, ...] = (
    Claim(
        "S1", "Seed: the hedge cuts drawdown by 40 to 60 % on large-move days.",
        "sessions with |SPX return| ≥ 2 expected daily ranges on which the condors lost",
        "1 − mean loss with hedge / mean loss without", "frac", Region(low=0.40),
        large_losses, _saving, large_gains, is_repeated=True,
    ),
    Claim(
        "S2", "Seed: the hedge costs little in winning periods.",
        "calendar months in which the condors gained",
        "median of the hedge's result over NLV", "frac", Region(low=-0.0025),
        winning_months,
        lambda told: f"in a typical won month the hedge brings {told.value()} of NLV "
        f"({told.range()}); modest means no worse than −0.25 %. It eats "
        f"{told.other(COST_OVER_CREDIT, 'frac')} of the credit taken in.",
        monthly, is_repeated=True,
    ),
    Claim(
        "S3", "Seed: the hedge ties up 4 to 8 % of condor notional.",
        "sessions with a hedge held", "mean of premium paid / (planned condors × width × $100)",
        "frac", Region(low=0.04, high=0.08), premium_share,
        lambda told: f"premium at work averages {told.value()} of condor notional "
        f"({told.range()}), inside 4 to 8 % on "
        f"{told.other('sessions inside 4 to 8 %', 'frac')} of sessions.",
        inside_budget, is_repeated=True,
    ),
    Claim(
        "S4", "Seed: protection is convex and accelerates.",
        "sessions with a priced hedge", "mean steepening ratio S(20)/S(1)", "ratio",
        Region(low=1.3), steepening,
        lambda told: f"the 21st VIX point of a jump brings {told.value()} times what the second "
        f"does ({told.range()}): {bends(told)}.",
        coverages, is_repeated=True,
    ),
)  # fmt: skip

HEDGE: tuple[Claim, ...] = (
    Claim(
        "K1", "The hedge cuts the maximum drawdown by 35 to 40 % or more.",
        "all sessions", "1 − MDD with hedge / MDD without", "frac", Region(low=K1_CUT),
        drawdowns, _drawdown, large_moves, is_repeated=True,
        also=(Also(LARGE_MOVES, Region(low=0.40), "frac"),),
    ),
    Claim(
        "K2", "The hedge costs 1 to 2 % of NLV a year.",
        "sessions of years in which VIX never closed above 35",
        "mean daily hedge result / NLV × 252", "frac", Region(low=-K2_COST), yearly_cost,
        lambda told: f"outside spike years the hedge brings {told.value()} of NLV a year "
        f"({told.range()}), over all years {told.other('all years', 'frac')}.",
        all_years, is_repeated=True,
    ),
    Claim(
        "K3", "Saving (K1) and cost (K2) hold together for some wing width.",
        "all sessions, wings of 5, 10, 15, 25 and 50 points",
        "best width's smaller margin: min(cut/35 % − 1, 1 − cost/2 %), 0 is just passing",
        "ratio", Region(low=0.0), joint,
        _widths,
        by_width,
    ),
    Claim(
        "K4", "Winning months are hurt only modestly: −0.25 % of NLV at most, 15 % of credit.",
        "calendar months in which the condors gained",
        "median of the hedge's result over NLV", "frac", Region(low=-0.0025), winning_months,
        lambda told: f"the median won month gives up {told.value()} of NLV to the hedge "
        f"({told.range()}), {told.other(COST_OVER_CREDIT, 'frac')} of its "
        "gross credit.",
        monthly, is_repeated=True, also=(Also(COST_OVER_CREDIT, Region(high=0.15), "frac"),),
    ),
)  # fmt: skip
