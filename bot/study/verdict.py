"""From an interval to a verdict, by one rule for all claims.

A claim names a region of its statistic in which it is true. It is supported when the whole 95 %
interval lies inside, refuted when the whole interval lies outside, else undecided; with fewer than
20 observations, or where the model cannot know, it is undecided whatever the interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.study.bootstrap import Interval

LEAST_COUNT = 20


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Region:
    """Where a claim is true: at or above `low`, at or below `high`; None is no bound."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError("a claim without a bound cannot fail")

    def words(self, unit: str) -> str:
        """Return the region in words."""
        if self.low is not None and self.high is not None:
            return f"{figure(self.low, unit)} to {figure(self.high, unit)}"
        if self.low is not None:
            return f"at least {figure(self.low, unit)}"
        return f"at most {figure(self.high, unit)}"


def judge(found: Interval, region: Region, count: int) -> Verdict:
    """Return the verdict of an interval on a region."""
    if found.low is None or found.high is None or count < LEAST_COUNT:
        return Verdict.UNDECIDED
    is_above = region.low is None or found.low >= region.low
    is_below = region.high is None or found.high <= region.high
    if is_above and is_below:
        return Verdict.SUPPORTED
    falls_short = region.low is not None and found.high < region.low
    overshoots = region.high is not None and found.low > region.high
    return Verdict.REFUTED if falls_short or overshoots else Verdict.UNDECIDED


def all_told(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a claim with several conditions: one refuted refutes it, and it is
    supported when all are."""
    if Verdict.REFUTED in verdicts:
        return Verdict.REFUTED
    is_whole = all(each is Verdict.SUPPORTED for each in verdicts)
    return Verdict.SUPPORTED if is_whole else Verdict.UNDECIDED


def figure(value: float | None, unit: str) -> str:
    """Return a number as a trader writes it: a share in %, dollars, points, or plain."""
    if value is None:
        return "unknown"
    sign, size = "−" if value < 0 else "", abs(value)
    if unit == "frac":
        share = 100.0 * size
        return f"{sign}{share:.{1 if share >= 10.0 or not share else 2}f}\u00a0%"
    if unit == "usd":
        return f"{sign}${size:,.0f}"
    if unit == "usd_cents":
        return f"{sign}${size:,.2f}"
    if unit == "points":
        return f"{sign}{size:.2f} points"
    return f"{sign}{size:.2f}"
