"""The hedge around FOMC, CPI and PPI (R-25)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sample_scenes import (
    EXTREME,
    LONG_EXPIRY,
    MID_EXPIRY,
    NEAR_EXPIRY,
    RED,
    Scene,
    aged,
    decide_hedge,
    even_calls,
    held,
    ladder,
    purposes,
    quotes,
    release,
    told,
    tuned,
)

from market.macro import MacroKind
from market.schedule import MomentName
from strategies.alvh import AlvhStrategy
from strategies.base import Layer, LayerPosition

RECHECKS = [
    (MomentName.EVENT_RECHECK_T_MINUS_2, "2018-01-25T13:30"),
    (MomentName.EVENT_RECHECK_T_MINUS_1, "2018-01-24T13:30"),
    (MomentName.EVENT_RECHECK_T_PLUS_30, "2018-01-23T13:30"),
    (MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE, "2018-01-22T13:30"),
]
CPI_PAST = release(MacroKind.CPI, "2018-01-22T13:30")
FALLEN = {date(2018, 1, 19): 20.0}
STEADY = {date(2018, 1, 19): 14.0, date(2018, 1, 22): 14.0}


@pytest.mark.parametrize(("name", "at"), RECHECKS)
def test_each_of_the_four_moments_of_an_event_writes_a_decision(name: MomentName, at: str) -> None:
    for kind in (MacroKind.FOMC, MacroKind.CPI, MacroKind.PPI):
        scene = Scene(releases=(release(kind, at),), vix_closes=STEADY)

        decision = decide_hedge(scene, name=name)

        assert (decision.moment, decision.action) == (name, "KEEP")
        assert str(kind) in told(decision, "event").detail
        assert {"m1", "m2", "m3", "m4", "near_dte", "mid_dte", "long_dte"} <= set(decision.facts)


def test_a_release_whose_vix_before_is_unknown_is_named_all_the_same() -> None:
    decision = decide_hedge(Scene(releases=(CPI_PAST,)))

    assert told(decision, "event").detail == ("VIX change unknown since before CPI of 2018-01-22")


@pytest.mark.parametrize(
    ("at", "name", "action"),
    [
        ("2018-01-23T13:30", MomentName.EVENT_RECHECK_T_PLUS_30, "PROPOSE"),
        ("2018-01-23T19:00", MomentName.EVENT_RECHECK_T_PLUS_30, "TRADE"),
        ("2018-01-24T13:30", MomentName.EVENT_RECHECK_T_MINUS_1, "KEEP"),
        ("2018-01-25T13:30", MomentName.EVENT_RECHECK_T_MINUS_2, "TRADE"),
        ("2018-01-22T13:30", MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE, "PROPOSE"),
    ],
)
def test_moments_of_an_event_trade_when_they_fall_into_the_window(
    at: str, name: MomentName, action: str
) -> None:
    """A morning release is re-checked at 10:00 ET, FOMC at 14:30; T − 1 waits for the release."""
    scene = Scene(layers=aged(), releases=(release(MacroKind.CPI, at),))

    assert decide_hedge(scene, name=name).action == action


class TestEarlyRoll:
    """R-25: before an event the near layer must outlive it by five sessions."""

    params = tuned(roll_near_dte=5)
    near = held(Layer.NEAR, date(2018, 1, 31), "15", 4, paid_usd="480")
    tomorrow = release(MacroKind.CPI, "2018-01-25T13:30")

    def test_the_layer_rolls_beyond_it(self) -> None:
        scene = Scene(layers=aged(self.near), releases=(self.tomorrow,), chains=even_calls())

        decision = decide_hedge(scene, self.params, MomentName.EVENT_RECHECK_T_MINUS_2)

        assert purposes(decision) == [("event_roll_near", 4)]
        assert told(decision, "layer_near").rule == "R-25"
        assert decision.sentence == (
            "Roll 4 near calls from 31 Jan strike 15 to 21 Feb strike 16 "
            "(expires before CPI + 5 sessions)."
        )

    @pytest.mark.parametrize(
        ("market", "is_blocked"),
        [({"curve": EXTREME}, True), ({"curve": RED}, False), ({"vix": 24.0}, False)],
    )
    def test_only_three_points_of_backwardation_stop_it(
        self, market: Mapping[str, Any], is_blocked: bool
    ) -> None:
        scene = Scene(
            layers=aged(self.near), releases=(self.tomorrow,), chains=even_calls(), **market
        )

        decision = decide_hedge(scene, self.params)

        assert (decision.action == "KEEP") is is_blocked
        if is_blocked:
            assert decision.sentence == (
                "The hedge stays as it is (near: expires before CPI + 5 sessions, but "
                "M1 is 3.0 points above M2)."
            )

    def test_the_expiry_that_it_needs_is_asked_for(self) -> None:
        """Twenty-one sessions after the 25th is 26 February: beyond the usual 21 February."""
        params = tuned(event_roll_sessions=21, tolerance_near_days=30, roll_near_dte=5)
        scene = Scene(layers=aged(self.near), releases=(self.tomorrow,))

        request = AlvhStrategy(params).needs(scene.context(MomentName.HEDGE_WINDOW))
        decision = decide_hedge(scene, params)

        assert request is not None
        assert [key[1] for key in request.chains] == [
            date(2018, 3, 21),
            MID_EXPIRY,
            LONG_EXPIRY,
            NEAR_EXPIRY,
        ]
        (order,) = decision.orders
        assert order.legs[1].contract.expiry == date(2018, 3, 21)


class TestEventRefresh:
    """R-25: after a fall of VIX by a tenth strikes are renewed while they are cheap."""

    scene = Scene(
        releases=(CPI_PAST,),
        vix_closes=FALLEN,
        chains=even_calls(),
        quotes=quotes(near=(1.70, 1.80, 0.45), mid=(1.00, 1.10, 0.30), long=(0.70, 0.80, 0.20)),
    )

    def test_all_layers_bought_before_the_event_are_renewed(self) -> None:
        decision = decide_hedge(self.scene)

        assert purposes(decision) == [("event_refresh_mid", 4), ("event_refresh_long", 2)]
        assert told(decision, "event").detail == ("VIX -30.0% since before CPI of 2018-01-22")

    def test_a_layer_whose_call_is_still_the_best_stays(self) -> None:
        """The near layer holds strike 16, which is what it would buy."""
        decision = decide_hedge(self.scene)

        assert told(decision, "layer_near").detail.startswith("VIX fell 30% over CPI")
        assert "near" not in decision.sentence

    @pytest.mark.parametrize(
        "market", [{"curve": RED}, {"curve": EXTREME}, {"hedge_cost_year_usd": "12501"}]
    )
    def test_it_is_bought_at_no_bad_time(self, market: Mapping[str, Any]) -> None:
        decision = decide_hedge(replace(self.scene, **market))

        assert decision.orders == ()
        assert "strikes are cheap to renew, but" in decision.sentence

    def test_above_vix_20_nothing_is_renewed(self) -> None:
        scene = replace(self.scene, vix=25.0, vix_closes={date(2018, 1, 19): 40.0})

        assert decide_hedge(scene).orders == ()

    @pytest.mark.parametrize(
        ("budget", "renewed"),
        [
            (0.0448, ["event_refresh_mid", "event_refresh_long"]),
            (0.0447, ["event_refresh_mid"]),
            (0.0423, []),
        ],
    )
    def test_several_purchases_share_one_budget(self, budget: float, renewed: list[str]) -> None:
        """$1,020 are paid; the mid layer costs 40 more (4.24 %), the long one 60 (4.48 %)."""
        params = tuned(budget_max_frac=budget)
        cheap = replace(self.scene, layers=cheaper_long())

        decision = decide_hedge(cheap, params)

        assert [order.purpose for order in decision.orders] == renewed


def cheaper_long() -> tuple[LayerPosition, ...]:
    """Return the sample ladder with long calls paid 100 instead of 160 dollars."""
    near, mid, long = ladder()
    return near, mid, replace(long, paid_premium_usd=Decimal(100))
