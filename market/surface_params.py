"""Parameters of the model market, read from TOML and checked at birth.

What each number means, its sample and its error stand beside it in config/surface.toml.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

import numpy as np

from market.errors import ConfigError
from market.family import FamilyParams, MemberParams
from market.instruments import TradingClass
from market.param_checks import check_ascending, require_positive
from market.quote_widths import QuoteWidths
from market.tick_grids import QuoteGrids, TickGrid

_Section = TypeVar("_Section")


@dataclass(frozen=True, slots=True)
class SpxTerm:
    """At-the-money variance of SPX over business time; a release counts extra sessions."""

    idle_day_weight: float
    holiday_weight: float
    trading_hours_share: float
    rest_by_minute: tuple[tuple[int, float], ...]
    fomc_sessions: float
    cpi_sessions: float
    ppi_sessions: float
    nfp_sessions: float
    vix1d_ratio: float
    one_session_ratio: float
    one_session_power: float
    range_power: float
    week_range_power: float
    vix_change_power: float
    tuesday_log: float
    wednesday_log: float
    thursday_log: float
    friday_log: float
    under_way_log: float
    window_power: float
    ratio_9d: float
    ratio_30d: float
    ratio_93d: float

    def __post_init__(self) -> None:
        require_positive(self, "vix1d_ratio", "one_session_ratio")
        require_positive(self, "ratio_9d", "ratio_30d", "ratio_93d")
        for name in ("idle_day_weight", "holiday_weight"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0 … 1, got {getattr(self, name)}")
        if not 0.0 < self.trading_hours_share <= 1.0:
            raise ValueError(
                f"trading_hours_share must lie above 0 and up to 1, got {self.trading_hours_share}"
            )
        for name in ("fomc_sessions", "cpi_sessions", "ppi_sessions", "nfp_sessions"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        check_ascending("minutes", "rest_by_minute", self.rest_by_minute)
        shares = [share for _, share in self.rest_by_minute]
        if shares != sorted(shares, reverse=True) or (shares[0], shares[-1]) != (1.0, 0.0):
            raise ValueError("rest_by_minute must fall from 1 to 0")

    def session_left(self, passed_frac: float) -> float:
        """Return what is left of a session, `passed_frac` into its trading hours."""
        minutes, shares = zip(*self.rest_by_minute, strict=True)
        rest = float(np.interp(passed_frac * minutes[-1], minutes, shares))
        return rest * self.trading_hours_share


@dataclass(frozen=True, slots=True)
class SpxSmile:
    """Shape of the SPX smile around the money."""

    slope: float
    slope_tenor_power: float
    slope_vix_power: float
    slope_vvix_power: float
    slope_skew_power: float
    slope_most: float
    put_wing: float
    put_wing_tenor_power: float
    put_wing_vix_power: float
    put_wing_vvix_power: float
    put_wing_skew_power: float
    put_bend: float
    call_wing: float
    call_wing_tenor_power: float
    call_bend: float
    call_centre: float
    call_centre_vix: float
    call_centre_vvix: float
    vix_least_points: float
    vix_most_points: float
    vvix_least_points: float
    vvix_most_points: float
    skew_least_points: float
    skew_most_points: float

    def __post_init__(self) -> None:
        require_positive(self, "slope", "put_wing", "call_wing", "put_bend", "call_bend")
        require_positive(self, "slope_most")
        for name in ("vix", "vvix", "skew"):
            require_positive(self, f"{name}_least_points")
            if getattr(self, f"{name}_least_points") > getattr(self, f"{name}_most_points"):
                raise ValueError(f"{name}_least_points must not exceed {name}_most_points")


@dataclass(frozen=True, slots=True)
class VixFutures:
    """Mean reversion of the VIX futures curve, in logs; the formula stands in surface.toml."""

    revert_to_points: float
    year_mean_power: float
    fast_per_year: float
    middle_per_year: float
    slow_per_year: float
    far_slope: float
    hump: float

    def __post_init__(self) -> None:
        rates = "fast_per_year", "middle_per_year", "slow_per_year"
        require_positive(self, "revert_to_points", *rates)


@dataclass(frozen=True, slots=True)
class VixSmile:
    """Level and right-hand skew of VIX options around their own future."""

    level: float
    vvix_power: float
    reversion_per_year: float
    floor: float
    slope: float
    call_wing: float
    call_wing_short: float
    put_wing: float

    def __post_init__(self) -> None:
        require_positive(self, "level", "reversion_per_year", "slope", "call_wing", "put_wing")
        if self.put_wing >= 1.0:
            raise ValueError(f"put_wing must be below 1, got {self.put_wing}")
        if self.call_wing_short < 0.0:
            raise ValueError(f"call_wing_short must not be negative, got {self.call_wing_short}")


@dataclass(frozen=True, slots=True)
class Carry:
    """Dividend yield, and the bill rate by year for histories without rates."""

    dividend_yield_frac: float
    bill_at_year_start_frac: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        check_ascending("years", "bill_at_year_start_frac", self.bill_at_year_start_frac)

    def bill_frac(self, year: int) -> float:
        """Return the bill rate that was known when `year` began; the nearest year outside."""
        rate = self.bill_at_year_start_frac[0][1]
        for start, value in self.bill_at_year_start_frac:
            if start > year:
                break
            rate = value
        return rate


@dataclass(frozen=True, slots=True)
class SurfaceParams:
    """All parameters of the model market."""

    carry: Carry
    family: FamilyParams
    spx_term: SpxTerm
    spx_smile: SpxSmile
    vix_futures: VixFutures
    vix_smile: VixSmile
    spx_quotes: QuoteWidths
    vix_quotes: QuoteWidths
    quote_grids: QuoteGrids

    @classmethod
    def from_toml(cls, text: str, source_name: str = "surface.toml") -> "SurfaceParams":
        """Return the parameters written in the text of a surface file.

        Raises:
            ConfigError: the text is no TOML, or a section, key or value is missing or wrong.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source_name} is no valid TOML: {error}.") from error
        reader = _Reader(source_name)
        reader.check_keys("the file", tables, {field.name for field in fields(cls)})
        family = tables["family"]
        members = {field.name for field in fields(FamilyParams)}
        reader.check_keys("[family]", family, members)
        return cls(
            carry=reader.section(Carry, "carry", tables["carry"]),
            family=FamilyParams(
                **{
                    name: reader.section(MemberParams, f"family.{name}", family[name])
                    for name in members
                }
            ),
            spx_term=reader.section(SpxTerm, "spx_term", tables["spx_term"]),
            spx_smile=reader.section(SpxSmile, "spx_smile", tables["spx_smile"]),
            vix_futures=reader.section(VixFutures, "vix_futures", tables["vix_futures"]),
            vix_smile=reader.section(VixSmile, "vix_smile", tables["vix_smile"]),
            spx_quotes=reader.section(QuoteWidths, "spx_quotes", tables["spx_quotes"]),
            vix_quotes=reader.section(QuoteWidths, "vix_quotes", tables["vix_quotes"]),
            quote_grids=reader.grids("quote_grids", tables["quote_grids"]),
        )

    def quotes(self, trading_class: TradingClass) -> QuoteWidths:
        """Return the quote widths of a trading class."""
        is_spx = trading_class in (TradingClass.SPX, TradingClass.SPXW)
        return self.spx_quotes if is_spx else self.vix_quotes


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns tables of a file into sections, naming file, section and key when it cannot."""

    source_name: str

    def check_keys(self, place: str, table: Any, wanted: set[str]) -> None:
        if not isinstance(table, Mapping):
            raise ConfigError(f"{self.source_name}: {place} must be a table of keys.")
        for key in sorted(wanted - set(table)):
            raise ConfigError(f"{self.source_name}: {place} misses the key {key}; add it.")
        for key in sorted(set(table) - wanted):
            raise ConfigError(f"{self.source_name}: {place} has the unknown key {key}; remove it.")

    def section(self, kind: type[_Section], name: str, table: Any) -> _Section:
        columns = fields(kind)  # type: ignore[arg-type]  # every section is a dataclass
        self.check_keys(f"[{name}]", table, {column.name for column in columns})
        values: dict[str, Any] = {}
        for column in columns:
            place, value = f"[{name}] {column.name}", table[column.name]
            if column.type is float:
                values[column.name] = self._number(place, value)
            else:
                unit = "minutes" if column.name.endswith("_by_minute") else "years"
                values[column.name] = self._table(place, value, unit)
        try:
            return kind(**values)
        except ValueError as error:
            raise ConfigError(f"{self.source_name}: [{name}] {error}.") from error

    def grids(self, name: str, table: Any) -> QuoteGrids:
        classes = {trading_class.lower(): trading_class for trading_class in TradingClass}
        self.check_keys(f"[{name}]", table, set(classes))
        try:
            return QuoteGrids(
                {
                    trading_class: self._grids_of(f"[{name}] {key}", table[key])
                    for key, trading_class in classes.items()
                }
            )
        except ValueError as error:
            raise ConfigError(f"{self.source_name}: [{name}] {error}.") from error

    def _grids_of(self, place: str, rows: Any) -> tuple[TickGrid, ...]:
        if not isinstance(rows, list):
            raise ConfigError(f"{self.source_name}: {place} must be a list of grids.")
        found: list[TickGrid] = []
        for row in rows:
            self.check_keys(place, row, {"since", "below_points", "from_points"})
            since, ticks = row["since"], (row["below_points"], row["from_points"])
            if not isinstance(since, date):
                raise ConfigError(
                    f"{self.source_name}: {place} since must be a date, got {since!r}."
                )
            found.append(TickGrid(since, *(self._number(place, tick) for tick in ticks)))
        return tuple(found)

    def _number(self, place: str, value: Any) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise ConfigError(f"{self.source_name}: {place} must be a number, got {value!r}.")
        return float(value)

    def _table(self, place: str, value: Any, unit: str) -> tuple[tuple[int, float], ...]:
        if not isinstance(value, Mapping) or not all(key.isdecimal() for key in value):
            raise ConfigError(f"{self.source_name}: {place} must be a table keyed by {unit}.")
        return tuple((int(key), self._number(place, value[key])) for key in value)
