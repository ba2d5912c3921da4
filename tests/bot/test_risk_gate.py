"""The risk gate: each refusal with its code and sentence, and what passes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_LEGS,
    FRIDAY,
    LONG_CALL,
    LONG_PUT,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    condor_intent,
    hedge_intent,
    order,
)

from bot.risk import Exposure, Refusal, RiskGate, RiskParams, worst_loss_usd
from market.instruments import OptionContract
from market.orders import ApprovedOrder, Leg, LineState, OrderIntent
from market.quotes import Quote
from strategies.base import Capital, Layer, LayerPosition, Positions

GATE = RiskGate(RiskParams())
NEAR = LayerPosition(Layer.NEAR, VIX_CALL, 4, Decimal(600), FRIDAY)
ROLL = (Leg(VIX_CALL, -1), Leg(VIX_CALL_LATER, 1))


def exposure(
    *,
    nlv: str = "250000",
    open_loss: str = "0",
    orders: int = 0,
    layers: tuple[LayerPosition, ...] = (),
    working: tuple[OrderIntent, ...] = (),
) -> Exposure:
    capital = Capital(Decimal(nlv), Decimal(nlv), Decimal(nlv), Decimal(open_loss))
    return Exposure(capital, Positions(layers=layers, working=working), orders)


def refusal(intent: OrderIntent, seen: Exposure) -> Refusal:
    verdict = GATE.judge(order(intent), seen)
    assert isinstance(verdict, Refusal)
    return verdict


def test_an_order_within_all_limits_is_approved_unchanged() -> None:
    entry = order(condor_intent(quantity=10))

    assert GATE.judge(entry, exposure()) == ApprovedOrder(entry, "9 limits kept")


@pytest.mark.parametrize("line", [LineState.STALE, LineState.DOWN])
def test_no_order_goes_out_over_a_line_that_is_not_ready(line: LineState) -> None:
    seen = replace(exposure(), line=line)

    assert refusal(condor_intent(), seen) == Refusal("LINE", f"the line to the broker is {line}")


def test_too_many_orders_in_a_session_are_a_runaway() -> None:
    assert isinstance(GATE.judge(order(condor_intent()), exposure(orders=19)), ApprovedOrder)
    assert refusal(condor_intent(), exposure(orders=20)) == Refusal(
        "TOO_MANY_ORDERS", "20 orders were sent this session already"
    )


@pytest.mark.parametrize(
    ("intent", "sentence"),
    [
        (condor_intent(credit="1.42"), "limit 1.42 is off the 0.05 grid"),
        (hedge_intent(credit="-3.05"), "limit -3.05 is off the 0.10 grid"),
        (hedge_intent(credit="-1.51"), "limit -1.51 is off the 0.05 grid"),
    ],
)
def test_a_limit_off_the_tick_is_refused(intent: OrderIntent, sentence: str) -> None:
    assert refusal(intent, exposure()) == Refusal("BAD_TICK", sentence)


UNCOVERED = {
    "a naked put": ((Leg(SHORT_PUT, -1),), "SPXW 2018-02-05 2725 P"),
    "a long of the other right": (
        (Leg(SHORT_PUT, -1), Leg(LONG_CALL, 1)),
        "SPXW 2018-02-05 2725 P",
    ),
    "a long of another expiry": ((Leg(VIX_CALL, -1), Leg(VIX_CALL_LATER, 1)), VIX_CALL.symbol),
    "one long for two shorts": (
        (Leg(SHORT_CALL, -1), Leg(LONG_CALL, 1), Leg(LONG_PUT, -1), Leg(SHORT_PUT, -1)),
        "SPXW 2018-02-05 2700 P",
    ),
    "one long for a ratio of two": (
        (Leg(SHORT_CALL, -2), Leg(LONG_CALL, 1)),
        "SPXW 2018-02-05 2790 C",
    ),
    "two shorts that share a long": (
        (Leg(SHORT_PUT, -1), Leg(SHORT_CALL, -1), Leg(LONG_PUT, 1)),
        "SPXW 2018-02-05 2790 C",
    ),
}


@pytest.mark.parametrize("name", UNCOVERED)
def test_a_short_without_its_long_is_refused(name: str) -> None:
    legs, contract = UNCOVERED[name]
    intent = replace(condor_intent(credit="1.00"), legs=legs)

    assert refusal(intent, exposure()) == Refusal(
        "UNCOVERED", f"selling {contract} would leave it uncovered"
    )


def test_calls_held_cover_their_sale_and_no_more() -> None:
    held = exposure(layers=(NEAR,))

    assert isinstance(GATE.judge(order(hedge_intent(*ROLL, quantity=4)), held), ApprovedOrder)
    assert refusal(hedge_intent(*ROLL, quantity=5), held).code == "UNCOVERED"


def test_calls_that_a_working_order_sells_cover_nothing_else() -> None:
    selling = hedge_intent(Leg(VIX_CALL, -1), quantity=3, credit="1.20", purpose="reduce")
    held = exposure(layers=(NEAR,), working=(selling,))

    assert isinstance(GATE.judge(order(hedge_intent(*ROLL, quantity=1)), held), ApprovedOrder)
    assert refusal(hedge_intent(*ROLL, quantity=2), held).code == "UNCOVERED"


def test_one_condor_order_may_not_risk_more_than_its_share_of_nlv() -> None:
    assert refusal(condor_intent(quantity=13), exposure()) == Refusal(
        "TRADE_LOSS", "it risks $30,680, more than 12% of NLV"
    )


def test_all_condors_together_may_not_risk_more_than_their_share_of_nlv() -> None:
    assert refusal(condor_intent(quantity=10), exposure(open_loss="22000")) == Refusal(
        "OPEN_LOSS", "$45,600 would be at risk, above 18% of NLV"
    )


def test_condors_at_work_count_as_if_they_were_open() -> None:
    working = (condor_intent(quantity=10),)

    assert refusal(condor_intent(quantity=10), exposure(working=working)) == Refusal(
        "OPEN_LOSS", "$47,200 would be at risk, above 18% of NLV"
    )


def test_closing_is_never_refused_for_what_it_risks() -> None:
    back = tuple(Leg(leg.contract, -leg.ratio) for leg in CONDOR_LEGS)
    closing = replace(condor_intent(quantity=20, credit="-0.05"), legs=back, is_closing=True)

    assert isinstance(GATE.judge(order(closing), exposure(open_loss="45000")), ApprovedOrder)


def test_a_hedge_order_may_not_pay_more_than_its_share_of_nlv() -> None:
    assert refusal(hedge_intent(quantity=90), exposure()) == Refusal(
        "PREMIUM", "it pays $13,500, more than 5% of NLV"
    )


@pytest.mark.parametrize(
    ("intent", "loss"),
    [
        (condor_intent(quantity=1), "2360"),
        (condor_intent(quantity=3), "7080"),
        (replace(condor_intent(quantity=1), legs=CONDOR_LEGS[:2], limit_credit=Decimal(1)), "2400"),
        (hedge_intent(quantity=4), "600"),
        (hedge_intent(*ROLL, quantity=4, credit="-0.60"), "240"),
        (hedge_intent(*ROLL, quantity=4, credit="0.10"), "0"),
        (condor_intent(quantity=1, credit="26.00"), "0"),
    ],
)
def test_the_worst_loss_is_that_of_the_worst_strike(intent: OrderIntent, loss: str) -> None:
    assert worst_loss_usd(intent) == Decimal(loss)


def quoted(
    sides: dict[OptionContract, tuple[float | None, float | None]] | None = None,
    ages_s: dict[OptionContract, float] | None = None,
) -> Exposure:
    """Return an exposure with quotes of the condor's legs: mid credit 1.70."""
    shown = {
        SHORT_PUT: (2.00, 2.20),
        LONG_PUT: (1.20, 1.35),
        SHORT_CALL: (1.80, 1.95),
        LONG_CALL: (0.95, 1.05),
        VIX_CALL: (1.40, 1.60),
    } | (sides or {})
    ages = ages_s or {}
    quotes = {
        contract: Quote(AT - timedelta(seconds=ages.get(contract, 0.0)), bid, ask)
        for contract, (bid, ask) in shown.items()
    }
    return replace(exposure(), quotes=quotes, at=AT)


