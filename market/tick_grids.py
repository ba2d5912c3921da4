"""The grids that bids and asks stand on, by trading class and from a date on.

Orders keep to the coarser grid of `market.instruments` at all times, each price of which is legal
under every grid here; so a limit found in a replay would be taken today as well.
"""

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from market.instruments import CLASS_SPECS, TradingClass
from market.values import value

TICK_SWITCH_POINTS = 3.0


@value(frozen=True, slots=True)
class TickGrid:
    """Ticks below and from 3 points, in points, since a date."""

    since: date
    below_points: float
    from_points: float

    @property
    def per_point_below(self) -> float:
        """Return the ticks to a point below 3 points."""
        return float(round(1.0 / self.below_points))

    @property
    def per_point_from(self) -> float:
        """Return the ticks to a point from 3 points on."""
        return float(round(1.0 / self.from_points))


@dataclass(frozen=True, slots=True)
class QuoteGrids:
    """The grids of each trading class, oldest first; the oldest holds before its date too."""

    spx: tuple[TickGrid, ...]
    spxw: tuple[TickGrid, ...]
    vix: tuple[TickGrid, ...]
    vixw: tuple[TickGrid, ...]

    def __post_init__(self) -> None:
        for field in fields(self):
            grids = getattr(self, field.name)
            if not grids:
                raise ValueError(f"{field.name} must hold at least one grid")
            days = [grid.since for grid in grids]
            if days != sorted(set(days)):
                raise ValueError(f"the dates of {field.name} must ascend")
            for grid in grids:
                _check(TradingClass[field.name.upper()], grid)

    def at(self, trading_class: TradingClass, day: date) -> TickGrid:
        """Return the grid of a class on a date."""
        grids: tuple[TickGrid, ...] = getattr(self, trading_class.lower())
        for grid in reversed(grids):
            if grid.since <= day:
                return grid
        return grids[0]


def _check(trading_class: TradingClass, grid: TickGrid) -> None:
    spec = CLASS_SPECS[trading_class]
    pairs = (
        ("below_points", spec.tick_below, grid.below_points),
        ("from_points", spec.tick_from, grid.from_points),
    )
    for name, of_orders, tick in pairs:
        if not tick > 0.0 or of_orders % Decimal(str(tick)):
            raise ValueError(
                f"{trading_class.lower()} {name} of {grid.since} must divide the tick of orders,"
                f" {of_orders}, got {tick}"
            )
