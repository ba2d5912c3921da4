"""The MACD tilt of the near layer (R-26) and the refresh that it brings forward (R-19)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import (
    NEAR_EXPIRY,
    RED,
    SESSION,
    Scene,
    decide_hedge,
    even_calls,
    hedge_plan,
    hedge_view,
    held,
    ladder,
    purposes,
    quotes,
    told,
    tuned,
)

from strategies.base import HedgeMemory, HoldingKind, Layer, LayerPosition
from strategies.hedge_params import AlvhParams
from strategies.tilt import macd_crosses, tilt_contracts

TILTED = Scene(vix=16.0, macd_cross="bullish", chains=even_calls())


def tilt_held(opened: date = date(2018, 1, 19)) -> LayerPosition:
    return held(
        Layer.NEAR, NEAR_EXPIRY, "16", 1, paid_usd="120", opened=opened, kind=HoldingKind.TILT
    )


def test_a_bullish_cross_adds_one_near_call_per_unit() -> None:
    decision = decide_hedge(TILTED)

    assert purposes(decision) == [("tilt_near", 1)]
    assert decision.orders[0].campaign == "alvh-tilt"
    assert decision.sentence == (
        "Buy 1 near calls, 21 Feb strike 16, at 1.80 (delta 0.45) as MACD crossed up."
    )
    assert told(decision, "macd_tilt").detail == "bullish cross of MACD, 0 calls of tilt held"
    two = replace(TILTED, layers=ladder(2), plan=hedge_plan(2), nlv_usd="500000")
    assert purposes(decide_hedge(two)) == [("tilt_near", 2)]


@pytest.mark.parametrize(
    "changes",
    [
        {"macd_cross": None},
        {"macd_cross": "bearish"},
        {"vix": 20.0},
        {"curve": RED},
        {"fear_stretched": True},
        {"hedge_cost_year_usd": "12501"},
        {"layers": (*ladder(), tilt_held())},
        {"memory": HedgeMemory(last_tilt=SESSION)},
    ],
)
def test_there_is_no_tilt(changes: Mapping[str, Any]) -> None:
    assert purposes(decide_hedge(replace(TILTED, **changes))) == []


def test_the_base_comes_first() -> None:
    near, mid, _ = ladder()

    decision = decide_hedge(replace(TILTED, layers=(near, mid)))

    assert purposes(decision) == [("open_long", 2)]
    assert "MACD crossed up, but the base comes first" in decision.sentence


def test_a_tilt_keeps_the_budget() -> None:
    """$1,080 are held; the tilt at $180 would make $1,260, which is 5.04 % of $25,000."""
    decision = decide_hedge(TILTED, tuned(budget_max_frac=0.05))

    assert decision.orders == ()
    assert "a tilt would lift paid premium to 5.0% of condor notional" in decision.sentence
    assert purposes(decide_hedge(TILTED, tuned(budget_max_frac=0.0504))) == [("tilt_near", 1)]


def test_tilts_can_be_switched_off_and_are_then_sold() -> None:
    off = tuned(tilt_enabled=False)
    scene = replace(TILTED, layers=(*ladder(), tilt_held()))

    assert decide_hedge(TILTED, off).orders == ()
    assert purposes(decide_hedge(scene, off)) == [("untilt_near", 1)]


@pytest.mark.parametrize(
    ("cross", "opened", "why"),
    [
        ("bearish", date(2018, 1, 22), "MACD crossed down"),
        (None, date(2018, 1, 8), "a tilt of 10 sessions"),
        (None, date(2018, 1, 9), ""),
        ("bullish", date(2018, 1, 9), ""),
    ],
)
def test_a_tilt_ends_at_a_bearish_cross_or_after_ten_sessions(
    cross: str | None, opened: date, why: str
) -> None:
    """Ten sessions before 23 January lies 8 January: the 15th was a holiday."""
    layers = (*ladder(), tilt_held(opened))

    decision = decide_hedge(replace(TILTED, layers=layers, macd_cross=cross))

    assert purposes(decision) == ([("untilt_near", 1)] if why else [])
    if why:
        assert decision.orders[0].campaign == "alvh-tilt"
        assert decision.sentence == f"Sell 1 near calls, 21 Feb strike 16, {why}."


def test_a_tilt_is_counted_apart() -> None:
    scene = replace(TILTED, layers=(*ladder(), tilt_held()), macd_cross=None)

    facts = decide_hedge(scene).facts

    assert (facts["near_contracts"], facts["tilt_contracts"], facts["units_held"]) == (4, 1, 1.0)
    assert tilt_contracts(hedge_view(scene)) == 1


@pytest.mark.parametrize(
    ("changes", "is_renewed"),
    [
        ({"vix": 14.9}, True),
        ({"vix": 16.0}, False),
        ({"vix": 16.0, "hedge_prearm": True}, True),
        ({"vix": 20.0, "hedge_prearm": True}, True),
        ({"vix": 20.1, "hedge_prearm": True}, False),
        ({"vix": 19.9, "macd_cross": "bullish"}, True),
        ({"vix": 16.0, "macd_cross": "bearish"}, False),
        ({"vix": 14.9, "fear_stretched": True}, False),
    ],
)
def test_drift_is_repaired_early_when_pre_armed_or_on_a_bullish_cross(
    changes: Mapping[str, Any], is_renewed: bool
) -> None:
    drifted = quotes(long=(0.10, 0.15, 0.05))

    decision = decide_hedge(Scene(chains=even_calls(), quotes=drifted, **changes))

    assert (("refresh_long", 2) in purposes(decision)) is is_renewed


def test_crosses_of_macd_are_changes_of_sign_between_two_closes() -> None:
    """A fall, a rise and a fall again: down, up, down; the constant start gives no cross."""
    closes = np.concatenate(
        (
            np.full(40, 20.0),
            np.linspace(20, 12, 20),
            np.linspace(12, 25, 20),
            np.linspace(25, 15, 9),
        )
    )

    crosses = macd_crosses(closes, AlvhParams())

    assert [each for each in crosses if each] == ["bearish", "bullish", "bearish"]
    assert crosses.index("bearish") == 41
    assert 60 < crosses.index("bullish") < 70


def test_a_session_without_a_close_neither_crosses_nor_hides_one() -> None:
    closes = np.concatenate((np.full(40, 20.0), np.linspace(20, 12, 20), np.linspace(12, 25, 20)))
    row = macd_crosses(closes, AlvhParams()).index("bullish")

    crosses = macd_crosses(np.insert(closes, row, np.nan), AlvhParams())

    assert crosses[row] is None
    assert crosses[row + 1] == "bullish"


@given(st.lists(st.floats(9, 80), max_size=120))
def test_crosses_alternate_and_know_nothing_of_the_future(closes: list[float]) -> None:
    found = macd_crosses(np.array(closes), AlvhParams())

    seen = [each for each in found if each]
    assert all(one != other for one, other in pairwise(seen))
    half = len(closes) // 2
    assert macd_crosses(np.array(closes[:half]), AlvhParams()) == found[:half]
