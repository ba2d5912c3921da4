"""What capital costs and earns, and what must be at hand (R-30, R-31, R-32)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from entry_scenes import decide_with, entry_view, expecting, tuned
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import (
    DEFAULTS,
    LONG_EXPIRY,
    MID_EXPIRY,
    NEAR_EXPIRY,
    Scene,
    held,
    ladder,
    told,
)

from market.quotes import Quote
from strategies.base import Capital, ExpectedState, FilterResult, Layer, Tier, Verdict
from strategies.capital import (
    CampaignReturn,
    Flow,
    QuickRatio,
    ReturnKind,
    campaign_return,
    expected_irr_frac,
    known_irr_frac,
    modified_return,
    per_trade_frac,
    quick_ratio,
    quick_ratio_floor,
    roll_debits_usd,
    sign_changes,
    view_wacc_frac,
    wacc_frac,
)
from strategies.params import CapitalParams, Mode

PARAMS = CapitalParams()
PROMOTER = tuned(condor={"mode": "promoter"})


@pytest.mark.parametrize(
    ("bill", "financed", "carry", "wanted"),
    [
        (0.03, 0.0, 0.0, 0.07),
        (0.03, 0.4, 0.0, 0.6 * 0.07 + 0.4 * 0.045),
        (0.03, 0.0, 0.012, 0.082),
        (0.0, 1.0, 0.0, 0.015),
    ],
)
def test_wacc_weighs_own_and_borrowed_money_and_adds_the_hedge(
    bill: float, financed: float, carry: float, wanted: float
) -> None:
    found = wacc_frac(bill_frac=bill, financed_frac=financed, hedge_carry_frac=carry, params=PARAMS)

    assert found == pytest.approx(wanted)


def test_a_view_s_wacc_needs_the_bill() -> None:
    account = {"hedge_cost_year_usd": Decimal(2500)}

    known = entry_view(Scene(), indicators={"bill_frac": 0.02}, capital=account)
    unknown = entry_view(Scene(), capital=account)

    assert view_wacc_frac(known, PARAMS) == pytest.approx(0.02 + 0.04 + 0.01)
    assert view_wacc_frac(unknown, PARAMS) is None


def test_xirr_equals_the_worked_example_of_excel() -> None:
    """Microsoft's help page of XIRR: 37.3362535 %."""
    flows = [
        Flow(date(2008, 1, 1), -10_000.0),
        Flow(date(2008, 3, 1), 2_750.0),
        Flow(date(2008, 10, 30), 4_250.0),
        Flow(date(2009, 2, 15), 3_250.0),
        Flow(date(2009, 4, 1), 2_750.0),
    ]

    found = campaign_return(flows, finance_frac=0.1, reinvest_frac=0.0)

    assert (found.kind, found.sign_changes) == (ReturnKind.IRR, 1)
    assert found.rate_frac == pytest.approx(0.373362535, abs=1e-8)


def test_mirr_equals_the_worked_example_of_excel() -> None:
    """Microsoft's help page of MIRR, its years of 365 days: 12.61 %."""
    years = (-120_000.0, 39_000.0, 30_000.0, 21_000.0, 37_000.0, 46_000.0)
    start = date(2001, 1, 1)
    flows = [Flow(start + timedelta(days=365 * n), usd) for n, usd in enumerate(years)]

    found = modified_return(flows, finance_frac=0.10, reinvest_frac=0.12)

    assert found == pytest.approx(0.126094, abs=1e-6)


def test_flows_that_change_sign_more_than_once_get_a_mirr() -> None:
    flows = [
        Flow(date(2018, 1, 1), -100.0),
        Flow(date(2019, 1, 1), 160.0),
        Flow(date(2020, 1, 1), -50.0),
        Flow(date(2021, 1, 1), 60.0),
    ]

    found = campaign_return(flows, finance_frac=0.10, reinvest_frac=0.02)

    paid = 100.0 + 50.0 / 1.10**2
    received = 160.0 * 1.02 ** (731 / 365) + 60.0
    assert (found.kind, found.sign_changes) == (ReturnKind.MIRR, 3)
    assert found.rate_frac == pytest.approx((received / paid) ** (365 / 1096) - 1, abs=1e-9)


