"""How many contracts make a ladder: whole units, parts of units, premium weights (R-20, A10)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import DEFAULTS, SESSION, hedge_plan, held, ladder

from strategies.base import HedgePlan, HoldingKind, Layer
from strategies.hedge_params import AlvhParams, HedgeSizing
from strategies.sizing import (
    base_contracts,
    ladder_steps,
    largest_remainders,
    units_held,
    units_wanted,
    wanted_contracts,
)

ALVH = DEFAULTS.alvh
FRACTIONAL = AlvhParams(fractional_units=True)
WEIGHTS = AlvhParams(sizing=HedgeSizing.PREMIUM_WEIGHTS)
NEAR = date(2018, 2, 21)


def counts(near: int, mid: int, long: int) -> dict[Layer, int]:
    return {Layer.NEAR: near, Layer.MID: mid, Layer.LONG: long}


def small_plan(condors: int) -> HedgePlan:
    return HedgePlan(SESSION, hedge_plan().nlv_usd, condors, 1)


def test_units_held_are_those_of_the_layer_that_lacks_most() -> None:
    near, mid, long = ladder(2)
    half_rolled = (
        held(Layer.NEAR, NEAR, "16", 2),
        held(Layer.NEAR, date(2018, 2, 14), "15", 6),
    )
    plan = hedge_plan(2)

    assert units_held((near, mid, long), plan, ALVH) == 2.0
    assert units_held((near, mid), plan, ALVH) == 0.0
    assert units_held((*half_rolled, mid, long), plan, ALVH) == 2.0
    assert base_contracts(half_rolled) == counts(8, 0, 0)


@pytest.mark.parametrize("kind", [HoldingKind.TILT, HoldingKind.RECYCLED])
def test_tilts_and_recycled_calls_are_no_base(kind: HoldingKind) -> None:
    near, mid, long = ladder()
    extra = held(Layer.LONG, NEAR, "30", 2, kind=kind)

    assert base_contracts((near, mid, long, extra)) == counts(4, 4, 2)
    assert units_held((near, mid, extra), hedge_plan(), ALVH) == 0.0


def test_a_harvested_layer_counts_as_held() -> None:
    _, mid, long = ladder()
    halved = held(Layer.NEAR, NEAR, "16", 2)

    assert units_held((halved, mid, long), hedge_plan(), ALVH) == 0.5
    assert units_held((halved, mid, long), hedge_plan(), ALVH, harvested=2) == 1.0


@pytest.mark.parametrize(
    ("condors", "contracts"),
    [
        (0, counts(0, 0, 0)),
        # One contract in all: near and mid tie at 0.4, the nearer goes first.
        (1, counts(1, 0, 0)),
        # 1.2 / 1.2 / 0.6: the third contract goes to the largest remainder.
        (3, counts(1, 1, 1)),
        (4, counts(2, 1, 1)),
        (5, counts(2, 2, 1)),
        (7, counts(3, 3, 1)),
        (10, counts(4, 4, 2)),
    ],
)
def test_parts_of_a_unit_go_out_by_largest_remainders(
    condors: int, contracts: dict[Layer, int]
) -> None:
    assert largest_remainders(condors, FRACTIONAL) == contracts
    assert wanted_contracts(small_plan(condors), FRACTIONAL) == contracts


@given(st.integers(0, 200))
def test_parts_of_a_unit_are_one_contract_a_condor_each_within_one_of_its_share(n: int) -> None:
    found = largest_remainders(n, FRACTIONAL)

    assert sum(found.values()) == n
    for layer, share in zip(found, (0.4, 0.4, 0.2), strict=True):
        assert abs(found[layer] - share * n) < 1


def test_units_held_of_a_small_account_are_relative_to_its_part_of_a_unit() -> None:
    plan = small_plan(5)
    whole = (held(Layer.NEAR, NEAR, "16", 2), held(Layer.MID, NEAR, "23", 2))
    long = held(Layer.LONG, NEAR, "30", 1)

    assert units_wanted(plan, FRACTIONAL) == 0.5
    assert units_held((*whole, long), plan, FRACTIONAL) == 0.5
    assert units_held(whole, plan, FRACTIONAL) == 0.0


def test_premium_weights_ask_for_one_call_of_each_layer_per_unit() -> None:
    plan = hedge_plan(2)
    rows = (held(Layer.NEAR, NEAR, "16", 5), held(Layer.MID, NEAR, "23", 3))

    assert wanted_contracts(plan, WEIGHTS) == counts(2, 2, 2)
    assert units_held((*rows, held(Layer.LONG, NEAR, "30", 7)), plan, WEIGHTS) == 2.0
    assert units_held((*rows, held(Layer.LONG, NEAR, "30", 1)), plan, WEIGHTS) == 1.0


def test_ladders_step_down_by_the_least_that_keeps_the_ratio() -> None:
    assert ladder_steps(hedge_plan(2), ALVH) == [
        (2.0, counts(8, 8, 4)),
        (1.5, counts(6, 6, 3)),
        (1.0, counts(4, 4, 2)),
        (0.5, counts(2, 2, 1)),
    ]
    assert ladder_steps(hedge_plan(2), AlvhParams(contracts_mid=3)) == [
        (2.0, counts(8, 6, 4)),
        (1.0, counts(4, 3, 2)),
    ]
    assert ladder_steps(small_plan(3), FRACTIONAL) == [
        (0.3, counts(1, 1, 1)),
        (0.2, counts(1, 1, 0)),
        (0.1, counts(1, 0, 0)),
    ]
