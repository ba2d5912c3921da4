"""What is concluded of an order from all that TWS says, and that nothing is told twice."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_samples import (
    AT,
    CREDIT,
    LEG_PRICES,
    REF,
    condor_order,
    leg_execution,
    open_seen,
    status_seen,
)

from brokers.ib.codes import rejection
from brokers.ib.contracts import ContractCache
from brokers.ib.ledger import OrderLedger, Reading
from brokers.ib.messages import CommissionSeen, ErrorSeen
from brokers.ib.tracked import Stage
from market.orders import (
    BrokerEvent,
    FillCharged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
)

NOTHING = Reading((), ())
FILL = OrderFilled(AT, REF, f"{REF}#1", 1, CREDIT, LEG_PRICES, Decimal(0), Decimal(0), None)


def ledger_with(quantity: int = 1) -> OrderLedger:
    ledger = OrderLedger(ContractCache().contract)
    ledger.begin(condor_order(quantity), tws_order_id=5)
    return ledger


def filled(ledger: OrderLedger, number: str = "a", quantity: int = 1) -> list[BrokerEvent]:
    events: list[BrokerEvent] = []
    for index in range(4):
        events += ledger.execution(leg_execution(index, number, quantity=quantity), AT)
    return events


def charged(ledger: OrderLedger, number: str = "a") -> list[BrokerEvent]:
    events: list[BrokerEvent] = []
    for index in range(4):
        seen = CommissionSeen(leg_execution(index, number).exec_id, Decimal("1.15"), "USD")
        events += ledger.commission(seen, AT)
    return events


def test_an_order_is_accepted_once_however_often_tws_says_so() -> None:
    ledger = ledger_with()

    events = [
        *ledger.open_order(open_seen("PreSubmitted"), AT),
        *ledger.status(status_seen("PreSubmitted"), AT),
        *ledger.status(status_seen("Submitted"), AT),
        *ledger.status(status_seen("Submitted"), AT),
    ]

    assert events == [OrderAccepted(AT, REF)]


def test_a_fill_before_any_status_is_accepted_and_filled() -> None:
    assert filled(ledger_with()) == [OrderAccepted(AT, REF), FILL]


def test_the_charge_comes_later_and_once() -> None:
    ledger = ledger_with()
    filled(ledger)

    events = [*charged(ledger), *charged(ledger)]

    assert events == [FillCharged(AT, REF, f"{REF}#1", Decimal("4.60"), Decimal(0))]


def test_a_charge_before_its_execution_is_kept() -> None:
    ledger = ledger_with()
    assert charged(ledger) == []

    events = filled(ledger)

    assert events == [OrderAccepted(AT, REF), replace(FILL, commission_usd=Decimal("4.60"))]


@pytest.mark.parametrize("amount", [None, Decimal("1.7976931348623157E+308")])
def test_a_charge_without_a_believable_number_is_left_out(amount: Decimal | None) -> None:
    ledger = ledger_with()
    filled(ledger)

    assert ledger.commission(CommissionSeen("0000e0d5.a.02.01", amount, "USD"), AT) == ()


@pytest.mark.parametrize("status", ["Cancelled", "ApiCancelled", "Inactive"])
def test_an_ending_status_concludes_nothing_before_the_order_is_read_again(status: str) -> None:
    ledger = ledger_with()
    ledger.open_order(open_seen(), AT)

    assert ledger.status(status_seen(status), AT) == ()
    assert ledger.doubted == {REF}
    assert ledger.conclude(NOTHING, AT) == (OrderCancelled(AT, REF, 1, "cancelled on request"),)
    assert ledger.conclude(NOTHING, AT) == ()


def test_an_order_that_is_still_open_goes_on_whatever_the_status_said() -> None:
    ledger = ledger_with()
    ledger.open_order(open_seen(), AT)
    ledger.status(status_seen("Cancelled"), AT)

    events = ledger.conclude(Reading((open_seen(),), ()), AT)

    assert events == ()
    assert ledger.orders[REF].stage is Stage.WORKING
    assert ledger.doubted == set()


def test_a_new_order_that_is_refused_is_rejected_after_the_reading() -> None:
    ledger = ledger_with()
    ledger.error(ErrorSeen(5, 110, "The price does not conform to the minimum price variation"))

    (event,) = ledger.conclude(NOTHING, AT)

    assert isinstance(event, OrderRejected)
    assert (event.order_id, event.code) == (REF, "BAD_TICK")


def test_a_refused_modification_leaves_the_order_as_it_was() -> None:
    ledger = ledger_with()
    ledger.open_order(open_seen(), AT)
    ledger.error(ErrorSeen(5, 201, "Order rejected - reason: riskless"))

    assert ledger.conclude(Reading((open_seen(limit="-1.40"),), ()), AT) == ()
    assert ledger.orders[REF].limit_credit == CREDIT


def test_an_order_that_nobody_has_seen_is_lost_only_after_two_readings() -> None:
    ledger = ledger_with()
    ledger.doubt_all()

    assert ledger.conclude(NOTHING, AT) == ()
    (event,) = ledger.conclude(NOTHING, AT + timedelta(seconds=10))

    assert isinstance(event, OrderRejected)
    assert event.code == "LOST"


def test_an_order_found_by_its_reference_after_a_break_is_adopted() -> None:
    ledger = ledger_with()
    ledger.orders[REF].tws_order_id = 0
    ledger.doubt_all()

    events = ledger.conclude(Reading((open_seen(),), ()), AT)

    assert events == (OrderAccepted(AT, REF),)
    assert (ledger.orders[REF].tws_order_id, ledger.orders[REF].perm_id) == (5, 900)


def test_filled_in_the_list_of_ended_orders_waits_for_its_executions() -> None:
    ledger = ledger_with()
    ledger.doubt_all()
    ended = Reading((), (open_seen("Filled"),))

    assert ledger.conclude(ended, AT) == ()
    assert ledger.doubted == {REF}
    assert filled(ledger) == [OrderAccepted(AT, REF), FILL]
    assert ledger.active() == ()


def test_a_restored_order_does_not_repeat_what_the_journal_has() -> None:
    ledger = OrderLedger(ContractCache().contract)
    order = condor_order(2)
    booked = replace(FILL, commission_usd=Decimal("4.60"))
    ledger.restore(order, [booked], is_active=True, limit=CREDIT)

    again = [*filled(ledger, "a"), *charged(ledger, "a")]
    more = [*filled(ledger, "b"), *charged(ledger, "b")]

    assert again == []
    assert more == [
        replace(FILL, fill_id=f"{REF}#2"),
        FillCharged(AT, REF, f"{REF}#2", Decimal("4.60"), Decimal(0)),
    ]


def test_an_order_that_is_not_ours_is_noted_and_not_touched() -> None:
    ledger = ledger_with()
    stranger = open_seen(ref="by hand", perm_id=77)

    assert ledger.open_order(stranger, AT) == ()
    assert ledger.foreign_orders == {77: stranger}


def test_two_orders_of_one_reference_are_a_dispute() -> None:
    ledger = ledger_with()
    ledger.open_order(open_seen(perm_id=900), AT)
    ledger.open_order(open_seen(perm_id=901), AT)

    assert ledger.disputes() == (f"order {REF} exists twice at the broker",)


@pytest.mark.parametrize(
    ("code", "text", "name"),
    [
        (201, "Order rejected - reason: Riskless combination orders are not allowed.", "RISKLESS"),
        (201, "YOUR EQUITY WITH LOAN VALUE MUST EXCEED THE INITIAL MARGIN", "NO_MARGIN"),
        (110, "The price does not conform", "BAD_TICK"),
        (387, "Unsupported order type", "TWS_387"),
    ],
)
def test_a_refusal_has_a_code_for_counters(code: int, text: str, name: str) -> None:
    assert rejection(ErrorSeen(5, code, text)) == (name, text)
