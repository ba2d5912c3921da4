"""What the hedge never does, whatever market and account look like (R-19, R-20, R-24, A10)."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sample_scenes import (
    LONG_EXPIRY,
    MID_EXPIRY,
    NEAR_EXPIRY,
    SESSION,
    Scene,
    calendar,
    decide_hedge,
    hedge_plan,
    hedge_view,
    held,
    release,
)

from market.instruments import OptionContract, floor_to_tick
from market.macro import MacroKind
from market.orders import legal_tick
from market.schedule import MomentName
from strategies.base import Decision, HoldingKind, Layer, LayerPosition
from strategies.params import MethodParams
from strategies.recycling import gain_multiple
from strategies.sizing import base_contracts

PER_UNIT = {Layer.NEAR: 4, Layer.MID: 4, Layer.LONG: 2}
EXPIRIES = {
    Layer.NEAR: (NEAR_EXPIRY, date(2018, 2, 14), date(2018, 2, 7)),
    Layer.MID: (MID_EXPIRY, date(2018, 4, 18), date(2018, 3, 21)),
    Layer.LONG: (LONG_EXPIRY, date(2018, 7, 18), date(2018, 6, 20)),
}
DISCRETIONARY = ("open", "refresh", "event_refresh", "steepen", "tilt")
BUYS = dict.fromkeys(("open", "tilt", "recycle"), 1)
SALES = dict.fromkeys(("reduce", "harvest", "retire", "untilt"), -1)


@st.composite
def calls(draw: st.DrawFn, layer: Layer, contracts: int) -> list[LayerPosition]:
    """Draw the calls of one layer: one series, or two after a partly filled roll."""
    first = draw(st.integers(0, contracts))
    found = []
    expiries = draw(st.permutations(EXPIRIES[layer]))
    for expiry, count in zip(expiries, (first, contracts - first), strict=False):
        if count:
            strike, price = draw(st.integers(12, 60)), draw(st.integers(10, 600))
            opened = draw(st.sampled_from([date(2018, 1, 2), date(2018, 1, 22), SESSION]))
            paid = str(price * count)
            found.append(held(layer, expiry, str(strike), count, paid_usd=paid, opened=opened))
    return found


@st.composite
def even_ladders(draw: st.DrawFn) -> tuple[LayerPosition, ...]:
    """Draw ladders that hold 4:4:2."""
    halves = draw(st.integers(0, 5))
    layers = [draw(calls(layer, count * halves // 2)) for layer, count in PER_UNIT.items()]
    return tuple(position for layer in layers for position in layer)


@st.composite
def any_ladders(draw: st.DrawFn) -> tuple[LayerPosition, ...]:
    """Draw ladders as partial fills may leave them, with tilts and recycled calls among them."""
    layers = [draw(calls(layer, draw(st.integers(0, 12)))) for layer in PER_UNIT]
    extra = draw(calls(draw(st.sampled_from(Layer)), draw(st.integers(0, 3))))
    kind = draw(st.sampled_from((HoldingKind.TILT, HoldingKind.RECYCLED)))
    return (
        *(position for layer in layers for position in layer),
        *(replace(position, kind=kind) for position in extra),
    )


@st.composite
def scenes(draw: st.DrawFn, ladders: st.SearchStrategy[tuple[LayerPosition, ...]]) -> Scene:
    """Draw hedge windows in all weathers, with releases around them."""
    vix = round(draw(st.floats(9, 45)), 2)
    m1 = round(vix * draw(st.floats(0.85, 1.3)), 2)
    day = st.sampled_from(["18", "19", "22", "23", "24", "25"])
    releases = draw(st.sets(st.tuples(st.sampled_from(MacroKind), day), max_size=2))
    units = draw(st.integers(0, 3))
    return Scene(
        vix=vix,
        vix3m=round(vix * draw(st.floats(0.9, 1.3)), 2),
        curve=(m1, round(m1 * draw(st.floats(0.85, 1.15)), 2), 20.0, 20.0),
        was_hold=draw(st.booleans()),
        calm_closes=draw(st.integers(0, 1)),
        releases=tuple(release(kind, f"2018-01-{number}T13:30") for kind, number in releases),
        layers=draw(ladders),
        plan=hedge_plan(units) if units else None,
        nlv_usd=str(draw(st.integers(210_000, 290_000)) * max(units, 1)),
        hedge_cost_year_usd=str(draw(st.integers(0, 20_000))),
        macd_cross=draw(st.sampled_from([None, "bullish", "bearish"])),
        hedge_prearm=draw(st.sampled_from([None, False, True])),
        vix_closes={
            each: draw(st.floats(9, 45))
            for each in calendar().between(date(2018, 1, 12), date(2018, 1, 22))
        },
    )


@st.composite
def calm(draw: st.DrawFn, ladders: st.SearchStrategy[tuple[LayerPosition, ...]]) -> Scene:
    """Draw hedge windows at which nothing forbids to buy."""
    vix = round(draw(st.floats(9, 20)), 2)
    wild = replace(draw(scenes(ladders)), was_hold=False, hedge_cost_year_usd="0")
    return replace(wild, vix=vix, vix3m=None, curve=None)


def after(decision: Decision, layers: tuple[LayerPosition, ...]) -> Counter[OptionContract]:
    """Return the contracts held once every order has filled completely."""
    count = Counter({position.contract: 0 for position in layers})
    for position in layers:
        count[position.contract] += position.contracts
    for order in decision.orders:
        for leg in order.legs:
            count[leg.contract] += leg.ratio * order.quantity
    return count


def by_layer(decision: Decision, layers: tuple[LayerPosition, ...]) -> dict[Layer, int]:
    """Return base contracts by layer once every order has filled completely."""
    count = base_contracts(layers)
    for order in decision.orders:
        if order.campaign == "alvh":
            count[Layer(str(order.layer))] += sum(leg.ratio for leg in order.legs) * order.quantity
    return count


def base_of(scene: Scene) -> tuple[LayerPosition, ...]:
    """Return the scene's calls without tilts and recycled ones, which end by their time."""
    return tuple(each for each in scene.layers if each.kind is HoldingKind.BASE)


