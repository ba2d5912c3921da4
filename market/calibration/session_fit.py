"""How a session's variance runs out by the minute, and how VIX9D follows the days in its window.

- The rest of the trading hours' variance: squared moves of SPX between the full hours since the
  open, the largest 2 % of each hour cut, without the sessions of an FOMC decision and half days.
- The power of the window: the regression of daily log changes of VIX9D, less what it follows VIX
  by, on those of half the log of the business time in its nine days.
"""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import date, timedelta

import numpy as np

from market.calibration.notes import FitNote, median_absolute, span
from market.calibration.split import is_month_held_out
from market.history import History
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from market.surface_params import SpxTerm
from market.surface_term import BusinessTime

_WHOLE_SESSION = timedelta(minutes=390)
_MARKS = (0, 60, 120, 180, 240, 300, 360, 390)
_CUT_QUANTILE = 0.98
_LEAST_SESSIONS = 60
_FIRST_WINDOW_YEAR = 2011


def fit_rest_by_minute(
    term: SpxTerm,
    history: History,
    calendar: SessionCalendar,
    left_out: Collection[date],
) -> tuple[SpxTerm, tuple[FitNote, ...]]:
    """Return the term structure with the rest of a session's variance fitted to recorded bars.

    `left_out` names sessions that are not like others. Every third month is fitted too; the error
    is that of the other two months' table against it.
    """
    moves = _hourly_moves(history, calendar, left_out)
    if len(moves) < _LEAST_SESSIONS:
        return term, ()
    days = [day for day, _ in moves]
    squares = np.array([row for _, row in moves])
    table = _rest(squares)
    is_rest = np.array([is_month_held_out(day) for day in days])
    held_out = None
    if is_rest.any() and not is_rest.all():
        held_out = median_absolute((_rest(squares[~is_rest]) - _rest(squares[is_rest]))[1:-1])
    note = FitNote(
        part="spx_term.rest_by_minute",
        sample=f"sessions of bars, {span(days)}, without FOMC decisions and half days",
        count=len(days),
        unit="of the trading hours' variance, two months in three against the third",
        error=held_out or 0.0,
    )
    rest = tuple(zip(_MARKS, table.tolist(), strict=True))
    return dataclasses.replace(term, rest_by_minute=rest), (note,)


def _hourly_moves(
    history: History, calendar: SessionCalendar, left_out: Collection[date]
) -> list[tuple[date, FloatArray]]:
    """Return squared log moves of SPX from mark to mark, of sessions with a bar at each."""
    found: list[tuple[date, FloatArray]] = []
    if history.minutes is None:
        return found
    for day, close in zip(history.sessions, history.spx_close.tolist(), strict=True):
        if day in left_out or not history.minutes.has_spx(day):
            continue
        session = calendar.session(day)
        bars = history.minutes.spx(session)
        if bars is None or session.cash_close_at - session.open_at != _WHOLE_SESSION:
            continue
        opens = dict(zip(bars.starts, bars.opens, strict=True))
        if all(mark in opens for mark in _MARKS[:-1]) and close > 0.0:
            levels = [opens[mark] for mark in _MARKS[:-1]] + [close]
            found.append((day, np.diff(np.log(levels)) ** 2))
    return found


def _rest(squares: FloatArray) -> FloatArray:
    """Return what of the variance is still to come at each mark, from rows of squared moves."""
    cut = np.minimum(squares, np.quantile(squares, _CUT_QUANTILE, axis=0)).mean(axis=0)
    rest = 1.0 - np.append(0.0, np.cumsum(cut)) / cut.sum()
    rest[-1] = 0.0
    return np.asarray(rest)


def fit_window_power(
    term: SpxTerm,
    history: History,
    calendar: SessionCalendar,
    business: BusinessTime,
    vix9d_elasticity: float,
) -> tuple[SpxTerm, tuple[FitNote, ...]]:
    """Return the term structure with the power of VIX9D's window fitted to its daily changes."""
    rows = [
        row
        for row in range(1, len(history.sessions))
        if history.sessions[row].year >= _FIRST_WINDOW_YEAR
        and not np.isnan(history.vix9d[row - 1 : row + 1]).any()
        and not np.isnan(history.vix_close[row - 1 : row + 1]).any()
    ]
    days = [history.sessions[row] for row in rows]
    is_rest = np.array([is_month_held_out(day) for day in days], dtype=np.bool_)
    if (~is_rest).sum() < _LEAST_SESSIONS:
        return term, ()
    windows = {
        row: business.nodes(calendar.session(history.sessions[row]).cash_close_at, 0.0).days_9
        for row in sorted({*rows, *(row - 1 for row in rows)})
    }
    growth = 0.5 * np.log([windows[row] / windows[row - 1] for row in rows])
    own = _changes(history.vix9d, rows) - vix9d_elasticity * _changes(history.vix_close, rows)
    power = float(own[~is_rest] @ growth[~is_rest] / (growth[~is_rest] @ growth[~is_rest]))
    misses = own - power * growth
    note = FitNote(
        part="spx_term.window_power",
        sample=f"daily changes of VIX9D, {span(days)}, two months in three",
        count=int((~is_rest).sum()),
        unit="in logs",
        error=float(np.median(np.abs(misses[~is_rest]))),
        held_out=median_absolute(misses[is_rest]),
        held_out_count=int(is_rest.sum()),
    )
    return dataclasses.replace(term, window_power=power), (note,)


def _changes(closes: FloatArray, rows: Sequence[int]) -> FloatArray:
    places = np.array(rows)
    return np.asarray(np.log(closes[places] / closes[places - 1]))
