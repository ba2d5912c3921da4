"""What a claim is judged on: rows with labels, an estimate, its interval and its slices."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.study.bootstrap import Interval, Statistic, interval
from bot.study.statistics import yearly
from market.quotes import BoolArray, FloatArray

DAYS, TRADES, MONTHS = 20.0, 5.0, 3.0
SLICE_DRAWS = 400
BASE_SEED = 20180205
UNCHANGED = "the rule never changed a trade in this window"


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows in time order with a statistic; `labels` give each row its year, side or VIX bucket."""

    rows: FloatArray
    statistic: Statistic
    block: float = DAYS
    is_rate: bool = False
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why_empty: str = "no such case occurred in the window"

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; both None where nothing was observed, with the reason."""

    n: int
    value: float | None
    ci: Interval


@dataclass(frozen=True, slots=True)
class Slice:
    """The estimate on a part of the rows, or of a neighbouring question."""

    by: str
    name: str
    estimate: Estimate


def column(values: Sequence[float] | FloatArray | BoolArray) -> FloatArray:
    """Return values as rows of one column."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


def paired(*columns: Sequence[float] | FloatArray) -> FloatArray:
    """Return columns of equal length as rows."""
    return np.column_stack([np.asarray(each, dtype=np.float64) for each in columns])


def estimate(sample: Sample, name: str, draws: int | None = None) -> Estimate:
    """Return the estimate of a sample; `name` seeds its interval."""
    if not len(sample):
        return Estimate(0, None, Interval(None, None, "none", sample.why_empty))
    value = sample.statistic(sample.rows)
    if not math.isfinite(value):
        return Estimate(
            len(sample), None, Interval(None, None, "none", "the statistic is undefined here")
        )
    found = interval(
        sample.rows,
        sample.statistic,
        block=sample.block,
        seed=BASE_SEED ^ zlib.crc32(name.encode()),
        is_rate=sample.is_rate,
        **({} if draws is None else {"draws": draws}),
    )
    return Estimate(len(sample), value, found)


def slices(sample: Sample, name: str) -> list[Slice]:
    """Return the estimate of every label of every kind, in order of appearance by name."""
    found = []
    for by, labels in sample.labels.items():
        marks = np.array(labels)
        for label in sorted(set(labels)):
            part = Sample(
                sample.rows[marks == label], sample.statistic, sample.block, sample.is_rate
            )
            found.append(Slice(by, label, estimate(part, f"{name}/{by}/{label}", SLICE_DRAWS)))
    return found


def difference(
    ours: FloatArray,
    theirs: FloatArray,
    why: str = UNCHANGED,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Sample:
    """Return daily dollars of two runs as pairs, nothing where they never differ."""
    if np.allclose(ours, theirs, atol=0.005):
        return Sample(paired([], []), _yearly_gain, why_empty=why)
    return Sample(paired(ours, theirs), _yearly_gain, labels=labels or {})


def _yearly_gain(rows: FloatArray) -> float:
    return yearly((rows[:, 0] - rows[:, 1]).reshape(-1, 1))
