"""What the rows of one expiry share at an instant: found once, used by its chain and its quotes."""

import math
from dataclasses import replace
from datetime import date, datetime

from market.family import VolState
from market.history import History
from market.instants import Instant
from market.instruments import CLASS_SPECS, Settlement, TradingClass
from market.listings import Listings
from market.quote_widths import WidthFactors
from market.quotes import ChainKey
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_rows import Expiry, SpxTerms, Terms
from market.surface_term import BusinessTime, NodeTimes, VarianceCurve
from market.vix_curve import VixCurve, years_to

_SPX_CLASSES = frozenset({TradingClass.SPX, TradingClass.SPXW})


class SeriesTerms:
    """Finds the terms of an expiry: its forward, discount, vol at the money, smile and spread."""

    def __init__(
        self,
        history: History,
        calendar: SessionCalendar,
        listings: Listings,
        surface: Surface,
        business: BusinessTime,
        vix: VixCurve,
    ) -> None:
        self._history = history
        self._calendar = calendar
        self._listings = listings
        self._surface = surface
        self._business = business
        self._vix = vix
        self._last_close: tuple[int, NodeTimes] | None = None
        self._on: date | None = None
        self._last_moments: dict[ChainKey, datetime | None] = {}

    def of(self, instant: Instant, key: ChainKey) -> Terms | None:
        """Return the terms of an expiry, or None when it is not listed or trades no more."""
        if key not in instant.terms:
            last = self._last_moment(instant.on, key)
            is_over = last is None or instant.at >= last
            instant.terms[key] = None if is_over else self.anew(instant, key)
        return instant.terms[key]

    def _last_moment(self, on: date, key: ChainKey) -> datetime | None:
        """Return when an expiry listed on a date trades last, None for one that is not listed.

        Kept for one date at a time, at which every instant asks for the same few expiries.
        """
        if on != self._on:
            self._on = on
            self._last_moments.clear()
        if key not in self._last_moments:
            is_listed = self._listings.is_listed(*key, on)
            self._last_moments[key] = self._calendar.trading_ends_at(*key) if is_listed else None
        return self._last_moments[key]

    def anew(self, instant: Instant, key: ChainKey, forward: float | None = None) -> Terms:
        """Return the terms of an expiry, listed or not, on its own forward unless one is given."""
        trading_class, expiry = key
        years = years_to(self._calendar, trading_class, expiry, instant.at)
        series = Expiry(trading_class, expiry, instant.at, years)
        if trading_class in _SPX_CLASSES:
            return self._of_spx(instant, series, forward)
        return self._surface.vix_terms(
            series,
            forward=self._vix.forward(instant, expiry) if forward is None else forward,
            vol=instant.vol,
            rate_frac=instant.rate_frac,
            width_factors=self._width_factors(instant, trading_class),
        )

    def _of_spx(self, instant: Instant, series: Expiry, forward: float | None) -> SpxTerms:
        spot, surface = instant.spx, self._surface
        if forward is not None:
            rate = instant.rate_frac
            spot = forward / surface.spx_forward(spot=1.0, rate_frac=rate, years=series.years)
        time = self._business.to(
            self._calendar.settles_at(series.trading_class, series.expiry),
            at=instant.at,
            years=series.years,
            sessions_left=self._sessions_left(instant, series),
        )
        return surface.spx_terms(
            series,
            spot=spot,
            rate_frac=instant.rate_frac,
            vol=instant.vol,
            at_money=self._variance(instant).at_money(time),
            width_factors=self._width_factors(instant, series.trading_class),
        )

    def _sessions_left(self, instant: Instant, series: Expiry) -> float:
        today = self._history.sessions[instant.row]
        whole = self._calendar.index(series.expiry) - self._calendar.index(today)
        if CLASS_SPECS[series.trading_class].settlement is Settlement.AM:
            # The night before the open on which it settles belongs to the session after it.
            night = 1.0 - self._surface.params.spx_term.trading_hours_share
            return max(whole - 1, 0) + night + instant.session_left
        return max(whole, 0) + instant.session_left

    def _variance(self, instant: Instant) -> VarianceCurve:
        if not instant.variances:
            times = self._business.nodes(instant.at, instant.session_left)
            vol = self._moved_on(instant, times)
            curve = self._surface.variance_curve(vol, times, spot=instant.spx)
            instant.variances.append(curve)
        return instant.variances[0]

    def _moved_on(self, instant: Instant, times: NodeTimes) -> VolState:
        """Return the levels with VIX9D as its window has moved on since the last close.

        A release that has happened is no longer in it, one a week from now is.
        """
        if instant.is_closed or instant.row == self._history.first_index:
            return instant.vol
        if self._last_close is None or self._last_close[0] != instant.row - 1:
            session = self._calendar.session(self._history.sessions[instant.row - 1])
            self._last_close = instant.row - 1, self._business.nodes(session.cash_close_at, 0.0)
        growth = times.days_9 / self._last_close[1].days_9
        power = 0.5 * self._surface.params.spx_term.window_power
        return replace(instant.vol, vix9d=instant.vol.vix9d * math.pow(growth, power))

    def _width_factors(self, instant: Instant, trading_class: TradingClass) -> WidthFactors:
        factors = instant.width_factors.get(trading_class)
        if factors is None:
            factors = self._surface.width_factors(
                trading_class, instant.vol.vix, instant.at.year, instant.hour
            )
            instant.width_factors[trading_class] = factors
        return factors
