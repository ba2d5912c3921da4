"""Temporal theta: how many usual shocks of volatility one day's decay pays for (R-29).

TT = |theta, dollars a day| / (|vega, dollars a vol point| × sd of VIX9D's daily change over 20
sessions). Above 1, a day of decay pays for a one-sigma move. The Big Top flag rises when SPX stands
at its yearly high on narrowing breadth while TT accelerates; it caps the tier and arms the hedge.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import exp, isfinite, sqrt

from scipy.special import ndtri

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
    theta_usd, vega_usd, is_empty = 0.0, 0.0, True
    for contract, count in positions:
        quote = quotes.get(contract)
        if quote is None or quote.iv is None or quote.delta is None:
            return None
        theta, vega = _greeks(contract, quote.iv, quote.delta, settles_at(contract) - quote.at)
        theta_usd += count * contract.multiplier * theta
        vega_usd += count * contract.multiplier * vega
        is_empty = False
    if is_empty or not vega_usd or not vix9d_sd_points:
        return None
    return abs(theta_usd) / (abs(vega_usd) * vix9d_sd_points)


def _greeks(
    contract: OptionContract, iv: float, delta: float, left: timedelta
) -> tuple[float, float]:
    """Return theta a day and vega a vol point, in points, of one undiscounted option.

    The forward is the one at which the strike has the quoted delta.
    """
    years = left / _YEAR
    above = delta if contract.right is Right.CALL else 1.0 + delta
    if years <= 0 or not _LEAST_DELTA < above < 1.0 - _LEAST_DELTA:
        return 0.0, 0.0
    sd, strike = iv * sqrt(years), float(contract.strike)
    forward = strike * exp(float(ndtri(above)) * sd - 0.5 * sd * sd)
    known = price_and_greeks(
        forward=forward, strike=strike, years=years, iv=iv, right=contract.right
    )
    return float(known.theta_per_day), float(known.vega_per_vol_point)


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
