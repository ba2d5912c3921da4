"""What every broker must do, whatever stands behind the port.

An implementation joins by a bench: a broker with a market whose quotes the test can move, and a
way to let time pass.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from brokers.base import AccountState, Broker, TimedBroker
from brokers.gateway.contracts import Directory
from brokers.gateway.means import Means
from brokers.gateway.server import GatewayServer
from brokers.gateway.venue import Venue
from brokers.ib.broker import IbBroker, VenueDates
from brokers.ib.settings import IbSettings
from brokers.sim.broker import SimBroker, regular_hours
from brokers.sim.client import ExchangeClient
from brokers.sim.exchange import SimExchange
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import FillModel
from brokers.sim.server import ExchangeServer, ToldClock
from brokers.sim.store import ExchangeStore
from market.instruments import OptionContract, TradingClass
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    FillCharged,
    Leg,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRejected,
)
from market.quotes import Chain, IndexLevels, Quote
from market.sessions import Session, SessionCalendar

SESSION = date(2018, 2, 2)
START_AT = datetime(2018, 2, 2, 21, 10, tzinfo=UTC)
GOOD_UNTIL = START_AT + timedelta(minutes=4, seconds=30)

LONG_PUT = OptionContract.parse("SPXW 2018-02-05 2700 P")
SHORT_PUT = OptionContract.parse("SPXW 2018-02-05 2725 P")
SHORT_CALL = OptionContract.parse("SPXW 2018-02-05 2790 C")
LONG_CALL = OptionContract.parse("SPXW 2018-02-05 2815 C")
VIX_CALL = OptionContract.parse("VIX 2018-02-14 16 C")

CONDOR = (Leg(SHORT_PUT, -1), Leg(LONG_PUT, 1), Leg(SHORT_CALL, -1), Leg(LONG_CALL, 1))
CONDOR_BOUGHT_BACK = tuple(Leg(leg.contract, -leg.ratio) for leg in CONDOR)

Sides = tuple[float, float]

# Natural credit of the condor 2.00 − 1.35 + 1.80 − 1.05 = 1.40.
OPENING_QUOTES: Mapping[OptionContract, Sides] = {
    SHORT_PUT: (2.00, 2.20),
    LONG_PUT: (1.20, 1.35),
    SHORT_CALL: (1.80, 1.95),
    LONG_CALL: (0.95, 1.05),
    VIX_CALL: (0.70, 0.80),
}


def approved(
    limit_credit: str,
    *,
    legs: tuple[Leg, ...] = CONDOR,
    quantity: int = 1,
    name: str = "entry",
) -> ApprovedOrder:
    intent = OrderIntent(
        "condor", name, "20180202", legs, quantity, Decimal(limit_credit), GOOD_UNTIL
    )
    return ApprovedOrder(Order(f"test-{name}", SESSION, intent), approval="risk: ok")


class Bench(Protocol):
    """A broker under test with 100,000 USD, its market and its time, from `START_AT` on.

    Orders inside the spread rest there; the quotes stand still until `show` moves them.
    """

    @property
    def broker(self) -> Broker:
        """Return the broker under test."""

    async def start(self) -> None:
        """Bring up what stands behind the broker."""

    async def show(self, changes: Mapping[OptionContract, Sides]) -> None:
        """Move quotes and let working orders meet them."""

    async def wait_until(self, at: datetime) -> None:
        """Let time pass."""

    async def close(self) -> None:
        """Let go of the broker and of all that stands behind it."""


class HandMarket:
    """Quotes and settlement values set by hand; a value is known from its expiry on."""

    def __init__(self) -> None:
        self.sides = dict(OPENING_QUOTES)
        self.values: dict[tuple[TradingClass, date], Decimal] = {}

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        return {contract: Quote(at, *self.sides[contract]) for contract in contracts}

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        return self.values.get((trading_class, expiry))

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        return (trading_class, expiry) in self.values and at.date() >= expiry


SESSIONS = SessionCalendar(
    Session.between(
        datetime(2018, 2, day, 14, 30, tzinfo=UTC), datetime(2018, 2, day, 21, tzinfo=UTC)
    )
    for day in (1, 2, 5, 6, 7, 8, 9, 12, 13, 14)
)


def new_exchange() -> SimExchange:
    return SimExchange(
        cash_usd=Decimal(100_000),
        fees=FeeSchedule.from_toml(files("config").joinpath("fees.toml").read_text("utf-8")),
        fills=FillModel(seed=1, ladder=((1.0, 0.0),), partial_share=0.0),
        trading_ends_at=lambda c: SESSIONS.trading_ends_at(c.trading_class, c.expiry),
        is_open=regular_hours(SESSIONS),
        is_listed=lambda _contract, _at: True,
    )


class SimBench:
    """The simulated exchange on a clock set by hand."""

    def __init__(self, folder: Path) -> None:
        self._at = START_AT
        self._market = HandMarket()
        self._under_test = self._broker(folder)

    def _broker(self, _folder: Path) -> TimedBroker:
        return SimBroker(new_exchange(), self._market, SESSIONS, lambda: self._at)

    @property
    def broker(self) -> TimedBroker:
        return self._under_test

    async def start(self) -> None:
        """Do nothing: everything is up."""

    async def show(self, changes: Mapping[OptionContract, Sides]) -> None:
        self._market.sides.update(changes)
        await self.wait_until(self._at + timedelta(seconds=1))

    async def wait_until(self, at: datetime) -> None:
        self._at = at
        self.broker.advance(at)

    async def close(self) -> None:
        await self.broker.close()


class Reborn:
    """An exchange that dies after every call: each is made on one gone on from its file."""

    def __init__(self, file: Path, market: HandMarket, clock: Callable[[], datetime]) -> None:
        self._file, self._market, self._clock = file, market, clock
        self._woken: list[Callable[[], None]] = []
        self._heard = 0

    @contextmanager
    def _life(self) -> Iterator[SimBroker]:
        with ExchangeStore(self._file) as store:
            life = SimBroker(new_exchange(), self._market, SESSIONS, self._clock, store)
            for wake in self._woken:
                life.subscribe(wake)
            yield life

    async def connect(self) -> None:
        """Do nothing: every call opens the file."""

    async def close(self) -> None:
        """Do nothing: every call closes the file."""

    async def submit(self, approved: ApprovedOrder) -> None:
        with self._life() as life:
            await life.submit(approved)

    async def cancel(self, order_id: str) -> None:
        with self._life() as life:
            await life.cancel(order_id)

    async def open_orders(self) -> tuple[Order, ...]:
        with self._life() as life:
            return await life.open_orders()

    async def positions(self) -> Mapping[OptionContract, int]:
        with self._life() as life:
            return await life.positions()

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        with self._life() as life:
            return await life.executions(since)

    async def account(self) -> AccountState:
        with self._life() as life:
            return await life.account()

    def drain(self) -> tuple[BrokerEvent, ...]:
        with ExchangeStore(self._file) as store:
            events = store.events_after(self._heard)
        self._heard += len(events)
        return events

    def subscribe(self, wake: Callable[[], None]) -> None:
        self._woken.append(wake)

    def due(self) -> datetime | None:
        with self._life() as life:
            return life.due()

    def advance(self, at: datetime) -> None:
        with self._life() as life:
            life.advance(at)


class RebornBench(SimBench):
    """The exchange that dies after every call."""

    def _broker(self, folder: Path) -> TimedBroker:
        return Reborn(folder / "exchange.db", self._market, lambda: self._at)


class ProcessBench(SimBench):
    """The exchange behind a real socket, its server in a thread of its own."""

    def _broker(self, folder: Path) -> TimedBroker:
        self._loop = asyncio.new_event_loop()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(folder,), daemon=True)
        self._thread.start()
        assert self._is_ready.wait(10)
        return ExchangeClient(folder / "exchange.sock", lambda: self._at, {"market": "by hand"})

    def _run(self, folder: Path) -> None:
        clock = ToldClock(datetime(1990, 1, 1, tzinfo=UTC))
        with ExchangeStore(folder / "exchange.db") as store:
            venue = SimBroker(new_exchange(), self._market, SESSIONS, clock.now, store)
            self._server = ExchangeServer(venue, store, clock, {"market": "by hand"})
            serving = self._server.serve(folder / "exchange.sock", self._is_ready.set)
            self._loop.run_until_complete(serving)
        self._loop.close()

    async def close(self) -> None:
        await self.broker.close()
        self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(10)


class GatewayMarket(HandMarket):
    """The hand-set quotes as a gateway shows them: chains of their strikes, index levels."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock

    def levels(self, at: datetime) -> IndexLevels:
        return IndexLevels(at, 2762.0, 17.0, 18.0, 16.5, 116.0)

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        listed = {c for c in self.sides if (c.trading_class, c.expiry) == (trading_class, expiry)}
        strikes = np.array(sorted(float(c.strike) for c in listed))
        if not listed:
            return None
        sides = (np.full(len(strikes), np.nan),) * 8
        return Chain(trading_class, expiry, at, 2762.0, 0.01, 1.0, strikes, *sides)


