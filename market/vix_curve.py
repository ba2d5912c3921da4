"""VIX futures: recorded settles where there are any, the model between and beyond them."""

from datetime import date, datetime, timedelta

import numpy as np

from market.family import VolFamily
from market.history import History
from market.instants import Instant
from market.instruments import TradingClass
from market.listings import Listings
from market.pricing import DAYS_PER_YEAR
from market.quotes import FloatArray, FuturesCurve
from market.sessions import SessionCalendar
from market.surface import Surface

CURVE_EXPIRIES = 8

_DAY = timedelta(days=1)
_FUTURE_DECIMALS = 4
_RECORD_SESSIONS = 5  # an older record of the futures says nothing about today


class VixCurve:
    """The futures curve at an instant, and the forward of any VIX expiry."""

    def __init__(
        self,
        history: History,
        calendar: SessionCalendar,
        listings: Listings,
        surface: Surface,
        family: VolFamily,
    ) -> None:
        self._history = history
        self._calendar = calendar
        self._listings = listings
        self._surface = surface
        self._family = family
        # The same eight monthlies are asked for at every instant of a month.
        self._settles: tuple[tuple[date, ...], tuple[datetime, ...]] | None = None

    def futures(self, instant: Instant) -> FuturesCurve:
        """Return the next monthly futures, nearest first, in points."""
        if not instant.curves:
            expiries = self._listings.vx_expiries(instant.on, CURVE_EXPIRIES)
            years = self._vix_years(instant.at, expiries)
            prices = np.round(self._through_settles(instant, expiries, years), _FUTURE_DECIMALS)
            instant.curves.append(FuturesCurve(expiries, tuple(prices.tolist())))
            # VIX itself is the future of now: weekly expiries may settle before the first monthly.
            knots = (0.0, *years.tolist()), (instant.vol.vix, *prices.tolist())
            instant.knots.append((np.array(knots[0]), np.array(knots[1])))
        return instant.curves[0]

    def _through_settles(
        self, instant: Instant, expiries: tuple[date, ...], years: FloatArray
    ) -> FloatArray:
        """Return modelled futures, scaled so that they run through the latest recorded settles."""
        modelled = self._surface.vix_futures(vol=instant.vol, years=years)
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

    def _last_recorded(self, instant: Instant) -> tuple[int, dict[date, float]]:
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

    def forward(self, instant: Instant, expiry: date) -> float:
        """Return the future for delivery at the settlement of an expiry, points."""
        curve = self.futures(instant)
        if expiry in curve.expiries:
            return curve.prices[curve.expiries.index(expiry)]
        if expiry > curve.expiries[-1]:
            years = self._vix_years(instant.at, (expiry,))
            return float(self._through_settles(instant, (expiry,), years)[0])
        wanted = years_to(self._calendar, TradingClass.VIX, expiry, instant.at)
        return float(np.interp(wanted, *instant.knots[0]))

    def _vix_years(self, at: datetime, expiries: tuple[date, ...]) -> FloatArray:
        if self._settles is None or self._settles[0] != expiries:
            calendar = self._calendar
            settles = tuple(calendar.settles_at(TradingClass.VIX, expiry) for expiry in expiries)
            self._settles = expiries, settles
        return np.array([(settle - at) / _DAY / DAYS_PER_YEAR for settle in self._settles[1]])


def years_to(
    calendar: SessionCalendar, trading_class: TradingClass, expiry: date, at: datetime
) -> float:
    """Return the calendar time to the settlement of an expiry, in years of 365 days."""
    return (calendar.settles_at(trading_class, expiry) - at) / _DAY / DAYS_PER_YEAR
