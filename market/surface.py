"""What options and futures cost, given the volatility levels of one instant.

Rules of this file:
- Everything is a pure function of its arguments and of the parameters in config/surface.toml.
- SPX: a smile per expiry around at-the-money variance that grows with business time. VIX options
  are priced on the future of their own expiry, never on spot VIX.
- Calls and puts of one strike share one vol, so parity holds exactly before rounding to ticks.
- Rows of a chain do not depend on each other: a strike costs the same in any chain that holds it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from market.family import VolState
from market.instruments import TradingClass
from market.quote_widths import MIDDAY, HalfSpread, QuoteHour, WidthFactors
from market.quotes import Chain, FloatArray
from market.surface_params import SurfaceParams, VixFutures, VixSmile
from market.surface_rows import (
    Expiry,
    Rows,
    SpxTerms,
    Terms,
    VixTerms,
    chain_of,
    rows_of,
)
from market.surface_smile import smile_shape
from market.surface_term import AtMoney, NodeTimes, VarianceCurve, average_times, plain_time

__all__ = ["Expiry", "Surface", "SurfaceParams", "VolState"]

_POINTS_PER_UNIT_VOL = 100.0
_LEAST_TOTAL_SD = 1e-7  # keeps the last instant before expiry finite

_SPX_STRIKE_STEP_POINTS = 5.0
_SPX_LEAST_REACH_FRAC = 0.06
_SPX_REACH_SDS, _SPX_FAR_REACH_SDS = 9.0, 24.0  # beyond a week deep puts still have a bid
_WEEK_YEARS = 7.5 / 365.0
_SPX_MOST_REACH_FRAC = 0.80

# Strikes 0.5 apart below 15, 1 apart up to 200 (Cboe VIX options specification).
_VIX_STRIKES: FloatArray = np.concatenate([np.arange(8.0, 15.0, 0.5), np.arange(15.0, 201.0)])
_VIX_LISTED = frozenset(_VIX_STRIKES.tolist())
_VIX_REACH = 8.0
_VIX_LEAST_TOP_POINTS = 100.0


@dataclass(frozen=True, slots=True)
class Surface:
    """Prices SPX options, VIX futures and VIX options.

    `vol_shock_frac` makes every option's vol wrong by that share: 0.2 prices all of them at 1.2
    times the model's vol, while indices and futures stay as they are.
    """

    params: SurfaceParams
    vol_shock_frac: float = 0.0

    def spx_forward(self, *, spot: float, rate_frac: float, years: float) -> float:
        """Return SPX for delivery in `years`: bill rate less dividend yield, in points."""
        return spot * math.exp((rate_frac - self.params.carry.dividend_yield_frac) * years)

    def variance_curve(
        self, vol: VolState, times: NodeTimes | None = None, *, spot: float
    ) -> VarianceCurve:
        """Return the at-the-money variance of SPX at an instant; without `times` on average days.

        One curve serves every expiry seen from that instant.
        """
        term, smile = self.params.spx_term, self.params.spx_smile
        return VarianceCurve(term, smile, vol, times or average_times(term), spot)

    def spx_atm_iv(
        self, *, years: float, sessions_left: float, vol: VolState, spot: float = 3000.0
    ) -> float:
        """Return the at-the-money vol of an SPX expiry on average days, a fraction (act/365).

        `sessions_left` counts the rest of the running session and the whole ones after it.
        """
        time = plain_time(self.params.spx_term, years, sessions_left)
        return math.sqrt(self.variance_curve(vol, spot=spot).total(time) / years)

    def spx_chain(
        self,
        *,
        trading_class: TradingClass,
        expiry: date,
        at: datetime,
        spot: float,
        rate_frac: float,
        years: float,
        sessions_left: float,
        vol: VolState,
        strikes: FloatArray | None = None,
        at_money: AtMoney | None = None,
    ) -> Chain:
        """Return the chain of one SPX expiry, on the 5-point grid unless `strikes` are given.

        `at_money` comes from a `variance_curve`; without it the expiry is one of average days.
        """
        if at_money is None:
            time = plain_time(self.params.spx_term, years, sessions_left)
            at_money = self.variance_curve(vol, spot=spot).at_money(time)
        terms = self.spx_terms(
            Expiry(trading_class, expiry, at, years),
            spot=spot,
            rate_frac=rate_frac,
            vol=vol,
            at_money=at_money,
        )
        return self.chain(terms, strikes)

    def spx_terms(
        self,
        series: Expiry,
        *,
        spot: float,
        rate_frac: float,
        vol: VolState,
        at_money: AtMoney,
        width_factors: WidthFactors | None = None,
    ) -> SpxTerms:
        """Return what all rows of an SPX expiry share.

        `width_factors` are those of the instant, at midday unless given.
        """
        forward = self.spx_forward(spot=spot, rate_frac=rate_frac, years=series.years)
        return SpxTerms(
            series,
            forward=forward,
            discount=math.exp(-rate_frac * series.years),
            sd=max(math.sqrt(at_money.variance), _LEAST_TOTAL_SD),
            half=self._half_spread(series, forward, vol, width_factors),
            grid=self.params.quote_grids.at(series.trading_class, series.at),
            shape=smile_shape(self.params.spx_smile, at_money.shape_sessions, vol),
        )

    def vix_futures(self, *, vol: VolState, years: FloatArray) -> FloatArray:
        """Return VIX futures for delivery in `years`, in points."""
        return np.exp(_log_future(self.params.vix_futures, vol, years))

    def vix_chain(
        self,
        *,
        trading_class: TradingClass,
        expiry: date,
        at: datetime,
        forward: float,
        years: float,
        vol: VolState,
        rate_frac: float,
        strikes: FloatArray | None = None,
    ) -> Chain:
        """Return the chain of one VIX expiry; `forward` is the future of that same expiry."""
        series = Expiry(trading_class, expiry, at, years)
        terms = self.vix_terms(series, forward=forward, vol=vol, rate_frac=rate_frac)
        return self.chain(terms, strikes)

    def vix_terms(
        self,
        series: Expiry,
        *,
        forward: float,
        vol: VolState,
        rate_frac: float,
        width_factors: WidthFactors | None = None,
    ) -> VixTerms:
        """Return what all rows of a VIX expiry share.

        `width_factors` are those of the instant, at midday unless given.
        """
        smile, years = self.params.vix_smile, series.years
        return VixTerms(
            series,
            forward=forward,
            discount=math.exp(-rate_frac * years),
            sd=max(_vix_atm_iv(smile, years, vol.vvix) * math.sqrt(years), _LEAST_TOTAL_SD),
            half=self._half_spread(series, forward, vol, width_factors),
            grid=self.params.quote_grids.at(series.trading_class, series.at),
            call_wing=smile.call_wing + smile.call_wing_short * math.exp(-10.0 * years),
        )

    def width_factors(
        self, trading_class: TradingClass, vix: float, year: int, hour: QuoteHour = MIDDAY
    ) -> WidthFactors:
        """Return how wide all quotes of a class are at an instant, relative to the usual."""
        widths = self.params.quotes(trading_class)
        return widths.factors(vix, year, hour, is_weekly=trading_class is TradingClass.VIXW)

    def _half_spread(
        self, series: Expiry, forward: float, vol: VolState, factors: WidthFactors | None
    ) -> HalfSpread:
        if factors is None:
            factors = self.width_factors(series.trading_class, vol.vix, series.at.year)
        widths = self.params.quotes(series.trading_class)
        return widths.half_spread(factors, years=series.years, forward=forward)

    def chain(self, terms: Terms, strikes: FloatArray | None = None) -> Chain:
        """Return the chain of one expiry, on the exchange's grid unless `strikes` are given."""
        if strikes is None:
            strikes = _grid(terms)
        return chain_of(terms, strikes, self.params.vix_smile, self._vol_factor)

    def rows(self, expiries: Sequence[tuple[Terms, Sequence[float]]]) -> Rows:
        """Return single rows of several expiries, priced at once; those of VIX come last."""
        return rows_of(expiries, self.params.vix_smile, self._vol_factor)

    @property
    def _vol_factor(self) -> float:
        return 1.0 + self.vol_shock_frac

    def is_on_grid(self, trading_class: TradingClass, strike: float) -> bool:
        """Tell whether the exchange would list `strike` for a trading class."""
        if trading_class in (TradingClass.SPX, TradingClass.SPXW):
            return strike > 0.0 and strike % _SPX_STRIKE_STEP_POINTS == 0.0
        return strike in _VIX_LISTED


