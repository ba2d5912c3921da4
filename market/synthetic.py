"""A made-up but plausible market: daily SPX and VIX drawn together from one seed.

SPX returns follow a GJR-GARCH(1,1) with Student shocks and rare downward jumps; VIX is the
variance expected over the next 21 sessions, with a risk premium and a disturbance that leans
against SPX's shock. Each kind of shock has its own stream, drawn day after day, so that a longer
horizon repeats a shorter one exactly and then goes on.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from market.errors import NoSuchSession
from market.history import PROVENANCE_NAMES, History
from market.quotes import FloatArray
from market.sessions import SessionCalendar

LEAST_VIX_POINTS, MOST_VIX_POINTS = 9.0, 85.0

# Form of the variance recursion: Glosten, Jagannathan and Runkle (1993). The sizes are chosen so
# that thirty-year sets resemble SPX and VIX of 1990-2026: volatility 15-18 % a year, daily log VIX
# moves of 0.08, their correlation with SPX's returns -0.7.
_LONG_RUN_VARIANCE = 0.15**2 / 252
_ARCH, _LEVERAGE, _GARCH = 0.015, 0.125, 0.90
_PERSISTENCE = _ARCH + _LEVERAGE / 2 + _GARCH
_SHOCK_DEGREES = 6.0
_DRIFT_PER_SESSION = 0.065 / 252
_JUMP_FREQUENCY, _JUMP_MEAN, _JUMP_STDEV = 1 / 400, -0.03, 0.015
_MOST_LOG_RETURN = 0.12

_VIX_HORIZON = 21
_VIX_PREMIUM = 1.17
_NOISE_MEMORY, _NOISE_LEAN, _NOISE_STDEV = 0.93, -0.025, 0.018

_GAP_SHARE, _GAP_STDEV = 0.25, 0.25
_SESSION_STDEV = 0.85
_VIX_GAP_SHARE, _VIX_GAP_STDEV = 0.40, 0.03


@dataclass(frozen=True, slots=True)
class _Day:
    """One drawn session, points."""

    spx_open: float
    spx_high: float
    spx_low: float
    spx_close: float
    vix_open: float
    vix_close: float


def synthetic_history(
    calendar: SessionCalendar,
    first: date,
    last: date,
    seed: int,
    *,
    start_spx: float = 2500.0,
    start_vix: float = 16.0,
) -> History:
    """Return a made-up history of SPX and VIX for the sessions from `first` to `last`.

    Raises:
        NoSuchSession: the range holds no session.
    """
    sessions = tuple(calendar.between(first, last))
    if not sessions:
        raise NoSuchSession(f"There is no trading session from {first} to {last}; widen the range.")
    days = list(_drawn(len(sessions), seed, start_spx, start_vix))

    def column(name: str) -> FloatArray:
        return np.round(np.array([getattr(day, name) for day in days]), 2)

    absent = np.full(len(sessions), np.nan)
    return History(
        sessions=sessions,
        spx_open=column("spx_open"),
        spx_high=column("spx_high"),
        spx_low=column("spx_low"),
        spx_close=column("spx_close"),
        vix_open=column("vix_open"),
        vix_close=column("vix_close"),
        vix9d=absent,
        vix3m=absent,
        vvix=absent,
        rate_frac=absent,
        provenance={n: "synthetic" if n in ("spx", "vix") else "absent" for n in PROVENANCE_NAMES},
        source=f"synthetic market, seed {seed}",
    )


def _drawn(count: int, seed: int, start_spx: float, start_vix: float) -> Iterator[_Day]:
    shocks = _Shocks.draw(count, seed)
    variance = _variance_of(start_vix)
    noise, spx, vix = 0.0, start_spx, start_vix
    for row in range(count):
        shock = shocks.spx[row]
        move = _DRIFT_PER_SESSION + math.sqrt(variance) * shock + shocks.jump[row]
        move = max(-_MOST_LOG_RETURN, min(_MOST_LOG_RETURN, move))
        stdev = math.sqrt(variance)
        variance = _next_variance(variance, move)
        lean = _NOISE_LEAN * max(-3.0, min(3.0, shock))
        noise = _NOISE_MEMORY * noise + lean + _NOISE_STDEV * shocks.vix[row]
        vix_close = _vix_of(variance, noise)
        gap = _GAP_SHARE * move + _GAP_STDEV * stdev * shocks.gap[row]
        spx_open, spx_close = spx * math.exp(gap), spx * math.exp(move)
        up, down = _excursions(move - gap, _SESSION_STDEV * stdev, shocks, row)
        yield _Day(
            spx_open=spx_open,
            spx_high=spx_open * math.exp(up),
            spx_low=spx_open * math.exp(down),
            spx_close=spx_close,
            vix_open=_opening_vix(vix, vix_close, shocks.vix_gap[row]),
            vix_close=vix_close,
        )
        spx, vix = spx_close, vix_close


@dataclass(frozen=True, slots=True)
class _Shocks:
    """The random numbers of every session, a stream to each kind."""

    spx: Sequence[float]
    jump: Sequence[float]
    vix: Sequence[float]
    gap: Sequence[float]
    vix_gap: Sequence[float]
    up: Sequence[float]
    down: Sequence[float]

    @classmethod
    def draw(cls, count: int, seed: int) -> "_Shocks":
        """Return `count` sessions' shocks; a larger count begins with the same ones."""
        streams = [np.random.default_rng([abs(seed), kind, int(seed < 0)]) for kind in range(8)]
        scale = math.sqrt((_SHOCK_DEGREES - 2) / _SHOCK_DEGREES)
        spx = streams[0].standard_t(_SHOCK_DEGREES, count) * scale
        has_jump = streams[1].random(count) < _JUMP_FREQUENCY
        jump = np.where(has_jump, _JUMP_MEAN + _JUMP_STDEV * streams[2].standard_normal(count), 0.0)
        normal = [streams[kind].standard_normal(count).tolist() for kind in (3, 4, 5)]
        uniform = [(1.0 - streams[kind].random(count)).tolist() for kind in (6, 7)]
        return cls(spx.tolist(), jump.tolist(), *normal, *uniform)


