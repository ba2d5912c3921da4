"""Templates and the figures in them: every page is one file that asks nothing of the network."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.masking import masked
from bot.report.interval_bar import interval_bar
from bot.study.verdict import figure

if TYPE_CHECKING:
    from jinja2 import Environment

# A minus that never ends a line.
NEGATIVE = "−\u2060"
# From here on a plain number needs no digits after the point.
PLAIN_ABOVE = 100.0


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


def part_figure(value: float | None, part: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    """Return a figure of a part of a claim in the claim's unit; that of a neighbouring question,
    which has a unit of its own in its words, with three digits."""
    if part["by"] != "beside":
        return figure(value, claim["unit"])
    return number(value, 0 if abs(value or 0.0) >= PLAIN_ABOVE else 3)


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
        "told": part_figure,
        "interval": interval_bar,
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
