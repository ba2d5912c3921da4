"""The grids that bids and asks stand on, by trading class and from a date on.

Orders keep to the coarser grid of `market.instruments` at all times, each price of which is legal
under every grid here; so a limit found in a replay would be taken today as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from market.instruments import CLASS_SPECS, TradingClass

TICK_SWITCH_POINTS = 3.0


@dataclass(frozen=True, slots=True)
class TickGrid:
    """Ticks below and from 3 points, in points, since a date; and how many make a point."""

    since: date
    below_points: float
    from_points: float
    per_point_below: float = field(init=False)
    per_point_from: float = field(init=False)

    def __post_init__(self) -> None:
        if not min(self.below_points, self.from_points) > 0.0:
            raise ValueError(f"ticks of {self.since} must be above 0")
        # Once, since every chain of every instant asks for them.
        object.__setattr__(self, "per_point_below", float(round(1.0 / self.below_points)))
        object.__setattr__(self, "per_point_from", float(round(1.0 / self.from_points)))


@dataclass(frozen=True, slots=True)
class QuoteGrids:
    """The grids of each trading class, oldest first; the oldest holds before its date too."""

    by_class: Mapping[TradingClass, tuple[TickGrid, ...]]

    def __post_init__(self) -> None:
        for trading_class, grids in self.by_class.items():
            name = trading_class.lower()
            if not grids:
                raise ValueError(f"{name} must hold at least one grid")
            days = [grid.since for grid in grids]
            if days != sorted(set(days)):
                raise ValueError(f"the dates of {name} must ascend")
            for grid in grids:
                _check(trading_class, grid)

    def at(self, trading_class: TradingClass, at: datetime) -> TickGrid:
        """Return the grid of a class at an instant."""
        grids = self.by_class[trading_class]
        day = at.date()
        for grid in grids[::-1]:
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
        if of_orders % Decimal(str(tick)):
            raise ValueError(
                f"{trading_class.lower()} {name} of {grid.since} must divide the tick of orders,"
                f" {of_orders}, got {tick}"
            )
