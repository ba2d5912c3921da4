"""One measured figure beside the limit or the peer it is judged by, and how scripts tell theirs.

The bars are those this project set itself; a ratio of 1 or more reaches the bar, whichever way
better lies. Absolute numbers drift with the machine, the ratios less so.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the bar it should reach: at least, or with `is_most` at most."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    is_most: bool = False
    against: str = "the bar"

    @property
    def ratio(self) -> float | None:
        """Return how far the bar is reached: 1 is exactly; None without a bar."""
        if self.bar is None:
            return None
        parts = (self.bar, self.value) if self.is_most else (self.value, self.bar)
        return parts[0] / parts[1] if parts[1] else float("inf")


def has_miss(figures: Sequence[Figure]) -> bool:
    """Tell whether any bar is missed, so that a profile is due."""
    return any(each.ratio is not None and each.ratio < 1.0 for each in figures)


@dataclass(frozen=True, slots=True)
class Told:
    """What a script measured, with sentences and a table of text to read beside it."""

    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()


def parser_of(doc: str | None) -> ArgumentParser:
    """Return the parser that every script shares."""
    parser = ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def tell(given: Namespace, told: Told) -> None:
    """Print what was measured, for a person or a script."""
    if given.json:
        figures = [asdict(each) | {"ratio": each.ratio} for each in told.figures]
        print(json.dumps(asdict(told) | {"figures": figures}))
        return
    print(told.title)
    for each in told.figures:
        print("  " + line_of(each))
    for text in (*told.notes, *told.profile):
        print("  " + text)


def line_of(figure: Figure) -> str:
    """Return one figure as a line of text."""
    text = f"{figure.name:58} {shown(figure.value):>12} {figure.unit}"
    if figure.bar is None or figure.ratio is None:
        return text
    least = "at most" if figure.is_most else "at least"
    return f"{text:84} {figure.ratio:8.2f} x {figure.against} ({least} {shown(figure.bar)})"


def shown(value: float) -> str:
    """Return a number with as many digits as carry a meaning."""
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median_rate(counts: Sequence[tuple[float, float]]) -> float:
    """Return the median of count / seconds over rounds."""
    rates = sorted(count / seconds for count, seconds in counts)
    return rates[len(rates) // 2]
