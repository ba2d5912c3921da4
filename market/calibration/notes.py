"""What a fit was made on, and how far it misses: the line that stands beside its parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from market.quotes import FloatArray


@dataclass(frozen=True, slots=True)
class FitNote:
    """One fit: the part of the model, its sample, and its absolute errors in `unit`.

    `measure` says which errors these are. `held_out` and `held_out_count` are of what the fit has
    not seen; None and 0 where all of it was used.
    """

    part: str
    sample: str
    count: int
    unit: str
    error: float
    held_out: float | None = None
    held_out_count: int = 0
    measure: str = "median error"

    def line(self) -> str:
        """Return the note as one line of words."""
        told = f"{self.part}: {self.count} {self.sample}; {self.measure} {self.error:.3g}"
        if self.held_out is not None:
            told += f", {self.held_out:.3g} on {self.held_out_count} held out,"
        return f"{told} {self.unit}"


def median_absolute(errors: FloatArray) -> float | None:
    """Return the median of absolute errors, None of none."""
    return float(np.median(np.abs(errors))) if len(errors) else None


def span(days: Sequence[date]) -> str:
    """Return first and last of some dates in order."""
    return f"{days[0]} to {days[-1]}"
