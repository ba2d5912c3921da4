"""The life of an order in the book: every status against every event, and what breaks it."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_PRICES,
    SHORT_PUT,
    VIX_CALL,
    book_after,
    book_state,
    condor_intent,
    condor_settled,
    filled,
    hedge_intent,
    order,
    sent,
    settled,
)

from bot.book import Book
from bot.events import Record
from bot.order_states import ACTIVE, NEXT_STATUS, OrderStatus
from market.errors import InvariantBroken
from market.orders import (
    FillCharged,
    LineChanged,
    LineState,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
)

CONDOR = order(condor_intent(quantity=4))
ID = CONDOR.order_id

ACCEPTED = OrderAccepted(AT, ID)
REJECTED = OrderRejected(AT, ID, "NO_MARGIN", "Not enough margin.")
CANCELLED = OrderCancelled(AT, ID, 4, "good-until reached")
PART = filled(CONDOR, CONDOR_PRICES, quantity=1, name="part")
WHOLE = filled(CONDOR, CONDOR_PRICES, quantity=4, name="whole")

PATHS: dict[OrderStatus, tuple[Record, ...]] = {
    OrderStatus.APPROVED: (),
    OrderStatus.WORKING: (ACCEPTED,),
    OrderStatus.FILLED: (ACCEPTED, WHOLE),
    OrderStatus.CANCELLED: (ACCEPTED, CANCELLED),
    OrderStatus.REJECTED: (REJECTED,),
}
A, W, F, C, R = OrderStatus
EVENTS = (ACCEPTED, REJECTED, CANCELLED, PART, WHOLE)
# Rows: where the order stands. Columns: accepted, rejected, cancelled, filled in part, filled.
TABLE: dict[OrderStatus, tuple[OrderStatus | None, ...]] = {
    A: (W, R, C, A, F),
    W: (W, R, C, W, F),
    F: (F, F, F, None, F),  # the same fill told again is no second fill
    C: (C, C, C, C, F),
    R: (R, R, R, R, F),
}
CASES = [
    pytest.param(status, event, wanted, id=f"{status}-{type(event).__name__}-{number}")
    for status, row in TABLE.items()
    for number, (event, wanted) in enumerate(zip(EVENTS, row, strict=True))
]


def standing(status: OrderStatus) -> Book:
    return book_after(sent(CONDOR), *PATHS[status])


@pytest.mark.parametrize(("status", "event", "wanted"), CASES)
def test_status_follows_the_table(
    status: OrderStatus, event: Record, wanted: OrderStatus | None
) -> None:
    book = standing(status)
    assert book.orders[ID].status is status

    if wanted is None:
        with pytest.raises(InvariantBroken):
            book.apply(event)
    else:
        book.apply(event)
        assert book.orders[ID].status is wanted
        is_active = wanted in (OrderStatus.APPROVED, OrderStatus.WORKING)
        assert [state.order.order_id for state in book.working()] == ([ID] if is_active else [])


def test_the_table_of_transitions_leaves_ended_orders_alone() -> None:
    assert {status for status, _ in NEXT_STATUS} == ACTIVE
    assert set(PATHS) == set(TABLE) == set(OrderStatus)


def test_a_duplicate_fill_changes_nothing() -> None:
    book = book_after(sent(CONDOR), ACCEPTED, PART)
    before = repr(book_state(book))

    book.apply(PART)

    assert repr(book_state(book)) == before


def test_a_fill_after_the_cancel_is_still_booked() -> None:
    book = book_after(sent(CONDOR), ACCEPTED, CANCELLED)

    book.apply(PART)

    assert book.orders[ID].status is OrderStatus.CANCELLED
    assert book.ledger.positions()[SHORT_PUT] == -1
    assert book.ledger.cash_usd == Decimal(100_140)


def test_a_rejection_keeps_its_code_and_a_late_one_does_not_touch_a_filled_order() -> None:
    refused, done = standing(OrderStatus.REJECTED), standing(OrderStatus.FILLED)

    done.apply(REJECTED)

    assert refused.orders[ID].refusal == "NO_MARGIN"
    assert done.orders[ID].refusal == ""


def test_a_repriced_order_shows_its_present_limit() -> None:
    book = standing(OrderStatus.WORKING)

    book.apply(OrderRepriced(AT, ID, Decimal("1.35")))

    assert book.orders[ID].limit_credit == Decimal("1.35")


def test_the_average_credit_weighs_fills_by_their_combos() -> None:
    better = filled(CONDOR, ("2.10", "1.35", "1.80", "1.05"), quantity=3, name="better")

    book = book_after(sent(CONDOR), ACCEPTED, PART, better)

    assert book.orders[ID].average_credit == Decimal("1.475")
    assert book.orders[ID].remaining == 0


def test_an_order_without_fills_has_no_average_credit() -> None:
    assert standing(OrderStatus.WORKING).orders[ID].average_credit == 0


def unknown_order() -> Record:
    return OrderAccepted(AT, "T-unknown")


def too_many() -> Record:
    return filled(CONDOR, CONDOR_PRICES, quantity=5, name="much")


def none_at_all() -> Record:
    return filled(CONDOR, CONDOR_PRICES, quantity=0, name="none")


def wrong_sum() -> Record:
    return OrderFilled(
        AT, ID, f"{ID}/wrong", 1, Decimal("1.45"), CONDOR_PRICES, Decimal(0), Decimal(0), None
    )


def missing_leg() -> Record:
    prices = CONDOR_PRICES[:3]
    return OrderFilled(
        AT, ID, f"{ID}/short", 1, Decimal("2.45"), prices, Decimal(0), Decimal(0), None
    )


def approved_twice() -> Record:
    return sent(CONDOR)


def never_held() -> Record:
    return settled(VIX_CALL, 1, "20")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (unknown_order, "order T-unknown, which the book never sent"),
        (too_many, "brings 5 combos, 3 were open"),
        (none_at_all, "brings 0 combos, 3 were open"),
        (wrong_sum, "do not add up to its credit"),
        (missing_leg, "does not price each of its 4 legs"),
        (approved_twice, "approved twice"),
        (never_held, "settled 1 contracts, the book has 0"),
    ],
)
def test_an_event_that_contradicts_the_book_breaks_an_invariant_and_changes_nothing(
    event: Callable[[], Record], words: str
) -> None:
    book = book_after(sent(CONDOR), ACCEPTED, PART)
    before = repr(book_state(book))

    with pytest.raises(InvariantBroken, match=words):
        book.apply(event())

    assert repr(book_state(book)) == before


def test_a_settlement_of_another_size_or_for_other_cash_breaks_an_invariant() -> None:
    calls = order(hedge_intent())
    book = book_after(sent(calls), filled(calls, ["1.50"], quantity=4))
    right = settled(VIX_CALL, 4, "20.00")

    with pytest.raises(InvariantBroken, match="settled 3 contracts, the book has 4"):
        book.apply(settled(VIX_CALL, 3, "20.00"))
    with pytest.raises(InvariantBroken, match=r"settled for \$1599.99, it was worth \$1600"):
        book.apply(
            type(right)(
                right.at,
                right.contract,
                right.position,
                right.value_points,
                right.settlement_points,
                Decimal("1599.99"),
                is_official=True,
            )
        )

    assert book.ledger.positions() == {VIX_CALL: 4}


def test_settling_twice_breaks_an_invariant() -> None:
    book = book_after(sent(CONDOR), WHOLE, *condor_settled("2750", 4))

    with pytest.raises(InvariantBroken, match="the book has 0"):
        book.apply(settled(SHORT_PUT, -4, "2750"))


def test_ended_orders_of_other_contracts_do_not_mix() -> None:
    other = order(hedge_intent())

    book = book_after(sent(CONDOR), sent(other), PART, filled(other, ["1.50"], quantity=4))

    held = book.ledger.positions()
    assert held[VIX_CALL] == 4
    assert [state.order.order_id for state in book.working()] == [ID]


def test_a_charge_known_later_replaces_the_one_booked() -> None:
    book = book_after(sent(CONDOR), filled(CONDOR, CONDOR_PRICES, quantity=4, fees="10"))
    before = book.ledger.cash_usd

    book.apply(FillCharged(AT, ID, f"{ID}/1", Decimal("18.36"), Decimal("1.64")))
    book.apply(FillCharged(AT, ID, f"{ID}/1", Decimal("17.36"), Decimal("1.64")))

    assert book.ledger.fees_usd == Decimal("19.00")
    assert book.ledger.cash_usd == before - Decimal("9.00")


def test_a_charge_for_a_fill_never_booked_breaks_an_invariant() -> None:
    book = book_after(sent(CONDOR), ACCEPTED)

    with pytest.raises(InvariantBroken, match="never booked"):
        book.apply(FillCharged(AT, ID, f"{ID}/1", Decimal(1), Decimal(0)))


def test_the_book_knows_how_the_line_to_the_broker_stands() -> None:
    fresh = Book(Decimal(100_000))
    cut_off = book_after(LineChanged(AT, LineState.DOWN, 1100, "connectivity lost"))

    assert (fresh.line, cut_off.line) == (LineState.READY, LineState.DOWN)
