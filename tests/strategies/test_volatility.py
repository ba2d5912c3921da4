"""Expected range, term structure and the memory of HOLD (R-03, R-04, R-05)."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.quotes import FuturesCurve, IndexLevels
from strategies.params import EdrMode, EdrParams, GateVariant, TermParams, VixGateParams
from strategies.volatility import (
    TermColor,
    TermStructure,
    expected_range,
    hold_columns,
    is_hold,
    regime_multiplier,
    term_structure,
)

AT = datetime(2018, 1, 23, 21, 10, tzinfo=UTC)
GATE = VixGateParams()


def levels(vix: float, *, vix9d: float = 10.0, vix3m: float = 20.0) -> IndexLevels:
    return IndexLevels(AT, 2800.0, vix, vix9d, vix3m)


def structure(vix: float, vix3m: float, m1: float, m2: float) -> TermStructure:
    return term_structure(levels(vix, vix3m=vix3m), FuturesCurve((), (m1, m2)), TermParams())


@pytest.mark.parametrize(
    ("vix", "multiplier"),
    [(9, 0.8), (12, 0.8), (15, 1.0), (20, 4 / 3), (27, 1.8), (30, 2.0), (60, 2.0)],
)
def test_the_regime_multiplier_rises_from_0_8_at_12_to_2_at_30(
    vix: float, multiplier: float
) -> None:
    assert regime_multiplier(vix, EdrParams()) == pytest.approx(multiplier, rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "points_a_year"),
    [
        (EdrMode.BLEND, 4 / 3 * (0.6 * 15 + 0.4 * 10)),
        (EdrMode.SIMPLE_VIX, 20.0),
        (EdrMode.GLOSSARY_NORM, 4 / 3 * (0.1 * 15 + 0.5 * 10 + 0.4 * 20)),
        (EdrMode.GLOSSARY_LITERAL, 4 / 3 * (0.1 * 15 + 0.5 * 10)),
    ],
)
def test_each_mode_has_its_own_formula_and_all_are_reported(
    mode: EdrMode, points_a_year: float
) -> None:
    found = expected_range(levels(20, vix9d=15), 10, EdrParams(mode=mode))

    assert found.frac == pytest.approx(points_a_year / 100 / 252**0.5, rel=1e-12)
    assert found.by_mode[mode] == found.frac
    assert set(found.by_mode) == set(EdrMode)


def test_the_published_check_point_is_met() -> None:
    """VIX 17.95 and SPX 7138.80 give 1.131 % or 80.7 points a day (method, section 1.1)."""
    found = expected_range(levels(17.95), 12, EdrParams(mode=EdrMode.SIMPLE_VIX))

    assert round(100 * found.frac, 3) == 1.131
    assert round(found.points(7138.80), 1) == 80.7


def test_the_shift_threshold_of_0_94_percent_is_a_vix_of_14_92() -> None:
    """R-03 notes both figures."""
    found = expected_range(levels(14.92), 12, EdrParams(mode=EdrMode.SIMPLE_VIX))

    assert round(found.frac, 4) == EdrParams().shift_threshold_frac


@pytest.mark.parametrize(
    ("vix", "vix3m", "m1", "m2", "color"),
    [
        (14, 16, 15.00, 15.31, TermColor.GREEN),
        (14, 16, 15.00, 15.30, TermColor.AMBER),
        (14, 16, 15.00, 15.00, TermColor.AMBER),
        (14, 16, 15.00, 14.70, TermColor.AMBER),
        (14, 16, 15.00, 14.69, TermColor.RED),
        (16, 16, 15.00, 16.00, TermColor.RED),
        (15.99, 16, 15.00, 16.00, TermColor.GREEN),
    ],
)
def test_the_color_follows_slope_and_ratio(
    vix: float, vix3m: float, m1: float, m2: float, color: TermColor
) -> None:
    assert structure(vix, vix3m, m1, m2).color is color


@pytest.mark.parametrize(("m1", "is_extreme"), [(27.99, False), (28.0, True), (33.0, True)])
def test_backwardation_is_extreme_from_three_points(m1: float, is_extreme: bool) -> None:
    found = structure(30, 26, m1, 25.0)

    assert found.is_extreme is is_extreme
    assert found.backwardation_points == pytest.approx(m1 - 25.0)


@pytest.mark.parametrize(
    ("vix", "was_hold", "calm_closes", "holds"),
    [
        (20.00, False, 0, False),
        (20.01, False, 9, True),
        (19.00, True, 0, True),
        (19.00, True, 1, False),
        (20.00, True, 1, False),
        (20.01, True, 1, True),
    ],
)
def test_a_hold_begins_above_20_and_ends_only_after_a_close_below(
    vix: float, was_hold: bool, calm_closes: int, holds: bool
) -> None:
    assert is_hold(vix, was_hold=was_hold, calm_closes=calm_closes, gate=GATE) is holds


def test_the_variant_c2_never_holds() -> None:
    gate = VixGateParams(variant=GateVariant.ALWAYS_ON)

    assert not is_hold(80.0, was_hold=True, calm_closes=0, gate=gate)
    assert hold_columns(np.array([19.0, 30.0, 19.0]), gate).hold.tolist() == [False] * 3


def test_the_memory_of_hold_follows_the_closes() -> None:
    closes = np.array([19.0, 20.5, 20.0, 19.9, 19.5, np.nan, 26.0])

    found = hold_columns(closes, GATE)

    assert found.hold.tolist() == [False, True, True, True, False, False, True]
    assert found.calm.tolist() == [1, 0, 0, 1, 2, 2, 0]


def test_two_calm_closes_may_be_asked_for() -> None:
    closes = np.array([21.0, 19.0, 19.0, 19.0])

    found = hold_columns(closes, VixGateParams(hysteresis_closes=2))

    assert found.hold.tolist() == [True, True, True, False]


@given(st.lists(st.floats(9, 80), min_size=2, max_size=30), st.integers(1, 29))
def test_the_memory_of_hold_never_looks_ahead(closes: list[float], cut: int) -> None:
    shortened = hold_columns(np.array(closes[:cut]), GATE)
    whole = hold_columns(np.array(closes), GATE)

    assert whole.hold[:cut].tolist() == shortened.hold.tolist()
    assert whole.calm[:cut].tolist() == shortened.calm.tolist()
