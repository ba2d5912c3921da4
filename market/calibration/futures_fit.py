"""The fit of the VIX futures curve to recorded settles of the next eight monthlies.

Two months in three are fitted, in logs and softened, so that a panic does not bend the curve of
usual days; the third is held out. The levels are those of the family at the same close.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from market.calibration.notes import FitNote, span
from market.calibration.split import is_month_held_out
from market.family import VolFamily, VolState
from market.history import History
from market.instruments import TradingClass
from market.pricing import DAYS_PER_YEAR
from market.quotes import FloatArray
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams, VixFutures

POSITIONS = 8
FIRST_YEAR = 2007
_LEAST_CURVES = 50
_SOFT_LOG = 0.03
_NAMES = (
    "revert_to_points",
    "year_mean_power",
    "fast_per_year",
    "middle_per_year",
    "slow_per_year",
    "far_slope",
    "hump",
)
_LOW = (10.0, -1.0, 6.0, 1.0, 0.1, 0.0, -0.5)
_HIGH = (40.0, 2.0, 80.0, 6.0, 1.0, 8.0, 0.5)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Curve:
    """Settles of one session: levels at its close, years to each expiry, points."""

    session: date
    vol: VolState
    years: FloatArray
    settles: FloatArray


def recorded_curves(history: History, calendar: SessionCalendar, family: VolFamily) -> list[Curve]:
    """Return the settles of the next monthlies, session by session."""
    if history.vx is None:
        return []
    found: list[Curve] = []
    for row in range(history.first_index, len(history.sessions)):
        session = history.sessions[row]
        if session.year < FIRST_YEAR or np.isnan(history.vix_close[row]):
            continue
        settles = [
            (calendar.settles_at(TradingClass.VIX, expiry), settle)
            for expiry, settle in history.vx.curve(session) or ()
            if session < expiry <= calendar.last and calendar.is_session(expiry)
        ][:POSITIONS]
        if settles:
            closed_at = calendar.session(session).cash_close_at
            years = np.array([(at - closed_at) / _DAY / DAYS_PER_YEAR for at, _ in settles])
            points = np.array([settle for _, settle in settles])
            found.append(Curve(session, family.at_close(row), years, points))
    return found


def fit_futures(
    params: SurfaceParams, curves: Sequence[Curve]
) -> tuple[SurfaceParams, tuple[FitNote, ...]]:
    """Return the parameters with the futures curve fitted to recorded settles."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - only a fit needs it

    sample = [curve for curve in curves if not is_month_held_out(curve.session)]
    if len(sample) < _LEAST_CURVES:
        return params, ()
    start = [getattr(params.vix_futures, name) for name in _NAMES]

    def errors(values: FloatArray) -> FloatArray:
        return np.concatenate([misses(_with(params, values), curve) for curve in sample])

    found = least_squares(
        errors,
        np.clip(start, np.array(_LOW) + 1e-6, np.array(_HIGH) - 1e-6),
        bounds=(_LOW, _HIGH),
        x_scale=np.abs(start) + 0.05,
        loss="soft_l1",
        f_scale=_SOFT_LOG,
    )
    params = _with(params, found.x)
    rest = [curve for curve in curves if is_month_held_out(curve.session)]
    note = FitNote(
        part="vix_futures",
        sample=f"curves of {span([one.session for one in sample])}, two months in three, positions"
        f" 1 to {POSITIONS}",
        count=len(sample),
        unit="points",
        error=float(np.median(_all_misses(params, sample))),
        held_out=float(np.median(_all_misses(params, rest))) if rest else None,
        held_out_count=len(rest),
    )
    return params, (note,)


def misses(params: SurfaceParams, curve: Curve) -> FloatArray:
    """Return ln(modelled / recorded) of one session's futures."""
    modelled = Surface(params).vix_futures(vol=curve.vol, years=curve.years)
    return np.asarray(np.log(modelled / curve.settles))


def misses_by_position(params: SurfaceParams, curves: Sequence[Curve]) -> list[float]:
    """Return the median absolute error of each position, nearest first, points."""
    by_position: list[list[float]] = [[] for _ in range(POSITIONS)]
    for curve in curves:
        error = np.abs(np.exp(misses(params, curve)) - 1.0) * curve.settles
        for place, points in enumerate(error.tolist()):
            by_position[place].append(points)
    return [float(np.median(points)) for points in by_position if points]


def _all_misses(params: SurfaceParams, curves: Sequence[Curve]) -> FloatArray:
    return np.concatenate(
        [np.abs(np.exp(misses(params, curve)) - 1.0) * curve.settles for curve in curves]
    )


def _with(params: SurfaceParams, values: Sequence[float] | FloatArray) -> SurfaceParams:
    named = dict(zip(_NAMES, map(float, values), strict=True))
    return dataclasses.replace(params, vix_futures=VixFutures(**named))
