"""The fit of a member of the volatility family to VIX and its trailing means, in logs.

Two months in three are fitted by least absolute errors, so that a panic weighs like any other day;
the third is held out. How far a member moves with VIX from day to day is a regression through 0.
"""

import dataclasses

import numpy as np

from market.calibration.notes import FitNote, median_absolute, span
from market.calibration.split import is_month_held_out
from market.family import (
    YEAR_SESSIONS,
    FamilyParams,
    MemberParams,
    anchor_of,
    log_drivers,
    recorded_members,
)
from market.history import History
from market.quotes import BoolArray, FloatArray

FIRST_YEAR = 2007
_FIRST_MOVE_YEAR = 2011
_LEAST_SESSIONS = 250
_ROUNDS = 200
_LEAST_MISS = 1e-4  # of a log, where an absolute value is rounded off to a square


def fit_family(params: FamilyParams, history: History) -> tuple[FamilyParams, tuple[FitNote, ...]]:
    """Return the parameters of every member that is recorded for a year or longer, refitted."""
    drivers = log_drivers(history.vix_close)
    recorded = recorded_members(history)
    fitted: dict[str, MemberParams] = {}
    notes: list[FitNote] = []
    for name, closes in recorded.items():
        log_ratio = np.log(closes / anchor_of(name, history.vix_close, recorded))
        known = ~np.isnan(log_ratio) & ~np.isnan(drivers).any(axis=1) & _is_late(history)
        is_held_out = np.array([is_month_held_out(day) for day in history.sessions])
        sample, rest = known & ~is_held_out, known & is_held_out
        if sample.sum() < _LEAST_SESSIONS:
            continue
        weights = least_absolute(drivers[sample], log_ratio[sample])
        elasticity = _elasticity(history, closes, getattr(params, name).daily_elasticity)
        fitted[name] = MemberParams(*np.append(weights, elasticity).tolist())
        misses = np.expm1(drivers @ weights - log_ratio)
        notes.append(_note(name, history, sample, misses, rest))
    return dataclasses.replace(params, **fitted), tuple(notes)


def _is_late(history: History) -> BoolArray:
    """Return which sessions lie in the sample, with a year of VIX behind them."""
    rows = np.arange(len(history.sessions))
    years = np.array([day.year for day in history.sessions])
    return np.asarray((years >= FIRST_YEAR) & (rows >= history.first_index + YEAR_SESSIONS))


def _elasticity(history: History, closes: FloatArray, given: float) -> float:
    """Return the regression of daily log changes on those of VIX, `given` where there are few."""
    years = np.array([day.year for day in history.sessions[1:]])
    own, vix = np.diff(np.log(closes)), np.diff(np.log(history.vix_close))
    known = ~np.isnan(own) & ~np.isnan(vix) & (years >= _FIRST_MOVE_YEAR)
    if known.sum() < _LEAST_SESSIONS:
        return given
    return float(own[known] @ vix[known] / (vix[known] @ vix[known]))


def _note(
    name: str, history: History, sample: BoolArray, misses: FloatArray, rest: BoolArray
) -> FitNote:
    days = [history.sessions[row] for row in np.flatnonzero(sample)]
    return FitNote(
        part=f"family.{name}",
        sample=f"closes of {span(days)}, two months in three",
        count=len(days),
        unit="as a fraction",
        error=float(np.median(np.abs(misses[sample]))),
        held_out=median_absolute(misses[rest]),
        held_out_count=int(rest.sum()),
    )


def least_absolute(columns: FloatArray, values: FloatArray) -> FloatArray:
    """Return the weights of `columns` that miss `values` by the least sum of absolute errors."""
    weights = np.linalg.lstsq(columns, values, rcond=None)[0]
    for _ in range(_ROUNDS):
        root = 1.0 / np.sqrt(np.maximum(np.abs(columns @ weights - values), _LEAST_MISS))
        before = weights
        weights = np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)[0]
        if np.abs(weights - before).max() < 1e-7:
            break
    return np.asarray(weights)
