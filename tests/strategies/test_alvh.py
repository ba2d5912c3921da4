"""The hedge's decision: purchases, their limits and their words (R-19, R-20, R-24)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sample_scenes import (
    DEFAULTS,
    EXTREME,
    LONG_KEY,
    MID_KEY,
    NEAR_KEY,
    RED,
    SESSION,
    Scene,
    aged,
    decide_hedge,
    even_calls,
    ladder,
    purposes,
    told,
    tuned,
)

from market.instruments import OptionContract
from market.orders import Leg, OrderIntent
from market.schedule import MomentName
from strategies.alvh import AlvhStrategy
from strategies.base import HedgePlan, Verdict


def test_the_first_ladder_is_bought_whole() -> None:
    """Hand-made chains: 0.45, 0.30 and 0.20 delta cost 1.80, 1.20 and 0.80."""
    decision = decide_hedge(Scene(layers=(), plan=None, chains=even_calls()))

    def purchase(symbol: str, layer: str, quantity: int, price: str) -> OrderIntent:
        return OrderIntent(
            strategy="alvh",
            purpose=f"open_{layer}",
            campaign="alvh",
            legs=(Leg(OptionContract.parse(symbol), 1),),
            quantity=quantity,
            limit_credit=Decimal(price),
            good_until=datetime(2018, 1, 23, 16, 5, tzinfo=UTC),
            layer=layer,
        )

    assert decision.orders == (
        purchase("VIXW 2018-02-21 16 C", "near", 4, "-1.80"),
        purchase("VIX 2018-05-16 19 C", "mid", 4, "-1.20"),
        purchase("VIX 2018-08-22 21 C", "long", 2, "-0.80"),
    )
    assert (decision.action, decision.reason) == ("TRADE", "OPEN_NEAR")
    assert decision.plan == HedgePlan(SESSION, Decimal(250000), 10, 1)
    assert decision.sentence == (
        "Buy 4 near calls, 21 Feb strike 16, at 1.80 (delta 0.45), "
        "buy 4 mid calls, 16 May strike 19, at 1.20 (delta 0.30), "
        "buy 2 long calls, 22 Aug strike 21, at 0.80 (delta 0.20)."
    )


def test_a_ladder_on_target_is_kept_and_told_in_figures() -> None:
    decision = decide_hedge(Scene())

    assert (decision.action, decision.reason, decision.orders) == ("KEEP", "ON_TARGET", ())
    assert decision.sentence == "The hedge stays as it is."
    assert decision.plan is None
    assert decision.facts == {
        "spx": 2840.0,
        "vix": 14.0,
        "planned_condors": 10,
        "units_required": 1,
        "units_held": 1.0,
        "budget_used_frac": 0.0432,
        "budget_after_frac": 0.0432,
        "h_mtm": pytest.approx(0.043, abs=0.01),
        "near_contracts": 4,
        "mid_contracts": 4,
        "long_contracts": 2,
        "tilt_contracts": 0,
        "recycled_contracts": 0,
        "m1": 14.7,
        "m2": 15.4,
        "m3": 16.1,
        "m4": 16.8,
        "near_delta": pytest.approx(0.47, abs=0.005),
        "near_dte": 29,
        "mid_delta": pytest.approx(0.29, abs=0.005),
        "mid_dte": 113,
        "long_delta": pytest.approx(0.20, abs=0.005),
        "long_dte": 211,
        "steepening_ratio": pytest.approx(1.65, abs=0.1),
        "amm_depth": pytest.approx(65, abs=10),
        "amm_fit_rms": pytest.approx(0.2, abs=0.05),
    }


def test_the_vector_names_the_rule_of_every_entry() -> None:
    vector = decide_hedge(Scene()).filters

    assert [(result.rule, result.name, result.verdict) for result in vector] == [
        ("R-04", "term_state", Verdict.PASS),
        ("R-20", "units", Verdict.PASS),
        ("R-24", "budget", Verdict.PASS),
        ("R-24", "cost_alert", Verdict.PASS),
        ("R-22", "layer_near", Verdict.PASS),
        ("R-22", "layer_mid", Verdict.PASS),
        ("R-22", "layer_long", Verdict.PASS),
        ("R-25", "event", Verdict.PASS),
        ("R-23", "gain_recycling", Verdict.PASS),
        ("R-26", "macd_tilt", Verdict.PASS),
        ("R-28", "convexity", Verdict.PASS),
    ]


@pytest.mark.parametrize(
    ("market", "why"),
    [
        ({"vix": 20.01}, "VIX 20.01 is above 20"),
        ({"curve": RED}, "the term structure is red"),
        ({"vix": 16.0, "vix3m": 16.0}, "the term structure is red"),
        ({"curve": EXTREME}, "M1 is 3.0 points above M2"),
        ({"hedge_cost_year_usd": "12501"}, "a year of hedging cost 5.0% of NLV"),
    ],
)
def test_no_calls_are_bought_at_a_bad_time(market: Mapping[str, Any], why: str) -> None:
    decision = decide_hedge(Scene(layers=(), chains=even_calls(), **market))

    assert (decision.action, decision.reason, decision.orders) == ("KEEP", "BLOCKED", ())
    assert decision.sentence == f"The hedge stays as it is (calls are missing, but {why})."
    assert decision.filters[0].verdict is Verdict.BLOCK


@pytest.mark.parametrize("market", [{"vix": 20.0}, {"hedge_cost_year_usd": "12500"}])
def test_calls_are_bought_up_to_and_including_the_limits(market: Mapping[str, Any]) -> None:
    decision = decide_hedge(Scene(layers=(), chains=even_calls(), **market))

    assert purposes(decision) == [("open_near", 4), ("open_mid", 4), ("open_long", 2)]


@pytest.mark.parametrize(("cost", "verdict"), [("5000", Verdict.PASS), ("5001", Verdict.LIMIT)])
def test_a_yearly_cost_above_two_percent_alerts(cost: str, verdict: Verdict) -> None:
    decision = decide_hedge(Scene(hedge_cost_year_usd=cost))

    assert told(decision, "cost_alert").verdict is verdict


def test_giving_way_to_the_budget_is_said() -> None:
    lower = decide_hedge(Scene(layers=(), chains=even_calls()), tuned(budget_max_frac=0.05))
    fewer = decide_hedge(
        Scene(layers=(), chains=even_calls()), tuned(budget_max_frac=0.0239, budget_min_frac=0)
    )

    assert lower.sentence.endswith("(deltas lowered by 0.05 to keep the budget).")
    assert fewer.sentence.endswith(
        "(deltas lowered by 0.05 to keep the budget; only 0.5 of 1 units fit the budget)."
    )
    assert purposes(fewer) == [("open_near", 2), ("open_mid", 2), ("open_long", 1)]


def test_after_the_close_the_next_window_is_planned() -> None:
    decision = decide_hedge(Scene(layers=aged()), name=MomentName.HEDGE_REVIEW)

    assert (decision.action, decision.reason, decision.orders) == ("PROPOSE", "ROLL_NEAR", ())
    assert decision.sentence.startswith("At the next hedge window: roll 4 near calls from 07 Feb")


def test_working_orders_are_waited_for() -> None:
    scene = Scene(layers=aged())
    (order,) = decide_hedge(scene).orders

    decision = decide_hedge(replace(scene, working=(order,)))

    assert (decision.action, decision.reason, decision.orders) == ("WAIT", "WORKING", ())
    assert decision.sentence == "The hedge waits for its working orders."


def test_a_condors_working_order_is_no_reason_to_wait() -> None:
    scene = Scene(layers=aged())
    (order,) = decide_hedge(scene).orders

    decision = decide_hedge(replace(scene, working=(replace(order, strategy="condor"),)))

    assert decision.action == "TRADE"


def test_the_hedge_warms_up_too() -> None:
    decision = decide_hedge(Scene(layers=(), plan=None, vix_close_count=25))

    assert (decision.action, decision.reason, decision.plan) == ("SKIP", "WARMUP", None)
    assert decision.sentence == "No hedge yet: 25 of 26 VIX closes known."


def test_an_account_too_small_for_a_condor_needs_no_hedge() -> None:
    scene = Scene(layers=(), plan=None, nlv_usd="20000")

    decision = decide_hedge(scene)

    assert decision.plan == HedgePlan(SESSION, Decimal(20000), 0, 0)
    assert (decision.action, decision.facts["budget_used_frac"]) == ("KEEP", 0.0)
    assert decide_hedge(replace(scene, layers=ladder(), vix=22.0)).facts["budget_used_frac"] is None


def test_half_a_delta_in_every_layer_works_end_to_end() -> None:
    params = tuned(delta_near=0.5, delta_mid=0.5, delta_long=0.5)

    decision = decide_hedge(Scene(layers=()), params)

    assert purposes(decision) == [("open_near", 4), ("open_mid", 4), ("open_long", 2)]
    assert 0.04 < float(str(decision.facts["budget_after_frac"])) <= 0.08


@pytest.mark.parametrize(
    "name", [MomentName.OPEN, MomentName.ENTRY, MomentName.CASH_CLOSE, MomentName.THREAT_SCAN_1]
)
def test_other_moments_do_not_concern_the_hedge(name: MomentName) -> None:
    assert AlvhStrategy(DEFAULTS).needs(Scene().context(name)) is None


def test_the_hedge_asks_for_its_targets_and_for_what_it_holds() -> None:
    request = AlvhStrategy(DEFAULTS).needs(Scene().context(MomentName.HEDGE_WINDOW))

    assert request is not None
    assert request.chains == (MID_KEY, LONG_KEY, NEAR_KEY)
    assert request.contracts == tuple(position.contract for position in ladder())
    off = AlvhStrategy(tuned(enabled=False))
    assert off.needs(Scene().context(MomentName.HEDGE_WINDOW)) is None
