"""The vol at which Black-76 gives a price.

With x = −|ln(F/K)| and the time value in units of sqrt(F·K), an option out of the money is worth
b(x, s) at the total deviation s = vol·sqrt(years) (P. Jäckel, "Let's be rational", 2015). Every row
comes to its s by the same three parts:

1. A first guess. The same price under a normal law of the forward gives that law's deviation by
   one rational function of a bounded number, η / atanh η with η the distance of the strike over
   the straddle (J. Choi, K. Kim, M. Kwak, "Numerical approximation of the implied volatility under
   arithmetic Brownian motion", 2009). Distances in the forward become distances in its logarithm,
   and two terms in s² and s⁴ account for the curvature. It is off by less than 0.1 % up to s = 0.6
   and by less than 2.5 % up to s = 1.5, within five deviations.
2. Two steps of fourth order on ln b, which leave an error of the size of the fourth power of the
   one before.
3. Where the second step still had to go far (s above about 2.5), a bracketed search begins from the
   inflexion of b instead.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from market import normal
from market.blocks import floats, in_blocks, signs
from market.instruments import Right
from market.quotes import BoolArray, FloatArray

_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_PI = math.sqrt(0.5 * math.pi)
_SQRT_TWO_PI = math.sqrt(2.0 * math.pi)
_MAX_STEPS = 80
_WIDEST_TOTAL_SD = 16.0  # above it 1 - erf is below one unit in the last place
_SETTLED = 4e-16
_NEAR = 1e-4  # of s: a step of fourth order from there lands within the last digit

# Normal deviation / straddle, as a rational function of η / atanh η from 0.04 (nine deviations out
# of the money) to 1 (at the money): least squares reweighted until the largest error is the least.
_ABOVE = (0.40416278, 0.35617702, -0.62204179, 0.32680501)
_BELOW = (1.0, -0.94316909, 0.40808753)
# The total deviation over the normal one of the logarithm, 1 + s²/24 + …; the second is fitted.
_CURVATURE = (1.0, 1.0 / 24.0, 0.0037)
_LEAST_X = 1e-9  # a guess for the money itself is one for a strike as near as this
_LEAST_DISTANCE = 1e-6  # of the price; below it η / atanh η is 1 to all digits that matter


def implied_vol(
    *,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    discount: ArrayLike = 1.0,
    right: Right | BoolArray,
) -> FloatArray:
    """Return the vol at which Black-76 gives `price`; NaN where no vol does.

    In-the-money options are inverted through their time value, which has lost digits already when
    it arrives here; feed the out-of-the-money side where there is a choice.
    """
    columns = [floats(each) for each in (price, forward, strike, years, discount)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        return in_blocks(_implied_vol, [*columns, signs(right)])[0]


def _implied_vol(
    price: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    discount: FloatArray,
    sign: FloatArray,
) -> tuple[FloatArray]:
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    x = -np.abs(np.log(forward / strike))
    target = (price / discount - intrinsic) / np.sqrt(forward * strike)
    x, target, root = np.broadcast_arrays(x, target, np.sqrt(years))
    solvable = (target > 0.0) & (target < np.exp(0.5 * x)) & (root > 0.0) & (x > -np.inf)
    if solvable.all():
        return (_total_sd(x, target) / root,)
    result = np.full(x.shape, np.nan)
    result[solvable] = _total_sd(x[solvable], target[solvable]) / root[solvable]
    return (result,)


def _total_sd(x: FloatArray, target: FloatArray) -> FloatArray:
    """Return s with b(x, s) = target, for x <= 0 and a target that some s has."""
    sd = _normal_guess(x, target)
    sd = sd + _fourth_order(x, target, sd)[0]
    step, newton = _fourth_order(x, target, sd)
    found = np.asarray(sd + step)
    is_near = np.abs(newton) <= _NEAR * sd
    if not is_near.all():
        far = ~is_near
        found[far] = _search(x[far], target[far])
    return found


def _normal_guess(x: FloatArray, target: FloatArray) -> FloatArray:
    """Return the total deviation to start from."""
    log_distance = np.maximum(-x, _LEAST_X)
    distance = np.exp(0.5 * log_distance)
    distance = distance - 1.0 / distance
    apart = np.maximum(distance, _LEAST_DISTANCE * target)
    straddle = 2.0 * target + apart
    bounded = 2.0 * apart / (straddle * np.log((apart + target) / target))
    share = _polynomial(_ABOVE, bounded) / _polynomial(_BELOW, bounded)
    normal = _SQRT_HALF_PI * straddle * np.sqrt(bounded) * share
    sd = normal * log_distance / distance
    return sd * _polynomial(_CURVATURE, sd * sd)


def _polynomial(coefficients: tuple[float, ...], variable: FloatArray) -> FloatArray:
    value = coefficients[-1] * variable
    for each in coefficients[-2:0:-1]:
        value += each
        value *= variable
    value += coefficients[0]
    return value


def _fourth_order(
    x: FloatArray, target: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the step from s to the root of ln b − ln target by Householder's third method, and
    Newton's, which tells how far the root is."""
    h, t = x / sd, 0.5 * sd
    value, slope = _black(h, t)
    steepness = slope / value
    newton = -np.log(value / target) / steepness
    squared = h * h / sd
    bend = squared - 0.5 * t  # b'' / b'
    twist = bend * bend - 3.0 * squared / sd - 0.25  # b''' / b'
    second = (bend - steepness) * newton
    third = (twist - steepness * (3.0 * bend - 2.0 * steepness)) * newton * newton
    return newton * (1.0 + 0.5 * second) / (1.0 + second + third / 6.0), newton