class Listed:
    """The listings of the two expiries that the samples trade."""

    def spxw_expiries(self, on: date, until: date) -> tuple[date, ...]:
        return (SHORT_PUT.expiry,)

    def spx_am_expiries(self, on: date, until: date) -> tuple[date, ...]:
        return ()

    def vix_expiries(self, on: date, until: date) -> tuple[tuple[TradingClass, date], ...]:
        return ((TradingClass.VIX, VIX_CALL.expiry),)


PAPER = "DU1234567"


class GatewayBench(SimBench):
    """The adapter for Interactive Brokers before the gateway emulator, over a real socket."""

    def __init__(self, folder: Path) -> None:
        self._at = START_AT
        self._market = market = GatewayMarket(lambda: self._at)
        clock = lambda: self._at  # noqa: E731
        exchange = SimBroker(new_exchange(), market, SESSIONS, clock)
        directory = Directory(market, Listed(), SESSIONS, clock)
        fees = FeeSchedule.from_toml(files("config").joinpath("fees.toml").read_text("utf-8"))
        means = Means(exchange, market, directory, SESSIONS, fees, clock, PAPER)
        self._server = GatewayServer(Venue(means))

    async def start(self) -> None:
        await self._server.start("127.0.0.1", 0)
        settings = IbSettings("127.0.0.1", self._server.port, 7, PAPER, messages_per_second=0)
        dates = VenueDates(SESSIONS.last_trade_date, SESSIONS.settles_at, lambda _at: False)
        self._adapter = IbBroker(settings, lambda: self._at, dates)
        self._under_test = self._adapter

    async def wait_until(self, at: datetime) -> None:
        self._at = at
        self._server.pulse()
        await self._adapter.quiet()
        self._adapter.advance(at)
        await self._adapter.quiet()

    async def close(self) -> None:
        await self._adapter.close()
        await self._server.stop()