def test_flows_of_one_sign_have_no_return() -> None:
    credits = [Flow(date(2018, 1, 2), 70.0), Flow(date(2018, 1, 3), 0.0)]

    found = campaign_return(credits, finance_frac=0.1, reinvest_frac=0.0)

    assert found == CampaignReturn(None, ReturnKind.NONE, 0)
    assert modified_return(credits, finance_frac=0.1, reinvest_frac=0.0) is None


def test_signs_are_counted_in_order_of_date() -> None:
    shuffled = [Flow(date(2018, 1, day), usd) for day, usd in ((3, 5.0), (1, -5.0), (2, 0.0))]

    assert sign_changes(shuffled) == 1


@given(st.floats(-0.5, 2.0), st.integers(1, 2000), st.floats(10, 1e6))
def test_one_payment_and_its_return_give_that_rate(rate: float, days: int, paid: float) -> None:
    start = date(2018, 1, 2)
    received = paid * (1 + rate) ** (days / 365)
    flows = [Flow(start, -paid), Flow(start + timedelta(days=days), received)]

    found = campaign_return(flows, finance_frac=0.1, reinvest_frac=0.0)

    assert found.rate_frac == pytest.approx(rate, abs=1e-6)


def test_an_expected_return_is_a_trade_s_times_252() -> None:
    assert expected_irr_frac(0.001) == pytest.approx(0.252)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (None, None),
        (ExpectedState(59, 0.001), None),
        (ExpectedState(60, 0.001), pytest.approx(0.252)),
    ],
)
def test_sixty_settled_trades_make_it_count(state: ExpectedState | None, wanted: object) -> None:
    money = Decimal(1)

    account = Capital(money, money, money, Decimal(0), expected=state)

    assert known_irr_frac(account, PARAMS) == wanted


@pytest.mark.parametrize(
    ("state", "bill", "verdict", "code", "size"),
    [
        (None, 0.02, Verdict.UNKNOWN, None, 1.0),
        (expecting(-1.0, count=59, since=0), 0.02, Verdict.UNKNOWN, None, 1.0),
        (expecting(-0.01, since=0, negative_at=100), 0.02, Verdict.BLOCK, "IRR", 1.0),
        (expecting(0.00, since=4, negative_at=99), 0.02, Verdict.BLOCK, "IRR", 1.0),
        (expecting(0.90, since=5, negative_at=99), 0.02, Verdict.LIMIT, None, 0.5),
        (expecting(0.90, since=9, negative_at=99), 0.02, Verdict.LIMIT, None, 0.5),
        (expecting(0.90, since=10, negative_at=99), 0.02, Verdict.PASS, None, 1.0),
        (expecting(0.90, since=1, negative_at=59), 0.02, Verdict.PASS, None, 1.0),
        (expecting(0.0599), 0.02, Verdict.LIMIT, None, 0.5),
        (expecting(0.0601), 0.02, Verdict.PASS, None, 1.0),
        (expecting(0.0599), None, Verdict.PASS, None, 1.0),
    ],
)
def test_the_expected_return_stops_halves_and_resumes(
    state: ExpectedState | None,
    bill: float | None,
    verdict: Verdict,
    code: str | None,
    size: float,
) -> None:
    """The WACC is bill + 4 %; a stop counts only once 60 trades had settled."""
    decision = decide_with(Scene(), indicators={"bill_frac": bill}, capital={"expected": state})

    found = told(decision, "expected_irr")
    assert (found.verdict, found.code, found.size_multiplier) == (verdict, code, size)
    assert (decision.reason == "IRR") is (code == "IRR")


