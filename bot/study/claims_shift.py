"""Claims about time shifts (K11 … K14)."""

from collections.abc import Iterable

import numpy as np

from bot.study.claim import Claim, rate_words
from bot.study.evidence import TRADES, Sample, column, difference, paired
from bot.study.populations import (
    POINT_USD,
    Evidence,
    trade_labels,
)
from bot.study.statistics import (
    cut,
    mean,
    sharpe,
)
from bot.study.tables import ScanRow, Tables, TradeRow
from bot.study.variants import (
    PUBLISHED_THRESHOLD,
    THRESHOLDS_FRAC,
    VIX_LEVELS,
    threshold_variant,
)
from bot.study.verdict import Region
from market.quotes import FloatArray


def losers(tables: Tables) -> list[TradeRow]:
    """Return the condors that lose when held to expiry."""
    return [trade for trade in tables.trades if trade.held_net_usd < 0]


def recovered(evidence: Evidence) -> Sample:
    """Return of each losing condor whether its campaign ended without a loss."""
    lost = losers(evidence.tables)
    rows = column([trade.net_usd >= 0 for trade in lost])
    labels = trade_labels(lost) | {"side": [trade.breach or "neither" for trade in lost]}
    return Sample(rows, mean, TRADES, True, labels, "no condor lost")


def recovered_dollars(tables: Tables) -> Sample:
    """Return losses with and without shifts, of condors that lose when held."""
    lost = losers(tables)
    rows = paired([-trade.net_usd for trade in lost], [-trade.held_net_usd for trade in lost])
    return Sample(rows, cut, TRADES)


def recovered_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return the dollars, and both where nothing but the credit hinders a shift."""
    free = evidence.seen_from("free_shifts")
    return {
        "share of loss dollars recovered": recovered_dollars(evidence.tables),
        "recovered, daily expiries, no capital gates": recovered(free),
        "loss dollars recovered, daily expiries, no capital gates": recovered_dollars(free.tables),
    }


def first_scans(scans: Iterable[ScanRow]) -> list[ScanRow]:
    """Return the first triggered scan of each condor."""
    found: dict[str, ScanRow] = {}
    for scan in scans:
        found.setdefault(scan.campaign.partition("/")[0], scan)
    return list(found.values())


def rolls(evidence: Evidence) -> Sample:
    """Return the best net credit that a triggered roll had on offer, dollars per contract."""
    offers = [scan.net_points * POINT_USD for scan in first_scans(evidence.tables.scans)]
    return Sample(column(offers), mean, TRADES, why_empty="no condor was threatened")


def rolls_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return the rolls that were done, here and where nothing but the credit hinders them."""
    free = evidence.seen_from("free_shifts")
    why = "no roll was done"
    return {
        "rolls done, USD per contract": Sample(_done(evidence.tables), mean, TRADES, why_empty=why),
        "rolls done, daily expiries, no capital gates": Sample(
            _done(free.tables), mean, TRADES, why_empty=why
        ),
        "offers, daily expiries, no capital gates": rolls(free),
    }


def _done(tables: Tables) -> FloatArray:
    return column([usd for trade in tables.trades for usd in trade.roll_cash_usd])


def thresholds(evidence: Evidence) -> Sample:
    """Return the daily dollars of every pair of triggers in the second half of the window; the
    published pair stands first."""
    pairs = [(frac, vix) for frac in THRESHOLDS_FRAC for vix in VIX_LEVELS]
    pairs.sort(key=lambda pair: pair != PUBLISHED_THRESHOLD)
    columns = [evidence.seen_from(threshold_variant(*pair)).days.full for pair in pairs]
    rows = paired(*columns)
    return Sample(rows[len(rows) // 2 :], rank_of_first)


def rank_of_first(rows: FloatArray) -> float:
    """Return which share of the other columns the first one beats by Sharpe ratio; ties count
    half."""
    ratios = [sharpe(rows[:, at]) for at in range(rows.shape[1])]
    first, rest = ratios[0], np.array(ratios[1:])
    return float((rest < first - 1e-12).mean() + 0.5 * (np.abs(rest - first) <= 1e-12).mean())


def back_rolls(evidence: Evidence) -> Sample:
    """Return daily dollars with rolls back (R-18) and without."""
    ours, theirs = evidence.days, evidence.seen_from("no_back_shift").days
    labels = ours.all_labels("vix", "year")
    return difference(ours.full, theirs.full, "no condor was ever rolled back", labels)


SHIFT: tuple[Claim, ...] = (
    Claim(
        "K11", "The time shift recovers 88 % of losers.",
        "condors that lose when held to expiry; no roll, or none feasible, is a failure",
        "share whose campaign ends without a loss", "frac", Region(low=0.88), recovered,
        lambda told: f"{rate_words(told)} of losers were saved, "
        f"{told.other('share of loss dollars recovered', 'frac')} of the loss dollars; with daily "
        "expiries and no capital gates "
        f"{told.other('recovered, daily expiries, no capital gates', 'frac')}.",
        recovered_beside, is_repeated=True,
    ),
    Claim(
        "K12", "Forward rolls net $250 to $500 per contract without added size.",
        "first triggered scan of each threatened condor",
        "mean of the best roll's net credit, USD per contract", "usd", Region(low=250.0), rolls,
        lambda told: f"the best roll on offer nets {told.value()} per contract ({told.range()}, "
        f"n = {told.found.n}); rolls that were done "
        f"{told.other('rolls done, USD per contract', 'usd')}.",
        rolls_beside, is_repeated=True,
    ),
    Claim(
        "K13", "The triggers 0.94 % and VIX 16 are special.",
        "second half of the window, twenty pairs of triggers",
        "share of the other pairs that the published one beats by Sharpe ratio", "frac",
        Region(low=0.90), thresholds,
        lambda told: f"the published pair beats {told.value()} of the others, ties counted half "
        f"({told.range()}); special would be 90 % or more.",
    ),
    Claim(
        "K14", "Rolling back on VWAP harvests more theta than holding.",
        "all sessions, with R-18 and without it", "difference, USD a year", "usd",
        Region(low=0.0), back_rolls,
        lambda told: f"nothing to judge: {told.found.ci.reason}." if told.found.value is None
        else f"rolling back changes the result by {told.value()} a year ({told.range()}).",
    ),
)  # fmt: skip
