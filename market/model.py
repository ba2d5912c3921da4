"""The market as history plus model: what every instrument was quoted at any instant of history.

Rules of this file:
- A pure function of (history, parameters, seed, instant): the same question has the same answer,
  whatever was asked before. What is kept between questions only saves time.
- Before the open of a session the levels are those of the previous close, within it they follow the
  intraday path, from the cash close on they are the close. Members of the volatility family other
  than VIX follow VIX within a session, because their own close is not yet known.
- A series stops being quoted when its trading ends; on its settlement morning it has no quote.
- VIX options are priced on the future of their expiry; weekly expiries lie on the curve between.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from market.errors import MarketDataError, NoSuchSession
from market.family import VolFamily, VolState
from market.history import History
from market.instruments import CLASS_SPECS, OptionContract, Settlement, TradingClass
from market.listings import Listings
from market.macro import MacroCalendar
from market.paths import IntradayPaths
from market.pricing import DAYS_PER_YEAR
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
from market.sessions import SessionCalendar, exchange_zone
from market.settlement import modelled_vix_settlement
from market.surface import Surface
from market.surface_term import BusinessTime, VarianceCurve

CURVE_EXPIRIES = 8

_INSTANTS_KEPT = 4
_DAY = timedelta(days=1)
_FUTURE_DECIMALS = 4
_BAR = timedelta(minutes=15)
_STEP = timedelta(minutes=5)
_RECORD_SESSIONS = 5  # an older record of the futures says nothing about today

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class _Lazy(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """Looks each entry up once, on access; a key whose look-up gives None is missing."""

    def __init__(self, keys: Iterable[_Key], look_up: Callable[[_Key], _Value | None]) -> None:
        self._keys = dict.fromkeys(keys)
        self._look_up = look_up
        self._found: dict[_Key, _Value | None] = {}

    def get(self, key: _Key, default: Any = None) -> Any:
        """Return the entry, or `default`; without the exception that a missing one would cost."""
        if key not in self._found:
            self._found[key] = self._look_up(key) if key in self._keys else None
        value = self._found[key]
        return default if value is None else value

    def __getitem__(self, key: _Key) -> _Value:
        value: _Value | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[_Key]:
        return (key for key in self._keys if self.get(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class _Instant:
    """What is known at one instant: the running or last session's row and the levels."""

    at: datetime
    on: date
    row: int
    is_closed: bool
    session_left: float
    spx: float
    vol: VolState
    rate_frac: float
    variances: list[VarianceCurve] = field(default_factory=list)
    curves: list[FuturesCurve] = field(default_factory=list)
    chains: dict[ChainKey, Chain | None] = field(default_factory=dict)


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
        self._business = BusinessTime(calendar, events, surface.params.spx_term)
        self._instants: dict[datetime, _Instant] = {}

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
        instant = self._instant(at)
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
        return self._curve(self._instant(at))

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        """Return all strikes of one expiry, or None when it is not listed or trades no more.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        instant = self._instant(at)
        key = (trading_class, expiry)
        if key not in instant.chains:
            instant.chains[key] = self._shown(instant, self._chain(instant, key, None))
        return instant.chains[key]

    def faultless_chain(
        self, trading_class: TradingClass, expiry: date, at: datetime
    ) -> Chain | None:
        """Return the chain as the model prices it, before quotes go wide, stale or missing.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return self._chain(self._instant(at), (trading_class, expiry), None)

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of those contracts that trade, the same numbers as in their chains.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        found = ((contract, self._quote(contract, at)) for contract in contracts)
        return {contract: quote for contract, quote in found if quote is not None}

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        """Return what `request` names; chains and quotes are computed when they are looked at.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        return MarketSnapshot(
            at=at,
            levels=self.levels(at),
            curve=self.curve(at),
            chains=_Lazy(request.chains, lambda key: self.chain(key[0], key[1], at)),
            quotes=_Lazy(request.contracts, lambda contract: self._quote(contract, at)),
            bars=self.bars(at, request.bars),
        )

    def bill_fracs(self) -> FloatArray:
        """Return the bill of every session of the history as a fraction a year: the recorded one,
        else the carry table's of that year's beginning."""
        rows = range(len(self._history.sessions))
        return np.array([self._rate_frac(row) for row in rows])

    def bars(self, at: datetime, count: int) -> tuple[SpxBar, ...]:
        """Return the last `count` 15-minute bars of the session that end by `at`, oldest first.

        Without volumes the mean since the open is time-weighted, on five-minute steps.
        """
        if not count:
            return ()
        instant = self._instant(at)
        opened = self._opens[instant.row]
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

    @cached_property
    def _opens(self) -> list[datetime]:
        return [self._calendar.session(day).open_at for day in self._history.sessions]

    def _instant(self, at: datetime) -> _Instant:
        instant = self._instants.get(at)
        if instant is None:
            instant = self._seen(at)
            if len(self._instants) >= _INSTANTS_KEPT:
                del self._instants[next(iter(self._instants))]
            self._instants[at] = instant
        return instant

    def _seen(self, at: datetime) -> _Instant:
        row = self._row(at)
        session = self._calendar.session(self._history.sessions[row])
        whole = session.cash_close_at - session.open_at
        hours_left = max((session.cash_close_at - at) / whole, 0.0)
        is_closed = at >= session.cash_close_at
        return _Instant(
            at=at,
            on=at.astimezone(exchange_zone()).date(),
            row=row,
            is_closed=is_closed,
            session_left=hours_left * self._surface.params.spx_term.trading_hours_share,
            spx=self._paths.spx(row, at),
            vol=self._vol(row, is_closed, at),
            rate_frac=self._rate_frac(row if is_closed else max(row - 1, 0)),
        )

    def _row(self, at: datetime) -> int:
        """Return the last session that has opened by `at`."""
        first, last = self._history.first_index, self._history.last_index
        row = bisect_right(self._opens, at.astimezone(UTC)) - 1
        if row < first or at >= self._end:
            raise MarketDataError(
                f"{at:%Y-%m-%d %H:%M} UTC lies outside the market history, which runs from"
                f" {self._history.sessions[first]} to {self._history.sessions[last]}."
            )
        return row

    @cached_property
    def _end(self) -> datetime:
        """The open of the first session after history; until then its last close stands."""
        last = self._history.sessions[self._history.last_index]
        try:
            return self._calendar.session(self._calendar.next(last)).open_at
        except NoSuchSession:
            return self._calendar.session(last).option_close_at + _DAY

    def _vol(self, row: int, is_closed: bool, at: datetime) -> VolState:
        if is_closed:
            return self._family.at_close(row)
        # On the first session with a VIX no earlier close exists, so its own stands in.
        before = max(row - 1, self._history.first_index)
        return self._family.after_close(before, self._paths.vix(row, at))

    def _rate_frac(self, row: int) -> float:
        rate = float(self._history.rate_frac[row])
        if np.isnan(rate):
            return self._surface.params.carry.bill_frac(self._history.sessions[row].year)
        return rate

    def _curve(self, instant: _Instant) -> FuturesCurve:
        if not instant.curves:
            expiries = self._listings.vx_expiries(instant.on, CURVE_EXPIRIES)
            prices = np.round(self._futures(instant, expiries), _FUTURE_DECIMALS)
            instant.curves.append(FuturesCurve(expiries, tuple(prices.tolist())))
        return instant.curves[0]

    def _futures(self, instant: _Instant, expiries: tuple[date, ...]) -> FloatArray:
        """Return modelled futures, scaled so that they run through the latest recorded settles."""
        modelled = self._surface.vix_futures(
            vol=instant.vol, years=self._vix_years(instant.at, expiries)
        )
        row, recorded = self._last_recorded(instant)
        if not recorded:
            return modelled
        struck_at = instant.at
        if not (instant.is_closed and row == instant.row):
            struck_at = self._calendar.session(self._history.sessions[row]).cash_close_at
        then = self._surface.vix_futures(
            vol=self._family.at_close(row), years=self._vix_years(struck_at, tuple(recorded))
        )
        ordinals = [expiry.toordinal() for expiry in recorded]
        ratios = np.fromiter(recorded.values(), np.float64) / then
        wanted = [expiry.toordinal() for expiry in expiries]
        return np.asarray(modelled * np.interp(wanted, ordinals, ratios))

    def _last_recorded(self, instant: _Instant) -> tuple[int, dict[date, float]]:
        """Return row and settles of the latest session with a record that has closed."""
        latest = instant.row if instant.is_closed else instant.row - 1
        for row in range(latest, latest - _RECORD_SESSIONS, -1):
            recorded = self._recorded(row)
            if recorded:
                return row, recorded
        return latest, {}

    def _recorded(self, row: int) -> dict[date, float]:
        """Return the settles recorded in a session by expiry, without what expired by its close."""
        if self._history.vx is None or row < self._history.first_index:
            return {}
        session = self._history.sessions[row]
        settles = self._history.vx.curve(session) or ()
        return {
            expiry: settle
            for expiry, settle in settles
            if expiry > session and self._is_known_session(expiry)
        }

    def _is_known_session(self, day: date) -> bool:
        return day <= self._calendar.last and self._calendar.is_session(day)

    def _vix_years(self, at: datetime, expiries: tuple[date, ...]) -> FloatArray:
        return np.array([self._years(TradingClass.VIX, expiry, at) for expiry in expiries])

    def _years(self, trading_class: TradingClass, expiry: date, at: datetime) -> float:
        left = self._calendar.settles_at(trading_class, expiry) - at
        return left / _DAY / DAYS_PER_YEAR

    def _vix_forward(self, instant: _Instant, expiry: date) -> float:
        curve = self._curve(instant)
        if expiry in curve.expiries:
            return curve.prices[curve.expiries.index(expiry)]
        if expiry > curve.expiries[-1]:
            return float(self._futures(instant, (expiry,))[0])
        years = self._vix_years(instant.at, curve.expiries)
        wanted = self._years(TradingClass.VIX, expiry, instant.at)
        knots, prices = np.append(0.0, years), np.append(instant.vol.vix, curve.prices)
        return float(np.interp(wanted, knots, prices))

    def _sessions_left(self, instant: _Instant, trading_class: TradingClass, expiry: date) -> float:
        today = self._history.sessions[instant.row]
        whole = self._calendar.index(expiry) - self._calendar.index(today)
        if CLASS_SPECS[trading_class].settlement is Settlement.AM:
            whole -= 1
        return max(whole, 0) + instant.session_left

    def _chain(self, instant: _Instant, key: ChainKey, strikes: FloatArray | None) -> Chain | None:
        trading_class, expiry = key
        if not self._listings.is_listed(trading_class, expiry, instant.on):
            return None
        if instant.at >= self._calendar.trading_ends_at(trading_class, expiry):
            return None
        return self._priced(instant, key, strikes)

    def _priced(
        self,
        instant: _Instant,
        key: ChainKey,
        strikes: FloatArray | None,
        forward: float | None = None,
    ) -> Chain:
        """Return the model's chain, on its own forward unless one is given."""
        trading_class, expiry = key
        years = self._years(trading_class, expiry, instant.at)
        if trading_class in (TradingClass.SPX, TradingClass.SPXW):
            spot = instant.spx
            if forward is not None:
                unit = self._surface.spx_forward(spot=1.0, rate_frac=instant.rate_frac, years=years)
                spot = forward / unit
            sessions_left = self._sessions_left(instant, trading_class, expiry)
            time = self._business.to(
                self._calendar.settles_at(trading_class, expiry),
                at=instant.at,
                years=years,
                sessions_left=sessions_left,
            )
            return self._surface.spx_chain(
                trading_class=trading_class,
                expiry=expiry,
                at=instant.at,
                spot=spot,
                rate_frac=instant.rate_frac,
                years=years,
                sessions_left=sessions_left,
                vol=instant.vol,
                strikes=strikes,
                at_money=self._variance(instant).at_money(time),
            )
        return self._surface.vix_chain(
            trading_class=trading_class,
            expiry=expiry,
            at=instant.at,
            forward=self._vix_forward(instant, expiry) if forward is None else forward,
            years=years,
            vol=instant.vol,
            rate_frac=instant.rate_frac,
            strikes=strikes,
        )

    def _variance(self, instant: _Instant) -> VarianceCurve:
        if not instant.variances:
            times = self._business.nodes(instant.at, instant.session_left)
            curve = self._surface.variance_curve(instant.vol, times, spot=instant.spx)
            instant.variances.append(curve)
        return instant.variances[0]

    def _shown(self, instant: _Instant, chain: Chain | None) -> Chain | None:
        if chain is None or self._quoting is None:
            return chain
        return self._quoting.shown(chain, instant.vol.vix)

    def chain_on_forward(
        self, key: ChainKey, at: datetime, forward: float, strikes: FloatArray
    ) -> Chain:
        """Return how the model prices an expiry at `strikes`, were its forward this one.

        For comparison with real chains, whose forward is known; listed or not.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
            NoSuchSession: the expiry is no session.
        """
        return self._priced(self._instant(at), key, strikes, forward)

    def vix_future(self, expiry: date, at: datetime) -> float:
        """Return the model's VIX future for delivery at the settlement of an expiry, points."""
        return self._vix_forward(self._instant(at), expiry)

    def rate_frac(self, at: datetime) -> float:
        """Return the bill rate known at an instant, a fraction a year."""
        return self._instant(at).rate_frac

    def _quote(self, contract: OptionContract, at: datetime) -> Quote | None:
        chain = self.chain(contract.trading_class, contract.expiry, at)
        if chain is None:
            return None
        quote = chain.quote(contract.strike, contract.right)
        strike = float(contract.strike)
        if quote is not None or not self._surface.is_on_grid(contract.trading_class, strike):
            return quote
        # A series that the market has moved away from stays listed: price its row alone.
        key = (contract.trading_class, contract.expiry)
        instant = self._instant(at)
        row = self._shown(instant, self._chain(instant, key, np.array([strike])))
        return None if row is None else row.quote(contract.strike, contract.right)
