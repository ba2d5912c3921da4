"""A made-up but plausible market: daily SPX and VIX drawn together from one seed.

Rules of this file:
- The variance of SPX's next return follows bad news and VIX (a GJR-GARCH with VIX in it); the log
  of VIX is drawn to its recent mean and to its long run. What both leave unexplained is drawn from
  one joint law with its jump days. `docs/synthetic.md` tells the equations and how well they do.
- A session takes its random numbers from the streams of its seed in a fixed number, so a longer
  horizon repeats a shorter one exactly and then goes on.
- One path and many paths walk through the same equations, once with floats and once with arrays.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Generic, TypeVar

import numpy as np

from market.errors import NoSuchSession
from market.history import PROVENANCE_NAMES, History
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from market.synthetic_params import ShockParams, SyntheticParams

LEAST_VIX_POINTS, MOST_VIX_POINTS = 9.0, 90.0

# Trading halts for the day at 20 % below the prior close (NYSE Rule 7.12, Level 3).
_LEAST_LOG_RETURN, _MOST_LOG_RETURN = math.log(0.8), math.log(1.2)
_LEAST_LOG_VIX, _MOST_LOG_VIX = math.log(LEAST_VIX_POINTS), math.log(MOST_VIX_POINTS)
_SESSIONS_PER_YEAR = 252
_NORMALS, _UNIFORMS = 4, 3

_Number = TypeVar("_Number", float, FloatArray)


@dataclass(frozen=True, slots=True)
class SyntheticPaths:
    """Many drawn markets, paths × sessions, points; row i was drawn from seed `first_seed` + i."""

    first_seed: int
    spx_open: FloatArray
    spx_high: FloatArray
    spx_low: FloatArray
    spx_close: FloatArray
    vix_open: FloatArray
    vix_close: FloatArray


def synthetic_paths(
    count: int,
    sessions: int,
    first_seed: int,
    params: SyntheticParams,
    *,
    start_spx: float = 2500.0,
    start_vix: float = 16.0,
) -> SyntheticPaths:
    """Return `count` made-up markets of `sessions` sessions; each repeats `synthetic_history`."""
    if count < 1 or sessions < 1:
        raise ValueError(f"count and sessions must be at least 1, got {count} and {sessions}")
    seeds = range(first_seed, first_seed + count)
    shocks = _Shocks.draw(seeds, sessions, params.shocks)
    start = np.full(count, start_vix)
    walk = _Walk(params, _MANY).walked(start, list(shocks.spx.T), list(shocks.vix.T))
    moves, stdevs, log_vix = (np.array(rows).T for rows in walk)
    return _painted(first_seed, params, shocks, moves, stdevs, log_vix, (start_spx, start_vix))


def synthetic_history(
    calendar: SessionCalendar,
    first: date,
    last: date,
    seed: int,
    params: SyntheticParams,
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
    shocks = _Shocks.draw(range(seed, seed + 1), len(sessions), params.shocks)
    walk = _Walk(params, _ONE).walked(start_vix, shocks.spx[0].tolist(), shocks.vix[0].tolist())
    moves, stdevs, log_vix = (np.array([rows]) for rows in walk)
    path = _painted(seed, params, shocks, moves, stdevs, log_vix, (start_spx, start_vix))
    absent = np.full(len(sessions), np.nan)
    return History(
        sessions=sessions,
        spx_open=path.spx_open[0],
        spx_high=path.spx_high[0],
        spx_low=path.spx_low[0],
        spx_close=path.spx_close[0],
        vix_open=path.vix_open[0],
        vix_close=path.vix_close[0],
        vix9d=absent,
        vix3m=absent,
        vvix=absent,
        rate_frac=absent,
        provenance={n: "synthetic" if n in ("spx", "vix") else "absent" for n in PROVENANCE_NAMES},
        source=f"synthetic market, seed {seed}",
    )


@dataclass(frozen=True, slots=True)
class _Arithmetic(Generic[_Number]):
    """The functions that one kind of number needs."""

    sqrt: Callable[[_Number], _Number]
    exp: Callable[[_Number], _Number]
    log: Callable[[_Number], _Number]
    held: Callable[[_Number, float, float], _Number]


def _held(value: float, least: float, most: float) -> float:
    return least if value < least else most if value > most else value


def _held_all(values: FloatArray, least: float, most: float) -> FloatArray:
    return np.minimum(np.maximum(values, least), most)


_ONE: _Arithmetic[float] = _Arithmetic(math.sqrt, math.exp, math.log, _held)
_MANY: _Arithmetic[FloatArray] = _Arithmetic(np.sqrt, np.exp, np.log, _held_all)


@dataclass(frozen=True, slots=True)
class _Walk(Generic[_Number]):
    """The equations of the market, for one path or for many at once."""

    params: SyntheticParams
    of: _Arithmetic[_Number]

    def walked(
        self, start_vix: _Number, spx_shocks: list[_Number], vix_shocks: list[_Number]
    ) -> tuple[list[_Number], list[_Number], list[_Number]]:
        """Return of each session the log return of SPX, its expected stdev, and the log of VIX."""
        of, spx, vix = self.of, self.params.spx, self.params.vix
        long_run, reference = math.log(vix.long_run_points), math.log(vix.reference_points)
        share = spx.vix_share * (vix.reference_points / 100) ** 2 / _SESSIONS_PER_YEAR
        usual_variance = share / (1 - spx.persistence)
        log_vix = of.log(start_vix)
        # Before the first session lies what usually goes with such a VIX.
        fast = long_run + vix.fast_slope * (log_vix - long_run)
        slow = long_run + vix.slow_slope * (log_vix - long_run)
        variance = usual_variance * of.exp(2 * spx.vix_power * (log_vix - reference))
        moves: list[_Number] = []
        stdevs: list[_Number] = []
        levels: list[_Number] = []
        for spx_shock, vix_shock in zip(spx_shocks, vix_shocks, strict=True):
            stdev = of.sqrt(variance)
            surprise = of.held(stdev * spx_shock, _LEAST_LOG_RETURN, _MOST_LOG_RETURN)
            size = vix.shock_stdev * of.exp(
                vix.shock_spx_power / 2 * of.log(variance / usual_variance)
                + vix.shock_vix_power * (log_vix - reference)
            )
            pull = vix.pull_to_fast * (fast - log_vix) + vix.pull_to_slow * (slow - log_vix)
            pull = pull + vix.pull_to_long_run * (long_run - log_vix)
            log_vix = of.held(log_vix + pull + size * vix_shock, _LEAST_LOG_VIX, _MOST_LOG_VIX)
            fast = fast + (log_vix - fast) / vix.fast_sessions
            slow = slow + (log_vix - slow) / vix.slow_sessions
            bad_news = of.held(surprise, _LEAST_LOG_RETURN, 0.0)
            implied = share * of.exp(2 * spx.vix_power * (log_vix - reference))
            news = spx.bad_news_weight * bad_news * bad_news
            variance = spx.variance_memory * variance + news + implied
            moves.append(spx.drift_per_session + surprise)
            stdevs.append(stdev)
            levels.append(log_vix)
        return moves, stdevs, levels


@dataclass(frozen=True, slots=True)
class _Shocks:
    """The random numbers of every path and session (paths × sessions)."""

    spx: FloatArray
    vix: FloatArray
    gap: FloatArray
    vix_gap: FloatArray
    log_up: FloatArray
    log_down: FloatArray

    @classmethod
    def draw(cls, seeds: range, sessions: int, law: ShockParams) -> "_Shocks":
        """Return the shocks of each seed; more sessions begin with the same ones."""
        normals = np.empty((len(seeds), sessions, _NORMALS))
        uniforms = np.empty((len(seeds), sessions, _UNIFORMS))
        for row, seed in enumerate(seeds):
            entropy = [abs(seed), int(seed < 0)]
            np.random.default_rng([*entropy, 0]).standard_normal(out=normals[row])
            np.random.default_rng([*entropy, 1]).random(out=uniforms[row])
        spx, vix = _joint(law, uniforms[:, :, 0], normals[:, :, 0], normals[:, :, 1])
        log_up, log_down = np.log1p(-uniforms[:, :, 1]), np.log1p(-uniforms[:, :, 2])
        return cls(spx, vix, normals[:, :, 2], normals[:, :, 3], log_up, log_down)


def _joint(
    law: ShockParams, choice: FloatArray, first: FloatArray, second: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return shocks of SPX and VIX from a uniform that picks the component and two normals."""
    component = np.searchsorted(np.cumsum(law.frequency)[:-1], choice, side="right")
    columns = (np.array(getattr(law, column.name))[component] for column in fields(law))
    _, spx_mean, spx_stdev, vix_mean, vix_stdev, correlation = columns
    common = correlation * first + np.sqrt(1 - correlation**2) * second
    return spx_mean + spx_stdev * first, vix_mean + vix_stdev * common


