"""The market as history plus model: what every instrument was quoted at any instant of history.

Rules of this file:
- A pure function of (history, parameters, seed, instant): the same question has the same answer,
  whatever was asked before. What is kept between questions only saves time.
- A series stops being quoted when its trading ends; on its settlement morning it has no quote.
- VIX options are priced on the future of their expiry; weekly expiries lie on the curve between.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from market.errors import NoSuchSession
from market.family import VolFamily, VolState
from market.history import History
from market.instants import Instant, Instants
from market.instruments import OptionContract, TradingClass
from market.lazy import Lazy, Together
from market.listings import Listings
from market.macro import MacroCalendar
from market.paths import IntradayPaths
from market.quotes import (
    Chain,
    ChainKey,
    FloatArray,
    FuturesCurve,
    IndexLevels,
    MarketSnapshot,
    Quote,
    SnapshotRequest,
    SpxBar,
)
from market.quoting import Quoting
from market.series_terms import SeriesTerms
from market.sessions import SessionCalendar
from market.settlement import modelled_vix_settlement
from market.single_quotes import SingleQuotes
from market.surface import Surface
from market.surface_params import SurfaceParams
from market.surface_term import BusinessTime
from market.vix_curve import VixCurve

_BAR = timedelta(minutes=15)
_STEP = timedelta(minutes=5)


class ModelMarket:
    """Levels, futures, chains, quotes and settlement values of a history, modelled where absent."""

    def __init__(
        self,
        history: History,
        calendar: SessionCalendar,
        listings: Listings,
        surface: Surface,
        family: VolFamily,
        seed: int,
        macro: MacroCalendar | None = None,
        quoting: Quoting | None = None,
    ) -> None:
        self._quoting = quoting
        self._seed = seed
        self._history = history
        self._calendar = calendar
        self._listings = listings
        self._surface = surface
        self._family = family
        self._paths = IntradayPaths(history, calendar, seed)
        events = () if macro is None else macro.events
        business = BusinessTime(calendar, events, surface.params.spx_term)
        self._instants = Instants(history, calendar, family, self._paths, surface.params)
        self._vix = VixCurve(history, calendar, listings, surface, family)
        self._terms = SeriesTerms(history, calendar, listings, surface, business, self._vix)
        self._single = SingleQuotes(self._terms, surface, quoting)

    @property
    def provenance(self) -> dict[str, str]:
        """Return for each series whether it is "real", "synthetic", "modelled" or "absent"."""
        modelled = {"vx", "rates", "vix_settlements"}
        told = {
            name: "modelled" if kind == "absent" and name in modelled else kind
            for name, kind in self._history.provenance.items()
        }
        inferred = (name for name, kind in self._family.provenance.items() if kind == "modelled")
        return told | dict.fromkeys(inferred, "modelled")

    def levels(self, at: datetime) -> IndexLevels:
        """Return the index levels at an instant, in points.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        instant = self._instants.at(at)
        vol = instant.vol
        return IndexLevels(at, instant.spx, vol.vix, vol.vix9d, vol.vix3m, vol.vvix)

    def curve(self, at: datetime) -> FuturesCurve:
        """Return the next monthly VIX futures, nearest first, in points.

        From the cash close on these are the settles recorded that session; within a session the
        model moves the latest earlier ones. Without a record they are modelled.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
            NoSuchSession: the calendar ends too early to know the expiries.
        """
        return self._vix.futures(self._instants.at(at))

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        """Return all strikes of one expiry, or None when it is not listed or trades no more.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        instant = self._instants.at(at)
        key = (trading_class, expiry)
        if key not in instant.chains:
            chain = self._chain(instant, key)
            if chain is not None and self._quoting is not None:
                chain = self._quoting.shown(chain, instant.vol.vix)
            instant.chains[key] = chain
        return instant.chains[key]

    def faultless_chain(
        self, trading_class: TradingClass, expiry: date, at: datetime
    ) -> Chain | None:
        """Return the chain as the model prices it, before quotes go wide, stale or missing.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return self._chain(self._instants.at(at), (trading_class, expiry))

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of those contracts that trade, the same numbers as in their chains.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return self._single.quotes(self._instants.at(at), contracts)

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        """Return what `request` names; chains and quotes are computed when they are looked at.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return MarketSnapshot(
            at=at,
            levels=self.levels(at),
            curve=self.curve(at),
            chains=Lazy(request.chains, lambda key: self.chain(key[0], key[1], at)),
            quotes=Together(request.contracts, lambda contracts: self.quotes(contracts, at)),
            bars=self.bars(at, request.bars),
        )

    def bill_fracs(self) -> FloatArray:
        """Return the bill of every session of the history as a fraction a year: the recorded one,
        else the carry table's of that year's beginning."""
        rows = range(len(self._history.sessions))
        return np.array([self._instants.rate_frac(row) for row in rows])

    def bars(self, at: datetime, count: int) -> tuple[SpxBar, ...]:
        """Return the last `count` 15-minute bars of the session that end by `at`, oldest first.

        Without volumes the mean since the open is time-weighted, on five-minute steps.
        """
        if not count:
            return ()
        instant = self._instants.at(at)
        opened = self._instants.opens[instant.row]
        ends = [at - number * _BAR for number in reversed(range(count))]
        return tuple(self._bar(instant.row, opened, end) for end in ends if end > opened)

    def _bar(self, row: int, opened: datetime, end: datetime) -> SpxBar:
        steps = range(1, int((end - opened) / _STEP) + 1)
        path = [self._paths.spx(row, opened + number * _STEP) for number in steps]
        mean = sum(path) / len(path) if path else None
        return SpxBar(end, self._paths.spx(row, end), mean)

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the settlement value of an expiry to 0.01 points, or None outside history.

        SPXW: the official close. SPX: the open, for want of the opening quotation of its members.
        VIX: the recorded final settlement value, else drawn around VIX at the open.
        """
        try:
            row = self._history.index(expiry)
        except NoSuchSession:
            return None
        value = self._settlement(trading_class, expiry, row)
        return None if np.isnan(value) else Decimal(f"{value:.2f}")

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        """Tell whether the settlement value of an expiry exists and has been struck by `at`."""
        if self.settlement_points(trading_class, expiry) is None:
            return False
        return at >= self._calendar.settles_at(trading_class, expiry)

    def _settlement(self, trading_class: TradingClass, expiry: date, row: int) -> float:
        if trading_class is TradingClass.SPXW:
            return float(self._history.spx_close[row])
        if trading_class is TradingClass.SPX:
            return float(self._history.spx_open[row])
        recorded = self._history.vix_settlements.get(expiry)
        if recorded is not None:
            return recorded
        if np.isnan(self._history.vix_close[row]):
            return float("nan")
        vix_open = self._paths.vix(row, self._calendar.session(expiry).open_at)
        return modelled_vix_settlement(vix_open, expiry, self._seed)

    def bill_frac(self, year: int) -> float:
        """Return the bill rate that was known when a year began, a fraction a year."""
        return self._surface.params.carry.bill_frac(year)

    def _chain(self, instant: Instant, key: ChainKey) -> Chain | None:
        terms = self._terms.of(instant, key)
        return None if terms is None else self._surface.chain(terms)

    def chain_on_forward(
        self,
        key: ChainKey,
        at: datetime,
        forward: float,
        strikes: FloatArray,
        vol: VolState | None = None,
    ) -> Chain:
        """Return how the model prices an expiry at `strikes`, were its forward this one.

        For comparison with real chains, whose forward is known; listed or not. `vol` stands in for
        the levels of that instant.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
            NoSuchSession: the expiry is no session.
        """
        instant = self._instants.at(at)
        if vol is not None:
            instant = _with_vol(instant, vol)
        return self._surface.chain(self._terms.anew(instant, key, forward), strikes)

    def forward(self, key: ChainKey, at: datetime) -> float:
        """Return the model's own forward of an expiry, listed or not, in points.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
            NoSuchSession: the expiry is no session.
        """
        return self._terms.anew(self._instants.at(at), key).forward

    def vol_state(self, at: datetime) -> VolState:
        """Return the levels that price everything at an instant, in points.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return self._instants.at(at).vol

    @property
    def params(self) -> SurfaceParams:
        """Return the parameters of the model."""
        return self._surface.params

    def vix_future(self, expiry: date, at: datetime) -> float:
        """Return the model's VIX future for delivery at the settlement of an expiry, points."""
        return self._vix.forward(self._instants.at(at), expiry)

    def rate_frac(self, at: datetime) -> float:
        """Return the bill rate known at an instant, a fraction a year."""
        return self._instants.at(at).rate_frac


def _with_vol(instant: Instant, vol: VolState) -> Instant:
    """Return an instant at other levels, with none of the answers found at its own."""
    return Instant(
        at=instant.at,
        on=instant.on,
        row=instant.row,
        is_closed=instant.is_closed,
        session_left=instant.session_left,
        spx=instant.spx,
        vol=vol,
        rate_frac=instant.rate_frac,
        hour=instant.hour,
    )
