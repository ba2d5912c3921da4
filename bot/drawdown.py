"""Drawdown as it runs: the peak so far and the deepest fall from it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Drawdown:
    """Running peak and the deepest fall from it, as a fraction of the peak."""

    peak: float
    deepest_frac: float = 0.0

    def add(self, value: float) -> None:
        """Take in the next value."""
        self.peak = max(self.peak, value)
        self.deepest_frac = max(self.deepest_frac, 1.0 - value / self.peak)