def harvested(decision: Decision) -> int:
    """Return the near calls that the decision harvests."""
    return sum(each.quantity for each in decision.orders if each.purpose == "harvest_near")


def kinds(decision: Decision) -> list[str]:
    """Return what each order is for, without its layer."""
    return [order.purpose.rsplit("_", 1)[0] for order in decision.orders]


@settings(max_examples=150)
@given(scenes(even_ladders()) | calm(even_ladders()))
def test_an_even_base_stays_even_once_all_orders_have_filled(scene: Scene) -> None:
    """A10: what R-23 harvests counts as held, what it buys and tilts count apart."""
    decision = decide_hedge(scene)

    count = by_layer(decision, scene.layers)
    count[Layer.NEAR] += harvested(decision)
    assert count[Layer.NEAR] == count[Layer.MID] == 2 * count[Layer.LONG]


@settings(max_examples=150)
@given(scenes(any_ladders()) | calm(any_ladders()))
def test_no_order_sells_more_than_is_held_and_rolls_keep_the_count(scene: Scene) -> None:
    decision = decide_hedge(scene)

    assert all(count >= 0 for count in after(decision, scene.layers).values())
    for order, kind in zip(decision.orders, kinds(decision), strict=True):
        total = sum(leg.ratio for leg in order.legs)
        assert total == {**BUYS, **SALES}.get(kind, 0)


@settings(max_examples=200)
@given(calm(any_ladders()), st.sampled_from([0.08, 0.04, 0.02]))
def test_no_discretionary_purchase_lifts_paid_premium_above_the_budget(
    scene: Scene, budget: float
) -> None:
    params = MethodParams.model_validate(
        {"alvh": {"budget_max_frac": budget, "budget_min_frac": 0.0}}
    )

    decision = decide_hedge(scene, params)

    if set(kinds(decision)) & set(DISCRETIONARY):
        assert float(str(decision.facts["budget_after_frac"])) <= budget + 1e-9


