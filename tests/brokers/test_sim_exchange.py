from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sample_venue import (
    AT,
    CONDOR,
    CONDOR_BOUGHT_BACK,
    GOOD_UNTIL,
    LONG_CALL,
    LONG_PUT,
    MONDAY,
    MONDAY_CLOSE,
    NEVER,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    approved,
    exchange,
    quotes,
)

from brokers.base import AccountState
from brokers.sim.fills import FillModel
from market.errors import InvariantBroken
from market.instruments import OptionContract, TradingClass
from market.orders import (
    BrokerEvent,
    FillReviewed,
    Leg,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRepriced,
    PositionSettled,
    PriceWalk,
)

HALF_MINUTE = timedelta(seconds=30)
WALK = PriceWalk(step_points=Decimal("0.05"), every=HALF_MINUTE, times=3)
SPXW_MONDAY = (TradingClass.SPXW, MONDAY)

CONDOR_FILL = OrderFilled(
    at=AT,
    order_id="test-entry",
    fill_id="test-entry/1",
    quantity=2,
    credit=Decimal("1.40"),
    leg_prices=(Decimal("2.0"), Decimal("1.35"), Decimal("1.8"), Decimal("1.05")),
    commission_usd=Decimal("5.20"),
    exchange_fees_usd=Decimal("3.99"),
    mid_credit=Decimal("1.70"),
)


def test_a_marketable_condor_fills_at_once_at_the_natural_credit() -> None:
    venue = exchange()

    events = venue.submit(approved("1.25", quantity=2), AT, quotes())

    assert events == (OrderAccepted(AT, "test-entry"), CONDOR_FILL)
    assert venue.positions() == {SHORT_PUT: -2, LONG_PUT: 2, SHORT_CALL: -2, LONG_CALL: 2}
    assert venue.account() == AccountState(
        cash_usd=Decimal("100270.81"), margin_usd=Decimal(5000), fees_usd=Decimal("9.19")
    )
    assert venue.open_orders() == ()


def test_a_limit_between_natural_and_mid_fills_at_the_limit_when_the_draw_says_so() -> None:
    events = exchange().submit(approved("1.65"), AT, quotes())

    assert isinstance(events[1], OrderFilled)
    assert (events[1].credit, events[1].mid_credit) == (Decimal("1.65"), Decimal("1.70"))
    ratios = (leg.ratio for leg in CONDOR)
    assert sum(r * p for r, p in zip(ratios, events[1].leg_prices, strict=True)) == -Decimal("1.65")


def test_a_limit_above_the_mid_rests() -> None:
    venue = exchange()

    events = venue.submit(approved("1.75"), AT, quotes())

    assert events == (OrderAccepted(AT, "test-entry"),)
    assert venue.open_orders() == (approved("1.75").order,)
    assert venue.positions() == {}


def test_a_condor_with_one_leg_unquoted_rests_and_never_fills_in_part() -> None:
    venue = exchange()
    venue.submit(approved("1.75"), AT, quotes())
    missing: dict[OptionContract, tuple[float | None, float | None] | None] = {
        SHORT_PUT: (9.0, 9.1),
        LONG_CALL: None,
    }

    events = venue.on_market(AT + HALF_MINUTE, quotes(AT + HALF_MINUTE, missing))

    assert events == ()
    assert venue.positions() == {}


def test_a_resting_order_fills_when_the_market_comes_to_it() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("1.50"), AT, quotes())
    later = AT + timedelta(seconds=10)

    events = venue.on_market(later, quotes(later, {SHORT_PUT: (2.20, 2.40)}))

    assert [type(event) for event in events] == [OrderFilled]
    assert venue.positions()[SHORT_PUT] == -1


