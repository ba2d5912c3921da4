"""Draws how far the modelled market is off chains and settles it has never seen, into docs/images.

Run from the root of the project: ALVH_DATA=DIR python benchmarks/error_pictures.py
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmarks.surface_errors import groups, recorded
from bot.world import World
from market.calibration.chains import Snapshot
from market.calibration.evaluation import (
    DELTA_BOUNDS,
    LAYER_DAYS,
    TENOR_BOUNDS_DAYS,
    SnapshotErrors,
    evaluate,
)
from market.calibration.futures_fit import misses_by_position, recorded_curves
from market.calibration.split import is_held_out, is_month_held_out
from market.calibration.width_seen import SeenWidths, is_out, seen_widths
from market.instruments import TradingClass
from market.quotes import FloatArray

mpl.use("Agg")

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "model_errors.png"
HELD_OUT = ("closing chains", "evenings", "within a session")
TENORS = TENOR_BOUNDS_DAYS[:-1]
LEAST_CASES = 20
MOST_VIX_POINTS = 200.0
PRICES, HALVES = (0.1, 0.3, 1, 3, 10, 30), (0.02, 0.05, 0.1, 0.2, 0.3)

# Mids, real and modelled half spreads of one snapshot, points.
Widths = tuple[FloatArray, FloatArray, FloatArray]
Found = Mapping[str, Sequence[SnapshotErrors]]


def draw_vols(axes: Any, found: Found) -> None:
    """Draw the median error of implied vol by tenor and delta, held-out chains together."""
    rows = [one.rows for name in HELD_OUT for one in found[name]]
    days, delta, error = (
        np.concatenate([getattr(row, name) for row in rows]) for name in ("days", "delta", "error")
    )
    table = np.full((len(TENORS) - 1, len(DELTA_BOUNDS) - 1), np.nan)
    for row, (first, last) in enumerate(pairwise(TENORS)):
        for column, (low, high) in enumerate(pairwise(DELTA_BOUNDS)):
            inside = (days >= first) & (days < last) & (delta >= low) & (delta < high)
            if inside.sum() >= LEAST_CASES:
                table[row, column] = np.median(np.abs(error[inside]))
    axes.imshow(table, cmap="Oranges", vmin=0.0, vmax=3.0, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        shown = "–" if np.isnan(value) else f"{value:.1f}"
        axes.text(column, row, shown, ha="center", va="center", fontsize=9)
    names = [f"{100 * low:g}–{100 * min(high, 0.5):g}" for low, high in pairwise(DELTA_BOUNDS)]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(TENORS) - 1), [f"≤ {last:g} days" for last in TENORS[1:]])
    axes.set_xlabel("delta, hundredths")
    axes.set_title("SPX implied vol: median error, vol points")


def draw_condors(axes: Any, found: Found) -> None:
    """Draw modelled against real credits of the one-day condors."""
    for name in HELD_OUT:
        condors = [condor for one in found[name] for condor in one.condors]
        real = [condor.real_credit_points for condor in condors]
        axes.plot(real, [c.model_credit_points for c in condors], ".", label=name)
    _band(axes, 2.4, least=0.10, frac=0.15)
    axes.set_xlabel("real credit, points")
    axes.set_ylabel("modelled credit, points")
    axes.set_title("One-day condors at 0.70, 1.15, 1.60; band: the goal")
    axes.legend(fontsize=8)


def draw_calls(axes: Any, found: Sequence[SnapshotErrors]) -> None:
    """Draw errors of held-out VIX calls by the layer that would hold them."""
    rows = [one.rows for one in found]
    days, delta, error, bound = (
        np.concatenate([getattr(row, name) for row in rows])
        for name in ("days", "delta", "error", "bound")
    )
    for layer, (first, last) in LAYER_DAYS.items():
        inside = (days >= first) & (days <= last) & (delta >= 0.05)
        name = f"{layer}, {first:g}–{last:g} days ({inside.sum()})"
        axes.plot(delta[inside], error[inside] / bound[inside], ".", ms=4, label=name)
    axes.axhspan(-1.0, 1.0, color="0.92", zorder=0)
    axes.set_ylim(-2.0, 2.0)
    axes.set_xlabel("delta")
    axes.set_ylabel("error / (10 % or 0.10 points)")
    axes.set_title("VIX calls by layer; band: the goal")
    axes.legend(fontsize=8)


def draw_futures(axes: Any, world: World) -> None:
    """Draw the median error of VIX futures by position, months held out."""
    curves = [
        curve
        for curve in recorded_curves(world.history, world.calendar, world.family)
        if is_month_held_out(curve.session)
    ]
    errors = misses_by_position(world.market.params, curves)
    axes.bar(range(1, len(errors) + 1), errors, color="C2")
    axes.set_xlabel("position of the monthly future")
    axes.set_ylabel("points")
    axes.set_title(f"VIX futures: median error, {len(curves):,} sessions")


def draw_widths(axes: Any, title: str, groups_of: Mapping[str, Sequence[Widths]]) -> None:
    """Draw the median half spread by price, out of the money: dots are real, lines the model."""
    edges: FloatArray = np.geomspace(0.1, 60.0, 14)
    for number, (name, seen) in enumerate(groups_of.items()):
        mid, half, modelled = (np.concatenate(column) for column in zip(*seen, strict=True))
        real_medians, medians, places = [], [], []
        for low, high in pairwise(edges):
            inside = (mid >= low) & (mid < high)
            if inside.sum() >= LEAST_CASES:
                places.append(float(np.sqrt(low * high)))
                real_medians.append(float(np.median(half[inside])))
                medians.append(float(np.median(modelled[inside])))
        axes.plot(places, real_medians, "o", ms=4, color=f"C{number}", label=f"{name}, real")
        axes.plot(places, medians, color=f"C{number}", label=f"{name}, model")
    axes.loglog()
    axes.minorticks_off()
    axes.set_xticks(PRICES, [f"{price:g}" for price in PRICES])
    axes.set_yticks(HALVES, [f"{half:g}" for half in HALVES])
    axes.set_xlabel("price, points")
    axes.set_ylabel("points")
    axes.set_title(title)
    axes.legend(fontsize=8)


def widths_of(
    world: World, snapshots: Sequence[Snapshot], *, is_weekly: bool | None = None
) -> list[Widths]:
    """Return mids, real and modelled half spreads of the live quotes out of the money."""
    found: list[Widths] = []
    vix_at = partial(_vix_at, world)
    for seen in seen_widths(snapshots, vix_at, world.calendar):
        if seen.hour.is_night:
            continue
        widths = world.market.params.quotes(_class_of(seen))
        kept = is_out(seen)
        if is_weekly is not None:
            kept &= seen.column("is_weekly") == is_weekly
        half = seen.column("half")[kept]
        found.append((seen.column("mid")[kept], half, half * np.exp(seen.misses(widths)[kept])))
    return found


def _class_of(seen: SeenWidths) -> TradingClass:
    is_index = max(chain.forward for chain in seen.chains) > MOST_VIX_POINTS
    return TradingClass.SPXW if is_index else TradingClass.VIX


def _vix_at(world: World, at: datetime) -> float:
    return world.market.levels(at).vix


def _band(axes: Any, most: float, *, least: float, frac: float) -> None:
    """Draw the diagonal and the errors allowed around it."""
    line: FloatArray = np.linspace(0.0, most, 50)
    allowed = np.maximum(least, frac * line)
    axes.fill_between(line, line - allowed, line + allowed, color="0.92", zorder=0)
    axes.plot(line, line, color="0.6", lw=0.8, zorder=0)
    axes.set_xlim(0.5, most)
    axes.set_ylim(0.0, 3.2)


def main() -> None:
    """Measure and draw."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - after the backend is chosen

    world, snapshots = recorded()
    found = {
        name: evaluate(world.market, world.calendar, own)
        for name, own in groups(world, snapshots).items()
        if name in HELD_OUT
    }
    vix = [one for one in snapshots if one.underlying == "VIX" and not one.is_stale]
    spx = [one for one in snapshots if one.underlying == "SPX" and is_held_out(one)]
    unseen = [one for one in vix if is_held_out(one)]
    figure = Figure(figsize=(12, 13), layout="constrained")
    figure.suptitle("What the modelled market misses of chains and settles it has never seen")
    (vols, condors), (layers, futures), (spx_widths, vix_widths) = figure.subplots(3, 2)
    draw_vols(vols, found)
    draw_condors(condors, found)
    draw_calls(layers, evaluate(world.market, world.calendar, unseen))
    draw_futures(futures, world)
    draw_widths(spx_widths, "SPX half spreads out of the money", {"SPX": widths_of(world, spx)})
    kinds = {
        "monthly": widths_of(world, unseen, is_weekly=False),
        "weekly": widths_of(world, unseen, is_weekly=True),
    }
    draw_widths(vix_widths, "VIX half spreads out of the money", kinds)
    figure.savefig(TARGET, dpi=90)


if __name__ == "__main__":
    main()
