"""Pictures as small SVG texts: axes with units, readable on a phone, equal for equal input."""

import io
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np

CONDOR, HEDGE, NET, FULL, QUIET = "#b5651d", "#2e7d32", "#333333", "#1b6ca8", "#8a8a8a"
SIZE = (5.4, 3.5)
CROWD, LONG_NAME, MOST_LEVEL = 5, 8, 12
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "alvh",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


def drawn(
    paint: Callable[[Any], None],
    *,
    size: tuple[float, float] = SIZE,
    label: str,
    rows: int = 1,
    shares_x: bool = True,
) -> str:
    """Return one picture as SVG text; `paint` gets its axes, `label` says what it shows."""
    from matplotlib import rc_context  # noqa: PLC0415 - heavy, only when used
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(rows, 1, sharex=shares_x and rows > 1)
        paint(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _embeddable(buffer.getvalue(), label)


def _embeddable(svg: str, label: str) -> str:
    """Return the svg element alone, scaling to the page, with a name for those who cannot see."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", body, count=1)
    body = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", body, count=1)
    text = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    body = body.replace("<svg ", f'<svg role="img" aria-label="{text}" ', 1)
    salt = re.sub(r"\W", "", label)[:12].lower()
    # Several pictures share one page, so their inner names must differ.
    for name in sorted(set(re.findall(r'id="([^"]+)"', body)), key=len, reverse=True):
        body = re.sub(rf'(id="|#){re.escape(name)}(?=["\)])', rf"\g<1>{salt}-{name}", body)
    return body.strip()


def thousands(axis: Any, which: str = "y") -> None:
    """Label an axis of dollars in thousands."""
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - heavy

    side = axis.xaxis if which == "x" else axis.yaxis
    side.set_major_formatter(FuncFormatter(lambda value, _at: f"{value / 1000:,.6g}"))


def dated(axis: Any) -> None:
    """Label a time axis briefly."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - heavy

    locator = AutoDateLocator(minticks=1, maxticks=9)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def days_axis(sessions: Sequence[date]) -> Any:
    """Return dates as the pictures want them."""
    return np.array(sessions, dtype="datetime64[D]")


def bars(
    axis: Any, names: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]], unit: str
) -> None:
    """Paint groups of bars, one group a name; each series is (label, colour, values)."""
    places = np.arange(len(names), dtype=np.float64)
    width = 0.8 / len(series)
    for index, (label, color, values) in enumerate(series):
        offset = (index - (len(series) - 1) / 2) * width
        axis.bar(places + offset, values, width, color=color, label=label)
    axis.axhline(0.0, color=NET, linewidth=0.8)
    is_crowded = len(names) > CROWD and max(map(len, names)) > LONG_NAME
    is_crowded |= len(names) > MOST_LEVEL
    if is_crowded:
        axis.set_xticks(places, names, rotation=35, ha="right")
    else:
        axis.set_xticks(places, names)
    axis.set_ylabel(unit)
    axis.grid(axis="x", visible=False)
    axis.legend(loc="best")