def test_the_walk_gives_way_step_by_step_and_no_further() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("1.70", walk=WALK), AT, quotes())

    events: list[BrokerEvent] = []
    while (due := venue.due()) is not None:
        events += venue.on_market(due, quotes(due))

    assert events == [
        OrderRepriced(AT + 1 * HALF_MINUTE, "test-entry", Decimal("1.65")),
        OrderRepriced(AT + 2 * HALF_MINUTE, "test-entry", Decimal("1.60")),
        OrderRepriced(AT + 3 * HALF_MINUTE, "test-entry", Decimal("1.55")),
        OrderCancelled(GOOD_UNTIL, "test-entry", 1, "good-until reached"),
    ]


def test_a_walk_that_reaches_the_natural_credit_fills_there() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("1.45", walk=WALK), AT, quotes())
    step_at = AT + HALF_MINUTE

    events = venue.on_market(step_at, quotes(step_at))

    assert [type(event) for event in events] == [OrderRepriced, OrderFilled]
    assert isinstance(events[1], OrderFilled)
    assert events[1].credit == Decimal("1.40")


def test_steps_that_were_missed_are_all_taken_before_the_order_is_shown_the_market() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("1.70", walk=WALK), AT, quotes())
    late = AT + timedelta(minutes=2)

    events = venue.on_market(late, quotes(late))

    assert events == tuple(
        OrderRepriced(late, "test-entry", Decimal(limit)) for limit in ("1.65", "1.60", "1.55")
    )


def test_the_walk_of_a_single_option_stays_on_its_own_grid() -> None:
    # From 3.00 a single SPX option ticks 0.10: half of the steps of 0.05 change nothing.
    venue = exchange(fills=NEVER)
    rich = {LONG_PUT: (2.90, 3.90)}
    buy = approved("-3.20", legs=(Leg(LONG_PUT, 1),), walk=WALK)
    venue.submit(buy, AT, quotes(AT, rich))

    events: list[BrokerEvent] = []
    while (due := venue.due()) is not None and due < GOOD_UNTIL:
        events += venue.on_market(due, quotes(due, rich))

    assert events == [OrderRepriced(AT + 2 * HALF_MINUTE, "test-entry", Decimal("-3.30"))]


def test_the_walk_of_a_sold_option_stops_at_one_tick() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("-0.80", legs=(Leg(VIX_CALL, 1),), name="buy"), AT, quotes())
    worthless = {VIX_CALL: (0.0, 0.80)}
    sell = approved("0.10", legs=(Leg(VIX_CALL, -1),), walk=WALK)
    venue.submit(sell, AT, quotes(AT, worthless))
    end = AT + timedelta(minutes=2)

    events = venue.on_market(end, quotes(end, worthless))

    assert [event for event in events if isinstance(event, OrderRepriced)] == [
        OrderRepriced(end, "test-entry", Decimal("0.05"))
    ]


def test_nothing_fills_at_or_after_good_until() -> None:
    venue = exchange()
    venue.submit(approved("1.75"), AT, quotes())

    events = venue.on_market(GOOD_UNTIL, quotes(GOOD_UNTIL, {SHORT_PUT: (9.0, 9.1)}))

    assert events == (OrderCancelled(GOOD_UNTIL, "test-entry", 1, "good-until reached"),)
    assert venue.due() is None


def test_an_order_ends_with_the_trading_of_its_first_leg_to_expire() -> None:
    venue = exchange(fills=NEVER)
    days_later = datetime(2018, 2, 9, 20, 0, tzinfo=UTC)
    venue.submit(approved("-1.50", legs=(Leg(SHORT_PUT, 1),), good_until=days_later), AT, quotes())

    assert venue.due() == MONDAY_CLOSE
    assert venue.on_market(MONDAY_CLOSE, {}) == (
        OrderCancelled(MONDAY_CLOSE, "test-entry", 1, "trading in a leg ended"),
    )


def test_a_cancelled_order_tells_what_remained() -> None:
    venue = exchange()
    venue.submit(approved("1.75", quantity=3), AT, quotes())

    assert venue.cancel("test-entry", AT) == (
        OrderCancelled(AT, "test-entry", 3, "cancelled on request"),
    )
    assert venue.open_orders() == ()


