"""What the book says is held: condors by campaign, calls by layer, risk, and the year's cost."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CAMPAIGN,
    CONDOR_PRICES,
    FRIDAY,
    LONG_CALL,
    LONG_PUT,
    MONDAY,
    MONDAY_CLOSE,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    book_after,
    condor_intent,
    condor_settled,
    filled,
    hedge_intent,
    order,
    sent,
)

from bot.book import SESSIONS_OF_YEAR, Book
from bot.events import DecisionMade, EquityMarked, LayerMark, MomentReached, OrderStopped
from market.errors import InvariantBroken
from market.orders import Leg
from strategies.base import CondorPosition, Decision, HedgePlan, Layer, LayerPosition, Positions

CONDOR = order(condor_intent(quantity=2))
CALLS = order(hedge_intent())
ENTRY = (sent(CONDOR), filled(CONDOR, CONDOR_PRICES, quantity=2, fees="5.20"))
OPENING = (sent(CALLS), filled(CALLS, ["1.50"], quantity=4, fees="2.60"))


def marked(pnl: str, *layers: LayerMark) -> EquityMarked:
    zero = Decimal(0)
    money = (zero, zero, zero, zero, zero, Decimal(pnl), zero, zero)
    return EquityMarked(AT, FRIDAY, 2762.13, 17.31, *money, layers)


def test_four_legs_of_a_campaign_are_one_condor() -> None:
    book = book_after(*ENTRY)

    assert book.positions().condors == (
        CondorPosition(
            campaign=CAMPAIGN,
            opened=FRIDAY,
            expiry=MONDAY,
            quantity=2,
            credit=Decimal("1.40"),
            long_put=LONG_PUT,
            short_put=SHORT_PUT,
            short_call=SHORT_CALL,
            long_call=LONG_CALL,
            max_loss_usd=Decimal(4_720),
        ),
    )
    assert book.open_max_loss_usd() == Decimal(4_720)
    assert book.width_margin_usd() == Decimal(5_000)


def test_two_fills_at_different_prices_give_one_condor_at_the_average_credit() -> None:
    second = filled(CONDOR, ("2.20", "1.35", "1.80", "1.05"), name="2")

    book = book_after(sent(CONDOR), filled(CONDOR, CONDOR_PRICES), second)

    (condor,) = book.positions().condors
    assert (condor.quantity, condor.credit) == (2, Decimal("1.50"))


def test_calls_belong_to_their_layer_with_the_premium_paid_for_them() -> None:
    later = order(hedge_intent(Leg(VIX_CALL_LATER, 1), quantity=2, layer="mid"))

    book = book_after(*OPENING, sent(later), filled(later, ["2.10"], quantity=2))

    assert book.positions().layers == (
        LayerPosition(Layer.NEAR, VIX_CALL, 4, Decimal(600), FRIDAY),
        LayerPosition(Layer.MID, VIX_CALL_LATER, 2, Decimal(420), FRIDAY),
    )


def test_a_roll_moves_a_layer_from_one_contract_to_the_next() -> None:
    legs = (Leg(VIX_CALL, -1), Leg(VIX_CALL_LATER, 1))
    roll = order(hedge_intent(*legs, credit="-0.60", purpose="roll"))

    book = book_after(*OPENING, sent(roll), filled(roll, ["1.20", "1.80"], quantity=3))

    assert book.positions().layers == (
        LayerPosition(Layer.NEAR, VIX_CALL, 1, Decimal(150), FRIDAY),
        LayerPosition(Layer.NEAR, VIX_CALL_LATER, 3, Decimal(540), FRIDAY),
    )
    assert book.positions().working == (roll.intent,)


def test_an_empty_book_holds_nothing() -> None:
    book = Book(Decimal(1_000))

    assert book.positions() == Positions()
    assert book.open_max_loss_usd() == book.width_margin_usd() == 0


def test_part_of_a_condor_breaks_an_invariant() -> None:
    naked = order(hedge_intent(Leg(SHORT_PUT, -1), credit="2.00"))
    intent = naked.intent
    stray = type(naked)(
        naked.order_id,
        FRIDAY,
        type(intent)("condor", "entry", "stray", intent.legs, 4, Decimal(2), AT),
    )
    book = book_after(sent(stray), filled(stray, ["2.00"], quantity=4))

    with pytest.raises(InvariantBroken, match="campaign stray does not hold whole verticals"):
        book.positions()


def test_a_condor_that_is_being_settled_leg_by_leg_is_no_condor_any_more() -> None:
    first, *others = condor_settled("2650")
    book = book_after(*ENTRY, first)

    assert book.positions().condors == ()
    assert book.open_max_loss_usd() == 0

    for each in others:
        book.apply(each)
    assert book.ledger.holdings == {}


def test_a_condor_beyond_its_wing_loses_width_less_credit_and_fees() -> None:
    book = book_after(*ENTRY, *condor_settled("2650"))

    assert book.ledger.cash_usd - 100_000 == Decimal("-4725.20")


def test_from_the_expiring_stop_on_the_expiring_condor_counts_no_risk() -> None:
    book = book_after(*ENTRY)

    book.apply(MomentReached(AT, FRIDAY, "expiring_stop"))
    assert book.open_max_loss_usd() == Decimal(4_720)

    book.apply(MomentReached(MONDAY_CLOSE, MONDAY, "cash_close"))
    assert book.open_max_loss_usd() == Decimal(4_720)

    book.apply(MomentReached(MONDAY_CLOSE, MONDAY, "expiring_stop"))
    assert book.open_max_loss_usd() == 0
    assert book.width_margin_usd() == Decimal(5_000)


def test_a_settlement_that_waits_still_counts_no_risk_after_the_next_stop() -> None:
    tuesday = date(2018, 2, 6)
    at = datetime(2018, 2, 6, 21, tzinfo=UTC)

    book = book_after(*ENTRY, MomentReached(at, tuesday, "expiring_stop"))

    assert book.open_max_loss_usd() == 0


def test_a_year_of_hedge_cost_is_the_loss_over_the_last_252_sessions() -> None:
    book = Book(Decimal(0))
    assert book.hedge_cost_year_usd == 0

    for session in range(SESSIONS_OF_YEAR):
        book.apply(marked(str(-10 * (session + 1))))
    assert book.hedge_cost_year_usd == Decimal(2_520)

    for session in range(SESSIONS_OF_YEAR, 300):
        book.apply(marked(str(-10 * (session + 1))))
    assert book.hedge_cost_year_usd == Decimal(2_520)


def test_a_hedge_that_gained_costs_nothing() -> None:
    book = book_after(marked("-500"), marked("250"))

    assert book.hedge_cost_year_usd == 0


def test_the_last_marks_are_those_of_the_contracts_still_held() -> None:
    first = LayerMark("near", VIX_CALL.symbol, 4, 1.45, 0.4, Decimal(580), True)
    second = LayerMark("near", VIX_CALL_LATER.symbol, 4, 1.9, 0.4, Decimal(760), True)

    book = book_after(marked("0", first), marked("0", second))

    assert book.last_mark == {VIX_CALL_LATER: 1.9}


def test_the_plan_is_that_of_the_last_decision_which_changed_it() -> None:
    plan = HedgePlan(FRIDAY, Decimal(250_000), 10, 1)
    changed = Decision("alvh", "hedge_window", FRIDAY, AT, "KEEP", "ON_TARGET", "Kept.", plan=plan)
    unchanged = Decision("alvh", "hedge_window", FRIDAY, AT, "KEEP", "ON_TARGET", "Kept.")

    book = book_after(DecisionMade(AT, FRIDAY, changed), DecisionMade(AT, FRIDAY, unchanged))

    assert book.positions().plan == plan


def test_the_running_session_knows_its_orders_and_its_entry() -> None:
    no = Decision("condor", "entry", FRIDAY, AT, "SKIP", "HOLD", "VIX 23 holds.")
    book = book_after(DecisionMade(AT, FRIDAY, no), *ENTRY, *OPENING)

    assert book.orders_sent(FRIDAY) == 2
    assert book.entry_reason(FRIDAY) == "HOLD"
    assert [state.order for state in book.entry_orders(FRIDAY)] == [CONDOR]
    assert (book.orders_sent(MONDAY), book.entry_reason(MONDAY)) == (0, None)
    assert book.entry_orders(MONDAY) == ()


def test_an_entry_that_risk_stopped_is_remembered_with_its_code() -> None:
    yes = Decision("condor", "entry", FRIDAY, AT, "TRADE", "SELL", "Sell.")
    stopped = OrderStopped(AT, FRIDAY, "condor", "entry", "T-1", "BAD_TICK", "off the grid")

    book = book_after(DecisionMade(AT, FRIDAY, yes), stopped)

    assert book.entry_reason(FRIDAY) == "RISK_BAD_TICK"
