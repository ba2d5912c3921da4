"""Black-76: prices, greeks and implied vol of European options on a forward.

Rules of this file:
- `iv` is annualised as a fraction (0.18), `years` is calendar time (act/365), `discount` is the
  price today of one point paid at expiry. Prices and strikes are in index points.
- Deltas are taken with respect to the forward and discounted; puts negative.
- `right` is one `Right`, or a boolean array in which True means call. All inputs broadcast.
- At zero time or zero vol an option is worth its discounted intrinsic value.

Source of the formulas: F. Black, "The pricing of commodity contracts", J. Fin. Econ. 3 (1976).
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr

from market.instruments import Right
from market.quotes import BoolArray, FloatArray

DAYS_PER_YEAR = 365.0

_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_PI = math.sqrt(2.0 * math.pi)
_BLOCK_ROWS = 8192  # keeps every temporary of the root search inside the processor's cache
_MAX_STEPS = 80
_WIDEST_TOTAL_SD = 16.0  # above it 1 - erf is below one unit in the last place
_SETTLED = 4e-16


def price(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
    right: Right | BoolArray,
) -> FloatArray:
    """Return option prices in index points."""
    f, k = _floats(forward), _floats(strike)
    sign = _sign(right)
    d1, d2 = _d1_d2(f, k, _total_sd(iv, years))
    return np.asarray(_floats(discount) * sign * (f * ndtr(sign * d1) - k * ndtr(sign * d2)))


def delta(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
    right: Right | BoolArray,
) -> FloatArray:
    """Return discounted forward deltas (points per point of the forward), puts negative."""
    sign = _sign(right)
    d1, _ = _d1_d2(_floats(forward), _floats(strike), _total_sd(iv, years))
    return np.asarray(_floats(discount) * sign * ndtr(sign * d1))


def gamma(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """Return the change of delta per point of the forward; calls and puts share it."""
    f, sd = _floats(forward), _total_sd(iv, years)
    d1, _ = _d1_d2(f, _floats(strike), sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sd > 0.0, _floats(discount) * _density(d1) / (f * sd), 0.0)


def theta_per_day(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
    right: Right | BoolArray,
) -> FloatArray:
    """Return the change of the price over one calendar day with forward and vol unchanged.

    The derivative −∂V/∂T / 365, with the rate implied by `discount` and `years` held fixed.
    """
    f, k, t, vol = _floats(forward), _floats(strike), _floats(years), _floats(iv)
    df = _floats(discount)
    value = price(forward=f, strike=k, years=t, iv=vol, discount=df, right=right)
    d1, _ = _d1_d2(f, k, _total_sd(vol, t))
    with np.errstate(divide="ignore", invalid="ignore"):
        carry = -np.log(df) / t * value
        decay = df * f * _density(d1) * vol / (2.0 * np.sqrt(t))
        return np.where(t > 0.0, (carry - decay) / DAYS_PER_YEAR, 0.0)


def vega_per_vol_point(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
) -> FloatArray:
    """Return the change of the price per 0.01 of implied vol; calls and puts share it."""
    f = _floats(forward)
    d1, _ = _d1_d2(f, _floats(strike), _total_sd(iv, years))
    return np.asarray(0.01 * _floats(discount) * f * _density(d1) * np.sqrt(_floats(years)))


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
    Method: the normalised Black function in terms of erfcx (P. Jäckel, "Let's be rational", 2015),
    solved by bracketed Halley steps on 1/ln b below the inflexion and on b above it.
    """
    is_call = _sign(right) > 0.0
    columns = np.broadcast_arrays(
        _floats(price),
        _floats(forward),
        _floats(strike),
        _floats(years),
        _floats(discount),
        is_call,
    )
    shape = columns[0].shape
    flat = [column.reshape(-1) for column in columns]
    result = np.empty(flat[0].size)
    for start in range(0, result.size, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        price_, forward_, strike_, years_, discount_, call_ = (column[block] for column in flat)
        result[block] = _implied_vol_block(
            undiscounted=price_ / discount_,
            forward=forward_,
            strike=strike_,
            years=years_,
            is_call=call_.astype(np.bool_),
        )
    return result.reshape(shape)


def call_side(
    *,
    forward: float | FloatArray,
    strikes: FloatArray,
    log_moneyness: FloatArray,
    total_sd: FloatArray,
    discount: float | FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return call prices and call deltas; puts follow by parity.

    Forward and discount are those of one expiry, or a column of each row's own. `log_moneyness` is
    ln(strike / forward), `total_sd` is iv × sqrt(years), above zero. This is the kernel that chains
    and single quotes are made with.
    """
    d1 = 0.5 * total_sd
    d1 -= log_moneyness / total_sd
    call_delta = ndtr(d1)
    d1 -= total_sd
    call = ndtr(d1)
    call *= strikes
    np.subtract(forward * call_delta, call, out=call)
    call *= discount
    call_delta *= discount
    return call, call_delta


def price_scalar(
    *, forward: float, strike: float, years: float, iv: float, discount: float = 1.0, right: Right
) -> float:
    """Return the price of one option in index points, without array overhead."""
    sign = 1.0 if right is Right.CALL else -1.0
    sd = iv * math.sqrt(years)
    if sd <= 0.0:
        return discount * max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / sd + 0.5 * sd
    above = forward * _normal_cdf(sign * d1)
    return discount * sign * (above - strike * _normal_cdf(sign * (d1 - sd)))


def delta_scalar(
    *, forward: float, strike: float, years: float, iv: float, discount: float = 1.0, right: Right
) -> float:
    """Return the discounted forward delta of one option, without array overhead."""
    sign = 1.0 if right is Right.CALL else -1.0
    sd = iv * math.sqrt(years)
    if sd <= 0.0:
        side = sign * (forward - strike)
        return discount * sign * (0.5 if side == 0.0 else float(side > 0.0))
    return discount * sign * _normal_cdf(sign * (math.log(forward / strike) / sd + 0.5 * sd))


def _normal_cdf(value: float) -> float:
    return 0.5 * math.erfc(-value * _SQRT_HALF)


def _floats(values: ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def _sign(right: Right | BoolArray) -> FloatArray:
    if isinstance(right, Right):
        return np.asarray(1.0 if right is Right.CALL else -1.0)
    return np.where(right, 1.0, -1.0)


def _total_sd(iv: ArrayLike, years: ArrayLike) -> FloatArray:
    return np.asarray(_floats(iv) * np.sqrt(_floats(years)))


def _density(d1: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * d1 * d1) / _SQRT_TWO_PI)


def _d1_d2(
    forward: FloatArray, strike: FloatArray, sd: FloatArray
) -> tuple[FloatArray, FloatArray]:
    log_ratio = np.log(forward / strike)
    with np.errstate(divide="ignore", invalid="ignore"):
        # At the money with no time left both are 0 / 0; 0 gives value 0 and delta one half.
        centre = np.where((sd == 0.0) & (log_ratio == 0.0), 0.0, log_ratio / sd)
    return centre + 0.5 * sd, centre - 0.5 * sd


def _implied_vol_block(
    *,
    undiscounted: FloatArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    is_call: BoolArray,
) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        intrinsic = np.maximum(np.where(is_call, forward - strike, strike - forward), 0.0)
        x = -np.abs(np.log(forward / strike))
        target = (undiscounted - intrinsic) / np.sqrt(forward * strike)
        solvable = (target > 0.0) & (target < np.exp(0.5 * x)) & (years > 0.0) & (x > -np.inf)
        result = np.full(x.shape, np.nan)
        sd = _solve_total_sd(x[solvable], target[solvable])
        result[solvable] = sd / np.sqrt(years[solvable])
    return result


def _solve_total_sd(x: FloatArray, target: FloatArray) -> FloatArray:
    """Return s with normalised Black value b(x, s) = target, for x <= 0."""
    sd, is_low = _first_guess(x, target)
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


def _first_guess(x: FloatArray, target: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return a start for the search and whether the target lies below the inflexion of b."""
    inflexion = np.sqrt(-2.0 * x)
    at_inflexion = 0.5 * np.exp(0.5 * x) * (1.0 - erfcx(np.sqrt(-x)))
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
    h, t = x / sd, 0.5 * sd
    bell = np.exp(-0.5 * (h * h + t * t))
    value = 0.5 * bell * (erfcx(-_SQRT_HALF * (h + t)) - erfcx(-_SQRT_HALF * (h - t)))
    slope = bell / _SQRT_TWO_PI
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
