"""The parameters of the synthetic market, read from a TOML file and checked."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from market.errors import ConfigError

_Section = TypeVar("_Section")


@dataclass(frozen=True, slots=True)
class SpxParams:
    """How SPX drifts, and how the variance expected for the next session is made."""

    drift_per_session: float
    bad_news_weight: float
    variance_memory: float
    vix_share: float
    vix_power: float

    def __post_init__(self) -> None:
        _require_positive(self, "bad_news_weight", "variance_memory", "vix_share", "vix_power")
        if self.persistence >= 1.0:
            raise ValueError("bad_news_weight / 2 + variance_memory must stay below 1")

    @property
    def persistence(self) -> float:
        """Return what remains of a variance after a session, the share of VIX apart."""
        return self.variance_memory + self.bad_news_weight / 2


@dataclass(frozen=True, slots=True)
class VixParams:
    """Where the log of VIX is drawn to, and how its shocks grow with SPX's stdev and with VIX."""

    long_run_points: float
    reference_points: float
    fast_sessions: float
    slow_sessions: float
    pull_to_fast: float
    pull_to_slow: float
    pull_to_long_run: float
    shock_stdev: float
    shock_spx_power: float
    shock_vix_power: float
    fast_slope: float
    slow_slope: float

    def __post_init__(self) -> None:
        _require_positive(self, "long_run_points", "reference_points", "shock_stdev")
        _require_positive(self, "pull_to_fast", "pull_to_slow", "pull_to_long_run")
        if not 1.0 <= self.fast_sessions <= self.slow_sessions:
            raise ValueError("fast_sessions must be at least 1 and at most slow_sessions")
        if self.pull_to_fast + self.pull_to_slow + self.pull_to_long_run >= 1.0:
            raise ValueError("the three pulls must add up to less than 1")
        if not (0.0 <= self.fast_slope <= 1.0 and 0.0 <= self.slow_slope <= 1.0):
            raise ValueError("fast_slope and slow_slope must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class ShockParams:
    """A mixture of normals of the shocks of SPX and VIX, in standard deviations of each."""

    frequency: tuple[float, ...]
    spx_mean: tuple[float, ...]
    spx_stdev: tuple[float, ...]
    vix_mean: tuple[float, ...]
    vix_stdev: tuple[float, ...]
    correlation: tuple[float, ...]

    def __post_init__(self) -> None:
        if len({len(getattr(self, column.name)) for column in fields(self)}) != 1:
            raise ValueError("every key must list one number for each component")
        if min(self.frequency, default=0.0) <= 0.0 or abs(sum(self.frequency) - 1.0) > 0.001:
            raise ValueError("frequency must hold positive numbers that add up to 1")
        if min(self.spx_stdev + self.vix_stdev) <= 0.0:
            raise ValueError("spx_stdev and vix_stdev must be positive")
        if max(abs(value) for value in self.correlation) >= 1.0:
            raise ValueError("correlation must lie between -1 and 1")


@dataclass(frozen=True, slots=True)
class SessionParams:
    """The overnight move as a share of the day's and as noise, and the width of the session."""

    gap_share: float
    gap_stdev: float
    session_stdev: float
    vix_gap_share: float
    vix_gap_stdev: float

    def __post_init__(self) -> None:
        _require_positive(self, "gap_stdev", "session_stdev", "vix_gap_stdev")


@dataclass(frozen=True, slots=True)
class SyntheticParams:
    """All parameters of the synthetic market."""

    spx: SpxParams
    vix: VixParams
    shocks: ShockParams
    session: SessionParams

    @classmethod
    def from_toml(cls, text: str, source_name: str = "synthetic.toml") -> "SyntheticParams":
        """Return the parameters written in the text of a parameter file.

        Raises:
            ConfigError: the text is no TOML, or a section, key or value is missing or wrong.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source_name} is no valid TOML: {error}.") from error
        _check_keys(source_name, "the file", tables, {field.name for field in fields(cls)})
        return cls(
            spx=_section(SpxParams, source_name, "spx", tables["spx"]),
            vix=_section(VixParams, source_name, "vix", tables["vix"]),
            shocks=_section(ShockParams, source_name, "shocks", tables["shocks"]),
            session=_section(SessionParams, source_name, "session", tables["session"]),
        )


def _section(kind: type[_Section], source_name: str, name: str, table: Any) -> _Section:
    columns = fields(kind)  # type: ignore[arg-type]  # every section is a dataclass
    _check_keys(source_name, f"[{name}]", table, {column.name for column in columns})
    values: dict[str, Any] = {}
    for column in columns:
        place = f"{source_name}: [{name}] {column.name}"
        value = table[column.name]
        values[column.name] = (
            _number(place, value) if column.type is float else _numbers(place, value)
        )
    try:
        return kind(**values)
    except ValueError as error:
        raise ConfigError(f"{source_name}: [{name}] {error}.") from error


def _check_keys(source_name: str, place: str, table: Any, wanted: set[str]) -> None:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source_name}: {place} must be a table of keys.")
    for key in sorted(wanted - set(table)):
        raise ConfigError(f"{source_name}: {place} misses the key {key}; add it.")
    for key in sorted(set(table) - wanted):
        raise ConfigError(f"{source_name}: {place} has the unknown key {key}; remove it.")


def _number(place: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{place} must be a number, got {value!r}.")
    return float(value)


def _numbers(place: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise ConfigError(f"{place} must be a list of numbers, got {value!r}.")
    return tuple(_number(place, item) for item in value)


def _require_positive(section: object, *names: str) -> None:
    for name in names:
        if getattr(section, name) <= 0.0:
            raise ValueError(f"{name} must be positive, got {getattr(section, name)}")