def test_cancelling_a_filled_or_unknown_order_changes_nothing_and_says_nothing() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())

    assert venue.cancel("test-entry", AT) == ()
    assert venue.cancel("never-sent", AT) == ()
    assert venue.positions()[SHORT_PUT] == -1


def test_a_large_order_fills_partly_and_the_rest_half_a_minute_later() -> None:
    venue = exchange(cash_usd="1000000", fills=FillModel(seed=1, partial_share=1.0))
    first = venue.submit(approved("1.25", quantity=10), AT, quotes())[1]
    assert isinstance(first, OrderFilled)

    soon = AT + timedelta(seconds=1)
    assert venue.on_market(soon, quotes(soon)) == ()
    later = venue.due()
    assert later == AT + HALF_MINUTE
    (second,) = venue.on_market(later, quotes(later))

    assert isinstance(second, OrderFilled)
    assert (first.fill_id, second.fill_id) == ("test-entry/1", "test-entry/2")
    assert 0 < first.quantity < 10
    assert first.quantity + second.quantity == 10
    assert first.commission_usd + second.commission_usd == 10 * Decimal("2.60")
    assert venue.positions()[SHORT_PUT] == -10


def test_the_rest_of_a_partial_fill_is_cancelled_at_good_until() -> None:
    venue = exchange(cash_usd="1000000", fills=FillModel(seed=1, partial_share=1.0))
    first = venue.submit(approved("1.25", quantity=10), AT, quotes())[1]
    assert isinstance(first, OrderFilled)
    dear = quotes(AT + HALF_MINUTE, {SHORT_PUT: (0.05, 0.10)})

    venue.on_market(AT + HALF_MINUTE, dear)
    venue.on_market(AT + timedelta(minutes=1), {})
    events = venue.on_market(GOOD_UNTIL, {})

    rest = 10 - first.quantity
    assert events == (OrderCancelled(GOOD_UNTIL, "test-entry", rest, "good-until reached"),)


def test_a_fill_is_reviewed_one_minute_later() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())
    minute_later = AT + timedelta(minutes=1)
    assert venue.due() == minute_later
    assert venue.contracts_of_interest(minute_later - timedelta(seconds=1)) == ()
    assert set(venue.contracts_of_interest(minute_later)) == {leg.contract for leg in CONDOR}

    # The short put gained 0.30: the condor is now worth 2.00 at its mid, and we got 1.40.
    events = venue.on_market(minute_later, quotes(minute_later, {SHORT_PUT: (2.30, 2.50)}))

    assert events == (
        FillReviewed(minute_later, "test-entry", "test-entry/1", Decimal("2.00"), Decimal("0.60")),
    )
    assert venue.due() is None
    assert venue.contracts_of_interest(minute_later) == ()


def test_a_purchase_that_fell_since_was_adversely_selected() -> None:
    venue = exchange()
    venue.submit(approved("-0.80", legs=(Leg(VIX_CALL, 1),)), AT, quotes())
    minute_later = AT + timedelta(minutes=1)

    events = venue.on_market(minute_later, quotes(minute_later, {VIX_CALL: (0.60, 0.70)}))

    assert events == (
        FillReviewed(minute_later, "test-entry", "test-entry/1", Decimal("-0.65"), Decimal("0.15")),
    )


def test_a_review_without_quotes_is_dropped() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())

    assert venue.on_market(AT + timedelta(minutes=1), {}) == ()
    assert venue.due() is None


