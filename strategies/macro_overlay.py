"""The slow macro overlay: the dollar's real exchange rate and a short-rate differential (R-09).

Weak on purpose. Each day uses what had been published by then: the exchange rate of a month from
its `usable_from` on, rates from the session before. Unknown is neutral (amendment A5).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from market.quotes import FloatArray
from market.technical import rolling_sd
from strategies.base import FilterResult, Indicators, Tier, Verdict
from strategies.params import FilterParams
from strategies.verdicts import passed, unknown

EXCHANGE_RATE, RATES = "exchange_rate", "rate_differential"
CHANGE_SESSIONS, SD_SESSIONS = 20, 250
CHANGE_MONTHS = 3
# Published three to seven weeks late; what is still the newest after four months has ended.
FRESH_FOR = timedelta(days=120)
DIVERGENCE_Z = 1.0


@dataclass(frozen=True, slots=True)
class ReerReading:
    """One month's real exchange rate: from when it is usable, against its mean, and its change."""

    usable_from: date
    deviation_frac: float
    change_frac: float


class ReerReadings:
    """The exchange rate as it was known on any day."""

    def __init__(self, reer: Sequence[tuple[date, date, float]], months: int) -> None:
        values = [value for _, _, value in reer]
        rows = range(max(months, CHANGE_MONTHS + 1) - 1, len(values))
        self._readings = [
            ReerReading(
                reer[row][1],
                values[row] / (sum(values[row - months + 1 : row + 1]) / months) - 1.0,
                values[row] / values[row - CHANGE_MONTHS] - 1.0,
            )
            for row in rows
        ]
        self._usable_from = [reading.usable_from for reading in self._readings]

    def on(self, day: date) -> ReerReading | None:
        """Return the newest reading usable on a day, None when there is none or it is stale."""
        number = bisect_right(self._usable_from, day)
        reading = self._readings[number - 1] if number else None
        is_fresh = reading is not None and day - reading.usable_from <= FRESH_FOR
        return reading if is_fresh else None


@dataclass(frozen=True, slots=True)
class RateColumns:
    """The differential in fractions a year, and its change in standard deviations, by session."""

    proxy_frac: FloatArray
    z: FloatArray


def rate_columns(bill_frac: FloatArray, ecb_frac: FloatArray | None) -> RateColumns:
    """Return the 3-month bill less the ECB's deposit rate as known after each close (A5).

    A session's own rates appear after its close, so each row holds those of the session before;
    z is the 20-session change over the standard deviation of 250 such changes (R-09).
    """
    nothing = np.full(len(bill_frac), np.nan)
    if ecb_frac is None:
        return RateColumns(nothing, nothing)
    proxy, change = nothing.copy(), nothing.copy()
    proxy[1:] = bill_frac[:-1] - ecb_frac[:-1]
    change[CHANGE_SESSIONS:] = proxy[CHANGE_SESSIONS:] - proxy[:-CHANGE_SESSIONS]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = change / rolling_sd(change, SD_SESSIONS)
    return RateColumns(proxy, np.where(np.isfinite(z), z, np.nan))


def exchange_rate(known: Indicators, params: FilterParams) -> FilterResult:
    """Cap the tier and widen the distance while the dollar is far from its mean (R-09)."""
    if not params.macro_enabled:
        return unknown("R-09", EXCHANGE_RATE, "the macro overlay is switched off")
    deviation = known.reer_deviation_frac
    if deviation is None:
        return unknown("R-09", EXCHANGE_RATE, "the real exchange rate is unknown: neutral")
    detail = f"real exchange rate {deviation:+.1%} from its {params.reer_months}-month mean"
    if abs(deviation) < params.reer_deviation_frac:
        return passed("R-09", EXCHANGE_RATE, detail)
    return FilterResult(
        "R-09",
        EXCHANGE_RATE,
        Verdict.LIMIT,
        detail,
        tier_cap=Tier.BALANCED,
        distance_multiplier=params.reer_distance_multiplier,
    )


def rate_differential(known: Indicators, params: FilterParams) -> FilterResult:
    """Shrink the size while the rate differential moves fast; note when the dollar falls against
    it (R-09)."""
    if not params.macro_enabled:
        return unknown("R-09", RATES, "the macro overlay is switched off")
    z, proxy = known.ird_z, known.ird_proxy_frac
    if z is None or proxy is None:
        return unknown("R-09", RATES, "the rate differential is unknown: neutral")
    detail = f"bill less ECB rate {proxy:+.2%}, its 20-session change {z:+.1f} sd"
    change = known.reer_change_frac
    if z > DIVERGENCE_Z and change is not None and change < 0:
        detail += ", though the dollar fell: divergence"
    if abs(z) <= params.rate_z:
        return passed("R-09", RATES, detail)
    size = params.rate_size_multiplier
    return FilterResult("R-09", RATES, Verdict.LIMIT, detail, size_multiplier=size)
