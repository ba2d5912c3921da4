from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sample_venue import (
    ALWAYS,
    AT,
    GOOD_UNTIL,
    LONG_PUT,
    MONDAY,
    MONDAY_CLOSE,
    NEVER,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    HandClock,
    StillMarket,
    approved,
    calendar,
    exchange,
)

from brokers.base import Broker, Timed
from brokers.sim.broker import SimBroker, regular_hours
from brokers.sim.fills import FillModel
from market.instruments import TradingClass
from market.orders import (
    FillReviewed,
    Leg,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRepriced,
    PositionSettled,
    PriceWalk,
    SettlementAwaited,
)
from market.quotes import Quote

SPXW_MONDAY = (TradingClass.SPXW, MONDAY)
VIX_OPEN = datetime(2018, 2, 14, 14, 30, tzinfo=UTC)
WALK = PriceWalk(step_points=Decimal("0.05"), every=timedelta(seconds=30), times=3)


class Desk:
    """A simulated broker with its clock and its market in hand."""

    def __init__(self, fills: FillModel = ALWAYS) -> None:
        self.clock = HandClock()
        self.market = StillMarket()
        self.broker = SimBroker(exchange(fills=fills), self.market, calendar(), self.clock)

    def settles(self, value: str, known_at: datetime) -> None:
        self.market.settlements[SPXW_MONDAY] = (Decimal(value), known_at)


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that must not suspend, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the simulated broker suspended")


def test_it_serves_both_ports() -> None:
    desk = Desk()

    broker: Broker = desk.broker
    timed: Timed = desk.broker

    assert broker.drain() == ()
    assert timed.due() is None


def test_every_request_finishes_without_an_event_loop() -> None:
    broker = Desk().broker

    finish(broker.submit(approved("1.25")))
    finish(broker.cancel("test-entry"))

    assert finish(broker.open_orders()) == ()
    assert finish(broker.positions())[SHORT_PUT] == -1
    assert finish(broker.account()).margin_usd == 2500


def test_events_wait_to_be_drained_and_wake_who_listens() -> None:
    desk, woken = Desk(), []
    desk.broker.subscribe(lambda: woken.append("first"))
    desk.broker.subscribe(lambda: woken.append("second"))

    finish(desk.broker.submit(approved("1.25")))

    assert woken == ["first", "second"]
    assert [type(event) for event in desk.broker.drain()] == [OrderAccepted, OrderFilled]
    assert desk.broker.drain() == ()


def test_each_due_thing_happens_at_its_own_time() -> None:
    desk = Desk(fills=NEVER)
    finish(desk.broker.submit(approved("1.70", walk=WALK)))
    desk.broker.drain()

    desk.broker.advance(AT + timedelta(hours=1))

    assert desk.broker.drain() == (
        OrderRepriced(AT + timedelta(seconds=30), "test-entry", Decimal("1.65")),
        OrderRepriced(AT + timedelta(seconds=60), "test-entry", Decimal("1.60")),
        OrderRepriced(AT + timedelta(seconds=90), "test-entry", Decimal("1.55")),
        OrderCancelled(GOOD_UNTIL, "test-entry", 1, "good-until reached"),
    )


def test_advancing_shows_a_resting_order_the_market_of_that_instant() -> None:
    desk = Desk(fills=NEVER)
    finish(desk.broker.submit(approved("1.70")))
    desk.broker.drain()
    desk.market.changes[SHORT_PUT] = (2.40, 2.60)

    desk.broker.advance(AT + timedelta(seconds=7))

    (fill,) = desk.broker.drain()
    assert isinstance(fill, OrderFilled)
    assert (fill.at, fill.credit) == (AT + timedelta(seconds=7), Decimal("1.80"))


def test_a_cancel_that_comes_after_the_fill_was_due_finds_it_filled() -> None:
    desk = Desk(fills=NEVER)
    finish(desk.broker.submit(approved("1.45", walk=WALK)))
    desk.broker.drain()
    desk.clock.at = AT + timedelta(seconds=40)

    finish(desk.broker.cancel("test-entry"))

    assert [type(event) for event in desk.broker.drain()] == [OrderRepriced, OrderFilled]


def test_an_order_sent_late_comes_after_what_was_due_before_it() -> None:
    desk = Desk(fills=NEVER)
    finish(desk.broker.submit(approved("1.70")))
    desk.clock.at = GOOD_UNTIL + timedelta(seconds=5)
    until = GOOD_UNTIL + timedelta(seconds=20)

    finish(desk.broker.submit(approved("1.70", name="late", good_until=until)))

    assert [(type(event), event.at) for event in desk.broker.drain()] == [
        (OrderAccepted, AT),
        (OrderCancelled, GOOD_UNTIL),
        (OrderAccepted, GOOD_UNTIL + timedelta(seconds=5)),
    ]


