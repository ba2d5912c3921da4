"""Templates and the figures in them: every page is one file that asks nothing of the network."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.masking import masked
from bot.study.verdict import figure

if TYPE_CHECKING:
    from jinja2 import Environment

# A minus that never ends a line.
NEGATIVE = "−\u2060"
WIDE, HIGH, MARGIN = 220.0, 26.0, 6.0


def usd(value: float | None) -> str:
    """Return dollars with sign and thousands, a dash when unknown."""
    if value is None:
        return "–"
    return f"{NEGATIVE if value < 0 else ''}${abs(value):,.0f}"


def share(value: float | None, digits: int = 1) -> str:
    """Return a fraction as per cent, a dash when unknown."""
    if value is None:
        return "–"
    return f"{'−' if value < 0 else ''}{abs(100.0 * value):.{digits}f}\u00a0%"


def number(value: float | None, digits: int = 2) -> str:
    """Return a plain number, a dash when unknown."""
    if value is None:
        return "–"
    return f"{'−' if value < 0 else ''}{abs(value):,.{digits}f}"


def interval_svg(claim: Mapping[str, Any]) -> str:
    """Return a small picture of an interval (line), its estimate (dot) and what is claimed
    (shaded); nothing where there is no interval."""
    known = (claim["ci_low"], claim["ci_high"], claim["estimate"])
    if None in known:
        return ""
    low, high, at = map(float, known)
    bounds = (claim["claimed_low"], claim["claimed_high"])
    edges = [float(edge) for edge in bounds if edge is not None]
    least, most = min(low, at, *edges), max(high, at, *edges)
    room = (most - least or 1.0) * 0.12
    least, most = least - room, most + room

    def x(value: float) -> float:
        return MARGIN + (WIDE - 2 * MARGIN) * (value - least) / (most - least)

    begin = x(least if claim["claimed_low"] is None else claim["claimed_low"])
    end = x(most if claim["claimed_high"] is None else claim["claimed_high"])
    middle = HIGH / 2
    words = f"interval {figure(low, claim['unit'])} to {figure(high, claim['unit'])}"
    return (
        f'<svg class="ci" viewBox="0 0 {WIDE:g} {HIGH:g}" role="img" aria-label="{words}, claimed '
        f'{claim["claimed"]}"><rect x="{begin:.1f}" y="2" width="{max(end - begin, 1.5):.1f}" '
        f'height="{HIGH - 4:g}" class="claimed"/><line x1="{x(low):.1f}" x2="{x(high):.1f}" '
        f'y1="{middle:g}" y2="{middle:g}" class="line"/><circle cx="{x(at):.1f}" cy="{middle:g}" '
        'r="4.2" class="dot"/></svg>'
    )


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import DictLoader, Environment, StrictUndefined  # noqa: PLC0415 - only when used

    folder = files("bot.report") / "templates"
    sources = {
        item.name: item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".j2")
    }
    found = Environment(
        loader=DictLoader(sources),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "usd": usd,
        "share": share,
        "number": number,
        "figure": figure,
        "masked": masked,
        "interval": interval_svg,
    }
    return found


def rendered(template: str, **values: Any) -> str:
    """Return a page, account numbers and secrets in it masked."""
    return masked(_environment().get_template(template).render(**values))


def written(path: Path, text: str) -> Path:
    """Write a page whole or not at all; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return path


def day_words(day: date) -> str:
    """Return a date in words."""
    return f"{day:%A %d %B %Y}"
