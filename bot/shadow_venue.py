"""The simulated exchange before the broker's quotes: the venue of the profile `shadow`.

The exchange asks for quotes without waiting, so the legs of what works there are looked at before
each of its turns; it sees what was looked at last.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from brokers.base import AccountState
from brokers.ib.broker import IbBroker
from brokers.ib.feed import IbFeed
from brokers.ib.settling import SettlesAt
from brokers.sim.broker import SimBroker
from brokers.sim.store import ExchangeStore
from market.errors import BrokerUnavailable
from market.instruments import OptionContract, TradingClass
from market.orders import ApprovedOrder, BrokerEvent, LineChanged, Order, OrderFilled
from market.quotes import Quote

SeriesKey = tuple[TradingClass, date]


class ShadowMarket:
    """Quotes and settlement values that were looked at last."""

    def __init__(self, feed: IbFeed, settles_at: SettlesAt) -> None:
        self._feed = feed
        self._settles_at = settles_at
        self._quotes: dict[OptionContract, Quote] = {}
        self._values: dict[SeriesKey, Decimal] = {}

    async def look(self, contracts: Iterable[OptionContract]) -> None:
        """Look at contracts now.

        Raises:
            BrokerUnavailable: the line is down.
        """
        self._quotes.update(await self._feed.quotes(contracts))

    async def value(self, held: Iterable[OptionContract], at: datetime) -> None:
        """Ask for the settlement values of what is held and has expired.

        Raises:
            BrokerUnavailable: the line is down.
        """
        for key in {(c.trading_class, c.expiry) for c in held}:
            if key not in self._values and self._settles_at(*key) <= at:
                value = await self._feed.settlement_value(*key)
                if value is not None:
                    self._values[key] = value

    def quotes(
        self, contracts: Iterable[OptionContract], _at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return what was seen of the contracts last."""
        return {c: self._quotes[c] for c in contracts if c in self._quotes}

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the settlement value, None while it is not known."""
        return self._values.get((trading_class, expiry))

    def settlement_known(self, trading_class: TradingClass, expiry: date, _at: datetime) -> bool:
        """Tell whether the settlement value is known."""
        return (trading_class, expiry) in self._values


class ShadowBroker:
    """The simulated exchange, kept supplied with quotes over the adapter's line."""

    def __init__(
        self,
        sim: SimBroker,
        market: ShadowMarket,
        line: IbBroker,
        store: ExchangeStore,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._looking: asyncio.Task[None] | None = None
        self._sim = sim
        self._market = market
        self._line = line
        self._store = store

    async def connect(self) -> None:
        """Tell whether the line stands, which the adapter mends by itself."""
        await self._line.connect()

    async def close(self) -> None:
        """Let go of the line and of the exchange's file."""
        await self.quiet()
        await self._line.close()
        self._store.close()

    async def retell(self, heard: int) -> None:
        """Put the exchange's events after the first `heard` ones up for draining again.

        Raises:
            BooksDiffer: so many were never told.
        """
        await self._sim.retell(heard)

    async def submit(self, approved: ApprovedOrder) -> None:
        """Take an order to the simulated exchange on fresh quotes of its legs."""
        await self._market.look(leg.contract for leg in approved.order.intent.legs)
        await self._sim.submit(approved)

    async def cancel(self, order_id: str) -> None:
        """Stop an order unless it is finished."""
        await self._sim.cancel(order_id)

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work at the simulated exchange."""
        return await self._sim.open_orders()

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held there."""
        return await self._sim.positions()

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills at or after `since`."""
        return await self._sim.executions(since)

    async def account(self) -> AccountState:
        """Return the simulated account."""
        return await self._sim.account()

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return what the exchange told, and how the line fares."""
        lines = [event for event in self._line.drain() if isinstance(event, LineChanged)]
        return (*lines, *self._sim.drain())

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever events wait to be drained."""
        self._sim.subscribe(wake)
        self._line.subscribe(wake)

    def due(self) -> datetime | None:
        """Return when time alone next changes something."""
        instants = [at for at in (self._sim.due(), self._line.due()) if at is not None]
        return min(instants, default=None)

    def advance(self, at: datetime) -> None:
        """Begin everything that is due: the market is looked at first, then the venue turns."""
        self._line.advance(at)
        due = self._sim.due()
        is_due = due is not None and due <= at
        if is_due and self._looking is None and self._line.line.is_ready:
            self._looking = asyncio.get_running_loop().create_task(self._turn())

    async def _turn(self) -> None:
        """Look at the legs of what works, ask for the values of what has expired, and go on."""
        try:
            orders = await self._sim.open_orders()
            await self._market.look(leg.contract for o in orders for leg in o.intent.legs)
            await self._market.value(await self._sim.positions(), self._clock())
            self._sim.advance(self._clock())
        except BrokerUnavailable:
            return
        finally:
            self._looking = None

    async def quiet(self) -> None:
        """Wait until what was begun is over."""
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
