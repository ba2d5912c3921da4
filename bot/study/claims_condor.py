"""Claims about the condor and its rules (K5 … K14, K19 … K22)."""

from collections.abc import Iterable

import numpy as np

from bot.study.claim import Claim, Judged
from bot.study.evidence import TRADES, Sample, column, paired
from bot.study.populations import (
    POINT_USD,
    Evidence,
    payoff_points,
    trade_labels,
    vix_label,
    would_be_pnl_points,
)
from bot.study.statistics import (
    cut,
    drawdown_cut,
    edge_per_credit,
    mean,
    sharpe,
    sharpe_gain,
    shortfall_gain,
    yearly,
)
from bot.study.tables import ScanRow, Tables, TradeRow
from bot.study.variants import (
    FILTERS,
    HYPOTHETICAL,
    PUBLISHED_THRESHOLD,
    THRESHOLDS_FRAC,
    UNGATED,
    VIX_LEVELS,
    threshold_variant,
)
from bot.study.verdict import Region
from market.quotes import FloatArray

HOLD_VIX = 20.0
PREMIUM = "PREMIUM"
NEVER_SOLD = "a steward never sells this tier (R-11)"
UNCHANGED = "the rule never changed a trade in this window"


def wins(trades: Iterable[TradeRow], why: str = "none was sold") -> Sample:
    """Return of each condor whether it keeps money when held to expiry."""
    kept = list(trades)
    rows = column([trade.held_net_usd >= 0 for trade in kept])
    return Sample(rows, mean, TRADES, True, trade_labels(kept), why)


def of_tier(evidence: Evidence, tier: str) -> list[TradeRow]:
    """Return the condors sold in one tier."""
    return [trade for trade in evidence.tables.trades if trade.tier == tier]


def would_be_wins(evidence: Evidence) -> Sample:
    """Return the same of the would-be condor of every session, ungated."""
    won = [would_be_pnl_points(trade, close) >= 0 for _entry, trade, close in evidence.would_be]
    return Sample(column(won), mean, TRADES, True)


def other_tiers(evidence: Evidence) -> dict[str, Sample]:
    """Return the win rates of the other tiers, of every session, and on daily expiries."""
    return {
        "balanced (claim 85 to 90 %)": wins(of_tier(evidence, "balanced")),
        "aggressive (claim 80 to 85 %)": wins(of_tier(evidence, "aggressive"), NEVER_SOLD),
        "conservative, every listed session, ungated": would_be_wins(evidence),
        "conservative, an expiry every session": wins(
            of_tier(evidence.seen_from(HYPOTHETICAL), "conservative")
        ),
    }


def edges(evidence: Evidence) -> Sample:
    """Return profit and credit of every condor held to expiry, dollars."""
    trades = evidence.tables.trades
    profit = [trade.held_net_usd for trade in trades]
    credit = [trade.credit_points * trade.quantity * POINT_USD for trade in trades]
    return Sample(paired(profit, credit), edge_per_credit, TRADES, labels=trade_labels(trades))


def edges_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return how large losses are, in credits, and the edge of all would-be condors."""
    lost = [trade for trade in evidence.tables.trades if trade.held_net_usd < 0]
    loss = paired(
        [-trade.held_net_usd for trade in lost],
        [trade.credit_points * trade.quantity * POINT_USD for trade in lost],
    )
    whole = [
        (would_be_pnl_points(trade, close), trade.credit_points)
        for _entry, trade, close in evidence.would_be
    ]
    pairs = paired([each[0] for each in whole], [each[1] for each in whole])
    return {
        "average loss over credit, of losers": Sample(loss, edge_per_credit, TRADES),
        "win rate": wins(evidence.tables.trades),
        "edge per credit, every listed session, ungated": Sample(pairs, edge_per_credit, TRADES),
    }


def out_of_the_money(evidence: Evidence, side: str = "both") -> Sample:
    """Return of each session whether the next close lies within one expected range."""
    days = evidence.days
    keep = ~np.isnan(days.edr_before)
    keep[0] = False
    move, reach = days.move_frac[keep], days.edr_before[keep]
    inside = {"put": move > -reach, "call": move < reach, "both": np.abs(move) < reach}[side]
    return Sample(column(inside), mean, is_rate=True, labels=days.labels(keep, "vix", "year"))


def sides_of_range(evidence: Evidence) -> dict[str, Sample]:
    """Return the same by side."""
    return {
        "put side alone": out_of_the_money(evidence, "put"),
        "call side alone": out_of_the_money(evidence, "call"),
    }


def gate(evidence: Evidence) -> Sample:
    """Return daily dollars with the VIX gate and without it."""
    ours, theirs = evidence.days, evidence.seen_from(UNGATED).days
    return Sample(paired(ours.full, theirs.full), sharpe_gain)


def gate_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return drawdowns, and what the would-be condors of high and low VIX brought each."""
    ours, theirs = evidence.days, evidence.seen_from(UNGATED).days
    start = evidence.tables.start_nlv_usd
    high, low = [], []
    for entry, trade, close in evidence.would_be:
        (high if entry.vix > HOLD_VIX else low).append(would_be_pnl_points(trade, close) * POINT_USD)
    return {
        "drawdown cut by the gate": Sample(paired(ours.full, theirs.full), drawdown_cut(start)),
        "USD per would-be condor, VIX above 20": Sample(column(high), mean, TRADES),
        "USD per would-be condor, VIX to 20": Sample(column(low), mean, TRADES),
    }


