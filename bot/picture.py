"""The picture of a run: equity with and without the hedge, drawdown, VIX, value of the hedge."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bot.summary import EquityPoint
from market.quotes import FloatArray

HEDGED, BARE, VIX, HEDGE = "#1b6ca8", "#b5651d", "#6b4c9a", "#2e7d32"
INCHES = (11.0, 9.0)
DOTS_PER_INCH = 110


def drawdown_frac(equity: FloatArray) -> FloatArray:
    """Return the fall from the running peak, as negative fractions, one per point."""
    peaks = np.maximum.accumulate(equity)
    return equity / peaks - 1.0


def draw(points: Sequence[EquityPoint], start_usd: float, title: str, path: Path) -> None:
    """Write the picture as PNG; axes carry units, and the title says that it is simulated."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1.5, 1.5))
    days = np.array([point.session for point in points], dtype="datetime64[D]")
    hedged = np.array([point.nlv_usd for point in points])
    bare = np.array([point.unhedged_nlv_usd for point in points])
    _equity(axes[0], days, hedged, bare, start_usd)
    _drawdown(axes[1], days, hedged, bare, start_usd)
    _line(axes[2], days, np.array([p.vix for p in points]), VIX, "VIX, points")
    values = np.array([p.hedge_value_usd for p in points]) / 1000.0
    _line(axes[3], days, values, HEDGE, "hedge value,\nthousand USD")
    axes[3].set_ylim(bottom=0)
    locator = AutoDateLocator()
    axes[3].xaxis.set_major_locator(locator)
    axes[3].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.suptitle(title, fontsize=12)
    figure.savefig(path)


def _equity(axis: Any, days: Any, hedged: FloatArray, bare: FloatArray, start_usd: float) -> None:
    axis.axhline(start_usd / 1000.0, color="0.6", linewidth=0.8, linestyle=":")
    axis.plot(days, bare / 1000.0, color=BARE, label="condors alone", linewidth=1.5)
    axis.plot(days, hedged / 1000.0, color=HEDGED, label="condors and hedge", linewidth=1.5)
    axis.set_ylabel("net liquidation value,\nthousand USD")
    axis.legend(loc="best", frameon=False)
    axis.grid(alpha=0.25)


def _drawdown(axis: Any, days: Any, hedged: FloatArray, bare: FloatArray, start: float) -> None:
    for equity, color in ((bare, BARE), (hedged, HEDGED)):
        falls = drawdown_frac(np.concatenate(([start], equity)))[1:]
        axis.plot(days, 100.0 * falls, color=color, linewidth=1.2)
    axis.axhline(0.0, color="0.6", linewidth=0.8, linestyle=":")
    axis.set_ylabel("drawdown, %")
    axis.grid(alpha=0.25)


def _line(axis: Any, days: Any, values: FloatArray, color: str, label: str) -> None:
    axis.plot(days, values, color=color, linewidth=1.2)
    axis.set_ylabel(label)
    axis.grid(alpha=0.25)