def _painted(
    first_seed: int,
    params: SyntheticParams,
    shocks: _Shocks,
    moves: FloatArray,
    stdevs: FloatArray,
    log_vix: FloatArray,
    start: tuple[float, float],
) -> SyntheticPaths:
    """Return the bars that hang on the closes, rounded to hundredths of a point."""
    session = params.session
    start_spx, start_vix = start
    close = math.log(start_spx) + np.cumsum(moves, axis=1)
    gap = session.gap_share * moves + session.gap_stdev * stdevs * shocks.gap
    spx_open = close - moves + gap
    drift, room = moves - gap, 2 * (session.session_stdev * stdevs) ** 2
    # The extremes of a Brownian bridge from 0 to d: (d ± sqrt(d² − 2 s² ln U)) / 2
    # (Karatzas and Shreve, Brownian Motion and Stochastic Calculus, section 4.3).
    up = (drift + np.sqrt(drift**2 - room * shocks.log_up)) / 2
    down = (drift - np.sqrt(drift**2 - room * shocks.log_down)) / 2
    previous = np.concatenate((np.full_like(log_vix[:, :1], math.log(start_vix)), log_vix), axis=1)
    vix_gap = session.vix_gap_share * np.diff(previous) + session.vix_gap_stdev * shocks.vix_gap
    opening = _held_all(np.exp(previous[:, :-1] + vix_gap), LEAST_VIX_POINTS, MOST_VIX_POINTS)
    return SyntheticPaths(
        first_seed=first_seed,
        spx_open=_points(spx_open),
        spx_high=_points(spx_open + up),
        spx_low=_points(spx_open + down),
        spx_close=_points(close),
        vix_open=np.round(opening, 2),
        vix_close=_points(log_vix),
    )


def _points(logs: FloatArray) -> FloatArray:
    points: FloatArray = np.exp(logs)
    return np.round(points, 2)