@settings(max_examples=100)
@given(calm(any_ladders()))
def test_what_is_opened_costs_no_more_than_the_budget_left(scene: Scene) -> None:
    """Reckoned from the limits of the orders alone, with a ladder that needs no roll."""
    scene = replace(scene, layers=tuple(map(fresh, scene.layers)), releases=())

    decision = decide_hedge(scene)

    plan = decision.plan or scene.plan
    assert plan is not None
    if set(kinds(decision)) == {"open"}:
        paid = sum((position.paid_premium_usd for position in scene.layers), Decimal(0))
        cost = sum(-order.limit_credit * 100 * order.quantity for order in decision.orders)
        assert paid + cost <= Decimal("0.08") * plan.planned_condors * 2500


def fresh(position: LayerPosition) -> LayerPosition:
    """Return the position in the series that its layer aims for, bought today."""
    contract = replace(position.contract, expiry=EXPIRIES[position.layer][0])
    return replace(position, contract=contract, opened=SESSION)


@settings(max_examples=150)
@given(scenes(any_ladders()), st.floats(20.01, 80))
def test_no_hedge_is_sold_because_vix_is_high(scene: Scene, vix: float) -> None:
    """A harvest needs a gain: the near layer must be worth 2.5 times its cost."""
    scene = replace(scene, vix=vix, vix3m=None, layers=base_of(scene))

    decision = decide_hedge(scene)

    assert set(kinds(decision)) <= {"roll", "event_roll", "harvest"}
    if "harvest" in kinds(decision):
        multiple = gain_multiple(hedge_view(scene))
        assert multiple is not None
        assert multiple >= 2.5


@settings(max_examples=100)
@given(scenes(any_ladders()), st.floats(20.01, 80))
def test_a_ladder_that_has_not_gained_keeps_all_its_calls_whatever_vix(
    scene: Scene, vix: float
) -> None:
    dear = tuple(replace(each, paid_premium_usd=Decimal(10**6)) for each in base_of(scene))

    decision = decide_hedge(replace(scene, vix=vix, vix3m=None, layers=dear))

    assert set(kinds(decision)) <= {"roll", "event_roll"}


@settings(max_examples=100)
@given(scenes(any_ladders()), st.floats(20.01, 80))
def test_hold_neither_shrinks_nor_pauses_the_plan(scene: Scene, vix: float) -> None:
    """R-27: half of the account lost in HOLD leaves the plan as it was."""
    assume(scene.plan is not None)
    lost = replace(scene, vix=vix, vix3m=None, nlv_usd=str(float(scene.nlv_usd) / 2))

    assert decide_hedge(lost).plan is None


@settings(max_examples=60)
@given(scenes(any_ladders()))
def test_the_same_view_gives_the_same_decision(scene: Scene) -> None:
    assert decide_hedge(scene) == decide_hedge(scene)


@settings(max_examples=100)
@given(scenes(any_ladders()), st.integers(-100, 400))
def test_orders_are_legal_and_go_out_in_the_roll_window_only(scene: Scene, minutes: int) -> None:
    """The window runs from 16:00 to 20:00 UTC on this session."""
    late = replace(scene, quotes_late_by=timedelta(minutes=max(minutes, 0)))

    decision = decide_hedge(late)

    assert not decision.orders or minutes <= 240
    for order in decision.orders:
        assert floor_to_tick(order.limit_credit, legal_tick(order)) == order.limit_credit
        assert len({leg.contract for leg in order.legs}) == len(order.legs)


@settings(max_examples=60)
@given(scenes(any_ladders()))
def test_after_the_close_there_are_proposals_only(scene: Scene) -> None:
    decision = decide_hedge(scene, name=MomentName.HEDGE_REVIEW)

    assert decision.orders == ()
    assert decision.action in {"KEEP", "PROPOSE"}