BENCHES: Mapping[str, Callable[[Path], Bench]] = {
    "simulated exchange": SimBench,
    "exchange reborn from its file": RebornBench,
    "exchange behind a socket": ProcessBench,
    "Interactive Brokers over a socket": GatewayBench,
}


@pytest.fixture(params=tuple(BENCHES))
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    made = BENCHES[request.param](tmp_path)
    await made.start()
    await made.broker.connect()
    yield made
    await made.close()


def kinds(events: tuple[BrokerEvent, ...]) -> list[type[BrokerEvent]]:
    """Return what was told, without charges: a broker may tell those with the fill or later."""
    return [type(event) for event in events if not isinstance(event, FillCharged)]


def fills_of(events: tuple[BrokerEvent, ...]) -> list[OrderFilled]:
    """Return the fills with the charges that were told by now."""
    charges = {event.fill_id: event for event in events if isinstance(event, FillCharged)}
    told = [event for event in events if isinstance(event, OrderFilled)]
    return [_charged(fill, charges.get(fill.fill_id)) for fill in told]


def _charged(fill: OrderFilled, charge: FillCharged | None) -> OrderFilled:
    if charge is None:
        return fill
    parts = charge.commission_usd, charge.exchange_fees_usd
    return replace(fill, commission_usd=parts[0], exchange_fees_usd=parts[1])


async def test_a_new_account_holds_nothing_and_works_nothing(bench: Bench) -> None:
    account = await bench.broker.account()

    assert await bench.broker.positions() == {}
    assert await bench.broker.open_orders() == ()
    assert account == AccountState(Decimal(100_000), margin_usd=Decimal(0), fees_usd=Decimal(0))
    assert bench.broker.drain() == ()