@pytest.mark.parametrize(
    ("credit", "code"),
    [("1.40", None), ("4.80", None), ("4.90", "PRICE_BAND"), ("-1.50", "PRICE_BAND")],
)
def test_a_limit_far_from_the_mid_is_a_slip_of_the_finger(credit: str, code: str | None) -> None:
    verdict = GATE.judge(order(condor_intent(credit=credit)), quoted())

    assert (verdict.code if isinstance(verdict, Refusal) else None) == code


@pytest.mark.parametrize(
    ("ages_s", "expected"),
    [
        ({SHORT_CALL: 11.0}, ("STALE", f"the quote of {SHORT_CALL.symbol} is 11 s old")),
        ({SHORT_CALL: 1.5}, ("DESYNC", "the quotes of its legs lie 1.5 s apart")),
    ],
)
def test_nothing_is_opened_on_old_quotes_or_on_legs_of_two_times(
    ages_s: dict[OptionContract, float], expected: tuple[str, str]
) -> None:
    assert refusal(condor_intent(), quoted(ages_s=ages_s)) == Refusal(*expected)


def test_nothing_is_opened_on_a_leg_that_nobody_quotes() -> None:
    seen = replace(exposure(), quotes={}, at=AT)

    assert refusal(condor_intent(), seen).code == "NO_QUOTE"


def test_whoever_wants_out_gets_out_on_any_quote() -> None:
    intent = replace(condor_intent(credit="-2.50"), is_closing=True)
    poor = Capital(Decimal(1), Decimal(1), Decimal(1), Decimal(1))
    seen = replace(quoted(ages_s={SHORT_CALL: 99.0}), capital=poor)

    assert isinstance(GATE.judge(order(intent), seen), ApprovedOrder)


def test_free_cash_is_what_working_orders_leave() -> None:
    one = condor_intent(quantity=2)  # risks 4,720 USD
    free = Capital(Decimal(250_000), Decimal(250_000), Decimal(9_000), Decimal(0))
    seen = replace(exposure(working=(one,)), capital=free)

    assert refusal(one, seen) == Refusal("MARGIN", "it needs $4,720, $4,280 are free")


def test_a_quick_ratio_below_one_opens_nothing() -> None:
    capital = Capital(Decimal(250_000), Decimal(30_000), Decimal(30_000), Decimal(28_000))
    seen = replace(exposure(), capital=capital)

    assert refusal(condor_intent(), seen) == Refusal(
        "QUICK_RATIO", "the quick ratio would be 0.92, below 1.0"
    )