def test_a_fill_is_reviewed_a_minute_later_before_anything_that_comes_after() -> None:
    desk = Desk()
    desk.settles("2760.00", MONDAY_CLOSE)
    finish(desk.broker.submit(approved("1.25")))
    desk.broker.drain()

    desk.broker.advance(MONDAY_CLOSE)

    events = desk.broker.drain()
    assert [type(event) for event in events] == [FillReviewed] + 4 * [PositionSettled]
    assert events[0].at == AT + timedelta(minutes=1)


def test_a_held_series_is_due_at_its_settlement_and_books_the_official_value() -> None:
    desk = Desk()
    desk.settles("2648.94", MONDAY_CLOSE)
    finish(desk.broker.submit(approved("1.25")))
    desk.broker.advance(AT + timedelta(minutes=1))
    desk.broker.drain()
    assert desk.broker.due() == MONDAY_CLOSE

    desk.broker.advance(MONDAY_CLOSE)

    settled = desk.broker.drain()
    assert settled[0] == PositionSettled(
        at=MONDAY_CLOSE,
        contract=SHORT_PUT,
        position=-1,
        value_points=Decimal("76.06"),
        settlement_points=Decimal("2648.94"),
        cash_usd=Decimal("-7606.00"),
        is_official=True,
    )
    assert len(settled) == 4
    assert finish(desk.broker.positions()) == {}
    assert desk.broker.due() is None


def test_an_unknown_settlement_value_is_waited_for_and_said_so_once() -> None:
    desk = Desk()
    desk.settles("2760.00", known_at=MONDAY_CLOSE + timedelta(minutes=2))
    finish(desk.broker.submit(approved("1.25")))
    desk.broker.advance(AT + timedelta(minutes=1))
    desk.broker.drain()

    desk.broker.advance(MONDAY_CLOSE)

    assert desk.broker.drain() == (SettlementAwaited(MONDAY_CLOSE, *SPXW_MONDAY, MONDAY_CLOSE),)
    assert finish(desk.broker.positions())[SHORT_PUT] == -1
    assert desk.broker.due() == MONDAY_CLOSE + timedelta(minutes=1)

    desk.broker.advance(MONDAY_CLOSE + timedelta(minutes=1))

    assert desk.broker.drain() == ()

    desk.broker.advance(MONDAY_CLOSE + timedelta(minutes=2))

    assert {event.at for event in desk.broker.drain()} == {MONDAY_CLOSE + timedelta(minutes=2)}
    assert finish(desk.broker.positions()) == {}


def test_a_value_that_is_not_published_yet_is_not_used_before_its_time() -> None:
    desk = Desk()
    finish(desk.broker.submit(approved("1.25")))
    desk.broker.advance(AT + timedelta(minutes=1))
    desk.broker.drain()

    desk.broker.advance(MONDAY_CLOSE + timedelta(minutes=30))

    assert desk.broker.drain() == (SettlementAwaited(MONDAY_CLOSE, *SPXW_MONDAY, MONDAY_CLOSE),)
    assert desk.broker.due() == MONDAY_CLOSE + timedelta(minutes=31)


def test_vix_calls_settle_at_the_open_of_their_expiry() -> None:
    desk = Desk()
    desk.market.settlements[(TradingClass.VIX, date(2018, 2, 14))] = (Decimal("25.04"), VIX_OPEN)
    finish(desk.broker.submit(approved("-0.80", legs=(Leg(VIX_CALL, 1),), quantity=4)))
    desk.broker.drain()

    desk.broker.advance(VIX_OPEN)

    settled = [event for event in desk.broker.drain() if isinstance(event, PositionSettled)]
    assert settled == [
        PositionSettled(
            VIX_OPEN, VIX_CALL, 4, Decimal("9.04"), Decimal("25.04"), Decimal("3616.00"), True
        )
    ]


def test_regular_hours_run_from_the_open_to_the_option_close() -> None:
    is_open = regular_hours(calendar())

    def at(hour: int, minute: int, day: int = 5) -> datetime:
        return datetime(2018, 2, day, hour, minute, tzinfo=UTC)

    assert not is_open(SHORT_CALL, at(14, 29))
    assert is_open(SHORT_CALL, at(14, 30))
    assert is_open(SHORT_CALL, at(21, 14))
    assert not is_open(SHORT_CALL, at(21, 15))
    assert not is_open(SHORT_CALL, at(16, 0, day=4))


def test_a_broker_over_an_exchange_that_already_holds_positions_settles_them() -> None:
    clock, market = HandClock(), StillMarket()
    market.settlements[SPXW_MONDAY] = (Decimal(2760), MONDAY_CLOSE)
    venue = exchange()
    order = approved("-1.35", legs=(Leg(LONG_PUT, 1),))
    venue.submit(order, AT, {LONG_PUT: Quote(AT, 1.20, 1.35)})
    broker = SimBroker(venue, market, calendar(), clock)

    broker.advance(MONDAY_CLOSE)

    assert finish(broker.positions()) == {}
