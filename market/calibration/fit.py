"""The fit of the surface's parameters to real chains and to recorded VIX1D.

Rules of this file:
- What is fitted is the model market itself, asked for the same chains as in a replay; there is no
  second formula that could differ from it.
- Errors are implied vol in points, weighted towards the money and towards the next session; a
  month of many snapshots counts as one of few. Powers are held towards 0 by a weak ridge, because
  a dozen days say little about them.
- Of the next session only the shape is fitted to its smiles, as if their level were known; the
  level is fitted to recorded VIX1D.
- Butterflies that cost less than nothing are punished at all levels of VIX, VVIX and SKEW, not
  only at those of the sample.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from market.calibration.arbitrage import butterfly_faults
from market.calibration.chains import Snapshot
from market.calibration.hours import trading_hours_shares, under_way_logs
from market.calibration.level import iv_at, iv_at_level
from market.calibration.usable import usable
from market.family import VolFamily
from market.model import ModelMarket
from market.quotes import Chain, FloatArray
from market.sessions import SessionCalendar
from market.surface_params import SurfaceParams
from market.surface_term import BusinessTime, VarianceCurve

MarketOf = Callable[[SurfaceParams], ModelMarket]

_MOST_YEARS = 70.0 / 365.0
_MOST_VIX_YEARS = 200.0 / 365.0
_LEAST_ROWS = 10
_RIDGE = 5.0
_PULL = 60.0
_SOFT_POINTS = 0.5
_NEAR_YEARS = 4.2 / 365.0
_NEAR_WEIGHT = 2.0
_SAME_DAY_YEARS = 0.5 / 365.0
_HOURS_BOUNDS = (0.2, 0.9)

TERM_NAMES = ("ratio_9d", "ratio_93d")
EVENT_NAMES = (
    "one_session_ratio",
    "one_session_power",
    "range_power",
    "week_range_power",
    "vix_change_power",
    "tuesday_log",
    "wednesday_log",
    "thursday_log",
    "friday_log",
    "holiday_weight",
    "fomc_sessions",
    "cpi_sessions",
    "ppi_sessions",
    "nfp_sessions",
)
SMILE_NAMES = (
    "slope",
    "slope_tenor_power",
    "slope_vix_power",
    "slope_vvix_power",
    "slope_skew_power",
    "put_wing",
    "put_wing_tenor_power",
    "put_wing_vix_power",
    "put_wing_vvix_power",
    "put_wing_skew_power",
    "put_bend",
    "call_wing",
    "call_wing_tenor_power",
    "call_bend",
    "call_centre",
    "call_centre_vix",
    "call_centre_vvix",
)
VIX_SMILE_NAMES = (
    "level",
    "vvix_power",
    "reversion_per_year",
    "floor",
    "slope",
    "call_wing",
    "call_wing_short",
    "put_wing",
)
_BOUNDS = {
    "idle_day_weight": (0.0, 1.0),
    "holiday_weight": (0.0, 1.0),
    "slope": (0.05, 2.0),
    "put_wing": (0.2, 5.0),
    "put_bend": (0.4, 6.0),
    "call_wing": (0.1, 1.5),
    "call_bend": (0.5, 3.0),
    "level": (0.3, 2.0),
    "reversion_per_year": (0.5, 12.0),
    "floor": (0.0, 1.0),
    "vix.put_wing": (0.05, 0.9),
    "vix.call_wing": (0.05, 1.5),
    "call_wing_short": (0.0, 2.0),
    "fomc_sessions": (0.0, 5.0),
    "cpi_sessions": (0.0, 5.0),
    "ppi_sessions": (0.0, 5.0),
    "nfp_sessions": (0.0, 5.0),
}


@dataclass(frozen=True)
class _Row:
    """One expiry of the sample: the strikes with a usable vol, and what each weighs.

    `atm_iv` is the vol at its forward where only the shape of the smile is to be fitted.
    """

    chain: Chain
    strikes: FloatArray
    iv: FloatArray
    weight: FloatArray
    atm_iv: float | None = None


def fit_hours(
    params: SurfaceParams,
    business: BusinessTime,
    calendar: SessionCalendar,
    within: Sequence[Snapshot],
) -> SurfaceParams:
    """Return the parameters with the share of the trading hours fitted to same-day options."""
    shares = trading_hours_shares(params.spx_term, business, calendar, within)
    if not shares:
        return params
    share = float(np.clip(np.median(shares), *_HOURS_BOUNDS))
    return with_values(params, [("spx_term", "trading_hours_share")], np.array([share]))


def fit_under_way(
    params: SurfaceParams,
    market_of: MarketOf,
    calendar: SessionCalendar,
    within: Sequence[Snapshot],
) -> SurfaceParams:
    """Return the parameters with the next session's level within a session fitted to chains."""
    logs = under_way_logs(market_of(params), calendar, within)
    if not logs:
        return params
    level = params.spx_term.under_way_log + float(np.median(logs))
    return with_values(params, [("spx_term", "under_way_log")], np.array([level]))


