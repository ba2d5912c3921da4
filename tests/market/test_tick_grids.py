"""The grids that quotes stand on: which holds when, and what a file may say."""

from datetime import UTC, date, datetime, time
from importlib.resources import files

import pytest

from market.errors import ConfigError
from market.instruments import TradingClass
from market.surface_params import SurfaceParams
from market.tick_grids import QuoteGrids, TickGrid

OLD = TickGrid(date(2006, 2, 24), 0.05, 0.10)
NEW = TickGrid(date(2022, 11, 29), 0.01, 0.05)
GRIDS = QuoteGrids({TradingClass.VIX: (OLD, NEW), TradingClass.VIXW: (OLD,)})


@pytest.mark.parametrize(
    ("day", "grid"),
    [
        (date(2004, 1, 2), OLD),
        (date(2022, 11, 28), OLD),
        (date(2022, 11, 29), NEW),
        (date(2026, 7, 23), NEW),
    ],
)
def test_a_grid_holds_from_its_date_on_and_the_oldest_before(day: date, grid: TickGrid) -> None:
    noon = datetime.combine(day, time(17), UTC)

    assert GRIDS.at(TradingClass.VIX, noon) == grid
    assert GRIDS.at(TradingClass.VIXW, noon) == OLD


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("below_points = 0.02, from_points = 0.05", "vix below_points of 2022-11-29 must divide"),
        ("below_points = 0.01, from_points = 0.0", "ticks of 2022-11-29 must be above 0"),
        ('below_points = "fine", from_points = 0.05', r"\[quote_grids\] vix must be a number"),
        ("from_points = 0.05", r"\[quote_grids\] vix misses the key below_points"),
    ],
)
def test_a_grid_on_which_an_order_would_not_be_legal_is_refused(given: str, told: str) -> None:
    text = (files("config") / "surface.toml").read_text(encoding="utf-8")
    shipped = "since = 2022-11-29, below_points = 0.01, from_points = 0.05"
    assert shipped in text

    with pytest.raises(ConfigError, match=rf"^mine\.toml: .*{told}"):
        SurfaceParams.from_toml(text.replace(shipped, f"since = 2022-11-29, {given}"), "mine.toml")


def test_grids_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="the dates of vix must ascend"):
        QuoteGrids({TradingClass.VIX: (NEW, OLD)})
