"""Gains are recycled and tilts come and go in the replay as the rules say (R-23, R-26, A10).

The window holds the shock of 24 August 2015: two harvests, purchases from gains, their sale.
"""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from bot_samples import Replayed, replay

from bot.bootstrap import Rig
from bot.events import OrderApproved, Record
from bot.held import HEDGE
from bot.tape import Tape
from bot.world import World
from market.orders import OrderFilled, OrderIntent
from strategies.base import HedgeMemory, HoldingKind, Layer
from strategies.hedge_params import AlvhParams
from strategies.params import VixGateParams

FIRST, LAST = date(2015, 7, 1), date(2015, 11, 30)


class MemoryWatch:
    """Keeps what the hedge remembered before each record."""

    def __init__(self) -> None:
        self.seen: list[HedgeMemory] = []

    def __call__(self, rig: Rig, _record: Record) -> None:
        """Take in one record."""
        self.seen.append(rig.book.positions().hedge_memory)


@pytest.fixture(scope="module")
def watch() -> MemoryWatch:
    """Return the watcher of the module's replay."""
    return MemoryWatch()


@pytest.fixture(scope="module")
def autumn(world: World, watch: MemoryWatch) -> Replayed:
    """Return the replay of the window; it is only read."""
    return replay(world, FIRST, LAST, watch=watch)


def hedge_fills(replayed: Replayed) -> list[tuple[OrderIntent, OrderFilled]]:
    """Return the fills of the hedge with the orders they belong to."""
    orders = {each.order.order_id: each.order.intent for each in replayed.of(OrderApproved)}
    return [
        (orders[fill.order_id], fill)
        for fill in replayed.of(OrderFilled)
        if orders[fill.order_id].strategy == HEDGE
    ]


def test_the_window_holds_harvests_and_purchases_from_gains(autumn: Replayed) -> None:
    kinds = {intent.purpose for intent, _ in hedge_fills(autumn)}

    assert {"harvest_near", "recycle_mid", "recycle_long", "retire_mid"} <= kinds


def test_what_is_spent_never_exceeds_what_was_gained(autumn: Replayed, watch: MemoryWatch) -> None:
    final = autumn.rig.book.positions().hedge_memory

    assert final.recycled_spend_usd > 0
    assert all(each.recycled_spend_usd <= each.realised_gains_usd for each in watch.seen)
    share = Decimal(str(AlvhParams().recycle_reinvest_frac))
    assert final.recycled_spend_usd <= share * final.realised_gains_usd


def test_the_memory_adds_up_to_the_fills_themselves(autumn: Replayed) -> None:
    spent = sum(
        -fill.credit * fill.quantity * 100 + fill.fees_usd
        for intent, fill in hedge_fills(autumn)
        if intent.purpose.startswith("recycle")
    )
    harvests = [each for each in hedge_fills(autumn) if each[0].purpose.startswith("harvest")]
    received = sum(fill.credit * fill.quantity * 100 - fill.fees_usd for _, fill in harvests)

    final = autumn.rig.book.positions().hedge_memory

    assert final.recycled_spend_usd == spent
    assert 0 < final.realised_gains_usd < received
    assert final.last_harvest == harvests[-1][1].at.date()


def test_purchases_from_gains_begin_after_the_session_of_the_first_harvest(
    autumn: Replayed,
) -> None:
    fills = hedge_fills(autumn)
    sold, bought = (
        min(fill.at.date() for intent, fill in fills if intent.purpose.startswith(kind))
        for kind in ("harvest", "recycle")
    )

    assert sold < bought


def test_five_sessions_lie_between_harvests(autumn: Replayed, world: World) -> None:
    days = sorted(
        {
            fill.at.date()
            for intent, fill in hedge_fills(autumn)
            if intent.purpose.startswith("harvest")
        }
    )
    rows = [world.calendar.index(day) for day in days]

    assert len(rows) >= 2
    assert all(later - earlier >= 5 for earlier, later in pairwise(rows))


def test_the_base_is_whole_again_at_the_end(autumn: Replayed) -> None:
    count = dict.fromkeys(Layer, 0)
    for position in autumn.rig.book.positions().layers:
        if position.kind is HoldingKind.BASE:
            count[position.layer] += position.contracts

    assert count[Layer.NEAR] == count[Layer.MID] == 2 * count[Layer.LONG] > 0


def test_a_cross_is_shown_from_the_close_that_made_it(world: World) -> None:
    tape = Tape(world.history, world.calendar, VixGateParams())
    sessions = world.calendar.between(date(2015, 1, 2), date(2015, 12, 31))
    opens = [world.calendar.session(day).open_at for day in sessions]
    closes = [world.calendar.session(day).cash_close_at for day in sessions]

    shown_late = [
        tape.indicators(day, at).macd_cross for day, at in zip(sessions, closes, strict=True)
    ]
    shown_early = [
        tape.indicators(day, at).macd_cross for day, at in zip(sessions, opens, strict=True)
    ]

    assert shown_early[1:] == shown_late[:-1]
    crosses = [each for each in shown_late if each]
    assert {"bullish", "bearish"} == set(crosses)
    assert 10 < len(crosses) < 60
