"""Expected slippage by level of VIX: R-14's table, points per condor and side."""

import pytest

from strategies.params import CostParams


@pytest.mark.parametrize(
    ("vix", "points"),
    [
        (9.0, 0.05),
        (14.99, 0.05),
        (15.0, 0.10),
        (20.0, 0.10),
        (20.01, 0.20),
        (25.0, 0.20),
        (25.01, 0.40),
        (30.0, 0.40),
        (30.01, 0.75),
        (80.0, 0.75),
    ],
)
def test_slippage_grows_with_vix(vix: float, points: float) -> None:
    assert CostParams().slippage_points(vix) == points
