"""The slow overlay sees what had been published and weighs little (R-09, A5)."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from entry_scenes import decide_with, tuned
from sample_scenes import Scene, told

from strategies.base import FilterResult, Tier, Verdict
from strategies.macro_overlay import ReerReadings, rate_columns

MONTHS = 12


def monthly(values: list[float]) -> list[tuple[date, date, float]]:
    """Return readings from January 2010 on, each usable on the 20th of the second month after."""
    days = [date(2010 + number // 12, number % 12 + 1, 1) for number in range(len(values))]
    rows = zip(days, values, strict=True)
    return [(day, (day + timedelta(days=62)).replace(day=20), value) for day, value in rows]


def test_a_month_counts_from_its_publication_on() -> None:
    readings = ReerReadings(monthly([100.0] * 11 + [112.0, 90.0]), MONTHS)

    december = readings.on(date(2011, 2, 20))

    assert readings.on(date(2011, 1, 31)) is None
    assert december is not None
    assert december.deviation_frac == pytest.approx(112 / 101 - 1)
    assert december.change_frac == pytest.approx(0.12)
    assert readings.on(date(2011, 3, 5)) == december
    january = readings.on(date(2011, 3, 20))
    assert january is not None
    assert january.deviation_frac == pytest.approx(90 / (100 * 10 + 112 + 90) * 12 - 1)


def test_a_series_that_ended_is_unknown_after_four_months() -> None:
    readings = ReerReadings(monthly([100.0] * 12), MONTHS)

    assert readings.on(date(2011, 2, 20) + timedelta(days=120)) is not None
    assert readings.on(date(2011, 2, 20) + timedelta(days=121)) is None


def test_a_short_or_absent_series_is_unknown() -> None:
    assert ReerReadings((), MONTHS).on(date(2020, 1, 2)) is None
    assert ReerReadings(monthly([100.0] * 11), MONTHS).on(date(2011, 2, 1)) is None


def test_rates_are_those_of_the_session_before() -> None:
    bill, ecb = np.array([0.05, 0.04, 0.03]), np.array([0.01, 0.01, 0.02])

    columns = rate_columns(bill, ecb)

    assert np.isnan(columns.proxy_frac[0])
    assert columns.proxy_frac[1:].tolist() == pytest.approx([0.04, 0.03])


def test_z_is_the_20_session_change_over_the_deviation_of_250_of_them() -> None:
    draw = np.random.default_rng(11)
    bill = 0.03 + np.cumsum(draw.normal(0, 0.0003, 400))
    ecb = np.full(400, 0.01)

    z = rate_columns(bill, ecb).z

    change = pd.Series(bill - ecb).shift(1).diff(20)
    wanted = (change / change.rolling(250).std()).to_numpy()
    assert np.allclose(z, wanted, equal_nan=True, atol=1e-9)
    assert np.isnan(z[:270]).all()
    assert not np.isnan(z[270:]).any()


def test_rates_that_never_move_or_are_absent_have_no_z() -> None:
    flat = np.full(400, 0.01)

    assert np.isnan(rate_columns(flat, flat).z).all()
    assert np.isnan(rate_columns(flat, None).z).all()


@pytest.mark.parametrize(
    ("deviation", "verdict", "cap", "distance", "detail"),
    [
        (None, Verdict.UNKNOWN, None, 1.0, "the real exchange rate is unknown: neutral"),
        (0.079, Verdict.PASS, None, 1.0, "real exchange rate +7.9% from its 120-month mean"),
        (
            0.08,
            Verdict.LIMIT,
            Tier.BALANCED,
            1.05,
            "real exchange rate +8.0% from its 120-month mean",
        ),
        (
            -0.09,
            Verdict.LIMIT,
            Tier.BALANCED,
            1.05,
            "real exchange rate -9.0% from its 120-month mean",
        ),
    ],
)
def test_a_dollar_far_from_its_mean_caps_at_balanced_and_keeps_further_away(
    deviation: float | None, verdict: Verdict, cap: Tier | None, distance: float, detail: str
) -> None:
    decision = decide_with(Scene(), indicators={"reer_deviation_frac": deviation})

    assert told(decision, "exchange_rate") == FilterResult(
        "R-09", "exchange_rate", verdict, detail, tier_cap=cap, distance_multiplier=distance
    )
    assert told(decision, "tier").tier_cap is Tier.BALANCED


@pytest.mark.parametrize(
    ("z", "reer_change", "verdict", "size", "note"),
    [
        (1.5, None, Verdict.PASS, 1.0, ""),
        (1.51, None, Verdict.LIMIT, 0.75, ""),
        (-1.6, -0.01, Verdict.LIMIT, 0.75, ""),
        (1.2, -0.01, Verdict.PASS, 1.0, ", though the dollar fell: divergence"),
        (1.2, 0.01, Verdict.PASS, 1.0, ""),
        (1.0, -0.01, Verdict.PASS, 1.0, ""),
    ],
)
def test_rates_on_the_move_shrink_the_size(
    z: float, reer_change: float | None, verdict: Verdict, size: float, note: str
) -> None:
    known = {"ird_z": z, "ird_proxy_frac": 0.0125, "reer_change_frac": reer_change}

    found = told(decide_with(Scene(), indicators=known), "rate_differential")

    detail = f"bill less ECB rate +1.25%, its 20-session change {z:+.1f} sd{note}"
    assert found == FilterResult("R-09", "rate_differential", verdict, detail, size_multiplier=size)


def test_unknown_rates_are_neutral_and_the_overlay_can_be_switched_off() -> None:
    far = {"reer_deviation_frac": 0.2, "ird_z": 3.0, "ird_proxy_frac": 0.01}
    off = tuned(filters={"macro_enabled": False})

    for decision in (decide_with(Scene()), decide_with(Scene(), off, indicators=far)):
        assert told(decision, "exchange_rate").verdict is Verdict.UNKNOWN
        assert told(decision, "rate_differential").verdict is Verdict.UNKNOWN
        assert decision.orders[0].quantity == 10
