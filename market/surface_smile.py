"""The shape of an SPX smile, and what a strip over all its strikes is worth.

Rules of this file:
- Variance is measured against at-the-money, moneyness z = ln(K/F) in at-the-money standard
  deviations, so one shape serves every level.
- The shape is a sum of two halves of a hyperbola (the raw SVI of J. Gatheral, 2004, bends both
  wings alike; here each wing has a bend of its own) through variance 1 at z = 0.
"""

import math
from functools import lru_cache

import numpy as np

from market import normal
from market.family import VolState
from market.quotes import FloatArray
from market.surface_params import SpxSmile
from market.values import value

_STEEPEST_BEND = 0.985  # beyond it the smile's lowest point would lie far outside any chain
_LEAST_VARIANCE_RATIO = 0.05
_USUAL_VIX_POINTS, _USUAL_VVIX_POINTS, _USUAL_SKEW_POINTS = 18.0, 95.0, 130.0
_WEEK_SESSIONS = 5.0
_STRIP_STEP = 0.5
_STRIP_Z: FloatArray = np.arange(-24.0, 9.01, _STRIP_STEP)
_STRIP_SIGN: FloatArray = np.where(_STRIP_Z < 0.0, 1.0, -1.0)  # puts below the forward
_STRIP_ROUNDS = 2  # within 0.05 % of the vol at the limit
_FIRST_STRIP_RATIO = 1.4


@value(frozen=True, slots=True)
class SmileShape:
    """One smile: slopes of the wings in variance per z, where and how widely each bends."""

    put_wing: float
    put_centre: float
    put_bend: float
    call_wing: float
    call_centre: float
    call_bend: float

    def variance_ratio(self, z: FloatArray) -> FloatArray:
        """Return variance relative to at-the-money at `z`."""
        # Both arms in full: half a hyperbola is half its root and half a straight line.
        at_centre = self.put_wing * math.hypot(
            self.put_centre, self.put_bend
        ) + self.call_wing * math.hypot(self.call_centre, self.call_bend)
        total = _arm(z, -self.put_centre, self.put_bend)
        total *= 0.5 * self.put_wing
        call = _arm(z, self.call_centre, self.call_bend)
        call *= 0.5 * self.call_wing
        total += call
        np.multiply(z, 0.5 * (self.call_wing - self.put_wing), out=call)
        total += call
        total += 1.0 - 0.5 * at_centre
        return np.maximum(total, _LEAST_VARIANCE_RATIO, out=total)

    def strip_ratio(self, strip_sd: float, least_price_frac: float) -> float:
        """Return (variance of the whole strip of options) / (at-the-money variance).

        `strip_sd` is the total standard deviation of the strip, VIX x sqrt(T). Options below
        `least_price_frac` of the forward have no bid and do not count (Cboe, "VIX mathematics
        methodology"). At-the-money sd and ratio follow from each other in a few rounds.
        """
        return _strip_ratio(self, strip_sd, least_price_frac)


# After the close the levels stand still: entry, fills and review ask for the same strip.
@lru_cache(maxsize=64)
def _strip_ratio(shape: SmileShape, strip_sd: float, least_price_frac: float) -> float:
    ratio = shape.variance_ratio(_STRIP_Z)
    root = np.sqrt(ratio)
    centred = _STRIP_Z / root
    strip = _FIRST_STRIP_RATIO
    for _ in range(_STRIP_ROUNDS):
        sd = strip_sd / math.sqrt(strip)
        half = (0.5 * sd) * root
        relative = np.exp(sd * _STRIP_Z)
        below = relative * normal.ndtr(_STRIP_SIGN * (half + centred))
        below -= normal.ndtr(_STRIP_SIGN * (centred - half))
        below *= _STRIP_SIGN
        total = float(np.sum((below / relative)[below > least_price_frac]))
        # 2 sum(O / K^2 dK) in units of variance, less what the even grid adds at the kink.
        strip = 2.0 * _STRIP_STEP * total / sd - _STRIP_STEP * _STRIP_STEP / 6.0
    return strip


def smile_shape(smile: SpxSmile, sessions_left: float, vol: VolState) -> SmileShape:
    """Return the shape of the smile of an expiry at a state of the volatility family."""
    tenor = math.log(max(sessions_left, 0.25) / _WEEK_SESSIONS)
    level = math.log(
        _clip(vol.vix, smile.vix_least_points, smile.vix_most_points) / _USUAL_VIX_POINTS
    )
    spice = math.log(
        _clip(vol.vvix, smile.vvix_least_points, smile.vvix_most_points) / _USUAL_VVIX_POINTS
    )
    lean = 0.0
    if vol.skew is not None:
        lean = math.log(
            _clip(vol.skew, smile.skew_least_points, smile.skew_most_points) / _USUAL_SKEW_POINTS
        )
    slope = smile.slope * math.exp(
        smile.slope_tenor_power * tenor
        + smile.slope_vix_power * level
        + smile.slope_vvix_power * spice
        + smile.slope_skew_power * lean
    )
    slope = min(slope, smile.slope_most)
    put_wing = smile.put_wing * math.exp(
        smile.put_wing_tenor_power * tenor
        + smile.put_wing_vix_power * level
        + smile.put_wing_vvix_power * spice
        + smile.put_wing_skew_power * lean
    )
    call_wing = smile.call_wing * math.exp(smile.call_wing_tenor_power * tenor)
    call_centre = smile.call_centre + smile.call_centre_vix * level + smile.call_centre_vvix * spice
    call_slope = 0.5 * call_wing * (1.0 - call_centre / math.hypot(call_centre, smile.call_bend))
    # The put arm lies where the slope at the money comes out as wanted.
    bend = _clip(1.0 - 2.0 * (slope + call_slope) / put_wing, -_STEEPEST_BEND, _STEEPEST_BEND)
    return SmileShape(
        put_wing=put_wing,
        put_centre=smile.put_bend * bend / math.sqrt(1.0 - bend * bend),
        put_bend=smile.put_bend,
        call_wing=call_wing,
        call_centre=call_centre,
        call_bend=smile.call_bend,
    )


def _arm(z: FloatArray, centre: float, bend: float) -> FloatArray:
    arm: FloatArray = z - centre
    arm *= arm
    arm += bend * bend
    return np.sqrt(arm, out=arm)


def _clip(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
