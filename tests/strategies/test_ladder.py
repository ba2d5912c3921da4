"""Which call a layer wants and how much hedge the account calls for (R-20, R-21, R-24)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sample_scenes import (
    DEFAULTS,
    MID_EXPIRY,
    NEAR_EXPIRY,
    SESSION,
    Scene,
    call_chain,
    hedge_plan,
    ladder,
)

from market.instruments import OptionContract, TradingClass
from market.quotes import ChainKey, SnapshotRequest
from market.schedule import MomentName
from strategies.base import HedgePlan, Layer
from strategies.ladder import (
    LayerTarget,
    Pick,
    budget_used_frac,
    next_plan,
    paid_premium_usd,
    pick_call,
    target_expiry,
    targets,
)
from strategies.params import MethodParams

VIX, VIXW = TradingClass.VIX, TradingClass.VIXW
AT = datetime(2018, 1, 23, 16, 0, tzinfo=UTC)
KEY = (VIX, NEAR_EXPIRY)


def target(tenor: int, tolerance: int) -> LayerTarget:
    return LayerTarget(Layer.NEAR, tenor, tolerance, 0.45, 5)


@pytest.mark.parametrize(
    ("tolerance", "expiry"),
    [
        # Monthly expiries on 23 January 2018: 14 February (22 days) and 21 March (57).
        (10, (VIX, date(2018, 2, 14))),
        (7, None),
    ],
)
def test_without_weekly_series_the_nearest_monthly_within_reach_is_taken(
    tolerance: int, expiry: ChainKey | None
) -> None:
    params = DEFAULTS.alvh.model_copy(
        update={"weekly_series": False, "tolerance_near_days": tolerance}
    )
    context = Scene().context(MomentName.HEDGE_WINDOW)

    assert target_expiry(context, targets(params)[0]) == expiry


def test_the_default_ladder_aims_at_30_110_and_220_days() -> None:
    assert targets(DEFAULTS.alvh) == (
        LayerTarget(Layer.NEAR, 30, 10, 0.45, 21),
        LayerTarget(Layer.MID, 110, 20, 0.30, 80),
        LayerTarget(Layer.LONG, 220, 35, 0.20, 160),
    )


@pytest.mark.parametrize(
    ("tenor", "tolerance", "expiry"),
    [
        # Listed on 23 January 2018: 15, 22, 29, 57, 85, 113, 148, 176, 211 and 239 days away.
        (30, 10, (VIXW, date(2018, 2, 21))),
        (110, 20, (VIX, date(2018, 5, 16))),
        (220, 35, (VIX, date(2018, 8, 22))),
        (99, 20, (VIX, date(2018, 5, 16))),
        (98, 20, (VIX, date(2018, 4, 18))),
        (40, 10, None),
        (40, 11, (VIXW, date(2018, 2, 21))),
    ],
)
def test_the_nearest_expiry_within_the_tolerance_is_taken_ties_later(
    tenor: int, tolerance: int, expiry: ChainKey | None
) -> None:
    """99 days is as far from 85 as from 113."""
    context = Scene().context(MomentName.HEDGE_WINDOW)

    assert target_expiry(context, target(tenor, tolerance)) == expiry


@pytest.mark.parametrize(
    ("not_before", "expiry"),
    [
        (date(2018, 2, 14), (VIXW, date(2018, 2, 21))),
        (date(2018, 2, 21), (VIXW, date(2018, 2, 21))),
        (date(2018, 2, 22), None),
    ],
)
def test_an_expiry_may_be_asked_to_outlive_a_date(
    not_before: date, expiry: ChainKey | None
) -> None:
    context = Scene().context(MomentName.HEDGE_WINDOW)

    assert target_expiry(context, target(30, 10), not_before) == expiry


def test_the_call_with_the_nearest_delta_is_picked() -> None:
    chain = call_chain(
        KEY,
        AT,
        [(14, 1.50, 1.60, 0.61), (16, 1.05, 1.15, 0.47), (17, 0.80, 0.90, 0.42)],
    )

    pick = pick_call(chain, Layer.NEAR, 0.45, DEFAULTS)

    contract = OptionContract.parse("VIX 2018-02-21 16 C")
    assert pick == Pick(Layer.NEAR, contract, 0.47, 1.05, 1.15, Decimal("1.15"))
    assert pick.cost_usd(4) == Decimal("460.00")


@pytest.mark.parametrize(
    ("bid", "ask", "is_picked"),
    [
        (1.00, 1.15, True),
        (1.00, 1.20, False),
        (2.00, 2.32, True),
        (2.00, 2.33, False),
        (0.05, 0.20, True),
        (0.00, 0.10, False),
        (1.20, 1.10, False),
    ],
)
def test_a_quote_wider_than_15_cents_and_15_percent_is_passed_over(
    bid: float, ask: float, is_picked: bool
) -> None:
    rows = [(16, bid, ask, 0.45), (20, 0.50, 0.55, 0.25)]

    pick = pick_call(call_chain(KEY, AT, rows), Layer.NEAR, 0.45, DEFAULTS)

    assert pick is not None
    assert pick.contract.strike == (16 if is_picked else 20)


def test_rows_without_numbers_are_passed_over() -> None:
    nan = float("nan")
    rows = [(15, 1.0, 1.1, nan), (16, nan, 1.1, 0.45), (17, 1.0, nan, 0.44), (20, 0.5, 0.55, 0.25)]

    pick = pick_call(call_chain(KEY, AT, rows), Layer.NEAR, 0.45, DEFAULTS)

    assert pick is not None
    assert pick.contract.strike == 20
    assert pick_call(call_chain(KEY, AT, rows[:3]), Layer.NEAR, 0.45, DEFAULTS) is None


@pytest.mark.parametrize(
    ("bid", "ask", "price"),
    [(1.00, 1.10, "1.10"), (1.00, 1.05, "1.10"), (2.95, 3.00, "3.10"), (3.00, 3.20, "3.20")],
)
def test_a_call_may_cost_half_the_spread_above_mid_but_at_least_three_cents(
    bid: float, ask: float, price: str
) -> None:
    """1.025 + 0.03 is 1.055, up to the tick 1.10; above 3.00 ticks are 0.10."""
    pick = pick_call(call_chain(KEY, AT, [(16, bid, ask, 0.45)]), Layer.NEAR, 0.45, DEFAULTS)

    assert pick is not None
    assert pick.price_points == Decimal(price)


def plan_after(scene: Scene, *, in_hold: bool = False) -> HedgePlan:
    view = scene.view(MomentName.HEDGE_WINDOW, SnapshotRequest())
    return next_plan(view, DEFAULTS, in_hold=in_hold)


def test_without_a_plan_one_is_made_even_in_hold() -> None:
    fresh = HedgePlan(SESSION, Decimal(250000), 10, 1)

    assert plan_after(Scene(plan=None)) == fresh
    assert plan_after(Scene(plan=None), in_hold=True) == fresh


@pytest.mark.parametrize(
    ("nlv", "made", "units"),
    [
        ("560000", date(2018, 1, 3), 2),
        ("574999", date(2018, 1, 3), 2),
        ("575000", date(2018, 1, 3), 3),
        ("425001", date(2018, 1, 3), 2),
        ("425000", date(2018, 1, 3), 2),
        ("200000", date(2018, 1, 3), 1),
        ("560000", date(2017, 12, 29), 3),
    ],
)
def test_the_plan_changes_with_the_month_or_when_nlv_moves_by_15_percent(
    nlv: str, made: date, units: int
) -> None:
    """$500,000 call for 20 condors and 2 units; $560,000 and more for 23 and 3."""
    old = HedgePlan(made, Decimal(500000), 20, 2)

    found = plan_after(Scene(plan=old, nlv_usd=nlv))

    assert found.units == units
    is_kept = made.month == 1 and abs(Decimal(nlv) / 500000 - 1) < Decimal("0.15")
    assert (found == old) is is_kept


def test_hold_freezes_the_plan_and_its_end_makes_up_for_the_month_begun() -> None:
    old = HedgePlan(date(2017, 12, 1), Decimal(500000), 20, 2)
    scene = Scene(plan=old, nlv_usd="250000")

    assert plan_after(scene, in_hold=True) == old
    assert plan_after(scene) == HedgePlan(SESSION, Decimal(250000), 10, 1)


def test_the_budget_is_premium_paid_over_planned_width() -> None:
    """$1,080 for ten condors of 25 points: 4.32 %."""
    assert paid_premium_usd(ladder()) == Decimal(1080)
    assert budget_used_frac(Decimal(1080), hedge_plan(), DEFAULTS) == pytest.approx(0.0432)


def test_without_planned_condors_any_premium_is_too_much() -> None:
    nobody = HedgePlan(SESSION, Decimal(20000), 0, 0)

    assert budget_used_frac(Decimal(0), nobody, DEFAULTS) == 0.0
    assert budget_used_frac(Decimal(1), nobody, DEFAULTS) == float("inf")


def test_half_a_delta_in_every_layer_is_a_valid_ladder() -> None:
    params = MethodParams.model_validate(
        {"alvh": dict.fromkeys(("delta_near", "delta_mid", "delta_long", "max_spread_frac"), 0.5)}
    )
    scene = Scene()

    picks = []
    for each in targets(params.alvh):
        key = target_expiry(scene.context(MomentName.HEDGE_WINDOW), each)
        assert key is not None
        chain = scene.chain(key, AT)
        assert chain is not None
        picks.append(pick_call(chain, each.layer, each.delta, params))

    assert [(pick.contract.expiry, round(pick.delta, 1)) for pick in picks if pick] == [
        (NEAR_EXPIRY, 0.5),
        (MID_EXPIRY, 0.5),
        (date(2018, 8, 22), 0.5),
    ]
