"""Rolls, re-strikes and reductions of the hedge (R-19, R-20, R-22, R-27)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sample_scenes import (
    EXTREME,
    NEAR_EXPIRY,
    NEAR_KEY,
    OLD_NEAR,
    SESSION,
    WINDOW_AT,
    Scene,
    aged,
    call_chain,
    decide_hedge,
    even_calls,
    hedge_plan,
    held,
    ladder,
    purposes,
    quotes,
    release,
    told,
    tuned,
)

from market.instruments import OptionContract
from market.macro import MacroKind
from market.orders import Leg, OrderIntent
from market.quotes import Quote
from strategies.base import Layer, Verdict


def test_a_layer_whose_days_are_up_rolls_as_one_package() -> None:
    """Sold at 1.00/1.20, bought at 1.70/1.80: mid −0.65 less half of both spreads, 0.15."""
    prices = {OLD_NEAR.contract: Quote(WINDOW_AT, 1.00, 1.20, None, 0.40)}
    decision = decide_hedge(Scene(layers=aged(), chains=even_calls(), quotes=prices))

    assert decision.orders == (
        OrderIntent(
            strategy="alvh",
            purpose="roll_near",
            campaign="alvh",
            legs=(
                Leg(OLD_NEAR.contract, -1),
                Leg(OptionContract.parse("VIXW 2018-02-21 16 C"), 1),
            ),
            quantity=4,
            limit_credit=Decimal("-0.80"),
            good_until=datetime(2018, 1, 23, 16, 5, tzinfo=UTC),
            layer="near",
        ),
    )
    assert decision.sentence == (
        "Roll 4 near calls from 07 Feb strike 15 to 21 Feb strike 16 (15 days left, rolls at 21)."
    )


def test_rolls_go_on_whatever_forbids_to_buy() -> None:
    bad: dict[str, Any] = {
        "vix": 30.0,
        "curve": EXTREME,
        "hedge_cost_year_usd": "20000",
        "chains": even_calls(),
    }

    scene = Scene(layers=aged(replace(OLD_NEAR, paid_premium_usd=Decimal(6000))), **bad)

    assert purposes(decide_hedge(scene)) == [("roll_near", 4)]


def test_a_roll_may_pass_the_budget_and_is_logged() -> None:
    """$600 for mid and long and $720 for the new near layer are 5.28 %."""
    scene = Scene(layers=aged(), chains=even_calls())

    decision = decide_hedge(scene, tuned(budget_max_frac=0.05))

    assert purposes(decision) == [("roll_near", 4)]
    assert told(decision, "budget").verdict is Verdict.LIMIT
    assert told(decision, "budget").detail == (
        "paid premium is 4.3% of planned condor notional, 5.3% with these orders"
    )
    assert decision.facts["budget_after_frac"] == 0.0528


def test_a_roll_that_waits_for_a_release_says_so() -> None:
    scene = Scene(layers=aged(), releases=(release(MacroKind.NFP, "2018-01-24T13:30"),))

    decision = decide_hedge(scene)

    assert (decision.action, decision.reason) == ("KEEP", "BLOCKED")
    assert decision.sentence == (
        "The hedge stays as it is (near: 15 days left, but NFP comes within a day: rolls after it)."
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"chains": {NEAR_KEY: None}},
            "no VIX expiry 20 to 40 days away is listed and quoted",
        ),
        (
            {"chains": {NEAR_KEY: call_chain(NEAR_KEY, WINDOW_AT, [(16, 1.0, 2.0, 0.45)])}},
            "no call of 21 Feb is quoted tightly enough",
        ),
        ({"quotes": {OLD_NEAR.contract: None}}, "the calls of 07 Feb strike 15 have no bid"),
        (
            {"quotes": {OLD_NEAR.contract: Quote(WINDOW_AT, None, 0.05)}},
            "the calls of 07 Feb strike 15 have no bid",
        ),
    ],
)
def test_a_roll_that_cannot_be_done_says_why(changes: Mapping[str, Any], why: str) -> None:
    decision = decide_hedge(Scene(layers=aged(), **changes))

    assert decision.orders == ()
    assert decision.sentence == (
        f"The hedge stays as it is (near: 15 days left, rolls at 21, but {why})."
    )


def test_a_roll_never_goes_to_an_earlier_expiry() -> None:
    """The expiry nearest 58 days is the one held, 57 days away."""
    params = tuned(roll_near_dte=57, tenor_near_days=58, tolerance_near_days=1)
    near = held(Layer.NEAR, date(2018, 3, 21), "16", 4, paid_usd="480")

    decision = decide_hedge(Scene(layers=aged(near), vix=16.0), params)

    assert decision.sentence == (
        "The hedge stays as it is (near: 57 days left, rolls at 57, but "
        "no later VIX expiry near 58 days is listed)."
    )


@pytest.mark.parametrize(
    ("late_by", "action"),
    [
        (timedelta(0), "TRADE"),
        (timedelta(hours=4), "TRADE"),
        (timedelta(hours=4, seconds=1), "PROPOSE"),
    ],
)
def test_orders_go_out_only_inside_the_window_by_the_time_of_the_quotes(
    late_by: timedelta, action: str
) -> None:
    """From 16:00 to 20:00 UTC: open + 90 minutes to close − 1 hour."""
    decision = decide_hedge(Scene(layers=aged(), quotes_late_by=late_by))

    assert decision.action == action
    for order in decision.orders:
        assert order.good_until == WINDOW_AT + late_by + timedelta(minutes=5)


def test_a_drifted_delta_is_renewed_only_below_vix_15() -> None:
    prices = quotes(long=(0.20, 0.30, 0.05))
    scene = Scene(chains=even_calls(), quotes=prices)

    calm, tense = decide_hedge(scene), decide_hedge(replace(scene, vix=15.0))

    assert purposes(calm) == [("refresh_long", 2)]
    assert told(calm, "layer_long").rule == "R-19"
    assert calm.sentence == (
        "Roll 2 long calls from 22 Aug strike 30 to 22 Aug strike 21 "
        "(delta 0.05 left the band 0.10 … 0.32)."
    )
    assert tense.orders == ()


class TestReduction:
    """R-20: what lies beyond the plan is sold, all layers together, but never in HOLD."""

    scene = Scene(layers=ladder(2), plan=hedge_plan(1))

    def test_all_layers_shrink_together(self) -> None:
        decision = decide_hedge(self.scene)

        assert purposes(decision) == [("reduce_near", 4), ("reduce_mid", 4), ("reduce_long", 2)]
        assert all(order.is_closing and order.limit_credit > 0 for order in decision.orders)
        assert decision.sentence == (
            "Sell 4 near calls, 21 Feb strike 16, beyond the plan, "
            "sell 4 mid calls, 16 May strike 23, beyond the plan, "
            "sell 2 long calls, 22 Aug strike 30, beyond the plan."
        )

    @pytest.mark.parametrize(
        "state", [{"vix": 20.01}, {"vix": 18.0, "was_hold": True, "calm_closes": 0}]
    )
    def test_hold_sells_nothing(self, state: Mapping[str, Any]) -> None:
        decision = decide_hedge(replace(self.scene, **state), tuned(recycle_enabled=False))

        assert decision.orders == ()
        assert "10 calls beyond the plan stay, HOLD never shrinks the hedge" in decision.sentence

    @pytest.mark.parametrize("bid", [None, 0.0])
    def test_when_one_layer_cannot_be_sold_none_is(self, bid: float | None) -> None:
        mid = self.scene.layers[1].contract
        prices = {mid: Quote(WINDOW_AT, bid, 0.05, None, 0.29)}

        decision = decide_hedge(replace(self.scene, quotes=prices))

        assert decision.orders == ()
        assert decision.sentence == (
            "The hedge stays as it is (calls beyond the plan stay: "
            "nobody bids for the mid calls of 16 May strike 23)."
        )

    def test_the_nearest_expiry_goes_first_and_the_rest_still_rolls(self) -> None:
        """Six calls due and two fresh ones against a plan of four: four are sold, two roll."""
        _, mid, long = ladder()
        due = held(Layer.NEAR, date(2018, 2, 7), "15", 6, paid_usd="600")
        fresh = held(Layer.NEAR, NEAR_EXPIRY, "16", 2, paid_usd="240")

        decision = decide_hedge(Scene(layers=(fresh, mid, long, due)))

        assert purposes(decision) == [("reduce_near", 4), ("roll_near", 2)]
        assert decision.orders[0].legs[0].contract == due.contract

    def test_a_call_with_a_bid_is_not_given_away(self) -> None:
        """Mid 0.075 less 0.03 would round down to nothing."""
        prices = quotes(long=(0.05, 0.10, 0.21))

        decision = decide_hedge(replace(self.scene, quotes=prices))

        assert decision.orders[2].limit_credit == Decimal("0.05")


def test_a_partly_filled_roll_is_told_and_carried_on() -> None:
    """Two old and two new contracts: delta is their mean, days those of the nearer."""
    old = held(Layer.NEAR, date(2018, 2, 7), "15", 2, paid_usd="240")
    new = held(Layer.NEAR, NEAR_EXPIRY, "16", 2, paid_usd="300", opened=SESSION)
    prices = {
        old.contract: Quote(WINDOW_AT, 1.0, 1.2, None, 0.30),
        new.contract: Quote(WINDOW_AT, 1.7, 1.8, None, 0.50),
    }
    scene = Scene(layers=(old, *ladder()[1:], new), chains=even_calls(), quotes=prices)

    decision = decide_hedge(scene)

    assert purposes(decision) == [("roll_near", 2)]
    assert {
        name: decision.facts[name] for name in ("near_contracts", "near_delta", "near_dte")
    } == {
        "near_contracts": 4,
        "near_delta": 0.4,
        "near_dte": 15,
    }
    assert decision.facts["units_held"] == 1.0


def test_layers_are_told_near_to_long_whatever_the_order_of_the_book() -> None:
    book = (ladder()[2], OLD_NEAR, held(Layer.MID, date(2018, 4, 10), "20", 4))

    decision = decide_hedge(Scene(layers=book, quotes={book[2].contract: Quote(WINDOW_AT, 1, 1.1)}))

    assert purposes(decision) == [("roll_near", 4), ("roll_mid", 4)]
    assert [result.name for result in decision.filters if result.name.startswith("layer")] == [
        "layer_near",
        "layer_mid",
        "layer_long",
    ]


def test_missing_calls_are_bought_while_the_others_roll() -> None:
    short = held(Layer.NEAR, date(2018, 2, 7), "15", 3, paid_usd="360")

    decision = decide_hedge(Scene(layers=aged(short), chains=even_calls()))

    assert purposes(decision) == [("roll_near", 3), ("open_near", 1)]
