"""Claims about filters, stops, call-side breaches and the hour of entry (K19 … K22)."""

import numpy as np

from bot.study.claim import Also, Claim, Judged
from bot.study.evidence import TRADES, UNCHANGED, Sample, column, difference, paired
from bot.study.populations import (
    Evidence,
)
from bot.study.statistics import (
    drawdown_cut,
    mean,
    sharpe_gain,
    shortfall_gain,
)
from bot.study.variants import (
    FILTERS,
)
from bot.study.verdict import Region, figure

STOP_CUT = "drawdown cut by not stopping"
STOP_TAIL = "worst 5 % of days, USD better without the stop"


def filters_of(evidence: Evidence, variant: str) -> Sample:
    """Return daily dollars with the filters and without those of a variant, for Sharpe ratios."""
    days = evidence.days
    found = difference(days.full, evidence.seen_from(variant).days.full)
    labels = days.all_labels("vix", "year") if len(found) else {}
    return Sample(found.rows, sharpe_gain, labels=labels, why_empty=UNCHANGED)


def each_filter(evidence: Evidence) -> dict[str, Sample]:
    """Return each filter's own gain in Sharpe ratio."""
    return {
        f"RSI, breadth, macro or MACD: {name.removeprefix('without_')}": filters_of(evidence, name)
        for name in FILTERS
        if name != "without_filters"
    }


def no_stop(evidence: Evidence) -> Sample:
    """Return daily dollars of holding and of a stop at twice the credit, on the same entries."""
    days = evidence.days
    return difference(days.full, days.stop, labels=days.all_labels("side", "vix", "year"))


def no_stop_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return drawdown, tail and Sharpe ratio of the two."""
    rows = paired(evidence.days.full, evidence.days.stop)
    start = evidence.tables.start_nlv_usd
    return {
        STOP_CUT: Sample(rows, drawdown_cut(start)),
        STOP_TAIL: Sample(rows, shortfall_gain),
        "Sharpe ratio gained without the stop": Sample(rows, sharpe_gain),
    }


def breached(evidence: Evidence, side: str) -> Sample:
    """Return the hedge's dollars on sessions that ended beyond a condor's short of one side."""
    ended = {each.expiry for each in evidence.tables.trades if each.breach == side}
    keep = np.array([day in ended for day in evidence.days.sessions])
    why = f"no condor expired beyond its {side} short"
    labels = evidence.days.labels(keep, "vix", "year")
    return Sample(column(evidence.days.hedge[keep]), mean, TRADES, labels=labels, why_empty=why)


def breached_would_be(evidence: Evidence, side: str) -> Sample:
    """Return the same for the would-be condor of every session."""
    ended = {
        trade.expiry
        for _entry, trade, close in evidence.would_be
        if (close > trade.short_call if side == "call" else close < trade.short_put)
    }
    keep = np.array([day in ended for day in evidence.days.sessions])
    return Sample(column(evidence.days.hedge[keep]), mean, TRADES)


def breaches_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return the put side, and would-be condors of both sides."""
    return {
        "put-side breaches, USD": breached(evidence, "put"),
        "call-side breaches of would-be condors, USD": breached_would_be(evidence, "call"),
        "put-side breaches of would-be condors, USD": breached_would_be(evidence, "put"),
    }


def entry_time(evidence: Evidence) -> Sample:
    """Return daily dollars of entries 10 minutes and 5 minutes after the cash close."""
    return difference(evidence.days.full, evidence.seen_from("early_entry").days.full)


def _not_stopped(told: Judged) -> str:
    cut = told.other_value(STOP_CUT)
    drawdown = f"{figure(abs(cut or 0.0), 'frac')} {'deeper' if (cut or 0.0) < 0 else 'shallower'}"
    return (
        f"not stopping changed the result by {told.value()} a year ({told.range()}); the deepest "
        f"drawdown was {drawdown}."
    )


RULES: tuple[Claim, ...] = (
    Claim(
        "K19", "The MACD, breadth, RSI and macro filters improve results.",
        "all sessions, with the filters and without any", "Sharpe ratio gained", "ratio",
        Region(low=0.0), lambda evidence: filters_of(evidence, "without_filters"),
        lambda told: f"all filters together change the Sharpe ratio by {told.value()} "
        f"({told.range()}).",
        each_filter,
    ),
    Claim(
        "K20", "No stop beats a stop at twice the credit.",
        "all sessions, the same entries held or stopped", "difference, USD a year", "usd",
        Region(low=0.0), no_stop,
        _not_stopped,
        no_stop_beside, is_repeated=True,
        also=(Also(STOP_CUT, Region(low=0.0), "frac"), Also(STOP_TAIL, Region(low=0.0), "usd")),
    ),
    Claim(
        "K21", "The hedge protects call-side breaches.",
        "sessions that ended beyond the call short of an expiring condor",
        "mean hedge result, USD", "usd", Region(low=0.0),
        lambda evidence: breached(evidence, "call"),
        lambda told: f"on {told.found.n} call-side breaches the hedge made {told.value()} each "
        f"({told.range()}), on put-side ones {told.other('put-side breaches, USD', 'usd')}: VIX "
        "mostly falls when SPX rises.",
        breaches_beside, is_repeated=True,
    ),
    Claim(
        "K22", "Entering at 15:10 Central has an edge.",
        "all sessions, entry 10 against 5 minutes after the cash close", "difference, USD a year",
        "usd", Region(low=0.0), entry_time,
        lambda told: f"the replay puts the difference at {told.value()} a year ({told.range()}), "
        "but it cannot judge this: its chains do not move after the cash close, so only the draws "
        "of fills differ. Quotes of those minutes would be needed.",
        unknowable="the modelled market stands still after the cash close",
    ),
)  # fmt: skip
