"""Breadth and momentum: the bearish divergence of the A/D line, and RSI (R-08).

Both may lower tier and size of the condor, and tell the hedge when to buy early or not at all.
Columns are causal and NaN where an input is unknown, which is neutral (amendment A5).
"""

import numpy as np

from market.indicators import simple_mean
from market.quotes import FloatArray
from market.technical import advance_decline_line, rolling_max, rolling_sd
from strategies.base import FilterResult, Indicators, Verdict
from strategies.params import FilterParams
from strategies.verdicts import passed, unknown

BREADTH, RSI = "breadth", "rsi"


def divergence_column(
    spx: FloatArray, advances: FloatArray, declines: FloatArray, params: FilterParams
) -> FloatArray:
    """Return 1 where a bearish divergence has stood for enough closes in a row, 0 where not (R-08).

    One close diverges when SPX is within 1 % of its 20-day high, the A/D line at least half a
    standard deviation below its own, and SPX's 20-day score leads that of the line by 1.0.
    """
    line, window = advance_decline_line(advances, declines), params.breadth_window
    spx_high, line_high = rolling_max(spx, window), rolling_max(line, window)
    spx_sd, line_sd = rolling_sd(spx, window), rolling_sd(line, window)
    with np.errstate(divide="ignore", invalid="ignore"):
        lead = (spx - simple_mean(spx, window)) / spx_sd
        lead -= (line - simple_mean(line, window)) / line_sd
        is_high = spx >= (1.0 - params.breadth_near_high_frac) * spx_high
        is_lagging = line <= line_high - params.breadth_lag_sd * line_sd
        diverges = is_high & is_lagging & (lead >= params.breadth_gap)
    daily = np.where(np.isfinite(lead), diverges.astype(np.float64), np.nan)
    count = params.breadth_sessions
    # All of the last closes diverge exactly when the least of them does.
    return -rolling_max(-daily, count) if count > 1 else daily


def is_prearmed(rsi_vix: float | None, has_divergence: bool | None, params: FilterParams) -> bool:
    """Tell whether a calm VIX over a bearish divergence calls for buying hedge early (R-08)."""
    return bool(has_divergence) and rsi_vix is not None and rsi_vix < params.vix_rsi_low


def breadth(known: Indicators, params: FilterParams) -> FilterResult:
    """Take one tier off under a bearish divergence (R-08)."""
    if not params.breadth_enabled:
        return unknown("R-08", BREADTH, "breadth is switched off")
    if known.has_divergence is None:
        return unknown("R-08", BREADTH, "advances and declines are unknown: neutral")
    if not known.has_divergence:
        return passed("R-08", BREADTH, "no bearish divergence")
    closes = params.breadth_sessions
    detail = f"bearish divergence of the A/D line on {closes} closes"
    if known.hedge_prearm:
        detail += ", and a calm VIX: HEDGE_PREARM"
    return FilterResult("R-08", BREADTH, Verdict.LIMIT, detail, tiers_down=1)


def rsi(known: Indicators, params: FilterParams) -> FilterResult:
    """Take one tier and some size off while SPX is stretched; note when it nearly is (R-08)."""
    if not params.rsi_enabled:
        return unknown("R-08", RSI, "RSI is switched off")
    value = known.rsi_spx
    if value is None:
        return unknown("R-08", RSI, "RSI of SPX is unknown: neutral")
    shown = f"RSI of SPX is {value:.1f}"
    if params.rsi_low <= value <= params.rsi_high:
        is_near = value >= params.rsi_caution
        return passed("R-08", RSI, f"{shown}: caution" if is_near else shown)
    side = "above" if value > params.rsi_high else "below"
    level = params.rsi_high if value > params.rsi_high else params.rsi_low
    return FilterResult(
        "R-08",
        RSI,
        Verdict.LIMIT,
        f"{shown}, {side} {level:g}",
        tiers_down=1,
        size_multiplier=params.rsi_size_multiplier,
    )
