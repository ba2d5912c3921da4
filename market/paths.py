"""Where SPX and VIX stood inside a session: recorded bars where there are any, else a bridge.

Rules of this file:
- A session's path depends on the seed, its date, its own prices and the close before it; never on
  later sessions and never on the order of questions. Randomness is a hash, not a stream.
- Bars of one or five minutes speak for themselves: the last open that was printed stands. Within
  hourly bars SPX runs straight through open, high, low and close.
- Without bars SPX is a seeded bridge through the day's open, first extreme, second extreme and
  close, each hit exactly on a whole minute, and never leaves the day's range.
- VIX runs from knot to knot (its open, its bars, its close) against SPX's wandering around its own
  straight line, with a wandering of its own.
"""

import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from market.bridges import Bridge, BridgeShelf, Leg, bridge_at
from market.errors import MarketDataError
from market.history import History
from market.minutes import DayBars
from market.sessions import Session, SessionCalendar

# Log VIX per log SPX overnight, least squares over 2009-2026: -4.27 (within the session -4.43).
VIX_ELASTICITY = -4.3
# Within the session, both measured from the straight line between the day's open and close, on
# 4,157 hourly readings from November 2023 to August 2026: slope -5.8, correlation -0.65, the rest
# 0.053 in log VIX for a bridge over the whole session (the 0.8 % of readings off by more than
# 10 % left out).
VIX_WANDER_ELASTICITY, VIX_OWN_LOG_SD = -5.8, 0.053
# The day's low comes before its high on 88 % of rising days and after it on as many falling ones
# (713 days of hourly bars, September 2023 to August 2026).
_USUAL_ORDER_FRAC = 0.88
# The same days: the first extreme falls in the first hour on 73 %, by the third on 94 %; the last
# one in the last half hour on 33 %, in the last two and a half hours on 69 %. Both are Weibull
# times, from the open and from the close, as shares of the session: scale and shape.
_FIRST_EXTREME = (0.108, 0.70)
_LAST_EXTREME = (0.289, 0.80)
# The mean range of a Brownian motion is 1.596 of its standard deviations (Feller 1951).
_RANGE_PER_SD = 1.596
_MOST_LOG_DEVIATION = 1.0
_STRAY_FRAC = 0.002  # bars further outside the day's range than this belong to another day
_DAYS_KEPT = 32
_EVERY_MINUTE = timedelta(minutes=1)
_FINE_BAR_MINUTES = 5


@dataclass(frozen=True, slots=True)
class _Knots:
    """Levels at shares of a session; between them straight, standing (steps) or walked (legs)."""

    fractions: tuple[float, ...]
    levels: tuple[float, ...]
    is_standing: bool = False
    legs: tuple[Leg, ...] = ()

    def at(self, elapsed: float) -> float:
        """Return the level at a share of the session below 1."""
        after = bisect_right(self.fractions, elapsed)
        first = self.levels[after - 1]
        if self.is_standing:
            return first
        left, right = self.fractions[after - 1], self.fractions[after]
        share = (elapsed - left) / (right - left)
        if self.legs:
            return self.legs[after - 1].at(share)
        return first + share * (self.levels[after] - first)


@dataclass(frozen=True, slots=True)
class _DayPath:
    """One session: SPX's path and the knots that VIX runs through."""

    open_at: datetime
    close_at: datetime
    spx_knots: _Knots
    previous_spx: float
    previous_vix: float
    spx_close: float
    vix_knots: _Knots
    vix_close: float
    vix_bridge: Bridge
    vix_log_spx: tuple[float, ...]

    def elapsed_frac(self, at: datetime) -> float:
        """Return the share of the session that has passed."""
        return (at - self.open_at) / (self.close_at - self.open_at)

    def spx(self, elapsed: float) -> float:
        """Return SPX at a share of the session."""
        return self.spx_close if elapsed >= 1.0 else self.spx_knots.at(elapsed)

    def vix(self, elapsed: float) -> float:
        """Return VIX at a share of the session: its trend, SPX mirrored, and its own wandering."""
        fractions, levels = self.vix_knots.fractions, self.vix_knots.levels
        after = bisect_right(fractions, elapsed)
        left, right = fractions[after - 1], fractions[after]
        share = (elapsed - left) / (right - left)
        log_left, log_right = self.vix_log_spx[after - 1], self.vix_log_spx[after]
        straight = log_left + share * (log_right - log_left)
        wandering = VIX_WANDER_ELASTICITY * (math.log(self.spx(elapsed)) - straight)
        wandering += VIX_OWN_LOG_SD * math.sqrt(right - left) * bridge_at(self.vix_bridge, share)
        trend = share * math.log(levels[after] / levels[after - 1])
        return levels[after - 1] * math.exp(trend + _bounded(wandering))


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
            return path.spx_close
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

    @cached_property
    def _shelf(self) -> BridgeShelf:
        return BridgeShelf(self._seed)

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
        vix_open = float(history.vix_open[index])
        if math.isnan(vix_open):
            gap = VIX_ELASTICITY * math.log(spx_open / previous_spx)
            vix_open = previous_vix * math.exp(_bounded(gap))
        dice = _Dice(self._seed, session.date.isoformat())
        spx_knots = self._spx_knots(index, session, dice)
        vix_knots = self._vix_knots(session, vix_open, vix_close)
        spx_then = [*map(spx_knots.at, vix_knots.fractions[:-1]), spx_close]
        return _DayPath(
            open_at=session.open_at,
            close_at=session.cash_close_at,
            spx_knots=spx_knots,
            previous_spx=previous_spx,
            previous_vix=previous_vix,
            spx_close=spx_close,
            vix_knots=vix_knots,
            vix_close=vix_close,
            vix_bridge=self._pick(dice),
            vix_log_spx=tuple(map(math.log, spx_then)),
        )

    def _spx_knots(self, index: int, session: Session, dice: "_Dice") -> _Knots:
        history = self._history
        ends = float(history.spx_open[index]), float(history.spx_close[index])
        # A vendor's high may miss the opening or the closing print by a little.
        high = max(float(history.spx_high[index]), *ends)
        low = min(float(history.spx_low[index]), *ends)
        bars = None if history.minutes is None else history.minutes.spx(session)
        if bars is not None and _belongs(bars, low, high):
            return _recorded(bars, ends, _minutes_of(session), dice)
        return self._bridged(ends, low, high, _minutes_of(session), dice)

    def _bridged(
        self, ends: tuple[float, float], low: float, high: float, minutes: int, dice: "_Dice"
    ) -> _Knots:
        first, second = _in_order(low, high, is_rising=ends[1] >= ends[0], dice=dice)
        fractions = _extreme_times(minutes, dice)
        levels = (ends[0], first, second, ends[1])
        sd = (high - low) / _RANGE_PER_SD
        # The middle leg joins both extremes; it is anchored on the first.
        anchors = (first, first, second)
        legs = tuple(
            Leg(
                first=levels[number],
                last=levels[number + 1],
                anchor=anchor,
                far=low if anchor == high else high,
                sd=sd * math.sqrt(fractions[number + 1] - fractions[number]),
                bridges=(self._pick(dice), self._pick(dice), self._pick(dice)),
            )
            for number, anchor in enumerate(anchors)
        )
        return _Knots(fractions, levels, legs=legs)

    def _pick(self, dice: "_Dice") -> Bridge:
        return self._shelf.pick(dice.byte())

    def _vix_knots(self, session: Session, vix_open: float, vix_close: float) -> _Knots:
        minutes = self._history.minutes
        bars = None if minutes is None else minutes.vix(session)
        if bars is None or math.isnan(vix_close):
            return _Knots((0.0, 1.0), (vix_open, vix_close))
        length = _minutes_of(session)
        inner = [
            (start / length, level)
            for start, level in zip(bars.starts, bars.opens, strict=True)
            if start > 0
        ]
        fractions, levels = zip((0.0, vix_open), *inner, (1.0, vix_close), strict=True)
        return _Knots(fractions, levels)


