"""The picture of a sweep: the end of every point with its spread over markets."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.report.drawing import CONDOR, FULL, HEDGE, QUIET, drawn, thousands

COLORS = (FULL, CONDOR, HEDGE, QUIET)
MOST_POINTS = 24


def spread_picture(rankings: Sequence[dict[str, Any]]) -> str:
    """Return median and 5–95 % of the final account by point, one colour a market and listing."""
    names = list(dict.fromkeys(p["name"] for each in rankings for p in each["points"]))
    names = names[:MOST_POINTS]

    def paint(axis: Any) -> None:
        for index, each in enumerate(rankings):
            points = [point for point in each["points"] if point["name"] in names]
            at = np.array([names.index(point["name"]) for point in points], dtype=np.float64)
            at = at + (index - (len(rankings) - 1) / 2) * 0.16
            middle = np.array([point["end_nlv_usd"] for point in points])
            below = middle - np.array([point["end_nlv_low_usd"] for point in points])
            above = np.array([point["end_nlv_high_usd"] for point in points]) - middle
            color = COLORS[index % len(COLORS)]
            label = f"{each['world']}, {each['listing']}"
            axis.errorbar(
                middle, at, xerr=(below, above), fmt="o", color=color, markersize=4, label=label
            )
        axis.set_yticks(range(len(names)), names)
        axis.set_xlabel("final account, thousand USD; line: 5 to 95 % of markets")
        thousands(axis, "x")
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.figure.legend(loc="outside lower center", ncols=2)

    return drawn(
        paint, size=(5.6, 1.9 + 0.5 * len(names)), label="Final account of every point of the grid"
    )
