"""Black-76: prices and greeks of European options on a forward.

Rules of this file:
- `iv` is annualised as a fraction (0.18), `years` is calendar time (act/365), `discount` is the
  price today of one point paid at expiry. Prices and strikes are in index points.
- Deltas are taken with respect to the forward and discounted; puts negative.
- `right` is one `Right`, or a boolean array in which True means call. All inputs broadcast.
- At zero time or zero vol an option is worth its discounted intrinsic value.

Every array goes through `_arms` and `_worth`, whoever asks. d2 is d1 less the total deviation: an
error in d1 is then one in both, and a price does not move with it, for F·φ(d1) = K·φ(d2).

Source of the formulas: F. Black, "The pricing of commodity contracts", J. Fin. Econ. 3 (1976).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from market import normal
from market.blocks import floats, in_blocks, signs
from market.instruments import Right
from market.quotes import BoolArray, FloatArray

DAYS_PER_YEAR = 365.0

_SQRT_HALF = math.sqrt(0.5)
_ONE_OVER_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class PriceAndGreeks:
    """What options are worth and how that moves, one array each.

    `gamma` is the change of delta per point of the forward, `vega_per_vol_point` that of the price
    per 0.01 of implied vol. `theta_per_day` is the change of the price over one calendar day with
    forward and vol unchanged: the derivative −∂V/∂T / 365, with the rate implied by discount and
    years held fixed.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta_per_day: FloatArray
    vega_per_vol_point: FloatArray


def price_and_greeks(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    iv: ArrayLike,
    discount: ArrayLike = 1.0,
    right: Right | BoolArray,
) -> PriceAndGreeks:
    """Return prices in index points with their greeks."""
    columns = [floats(each) for each in (forward, strike, years, iv, discount)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return PriceAndGreeks(*in_blocks(_price_and_greeks, [*columns, signs(right)]))


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
    columns = [floats(each) for each in (forward, strike, years, iv, discount)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return in_blocks(_price_and_delta, [*columns, signs(right)])[0]


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
    columns = [floats(each) for each in (forward, strike, years, iv, discount)]
    with np.errstate(divide="ignore", invalid="ignore"):
        return in_blocks(_price_and_delta, [*columns, signs(right)])[1]


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
    ln(strike / forward), `total_sd` is iv × sqrt(years), above zero. Chains and single quotes are
    made with it: they know both already.
    """
    d1, d2 = _arms(log_moneyness, total_sd)
    call_delta = normal.ndtr(d1)
    call = _worth(forward, strikes, call_delta, normal.ndtr(d2))
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


def _price_and_delta(
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    iv: FloatArray,
    discount: FloatArray,
    sign: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    d1, d2 = _arms_or_none(np.log(strike / forward), iv * np.sqrt(years))
    chance, scale = normal.ndtr(sign * d1), discount * sign
    return _worth(forward, strike, chance, normal.ndtr(sign * d2)) * scale, chance * scale


def _price_and_greeks(
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    iv: FloatArray,
    discount: FloatArray,
    sign: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    root = np.sqrt(years)
    total_sd = iv * root
    d1, d2 = _arms_or_none(np.log(strike / forward), total_sd)
    chance, scale = normal.ndtr(sign * d1), discount * sign
    value = _worth(forward, strike, chance, normal.ndtr(sign * d2)) * scale
    bell = np.exp(-0.5 * d1 * d1) * (discount * _ONE_OVER_SQRT_TWO_PI)
    gamma = bell / (forward * total_sd)
    bell = bell * forward
    theta = (-np.log(discount) / years * value - bell * iv / (2.0 * root)) / DAYS_PER_YEAR
    if not total_sd.all():
        gamma = np.where(total_sd == 0.0, 0.0, gamma)
        theta = np.where(years == 0.0, 0.0, theta)
    return value, chance * scale, gamma, theta, 0.01 * bell * root


def _arms(log_moneyness: FloatArray, total_sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return d1 and d2."""
    d1 = 0.5 * total_sd - log_moneyness / total_sd
    return d1, d1 - total_sd


def _arms_or_none(log_moneyness: FloatArray, total_sd: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return d1 and d2 also where no deviation is left: infinite, and zero at the money."""
    d1, d2 = _arms(log_moneyness, total_sd)
    if total_sd.all():
        return d1, d2
    is_undecided = (total_sd == 0.0) & (log_moneyness == 0.0)
    return np.where(is_undecided, 0.0, d1), np.where(is_undecided, 0.0, d2)


def _worth(
    forward: FloatArray | float, strike: FloatArray, chance: FloatArray, strike_chance: FloatArray
) -> FloatArray:
    """Return F·N(d1) − K·N(d2); for puts, of N(−d1) and N(−d2), less than nothing."""
    return forward * chance - strike * strike_chance
