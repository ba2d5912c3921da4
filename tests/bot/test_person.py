"""What a person's word makes of the hedge: sales at the bid, on the grid of orders."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bot.held import HEDGE
from bot.ledger import Holding
from bot.person import flat
from market.instruments import OptionContract
from market.orders import legal_tick
from market.quotes import Quote

AT = datetime(2026, 7, 23, 18, 0, tzinfo=UTC)
CALL = OptionContract.parse("VIX 2026-09-16 25 C")
HELD = Holding(HEDGE, "alvh", "near", CALL, date(2026, 7, 1), 4, Decimal(400))


@pytest.mark.parametrize(
    ("bid", "ask", "limit"),
    [
        (1.23, 1.27, "1.20"),
        (3.15, 3.25, "3.10"),
        (0.05, 0.08, "0.05"),
        # VIX is quoted on cents, and nothing is sold for nothing: the least price waits.
        (0.03, 0.05, "0.05"),
    ],
)
def test_a_call_of_the_hedge_is_sold_at_its_bid_down_to_a_tick(
    bid: float, ask: float, limit: str
) -> None:
    found = flat((), (HELD,), {CALL: Quote(AT, bid, ask)}, AT)

    (order,) = found.orders
    assert (order.limit_credit, order.quantity, order.legs[0].ratio) == (Decimal(limit), 4, -1)
    assert order.limit_credit % legal_tick(order) == 0
    assert found.unpriced == ()


@pytest.mark.parametrize("quote", [None, Quote(AT, None, None), Quote(AT, 0.0, 0.05)])
def test_a_call_that_nobody_bids_for_is_named_and_left(quote: Quote | None) -> None:
    quotes = {} if quote is None else {CALL: quote}

    found = flat((), (HELD,), quotes, AT)

    assert (found.orders, found.unpriced) == ((), ("VIX 2026-09-16 25 C",))
