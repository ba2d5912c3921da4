"""The daily tape: indicators and VIX closes, each shown only once its session has closed."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cached_property
from math import isnan
from typing import Protocol

import numpy as np

from bot.tape_columns import SoftColumns, soft_columns
from market.errors import NoSuchSession
from market.history import History
from market.indicators import historical_vol, simple_mean
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from strategies.base import Indicators
from strategies.hedge_params import AlvhParams
from strategies.momentum import is_prearmed
from strategies.params import FilterParams, VixGateParams
from strategies.tilt import macd_crosses
from strategies.volatility import hold_columns

VIX_MEAN_SESSIONS = 5
HV_SESSIONS = 20
RETURNS_KEPT = 1000


class DailyTape(Protocol):
    """What the engine reads of past days."""

    def indicators(self, session: date, at: datetime, /) -> Indicators:
        """Return the indicators known at an instant of a session."""

    def vix_closes(self, session: date, at: datetime, /) -> Mapping[date, float]:
        """Return VIX closes by session, none of a session still open."""

    def spx_returns(self, session: date, at: datetime, /) -> FloatArray:
        """Return the last daily log returns of SPX, oldest first."""


class Tape:
    """Columns over all of history, read only up to the last closed session."""

    def __init__(
        self,
        history: History,
        calendar: SessionCalendar,
        gate: VixGateParams,
        filters: FilterParams | None = None,
        vix9d: FloatArray | None = None,
        hedge: AlvhParams | None = None,
    ) -> None:
        """Prepare the columns; `vix9d` replaces the history's own where it has holes."""
        self._hedge = hedge or AlvhParams()
        self._history = history
        self._calendar = calendar
        self._filters = filters or FilterParams()
        self._vix9d = history.vix9d if vix9d is None else vix9d
        closes = history.vix_close
        memory = hold_columns(closes, gate)
        self._hv20 = historical_vol(history.spx_close, HV_SESSIONS).tolist()
        self._sma5 = simple_mean(closes, VIX_MEAN_SESSIONS).tolist()
        self._count = np.cumsum(~np.isnan(closes)).tolist()
        self._hold = memory.hold.tolist()
        self._calm = memory.calm.tolist()
        self._vix = closes.tolist()
        # Several decisions of a session ask for the same row one after the other.
        self._last: tuple[tuple[date, int], Indicators] | None = None
        self._returns = np.diff(np.log(history.spx_close), prepend=np.nan)

    @cached_property
    def _soft(self) -> SoftColumns:
        return soft_columns(self._history, self._filters, self._vix9d)

    @cached_property
    def _crosses(self) -> tuple[str | None, ...]:
        return macd_crosses(self._history.vix_close, self._hedge)

    def known_row(self, session: date, at: datetime) -> int:
        """Return the row of the last session whose cash close is not after `at`."""
        row = self._history.index(session)
        return row if at >= self._calendar.session(session).cash_close_at else row - 1

    def indicators(self, session: date, at: datetime) -> Indicators:
        """Return the indicators known at an instant of a session.

        R-05's memory is that of the session before: at the entry today's close is what decides.
        """
        row = self.known_row(session, at)
        if self._last is None or self._last[0] != (session, row):
            self._last = (session, row), self._read(session, row)
        return self._last[1]

    def _read(self, session: date, row: int) -> Indicators:
        before = self._history.index(session) - 1
        soft = self._soft
        divergence, rsi_vix = _known(soft.divergence, row), _known(soft.rsi_vix, row)
        has_divergence = None if divergence is None else divergence > 0
        reer = soft.reer_on(session)
        return Indicators(
            vix_close_count=self._count[row] if row >= 0 else 0,
            hv20=_known(self._hv20, row),
            vix_sma5=_known(self._sma5, row),
            was_hold=bool(self._hold[before]) if before >= 0 else False,
            calm_closes=int(self._calm[before]) if before >= 0 else 0,
            hedge_prearm=self._prearm(rsi_vix, has_divergence),
            fear_stretched=self._fear(rsi_vix),
            macd_cross=self._crosses[row] if row >= 0 else None,
            rsi_spx=_known(soft.rsi_spx, row),
            rsi_vix=rsi_vix,
            has_divergence=has_divergence,
            reer_deviation_frac=None if reer is None else reer.deviation_frac,
            reer_change_frac=None if reer is None else reer.change_frac,
            ird_proxy_frac=_known(soft.ird_proxy, row),
            ird_z=_known(soft.ird_z, row),
            below_year_high_frac=_known(soft.below_year_high, row),
            vix9d_sd_points=_known(soft.vix9d_sd, row),
            bill_frac=_known(soft.bill, row),
        )

    def _prearm(self, rsi_vix: float | None, has_divergence: bool | None) -> bool | None:
        is_off = not (self._filters.breadth_enabled and self._filters.rsi_enabled)
        if is_off or rsi_vix is None or has_divergence is None:
            return None
        return is_prearmed(rsi_vix, has_divergence, self._filters)

    def _fear(self, rsi_vix: float | None) -> bool | None:
        if rsi_vix is None or not self._filters.rsi_enabled:
            return None
        return rsi_vix > self._filters.vix_rsi_high

    def spx_returns(self, session: date, at: datetime) -> FloatArray:
        """Return the last daily log returns of SPX, oldest first, none of a session still open."""
        end = self.known_row(session, at) + 1
        return self._returns[max(end - RETURNS_KEPT, 1) : end]

    def vix_closes(self, session: date, at: datetime) -> Mapping[date, float]:
        """Return VIX closes by session, none of a session still open."""
        return KnownCloses(self._history, self._vix, self.known_row(session, at))


def _known(column: list[float], row: int) -> float | None:
    if row < 0:
        return None
    value = column[row]
    return None if isnan(value) else value


class KnownCloses(Mapping[date, float]):
    """A read-only view of VIX closes that ends at a row; sessions without a VIX are absent."""

    def __init__(self, history: History, closes: list[float], last_row: int) -> None:
        self._history = history
        self._closes = closes
        self._last_row = last_row

    def __getitem__(self, session: date) -> float:
        try:
            row = self._history.index(session)
        except NoSuchSession:
            raise KeyError(session) from None
        value = _known(self._closes, row) if row <= self._last_row else None
        if value is None:
            raise KeyError(session)
        return value

    def __iter__(self) -> Iterator[date]:
        sessions = self._history.sessions[: self._last_row + 1]
        return (day for day, close in zip(sessions, self._closes, strict=False) if not isnan(close))

    def __len__(self) -> int:
        return sum(1 for _ in self)
