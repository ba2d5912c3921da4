"""An order that waits for another: sent once that one filled whole, and on the market of then."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from bot_samples import (
    CONDOR_PRICES,
    FRIDAY,
    OneOrder,
    condor_intent,
    engine_of,
    filled,
    moment,
    order,
    snapshot,
)
from shell_samples import CandidBroker, StillFeed

from bot.commands import Command, FetchSnapshot, SubmitOrder
from bot.engine import FOLLOW_UP, Engine
from bot.events import BrokerReported, MomentDue, OrderApproved, Record, SnapshotTaken
from bot.journal.base import MemoryJournal
from bot.shell import Shell
from bot.startup import take_up
from bot.world import World
from market.instruments import OptionContract
from market.orders import (
    BrokerEvent,
    Leg,
    LineChanged,
    LineState,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRejected,
)
from market.schedule import MomentName

SCAN = moment(MomentName.THREAT_SCAN_3)


def closing(quantity: int = 2) -> OrderIntent:
    """Return the order that buys the sample condor back for 1.40."""
    sold = condor_intent(quantity, credit="-1.40", purpose="shift_close")
    legs = tuple(Leg(leg.contract, -leg.ratio) for leg in sold.legs)
    return replace(sold, legs=legs, is_closing=True)


def reopening(quantity: int = 2) -> OrderIntent:
    """Return the sale that waits for it."""
    return replace(condor_intent(quantity, purpose="shift_open"), after="shift_close")


@pytest.fixture
def held(world: World) -> Engine:
    """Return an engine that holds the sample condor and is about to shift it."""
    strategy = OneOrder((closing(), reopening()), name="shift", at=MomentName.THREAT_SCAN_3)
    records: list[Record] = []
    engine = engine_of(world, (strategy,), records.append)
    sold = order(condor_intent(2), "entry")
    engine.book.apply(OrderApproved(SCAN.at, FRIDAY, sold, "sample"))
    engine.book.apply(filled(sold, CONDOR_PRICES, quantity=2))
    return engine


def decide(engine: Engine) -> list[Command]:
    engine.step(MomentDue(SCAN))
    return engine.step(SnapshotTaken(SCAN, ("shift",), snapshot()))


def test_only_the_first_order_is_sent_at_the_decision(held: Engine) -> None:
    commands = decide(held)

    assert [
        command.approved.order.intent.purpose
        for command in commands
        if isinstance(command, SubmitOrder)
    ] == ["shift_close"]


def test_the_second_is_judged_once_the_first_filled_whole(held: Engine) -> None:
    (sent,) = decide(held)
    assert isinstance(sent, SubmitOrder)
    close = sent.approved.order

    half = held.step(BrokerReported(filled(close, CONDOR_PRICES, quantity=1, name="a")))
    (fetch,) = held.step(BrokerReported(filled(close, CONDOR_PRICES, quantity=1, name="b")))

    assert half == []
    assert isinstance(fetch, FetchSnapshot)
    assert fetch.asked_by == (FOLLOW_UP,)
    (second,) = held.step(SnapshotTaken(fetch.moment, fetch.asked_by, snapshot()))
    assert isinstance(second, SubmitOrder)
    assert second.approved.order.intent == reopening()
    assert held.book.ready_follow_ups() == ()


@pytest.mark.parametrize("ending", ["cancelled", "rejected"])
def test_it_is_never_sent_when_the_first_does_not_fill(held: Engine, ending: str) -> None:
    (sent,) = decide(held)
    assert isinstance(sent, SubmitOrder)
    name = sent.approved.order.order_id
    held.step(BrokerReported(OrderAccepted(SCAN.at, name)))

    if ending == "cancelled":
        commands = held.step(BrokerReported(OrderCancelled(SCAN.at, name, 2, "time is up")))
    else:
        commands = held.step(BrokerReported(OrderRejected(SCAN.at, name, "NO_MARGIN", "no")))

    assert commands == []
    assert held.book.ready_follow_ups() == ()
    assert len(held.book.positions().condors) == 1


def test_the_account_never_holds_both_condors(held: Engine) -> None:
    (sent,) = decide(held)
    assert isinstance(sent, SubmitOrder)

    held.step(BrokerReported(filled(sent.approved.order, CONDOR_PRICES, quantity=2)))

    assert held.book.positions().condors == ()
    assert held.book.open_max_loss_usd() == Decimal(0)


LOST = LineChanged(SCAN.at, LineState.DOWN, None, "gone")
BACK = LineChanged(SCAN.at, LineState.READY, None, "back")


def test_what_a_fill_sets_free_while_the_line_is_down_waits_for_it(held: Engine) -> None:
    (sent,) = decide(held)
    assert isinstance(sent, SubmitOrder)
    whole = filled(sent.approved.order, CONDOR_PRICES, quantity=2)

    commands = [held.step(BrokerReported(event)) for event in (LOST, whole)]
    (fetch,) = held.step(BrokerReported(BACK))

    assert commands == [[], []]
    assert isinstance(fetch, FetchSnapshot)
    (second,) = held.step(SnapshotTaken(fetch.moment, fetch.asked_by, snapshot()))
    assert isinstance(second, SubmitOrder)
    assert second.approved.order.intent == reopening()


class Restarted(CandidBroker):
    """A broker at which the close filled while no bot lived; it notes what it is asked."""

    def __init__(self, fills: tuple[OrderFilled, ...]) -> None:
        super().__init__(self._take)
        self.fills = fills
        self.asked: list[str] = []

    def _take(self, order: Order) -> tuple[BrokerEvent, ...]:
        self.asked.append(f"submit {order.intent.purpose}")
        return ()

    async def executions(self, _since: datetime) -> tuple[OrderFilled, ...]:
        self.asked.append("executions")
        return self.fills

    async def positions(self) -> Mapping[OptionContract, int]:
        self.asked.append("positions")
        return {}


@pytest.mark.parametrize("is_fill_known", [True, False], ids=["fill in the journal", "not yet"])
async def test_a_restart_sends_what_became_due_once_the_books_are_compared(
    held: Engine, world: World, *, is_fill_known: bool
) -> None:
    (sent,) = decide(held)
    assert isinstance(sent, SubmitOrder)
    whole = filled(sent.approved.order, CONDOR_PRICES, quantity=2)
    if is_fill_known:
        held.step(BrokerReported(whole))  # and the bot dies before the market was looked at
    risen = engine_of(world, (), lambda _record: None)
    risen.book = held.book
    broker = Restarted((whole,))
    shell = Shell(risen, broker, StillFeed(snapshot()), MemoryJournal(), lambda: SCAN.at)

    taken = await take_up(broker, shell, risen.book, 0, SCAN.at, sends_again=False)

    assert taken.difference is None
    assert broker.asked == ["executions", "positions", "submit shift_open"]
    assert risen.book.ready_follow_ups() == ()
