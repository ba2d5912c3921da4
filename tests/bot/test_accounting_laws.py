"""Laws of the book for any sequence of fills and settlements."""

from collections.abc import Sequence
from decimal import Decimal

from bot_samples import (
    AT,
    FRIDAY,
    LONG_CALL,
    LONG_PUT,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    settled,
)
from hypothesis import given
from hypothesis import strategies as st

from bot.book import Book
from bot.events import OrderApproved
from market.orders import Leg, Order, OrderFilled, OrderIntent

ZERO = Decimal(0)
CONTRACTS = (LONG_PUT, SHORT_PUT, SHORT_CALL, LONG_CALL, VIX_CALL, VIX_CALL_LATER)
PLACES = (("condor", "a", None), ("condor", "b", None), ("alvh", "ladder", "near"))

prices = st.decimals("0.00", "60.00", places=2)
fees = st.decimals("0.00", "12.00", places=2)


@st.composite
def fills(draw: st.DrawFn) -> tuple[OrderApproved, OrderFilled]:
    """Return an order of one to four legs, bought or sold, and a fill of all or part of it."""
    strategy, campaign, layer = draw(st.sampled_from(PLACES))
    contracts = draw(st.lists(st.sampled_from(CONTRACTS), min_size=1, max_size=4, unique=True))
    legs = tuple(Leg(each, draw(st.integers(-3, 3).filter(bool))) for each in contracts)
    quantity = draw(st.integers(1, 20))
    leg_prices = tuple(draw(prices) for _ in legs)
    credit = -sum((leg.ratio * price for leg, price in zip(legs, leg_prices, strict=True)), ZERO)
    name = f"T-{draw(st.uuids())}"
    intent = OrderIntent(strategy, "any", campaign, legs, quantity, credit, AT, layer)
    count = draw(st.integers(1, quantity))
    charged = (draw(fees), draw(fees))
    fill = OrderFilled(AT, name, f"{name}/1", count, credit, leg_prices, *charged, None)
    return OrderApproved(AT, FRIDAY, Order(name, FRIDAY, intent), "any"), fill


def trade(book: Book, trades: Sequence[tuple[OrderApproved, OrderFilled]]) -> None:
    for approved, fill in trades:
        book.apply(approved)
        book.apply(fill)


def reverse(approved: OrderApproved, fill: OrderFilled) -> tuple[OrderApproved, OrderFilled]:
    """Return the same trade the other way round, at the same prices and without fees."""
    order, intent = approved.order, approved.order.intent
    legs = tuple(Leg(leg.contract, -leg.ratio) for leg in intent.legs)
    name = f"{order.order_id}-back"
    back = OrderIntent(
        intent.strategy, "any", intent.campaign, legs, fill.quantity, -fill.credit, AT, intent.layer
    )
    return (
        OrderApproved(AT, FRIDAY, Order(name, FRIDAY, back), "any"),
        OrderFilled(
            AT, name, f"{name}/1", fill.quantity, -fill.credit, fill.leg_prices, ZERO, ZERO, None
        ),
    )


@given(trades=st.lists(fills(), max_size=8), values=st.data())
def test_cash_changes_by_fills_less_fees_plus_settlements(
    trades: list[tuple[OrderApproved, OrderFilled]], values: st.DataObject
) -> None:
    book = Book(Decimal(100_000))

    trade(book, trades)
    bought = sum((fill.credit * fill.quantity * 100 for _, fill in trades), ZERO)
    paid = sum((fill.fees_usd for _, fill in trades), ZERO)
    assert book.ledger.cash_usd == 100_000 + bought - paid
    assert book.ledger.fees_usd == paid

    held = book.ledger.positions()
    ends = [
        settled(contract, held[contract], str(values.draw(st.integers(1, 4_000))))
        for contract in CONTRACTS
        if contract in held
    ]
    for end in ends:
        book.apply(end)
    received = sum((end.cash_usd for end in ends), ZERO)
    assert book.ledger.cash_usd == 100_000 + bought - paid + received
    assert book.ledger.positions() == {}


@given(trades=st.lists(fills(), max_size=8), data=st.data())
def test_a_book_applied_to_its_reverse_is_flat(
    trades: list[tuple[OrderApproved, OrderFilled]], data: st.DataObject
) -> None:
    book = Book(Decimal(100_000))
    trade(book, trades)

    back = data.draw(st.permutations([reverse(*each) for each in trades]))
    trade(book, back)

    assert book.ledger.holdings == {}
    assert book.ledger.cash_usd == 100_000 - book.ledger.fees_usd


@given(trades=st.lists(fills(), max_size=8), data=st.data())
def test_the_order_of_fills_does_not_matter_to_cash_and_contracts(
    trades: list[tuple[OrderApproved, OrderFilled]], data: st.DataObject
) -> None:
    one, other = Book(Decimal(100_000)), Book(Decimal(100_000))

    trade(one, trades)
    trade(other, data.draw(st.permutations(trades)))

    assert one.ledger.cash_usd == other.ledger.cash_usd
    assert one.ledger.purses == other.ledger.purses
    assert one.ledger.positions() == other.ledger.positions()


@given(trades=st.lists(fills(), max_size=8))
def test_holdings_add_up_to_positions_and_none_is_empty(
    trades: list[tuple[OrderApproved, OrderFilled]],
) -> None:
    book = Book(Decimal(100_000))

    trade(book, trades)

    holdings = book.ledger.holdings.values()
    assert all(holding.position for holding in holdings)
    for contract in CONTRACTS:
        held = sum(each.position for each in holdings if each.contract == contract)
        assert book.ledger.positions().get(contract, 0) == held


@given(trades=st.lists(fills(), max_size=6), repeats=st.integers(1, 3))
def test_fills_told_again_change_nothing(
    trades: list[tuple[OrderApproved, OrderFilled]], repeats: int
) -> None:
    book = Book(Decimal(100_000))
    trade(book, trades)
    before = (book.ledger.cash_usd, book.ledger.positions(), book.ledger.fees_usd)

    for _ in range(repeats):
        for _, fill in trades:
            book.apply(fill)

    assert (book.ledger.cash_usd, book.ledger.positions(), book.ledger.fees_usd) == before