def fit_spx(
    params: SurfaceParams, market_of: MarketOf, sample: Sequence[Snapshot]
) -> SurfaceParams:
    """Return the parameters with term structure and smile of SPX fitted to a sample."""
    rows = _rows(sample, _MOST_YEARS, _spx_weight)
    names = [("spx_term", name) for name in TERM_NAMES] + [("spx_smile", n) for n in SMILE_NAMES]

    def errors(trial: SurfaceParams) -> FloatArray:
        return np.concatenate(
            [_vol_errors(market_of(trial), rows), butterfly_faults(trial), _ridge(trial, names)]
        )

    return _least_squares(params, names, errors)


def fit_vix(
    params: SurfaceParams, market_of: MarketOf, sample: Sequence[Snapshot]
) -> SurfaceParams:
    """Return the parameters with the smile of VIX options fitted to a sample."""
    rows = _rows(sample, _MOST_VIX_YEARS, _vix_weight)
    names = [("vix_smile", name) for name in VIX_SMILE_NAMES]
    start = np.array([getattr(params.vix_smile, name) for name in VIX_SMILE_NAMES])

    def errors(trial: SurfaceParams) -> FloatArray:
        values = np.array([getattr(trial.vix_smile, name) for name in VIX_SMILE_NAMES])
        # A few weeks of chains may shift the shape that years showed, not make a new one.
        return np.concatenate([_vol_errors(market_of(trial), rows), _PULL * (values - start)])

    return _least_squares(params, names, errors)


def fit_events(
    params: SurfaceParams,
    family: VolFamily,
    business_of: Callable[[SurfaceParams], BusinessTime],
    closes: Sequence[tuple[int, Any]],
) -> SurfaceParams:
    """Return the parameters with the next session's vol fitted to recorded VIX1D.

    `closes` holds (row, instant) of sessions with a recorded VIX1D.
    """
    names = [("spx_term", name) for name in EVENT_NAMES]

    def errors(trial: SurfaceParams) -> FloatArray:
        misses = event_errors(trial, family, business_of(trial), closes)
        return _softened(100.0 * misses, 10.0)

    return _least_squares(params, names, errors)


def event_errors(
    params: SurfaceParams,
    family: VolFamily,
    business: BusinessTime,
    closes: Sequence[tuple[int, Any]],
) -> FloatArray:
    """Return ln(next session's vol without VIX1D / with it) of each close."""
    term = params.spx_term
    found = np.empty(len(closes))
    for place, (row, at) in enumerate(closes):
        state = family.at_close(row)
        blind = dataclasses.replace(state, vix1d=None)
        times = business.nodes(at, 0.0)
        inferred, recorded = (
            VarianceCurve(term, params.spx_smile, vol, times).next_session_strip()
            for vol in (blind, state)
        )
        found[place] = 0.5 * math.log(inferred / recorded)
    return found


