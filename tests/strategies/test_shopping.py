"""Purchases within the budget: deltas give way first, then units (R-24)."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from sample_scenes import (
    DEFAULTS,
    MID_EXPIRY,
    NEAR_KEY,
    Scene,
    even_calls,
    hedge_plan,
    held,
    ladder,
)

from market.quotes import Chain, ChainKey, SnapshotRequest
from market.schedule import MomentName
from strategies.base import HedgePlan, Layer, LayerPosition
from strategies.ladder import LayerTarget, Purchase, Shopping, paid_premium_usd
from strategies.params import MethodParams
from strategies.shopping import (
    delta_shifts,
    paid_after_roll_usd,
    shifted_delta,
    shop_for_units,
)


def shop(
    layers: tuple[LayerPosition, ...] = (),
    plan: HedgePlan | None = None,
    budget: float = 0.08,
    chains: Mapping[ChainKey, Chain | None] | None = None,
) -> Shopping:
    params = MethodParams.model_validate(
        {"alvh": {"budget_max_frac": budget, "budget_min_frac": 0.0}}
    )
    scene = Scene(layers=layers, chains=even_calls() if chains is None else chains)
    view = scene.view(MomentName.HEDGE_WINDOW, SnapshotRequest(chains=tuple(even_calls())))
    return shop_for_units(view, plan or hedge_plan(), paid_premium_usd(layers), params)


def bought(shopping: Shopping) -> dict[Layer, tuple[float, float]]:
    """Return contracts and delta of each layer's purchase."""
    return {each.pick.layer: (each.contracts, each.pick.delta) for each in shopping.purchases}


@pytest.mark.parametrize(
    ("budget", "units", "shift", "after"),
    [
        (0.08, 1.0, 0.00, 0.0544),
        (0.0544, 1.0, 0.00, 0.0544),
        (0.05, 1.0, 0.05, 0.0464),
        (0.04, 1.0, 0.10, 0.0400),
        (0.025, 1.0, 0.30, 0.0240),
        (0.0239, 0.5, 0.05, 0.0232),
        (0.012, 0.5, 0.30, 0.0120),
    ],
)
def test_deltas_step_down_to_0_15_before_units_shrink(
    budget: float, units: float, shift: float, after: float
) -> None:
    """Ten condors of 25 points make $25,000 of notional; half a unit is 2:2:1."""
    found = shop(budget=budget)

    assert (found.units, found.delta_shift, found.problem) == (units, shift, None)
    assert found.budget_after_frac == pytest.approx(after)
    assert bought(found) == {
        Layer.NEAR: (4 * units, round(max(0.45 - shift, 0.15), 2)),
        Layer.MID: (4 * units, round(max(0.30 - shift, 0.15), 2)),
        Layer.LONG: (2 * units, round(max(0.20 - shift, 0.15), 2)),
    }


def test_when_nothing_fits_nothing_is_bought() -> None:
    found = shop(budget=0.0119)

    assert found.purchases == ()
    assert found.problem == (
        "even the smallest addition would lift paid premium to 1.2% of condor notional, above 1%"
    )


def test_what_is_held_counts_against_the_budget_and_is_not_bought_again() -> None:
    """$1,080 were paid; the second unit for $1,360 makes 4.88 % of $50,000."""
    found = shop(ladder(), hedge_plan(2))

    assert bought(found) == {Layer.NEAR: (4, 0.45), Layer.MID: (4, 0.30), Layer.LONG: (2, 0.20)}
    assert found.budget_after_frac == pytest.approx(0.0488)


def test_only_the_missing_calls_are_bought() -> None:
    near, _, long = ladder()
    found = shop((near, held(Layer.MID, MID_EXPIRY, "23", 1), long))

    assert bought(found) == {Layer.MID: (3, 0.30)}


def test_a_full_ladder_buys_nothing() -> None:
    assert shop(ladder()) == Shopping((), 0.0432, 0.0, 0.0)


def test_a_layer_without_an_expiry_stops_the_purchase_of_all() -> None:
    found = shop(chains=even_calls() | {NEAR_KEY: None})

    assert (found.purchases, found.problem) == (
        (),
        "no VIX expiry 20 to 40 days away is listed and quoted",
    )


def test_steps_and_floors_of_delta() -> None:
    mid = LayerTarget(Layer.MID, 110, 20, 0.30, 80)
    tail = LayerTarget(Layer.LONG, 220, 35, 0.10, 160)

    assert delta_shifts(DEFAULTS.alvh) == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    assert [round(shifted_delta(mid, shift, DEFAULTS.alvh), 2) for shift in (0, 0.1, 0.3)] == [
        0.30,
        0.20,
        0.15,
    ]
    assert shifted_delta(tail, 0.3, DEFAULTS.alvh) == 0.10


def test_a_roll_gives_up_the_premium_of_as_many_contracts_as_it_buys() -> None:
    near = held(Layer.NEAR, NEAR_KEY[1], "16", 4, paid_usd="480")
    pick = shop().purchases[0].pick

    whole = paid_after_roll_usd(Decimal(1080), near, Purchase(pick, 4))
    half = paid_after_roll_usd(Decimal(1080), near, Purchase(pick, 2))

    assert (whole, half) == (Decimal("1320.00"), Decimal("1200.00"))