def _black(h: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return b and its slope along s, with h = x / s and t = s / 2."""
    bell = np.exp(-0.5 * (h * h + t * t))
    value = 0.5 * bell * (normal.erfcx(-_SQRT_HALF * (h + t)) - normal.erfcx(-_SQRT_HALF * (h - t)))
    return value, bell / _SQRT_TWO_PI


def _search(x: FloatArray, target: FloatArray) -> FloatArray:
    """Return s by bracketed Halley steps on 1 / ln b below the inflexion and on b above it."""
    sd, is_low = _bounded_guess(x, target)
    result = sd.copy()
    rows = np.arange(x.size)
    low, high = np.zeros_like(sd), np.full_like(sd, _WIDEST_TOTAL_SD)
    for _ in range(_MAX_STEPS):
        step_to = _halley_step(x=x, target=target, sd=sd, is_low=is_low, low=low, high=high)
        moving = np.abs(step_to - sd) > _SETTLED * sd
        result[rows] = step_to
        if not moving.any():
            break
        rows, x, target, is_low = rows[moving], x[moving], target[moving], is_low[moving]
        sd, low, high = step_to[moving], low[moving], high[moving]
    return result


def _bounded_guess(x: FloatArray, target: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return a start for the search and whether the target lies below the inflexion of b."""
    inflexion = np.sqrt(-2.0 * x)
    at_inflexion = 0.5 * np.exp(0.5 * x) * (1.0 - normal.erfcx(np.sqrt(-x)))
    is_low = target < at_inflexion
    below = -x / np.sqrt(2.0 * np.log(at_inflexion / target) - 0.5 * x)
    above = inflexion + (target - at_inflexion) * _SQRT_TWO_PI * np.exp(-0.5 * x)
    return np.where(is_low, below, np.minimum(above, 0.5 * _WIDEST_TOTAL_SD)), is_low


def _halley_step(
    *,
    x: FloatArray,
    target: FloatArray,
    sd: FloatArray,
    is_low: BoolArray,
    low: FloatArray,
    high: FloatArray,
) -> FloatArray:
    """Return the next point and tighten the bracket (`low`, `high`) in place."""
    h = x / sd
    value, slope = _black(h, 0.5 * sd)
    is_short = value < target
    np.copyto(low, sd, where=is_short)
    np.copyto(high, sd, where=~is_short)
    log_value, log_target = np.log(value), np.log(target)
    newton_low = log_value * (log_target - log_value) / log_target * value / slope
    bend = h * h / sd - 0.25 * sd
    bend_low = bend - slope / value * (1.0 + 2.0 / log_value)
    newton = np.where(is_low, newton_low, (target - value) / slope)
    stretch = 1.0 + 0.5 * newton * np.where(is_low, bend_low, bend)
    step_to = sd + newton / np.maximum(stretch, 0.5)
    is_inside = (step_to >= low) & (step_to <= high)
    return np.where(is_inside, step_to, 0.5 * (low + high))