def test_a_stop_says_what_is_expected() -> None:
    decision = decide_with(Scene(), capital={"expected": expecting(-0.5, since=0)})

    assert decision.sentence == (
        "No condor: expected IRR -50% a year over 100 would-be trades (R-30)."
    )


def test_the_cost_of_capital_can_be_switched_off() -> None:
    off = tuned(capital={"wacc_enabled": False})

    decision = decide_with(Scene(), off, capital={"expected": expecting(-0.5, since=0)})

    assert decision.action == "SELL"
    assert told(decision, "expected_irr").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("irr", "bill", "tier"),
    [
        (0.1321, 0.02, Tier.AGGRESSIVE),
        (0.1319, 0.02, Tier.BALANCED),
        (0.1321, None, Tier.BALANCED),
        (None, 0.02, Tier.BALANCED),
    ],
)
def test_a_promoter_s_aggressive_tier_must_earn_2_2_times_the_wacc(
    irr: float | None, bill: float | None, tier: Tier
) -> None:
    expected = None if irr is None else expecting(irr)

    decision = decide_with(
        Scene(), PROMOTER, indicators={"bill_frac": bill}, capital={"expected": expected}
    )

    assert told(decision, "tier").tier_cap is tier


def test_a_steward_never_sells_the_aggressive_tier() -> None:
    rich = {"expected": expecting(5.0)}

    decision = decide_with(Scene(), indicators={"bill_frac": 0.02}, capital=rich)

    assert told(decision, "tier").tier_cap is Tier.BALANCED


def test_the_quick_ratio_sets_means_at_hand_against_what_may_fall_due() -> None:
    """100,000 + half of 4,000 over 20,000 + 5,000 + 1,000 + a fifth of 25,000."""
    usd = Decimal
    account = Capital(
        usd(130_000), usd(100_000), usd(50_000), usd(20_000), hedge_value_usd=usd(4_000)
    )

    found = quick_ratio(account, new_loss_usd=usd(5_000), roll_debits_usd=usd(1_000), params=PARAMS)

    assert found == QuickRatio(usd(102_000), usd(31_000))
    assert found.value == pytest.approx(102 / 31)
    assert QuickRatio(usd(1), usd(0)).value == float("inf")


@pytest.mark.parametrize(("mode", "floor"), [(Mode.STEWARD, 3.0), (Mode.PROMOTER, 1.0)])
def test_a_steward_wants_three_times_what_may_fall_due(mode: Mode, floor: float) -> None:
    assert quick_ratio_floor(mode, PARAMS) == floor


@given(
    st.decimals(0, 10**6, places=2),
    st.decimals(0, 10**5, places=2),
    st.decimals(0, 10**5, places=2),
    st.decimals(1, 10**5, places=2),
)
def test_a_larger_trade_never_makes_the_account_more_liquid(
    cash: Decimal, loss: Decimal, debits: Decimal, more: Decimal
) -> None:
    account = Capital(cash, cash, cash, Decimal(0))

    small, large = (
        quick_ratio(account, new_loss_usd=each, roll_debits_usd=debits, params=PARAMS)
        for each in (loss, loss + more)
    )

    assert large.value <= small.value


# Ten sessions after 23 January 2018 is 6 February: 15 days to the near expiry of 21 February.
def test_rolls_due_within_ten_sessions_cost_the_premium_lost_and_a_tenth() -> None:
    near = ladder()[0]
    quotes = {near.contract: Quote(entry_view(Scene()).at, 0.50, 0.60)}

    found = roll_debits_usd(entry_view(Scene(quotes=quotes)), DEFAULTS.alvh)

    # 4 calls paid 480 and marked at 0.55 fetch 220; the others stay.
    assert (near.contract.expiry, near.paid_premium_usd) == (NEAR_EXPIRY, Decimal(480))
    assert found == Decimal(480) - Decimal(220) + Decimal(48)


