"""Temporal theta: how many usual shocks of volatility one day's decay pays for (R-29).

TT = |theta, dollars a day| / (|vega, dollars a vol point| × sd of VIX9D's daily change over 20
sessions). Above 1, a day of decay pays for a one-sigma move. The Big Top flag rises when SPX stands
at its yearly high on narrowing breadth while TT accelerates; it caps the tier and arms the hedge.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import exp, isfinite, sqrt

import numpy as np

from market import normal
from market.instruments import OptionContract, Right
from market.pricing import DAYS_PER_YEAR, price_and_greeks
from market.quotes import Quote
from strategies.base import Capital, FilterResult, Indicators, Tier, Verdict
from strategies.params import FilterParams
from strategies.verdicts import passed, unknown

BIG_TOP = "big_top"
_YEAR = timedelta(days=DAYS_PER_YEAR)
_LEAST_DELTA = 1e-9  # nearer to 0 or 1 an option has neither decay nor vega worth counting

SettlesAt = Callable[[OptionContract], datetime]


def temporal_theta(
    positions: Iterable[tuple[OptionContract, int]],
    quotes: Mapping[OptionContract, Quote],
    settles_at: SettlesAt,
    vix9d_sd_points: float | None,
) -> float | None:
    """Return TT of a book of signed contracts (R-29).

    None when the book is empty, a quote lacks vol or delta, or VIX9D's deviation is unknown.
    """
    lines: list[_Line] = []
    for contract, count in positions:
        quote = quotes.get(contract)
        if quote is None or quote.iv is None or quote.delta is None:
            return None
        left = settles_at(contract) - quote.at
        line = _line(contract, count, quote.iv, quote.delta, left)
        if line is not None:
            lines.append(line)
    if not lines or not vix9d_sd_points:
        return None
    theta_usd, vega_usd = _decay_and_vega_usd(lines)
    return abs(theta_usd) / (abs(vega_usd) * vix9d_sd_points) if vega_usd else None


# Dollars per point of the position, then forward, strike, years, vol and right of its option.
_Line = tuple[float, float, float, float, float, bool]


def _line(
    contract: OptionContract, count: int, iv: float, delta: float, left: timedelta
) -> _Line | None:
    """Return a position as an undiscounted option; None where it has neither decay nor vega.

    The forward is the one at which the strike has the quoted delta.
    """
    years = left / _YEAR
    is_call = contract.right is Right.CALL
    above = delta if is_call else 1.0 + delta
    if years <= 0 or not _LEAST_DELTA < above < 1.0 - _LEAST_DELTA:
        return None
    sd, strike = iv * sqrt(years), float(contract.strike)
    forward = strike * exp(float(normal.ndtri(above)) * sd - 0.5 * sd * sd)
    return count * contract.multiplier, forward, strike, years, iv, is_call


def _decay_and_vega_usd(lines: list[_Line]) -> tuple[float, float]:
    """Return theta a day and vega a vol point of all positions, priced at once."""
    sizes, *columns, calls = zip(*lines, strict=True)
    forward, strike, years, iv = (np.array(column) for column in columns)
    known = price_and_greeks(
        forward=forward, strike=strike, years=years, iv=iv, right=np.array(calls)
    )
    thetas, vegas = known.theta_per_day.tolist(), known.vega_per_vol_point.tolist()
    theta_usd = vega_usd = 0.0
    for size, theta, vega in zip(sizes, thetas, vegas, strict=True):
        theta_usd += size * theta
        vega_usd += size * vega
    return theta_usd, vega_usd


def acceleration(today: float | None, mean: float | None) -> float | None:
    """Return temporal theta over its 20-day mean, None while either is unknown."""
    return None if today is None or not mean or not isfinite(mean) else today / mean


def is_topping(known: Indicators, params: FilterParams) -> bool | None:
    """Tell whether SPX is near its yearly high on a bearish divergence; None when unknown."""
    if known.below_year_high_frac is None or known.has_divergence is None:
        return None
    return known.has_divergence and known.below_year_high_frac <= params.big_top_high_frac


def is_big_top(known: Indicators, accelerated: float | None, params: FilterParams) -> bool | None:
    """Tell whether the Big Top flag is up; None when an input that decides is unknown (R-29)."""
    if not params.big_top_enabled:
        return None
    topping = is_topping(known, params)
    if not topping:
        return topping
    return None if accelerated is None else accelerated > params.big_top_acceleration


def is_hedge_prearmed(known: Indicators, capital: Capital, params: FilterParams) -> bool:
    """Tell whether R-08 or the Big Top of the last marked close calls for early hedging."""
    accelerated = acceleration(capital.temporal_theta_condor, capital.tt_mean_condor)
    return bool(known.hedge_prearm) or bool(is_big_top(known, accelerated, params))


def big_top(known: Indicators, accelerated: float | None, params: FilterParams) -> FilterResult:
    """Allow the conservative tier alone while the Big Top flag is up (R-29)."""
    if not params.big_top_enabled:
        return unknown("R-29", BIG_TOP, "the Big Top flag is switched off")
    flag = is_big_top(known, accelerated, params)
    if flag is None:
        return unknown("R-29", BIG_TOP, "breadth or temporal theta is unknown: neutral")
    if not flag:
        return passed("R-29", BIG_TOP, "no Big Top")
    detail = f"Big Top: temporal theta is {accelerated:.2f} times its 20-day mean: HEDGE_PREARM"
    return FilterResult("R-29", BIG_TOP, Verdict.LIMIT, detail, tier_cap=Tier.CONSERVATIVE)
