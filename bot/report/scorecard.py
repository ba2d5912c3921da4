"""What the hedge cost and when it paid, and how the account was run: one card of figures."""

from typing import Any

import numpy as np

from bot.study.populations import days_of, months_of
from bot.study.statistics import deepest_fall
from bot.study.tables import Tables

WORST_DAYS = 10
POINT_USD = 100.0


def scorecard(tables: Tables) -> dict[str, Any]:
    """Return the hedge's card; None where a figure is undefined."""
    days, start = days_of(tables), tables.start_nlv_usd
    months = months_of(tables, days)
    worst = np.argsort(days.condor, kind="stable")[:WORST_DAYS]
    with_hedge, without = deepest_fall(days.full, start), deepest_fall(days.condor, start)
    cost, avoided = -float(days.hedge.sum()), 100.0 * (without - with_hedge)
    lost = float(days.condor[worst].sum())
    return {
        "carry_usd_per_month": _mean(months.hedge),
        "carry_frac_per_month": _mean(months.hedge / months.nlv_before, 6),
        "hedge_usd": round(-cost, 2),
        "worst_days": [
            {
                "session": days.sessions[row].isoformat(),
                "condor_usd": round(float(days.condor[row]), 2),
                "hedge_usd": round(float(days.hedge[row]), 2),
            }
            for row in worst.tolist()
        ],
        "worst_days_condor_usd": round(lost, 2),
        "worst_days_hedge_usd": round(float(days.hedge[worst].sum()), 2),
        "drawdown_with_hedge_frac": round(with_hedge, 6),
        "drawdown_without_frac": round(without, 6),
        "cost_usd_per_drawdown_percent": round(cost / avoided, 2) if avoided > 0.005 else None,
        "credit_captured_frac": credit_captured(tables),
        "theta_condor": _last_mean([row.theta_condor for row in tables.sessions]),
        "theta_hedge": _last_mean([row.theta_hedge for row in tables.sessions]),
        "steward_score": tables.conduct.get("steward_score"),
        "regret_usd": tables.conduct.get("regret_usd"),
        "regret_vs_hold_usd": _less_than_held(tables),
        "overrides": tables.conduct.get("overrides"),
    }


def _less_than_held(tables: Tables) -> float:
    """Return what pure holding would have kept above the full method, 0 when it kept less."""
    last = tables.sessions[-1]
    return round(max(0.0, last.held_nlv_usd - last.nlv_usd), 2)


def _mean(values: Any, digits: int = 2) -> float | None:
    return round(float(values.mean()), digits) if len(values) else None


def _last_mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def credit_captured(tables: Tables) -> float | None:
    """Return credit received over the mid at the fill, of all condors whose mid was known."""
    known = [trade for trade in tables.trades if trade.mid_points is not None]
    mid = sum((trade.mid_points or 0.0) * trade.quantity for trade in known)
    got = sum(trade.credit_points * trade.quantity for trade in known)
    return round(got / mid, 6) if mid else None