def gauge(evidence: Evidence) -> Sample:
    """Return of each entry that reached the premium gauge whether it was skipped there."""
    entries = [each for each in evidence.tables.entries if each.gauge_points is not None]
    labels = {
        "vix": [vix_label(each.vix) for each in entries],
        "year": [str(each.session.year) for each in entries],
    }
    return Sample(column([e.reason == PREMIUM for e in entries]), mean, TRADES, True, labels)


def gauge_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return how often SPX then left its expected range, after skips and after sales."""
    days = evidence.days
    beyond = dict(
        zip(days.sessions[:-1], np.abs(days.move_frac[1:]) > days.edr_before[1:], strict=True)
    )
    entries = [each for each in evidence.tables.entries if each.session in beyond]
    skipped = [bool(beyond[each.session]) for each in entries if each.reason == PREMIUM]
    sold = [bool(beyond[each.session]) for each in entries if each.action == "SELL"]
    return {
        "next move beyond one expected range, skipped": Sample(column(skipped), mean, TRADES, True),
        "next move beyond one expected range, sold": Sample(column(sold), mean, TRADES, True),
    }


def strikes(evidence: Evidence) -> Sample:
    """Return of each entry what the search's condor brought above the even one, points."""
    gains, labels = [], {"vix": [], "year": []}  # type: tuple[list[float], dict[str, list[str]]]
    for entry in evidence.tables.entries:
        pair, trade = entry.symmetric, entry.would_be
        if pair is None or trade is None or trade.expiry not in evidence.closes:
            continue
        close, width = evidence.closes[trade.expiry], trade.width_points
        gains.append(
            payoff_points(pair.chosen, width, close) - payoff_points(pair.even, width, close)
        )
        labels["vix"].append(vix_label(entry.vix))
        labels["year"].append(str(entry.session.year))
    return Sample(column(gains), mean, TRADES, labels=labels)


def strikes_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return the difference in credit alone."""
    pairs = [each.symmetric for each in evidence.tables.entries if each.symmetric is not None]
    credit = [pair.chosen[2] - pair.even[2] for pair in pairs]
    return {
        "credit above the even condor's, points": Sample(column(credit), mean, TRADES),
        "an expiry every session, points": strikes(evidence.seen_from(HYPOTHETICAL)),
    }


def losers(tables: Tables) -> list[TradeRow]:
    """Return the condors that lose when held to expiry."""
    return [trade for trade in tables.trades if trade.held_net_usd < 0]


def recovered(evidence: Evidence) -> Sample:
    """Return of each losing condor whether its campaign ended without a loss."""
    lost = losers(evidence.tables)
    rows = column([trade.net_usd >= 0 for trade in lost])
    return Sample(rows, mean, TRADES, True, trade_labels(lost), "no condor lost")


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


def difference(ours: FloatArray, theirs: FloatArray, why: str = UNCHANGED) -> Sample:
    """Return daily dollars of two runs as pairs, nothing where they never differ."""
    if np.allclose(ours, theirs, atol=0.005):
        return Sample(paired([], []), _yearly_gain, why_empty=why)
    return Sample(paired(ours, theirs), _yearly_gain)


def _yearly_gain(rows: FloatArray) -> float:
    return yearly((rows[:, 0] - rows[:, 1]).reshape(-1, 1))


def back_rolls(evidence: Evidence) -> Sample:
    """Return daily dollars with rolls back (R-18) and without."""
    theirs = evidence.seen_from("no_back_shift").days
    return difference(evidence.days.full, theirs.full, "no condor was ever rolled back")


def filters_of(evidence: Evidence, variant: str) -> Sample:
    """Return daily dollars with the filters and without those of a variant, for Sharpe ratios."""
    found = difference(evidence.days.full, evidence.seen_from(variant).days.full)
    return Sample(found.rows, sharpe_gain, why_empty=UNCHANGED)


def each_filter(evidence: Evidence) -> dict[str, Sample]:
    """Return each filter's own gain in Sharpe ratio."""
    return {
        f"RSI, breadth, macro or MACD: {name.removeprefix('without_')}": filters_of(evidence, name)
        for name in FILTERS
        if name != "without_filters"
    }