def test_a_condor_settles_in_cash_shorts_first_and_exactly_once() -> None:
    venue = exchange()
    venue.submit(approved("1.25", quantity=2), AT, quotes())
    value = Decimal("2648.94")  # the S&P 500's close of 5 February 2018

    events = venue.settle(SPXW_MONDAY, value, MONDAY_CLOSE, is_official=True)
    again = venue.settle(SPXW_MONDAY, value, MONDAY_CLOSE, is_official=True)

    def settled(contract: OptionContract, held: int, points: str, cash: str) -> PositionSettled:
        return PositionSettled(
            MONDAY_CLOSE, contract, held, Decimal(points), value, Decimal(cash), True
        )

    assert events == (
        settled(SHORT_PUT, -2, "76.06", "-15212.00"),
        settled(SHORT_CALL, -2, "0", "0"),
        settled(LONG_PUT, 2, "51.06", "10212.00"),
        settled(LONG_CALL, 2, "0", "0"),
    )
    assert again == ()
    assert venue.positions() == {}
    # 280.00 credit − 9.19 fees − 5,000 loss; no fee on settlement.
    assert venue.account() == AccountState(
        Decimal("95270.81"), margin_usd=Decimal(0), fees_usd=Decimal("9.19")
    )


def test_settling_a_series_leaves_the_others_alone() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())
    hedge = approved("-0.80", legs=(Leg(VIX_CALL, 1),), quantity=4, name="near")
    venue.submit(hedge, AT, quotes())

    venue.settle(SPXW_MONDAY, Decimal(2760), MONDAY_CLOSE, is_official=True)

    assert venue.positions() == {VIX_CALL: 4}


def test_a_series_that_trades_cannot_settle() -> None:
    venue = exchange()
    venue.submit(approved("1.25"), AT, quotes())

    with pytest.raises(InvariantBroken, match="cannot settle while it trades"):
        venue.settle(SPXW_MONDAY, Decimal(2760), AT, is_official=True)


def test_orders_on_a_series_lapse_when_it_settles() -> None:
    venue = exchange(fills=NEVER)
    venue.submit(approved("1.25"), AT, quotes())
    much_later = datetime(2018, 2, 9, 20, 0, tzinfo=UTC)
    close = approved("-0.05", legs=CONDOR_BOUGHT_BACK, name="close", good_until=much_later)
    venue.submit(close, AT, quotes())

    events = venue.settle(SPXW_MONDAY, Decimal(2760), MONDAY_CLOSE, is_official=True)

    assert events[0] == OrderCancelled(MONDAY_CLOSE, "test-close", 1, "its series expired")
    assert venue.open_orders() == ()


def test_a_closing_order_is_free_of_margin_and_frees_it() -> None:
    # The margin of 2,500 leaves 125.41 USD: enough to close because closing frees the margin.
    venue = exchange(cash_usd="2500")
    venue.submit(approved("1.40"), AT, quotes())

    events = venue.submit(approved("-2.00", legs=CONDOR_BOUGHT_BACK, name="close"), AT, quotes())

    assert [type(event) for event in events] == [OrderAccepted, OrderFilled]
    assert venue.positions() == {}
    assert venue.account().margin_usd == 0


def test_two_orders_that_lean_on_one_long_spread_cannot_both_fill_without_margin() -> None:
    venue = exchange(cash_usd="800", fills=NEVER)
    long_spread = (Leg(SHORT_PUT, 1), Leg(LONG_PUT, -1))
    short_spread = (Leg(SHORT_PUT, -1), Leg(LONG_PUT, 1))
    venue.submit(approved("-1.00", legs=long_spread, name="long"), AT, quotes())
    for name in ("one", "two"):
        venue.submit(approved("0.85", legs=short_spread, name=name), AT, quotes())
    assert len(venue.open_orders()) == 2
    later = AT + timedelta(seconds=5)

    events = venue.on_market(later, quotes(later, {SHORT_PUT: (2.40, 2.60)}))

    assert [type(event) for event in events] == [OrderFilled, OrderCancelled]
    assert events[1] == OrderCancelled(later, "test-two", 1, "no margin left for a fill")
    assert venue.positions() == {}


