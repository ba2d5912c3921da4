"""How wide quotes are: by price, moneyness, tenor, VIX, year, time of day and kind of series.

Half of a spread, before it is rounded outwards to ticks, is

    (base_points + root x era x sqrt(price)) x factors
      + in_money_frac x min(days / 3, 1) x forward x |delta| ^ 8

Why each term:
- The root of the price: what is dear moves more, but not in proportion.
- The factors: a quote is as wide as its maker's risk of being hit before the hedge, which grows
  with VIX and tenor and where few trade: after the close, in the night, in weekly VIX series.
- The years have narrowed the dear quotes; the cheap ones stood as near as their ticks let them
  before as well. VIX, and VIX and year together, stay inside bounds.
- The eighth power of delta: out of the money delta says nothing that the price does not, and from
  70 delta on widths jump to a share of the index, which follows neither year nor VIX. Nobody
  makes a market in what its out-of-the-money twin and the future are as good for. In the last
  three days it shrinks to nothing: what is about to be exercised is worth its intrinsic value.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np

from market.param_checks import check_ascending, require_positive
from market.values import value

_USUAL_VIX = 17.0
_USUAL_DAYS, _LEAST_DAYS = 7.0, 0.25
_IN_MONEY_DAYS = 3.0
# Minutes after the open, and before the cash close, in which the extra width fades and grows.
OPEN_MINUTES, _CLOSE_MINUTES = 10.0, 30.0
# Closing quotes stand until the next trading hours begin, 20:15 after a close at 16:00.
_NIGHT_MINUTES = 255.0
_MINUTE_SECONDS = 60.0


@value(frozen=True, slots=True)
class HalfSpread:
    """How far bid and ask stand from a price, in points before ticks.

    `base_points` + `root` × √price + (`in_money_root` × delta)⁸
    """

    base_points: float
    root: float
    in_money_root: float


@value(frozen=True, slots=True)
class WidthFactors:
    """How much wider than usual all quotes of an instant are, cheap ones and dear ones."""

    base: float
    root: float


@value(frozen=True, slots=True)
class QuoteHour:
    """Minutes since the last open and until the cash close of that session; below 0 after it."""

    since_open: float
    to_close: float

    @classmethod
    def of(cls, open_at: datetime, cash_close_at: datetime, at: datetime) -> "QuoteHour":
        """Return the hour of `at`, given the session that opened last."""
        since, left = at - open_at, cash_close_at - at
        return cls(since.total_seconds() / _MINUTE_SECONDS, left.total_seconds() / _MINUTE_SECONDS)

    @property
    def is_night(self) -> bool:
        """Tell whether the quotes are those of the night."""
        return self.to_close < -_NIGHT_MINUTES

    @property
    def is_closing(self) -> bool:
        """Tell whether the quotes are those after the cash close."""
        return -_NIGHT_MINUTES <= self.to_close <= 0.0


MIDDAY = QuoteHour(195.0, 195.0)


@dataclass(frozen=True, slots=True)
class QuoteWidths:
    """How far bid and ask of an underlying's options stand from the model price."""

    base_points: float
    root: float
    in_money_frac: float
    vix_power: float
    tenor_power: float
    weekly_factor: float
    open_factor: float
    close_factor: float
    night_factor: float
    least_factor: float
    most_factor: float
    era: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        require_positive(self, "base_points", "least_factor", "most_factor")
        require_positive(self, "weekly_factor", "open_factor", "close_factor", "night_factor")
        for name in ("root", "in_money_frac"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        check_ascending("years", "era", self.era)

    def factors(
        self, vix: float, year: int, hour: QuoteHour = MIDDAY, *, is_weekly: bool = False
    ) -> WidthFactors:
        """Return how much wider than usual all quotes of an instant are, tenor left aside."""
        level = float((vix / _USUAL_VIX) ** self.vix_power)
        rest = self._hour_factor(hour) * (self.weekly_factor if is_weekly else 1.0)
        era = _era_factor(self.era, year)
        return WidthFactors(rest * self._bounded(level), rest * self._bounded(level * era))

    def half_spread(self, factors: WidthFactors, *, years: float, forward: float) -> HalfSpread:
        """Return the widths of one expiry, `years` away (act/365), under the instant's factors."""
        days = years * 365.0
        tenor = float((max(days, _LEAST_DAYS) / _USUAL_DAYS) ** self.tenor_power)
        in_money_frac = self.in_money_frac * min(days / _IN_MONEY_DAYS, 1.0)
        return HalfSpread(
            tenor * factors.base * self.base_points,
            tenor * factors.root * self.root,
            (in_money_frac * forward) ** 0.125,
        )

    def _bounded(self, level: float) -> float:
        return min(max(level, self.least_factor), self.most_factor)

    def _hour_factor(self, hour: QuoteHour) -> float:
        if hour.is_night:
            return self.night_factor
        opening = max(1.0 - hour.since_open / OPEN_MINUTES, 0.0)
        closing = 1.0 - min(max(hour.to_close / _CLOSE_MINUTES, 0.0), 1.0)
        return 1.0 + (self.open_factor - 1.0) * opening + (self.close_factor - 1.0) * closing


@lru_cache(maxsize=64)
def _era_factor(era: tuple[tuple[int, float], ...], year: int) -> float:
    """Return how much wider quotes were in a year: straight between the years of the table."""
    years, factors = zip(*era, strict=True)
    return float(np.interp(year, years, factors))
