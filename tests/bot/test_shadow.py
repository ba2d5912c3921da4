"""Shadow books: the same fills, one part of the method taken away in each (R-35)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_PRICES,
    FRIDAY,
    MONDAY,
    Replayed,
    condor_intent,
    filled,
    order,
    replay,
    sent,
    snapshot,
)

from bot.book import Book
from bot.bootstrap import load_fees
from bot.events import EquityMarked, ShadowsMarked
from bot.held import CONDOR, HEDGE
from bot.settings import Settings
from bot.shadow import ShadowName, Shadows
from bot.shadow_condors import CondorBook
from bot.world import World
from market.orders import ZERO, FillCharged


@pytest.fixture(scope="module")
def year(shifting_world: World) -> Replayed:
    """Return a year in which condors were shifted."""
    return replay(shifting_world, date(2018, 1, 2), date(2018, 12, 31))


def test_the_full_shadow_is_the_book_itself(year: Replayed) -> None:
    marks = zip(year.of(ShadowsMarked), year.of(EquityMarked), strict=True)

    for shadow, equity in marks:
        full = shadow.books[ShadowName.FULL]
        assert (full.nlv_usd, full.fees_usd) == (equity.nlv_usd, equity.fees_usd)
        assert shadow.books[ShadowName.CONDOR_ONLY].nlv_usd == equity.unhedged_nlv_usd
        assert full.hedge_pnl_usd == equity.hedge_pnl_usd


def test_traded_condors_have_the_cash_of_the_book(year: Replayed) -> None:
    shadows, ledger = year.rig.engine.shadows, year.rig.book.ledger

    assert shadows is not None
    assert shadows.condors.traded.cash_usd == ledger.purse(CONDOR).cash_usd
    assert shadows.condors.traded.fees_usd == ledger.purse(CONDOR).fees_usd


def test_books_differ_by_one_part_each(year: Replayed) -> None:
    last = year.of(ShadowsMarked)[-1].books
    condors = {name: mark.nlv_usd - mark.hedge_pnl_usd for name, mark in last.items()}

    assert condors["condor_only"] == condors["static_hedge"] == condors["full"]
    assert condors["no_time_shift"] != condors["full"]
    assert condors["stop_2x"] != condors["full"]
    hedges = {name: mark.hedge_pnl_usd for name, mark in last.items()}
    assert hedges["full"] == hedges["stop_2x"] == hedges["no_time_shift"]
    assert hedges["condor_only"] == 0


def test_the_hedge_has_a_ledger_of_its_own(year: Replayed) -> None:
    """R-34: the second engine's profit and loss stands apart to the cent."""
    ledger, last = year.rig.book.ledger, year.of(EquityMarked)[-1]

    own = ledger.purse(HEDGE).cash_usd + last.hedge_value_usd

    assert own.quantize(Decimal("0.01")) == last.hedge_pnl_usd


def test_every_trade_ends_in_each_variant(year: Replayed) -> None:
    shadows = year.rig.engine.shadows

    assert shadows is not None
    counts = [len(variant.finished) + len(variant.trades) for variant in shadows.condors.all()]
    assert len(set(counts)) == 1
    rates = shadows.win_rates()[ShadowName.FULL]
    assert set(rates) <= {"conservative", "balanced"}
    assert all(0.5 < rate <= 1.0 for rate in rates.values())


def sold(quantity: int = 2) -> CondorBook:
    """Return a variant that holds the sample condor, sold for 1.40."""
    variant = CondorBook()
    sale = order(condor_intent(quantity))
    variant.fill(sale.intent, filled(sale, CONDOR_PRICES, quantity=quantity), FRIDAY, "balanced")
    return variant


def shown(short_put: float) -> dict[object, tuple[float, float]]:
    """Return quotes with the short put at a price and all else worth nothing."""
    put, long_put, call, long_call = (leg.contract for leg in condor_intent().legs)
    return {
        put: (short_put, short_put),
        long_put: (0.0, 0.05),
        call: (0.0, 0.05),
        long_call: (0.0, 0.05),
    }


@pytest.mark.parametrize(("short_put", "is_stopped"), [(4.10, False), (4.15, True)])
def test_a_stop_needs_two_credits_of_loss(short_put: float, is_stopped: bool) -> None:
    variant = sold()

    # Sold for 1.40; the short call costs 0.05: at 4.15 the debit is 4.20 = 1.40 + 2 × 1.40.
    variant.stop(FRIDAY, snapshot(shown(short_put)), Decimal(2), load_fees())  # type: ignore[arg-type]

    assert (variant.contracts() == ()) is is_stopped
    if is_stopped:
        (trade,) = variant.finished
        assert trade.net_usd == -2 * Decimal("2.80") * 100 - variant.fees_usd


def test_expiry_settles_on_the_close() -> None:
    variant = sold()

    variant.settle(MONDAY, Decimal("2720.00"))

    (trade,) = variant.finished
    # The put 2725 owes 5.00 against 1.40 received.
    assert trade.net_usd == 2 * (Decimal("1.40") - 5) * 100
    assert variant.win_rate_by_tier() == {"balanced": 0.0}
    assert AT.date() == FRIDAY


def test_a_charge_that_comes_late_is_borne_by_the_book_and_by_each_variant() -> None:
    sale = order(condor_intent(2))
    free = replace(
        filled(sale, CONDOR_PRICES, quantity=2), commission_usd=ZERO, exchange_fees_usd=ZERO
    )
    first = FillCharged(AT, sale.order_id, free.fill_id, Decimal("5.20"), Decimal("1.10"))
    corrected = replace(first, commission_usd=Decimal("4.80"))
    book, shadows = Book(Decimal(100_000)), Shadows(Settings(), Decimal(100_000), load_fees())

    for record in (sent(sale), free, first, corrected):
        shadows.watch(record)
        book.apply(record)

    fees = [variant.fees_usd for variant in shadows.condors.all()]
    cash = [variant.cash_usd for variant in shadows.condors.all()]
    assert fees == [book.ledger.purse(CONDOR).fees_usd] * 3 == [Decimal("5.90")] * 3
    assert cash == [book.ledger.purse(CONDOR).cash_usd] * 3
    net = [trade.net_usd for variant in shadows.condors.all() for trade in variant.trades.values()]
    assert net == cash


def test_a_charge_after_the_end_of_a_trade_still_counts_against_it() -> None:
    sale = order(condor_intent(2))
    fill = filled(sale, CONDOR_PRICES, quantity=2)
    shadows = Shadows(Settings(), Decimal(100_000), load_fees())
    for record in (sent(sale), fill):
        shadows.watch(record)
    expiry = condor_intent(2).legs[0].contract.expiry
    for variant in shadows.condors.all():
        variant.settle(expiry, Decimal("2762.13"))
    (before,) = (trade.net_usd for trade in shadows.condors.traded.finished)

    late = FillCharged(AT, sale.order_id, fill.fill_id, fill.fees_usd + 3, ZERO)
    shadows.watch(late)

    assert [t.net_usd for t in shadows.condors.traded.finished] == [before - 3]
    assert shadows.condors.traded.trades == {}
