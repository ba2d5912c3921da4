"""Random walks between known levels, drawn by hash so that no question disturbs another.

Rules of this file:
- Brownian bridges come from a shelf: some hundreds of standard ones, drawn once from the seed. A
  day picks its own from the shelf by hash, so that looking up an instant costs a multiplication.
- A leg that ends on an extreme of the day runs as a three-dimensional Bessel bridge above (or
  below) it, which is a Brownian bridge that has been told not to cross (Revuz and Yor, Continuous
  Martingales and Brownian Motion, chapter XI); what would cross the far extreme is folded back.
"""

import math
from dataclasses import dataclass

import numpy as np

_SHELF, _STEPS = 256, 64

Bridge = list[float]


class BridgeShelf:
    """Standard Brownian bridges on [0, 1], the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        draws = np.random.default_rng([abs(seed), int(seed < 0), 0x62726964])
        steps = draws.standard_normal((_SHELF, _STEPS)) / math.sqrt(_STEPS)
        walks = np.concatenate([np.zeros((_SHELF, 1)), np.cumsum(steps, axis=1)], axis=1)
        bridges = walks - np.linspace(0.0, 1.0, _STEPS + 1) * walks[:, -1:]
        bridges[:, -1] = 0.0
        self._bridges: list[Bridge] = bridges.tolist()

    def pick(self, byte: int) -> Bridge:
        """Return the bridge that a byte of a hash names."""
        return self._bridges[byte]


def bridge_at(bridge: Bridge, share: float) -> float:
    """Return a standard bridge at a share of its way, straight between its steps."""
    place = share * _STEPS
    step = min(int(place), _STEPS - 1)
    return bridge[step] + (place - step) * (bridge[step + 1] - bridge[step])


@dataclass(frozen=True, slots=True)
class Leg:
    """A walk from one level to another inside a range, one end standing on `anchor`, an extreme.

    `sd` is the standard deviation of free movement over the whole leg, points.
    """

    first: float
    last: float
    anchor: float
    far: float
    sd: float
    bridges: tuple[Bridge, Bridge, Bridge]

    def at(self, share: float) -> float:
        """Return the level at a share of the leg; both ends are hit exactly."""
        if share <= 0.0:
            return self.first
        if share >= 1.0:
            return self.last
        start, end = abs(self.first - self.anchor), abs(self.last - self.anchor)
        across, *aside = (self.sd * bridge_at(bridge, share) for bridge in self.bridges)
        height = math.hypot(start + share * (end - start) + across, *aside)
        reach = abs(self.far - self.anchor)
        if height > reach:
            height = max(2.0 * reach - height, 0.0)
        return self.anchor + math.copysign(height, self.far - self.anchor)