def _grid(terms: Terms) -> FloatArray:
    """Return the strikes that the exchange lists around the forward of an expiry."""
    if isinstance(terms, SpxTerms):
        return _spx_strikes(terms.forward, terms.sd, terms.series.years)
    top = min(max(_VIX_REACH * terms.forward, _VIX_LEAST_TOP_POINTS), float(_VIX_STRIKES[-1]))
    return _VIX_STRIKES[: int(np.searchsorted(_VIX_STRIKES, top, side="right"))]


def _spx_strikes(forward: float, sd: float, years: float) -> FloatArray:
    """Return the 5-point grid around the forward, 6 % or 9 sds wide; wider below beyond a week."""
    sds_below = _SPX_REACH_SDS if years < _WEEK_YEARS else _SPX_FAR_REACH_SDS
    below = max(_SPX_LEAST_REACH_FRAC, sds_below * sd)
    above = max(_SPX_LEAST_REACH_FRAC, _SPX_REACH_SDS * sd)
    low, high = 1.0 - min(below, _SPX_MOST_REACH_FRAC), 1.0 + min(above, _SPX_MOST_REACH_FRAC)
    first = math.ceil(forward * low / _SPX_STRIKE_STEP_POINTS)
    last = math.floor(forward * high / _SPX_STRIKE_STEP_POINTS)
    return _SPX_STRIKE_STEP_POINTS * np.arange(first, last + 1, dtype=np.float64)


def _log_future(params: VixFutures, vol: VolState, years: FloatArray) -> FloatArray:
    rest = math.log(params.revert_to_points) + params.year_mean_power * math.log(
        vol.vix_year_mean / 19.0
    )
    far = math.log(vol.vix6m) + params.far_slope * math.log(vol.vix6m / vol.vix3m)
    curve = np.exp(-params.slow_per_year * years)
    curve *= far - rest + params.hump
    curve += (math.log(vol.vix3m) - far) * np.exp(-params.middle_per_year * years)
    curve += (math.log(vol.vix / vol.vix3m) - params.hump) * np.exp(-params.fast_per_year * years)
    curve += rest
    return curve


def _vix_atm_iv(smile: VixSmile, years: float, vvix: float) -> float:
    # Mean reversion of VIX itself makes far futures move less than near ones.
    decay = 2.0 * smile.reversion_per_year * years
    damping = math.sqrt(-math.expm1(-decay) / decay + smile.floor)
    spice = math.pow(vvix / _POINTS_PER_UNIT_VOL, smile.vvix_power)
    return smile.level * spice * damping
