"""The daily tape: indicators and VIX closes, each shown only once its session has closed."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from math import isnan

import numpy as np

from market.errors import NoSuchSession
from market.history import History
from market.indicators import historical_vol, simple_mean
from market.sessions import SessionCalendar
from strategies.base import Indicators
from strategies.params import VixGateParams
from strategies.volatility import hold_columns

VIX_MEAN_SESSIONS = 5
HV_SESSIONS = 20


class Tape:
    """Columns over all of history, read only up to the last closed session."""

    def __init__(self, history: History, calendar: SessionCalendar, gate: VixGateParams) -> None:
        self._history = history
        self._calendar = calendar
        closes = history.vix_close
        memory = hold_columns(closes, gate)
        self._hv20 = historical_vol(history.spx_close, HV_SESSIONS).tolist()
        self._sma5 = simple_mean(closes, VIX_MEAN_SESSIONS).tolist()
        self._count = np.cumsum(~np.isnan(closes)).tolist()
        self._hold = memory.hold.tolist()
        self._calm = memory.calm.tolist()
        self._vix = closes.tolist()

    def known_row(self, session: date, at: datetime) -> int:
        """Return the row of the last session whose cash close is not after `at`."""
        row = self._history.index(session)
        return row if at >= self._calendar.session(session).cash_close_at else row - 1

    def indicators(self, session: date, at: datetime) -> Indicators:
        """Return the indicators known at an instant of a session.

        R-05's memory is that of the session before: at the entry today's close is what decides.
        """
        row = self.known_row(session, at)
        before = self._history.index(session) - 1
        return Indicators(
            vix_close_count=self._count[row] if row >= 0 else 0,
            hv20=_known(self._hv20, row),
            vix_sma5=_known(self._sma5, row),
            was_hold=bool(self._hold[before]) if before >= 0 else False,
            calm_closes=int(self._calm[before]) if before >= 0 else 0,
        )

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
