"""How far the model market is off real chains: vols, condor credits, prices of VIX calls.

Rules of this file:
- The model knows what was known at the time of a snapshot and the parity forward of the expiry, so
  a stale spot does no harm: where it lies elsewhere than the history, the levels move along. What
  the model does not know is any vol of the chain.
- SPX is judged by implied vol out of the money, VIX calls by their price, which is what the hedge
  pays. Errors are model less real; medians are of absolute errors.
- Deltas are those of the real chain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from market.calibration.chains import Snapshot
from market.calibration.condors import CondorError, condor_errors
from market.calibration.level import chain_at_level, iv_at
from market.calibration.standing import levels_of
from market.calibration.usable import at_money_iv, usable
from market.errors import MarketDataError
from market.family import VolState
from market.model import ModelMarket
from market.quotes import BoolArray, Chain, FloatArray
from market.sessions import SessionCalendar, exchange_zone

TENOR_BOUNDS_DAYS = (0.0, 1.5, 4.5, 9.5, 16.5, 35.5, 65.5, 400.0)
DELTA_BOUNDS = (0.0, 0.01, 0.05, 0.10, 0.20, 0.35, 0.501)
JUDGED_DELTAS = (0.05, 0.50)
MOST_DAYS = 65.5
# The layers of the hedge by the days to expiry at which they are bought and held.
LAYER_DAYS = {"near": (15.0, 45.0), "mid": (75.0, 140.0), "long": (150.0, 250.0)}
PRICE_BOUND_POINTS = 0.10
PRICE_BOUND_FRAC = 0.10


@dataclass(frozen=True)
class Errors:
    """Rows of one snapshot: an option each, out of the money (VIX: calls only).

    `error` is in vol points for SPX, in index points for VIX; `bound` is the error allowed there.
    """

    days: FloatArray
    delta: FloatArray
    is_call: BoolArray
    error: FloatArray
    iv_error_points: FloatArray
    bound: FloatArray


@dataclass(frozen=True)
class NextSession:
    """How far the vol at the money of the next session is off, and the condors were it known."""

    level_error_frac: float
    condors: tuple[CondorError, ...]


@dataclass(frozen=True)
class SnapshotErrors:
    """What the evaluation found in one snapshot; `skipped` says why there is nothing."""

    snapshot: Snapshot
    vix: float | None
    rows: Errors
    condors: tuple[CondorError, ...]
    forward_errors_points: tuple[float, ...]
    next_session: NextSession | None = None
    skipped: str | None = None

    @property
    def judged(self) -> FloatArray:
        """Return the errors that count: 5 to 50 delta, up to 65 days."""
        return self.rows.error[is_judged(self.rows)]


def evaluate(
    market: ModelMarket, calendar: SessionCalendar, snapshots: Iterable[Snapshot]
) -> tuple[SnapshotErrors, ...]:
    """Return the errors of the model on each snapshot."""
    return tuple(_evaluated(market, calendar, snapshot) for snapshot in snapshots)


def is_judged(rows: Errors) -> BoolArray:
    """Return which options the bounds of the errors speak of."""
    low, high = JUDGED_DELTAS
    return np.asarray((rows.delta >= low) & (rows.delta <= high) & (rows.days <= MOST_DAYS))


def _evaluated(
    market: ModelMarket, calendar: SessionCalendar, snapshot: Snapshot
) -> SnapshotErrors:
    try:
        vix = market.levels(snapshot.at).vix
    except MarketDataError as trouble:
        return SnapshotErrors(snapshot, None, _joined([]), (), (), skipped=str(trouble))
    if not snapshot.chains:
        skipped = f"no expiry could be used ({_reasons(snapshot)})"
        return SnapshotErrors(snapshot, vix, _joined([]), (), (), skipped=skipped)
    parts: list[Errors] = []
    condors: list[CondorError] = []
    forwards: list[float] = []
    following: NextSession | None = None
    vol = levels_of(market, calendar, snapshot)
    for real in snapshot.chains:
        key = (real.trading_class, real.expiry)
        model = market.chain_on_forward(key, real.at, real.forward, real.strikes, vol)
        if snapshot.underlying == "SPX":
            parts.append(_spx_rows(real, model))
            if _is_next_session(real, calendar):
                condors.extend(condor_errors(real, model))
                following = _next_session(market, real, vol) or following
        else:
            parts.append(_vix_rows(real, model))
            forwards.append(market.vix_future(real.expiry, real.at) - real.forward)
    return SnapshotErrors(snapshot, vix, _joined(parts), tuple(condors), tuple(forwards), following)


def _reasons(snapshot: Snapshot) -> str:
    """Return why expiries were left out, with how many of each."""
    return "; ".join(f"{why}: {count}" for why, count in sorted(snapshot.left_out.items()))


def _next_session(market: ModelMarket, real: Chain, vol: VolState | None) -> NextSession | None:
    atm_iv = at_money_iv(real)
    if atm_iv is None:
        return None
    modelled = float(iv_at(market, real, np.array([real.forward]), vol)[0])
    condors = condor_errors(real, chain_at_level(market, real, atm_iv, vol))
    return NextSession(modelled / atm_iv - 1.0, condors)


def _is_next_session(chain: Chain, calendar: SessionCalendar) -> bool:
    today = chain.at.astimezone(exchange_zone()).date()
    return today < calendar.last and chain.expiry == calendar.next(today)


def _spx_rows(real: Chain, model: Chain) -> Errors:
    is_call = real.strikes >= real.forward
    kept = usable(real)
    error = 100.0 * (model.call_iv - real.call_iv)[kept]
    delta = np.where(is_call, real.call_delta, np.abs(real.put_delta))[kept]
    return _rows(real, delta, is_call[kept], error, error)


def _vix_rows(real: Chain, model: Chain) -> Errors:
    kept = usable(real) & ~np.isnan(real.call_mid) & (real.call_delta <= 0.55)
    error = (model.call_mid - real.call_mid)[kept]
    iv_error = 100.0 * (model.call_iv - real.call_iv)[kept]
    bound = np.maximum(PRICE_BOUND_POINTS, PRICE_BOUND_FRAC * real.call_mid[kept])
    return _rows(real, real.call_delta[kept], np.ones(len(error), np.bool_), error, iv_error, bound)


def _rows(
    real: Chain,
    delta: FloatArray,
    is_call: BoolArray,
    error: FloatArray,
    iv_error: FloatArray,
    bound: FloatArray | None = None,
) -> Errors:
    days = np.full(len(error), real.years * 365.0)
    return Errors(
        days, delta, is_call, error, iv_error, np.ones(len(error)) if bound is None else bound
    )


def _joined(parts: Sequence[Errors]) -> Errors:
    empty = np.empty(0)
    if not parts:
        return Errors(empty, empty, empty.astype(np.bool_), empty, empty, empty)
    return Errors(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("days", "delta", "is_call", "error", "iv_error_points", "bound")
        )
    )


def report(found: Sequence[SnapshotErrors]) -> dict[str, Any]:
    """Return the errors as plain values: per snapshot, tenor and delta bucket, and condors."""
    told: dict[str, Any] = {"snapshots": [_of_snapshot(one) for one in found]}
    for underlying in ("SPX", "VIX"):
        own = [one for one in found if one.snapshot.underlying == underlying and not one.skipped]
        if own:
            told[underlying.lower()] = _of_underlying(underlying, own)
    return told


def _of_snapshot(one: SnapshotErrors) -> dict[str, Any]:
    snapshot = one.snapshot
    return {
        "name": snapshot.name,
        "underlying": snapshot.underlying,
        "at": snapshot.at.isoformat(),
        "spot": round(snapshot.spot, 2),
        "vix": None if one.vix is None else round(one.vix, 2),
        "is_stale": snapshot.is_stale,
        "skipped": one.skipped,
        "expiries": len(snapshot.chains),
        "left_out": dict(snapshot.left_out),
        "error": statistics(one.judged),
        "condors": [
            asdict(condor)
            | {"error_points": round(condor.error_points, 4), "is_within": condor.is_within}
            for condor in one.condors
        ],
        "forward_error_points": statistics(np.array(one.forward_errors_points)),
    }


def _of_underlying(underlying: str, own: Sequence[SnapshotErrors]) -> dict[str, Any]:
    rows = _joined([one.rows for one in own])
    counted = is_judged(rows)
    told: dict[str, Any] = {
        "unit": "vol points" if underlying == "SPX" else "index points",
        "all": statistics(rows.error[counted]),
        "by_tenor_days": _buckets(rows.days, TENOR_BOUNDS_DAYS, rows.error, counted),
        "by_delta": _buckets(rows.delta, DELTA_BOUNDS, rows.error, rows.days <= MOST_DAYS),
    }
    if underlying == "SPX":
        known = [one.next_session for one in own if one.next_session is not None]
        return told | {
            "condors": condor_summary([c for one in own for c in one.condors]),
            "condors_at_real_level": condor_summary([c for one in known for c in one.condors]),
            "next_session_level_error_frac": statistics(
                np.array([one.level_error_frac for one in known])
            ),
        }
    is_within = (np.abs(rows.error) <= rows.bound + 1e-9)[counted]
    forwards = np.array([miss for one in own for miss in one.forward_errors_points])
    return told | {
        "within_10_percent_or_0.10": _share(is_within),
        "by_layer": {name: _of_layer(rows, *days) for name, days in LAYER_DAYS.items()},
        "iv_error_points": statistics(rows.iv_error_points[counted]),
        "forward_error_points": statistics(forwards),
    }


def _of_layer(rows: Errors, first: float, last: float) -> dict[str, Any]:
    """Return the errors of VIX calls of 5 to 50 delta with `first` to `last` days to go."""
    low, high = JUDGED_DELTAS
    inside = (rows.days >= first) & (rows.days <= last)
    inside &= (rows.delta >= low) & (rows.delta <= high)
    is_within = np.abs(rows.error[inside]) <= rows.bound[inside] + 1e-9
    return statistics(rows.error[inside]) | {
        "within_10_percent_or_0.10": _share(is_within),
        "least_delta": round(float(rows.delta[inside].min()), 2) if inside.any() else None,
    }


def condor_summary(condors: Sequence[CondorError]) -> dict[str, Any]:
    """Return the errors of condors, together and by target credit."""
    errors = np.array([condor.error_points for condor in condors])
    targets = sorted({condor.target_points for condor in condors})
    relative = [abs(c.error_points) / c.real_credit_points for c in condors]
    return statistics(errors) | {
        "median_absolute_frac": round(float(np.median(relative)), 4) if relative else None,
        "within_15_percent_or_0.10": _share(np.array([c.is_within for c in condors], np.bool_)),
        "by_target": {
            f"{target:.2f}": statistics(
                np.array([c.error_points for c in condors if c.target_points == target])
            )
            for target in targets
        },
    }


def _buckets(
    values: FloatArray, bounds: Sequence[float], errors: FloatArray, counted: BoolArray
) -> list[dict[str, Any]]:
    told = []
    for low, high in pairwise(bounds):
        inside = counted & (values >= low) & (values < high)
        if inside.any():
            told.append({"from": low, "to": high} | statistics(errors[inside]))
    return told


def statistics(errors: FloatArray) -> dict[str, Any]:
    """Return count, median and 90 % quantile of absolute errors, and the median error."""
    if not len(errors):
        return {"count": 0, "median_absolute": None, "quantile_90": None, "bias": None}
    size = np.abs(errors)
    return {
        "count": len(errors),
        "median_absolute": round(float(np.median(size)), 4),
        "quantile_90": round(float(np.quantile(size, 0.9)), 4),
        "bias": round(float(np.median(errors)), 4),
    }


def _share(claims: BoolArray) -> float | None:
    return round(float(np.mean(claims)), 4) if len(claims) else None
