"""What options and futures cost, given the volatility levels of one instant.

Rules of this file:
- Everything is a pure function of its arguments and of the parameters in config/surface.toml.
- SPX: a smile per expiry around at-the-money variance that grows with business time. VIX options
  are priced on the future of their own expiry, never on spot VIX.
- Calls and puts of one strike share one vol, so parity holds exactly before rounding to ticks.
- Rows of a chain do not depend on each other: a strike costs the same in any chain that holds it.
"""

import math
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from market.family import VolState
from market.instruments import TradingClass
from market.pricing import call_side
from market.quotes import Chain, FloatArray
from market.surface_params import SurfaceParams, VixFutures, VixSmile
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
_VIX_REACH = 8.0
_VIX_LEAST_TOP_POINTS = 100.0

_TICKS_PER_POINT_BELOW, _TICKS_PER_POINT_FROM, _TICK_SWITCH_POINTS = 20.0, 10.0, 3.0
_TICK_SLACK = 1e-9  # a price that stands on a tick but for rounding noise stays there


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which series a chain is made for, and how far away it is (act/365)."""

    trading_class: TradingClass
    expiry: date
    at: datetime
    years: float

    def __post_init__(self) -> None:
        if not self.years > 0.0:
            raise ValueError(f"{self.trading_class} {self.expiry} has no time left at {self.at}")


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
        forward = self.spx_forward(spot=spot, rate_frac=rate_frac, years=years)
        if at_money is None:
            time = plain_time(self.params.spx_term, years, sessions_left)
            at_money = self.variance_curve(vol, spot=spot).at_money(time)
        sd = max(math.sqrt(at_money.variance), _LEAST_TOTAL_SD)
        if strikes is None:
            strikes = _spx_strikes(forward, sd, years)
        log_moneyness = np.log(strikes / forward)
        shape = smile_shape(self.params.spx_smile, at_money.shape_sessions, vol)
        ratio = shape.variance_ratio(log_moneyness / sd)
        return self._chain(
            Expiry(trading_class, expiry, at, years),
            forward=forward,
            discount=math.exp(-rate_frac * years),
            strikes=strikes,
            log_moneyness=log_moneyness,
            total_sd=np.multiply(np.sqrt(ratio, out=ratio), sd, out=ratio),
            vix=vol.vix,
        )

    def vix_futures(self, *, vol: VolState, years: FloatArray) -> FloatArray:
        """Return VIX futures for delivery in `years`, in points."""
        return np.asarray(np.exp(_log_future(self.params.vix_futures, vol, years)))

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
        smile = self.params.vix_smile
        iv = _vix_atm_iv(smile, years, vol.vvix)
        sd = max(iv * math.sqrt(years), _LEAST_TOTAL_SD)
        if strikes is None:
            top = min(max(_VIX_REACH * forward, _VIX_LEAST_TOP_POINTS), float(_VIX_STRIKES[-1]))
            strikes = _VIX_STRIKES[: int(np.searchsorted(_VIX_STRIKES, top, side="right"))]
        log_moneyness = np.log(strikes / forward)
        return self._chain(
            Expiry(trading_class, expiry, at, years),
            forward=forward,
            discount=math.exp(-rate_frac * years),
            strikes=strikes,
            log_moneyness=log_moneyness,
            total_sd=sd * _vix_vol_ratio(smile, log_moneyness / sd, years),
            vix=vol.vix,
        )

    def is_on_grid(self, trading_class: TradingClass, strike: float) -> bool:
        """Tell whether the exchange would list `strike` for a trading class."""
        if trading_class in (TradingClass.SPX, TradingClass.SPXW):
            return strike > 0.0 and strike % _SPX_STRIKE_STEP_POINTS == 0.0
        place = int(np.searchsorted(_VIX_STRIKES, strike))
        return place < len(_VIX_STRIKES) and float(_VIX_STRIKES[place]) == strike

    def _chain(
        self,
        series: Expiry,
        *,
        forward: float,
        discount: float,
        strikes: FloatArray,
        log_moneyness: FloatArray,
        total_sd: FloatArray,
        vix: float,
    ) -> Chain:
        if self.vol_shock_frac:
            total_sd = total_sd * (1.0 + self.vol_shock_frac)
        call, call_delta = call_side(
            forward=forward,
            strikes=strikes,
            log_moneyness=log_moneyness,
            total_sd=total_sd,
            discount=discount,
        )
        prices = np.empty((2, len(strikes)))
        prices[1] = call
        np.subtract(call, discount * (forward - strikes), out=prices[0])
        np.maximum(prices, 0.0, out=prices)
        widths = self.params.quotes(series.trading_class)
        factor = widths.factor(vix, series.at.year)
        half = np.sqrt(prices)
        half *= factor * widths.root
        half += factor * widths.base_points
        bid, ask = _on_ticks(prices, half)
        iv = total_sd / math.sqrt(series.years)
        return Chain(
            trading_class=series.trading_class,
            expiry=series.expiry,
            at=series.at,
            forward=forward,
            years=series.years,
            discount=discount,
            strikes=strikes,
            put_bid=bid[0],
            put_ask=ask[0],
            call_bid=bid[1],
            call_ask=ask[1],
            put_iv=iv,
            call_iv=iv,
            put_delta=call_delta - discount,
            call_delta=call_delta,
        )


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
    fast = np.exp(-params.fast_per_year * years)
    slow = np.exp(-params.slow_per_year * years)
    near, far = math.log(vol.vix / vol.vix3m), math.log(vol.vix3m) - rest
    return np.asarray(rest + (near - params.hump) * fast + (far + params.hump) * slow)


def _vix_atm_iv(smile: VixSmile, years: float, vvix: float) -> float:
    # Mean reversion of VIX itself makes far futures move less than near ones.
    decay = 2.0 * smile.reversion_per_year * years
    damping = math.sqrt(-math.expm1(-decay) / decay + smile.floor)
    spice = math.pow(vvix / _POINTS_PER_UNIT_VOL, smile.vvix_power)
    return smile.level * spice * damping


def _vix_vol_ratio(smile: VixSmile, z: FloatArray, years: float) -> FloatArray:
    """Return vol relative to at-the-money: rising to the right, level in both wings."""
    call_wing = smile.call_wing + smile.call_wing_short * math.exp(-10.0 * years)
    wing = np.where(z > 0.0, call_wing, smile.put_wing)
    ratio: FloatArray = np.tanh(smile.slope * z / wing)
    ratio *= wing
    ratio += 1.0
    return ratio


def _on_ticks(prices: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return bids rounded down and asks rounded up to legal ticks; a bid may be 0."""
    bid = prices - half
    np.maximum(bid, 0.0, out=bid)
    ask = np.add(prices, half, out=half)
    bid_pitch = np.where(bid < _TICK_SWITCH_POINTS, _TICKS_PER_POINT_BELOW, _TICKS_PER_POINT_FROM)
    ask_pitch = np.where(ask < _TICK_SWITCH_POINTS, _TICKS_PER_POINT_BELOW, _TICKS_PER_POINT_FROM)
    bid *= bid_pitch
    bid += _TICK_SLACK
    np.floor(bid, out=bid)
    bid /= bid_pitch
    ask *= ask_pitch
    ask -= _TICK_SLACK
    np.ceil(ask, out=ask)
    ask /= ask_pitch
    return bid, ask
