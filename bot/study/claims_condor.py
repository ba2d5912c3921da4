"""Claims about the condor: win rate, edge, distance, gates, strikes (K5 … K10)."""

from collections.abc import Iterable

import numpy as np

from bot.study.claim import Also, Claim, rate_words
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
    drawdown_cut,
    edge_per_credit,
    mean,
    rate_lead,
    sharpe_gain,
)
from bot.study.tables import TradeRow
from bot.study.variants import (
    HYPOTHETICAL,
    UNGATED,
)
from bot.study.verdict import Region

HOLD_VIX = 20.0
PREMIUM = "PREMIUM"
GATE_CUT = "drawdown cut by the gate"
BALANCED = "balanced (claim 85 to 90 %)"
SKIPS_LOSERS = "range left: share after skips less share after sales"
NEVER_SOLD = "a steward never sells this tier (R-11)"


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
        BALANCED: wins(of_tier(evidence, "balanced")),
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
    labels = ours.all_labels("vix", "year")
    return Sample(paired(ours.full, theirs.full), sharpe_gain, labels=labels)


def gate_beside(evidence: Evidence) -> dict[str, Sample]:
    """Return drawdowns, and what the would-be condors of high and low VIX brought each."""
    ours, theirs = evidence.days, evidence.seen_from(UNGATED).days
    start = evidence.tables.start_nlv_usd
    high: list[float] = []
    low: list[float] = []
    for entry, trade, close in evidence.would_be:
        (high if entry.vix > HOLD_VIX else low).append(
            would_be_pnl_points(trade, close) * POINT_USD
        )
    return {
        GATE_CUT: Sample(paired(ours.full, theirs.full), drawdown_cut(start)),
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
    judged = [each for each in entries if each.reason == PREMIUM or each.action == "SELL"]
    pairs = paired(
        [each.reason == PREMIUM for each in judged], [bool(beyond[each.session]) for each in judged]
    )
    return {
        SKIPS_LOSERS: Sample(pairs, rate_lead, TRADES),
        "next move beyond one expected range, skipped": Sample(column(skipped), mean, TRADES, True),
        "next move beyond one expected range, sold": Sample(column(sold), mean, TRADES, True),
    }


def strikes(evidence: Evidence) -> Sample:
    """Return of each entry what the search's condor brought above the even one, points."""
    gains: list[float] = []
    labels: dict[str, list[str]] = {"vix": [], "year": []}
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
        "credit above the even condor, points": Sample(column(credit), mean, TRADES),
        "an expiry every session, points": strikes(evidence.seen_from(HYPOTHETICAL)),
    }


CONDOR: tuple[Claim, ...] = (
    Claim(
        "K5", "Conservative condors win about 90 % of the time (balanced 85, aggressive 80 %).",
        "conservative condors sold, held to expiry", "share that keeps money", "frac",
        Region(low=0.90), lambda evidence: wins(of_tier(evidence, "conservative")),
        lambda told: f"conservative condors kept money on {rate_words(told)}; balanced ones on "
        f"{told.other(BALANCED, 'frac')}.",
        other_tiers, is_repeated=True, also=(Also(BALANCED, Region(low=0.85), "frac"),),
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
        lambda told: f"shorts one range away expired worthless together on {rate_words(told)}; "
        f"by itself the put did on {told.other('put side alone', 'frac')}, the call on "
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
        gate_beside, also=(Also(GATE_CUT, Region(low=0.0), "frac"),),
    ),
    Claim(
        "K9", "The premium gauge skips 10 to 15 % of sessions, and skips losers.",
        "entries that reached the gauge", "share skipped for too little premium", "frac",
        Region(low=0.10, high=0.15), gauge,
        lambda told: f"the gauge skipped {rate_words(told)}; SPX then left its range on "
        f"{told.other('next move beyond one expected range, skipped', 'frac')} of skipped and "
        f"{told.other('next move beyond one expected range, sold', 'frac')} of sold days.",
        gauge_beside, is_repeated=True, also=(Also(SKIPS_LOSERS, Region(low=0.0), "frac"),),
    ),
    Claim(
        "K10", "The strike search beats even strikes in expected ranges.",
        "condors sold, against the even condor that meets the same target the same evening",
        "mean difference in result, points", "points", Region(low=0.0), strikes,
        lambda told: f"against even strikes the search changed the result of a condor by "
        f"{told.value()} ({told.range()}), its credit by "
        f"{told.other('credit above the even condor, points', 'points')}.",
        strikes_beside,
    ),
)  # fmt: skip
