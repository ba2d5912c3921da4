"""The session's mark keeps the temporal theta of both books, and capital the hedge's value."""

from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_LEGS,
    CONDOR_PRICES,
    REVIEW_AT,
    VIX_CALL,
    book_after,
    condor_intent,
    filled,
    hedge_intent,
    moment,
    order,
    sent,
    snapshot,
)

from bot.equity import TemporalThetas, capital_of, mark_equity, temporal_thetas, value_book
from bot.world import World
from market.instruments import OptionContract, Right
from market.quotes import MarketSnapshot, Quote
from market.schedule import MomentName

CONDOR = order(condor_intent(quantity=2))
CALLS = order(hedge_intent())
HELD = (
    sent(CONDOR),
    filled(CONDOR, CONDOR_PRICES, quantity=2),
    sent(CALLS),
    filled(CALLS, ["1.50"], quantity=4),
)


def quoted(*contracts: OptionContract, iv: float = 0.2) -> MarketSnapshot:
    quotes = {
        contract: Quote(AT, 1.4, 1.6, iv, 0.3 if contract.right is Right.CALL else -0.3)
        for contract in contracts
    }
    market = snapshot()
    return MarketSnapshot(market.at, market.levels, market.curve, {}, quotes)


CONDOR_CONTRACTS = tuple(leg.contract for leg in CONDOR_LEGS)


def test_each_book_has_its_own_temporal_theta(world: World) -> None:
    """Of one option TT is 100 iv / (2 × days left) / sd; VIX calls settle at the open."""
    book = book_after(*HELD)

    found = temporal_thetas(book, quoted(VIX_CALL, *CONDOR_CONTRACTS, iv=0.8), world.calendar, 2.0)

    settles_at = world.calendar.settles_at(VIX_CALL.trading_class, VIX_CALL.expiry)
    days = (settles_at - AT).total_seconds() / 86_400
    assert found.hedge == pytest.approx(80 / (2 * days) / 2.0, abs=1e-6)
    assert found.condor is not None
    assert found.condor > 80 / (2 * days) / 2.0


def test_an_unquoted_leg_leaves_its_book_unknown(world: World) -> None:
    book = book_after(*HELD)

    found = temporal_thetas(book, quoted(VIX_CALL, *CONDOR_CONTRACTS[1:]), world.calendar, 2.0)

    assert found.condor is None
    assert found.hedge is not None
    assert temporal_thetas(book, quoted(VIX_CALL), world.calendar, None) == TemporalThetas()


def test_the_mark_carries_both() -> None:
    book, market = book_after(*HELD), quoted(VIX_CALL)
    review = moment(MomentName.HEDGE_REVIEW, REVIEW_AT)
    value = value_book(book, market)

    marked = mark_equity(book, review, market.levels, value, TemporalThetas(3.5, 0.25))
    plain = mark_equity(book, review, market.levels, value)

    assert (marked.temporal_theta_condor, marked.temporal_theta_hedge) == (3.5, 0.25)
    assert (plain.temporal_theta_condor, plain.temporal_theta_hedge) == (None, None)


def test_capital_knows_what_the_long_options_are_worth() -> None:
    book, market = book_after(*HELD), quoted(VIX_CALL)

    capital = capital_of(book, value_book(book, market), market.levels.vix)

    assert capital.hedge_value_usd == Decimal(600)
