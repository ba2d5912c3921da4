"""Scans of open condors: when they are threatened, when they shift, and what each way is worth."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import Scene, calendar

from market.instruments import OptionContract, Right
from market.orders import OrderIntent
from market.quotes import FloatArray, Quote, SpxBar
from market.schedule import MomentName
from strategies import time_shift
from strategies.base import CondorPosition, Decision, Transition
from strategies.params import MethodParams
from strategies.shift import ShiftStrategy

SESSION = date(2018, 1, 24)
SCAN = MomentName.THREAT_SCAN_3
SCAN_AT = datetime(2018, 1, 24, 19, 30, tzinfo=UTC)
ROOMY = MethodParams.model_validate({"shift": {"irr_gate_enabled": False}})
RETURNS = np.random.default_rng(1).normal(0.0, 0.006, 500)


def contract(strike: int, right: str, expiry: date = SESSION) -> OptionContract:
    return OptionContract.parse(f"SPXW {expiry} {strike} {right}")


def condor(
    campaign: str = "condor-20180123",
    *,
    expiry: date = SESSION,
    quantity: int = 10,
    credit: str = "0.70",
    put: int = 2800,
    call: int = 2860,
) -> CondorPosition:
    return CondorPosition(
        campaign,
        date(2018, 1, 23),
        expiry,
        quantity,
        Decimal(credit),
        contract(put - 25, "P", expiry),
        contract(put, "P", expiry),
        contract(call, "C", expiry),
        contract(call + 25, "C", expiry),
        (25 - Decimal(credit)) * 100 * quantity,
    )


def quotes(
    position: CondorPosition, *, short_put: float, short_call: float, delta: float = 0.10
) -> dict[OptionContract, Quote]:
    """Return quotes of the four legs: shorts bid and offered at one price, wings at 0.05."""
    rows = (
        (position.long_put, 0.05, -0.01),
        (position.short_put, short_put, -delta),
        (position.short_call, short_call, delta / 2),
        (position.long_call, 0.05, 0.01),
    )
    return {
        each: Quote(SCAN_AT, price, price, None, greek)
        for each, price, greek in rows
        if each is not None
    }


def scan(
    position: CondorPosition,
    params: MethodParams = ROOMY,
    *,
    vix: float = 18.0,
    spx: float = 2840.0,
    short_put: float = 0.60,
    short_call: float = 0.30,
    delta: float = 0.10,
    bars: tuple[SpxBar, ...] = (),
    working: tuple[OrderIntent, ...] = (),
    open_loss_usd: str = "24300",
    returns: FloatArray = RETURNS,
) -> Decision:
    scene = Scene(
        session=SESSION,
        spx=spx,
        vix=vix,
        condors=(position,),
        working=working,
        open_max_loss_usd=open_loss_usd,
        quotes=quotes(position, short_put=short_put, short_call=short_call, delta=delta),
    )
    strategy = ShiftStrategy(params)
    request = strategy.needs(scene.context(SCAN))
    assert request is not None
    legs = tuple(each for each, _ in position.signed_contracts())
    view = scene.view(SCAN, replace(request, contracts=legs))
    snapshot = replace(view.snapshot, bars=bars)
    return strategy.decide(replace(view, snapshot=snapshot, spx_returns=returns))


def test_a_condor_out_of_reach_is_left_alone() -> None:
    decision = scan(condor())

    assert (decision.action, decision.reason) == ("HOLD", "SAFE")
    assert decision.orders == ()
    assert [each.name for each in decision.transitions] == ["expire"]


def test_no_condor_that_expires_today_means_no_scan() -> None:
    scene = Scene(session=SESSION, condors=(condor(expiry=date(2018, 1, 26)),))

    assert ShiftStrategy(ROOMY).needs(scene.context(SCAN)) is None
    assert ShiftStrategy(ROOMY).needs(scene.context(MomentName.ENTRY)) is None


@pytest.mark.parametrize(
    ("delta", "spx", "verdict"),
    [
        (0.24, 2840.0, False),
        (0.25, 2840.0, True),
        (0.10, 2806.0, True),
        (0.10, 2854.0, True),
        (0.10, 2830.0, False),
    ],
    ids=["delta below", "delta at 0.25", "near the put", "near the call", "in the middle"],
)
def test_delta_or_distance_threaten(delta: float, spx: float, verdict: bool) -> None:
    position = condor()
    legs = quotes(position, short_put=2.0, short_call=0.3, delta=delta)

    # 20 points of range, 1.5 of 6.5 hours left: near means within 0.5 × 20 × √(1.5/6.5) = 4.8.
    found = time_shift.threats(position, legs, spx, 20.0, 1.5, ROOMY)

    near = 0.5 * 20.0 * (1.5 / 6.5) ** 0.5
    assert found[0].near_points == pytest.approx(near)
    wanted = delta >= 0.25 or min(spx - 2800, 2860 - spx) < near
    assert any(each.is_threatened for each in found) is wanted
    assert verdict is wanted or abs(min(spx - 2800, 2860 - spx) - near) < 2


def test_a_threat_in_calm_markets_is_held() -> None:
    decision = scan(condor(), vix=11.0, short_put=1.5, delta=0.30)

    assert (decision.action, decision.reason) == ("HOLD", "CALM")


@pytest.mark.parametrize(
    ("trigger", "vix", "edr_frac", "verdict"),
    [
        ("or", 16.1, 0.005, True),
        ("or", 16.0, 0.0095, True),
        ("or", 16.0, 0.0094, False),
        ("and", 16.1, 0.005, False),
        ("and", 16.1, 0.0095, True),
    ],
)
def test_volatility_triggers_a_shift(
    trigger: str, vix: float, edr_frac: float, verdict: bool
) -> None:
    params = MethodParams.model_validate({"shift": {"trigger": trigger}})

    assert time_shift.is_triggered(edr_frac, vix, params) is verdict


def test_a_threatened_condor_rolls_forward_in_two_steps() -> None:
    decision = scan(condor(), short_put=1.2, delta=0.28)

    close, reopen = decision.orders
    assert (decision.action, decision.reason) == ("SHIFT", "SHIFT_FORWARD")
    assert (close.purpose, close.is_closing, close.quantity) == ("shift_close", True, 10)
    # 1.20 + 0.30 for the shorts, 0.05 back for each wing.
    assert close.limit_credit == Decimal("-1.40")
    assert (reopen.purpose, reopen.after) == ("shift_open", "shift_close")
    assert reopen.campaign == "condor-20180123/s1"
    assert reopen.quantity == close.quantity
    assert decision.facts["shift_target_points"] == pytest.approx(1.4 * 1.2 + 0.10)
    assert float(reopen.limit_credit) >= 1.4 * 1.2 + 0.10 - 0.05


def test_the_nearest_expiry_that_pays_is_taken() -> None:
    decision = scan(condor(), short_put=1.2, delta=0.28)

    assert decision.facts["shift_expiry"] == "2018-01-26"


def test_a_dear_condor_is_held_and_the_shortfall_recorded() -> None:
    decision = scan(condor(), short_put=9.0, delta=0.45)

    assert (decision.action, decision.reason) == ("HOLD", "SHIFT_INFEASIBLE")
    assert decision.orders == ()
    shortfall, target = decision.facts["shortfall_points"], decision.facts["shift_target_points"]
    assert isinstance(shortfall, float)
    assert target == pytest.approx(9.2 * 1.2 + 0.10)
    assert 0 < shortfall < 9.2 * 1.2 + 0.10


def test_a_trade_is_shifted_twice_at_most() -> None:
    decision = scan(condor("condor-20180119/s2"), short_put=1.2, delta=0.28)

    assert (decision.action, decision.reason) == ("HOLD", "MAX_SHIFTS")


def test_the_new_risk_counts_in_the_cap() -> None:
    decision = scan(condor(), short_put=1.2, delta=0.28, open_loss_usd="40000")

    assert (decision.action, decision.reason) == ("HOLD", "SHIFT_CAP")
    assert [each.is_feasible for each in decision.transitions] == [True, False]


@pytest.mark.parametrize(("daily_vol", "reason"), [(0.001, "SHIFT_FORWARD"), (0.02, "SHIFT_IRR")])
def test_a_campaign_that_expects_less_than_the_wacc_is_not_shifted(
    daily_vol: float, reason: str
) -> None:
    returns = np.random.default_rng(1).normal(0.0, daily_vol, 500)

    decision = scan(condor(), MethodParams(), short_put=1.2, delta=0.28, returns=returns)

    assert decision.reason == reason
    forward = next(each for each in decision.transitions if each.name == "shift_forward")
    assert forward.is_feasible is (reason == "SHIFT_FORWARD")


def test_the_losing_side_alone_can_shift() -> None:
    params = MethodParams.model_validate(
        {"shift": {"legs": "losing_side", "irr_gate_enabled": False}}
    )

    decision = scan(condor(quantity=5), params, short_put=1.2, delta=0.28, open_loss_usd="12150")

    close, reopen = decision.orders
    assert {leg.contract.right for leg in close.legs} == {Right.PUT}
    assert {leg.contract.right for leg in reopen.legs} == {Right.PUT}
    # 1.20 for the short put, 0.05 back for its wing, plus the cushion and fees.
    assert float(reopen.limit_credit) >= 1.15 * 1.2 + 0.10 - 0.05


def test_a_stop_buys_back_at_three_times_the_credit() -> None:
    params = MethodParams.model_validate(
        {"condor": {"stop_credit_multiple": 2.0}, "shift": {"enabled": False}}
    )

    just_below = scan(condor(), params, short_put=1.85, short_call=0.30)
    reached = scan(condor(), params, short_put=1.95, short_call=0.30)

    assert just_below.orders == ()
    assert [(order.purpose, order.is_closing) for order in reached.orders] == [("stop", True)]
    assert reached.orders[0].limit_credit == Decimal("-2.15")


def test_quotes_missing_mean_hold() -> None:
    position = condor()
    scene = Scene(session=SESSION, vix=18.0, condors=(position,), quotes={})
    strategy = ShiftStrategy(ROOMY)
    request = strategy.needs(scene.context(SCAN))
    assert request is not None
    view = scene.view(SCAN, request)

    decision = strategy.decide(view)

    assert (decision.action, decision.reason, decision.orders) == ("HOLD", "DATA", ())


def bars(first: tuple[float, float], second: tuple[float, float]) -> tuple[SpxBar, ...]:
    return (
        SpxBar(SCAN_AT - timedelta(minutes=15), *first),
        SpxBar(SCAN_AT, *second),
    )


SHIFTED = condor("condor-20180122/s1", expiry=date(2018, 1, 31), put=2780, call=2845)
CALLS_BACK = bars((2828.0, 2830.0), (2827.0, 2830.0))


@pytest.mark.parametrize(
    ("spx", "seen", "vix", "reason"),
    [
        (2827.0, CALLS_BACK, 11.0, "SHIFT_BACK"),
        (2827.0, CALLS_BACK, 22.0, "SHIFTED"),
        (2827.0, bars((2831.0, 2830.0), (2827.0, 2830.0)), 11.0, "SHIFTED"),
        (2827.0, (), 11.0, "SHIFTED"),
    ],
    ids=["recovered", "range still wide", "one bar alone", "no VWAP"],
)
def test_a_shifted_condor_comes_back_once_it_is_calm(
    spx: float, seen: tuple[SpxBar, ...], vix: float, reason: str
) -> None:
    decision = scan(SHIFTED, spx=spx, vix=vix, bars=seen, short_put=0.10, short_call=0.10)

    assert decision.reason == reason
    if reason == "SHIFT_BACK":
        close, reopen = decision.orders
        assert reopen.campaign == "condor-20180122/s2"
        assert reopen.limit_credit + close.limit_credit >= 0
        assert str(decision.facts["shift_expiry"]) < "2018-01-31"


def test_a_shift_back_counts_as_a_shift() -> None:
    twice = replace(SHIFTED, campaign="condor-20180122/s2")

    decision = scan(twice, spx=2827.0, vix=11.0, bars=CALLS_BACK, short_put=0.10, short_call=0.10)

    assert (decision.action, decision.reason) == ("HOLD", "MAX_SHIFTS")


def test_switched_off_shifts_stay_off_even_with_a_stop() -> None:
    stopping = MethodParams.model_validate(
        {"condor": {"stop_credit_multiple": 9.0}, "shift": {"enabled": False}}
    )

    decision = scan(condor(), stopping, short_put=1.2, delta=0.28)

    assert (decision.action, decision.reason) == ("HOLD", "NO_SHIFTS")


def test_a_halted_account_starts_no_shift() -> None:
    position = condor()
    legs = quotes(position, short_put=1.2, short_call=0.3, delta=0.28)
    scene = Scene(
        session=SESSION, spx=2840.0, vix=18.0, condors=(position,), quotes=legs,
        open_max_loss_usd="24300",
    )  # fmt: skip
    strategy = ShiftStrategy(ROOMY)
    request = strategy.needs(scene.context(SCAN))
    assert request is not None
    view = scene.view(SCAN, replace(request, contracts=tuple(legs)))
    halted = replace(view.positions, is_halted=True)
    context = replace(view.context, positions=halted)

    decision = strategy.decide(replace(view, context=context, spx_returns=RETURNS))

    assert (decision.action, decision.reason, decision.orders) == ("HOLD", "HALTED", ())


def test_a_side_that_stays_frees_no_risk() -> None:
    params = MethodParams.model_validate(
        {"shift": {"legs": "losing_side", "irr_gate_enabled": False}}
    )

    decision = scan(condor(), params, short_put=1.2, delta=0.28, open_loss_usd="24300")

    # $24,300 stay at risk and about as much is added: above 15 % of $250,000.
    assert (decision.action, decision.reason) == ("HOLD", "SHIFT_CAP")


def test_a_back_shift_must_pay_for_itself() -> None:
    decision = scan(SHIFTED, spx=2827.0, vix=11.0, bars=CALLS_BACK, short_put=2.0, short_call=14.0)

    assert (decision.action, decision.reason) == ("HOLD", "BACK_INFEASIBLE")


def test_campaign_names_tell_root_and_count() -> None:
    assert time_shift.shifted_campaign("condor-20180123") == "condor-20180123/s1"
    assert time_shift.shifted_campaign("condor-20180123/s1") == "condor-20180123/s2"
    assert time_shift.root_campaign("condor-20180123/s2") == "condor-20180123"
    assert time_shift.shift_count("condor-20180123") == 0


def test_regret_is_what_the_best_feasible_way_was_worth_more() -> None:
    ways = (
        Transition("expire", True, -100.0, ""),
        Transition("shift_forward", True, 50.0, ""),
        Transition("stop", False, 900.0, ""),
    )

    assert time_shift.regret_usd(ways, "expire") == 150.0
    assert time_shift.regret_usd(ways, "shift_forward") == 0.0


def test_expected_payoff_is_the_mean_over_past_returns() -> None:
    returns = np.log(np.array([0.98, 1.0, 1.02]))

    payoff = time_shift.expected_payoff(1000.0, (970.0, 990.0, 1010.0, 1030.0), returns, 1.0)

    assert payoff == pytest.approx(-(10.0 + 0.0 + 10.0) / 3)
    only_puts = time_shift.expected_payoff(1000.0, (970.0, 990.0, None, None), returns, 1.0)
    assert only_puts == pytest.approx(-10.0 / 3)


@given(
    short_put=st.floats(0.1, 12.0),
    delta=st.floats(0.05, 0.6),
    vix=st.floats(10.0, 40.0),
    quantity=st.integers(1, 12),
    legs=st.sampled_from(["whole_condor", "losing_side"]),
)
def test_a_shift_never_adds_contracts_and_always_pays_with_a_cushion(
    short_put: float, delta: float, vix: float, quantity: int, legs: str
) -> None:
    params = MethodParams.model_validate({"shift": {"legs": legs, "irr_gate_enabled": False}})
    price = round(round(short_put / 0.05) * 0.05, 2)

    decision = scan(
        condor(quantity=quantity),
        params,
        vix=vix,
        short_put=price,
        delta=delta,
        open_loss_usd=str(2430 * quantity),
    )

    if decision.orders:
        close, reopen = decision.orders
        assert reopen.quantity == close.quantity == quantity
        debit = -float(close.limit_credit)
        assert float(reopen.limit_credit) > 1.2 * debit - 0.05
    else:
        assert decision.action == "HOLD"


def test_the_window_of_a_forward_shift_is_one_to_seven_days() -> None:
    context = Scene(session=SESSION).context(SCAN)

    assert time_shift.forward_expiries(context, ROOMY) == (
        date(2018, 1, 26),
        date(2018, 1, 29),
        date(2018, 1, 31),
    )
    assert time_shift.back_expiries(context, ROOMY) == (SESSION, date(2018, 1, 26))
    assert calendar().is_session(SESSION)
