"""Faulty quotes end to end: no strike is chosen, no package priced, no hedge bought on one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest
from bot_samples import Replayed
from bot_samples import replay as replayed_of

from bot.events import EquityMarked, OrderApproved
from bot.settings import Settings, load_settings
from bot.world import World, historical_world
from market.instruments import Right, TradingClass
from market.orders import LookVerdict, Order, OrderFilled, OrderLooked
from market.quotes import Quote
from strategies.base import Layer
from strategies.ladder import pick_call
from strategies.params import CondorParams
from strategies.strike_search import allowed_shorts

PERFECT = load_settings(
    overrides=[f"quotes.share_{kind}_frac=0" for kind in ("stale", "crossed", "missing")]
)
SHARES = tuple(f"quotes.share_{kind}_frac=0.06" for kind in ("stale", "crossed", "missing"))


class Faulty(NamedTuple):
    """A quarter replayed on a bad screen, and the world it saw."""

    world: World
    replayed: Replayed
    settings: Settings


@pytest.fixture(scope="module")
def faulty() -> Faulty:
    settings = load_settings(overrides=SHARES)
    world = historical_world(settings, None, 7)
    return Faulty(
        world, replayed_of(world, date(2018, 1, 2), date(2018, 3, 29), settings=settings), settings
    )


def is_sound(quote: Quote, at: datetime) -> bool:
    return quote.mid is not None and quote.at == at


def leg_quotes(world: World, order: Order, at: datetime) -> list[Quote]:
    contracts = [leg.contract for leg in order.intent.legs]
    quotes = world.market.quotes(contracts, at)
    return [quotes[contract] for contract in contracts]


def test_no_condor_is_chosen_on_a_faulty_leg(faulty: Faulty) -> None:
    sent = faulty.replayed.of(OrderApproved)
    entries = [each for each in sent if each.order.intent.purpose == "entry"]

    assert len(entries) >= 10
    for each in entries:
        quotes = leg_quotes(faulty.world, each.order, each.at)
        assert all(is_sound(quote, each.at) for quote in quotes), each.order.order_id


def test_no_hedge_is_bought_on_a_faulty_quote(faulty: Faulty) -> None:
    bought = [
        (each, leg.contract)
        for each in faulty.replayed.of(OrderApproved)
        if each.order.intent.strategy == "alvh"
        for leg in each.order.intent.legs
        if leg.ratio > 0
    ]

    assert len(bought) >= 3
    for each, contract in bought:
        assert is_sound(faulty.world.market.quotes([contract], each.at)[contract], each.at)


def test_a_package_with_a_faulty_leg_has_no_price_and_does_not_fill(faulty: Faulty) -> None:
    sent = {each.order.order_id: each.order for each in faulty.replayed.of(OrderApproved)}
    looks = faulty.replayed.of(OrderLooked)

    unpriced = [each for each in looks if each.verdict is LookVerdict.NO_PRICE]

    assert unpriced
    for each in unpriced:
        quotes = leg_quotes(faulty.world, sent[each.order_id], each.at)
        assert not all(is_sound(quote, each.at) for quote in quotes)
    for fill in faulty.replayed.of(OrderFilled):
        quotes = leg_quotes(faulty.world, sent[fill.order_id], fill.at)
        assert all(is_sound(quote, fill.at) for quote in quotes)


def test_the_book_is_marked_every_session_all_the_same(faulty: Faulty) -> None:
    marks = faulty.replayed.of(EquityMarked)

    assert len(marks) == faulty.replayed.rig.summary.sessions
    assert all(mark.nlv_usd > 0 for mark in marks)


def test_the_strike_search_passes_over_faulty_rows(faulty: Faulty) -> None:
    at = datetime(2018, 1, 4, 21, 10, tzinfo=UTC)
    shown, clean = (
        world.market.chain(TradingClass.SPXW, date(2018, 1, 5), at)
        for world in (faulty.world, historical_world(PERFECT, None, 7))
    )
    assert shown is not None
    assert clean is not None
    params = CondorParams()

    found, before = (allowed_shorts(each, Right.PUT, 15.0, params) for each in (shown, clean))

    width = params.wing_width_points
    expected = [
        strike
        for strike in before.strike.tolist()
        if all(
            is_sound(quote, at)
            for each in (strike, strike - width)
            if (quote := shown.quote(Decimal(str(each)), Right.PUT)) is not None
        )
    ]
    assert found.strike.tolist() == expected
    assert len(expected) < len(before)


def test_the_hedge_picks_the_next_call_when_the_best_is_faulty(faulty: Faulty) -> None:
    at = datetime(2018, 1, 3, 17, 0, tzinfo=UTC)
    clean = historical_world(PERFECT, None, 7).market.chain(TradingClass.VIX, date(2018, 2, 14), at)
    assert clean is not None
    best = pick_call(clean, Layer.NEAR, 0.45, faulty.settings)
    assert best is not None
    row = clean.row(best.contract.strike)

    picks = []
    for bid, ask in ((np.nan, np.nan), (best.ask + 0.05, best.ask)):
        bids, asks = clean.call_bid.copy(), clean.call_ask.copy()
        bids[row], asks[row] = bid, ask
        shown = replace(clean, call_bid=bids, call_ask=asks)
        picks.append(pick_call(shown, Layer.NEAR, 0.45, faulty.settings))

    assert all(pick is not None and pick.contract != best.contract for pick in picks)
