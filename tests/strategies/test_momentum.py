"""Breadth and RSI may lower tier and size, and say when the hedge buys early or not (R-08)."""

import numpy as np
import pandas as pd
import pytest
from entry_scenes import decide_with, tuned
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import Scene, told

from strategies.base import FilterResult, Tier, Verdict
from strategies.momentum import divergence_column, is_prearmed
from strategies.params import FilterParams

PARAMS = FilterParams()
CLOSES = 60


def by_pandas(spx: np.ndarray, advances: np.ndarray, declines: np.ndarray) -> list[float]:
    """Return R-08's divergence from its text, written with pandas' rolling windows."""
    table = pd.DataFrame({"s": spx, "a": np.cumsum(advances - declines)})
    windows = table.rolling(20)
    score = (table - windows.mean()) / windows.std()
    highs, sd = windows.max(), windows.std()
    is_high = table.s >= 0.99 * highs.s
    is_lagging = table.a <= highs.a - 0.5 * sd.a
    daily = (is_high & is_lagging & (score.s - score.a >= 1.0)).astype(float)
    daily[(score.s - score.a).isna()] = np.nan
    return daily.rolling(3).min().tolist()


def test_a_rally_on_narrowing_breadth_diverges_from_the_third_close_on() -> None:
    spx = 2000.0 + np.arange(30.0)
    net = np.where(np.arange(30) < 22, 100.0, -150.0)
    advances, declines = np.maximum(net, 0.0), np.maximum(-net, 0.0)

    column = divergence_column(spx, advances, declines, PARAMS)

    assert np.isnan(column[:21]).all()
    # The line peaks in row 21; its score trails by 1.0 in row 23 for the first time.
    assert column[21:].tolist() == by_pandas(spx, advances, declines)[21:]
    assert column[-1] == 1.0
    assert column[21] == column[22] == 0.0


@given(st.integers(0, 10_000))
def test_divergence_follows_the_text_of_the_rule(seed: int) -> None:
    draw = np.random.default_rng(seed)
    spx = 2000.0 * np.exp(np.cumsum(draw.normal(0.0008, 0.003, CLOSES)))
    advances = draw.integers(500, 2500, CLOSES).astype(float)
    declines = draw.integers(500, 2500, CLOSES).astype(float)

    column = divergence_column(spx, advances, declines, PARAMS)

    wanted = by_pandas(spx, advances, declines)
    assert np.array_equal(column, wanted, equal_nan=True)


def test_a_day_without_counts_is_unknown_as_long_as_it_is_in_the_window() -> None:
    spx, counts = 2000.0 + np.arange(60.0), np.full(60, 1000.0)
    counts = counts + np.arange(60) % 7
    advances = counts.copy()
    advances[25] = np.nan

    column = divergence_column(spx, advances, counts[::-1].copy(), PARAMS)

    # 20 closes of the window, and two more until three judged ones stand in a row.
    assert np.isnan(column[25:47]).all()
    assert not np.isnan(column[[24, 47]]).any()


def test_a_later_close_changes_no_earlier_row() -> None:
    draw = np.random.default_rng(3)
    spx = 2000.0 * np.exp(np.cumsum(draw.normal(0.001, 0.004, 80)))
    advances, declines = draw.integers(500, 2500, (2, 80)).astype(float)

    whole = divergence_column(spx, advances, declines, PARAMS)
    cut = divergence_column(spx[:50], advances[:50], declines[:50], PARAMS)

    assert np.array_equal(whole[:50], cut, equal_nan=True)


@pytest.mark.parametrize(
    ("rsi", "verdict", "down", "size", "detail"),
    [
        (None, Verdict.UNKNOWN, 0, 1.0, "RSI of SPX is unknown: neutral"),
        (29.9, Verdict.LIMIT, 1, 0.85, "RSI of SPX is 29.9, below 30"),
        (30.0, Verdict.PASS, 0, 1.0, "RSI of SPX is 30.0"),
        (50.0, Verdict.PASS, 0, 1.0, "RSI of SPX is 50.0"),
        (65.0, Verdict.PASS, 0, 1.0, "RSI of SPX is 65.0: caution"),
        (70.0, Verdict.PASS, 0, 1.0, "RSI of SPX is 70.0: caution"),
        (70.1, Verdict.LIMIT, 1, 0.85, "RSI of SPX is 70.1, above 70"),
    ],
)
def test_a_stretched_spx_costs_one_tier_and_15_percent(
    rsi: float | None, verdict: Verdict, down: int, size: float, detail: str
) -> None:
    decision = decide_with(Scene(), indicators={"rsi_spx": rsi})

    assert told(decision, "rsi") == FilterResult(
        "R-08", "rsi", verdict, detail, tiers_down=down, size_multiplier=size
    )


@pytest.mark.parametrize(
    ("divergence", "prearm", "verdict", "down", "detail"),
    [
        (None, None, Verdict.UNKNOWN, 0, "advances and declines are unknown: neutral"),
        (False, False, Verdict.PASS, 0, "no bearish divergence"),
        (True, False, Verdict.LIMIT, 1, "bearish divergence of the A/D line on 3 closes"),
        (
            True,
            True,
            Verdict.LIMIT,
            1,
            "bearish divergence of the A/D line on 3 closes, and a calm VIX: HEDGE_PREARM",
        ),
    ],
)
def test_a_bearish_divergence_costs_one_tier(
    divergence: bool | None, prearm: bool | None, verdict: Verdict, down: int, detail: str
) -> None:
    known = {"has_divergence": divergence, "hedge_prearm": prearm}

    decision = decide_with(Scene(), indicators=known)

    assert told(decision, "breadth") == FilterResult(
        "R-08", "breadth", verdict, detail, tiers_down=down
    )


def test_a_steward_leaves_balanced_for_either_and_pays_size_for_rsi_alone() -> None:
    plain = decide_with(Scene())
    divergent = decide_with(Scene(), indicators={"has_divergence": True})
    stretched = decide_with(Scene(), indicators={"rsi_spx": 75.0})

    assert plain.reason == "BALANCED"
    assert divergent.reason == stretched.reason == "CONSERVATIVE"
    assert (divergent.orders[0].quantity, stretched.orders[0].quantity) == (10, 8)
    assert ", size × 0.85 with SPX stretched;" in stretched.sentence


def test_each_can_be_switched_off() -> None:
    off = tuned(filters={"breadth_enabled": False, "rsi_enabled": False})
    stretched = {"has_divergence": True, "rsi_spx": 80.0}

    decision = decide_with(Scene(), off, indicators=stretched)

    assert told(decision, "breadth").verdict is told(decision, "rsi").verdict is Verdict.UNKNOWN
    assert told(decision, "tier").tier_cap is Tier.BALANCED


@pytest.mark.parametrize(
    ("rsi_vix", "divergence", "armed"),
    [(34.9, True, True), (35.0, True, False), (34.9, False, False), (34.9, None, False)],
)
def test_a_calm_vix_over_a_divergence_arms_the_hedge(
    rsi_vix: float, divergence: bool | None, armed: bool
) -> None:
    assert is_prearmed(rsi_vix, divergence, PARAMS) is armed
