"""The one-day condors of the method, laid out on a real chain and priced by the model.

The strikes are those that the strike search would take at that moment: both shorts at most 0.18
delta, the pair whose credit exceeds its target least, ties by the more even distance.
"""

from dataclasses import dataclass

import numpy as np

from market.quotes import BoolArray, Chain, FloatArray

TARGETS_POINTS = (0.70, 1.15, 1.60)
WING_POINTS = 25.0
MOST_DELTA = 0.18
CREDIT_BOUND_POINTS = 0.10
CREDIT_BOUND_FRAC = 0.15


@dataclass(frozen=True, slots=True)
class CondorError:
    """One condor: its short strikes and what it brings at real and at modelled mids, points."""

    target_points: float
    short_put_strike: float
    short_call_strike: float
    real_credit_points: float
    model_credit_points: float

    @property
    def error_points(self) -> float:
        """Return model less real credit."""
        return self.model_credit_points - self.real_credit_points

    @property
    def is_within(self) -> bool:
        """Tell whether the model is within 0.10 points or 15 % of the real credit."""
        bound = max(CREDIT_BOUND_POINTS, CREDIT_BOUND_FRAC * self.real_credit_points)
        return abs(self.error_points) <= bound + 1e-9


def condor_errors(real: Chain, model: Chain) -> tuple[CondorError, ...]:
    """Return the condors of one expiry; both chains have the same strikes.

    A target that no pair of strikes reaches is left out.
    """
    put_place, put_wing = _verticals(real, -WING_POINTS, np.abs(real.put_delta) <= MOST_DELTA)
    call_place, call_wing = _verticals(real, WING_POINTS, real.call_delta <= MOST_DELTA)
    puts = real.put_mid[put_place] - real.put_mid[put_wing]
    calls = real.call_mid[call_place] - real.call_mid[call_wing]
    has_put, has_call = puts > 0.0, calls > 0.0
    put_place, put_wing, puts = put_place[has_put], put_wing[has_put], puts[has_put]
    call_place, call_wing, calls = call_place[has_call], call_wing[has_call], calls[has_call]
    credits = puts[:, None] + calls[None, :]
    distance = np.abs(
        real.strikes[put_place][:, None] + real.strikes[call_place][None, :] - 2.0 * real.forward
    )
    found: list[CondorError] = []
    for target in TARGETS_POINTS:
        place = _least_excess(credits, distance, target)
        if place is None:
            continue
        row, column = place
        put, call = put_place[row], call_place[column]
        put_side = model.put_mid[put] - model.put_mid[put_wing[row]]
        call_side = model.call_mid[call] - model.call_mid[call_wing[column]]
        found.append(
            CondorError(
                target_points=target,
                short_put_strike=float(real.strikes[put]),
                short_call_strike=float(real.strikes[call]),
                real_credit_points=round(float(credits[row, column]), 4),
                model_credit_points=round(float(put_side + call_side), 4),
            )
        )
    return tuple(found)


def _verticals(
    chain: Chain, wing_points: float, is_far: BoolArray
) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Return the places of short strikes that are far enough out, and of their wings."""
    short = np.flatnonzero(is_far)
    wanted = chain.strikes[short] + wing_points
    wing = np.searchsorted(chain.strikes, wanted)
    wing = np.minimum(wing, len(chain.strikes) - 1)
    is_there = chain.strikes[wing] == wanted
    return short[is_there], wing[is_there]


def _least_excess(
    credits: FloatArray, distance: FloatArray, target: float
) -> tuple[int, int] | None:
    excess = np.round(np.where(credits >= target - 1e-9, credits - target, np.inf), 6)
    if not excess.size or not np.isfinite(excess.min()):
        return None
    ties = np.where(excess == excess.min(), distance, np.inf)
    row, column = np.unravel_index(int(np.argmin(ties)), ties.shape)
    return int(row), int(column)
