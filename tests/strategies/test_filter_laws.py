"""No filter and no soft input ever raises a tier or a size, or comes nearer (R-10)."""

import pytest
from entry_scenes import decide_with
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import Scene, decide_entry, release

from market.macro import MacroKind
from strategies.base import TIERS, Decision, ExpectedState, FilterResult, Tier, Verdict
from strategies.filters import allowed_tier, distance_multiplier, size_multiplier

CPI = release(MacroKind.CPI, "2018-01-24T13:30")


def test_a_filter_that_would_raise_anything_cannot_be_built() -> None:
    for wrong in (
        {"size_multiplier": 1.01},
        {"size_multiplier": 0.0},
        {"tiers_down": -1},
        {"distance_multiplier": 0.99},
        {"size_multiplier": float("nan")},
    ):
        with pytest.raises(ValueError, match="may only lower"):
            FilterResult("R-08", "greedy", Verdict.LIMIT, "more!", **wrong)


results = st.builds(
    FilterResult,
    rule=st.just("R-08"),
    name=st.just("any"),
    verdict=st.sampled_from(Verdict),
    detail=st.just(""),
    tier_cap=st.none() | st.sampled_from(Tier),
    tiers_down=st.integers(0, 3),
    size_multiplier=st.floats(0.01, 1),
    distance_multiplier=st.floats(1, 3),
)


@given(st.lists(results, max_size=8), results)
def test_one_more_filter_never_raises_tier_or_size_nor_comes_nearer(
    others: list[FilterResult], one_more: FilterResult
) -> None:
    everyone = [*others, one_more]

    assert TIERS.index(allowed_tier(everyone)) <= TIERS.index(allowed_tier(others))
    assert size_multiplier(everyone) <= size_multiplier(others) <= 1
    assert distance_multiplier(everyone) >= distance_multiplier(others) >= 1


unit = st.floats(-1, 1) | st.none()
rsis = st.floats(0, 100) | st.none()
states = st.none() | st.builds(
    ExpectedState,
    count=st.integers(0, 200),
    mean_return_frac=st.floats(-0.05, 0.05),
    sessions_not_negative=st.integers(0, 30),
    count_when_negative=st.none() | st.integers(0, 200),
)
known = st.fixed_dictionaries(
    {
        "rsi_spx": rsis,
        "has_divergence": st.booleans() | st.none(),
        "hedge_prearm": st.booleans() | st.none(),
        "reer_deviation_frac": unit,
        "reer_change_frac": unit,
        "ird_proxy_frac": unit,
        "ird_z": st.floats(-5, 5) | st.none(),
        "below_year_high_frac": st.floats(0, 0.1) | st.none(),
        "vix9d_sd_points": st.floats(0, 5) | st.none(),
        "bill_frac": st.floats(0, 0.1) | st.none(),
    }
)
accounts = st.fixed_dictionaries(
    {
        "expected": states,
        "tt_mean_condor": st.floats(0, 10) | st.none(),
        "steward_is_halved": st.booleans(),
        "cash_usd": st.decimals(0, 250_000, places=2),
        "hedge_cost_year_usd": st.decimals(0, 20_000, places=2),
    }
)


@given(st.sampled_from([Scene(), Scene(vix=16.0), Scene(releases=(CPI,))]), known, accounts)
def test_no_soft_input_ever_raises_what_unknown_inputs_allow(
    scene: Scene, indicators: dict[str, object], account: dict[str, object]
) -> None:
    neutral = decide_entry(scene)

    decision = decide_with(scene, indicators=indicators, capital=account)

    lowered, free = decision.filters, neutral.filters
    if "tier" in [each.name for each in lowered]:  # an early block leaves no tier to compare
        assert TIERS.index(allowed_tier(lowered)) <= TIERS.index(allowed_tier(free))
    assert size_multiplier(lowered) <= size_multiplier(free)
    assert distance_multiplier(lowered) >= distance_multiplier(free)
    # A lower tier may sell at a smaller credit, thus risk more on each: never more contracts.
    assert quantity(decision) <= quantity(neutral)


def quantity(decision: Decision) -> int:
    return sum(order.quantity for order in decision.orders)
