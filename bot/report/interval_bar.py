"""A small picture beside a claim: its interval, its estimate, and where the claim would be true."""

from collections.abc import Mapping
from typing import Any

from bot.study.verdict import figure

WIDE, HIGH, MARGIN = 400.0, 50.0, 70.0
# The interval's line; the base lines of what is claimed (above) and of the interval's ends (below).
LINE_Y, CLAIM_Y, ENDS_Y = 25.0, 10.0, 46.0
HALF_SHADE = 11.0
# Words of what is claimed keep this far from either edge; words of an end begin under the line.
HALF_WORDS, UNDER = 66.0, 4.0
SPARE_FRAC = 0.12


def interval_bar(claim: Mapping[str, Any]) -> str:
    """Return the picture as SVG text: line = interval with its ends in words, dot = estimate,
    shade = what is claimed; nothing where there is no interval."""
    known = (claim["ci_low"], claim["ci_high"], claim["estimate"])
    if None in known:
        return ""
    low, high, at = map(float, known)
    begin, end = claim["claimed_low"], claim["claimed_high"]
    least, most = _shown(low, high, at, *(float(edge) for edge in (begin, end) if edge is not None))

    def x(value: float) -> float:
        return MARGIN + (WIDE - 2 * MARGIN) * (value - least) / (most - least)

    ends = [figure(value, claim["unit"]) for value in (low, high)]
    shade = x(least if begin is None else begin), x(most if end is None else end)
    return (
        f'<svg class="ci" viewBox="0 0 {WIDE:g} {HIGH:g}" role="img" '
        f'aria-label="interval {ends[0]} to {ends[1]}, claimed {claim["claimed"]}">'
        f"{_shade(*shade, claim['claimed'])}{_line(x(low), x(at), x(high))}"
        f"{_words(x(low) + UNDER, ENDS_Y, 'end', ends[0])}"
        f"{_words(x(high) - UNDER, ENDS_Y, 'start', ends[1])}</svg>"
    )


def _shown(*values: float) -> tuple[float, float]:
    """Return the least and greatest value that the picture shows."""
    least, most = min(values), max(values)
    room = (most - least or 1.0) * SPARE_FRAC
    return least - room, most + room


def _shade(begin: float, end: float, claimed: str) -> str:
    middle = min(max((begin + end) / 2, HALF_WORDS), WIDE - HALF_WORDS)
    return (
        f'<rect x="{begin:.1f}" y="{LINE_Y - HALF_SHADE:g}" width="{max(end - begin, 1.5):.1f}" '
        f'height="{2 * HALF_SHADE:g}" class="claimed"/>{_words(middle, CLAIM_Y, "middle", claimed)}'
    )


def _line(low: float, at: float, high: float) -> str:
    return (
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{LINE_Y:g}" y2="{LINE_Y:g}" class="line"/>'
        f'<circle cx="{at:.1f}" cy="{LINE_Y:g}" r="4.2" class="dot"/>'
    )


def _words(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:g}" text-anchor="{anchor}">{text}</text>'
