"""The volatility family around VIX, completed: what was recorded, else what VIX implies.

Rules of this file:
- A recorded value is used as it is; only holes are filled, and each filled row is marked.
- Row n is made from rows 0 … n alone, so that no session sees its future.
- The formula and its parameters stand in config/surface.toml under [family].
"""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

from market.history import History
from market.quotes import BoolArray, FloatArray
from market.values import value

YEAR_SESSIONS = 252
_MEAN_SESSIONS = (5, 21, 63, YEAR_SESSIONS)
_USUAL_VIX_POINTS = 18.0
_USUAL_VVIX_POINTS = 90.0
_WEEK_SESSIONS = 5
# Annual vol in points per unit of ln(high / low) (M. Parkinson, 1980).
_VOL_PER_RANGE = 100.0 * math.sqrt(252.0 / (4.0 * math.log(2.0)))
_MOST_RANGE_LOG, _MOST_CHANGE_LOG = 1.2, 0.5  # as far as the sample of 2023-26 reaches


@dataclass(frozen=True, slots=True)
class MemberParams:
    """How one member of the family follows VIX, in logs."""

    offset: float
    level_power: float
    power_5: float
    power_21: float
    power_63: float
    power_252: float
    daily_elasticity: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in astuple(self)):
            raise ValueError("must be finite numbers")


@dataclass(frozen=True, slots=True)
class FamilyParams:
    """Parameters of every member that may have to be inferred."""

    vix9d: MemberParams
    vix3m: MemberParams
    vix6m: MemberParams
    vvix: MemberParams


@value(frozen=True, slots=True)
class Eve:
    """What is known of the next session besides the indices.

    Logs of the vol that SPX moved by between high and low, of the last session and of the last
    five, relative to VIX9D; the log change of VIX since the close before; the weekday (Monday 0)
    of the next session; whether a session is under way before it.
    """

    range_log: float
    week_range_log: float
    vix_change_log: float
    weekday: int
    is_under_way: bool = False


@value(frozen=True, slots=True)
class VolState:
    """The levels that price everything at one instant, in points.

    VIX1D, the vol of the next session alone, and SKEW are None where not recorded; VIX1D also
    within a session, when the last one speaks of a session that is under way. Without an eve the
    next session is one like any other.
    """

    vix: float
    vix9d: float
    vix3m: float
    vix6m: float
    vvix: float
    vix_year_mean: float
    vix1d: float | None = None
    skew: float | None = None
    eve: Eve | None = None

    def __post_init__(self) -> None:
        levels = (self.vix, self.vix9d, self.vix3m, self.vix6m, self.vvix, self.vix_year_mean)
        extra = (1.0 if self.vix1d is None else self.vix1d, 1.0 if self.skew is None else self.skew)
        # Spelled out because every instant of a replay makes one.
        if min(levels + extra) <= 0.0 or not math.isfinite(sum(levels + extra)):
            raise ValueError(f"volatility levels must be positive and finite, got {self}")


@dataclass(frozen=True, eq=False)
class VolFamily:
    """Columns aligned with the sessions of a history, in points; NaN only before the first VIX.

    `is_modelled` marks the rows of each series that were inferred, `provenance` says "modelled" of
    a series with any such row, else "real".
    """

    params: FamilyParams
    vix: FloatArray
    vix9d: FloatArray
    vix3m: FloatArray
    vix6m: FloatArray
    vvix: FloatArray
    vix_year_mean: FloatArray
    vix1d: FloatArray
    skew: FloatArray
    range_log: FloatArray
    week_range_log: FloatArray
    next_weekday: tuple[int, ...]
    is_modelled: Mapping[str, BoolArray]
    provenance: Mapping[str, str]

    def at_close(self, row: int) -> VolState:
        """Return the levels at the close of a session."""
        return VolState(
            vix=float(self.vix[row]),
            vix9d=float(self.vix9d[row]),
            vix3m=float(self.vix3m[row]),
            vix6m=float(self.vix6m[row]),
            vvix=float(self.vvix[row]),
            vix_year_mean=float(self.vix_year_mean[row]),
            vix1d=_known(self.vix1d[row]),
            skew=_known(self.skew[row]),
            eve=self._eve(row, row, self._vix_change(row)),
        )

    def after_close(self, row: int, vix: float) -> VolState:
        """Return the levels once VIX has moved from the close of `row` to `vix` points."""
        move = vix / float(self.vix[row])
        return VolState(
            vix=vix,
            vix9d=float(self.vix9d[row]) * move**self.params.vix9d.daily_elasticity,
            vix3m=float(self.vix3m[row]) * move**self.params.vix3m.daily_elasticity,
            vix6m=float(self.vix6m[row]) * move**self.params.vix6m.daily_elasticity,
            vvix=float(self.vvix[row]) * move**self.params.vvix.daily_elasticity,
            vix_year_mean=float(self.vix_year_mean[row]),
            skew=_known(self.skew[row]),
            eve=self._eve(row, min(row + 1, len(self.vix) - 1), math.log(move), is_under_way=True),
        )

    def _eve(
        self, row: int, today: int, vix_change_log: float, *, is_under_way: bool = False
    ) -> Eve:
        return Eve(
            range_log=float(self.range_log[row]),
            week_range_log=float(self.week_range_log[row]),
            vix_change_log=min(max(vix_change_log, -_MOST_CHANGE_LOG), _MOST_CHANGE_LOG),
            weekday=self.next_weekday[today],
            is_under_way=is_under_way,
        )

    def _vix_change(self, row: int) -> float:
        change = math.log(self.vix[row] / self.vix[row - 1]) if row else 0.0
        return 0.0 if math.isnan(change) else change