def _next_variance(variance: float, move: float) -> float:
    surprise = move - _DRIFT_PER_SESSION
    weight = _ARCH + (_LEVERAGE if surprise < 0 else 0.0)
    constant = (1 - _PERSISTENCE) * _LONG_RUN_VARIANCE
    return constant + weight * surprise**2 + _GARCH * variance


def _horizon_weight() -> float:
    """Return today's share in the mean variance of the coming VIX horizon."""
    return (1 - _PERSISTENCE**_VIX_HORIZON) / (_VIX_HORIZON * (1 - _PERSISTENCE))


def _vix_of(variance: float, noise: float) -> float:
    weight = _horizon_weight()
    expected = _LONG_RUN_VARIANCE + weight * (variance - _LONG_RUN_VARIANCE)
    vix = 100 * math.sqrt(252 * expected) * _VIX_PREMIUM * math.exp(noise)
    return max(LEAST_VIX_POINTS, min(MOST_VIX_POINTS, vix))


def _variance_of(vix: float) -> float:
    """Return the daily variance at which VIX would stand at `vix`, at least a fifth of usual."""
    expected = (vix / (100 * _VIX_PREMIUM)) ** 2 / 252
    variance = _LONG_RUN_VARIANCE + (expected - _LONG_RUN_VARIANCE) / _horizon_weight()
    return max(variance, _LONG_RUN_VARIANCE / 5)


def _excursions(drift: float, stdev: float, shocks: _Shocks, row: int) -> tuple[float, float]:
    """Return the highest and lowest log level after the open.

    The extremes of a Brownian bridge from 0 to `drift`: (x ± sqrt(x² − 2 s² ln U)) / 2
    (Karatzas and Shreve, Brownian Motion and Stochastic Calculus, section 4.3).
    """
    spread_up = math.sqrt(drift**2 - 2 * stdev**2 * math.log(shocks.up[row]))
    spread_down = math.sqrt(drift**2 - 2 * stdev**2 * math.log(shocks.down[row]))
    return (drift + spread_up) / 2, (drift - spread_down) / 2


def _opening_vix(previous: float, close: float, shock: float) -> float:
    gap = _VIX_GAP_SHARE * math.log(close / previous) + _VIX_GAP_STDEV * shock
    return max(LEAST_VIX_POINTS, min(MOST_VIX_POINTS, previous * math.exp(gap)))