def _minutes_of(session: Session) -> int:
    return (session.cash_close_at - session.open_at) // _EVERY_MINUTE


def _belongs(bars: DayBars, low: float, high: float) -> bool:
    least, most = low * (1.0 - _STRAY_FRAC), high * (1.0 + _STRAY_FRAC)
    return least <= min(bars.lows) and max(bars.highs) <= most


def _recorded(bars: DayBars, ends: tuple[float, float], minutes: int, dice: "_Dice") -> _Knots:
    """Return the path of recorded bars; the official close ends it, whatever the last bar says."""
    knots = [(0.0, ends[0])]
    if bars.bar_minutes <= _FINE_BAR_MINUTES:
        printed = zip(bars.starts, bars.opens, strict=True)
        knots += [(start / minutes, level) for start, level in printed if start]
        fractions, levels = zip(*knots, (1.0, ends[1]), strict=True)
        return _Knots(fractions, levels, is_standing=True)
    columns = (bars.starts, bars.opens, bars.highs, bars.lows, bars.closes)
    for start, first, high, low, last in zip(*columns, strict=True):
        length = min(bars.bar_minutes, minutes - start)
        extremes = _in_order(low, high, is_rising=last >= first, dice=dice)
        if start:
            knots.append((start / minutes, first))
        knots += [
            ((start + share * length) / minutes, level)
            for share, level in zip((0.3, 0.7), extremes, strict=True)
        ]
    fractions, levels = zip(*knots, (1.0, ends[1]), strict=True)
    return _Knots(fractions, levels)


def _in_order(low: float, high: float, *, is_rising: bool, dice: "_Dice") -> tuple[float, float]:
    is_usual = dice.share() < _USUAL_ORDER_FRAC
    return (low, high) if is_usual == is_rising else (high, low)


def _extreme_times(minutes: int, dice: "_Dice") -> tuple[float, float, float, float]:
    """Return open, both extremes and close as shares of a session, the inner ones on a minute."""
    early, late = _weibull(_FIRST_EXTREME, dice.share()), _weibull(_LAST_EXTREME, dice.share())
    first = min(max(round(minutes * early), 1), minutes - 2)
    second = min(max(round(minutes * (1.0 - late)), first + 1), minutes - 1)
    return (0.0, first / minutes, second / minutes, 1.0)


def _weibull(params: tuple[float, float], share: float) -> float:
    scale, shape = params
    return float(scale * (-math.log1p(-share)) ** (1.0 / shape))


def _bounded(log_move: float) -> float:
    return max(-_MOST_LOG_DEVIATION, min(_MOST_LOG_DEVIATION, log_move))


class _Dice:
    """The random numbers of one session, from a hash of seed and date."""

    def __init__(self, seed: int, day: str) -> None:
        self._key = f"{seed}|{day}|intraday"
        self._block = 0
        self._bytes = b""

    def byte(self) -> int:
        """Return the next number from 0 to 255."""
        return self._take(1)[0]

    def share(self) -> float:
        """Return the next number in [0, 1)."""
        return int.from_bytes(self._take(6), "big") / 2**48

    def _take(self, count: int) -> bytes:
        if len(self._bytes) < count:
            text = f"{self._key}|{self._block}".encode()
            self._bytes = hashlib.blake2b(text, digest_size=64).digest()
            self._block += 1
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken
