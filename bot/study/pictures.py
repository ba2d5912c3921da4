"""The pictures of a study: what the hedge cost, when it paid, and the weeks of stress."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from bot.report.drawing import (
    CONDOR,
    FULL,
    HEDGE,
    NET,
    bars,
    dated,
    days_axis,
    drawn,
    thousands,
)
from bot.study.populations import Days, Evidence
from bot.study.stress import MODES, WINDOWS, StressPath, key_of, path_of
from market.quotes import FloatArray

MOVE_EDGES = (-np.inf, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, np.inf)
MOVE_NAMES = ("< −3", "−3…−2", "−2…−1", "−1…0", "0…1", "1…2", "2…3", "> 3")
MODE_WORDS = {
    "listed": "expiries listed then",
    "daily": "an expiry every session",
    "ungated": "every session, no VIX gate",
}


def pictures(evidence: Evidence) -> dict[str, str]:
    """Return the pictures by file name without ending, as SVG."""
    found = {
        "equity": equity(evidence.days, evidence.tables.start_nlv_usd),
        "years": years(evidence.days),
        "moves": moves(evidence.days),
    }
    for mode in MODES:
        paths = _paths(evidence, mode)
        if paths:
            found[f"stress_{mode}"] = stress_bars(paths, mode)
    paths = _paths(evidence, "ungated")
    if paths:
        found["stress_paths"] = stress_paths(paths)
    return found


def _paths(evidence: Evidence, mode: str) -> list[StressPath]:
    tables = evidence.library.tables
    return [
        path_of(window, mode, tables[key_of(window, mode)])
        for window in WINDOWS
        if key_of(window, mode) in tables
    ]


def equity(days: Days, start: float) -> str:
    """Return account value with and without the hedge over its drawdown."""
    with_hedge, without = start + np.cumsum(days.full), start + np.cumsum(days.condor)
    at = days_axis(days.sessions)

    def paint(axes: Any) -> None:
        top, below = axes
        top.plot(at, without, color=CONDOR, linewidth=1.1, label="condors alone")
        top.plot(at, with_hedge, color=FULL, linewidth=1.1, label="condors and hedge")
        top.set_ylabel("account, thousand USD")
        thousands(top)
        top.legend(loc="best")
        for values, color in ((without, CONDOR), (with_hedge, FULL)):
            below.plot(at, -100.0 * _fall(values, start), color=color, linewidth=1.0)
        below.set_ylabel("drawdown, %")
        dated(below)

    return drawn(
        paint, size=(5.4, 4.6), rows=2, label="Account value and drawdown with and without hedge"
    )


def _fall(values: FloatArray, start: float) -> FloatArray:
    peaks = np.maximum(np.maximum.accumulate(values), start)
    fallen: FloatArray = 1.0 - values / peaks
    return fallen


def years(days: Days) -> str:
    """Return dollars of condors, hedge and both by year."""
    names = sorted(set(days.years))
    marks = np.array(days.years)

    def total(column: FloatArray) -> list[float]:
        return [float(column[marks == name].sum()) for name in names]

    def paint(axis: Any) -> None:
        series = (
            ("condors", CONDOR, total(days.condor)),
            ("hedge", HEDGE, total(days.hedge)),
            ("both", FULL, total(days.full)),
        )
        bars(axis, names, series, "thousand USD a year")
        thousands(axis)

    return drawn(paint, label="Dollars of condors and hedge by year")


def moves(days: Days) -> str:
    """Return mean dollars a session of condors and hedge by the size of SPX's move."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sized = days.move_frac / days.edr_before
    groups = [(sized > low) & (sized <= high) for low, high in pairwise(MOVE_EDGES)]
    names = [
        f"{name}\nn={int(group.sum())}" for name, group in zip(MOVE_NAMES, groups, strict=True)
    ]

    def means(column: FloatArray) -> list[float]:
        return [float(column[group].mean()) if group.any() else 0.0 for group in groups]

    def paint(axis: Any) -> None:
        series = (("condors", CONDOR, means(days.condor)), ("hedge", HEDGE, means(days.hedge)))
        bars(axis, names, series, "mean USD a session")
        axis.set_xlabel("SPX move in expected daily ranges")

    return drawn(
        paint, size=(5.4, 3.8), label="Mean result of condors and hedge by size of the SPX move"
    )


def stress_bars(paths: Sequence[StressPath], mode: str) -> str:
    """Return condor loss against hedge gain of every window in one mode."""
    names = [path.window.name.replace(" … ", "…") for path in paths]

    def paint(axis: Any) -> None:
        condor = [path.condor_usd[-1] for path in paths]
        hedge = [path.hedge_usd[-1] for path in paths]
        both = [a + b for a, b in zip(condor, hedge, strict=True)]
        series = (("condors", CONDOR, condor), ("hedge", HEDGE, hedge), ("both", FULL, both))
        bars(axis, names, series, "thousand USD")
        axis.set_title(MODE_WORDS[mode], fontsize=9)
        thousands(axis)

    return drawn(paint, label=f"Stress windows, {MODE_WORDS[mode]}: condors against hedge")


def stress_paths(paths: Sequence[StressPath]) -> str:
    """Return the daily path of condor loss and hedge gain in every window."""

    def paint(axes: Any) -> None:
        for axis, path in zip(np.atleast_1d(axes), paths, strict=True):
            at = np.arange(len(path.sessions))
            axis.fill_between(at, path.condor_usd, 0, color=CONDOR, alpha=0.25, linewidth=0)
            axis.plot(at, path.condor_usd, color=CONDOR, linewidth=1.1, label="condors")
            axis.fill_between(at, path.hedge_usd, 0, color=HEDGE, alpha=0.25, linewidth=0)
            axis.plot(at, path.hedge_usd, color=HEDGE, linewidth=1.1, label="hedge")
            axis.axhline(0.0, color=NET, linewidth=0.6)
            axis.set_ylabel("thousand USD", fontsize=8)
            axis.set_title(f"{path.window.name}, {MODE_WORDS[path.mode]}", fontsize=8.5, loc="left")
            thousands(axis)
            axis.xaxis.get_major_locator().set_params(integer=True)
        np.atleast_1d(axes)[0].legend(loc="best", ncols=2)
        np.atleast_1d(axes)[-1].set_xlabel("sessions since the window began")

    return drawn(
        paint,
        size=(5.4, 0.6 + 1.7 * len(paths)),
        rows=len(paths),
        shares_x=False,
        label="Day by day in every stress window: condor loss and hedge gain",
    )