async def test_an_order_is_accepted_before_it_fills(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25"))

    assert kinds(bench.broker.drain()) == [OrderAccepted, OrderFilled]


async def test_a_filled_condor_is_held_leg_by_leg_and_paid_for(bench: Bench) -> None:
    before = await bench.broker.account()

    await bench.broker.submit(approved("1.25", quantity=2))

    fills = fills_of(bench.broker.drain())
    after = await bench.broker.account()
    received = sum((fill.credit * 100 * fill.quantity for fill in fills), Decimal(0))
    fees_usd = sum((fill.fees_usd for fill in fills), Decimal(0))
    assert sum(fill.quantity for fill in fills) == 2
    assert await bench.broker.positions() == {
        SHORT_PUT: -2,
        LONG_PUT: 2,
        SHORT_CALL: -2,
        LONG_CALL: 2,
    }
    assert after.cash_usd - before.cash_usd == received - fees_usd
    assert after.fees_usd - before.fees_usd == fees_usd > 0
    assert after.margin_usd == 5000


async def test_a_fill_is_never_worse_than_the_limit_and_its_legs_add_up(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25"))

    (fill,) = (event for event in bench.broker.drain() if isinstance(event, OrderFilled))
    total = sum(leg.ratio * p for leg, p in zip(CONDOR, fill.leg_prices, strict=True))
    assert fill.credit >= Decimal("1.25")
    assert total == -fill.credit


async def test_a_resting_order_is_listed_until_it_fills(bench: Bench) -> None:
    order = approved("1.50")
    await bench.broker.submit(order)
    assert await bench.broker.open_orders() == (order.order,)
    bench.broker.drain()

    await bench.show({SHORT_PUT: (2.40, 2.60)})

    assert kinds(bench.broker.drain()) == [OrderFilled]
    assert await bench.broker.open_orders() == ()


async def test_a_cancelled_order_stops_working(bench: Bench) -> None:
    await bench.broker.submit(approved("1.50"))
    bench.broker.drain()

    await bench.broker.cancel("test-entry")
    await bench.show({SHORT_PUT: (2.40, 2.60)})

    assert kinds(bench.broker.drain()) == [OrderCancelled]
    assert await bench.broker.positions() == {}


@pytest.mark.parametrize("order_id", ["test-entry", "never-sent"])
async def test_cancelling_what_does_not_work_is_harmless(bench: Bench, order_id: str) -> None:
    await bench.broker.submit(approved("1.25"))
    bench.broker.drain()

    await bench.broker.cancel(order_id)

    assert bench.broker.drain() == ()
    assert len(await bench.broker.positions()) == 4


async def test_the_rest_of_an_order_is_cancelled_at_good_until(bench: Bench) -> None:
    await bench.broker.submit(approved("1.50", quantity=3))
    bench.broker.drain()

    await bench.wait_until(GOOD_UNTIL)

    (event,) = bench.broker.drain()
    assert isinstance(event, OrderCancelled)
    assert (event.order_id, event.remaining) == ("test-entry", 3)


async def test_the_same_order_twice_is_one_order(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25"))
    bench.broker.drain()

    await bench.broker.submit(approved("1.25"))

    assert bench.broker.drain() == ()
    assert (await bench.broker.positions())[SHORT_PUT] == -1


@pytest.mark.parametrize(
    ("limit", "legs", "code"),
    [
        ("1.23", CONDOR, "BAD_TICK"),
        ("25.00", CONDOR, "RISKLESS"),
        ("0.70", (Leg(VIX_CALL, -1),), "UNCOVERED"),
    ],
)
async def test_an_impossible_order_is_rejected_with_a_code_and_a_reason(
    bench: Bench, limit: str, legs: tuple[Leg, ...], code: str
) -> None:
    await bench.broker.submit(approved(limit, legs=legs))

    (event,) = bench.broker.drain()
    assert isinstance(event, OrderRejected)
    assert event.code == code
    assert event.reason
    assert await bench.broker.open_orders() == ()


async def test_an_order_beyond_the_means_is_rejected(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25", quantity=1000))

    (event,) = bench.broker.drain()
    assert isinstance(event, OrderRejected)
    assert event.code == "NO_MARGIN"


async def test_buying_a_condor_back_leaves_the_account_flat(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25"))

    await bench.broker.submit(approved("-2.00", legs=CONDOR_BOUGHT_BACK, name="close"))

    assert await bench.broker.positions() == {}
    assert (await bench.broker.account()).margin_usd == 0


async def test_events_are_given_once_and_wake_the_listener(bench: Bench) -> None:
    woken: list[int] = []
    bench.broker.subscribe(lambda: woken.append(1))

    await bench.broker.submit(approved("1.25"))

    assert woken
    assert bench.broker.drain() != ()
    assert bench.broker.drain() == ()


async def test_executions_are_told_again_from_any_instant_on(bench: Bench) -> None:
    await bench.broker.submit(approved("1.25"))
    await bench.wait_until(START_AT + timedelta(minutes=2))
    await bench.broker.submit(approved("-2.00", legs=CONDOR_BOUGHT_BACK, name="close"))
    told = fills_of(bench.broker.drain())

    everything = await bench.broker.executions(START_AT)
    later = await bench.broker.executions(START_AT + timedelta(minutes=1))

    assert everything == tuple(told)
    assert later == tuple(told[1:])