def _rows(
    sample: Sequence[Snapshot],
    most_years: float,
    weigh: Callable[[FloatArray], FloatArray],
) -> list[_Row]:
    months = Counter((snapshot.at.year, snapshot.at.month) for snapshot in sample)
    rows: list[_Row] = []
    for snapshot in sample:
        share = 1.0 / math.sqrt(months[snapshot.at.year, snapshot.at.month])
        next_expiry = _next_expiry(snapshot)
        for chain in snapshot.chains:
            is_usable = usable(chain)
            if chain.years > most_years or is_usable.sum() < _LEAST_ROWS:
                continue
            strikes, iv = chain.strikes[is_usable], chain.call_iv[is_usable]
            atm = float(np.interp(chain.forward, strikes, iv))
            z = np.log(strikes / chain.forward) / (atm * math.sqrt(chain.years))
            weight = share * weigh(z) * math.sqrt(60.0 / len(z))
            weight *= _NEAR_WEIGHT if chain.years < _NEAR_YEARS else 1.0
            is_next = chain.expiry == next_expiry
            rows.append(_Row(chain, strikes, iv, weight, atm if is_next else None))
    return rows


def _next_expiry(snapshot: Snapshot) -> date | None:
    """Return the first expiry of SPX after today that is near enough to be the next session's."""
    near = (
        chain.expiry
        for chain in snapshot.chains
        if snapshot.underlying == "SPX" and _SAME_DAY_YEARS < chain.years < _NEAR_YEARS
    )
    return min(near, default=None)


def _spx_weight(z: FloatArray) -> FloatArray:
    return np.asarray(np.where((z > -14.0) & (z < 4.0), np.exp(-z * z / 6.0) + 0.25, 0.0))


def _vix_weight(z: FloatArray) -> FloatArray:
    return np.asarray(np.where((z > -2.0) & (z < 5.0), np.exp(-z * z / 4.0) + 0.1, 0.0)) * 0.3


def _vol_errors(market: ModelMarket, rows: Sequence[_Row]) -> FloatArray:
    errors = [100.0 * (_modelled_iv(market, row) - row.iv) * row.weight for row in rows]
    return _softened(np.concatenate(errors), _SOFT_POINTS)


def _modelled_iv(market: ModelMarket, row: _Row) -> FloatArray:
    """Return the model's vols of a row; of the next session as if its level were the real one."""
    if row.atm_iv is not None:
        return iv_at_level(market, row.chain, row.strikes, row.atm_iv)
    return iv_at(market, row.chain, row.strikes)


def _softened(errors: FloatArray, scale: float) -> FloatArray:
    """Return errors whose squares grow like absolute values beyond `scale`."""
    stretched = np.sqrt(2.0 * (np.sqrt(1.0 + (errors / scale) ** 2) - 1.0))
    return np.asarray(np.sign(errors) * scale * stretched)


def _ridge(params: SurfaceParams, names: Sequence[tuple[str, str]]) -> FloatArray:
    powers = [pair for pair in names if pair[1].endswith(("_power", "_vix", "_vvix"))]
    return _RIDGE * np.array([getattr(getattr(params, part), name) for part, name in powers])


def _least_squares(
    params: SurfaceParams,
    names: Sequence[tuple[str, str]],
    errors: Callable[[SurfaceParams], FloatArray],
) -> SurfaceParams:
    from scipy.optimize import least_squares  # noqa: PLC0415 - only a fit needs it

    start = np.array([getattr(getattr(params, part), name) for part, name in names])
    pairs = [
        _BOUNDS.get(f"vix.{name}" if part == "vix_smile" else name, _BOUNDS.get(name, (-9.0, 9.0)))
        for part, name in names
    ]
    low, high = (np.array(side) for side in zip(*pairs, strict=True))

    def residuals(values: FloatArray) -> FloatArray:
        return errors(with_values(params, names, values))

    found = least_squares(
        residuals, np.clip(start, low + 1e-6, high - 1e-6), bounds=(low, high), max_nfev=25
    )
    return with_values(params, names, found.x)


def with_values(
    params: SurfaceParams, names: Sequence[tuple[str, str]], values: FloatArray
) -> SurfaceParams:
    """Return parameters with some of them, given as (section, name), replaced."""
    changes: dict[str, dict[str, float]] = {}
    for (part, name), value in zip(names, values.tolist(), strict=True):
        changes.setdefault(part, {})[name] = value
    sections: dict[str, Any] = {
        part: dataclasses.replace(getattr(params, part), **fields)
        for part, fields in changes.items()
    }
    return dataclasses.replace(params, **sections)
