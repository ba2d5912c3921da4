"""The shell: what is recorded before it is sent, and in which order things are taken."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bot_samples import (
    CONDOR_PRICES,
    OneOrder,
    condor_intent,
    engine_of,
    filled,
    moment,
    snapshot,
)
from shell_samples import CandidBroker, SlowFeed, StillFeed, nothing

from bot.engine import Engine
from bot.events import (
    DecisionMade,
    EntryClosed,
    MarketUnseen,
    MomentDue,
    OrderApproved,
    OrderStopped,
    Record,
)
from bot.journal.base import Journal, MemoryJournal
from bot.journal.store import JournalReader, SqlJournal
from bot.shell import Shell
from bot.world import World
from brokers.base import MarketData
from brokers.unsuspended import run_now
from market.errors import BrokerUnavailable, InvariantBroken
from market.orders import BrokerEvent, Order, OrderAccepted, OrderFilled
from market.quotes import MarketSnapshot, SnapshotRequest
from market.schedule import MomentName

ENTRY, CUTOFF = moment(MomentName.ENTRY), moment(MomentName.ENTRY_CUTOFF)


def fills(order: Order) -> Iterable[BrokerEvent]:
    yield OrderAccepted(ENTRY.at, order.order_id)
    yield filled(order, CONDOR_PRICES, quantity=2)


class Bench:
    """A shell over one engine that sells a condor at the entry."""

    def __init__(
        self,
        world: World,
        broker: CandidBroker,
        *,
        shown: MarketSnapshot | None = None,
        feed: MarketData | None = None,
        journal: Callable[[Engine], Journal] = lambda _engine: MemoryJournal(),
    ) -> None:
        self.records: list[Record] = []
        self.engine = engine_of(world, [OneOrder((condor_intent(),))], self.records.append)
        self.journal = journal(self.engine)
        self.engine.listen(self.journal.append)
        self.broker = broker
        feed = feed or StillFeed(shown)
        self.shell = Shell(self.engine, broker, feed, self.journal, lambda: ENTRY.at)

    def handle(self, *events: MomentDue) -> None:
        for event in events:
            run_now(self.shell.handle(event))


def test_an_order_is_on_disk_before_it_is_sent(world: World, tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    on_disk: list[Record] = []

    def look(order: Order) -> Iterable[BrokerEvent]:
        with JournalReader(path) as reader:
            on_disk.extend(reader.records())
        return fills(order)

    def store(engine: Engine) -> Journal:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        return SqlJournal(path, book=engine.book, wall_clock=lambda: now, durable=True)

    bench = Bench(world, CandidBroker(look), shown=snapshot(), journal=store)
    bench.handle(MomentDue(ENTRY))
    bench.journal.close()

    assert isinstance(on_disk[-1], OrderApproved)
    assert on_disk[-1].order.intent == condor_intent()
    with JournalReader(path) as reader:
        assert tuple(reader.records()) == tuple(bench.records)


def test_one_moment_is_taken_through_to_its_fills(world: World) -> None:
    bench = Bench(world, CandidBroker(fills), shown=snapshot())

    bench.handle(MomentDue(ENTRY))

    assert [type(record) for record in bench.records[-3:]] == [
        OrderApproved,
        OrderAccepted,
        OrderFilled,
    ]
    assert bench.engine.book.positions().condors[0].quantity == 2


class LostFeed:
    """A feed whose line is lost while it reads."""

    async def snapshot(self, _request: SnapshotRequest) -> MarketSnapshot:
        """Lose the line."""
        raise BrokerUnavailable("the socket to the Gateway is closed.")


def test_a_line_that_is_lost_while_quotes_are_read_is_a_market_unseen(world: World) -> None:
    bench = Bench(world, CandidBroker(fills), shown=None)
    bench.shell = Shell(bench.engine, bench.broker, LostFeed(), bench.journal, lambda: ENTRY.at)

    bench.handle(MomentDue(ENTRY))

    (unseen,) = (record for record in bench.records if isinstance(record, MarketUnseen))
    made = bench.records[-1]
    assert unseen.reason == "the socket to the Gateway is closed."
    assert isinstance(made, DecisionMade)
    assert made.decision.reason == "DATA"


def test_a_silent_feed_ends_in_a_reasoned_no_and_nothing_is_sent(world: World) -> None:
    def refuse(_order: Order) -> Iterable[BrokerEvent]:
        raise InvariantBroken("nothing may be sent without a market")

    bench = Bench(world, CandidBroker(refuse), shown=None)

    bench.handle(MomentDue(ENTRY))

    made = bench.records[-1]
    assert isinstance(made, DecisionMade)
    assert made.decision.reason == "DATA"


def test_the_cutoff_cancels_what_still_works(world: World) -> None:
    bench = Bench(world, CandidBroker(nothing), shown=snapshot())

    bench.handle(MomentDue(ENTRY), MomentDue(CUTOFF))

    assert bench.broker.cancelled == ["T-20180202-condor-entry-1"]
    assert isinstance(bench.records[-1], EntryClosed)


def test_what_the_broker_says_later_is_taken_in_its_order(world: World) -> None:
    bench = Bench(world, CandidBroker(nothing), shown=snapshot())
    bench.handle(MomentDue(ENTRY))
    (state,) = bench.engine.book.working()
    said = tuple(fills(state.order))
    bench.broker.events += said

    run_now(bench.shell.hear_broker())

    assert tuple(bench.records[-2:]) == said


def test_a_broker_that_contradicts_the_book_stops_the_bot(world: World) -> None:
    bench = Bench(world, CandidBroker(nothing), shown=snapshot())
    bench.broker.events.append(OrderAccepted(ENTRY.at, "T-unknown"))

    with pytest.raises(InvariantBroken, match="which the book never sent"):
        run_now(bench.shell.hear_broker())


LEGS = tuple(leg.contract for leg in condor_intent().legs)


def verdicts(bench: Bench) -> list[Record]:
    return [each for each in bench.records if isinstance(each, OrderApproved | OrderStopped)]


@pytest.mark.parametrize("slowness_s", [1.5, 12])
def test_what_would_be_traded_after_a_long_look_is_looked_at_again(
    world: World, slowness_s: float
) -> None:
    feed = SlowFeed(snapshot(), timedelta(seconds=slowness_s))
    bench = Bench(world, CandidBroker(nothing), feed=feed)

    bench.handle(MomentDue(ENTRY))

    assert feed.renewed == [LEGS]
    assert [type(each) for each in verdicts(bench)] == [OrderApproved]
    # It was rehearsed on the old quotes and on the new ones; one decision is on record.
    assert len([each for each in bench.records if isinstance(each, DecisionMade)]) == 1


def test_without_that_its_quotes_would_be_too_old(world: World) -> None:
    old = SlowFeed(snapshot(), timedelta(seconds=12)).shown
    bench = Bench(world, CandidBroker(nothing), shown=old)

    bench.handle(MomentDue(ENTRY))

    (stopped,) = verdicts(bench)
    assert isinstance(stopped, OrderStopped)
    assert stopped.code == "STALE"


def test_after_a_look_of_one_instant_nothing_is_looked_at_again(world: World) -> None:
    feed = SlowFeed(snapshot(), timedelta(seconds=1))
    bench = Bench(world, CandidBroker(nothing), feed=feed)

    bench.handle(MomentDue(ENTRY))

    assert feed.renewed == []
    assert [type(each) for each in verdicts(bench)] == [OrderApproved]