def no_stop(evidence: Evidence) -> Sample:
    """Return daily dollars of holding and of a stop at twice the credit, on the same entries."""
    return difference(evidence.days.full, evidence.days.stop)


def no_stop_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return drawdown, tail and Sharpe ratio of the two."""
    rows = paired(evidence.days.full, evidence.days.stop)
    start = evidence.tables.start_nlv_usd
    return {
        "drawdown cut by not stopping": Sample(rows, drawdown_cut(start)),
        "worst 5 % of days, USD better without the stop": Sample(rows, shortfall_gain),
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


def _rate(told: Judged) -> str:
    if told.found.value is None:
        return f"nothing to judge: {told.found.ci.reason}."
    return f"{told.value()} of {told.found.n} ({told.range()})"


CONDOR: tuple[Claim, ...] = (
    Claim(
        "K5", "Conservative condors win about 90 % of the time (balanced 85, aggressive 80 %).",
        "conservative condors sold, held to expiry", "share that keeps money", "frac",
        Region(low=0.90), lambda evidence: wins(of_tier(evidence, "conservative")),
        lambda told: f"conservative condors kept money on {_rate(told)}; balanced ones on "
        f"{told.other('balanced (claim 85 to 90 %)', 'frac')}.",
        other_tiers, is_repeated=True,
    ),
    Claim(
        "K6", "A 90 % win rate implies profit.",
        "all condors sold, held to expiry",
        "mean profit / mean credit; above 0 when average loss / credit < p / (1 − p)", "frac",
        Region(low=0.0), edges,
        lambda told: f"each dollar of credit left {told.value()} after losses and fees "
        f"({told.range()}): {told.other('win rate', 'frac')} won, and a loser lost "
        f"{told.other('average loss over credit, of losers', 'ratio')} credits.",
        edges_beside, is_repeated=True,
    ),
    Claim(
        "K7", "Shorts one expected range away expire out of the money more than 80 % of the time.",
        "all sessions, next close against SPX ± one expected daily range (R-03)",
        "share with both sides out of the money", "frac", Region(low=0.80), out_of_the_money,
        lambda told: f"both shorts one range away would have expired worthless on {_rate(told)}; "
        f"put side {told.other('put side alone', 'frac')}, call side "
        f"{told.other('call side alone', 'frac')}.",
        sides_of_range,
    ),
    Claim(
        "K8", "Holding above VIX 20 adds value.",
        "all sessions, with the gate and without it", "Sharpe ratio gained by the gate", "ratio",
        Region(low=0.0), gate,
        lambda told: f"the gate changes the Sharpe ratio by {told.value()} ({told.range()}). A "
        f"would-be condor brought {told.other('USD per would-be condor, VIX above 20', 'usd')} "
        f"above VIX 20 and {told.other('USD per would-be condor, VIX to 20', 'usd')} below.",
        gate_beside,
    ),
    Claim(
        "K9", "The premium gauge skips 10 to 15 % of sessions, and skips losers.",
        "entries that reached the gauge", "share skipped for too little premium", "frac",
        Region(low=0.10, high=0.15), gauge,
        lambda told: f"the gauge skipped {_rate(told)}; SPX then left its range on "
        f"{told.other('next move beyond one expected range, skipped', 'frac')} of skipped and "
        f"{told.other('next move beyond one expected range, sold', 'frac')} of sold days.",
        gauge_beside, is_repeated=True,
    ),
    Claim(
        "K10", "The strike search beats even strikes in expected ranges.",
        "condors sold, against the even condor that meets the same target the same evening",
        "mean difference in result, points", "points", Region(low=0.0), strikes,
        lambda told: f"the search brought {told.value()} a condor more than even strikes "
        f"({told.range()}), {told.other('credit above the even condor’s, points', 'points')} of "
        "it credit." if "credit above the even condor’s, points" in told.others else
        f"the search brought {told.value()} a condor more than even strikes ({told.range()}).",
        strikes_beside,
    ),
)  # fmt: skip

SHIFT: tuple[Claim, ...] = (
    Claim(
        "K11", "The time shift recovers 88 % of losers.",
        "condors that lose when held to expiry; no roll, or none feasible, is a failure",
        "share whose campaign ends without a loss", "frac", Region(low=0.88), recovered,
        lambda told: f"{_rate(told)} of losers were saved, "
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
        lambda told: f"not stopping brought {told.value()} a year more ({told.range()}); the "
        f"drawdown was {told.other('drawdown cut by not stopping', 'frac')} shallower.",
        no_stop_beside, is_repeated=True,
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
