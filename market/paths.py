"""Where SPX and VIX stood inside a session of which only the daily prices are known.

Rules of this file:
- A session's path depends on the seed, its date, its own prices and the close before it; never on
  later sessions and never on the order of questions. Randomness is a hash, not a stream.
- SPX runs straight between four knots: open, first extreme, second extreme, close.
- VIX moves from its open to its close against SPX's wandering around its own straight line.
"""

import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from market.errors import MarketDataError
from market.history import History
from market.sessions import SessionCalendar

# Log VIX per log SPX, least squares over 2009-2026: -4.27 overnight, -4.43 within the session.
VIX_ELASTICITY = -4.3
# A bar's low comes before its high on most rising days, after it on most falling ones.
_USUAL_ORDER_FRAC = 0.75
_MOST_LOG_DEVIATION = 1.0
_DAYS_KEPT = 32


@dataclass(frozen=True, slots=True)
class _DayPath:
    """One session's knots: fractions of the session and SPX there, with VIX at both ends."""

    open_at: datetime
    close_at: datetime
    fractions: tuple[float, ...]
    levels: tuple[float, ...]
    previous_spx: float
    previous_vix: float
    vix_open: float
    vix_close: float

    def elapsed_frac(self, at: datetime) -> float:
        """Return the share of the session that has passed."""
        return (at - self.open_at) / (self.close_at - self.open_at)

    def spx(self, elapsed: float) -> float:
        """Return SPX at a share of the session, straight between knots."""
        after = bisect_right(self.fractions, elapsed)
        left, right = self.fractions[after - 1], self.fractions[after]
        weight = (elapsed - left) / (right - left)
        return self.levels[after - 1] + weight * (self.levels[after] - self.levels[after - 1])

    def vix(self, elapsed: float) -> float:
        """Return VIX at a share of the session: its own trend plus SPX's wandering, mirrored."""
        log_open = math.log(self.levels[0])
        straight = log_open + elapsed * (math.log(self.levels[-1]) - log_open)
        wandering = VIX_ELASTICITY * (math.log(self.spx(elapsed)) - straight)
        trend = elapsed * math.log(self.vix_close / self.vix_open)
        return self.vix_open * math.exp(trend + _bounded(wandering))


class IntradayPaths:
    """SPX and VIX at any instant of any session of a history, points."""

    def __init__(self, history: History, calendar: SessionCalendar, seed: int) -> None:
        self._history = history
        self._calendar = calendar
        self._seed = seed
        self._kept: dict[int, _DayPath] = {}

    def spx(self, index: int, at: datetime) -> float:
        """Return SPX at `at`, seen from session `index`.

        Before the open it is the previous close, from the cash close on the close.
        """
        path = self._path(index)
        if at < path.open_at:
            return path.previous_spx
        if at >= path.close_at:
            return path.levels[-1]
        return path.spx(path.elapsed_frac(at))

    def vix(self, index: int, at: datetime) -> float:
        """Return VIX at `at`, seen from session `index`; always above 0.

        On the first session with a VIX there is no earlier close, so that session's stands in.

        Raises:
            MarketDataError: the history has no VIX on that session.
        """
        path = self._path(index)
        if math.isnan(path.vix_close):
            raise MarketDataError(f"VIX is unknown on {self._history.sessions[index]}.")
        if at < path.open_at:
            return path.previous_vix
        if at >= path.close_at:
            return path.vix_close
        return path.vix(path.elapsed_frac(at))

    def _path(self, index: int) -> _DayPath:
        path = self._kept.get(index)
        if path is None:
            path = self._drawn(index)
            if len(self._kept) >= _DAYS_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[index] = path
        return path

    def _drawn(self, index: int) -> _DayPath:
        history = self._history
        session = self._calendar.session(history.sessions[index])
        spx_open, spx_close = float(history.spx_open[index]), float(history.spx_close[index])
        vix_close = float(history.vix_close[index])
        before = max(index - 1, 0)
        previous_spx = float(history.spx_close[before]) if index else spx_open
        previous_vix = float(history.vix_close[before])
        if not index or math.isnan(previous_vix):
            previous_vix = vix_close
        fractions, levels = self._knots(index, spx_open, spx_close)
        vix_open = float(history.vix_open[index])
        if math.isnan(vix_open):
            gap = VIX_ELASTICITY * math.log(spx_open / previous_spx)
            vix_open = previous_vix * math.exp(_bounded(gap))
        return _DayPath(
            open_at=session.open_at,
            close_at=session.cash_close_at,
            fractions=fractions,
            levels=levels,
            previous_spx=previous_spx,
            previous_vix=previous_vix,
            vix_open=vix_open,
            vix_close=vix_close,
        )

    def _knots(
        self, index: int, spx_open: float, spx_close: float
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        history = self._history
        # A vendor's high may miss the opening or the closing print by a little.
        high = max(float(history.spx_high[index]), spx_open, spx_close)
        low = min(float(history.spx_low[index]), spx_open, spx_close)
        order, early, late = _uniforms(self._seed, history.sessions[index].isoformat())
        is_usual = order < _USUAL_ORDER_FRAC
        is_low_first = is_usual if spx_close >= spx_open else not is_usual
        first, second = (low, high) if is_low_first else (high, low)
        first_frac = 0.05 + 0.40 * early
        second_frac = 0.55 + 0.40 * late
        return (0.0, first_frac, second_frac, 1.0), (spx_open, first, second, spx_close)


def _bounded(log_move: float) -> float:
    return max(-_MOST_LOG_DEVIATION, min(_MOST_LOG_DEVIATION, log_move))


def _uniforms(seed: int, day: str) -> tuple[float, float, float]:
    digest = hashlib.blake2b(f"{seed}|{day}|intraday".encode(), digest_size=24).digest()
    parts = (int.from_bytes(digest[start : start + 8], "big") for start in (0, 8, 16))
    first, second, third = (part / 2**64 for part in parts)
    return first, second, third