def test_a_roll_that_brings_more_than_it_cost_is_only_its_tenth() -> None:
    near = ladder()[0]
    quotes = {near.contract: Quote(entry_view(Scene()).at, 5.00, 5.20)}

    assert roll_debits_usd(entry_view(Scene(quotes=quotes)), DEFAULTS.alvh) == Decimal(48)


def test_calls_without_a_quote_are_taken_to_fetch_nothing() -> None:
    near = ladder()[0]

    found = roll_debits_usd(entry_view(Scene(quotes={near.contract: None})), DEFAULTS.alvh)

    assert found == Decimal(528)


def test_without_rolls_or_layers_nothing_is_due() -> None:
    young = (
        held(Layer.NEAR, date(2018, 3, 21), "16", 4, paid_usd="480"),
        held(Layer.MID, MID_EXPIRY, "23", 4, paid_usd="440"),
        held(Layer.LONG, LONG_EXPIRY, "30", 2, paid_usd="160"),
    )

    assert roll_debits_usd(entry_view(Scene(layers=young)), DEFAULTS.alvh) == 0
    assert roll_debits_usd(entry_view(Scene(layers=())), DEFAULTS.alvh) == 0


# A balanced condor loses at most (25 − 1.15) × 100 + 5 = 2,390; ten are sold, and nothing else
# but the reserve of a fifth and the near layer's roll of at most 528 falls due.
@pytest.mark.parametrize(
    ("cash", "mode", "code"),
    [
        ("250000", "steward", None),
        ("87624", "steward", None),
        ("86040", "steward", "QUICK_RATIO"),
        ("40000", "promoter", None),
        ("28000", "promoter", "QUICK_RATIO"),
    ],
)
def test_a_condor_opens_only_with_enough_at_hand_after_it(
    cash: str, mode: str, code: str | None
) -> None:
    params = tuned(condor={"mode": mode})

    decision = decide_with(Scene(), params, capital={"cash_usd": Decimal(cash)})

    assert told(decision, "quick_ratio").code == code
    assert (decision.reason == "QUICK_RATIO") is (code is not None)
    assert decision.facts["quantity"] == 10


def test_a_lack_of_means_is_told_in_a_sentence() -> None:
    decision = decide_with(Scene(), capital={"cash_usd": Decimal(1000)})

    assert told(decision, "quick_ratio").detail.endswith("steward wants 3: red")
    assert decision.sentence.startswith("No condor: quick ratio 0.03 after the trade")


def test_the_quick_ratio_can_be_switched_off() -> None:
    off = tuned(capital={"quick_ratio_enabled": False})

    decision = decide_with(Scene(), off, capital={"cash_usd": Decimal(1000)})

    assert decision.action == "SELL"
    assert told(decision, "quick_ratio") == FilterResult(
        "R-31", "quick_ratio", Verdict.UNKNOWN, "the quick ratio is switched off"
    )


@pytest.mark.parametrize(
    ("mode", "is_halved", "wanted"),
    [
        (Mode.STEWARD, False, 0.10),
        (Mode.STEWARD, True, 0.05),
        (Mode.PROMOTER, False, 0.10),
        (Mode.PROMOTER, True, 0.10),
    ],
)
def test_a_steward_in_drawdown_halves_the_cap_on_one_trade(
    mode: Mode, is_halved: bool, wanted: float
) -> None:
    assert per_trade_frac(0.10, mode, is_halved=is_halved) == wanted


def test_the_halved_cap_sells_half_and_says_so() -> None:
    halved = {"steward_is_halved": True}

    decision = decide_with(Scene(), capital=halved)
    small = decide_with(Scene(nlv_usd="40000"), capital=halved)

    assert decision.orders[0].quantity == 5
    assert small.reason == "SIZE"
    assert small.sentence == "No condor: the cap of 5% of NLV on one trade leaves room for none."
