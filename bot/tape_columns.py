"""The soft columns of the tape: breadth, momentum, slow macro and what R-29 looks at.

Each row uses its own and earlier rows alone; NaN is unknown, which every rule takes as neutral.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from market.history import History
from market.quotes import FloatArray
from market.technical import relative_strength, rolling_max, rolling_sd
from strategies.macro_overlay import ReerReading, ReerReadings, rate_columns
from strategies.momentum import divergence_column
from strategies.params import FilterParams

YEAR_SESSIONS = 252
SHOCK_SESSIONS = 20


@dataclass(frozen=True)
class SoftColumns:
    """One value a session; rates are fractions, RSI is 0 … 100, VIX9D's deviation in points."""

    rsi_spx: list[float]
    rsi_vix: list[float]
    divergence: list[float]
    ird_proxy: list[float]
    ird_z: list[float]
    below_year_high: list[float]
    vix9d_sd: list[float]
    bill: list[float]
    reer: ReerReadings

    def reer_on(self, day: date) -> ReerReading | None:
        """Return the newest exchange-rate reading published by a day."""
        return self.reer.on(day)


def soft_columns(history: History, filters: FilterParams, vix9d: FloatArray) -> SoftColumns:
    """Return the columns of a history; a series that it lacks gives unknown rows."""
    rates = rate_columns(history.rate_frac, history.ecb_rate_frac)
    below_high = 1.0 - history.spx_close / rolling_max(history.spx_close, YEAR_SESSIONS)
    return SoftColumns(
        rsi_spx=relative_strength(history.spx_close, filters.rsi_window).tolist(),
        rsi_vix=relative_strength(history.vix_close, filters.rsi_window).tolist(),
        divergence=_divergence(history, filters).tolist(),
        ird_proxy=rates.proxy_frac.tolist(),
        ird_z=rates.z.tolist(),
        below_year_high=below_high.tolist(),
        vix9d_sd=rolling_sd(np.diff(vix9d, prepend=np.nan), SHOCK_SESSIONS).tolist(),
        bill=_yesterday(history.rate_frac).tolist(),
        reer=ReerReadings(history.reer, filters.reer_months),
    )


def _divergence(history: History, filters: FilterParams) -> FloatArray:
    advances, declines = history.advances, history.declines
    if advances is None or declines is None or np.isnan(advances).all():
        return np.full(len(history.sessions), np.nan)
    return divergence_column(history.spx_close, advances, declines, filters)


def _yesterday(values: FloatArray) -> FloatArray:
    """Return each row's value of the session before: a day's bill rate appears after its close."""
    return np.concatenate(([np.nan], values[:-1]))