def complete_family(history: History, params: FamilyParams) -> VolFamily:
    """Return the family of a history with every hole filled from VIX and its trailing means."""
    vix = history.vix_close
    means = {count: _trailing_mean(vix, count) for count in _MEAN_SESSIONS}
    recorded = recorded_members(history)
    has_vix = ~np.isnan(vix)
    is_modelled = {name: np.isnan(recorded[name]) & has_vix for name in recorded}
    filled: dict[str, FloatArray] = {}
    for name, closes in recorded.items():
        inferred = anchor_of(name, vix, filled) * _relative(getattr(params, name), vix, means)
        filled[name] = np.where(is_modelled[name], inferred, closes)
    squares = np.log(history.spx_high / history.spx_low) ** 2
    return VolFamily(
        params=params,
        vix=vix,
        vix9d=filled["vix9d"],
        vix3m=filled["vix3m"],
        vix6m=filled["vix6m"],
        vvix=filled["vvix"],
        vix_year_mean=means[YEAR_SESSIONS],
        vix1d=_recorded(history.vix1d, vix),
        skew=_recorded(history.skew, vix),
        range_log=_range_log(squares, filled["vix9d"]),
        week_range_log=_range_log(_trailing_mean(squares, _WEEK_SESSIONS), filled["vix9d"]),
        next_weekday=_next_weekdays(history),
        is_modelled=is_modelled,
        provenance={
            name: "modelled" if mask.any() else "real" for name, mask in is_modelled.items()
        },
    )


def recorded_members(history: History) -> dict[str, FloatArray]:
    """Return the recorded closes of each member that may have to be inferred, points.

    They stand in an order in which a member comes after its anchor.
    """
    return {
        "vix9d": history.vix9d,
        "vix3m": history.vix3m,
        "vix6m": _recorded(history.vix6m, history.vix_close),
        "vvix": history.vvix,
    }


def anchor_of(name: str, vix: FloatArray, members: Mapping[str, FloatArray]) -> FloatArray | float:
    """Return what a member is measured from in logs, points.

    VIX6M stands beside VIX3M, because what prices the futures is the slope between them: made from
    VIX it would end up above or below a recorded VIX3M by chance.
    """
    if name == "vvix":
        return _USUAL_VVIX_POINTS
    return members["vix3m"] if name == "vix6m" else vix


def _range_log(squares: FloatArray, vix9d: FloatArray) -> FloatArray:
    """Return how far above VIX9D the vol of the range lies, in logs; 0 where it is unknown."""
    with np.errstate(divide="ignore"):
        logs = np.log(_VOL_PER_RANGE * np.sqrt(squares) / vix9d)
    known = np.where(np.isnan(logs), 0.0, logs)
    return np.asarray(np.clip(known, -_MOST_RANGE_LOG, _MOST_RANGE_LOG))


def _next_weekdays(history: History) -> tuple[int, ...]:
    """Return the weekday of the session after each; after the last one the next working day's."""
    days = [session.weekday() for session in history.sessions]
    return (*days[1:], (days[-1] + 1) % 5)


def _recorded(column: FloatArray | None, like: FloatArray) -> FloatArray:
    return np.full(len(like), np.nan) if column is None else column


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _relative(member: MemberParams, vix: FloatArray, means: Mapping[int, FloatArray]) -> FloatArray:
    powers = (member.power_5, member.power_21, member.power_63, member.power_252)
    log_ratio = member.offset + member.level_power * np.log(vix / _USUAL_VIX_POINTS)
    for count, power in zip(_MEAN_SESSIONS, powers, strict=True):
        log_ratio += power * np.log(vix / means[count])
    return np.asarray(np.exp(log_ratio))


def log_drivers(vix: FloatArray) -> FloatArray:
    """Return what the logs of a member are made of, a row a session: 1, ln(VIX / 18), and the
    logs of VIX over its trailing means; in the order of the parameters."""
    columns = [np.ones(len(vix)), np.log(vix / _USUAL_VIX_POINTS)]
    columns += [np.log(vix / _trailing_mean(vix, count)) for count in _MEAN_SESSIONS]
    return np.stack(columns, axis=1)


def _trailing_mean(values: FloatArray, count: int) -> FloatArray:
    """Return the mean of the last `count` known values, of fewer while the series is young."""
    known = ~np.isnan(values)
    totals = np.cumsum(np.where(known, values, 0.0))
    numbers = np.cumsum(known)
    totals[count:] -= totals[:-count].copy()
    numbers[count:] -= numbers[:-count].copy()
    with np.errstate(invalid="ignore"):
        return np.where(known, totals / np.maximum(numbers, 1), np.nan)
