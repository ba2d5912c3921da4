"""What is known at one instant of history: which session runs, the levels, the bill.

Before the open of a session the levels are those of the previous close, within it they follow the
intraday path, from the cash close on they are the close. Members of the volatility family other
than VIX follow VIX within a session, because their own close is not yet known.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from market.errors import MarketDataError, NoSuchSession
from market.family import VolFamily, VolState
from market.history import History
from market.instruments import OptionContract, TradingClass
from market.paths import IntradayPaths
from market.quote_widths import QuoteHour, WidthFactors
from market.quotes import Chain, ChainKey, FloatArray, FuturesCurve, Quote
from market.sessions import Session, SessionCalendar, exchange_zone
from market.surface_params import SurfaceParams
from market.surface_rows import Terms
from market.surface_term import VarianceCurve

_INSTANTS_KEPT = 4
_DAY = timedelta(days=1)
_NIGHT = timedelta(hours=17.5)  # from a close to the next open; a weekend has it before its Monday


@dataclass(slots=True, eq=False)
class Instant:
    """What is known at one instant: the running or last session's row and the levels.

    `session_left` is the rest of the running session in sessions, below 0 what has passed of the
    night after it.
    The lists and tables below are filled as questions are asked: all of them are functions of the
    instant, so that everybody who looks at it shares one answer, and they end with it.
    """

    at: datetime
    on: date
    row: int
    is_closed: bool
    session_left: float
    spx: float
    vol: VolState
    rate_frac: float
    hour: QuoteHour
    variances: list[VarianceCurve] = field(default_factory=list)
    curves: list[FuturesCurve] = field(default_factory=list)
    knots: list[tuple[FloatArray, FloatArray]] = field(default_factory=list)
    width_factors: dict[TradingClass, WidthFactors] = field(default_factory=dict)
    terms: dict[ChainKey, Terms | None] = field(default_factory=dict)
    chains: dict[ChainKey, Chain | None] = field(default_factory=dict)
    quotes: dict[OptionContract, Quote | None] = field(default_factory=dict)


class Instants:
    """Tells what is known at an instant, and keeps the last few."""

    def __init__(
        self,
        history: History,
        calendar: SessionCalendar,
        family: VolFamily,
        paths: IntradayPaths,
        params: SurfaceParams,
    ) -> None:
        self._history = history
        self._calendar = calendar
        self._family = family
        self._paths = paths
        self._params = params
        self._kept: dict[datetime, Instant] = {}
        self._closed: tuple[int, VolState] | None = None

    @cached_property
    def opens(self) -> list[datetime]:
        """Return when each session of the history opens."""
        return [self._calendar.session(day).open_at for day in self._history.sessions]

    def at(self, at: datetime) -> Instant:
        """Return what is known at an instant.

        Raises:
            MarketDataError: the instant lies outside history, or VIX is not known yet.
        """
        instant = self._kept.get(at)
        if instant is None:
            instant = self._seen(at)
            if len(self._kept) >= _INSTANTS_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[at] = instant
        return instant

    def _seen(self, at: datetime) -> Instant:
        row = self._row(at)
        session = self._calendar.session(self._history.sessions[row])
        is_closed = at >= session.cash_close_at
        return Instant(
            at=at,
            on=at.astimezone(exchange_zone()).date(),
            row=row,
            is_closed=is_closed,
            session_left=self._session_left(session, at),
            spx=self._paths.spx(row, at),
            vol=self._vol(row, is_closed, at),
            rate_frac=self.rate_frac(row if is_closed else max(row - 1, 0)),
            hour=QuoteHour.of(session.open_at, session.cash_close_at, at),
        )

    def _session_left(self, session: Session, at: datetime) -> float:
        """Return the rest of a session, or below 0 what has passed of the night after it."""
        term = self._params.spx_term
        if at < session.cash_close_at:
            whole = session.cash_close_at - session.open_at
            return term.session_left((at - session.open_at) / whole)
        try:
            opens_at = self._calendar.session(self._calendar.next(session.date)).open_at
        except NoSuchSession:
            return 0.0
        passed = 1.0 - (opens_at - at) / _NIGHT
        return -(1.0 - term.trading_hours_share) * max(passed, 0.0)

    def _row(self, at: datetime) -> int:
        """Return the last session that has opened by `at`."""
        first, last = self._history.first_index, self._history.last_index
        row = bisect_right(self.opens, at) - 1
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
            if self._closed is None or self._closed[0] != row:
                self._closed = row, self._family.at_close(row)
            return self._closed[1]
        # On the first session with a VIX no earlier close exists, so its own stands in.
        before = max(row - 1, self._history.first_index)
        return self._family.after_close(before, self._paths.vix(row, at))

    def rate_frac(self, row: int) -> float:
        """Return the bill of a session, a fraction a year: recorded, else the carry table's."""
        rate = float(self._history.rate_frac[row])
        if np.isnan(rate):
            return self._params.carry.bill_frac(self._history.sessions[row].year)
        return rate
