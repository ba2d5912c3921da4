"""Laws that hold for every sequence of orders, fills and settlements."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sample_venue import (
    AT,
    CONDOR,
    FRIDAY,
    MONDAY,
    MONDAY_CLOSE,
    approved,
    calendar,
    exchange,
    quotes,
)

from brokers.sim.exchange import SimExchange
from brokers.sim.fills import FillModel
from brokers.sim.margin import margin_usd
from market.instruments import OptionContract, Right, TradingClass
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    Leg,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    PositionSettled,
    PriceWalk,
)
from market.quotes import Quote

UNIVERSE = tuple(
    OptionContract.parse(symbol)
    for symbol in (
        "SPXW 2018-02-05 2700 P",
        "SPXW 2018-02-05 2725 P",
        "SPXW 2018-02-05 2790 C",
        "SPXW 2018-02-05 2815 C",
        "SPXW 2018-02-07 2700 P",
        "SPXW 2018-02-07 2725 P",
        "VIX 2018-02-14 16 C",
        "VIX 2018-03-21 16 C",
    )
)
START_USD = Decimal(8000)
SESSIONS = calendar()

NICKELS = st.integers(0, 60).map(lambda n: n / 20)
SIDES = st.tuples(NICKELS, NICKELS).map(lambda pair: (min(pair), max(pair) + 0.05))
SOME_SIDES = st.one_of(SIDES, SIDES, SIDES, st.just((None, None)))
MARKETS = st.lists(SOME_SIDES, min_size=len(UNIVERSE), max_size=len(UNIVERSE))
LEGS = st.lists(
    st.tuples(st.sampled_from(UNIVERSE), st.sampled_from((-1, 1, -1, 1, -2, 2))),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: tuple(Leg(*pair) for pair in pairs))
LIMITS = st.integers(-80, 80).map(lambda n: Decimal(n) / 20)
WALKS = st.sampled_from(
    (PriceWalk(), PriceWalk(Decimal("0.05"), timedelta(seconds=30), 3)),
)


def shown(
    market: Sequence[tuple[float | None, float | None]], at: datetime
) -> dict[OptionContract, Quote]:
    return {c: Quote(at, *sides) for c, sides in zip(UNIVERSE, market, strict=True)}


class Books:
    """An independent account, kept from the events alone."""

    def __init__(self) -> None:
        self.cash_usd = START_USD
        self.fees_usd = Decimal(0)
        self.positions: dict[OptionContract, int] = {}
        self.intents: dict[str, OrderIntent] = {}
        self.unfilled: dict[str, int] = {}
        self.settled: set[OptionContract] = set()

    def apply(self, events: Sequence[BrokerEvent]) -> None:
        for event in events:
            if isinstance(event, OrderFilled):
                self._fill(event)
            elif isinstance(event, OrderCancelled):
                assert self.unfilled.pop(event.order_id) == event.remaining > 0
            elif isinstance(event, OrderRejected):
                self.unfilled.pop(event.order_id, None)
            elif isinstance(event, PositionSettled):
                assert event.contract not in self.settled
                self.settled.add(event.contract)
                self.cash_usd += event.cash_usd
                assert self.positions.pop(event.contract) == event.position

    def _fill(self, fill: OrderFilled) -> None:
        intent = self.intents[fill.order_id]
        assert fill.credit >= intent.limit_credit - intent.walk.times * intent.walk.step_points
        assert fill.mid_credit is None or fill.credit <= fill.mid_credit
        self.unfilled[fill.order_id] -= fill.quantity
        assert self.unfilled[fill.order_id] >= 0
        if self.unfilled[fill.order_id] == 0:
            del self.unfilled[fill.order_id]
        self.cash_usd += fill.credit * 100 * fill.quantity - fill.fees_usd
        self.fees_usd += fill.fees_usd
        paid = Decimal(0)
        for leg, price in zip(intent.legs, fill.leg_prices, strict=True):
            paid += leg.ratio * price
            held = self.positions.get(leg.contract, 0) + leg.ratio * fill.quantity
            self.positions[leg.contract] = held
            if not held:
                del self.positions[leg.contract]
        assert paid == -fill.credit


class ExchangeMachine(RuleBasedStateMachine):
    """Any calls in any order: the account stays covered, solvent and true to its events."""

    def __init__(self) -> None:
        super().__init__()
        model = FillModel(seed=3, ladder=((1.0, 0.7),), partial_from_quantity=2, partial_share=0.5)
        self.venue: SimExchange = exchange(cash_usd=str(START_USD), fills=model)
        self.books = Books()
        self.at = AT
        self.count = 0

    @rule(
        legs=LEGS,
        limit=LIMITS,
        quantity=st.integers(1, 4),
        minutes=st.integers(1, 2000),
        walk=WALKS,
        market=MARKETS,
    )
    def submit(
        self,
        legs: tuple[Leg, ...],
        limit: Decimal,
        quantity: int,
        minutes: int,
        walk: PriceWalk,
        market: Sequence[tuple[float | None, float | None]],
    ) -> None:
        until = self.at + timedelta(minutes=minutes)
        self._send(OrderIntent("s", "p", "c", legs, quantity, limit, until, walk=walk), market)

    @rule(
        expiry=st.sampled_from((MONDAY, date(2018, 2, 7))),
        ratio=st.sampled_from((-1, 1)),
        quantity=st.integers(1, 4),
        market=MARKETS,
    )
    def trade_a_put_spread_at_the_market(
        self,
        expiry: date,
        ratio: int,
        quantity: int,
        market: Sequence[tuple[float | None, float | None]],
    ) -> None:
        low, high = (c for c in UNIVERSE if c.expiry == expiry and c.right is Right.PUT)
        legs = (Leg(high, -ratio), Leg(low, ratio))
        until = self.at + timedelta(minutes=30)
        self._send(OrderIntent("s", "p", "c", legs, quantity, Decimal("-3"), until), market)

    @rule(number=st.integers(0, 40))
    def cancel(self, number: int) -> None:
        self.books.apply(self.venue.cancel(f"order-{number}", self.at))

    @rule(number=st.integers(0, 40), market=MARKETS)
    def send_again(self, number: int, market: Sequence[tuple[float | None, float | None]]) -> None:
        intent = self.books.intents.get(f"order-{number}")
        if intent is not None:
            again = ApprovedOrder(Order(f"order-{number}", FRIDAY, intent), "ok")
            assert self.venue.submit(again, self.at, shown(market, self.at)) == ()

    @rule(market=MARKETS)
    def look_at_the_market(self, market: Sequence[tuple[float | None, float | None]]) -> None:
        self.books.apply(self.venue.on_market(self.at, shown(market, self.at)))
        due = self.venue.due()
        assert due is None or due > self.at

    @precondition(lambda self: self.venue.due() is not None)
    @rule(market=MARKETS)
    def wait_until_due(self, market: Sequence[tuple[float | None, float | None]]) -> None:
        due = self.venue.due()
        assert due is not None
        self.at = max(self.at, due)
        self.look_at_the_market(market)

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    @rule(day=st.sampled_from((MONDAY, date(2018, 2, 6), date(2018, 2, 7), date(2018, 2, 14))))
    def wait_for_a_morning(self, day: date) -> None:
        self.at = max(self.at, datetime(day.year, day.month, day.day, 15, 0, tzinfo=UTC))

    @rule(spx=st.integers(2500, 3000), vix=st.integers(9, 60))
    def settle_what_expired(self, spx: int, vix: int) -> None:
        for trading_class, expiry in self.venue.series_held():
            if self.at >= SESSIONS.settles_at(trading_class, expiry):
                value = Decimal(vix if trading_class is TradingClass.VIX else spx)
                series = (trading_class, expiry)
                self.books.apply(self.venue.settle(series, value, self.at, is_official=True))
                assert self.venue.settle(series, value, self.at, is_official=True) == ()

    @invariant()
    def no_short_is_uncovered(self) -> None:
        assert margin_usd(self.venue.positions()) is not None

    @invariant()
    def cash_covers_the_margin(self) -> None:
        account = self.venue.account()
        assert account.margin_usd == margin_usd(self.venue.positions())
        assert account.cash_usd >= account.margin_usd

    @invariant()
    def the_account_is_what_its_events_say(self) -> None:
        assert self.venue.positions() == self.books.positions
        assert self.venue.account().cash_usd == self.books.cash_usd
        assert self.venue.account().fees_usd == self.books.fees_usd

    @invariant()
    def open_orders_are_those_with_something_left(self) -> None:
        assert {order.order_id for order in self.venue.open_orders()} == set(self.books.unfilled)

    def _send(
        self, intent: OrderIntent, market: Sequence[tuple[float | None, float | None]]
    ) -> None:
        order = Order(f"order-{self.count}", FRIDAY, intent)
        self.count += 1
        self.books.intents[order.order_id] = intent
        self.books.unfilled[order.order_id] = intent.quantity
        events = self.venue.submit(ApprovedOrder(order, "ok"), self.at, shown(market, self.at))
        assert isinstance(events[0], OrderAccepted | OrderRejected)
        self.books.apply(events)


TestExchangeMachine = ExchangeMachine.TestCase
TestExchangeMachine.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


@settings(deadline=None)
@given(
    credit=st.integers(1, 34).map(lambda n: Decimal(n) / 20),
    quantity=st.integers(1, 12),
    spx=st.integers(200_000, 350_000).map(lambda n: Decimal(n) / 100),
)
def test_a_condor_never_loses_more_than_its_width_less_its_credit_plus_fees(
    credit: Decimal, quantity: int, spx: Decimal
) -> None:
    venue = exchange(fills=FillModel(seed=1, ladder=((1.0, 1.0),), partial_share=0.0))
    venue.submit(approved(str(credit), quantity=quantity), AT, quotes())
    fees_usd = venue.account().fees_usd

    venue.settle((TradingClass.SPXW, MONDAY), spx, MONDAY_CLOSE, is_official=True)

    # payoff = c − clip(Kp − S, 0, w) − clip(S − Kc, 0, w), c never below the natural 1.40.
    received = max(credit, Decimal("1.40"))
    put_loss = min(max(2725 - spx, Decimal(0)), Decimal(25))
    call_loss = min(max(spx - 2790, Decimal(0)), Decimal(25))
    change_usd = venue.account().cash_usd - 100_000
    assert change_usd == (received - put_loss - call_loss) * 100 * quantity - fees_usd
    assert change_usd >= -(25 - received) * 100 * quantity - fees_usd


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("condor", "put spread", "vix call")), st.integers(1, 3)),
        min_size=1,
        max_size=6,
    )
)
def test_orders_and_their_reverses_leave_the_account_flat(trades: list[tuple[str, int]]) -> None:
    combos = {
        "condor": (CONDOR, "1.40", "-2.00"),
        "put spread": (CONDOR[:2], "0.65", "-1.00"),
        "vix call": ((Leg(UNIVERSE[6], 1),), "-0.80", "0.70"),
    }
    venue = exchange(cash_usd="1000000")
    traded_usd = Decimal(0)
    for number, (name, quantity) in enumerate(trades):
        legs, opening, closing = combos[name]
        order = approved(opening, legs=legs, quantity=quantity, name=f"open-{number}")
        venue.submit(order, AT, quotes())
        traded_usd += (Decimal(opening) + Decimal(closing)) * 100 * quantity

    for number, (name, quantity) in enumerate(trades):
        legs, _, closing = combos[name]
        reverse = tuple(Leg(leg.contract, -leg.ratio) for leg in legs)
        order = approved(closing, legs=reverse, quantity=quantity, name=f"close-{number}")
        venue.submit(order, AT, quotes())

    account = venue.account()
    assert venue.positions() == {}
    assert account.margin_usd == 0
    assert account.cash_usd == 1_000_000 + traded_usd - account.fees_usd
