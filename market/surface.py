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
from market.pricing import DAYS_PER_YEAR, call_side
from market.quotes import Chain, FloatArray
from market.surface_params import SpxSmile, SurfaceParams, VixFutures, VixSmile

__all__ = ["Expiry", "Surface", "SurfaceParams", "VolState"]

_POINTS_PER_UNIT_VOL = 100.0
_SESSIONS_PER_YEAR = 252.0
_IDLE_DAYS_PER_YEAR = 113.0
_LEAST_TOTAL_SD = 1e-7  # keeps the last instant before expiry finite

_SPX_STRIKE_STEP_POINTS = 5.0
_SPX_LEAST_REACH_FRAC = 0.06
_SPX_REACH_SDS = 9.0
_SPX_MOST_REACH_FRAC = 0.25
_STEEPEST_BEND = 0.985  # beyond it the smile's lowest point would lie far outside any chain
_LEAST_VARIANCE_RATIO = 0.05

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
    """Prices SPX options, VIX futures and VIX options."""

    params: SurfaceParams

    def spx_forward(self, *, spot: float, rate_frac: float, years: float) -> float:
        """Return SPX for delivery in `years`: bill rate less dividend yield, in points."""
        return spot * math.exp((rate_frac - self.params.carry.dividend_yield_frac) * years)

    def spx_atm_iv(self, *, years: float, sessions_left: float, vol: VolState) -> float:
        """Return the at-the-money vol of an SPX expiry as a fraction (act/365).

        `sessions_left` counts the rest of the running session and the whole ones after it.
        """
        term = self.params.spx_term
        weight = term.idle_day_weight
        idle_days = max(years * DAYS_PER_YEAR - sessions_left, 0.0)
        year_units = _SESSIONS_PER_YEAR + _IDLE_DAYS_PER_YEAR * weight
        business_years = (sessions_left + weight * idle_days) / year_units
        one_session = (1.0 + weight * _IDLE_DAYS_PER_YEAR / _SESSIONS_PER_YEAR) / year_units
        return math.sqrt(self._atm_variance(business_years, one_session, vol) / years)

    def _atm_variance(self, business_years: float, one_session: float, vol: VolState) -> float:
        term = self.params.spx_term
        near_ratio = term.one_session_ratio * (vol.vix9d / vol.vix) ** term.one_session_power
        nodes = (
            (one_session, near_ratio * vol.vix9d),
            (9.0 / DAYS_PER_YEAR, term.ratio_9d * vol.vix9d),
            (30.0 / DAYS_PER_YEAR, term.ratio_30d * vol.vix),
            (93.0 / DAYS_PER_YEAR, term.ratio_93d * vol.vix3m),
        )
        start, total = 0.0, 0.0
        for end, vol_points in nodes:
            # Total variance must not fall with time, whatever the indices say in a panic.
            node = max((vol_points / _POINTS_PER_UNIT_VOL) ** 2 * end, 1.02 * total)
            if business_years <= end:
                return total + (node - total) * (business_years - start) / (end - start)
            start, total = end, node
        return total * business_years / start

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
    ) -> Chain:
        """Return the chain of one SPX expiry, on the 5-point grid unless `strikes` are given."""
        forward = self.spx_forward(spot=spot, rate_frac=rate_frac, years=years)
        iv = self.spx_atm_iv(years=years, sessions_left=sessions_left, vol=vol)
        sd = max(iv * math.sqrt(years), _LEAST_TOTAL_SD)
        if strikes is None:
            strikes = _spx_strikes(forward, sd)
        log_moneyness = np.log(strikes / forward)
        ratio = _spx_variance_ratio(self.params.spx_smile, log_moneyness / sd, sessions_left, vol)
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


def _spx_strikes(forward: float, sd: float) -> FloatArray:
    """Return the 5-point grid around the forward: 6 % or 9 sds wide, at most 25 %."""
    reach = min(max(_SPX_LEAST_REACH_FRAC, _SPX_REACH_SDS * sd), _SPX_MOST_REACH_FRAC)
    first = math.ceil(forward * (1.0 - reach) / _SPX_STRIKE_STEP_POINTS)
    last = math.floor(forward * (1.0 + reach) / _SPX_STRIKE_STEP_POINTS)
    return _SPX_STRIKE_STEP_POINTS * np.arange(first, last + 1, dtype=np.float64)


def _spx_variance_ratio(
    smile: SpxSmile, z: FloatArray, sessions_left: float, vol: VolState
) -> FloatArray:
    """Return variance relative to at-the-money: a hyperbola through (0, 1), linear in the wings.

    The form is SVI (J. Gatheral, 2004) in units of the at-the-money standard deviation.
    """
    tenor = max(sessions_left, 0.25) / 5.0
    level = _clip(vol.vix, smile.vix_least_points, smile.vix_most_points) / 18.0
    spice = _clip(vol.vvix, smile.vvix_least_points, smile.vvix_most_points) / 95.0
    slope = -smile.slope * (
        tenor**smile.slope_tenor_power
        * level**smile.slope_vix_power
        * spice**smile.slope_vvix_power
    )
    put_wing = smile.put_wing * (
        tenor**smile.put_wing_tenor_power
        * level**smile.put_wing_vix_power
        * spice**smile.put_wing_vvix_power
    )
    call_wing, width = smile.call_wing, smile.bend_width
    opening = 0.5 * (put_wing + call_wing)
    tilt = (call_wing - put_wing) / (call_wing + put_wing)
    bend = _clip(tilt - slope / opening, -_STEEPEST_BEND, _STEEPEST_BEND)
    centre = width * bend / math.sqrt(1.0 - bend * bend)
    at_money = math.hypot(centre, width)
    arm: FloatArray = z - centre
    arm *= arm
    arm += width * width
    np.sqrt(arm, out=arm)
    arm += tilt * z
    arm *= opening
    arm += 1.0 - opening * at_money
    np.maximum(arm, _LEAST_VARIANCE_RATIO, out=arm)
    return arm


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


def _clip(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
