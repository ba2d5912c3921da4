"""Points of the grid ranked within one kind of market and one listing, with the guards beside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.study.statistics import sharpe
from bot.sweep.jobs import Row
from bot.sweep.overfit import deflated_sharpe, overfitting_probability, walk_forward
from bot.sweep.plan import label_of

LOW, HIGH = 5, 95


@dataclass(frozen=True, slots=True)
class Group:
    """All finished runs of one kind of market under one listing."""

    world: str
    listing: str
    rows: tuple[Row, ...]


def groups_of(rows: Iterable[Row]) -> list[Group]:
    """Return the finished rows by market and listing, in order of appearance."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["error"] is None:
            found.setdefault((row["world"], row["listing"]), []).append(row)
    return [Group(*key, tuple(members)) for key, members in found.items()]


def ranking(group: Group, many_presets: bool) -> dict[str, Any]:
    """Return the points of a group, best yearly Sharpe ratio first, with the three guards.

    Over several drawn markets the days of all of them count, one market after the other; a point
    that lacks a market which others have is left out of the ranking and named.
    """
    by_point: dict[str, list[Row]] = {}
    for row in group.rows:
        by_point.setdefault(label_of(row["preset"], row["point"], many_presets), []).append(row)
    most = max(len(rows) for rows in by_point.values())
    whole = {name: rows for name, rows in by_point.items() if len(rows) == most}
    trials = np.column_stack([_days(rows) for rows in whole.values()])
    table = [
        _line(name, rows, trials[:, at], trials) for at, (name, rows) in enumerate(whole.items())
    ]
    forward = walk_forward(trials)
    names = list(whole)
    return {
        "world": group.world,
        "listing": group.listing,
        "markets": most,
        "sessions": len(trials),
        "overfitting_probability": _rounded(overfitting_probability(trials)),
        "walk_forward": None
        if forward is None
        else {
            "chosen_sharpe": _rounded(forward.chosen),
            "mean_sharpe": _rounded(forward.mean),
            "hindsight_sharpe": _rounded(forward.hindsight),
            "choices": [names[choice] for choice in forward.choices],
        },
        "points": sorted(table, key=lambda line: -line["sharpe"]),
        "left_out": sorted(set(by_point) - set(whole)),
    }


def _days(rows: Sequence[Row]) -> np.ndarray:
    ordered = sorted(rows, key=lambda row: row["seed"])
    return np.concatenate([np.asarray(row["daily_usd"], dtype=np.float64) for row in ordered])


def _line(
    name: str, rows: Sequence[Row], changes: np.ndarray, trials: np.ndarray
) -> dict[str, Any]:
    ends = np.array([row["end_nlv_usd"] for row in rows])
    low, high = np.percentile(ends, (LOW, HIGH)).tolist()
    return {
        "name": name,
        "runs": len(rows),
        "sharpe": round(sharpe(changes), 6),
        "deflated_sharpe": _rounded(deflated_sharpe(changes, trials)),
        "end_nlv_usd": round(float(np.median(ends)), 2),
        "end_nlv_low_usd": round(low, 2),
        "end_nlv_high_usd": round(high, 2),
        "hedge_frac_per_year": _mean(rows, "hedge_frac_per_year"),
        "max_drawdown_frac": _mean(rows, "max_drawdown_frac"),
        "max_drawdown_without_hedge_frac": _mean(rows, "max_drawdown_without_hedge_frac"),
        "condors_sold": _mean(rows, "condors_sold"),
    }


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return round(float(np.mean([row[name] for row in rows])), 6)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