def test_a_roll_of_two_expiries_trades_as_one_order() -> None:
    venue = exchange()
    near, later = Leg(VIX_CALL, 1), Leg(VIX_CALL_LATER, 1)
    venue.submit(approved("-0.80", legs=(near,), quantity=4, name="near"), AT, quotes())

    roll = approved("-0.90", legs=(Leg(VIX_CALL, -1), later), quantity=4, name="roll")
    events = venue.submit(roll, AT, quotes())

    assert [type(event) for event in events] == [OrderAccepted, OrderFilled]
    assert venue.positions() == {VIX_CALL_LATER: 4}


def test_the_same_calls_give_the_same_events() -> None:
    def run() -> list[object]:
        venue = exchange(cash_usd="1000000", fills=FillModel(seed=5))
        events: list[object] = []
        for number in range(20):
            order = approved("1.60", quantity=6, name=f"n{number}", walk=WALK)
            events += venue.submit(order, AT, quotes())
        while (due := venue.due()) is not None:
            events += venue.on_market(due, quotes(due))
        return events

    first = run()

    assert first == run()
    assert {type(event) for event in first} >= {OrderFilled, OrderRepriced, FillReviewed}


def test_how_often_a_walking_order_is_looked_at_does_not_change_its_fill() -> None:
    walk = PriceWalk(step_points=Decimal("0.05"), every=timedelta(minutes=2), times=1)

    def fills(looks_every: timedelta) -> list[tuple[datetime, Decimal]]:
        venue = exchange(cash_usd="1000000", fills=FillModel(seed=5))
        events: list[BrokerEvent] = []
        for number in range(30):
            events += venue.submit(approved("1.65", name=f"n{number}", walk=walk), AT, quotes())
        at = AT
        while (at := at + looks_every) <= AT + timedelta(minutes=2):
            events += venue.on_market(at, quotes(at))
        return [(event.at, event.credit) for event in events if isinstance(event, OrderFilled)]

    assert 0 < len(fills(timedelta(minutes=2))) < 30
    assert fills(timedelta(seconds=5)) == fills(timedelta(minutes=2))


def test_a_resting_order_meets_the_market_with_a_fresh_draw_every_half_minute() -> None:
    venue = exchange(fills=FillModel(seed=5, ladder=((1.0, 0.2),), partial_share=0.0))
    fills: list[datetime] = []
    for number in range(20):
        venue.submit(approved("1.65", name=f"n{number}"), AT, quotes())

    for second in range(1, 121):
        at = AT + timedelta(seconds=second)
        events = venue.on_market(at, quotes(at))
        fills += [event.at for event in events if isinstance(event, OrderFilled)]

    assert fills
    assert {(at - AT).seconds % 30 for at in fills} == {0}


def test_nothing_fills_while_the_market_is_closed() -> None:
    venue = exchange(fills=NEVER)
    until = datetime(2018, 2, 5, 20, 0, tzinfo=UTC)
    venue.submit(approved("1.70", good_until=until), AT, quotes())
    dear: dict[OptionContract, tuple[float | None, float | None] | None] = {SHORT_PUT: (9.0, 9.1)}
    night = datetime(2018, 2, 3, 3, 0, tzinfo=UTC)
    morning = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)

    assert venue.on_market(night, quotes(night, dear)) == ()
    events = venue.on_market(morning, quotes(morning, dear))

    assert [type(event) for event in events] == [OrderFilled]


def test_a_fill_does_not_depend_on_what_else_trades() -> None:
    busy = exchange(cash_usd="1000000", fills=FillModel(seed=5))
    for number in range(7):
        busy.submit(approved("1.60", name=f"n{number}"), AT, quotes())
    quiet = exchange(cash_usd="1000000", fills=FillModel(seed=5))

    order = approved("1.60", quantity=6, name="mine", walk=WALK)

    assert busy.submit(order, AT, quotes()) == quiet.submit(order, AT, quotes())
