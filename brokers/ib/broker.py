"""The port `Broker` over an Interactive Brokers paper account.

Rules of this file:
- An order leaves only over a line that is READY, by way of `sender`; it is in the journal by then.
- What a message leaves open is read again: open and ended orders, then executions.
- A limit is changed only while the line stands and the last change has been acknowledged.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.base import AccountState
from brokers.ib import translate
from brokers.ib.contracts import ContractCache, LastTradeDate
from brokers.ib.diary import PriceDiary
from brokers.ib.finder import ContractFinder
from brokers.ib.holdings import Holdings
from brokers.ib.inbox import RequestFailed
from brokers.ib.ledger import OrderLedger, Reading
from brokers.ib.line import Line
from brokers.ib.messages import (
    CommissionSeen,
    ErrorSeen,
    ExecutionSeen,
    OpenOrderSeen,
    PositionSeen,
    StatusSeen,
    Tick,
    WireEvent,
)
from brokers.ib.sender import Sender
from brokers.ib.settings import IbSettings
from brokers.ib.settling import SettlementValue, SettlesAt, SettlingBook
from brokers.ib.tracked import Stage
from brokers.ib.walker import Walker
from market.errors import BrokerUnavailable
from market.instruments import OptionContract
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    LineChanged,
    Order,
    OrderAccepted,
    OrderFilled,
    OrderRejected,
)

ZERO = Decimal(0)
ACKNOWLEDGED_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order of the journal with its booked fills, for a start-up that goes on."""

    order: Order
    fills: tuple[OrderFilled, ...]
    is_active: bool
    limit_credit: Decimal


@dataclass(frozen=True, slots=True)
class VenueDates:
    """What the calendar knows of series."""

    last_trade_date: LastTradeDate
    settles_at: SettlesAt
    is_open: Callable[[datetime], bool]


class IbBroker:
    """Trades the one configured paper account; every instant is the bot's clock's."""

    def __init__(
        self, settings: IbSettings, clock: Callable[[], datetime], dates: VenueDates
    ) -> None:
        self._settings = settings
        self._clock = clock
        self.cache = ContractCache()
        self.ledger = OrderLedger(self.cache.contract)
        self.line = Line(
            settings,
            clock,
            hear=self._heard,
            resync=self._resync,
            changed=self._line_changed,
            is_open=dates.is_open,
        )
        self.finder = ContractFinder(
            self.cache, lambda: self.line.wire, dates.last_trade_date, clock
        )
        self.sender = Sender(settings, self.line, self.finder, self.ledger)
        self._walker = Walker(
            self.line,
            self.ledger,
            self.cache,
            account=settings.account,
            try_again_after=settings.reread_every,
            reread_at=self._reread_soon,
        )
        self.ticks: Callable[[WireEvent], None] = _ignore
        self.lines_lost: Callable[[], None] = _ignore
        self.settlement_value: SettlementValue = _unknown
        self._settling = SettlingBook(dates.settles_at)
        self._holdings = Holdings(settings.account, self.cache)
        self._events: list[BrokerEvent] = []
        self._listeners: list[Callable[[], None]] = []
        self._diary: PriceDiary | None = None
        self._considered: frozenset[str] = frozenset()
        self._reading: asyncio.Task[None] | None = None
        self._reread_at: datetime | None = None

    def keep_diary(self, diary: PriceDiary) -> None:
        """Have the quotes of orders watched, from before they are sent."""
        self._diary = diary
        self.ledger.mid_of = diary.mid_of
        self.sender.about_to_send = diary.begin

    def restore(self, orders: Iterable[KnownOrder], held: Mapping[OptionContract, int]) -> None:
        """Take over what the journal knows of orders and positions, before connecting."""
        for known in orders:
            self.ledger.restore(
                known.order, known.fills, is_active=known.is_active, limit=known.limit_credit
            )
        self._settling.restore(held)

    async def connect(self) -> None:
        """Connect, hold the account against the paper lock, and read everything.

        Raises:
            BrokerUnavailable: the Gateway cannot be reached or does not answer.
            NotPaper: the settings or the log-in break the paper lock.
        """
        await self.line.connect()
        await self.quiet()

    async def close(self) -> None:
        """Let go of the Gateway; orders that work there go on working."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.line.close()

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order after its margin was asked for; its fate arrives as events."""
        order, at = approved.order, self._clock()
        seen = self.ledger.orders.get(order.order_id)
        if seen is not None:
            if seen.order != order:
                self._reject(order, "DUPLICATE", "its id was already used for another order.")
            return
        if not self.line.is_ready:
            self._reject(order, "LINE", f"the line to the broker is {self.line.phase}.")
        elif order.intent.good_until <= at:
            self._reject(order, "EXPIRED", "the order's good-until lies in the past.")
        else:
            await self._submit(order)

    async def _submit(self, order: Order) -> None:
        refused = await self.sender.send(order)
        if refused is not None:
            if self._diary is not None:
                self._diary.refused(order.order_id)
            self._reject(order, *refused)
            return
        tracked = self.ledger.orders[order.order_id]
        if tracked.stage is Stage.SENT and not tracked.is_accepted:
            self._reread_soon(self._clock() + ACKNOWLEDGED_WITHIN)
        await self.quiet()

    def _reject(self, order: Order, code: str, reason: str) -> None:
        self._publish((OrderRejected(self._clock(), order.order_id, code, reason),))

    async def cancel(self, order_id: str) -> None:
        """Ask for an order to stop working; the answer arrives as an event."""
        tracked = self.ledger.orders.get(order_id)
        if tracked is None or not tracked.is_active:
            return
        self._walker.cancel(tracked, "cancelled on request", self._clock())
        await self.quiet()

    async def _round_trip(self) -> None:
        try:
            await self.line.wire.current_time()
        except BrokerUnavailable:
            return

    async def open_orders(self) -> tuple[Order, ...]:
        """Return those of our orders that work at the broker.

        Raises:
            BrokerUnavailable: no answer.
        """
        seen = await self.line.wire.open_orders(of_all_clients=True)
        names = dict.fromkeys(each.order_ref for each in seen if each.order_ref)
        orders = self.ledger.orders
        return tuple(orders[name].order for name in names if name in orders)

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held in the account, without zeros.

        Raises:
            BrokerUnavailable: no answer.
        """
        self._holdings.clear()
        for seen in await self.line.wire.positions():
            self._holdings.take(seen)
        return self._holdings.held()

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills of our orders at or after `since`, read again from the broker; those
        that wait to be drained are told as events alone.

        Raises:
            BrokerUnavailable: no answer.
        """
        await self.line.wire.executions()
        await self._round_trip()
        untold = {event.fill_id for event in self._events if isinstance(event, OrderFilled)}
        return tuple(f for f in self.ledger.fills_since(since) if f.fill_id not in untold)

    async def account(self) -> AccountState:
        """Return cash and margin as the broker has them, and the fees it has charged so far.

        Raises:
            BrokerUnavailable: no answer, or one without the figures.
        """
        figures = await self.line.wire.account_figures(self._settings.account)
        cash = translate.exact(figures.get("TotalCashValue", ""))
        margin = translate.exact(figures.get("InitMarginReq", ""))
        if cash is None or margin is None:
            raise BrokerUnavailable("the Gateway sent no figures of the account.")
        charges = (sum(t.charges_told.values(), ZERO) for t in self.ledger.orders.values())
        return AccountState(cash, margin, sum(charges, ZERO))

    def strangers(self) -> tuple[str, ...]:
        """Return what is seen at the broker that our orders do not explain, each a sentence.

        Executions of others are not among it: what they changed shows in the positions.
        """
        told = [
            f"an order of {seen.quantity:f} {seen.contract.symbol} that this bot never sent works"
            f" at the broker (reference {seen.order_ref or 'none'!r})"
            for seen in self.ledger.foreign_orders.values()
        ]
        return (*told, *self._holdings.foreign(), *self.ledger.disputes())

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return the events since the last call, oldest first."""
        events = tuple(self._events)
        self._events.clear()
        return events

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever events wait to be drained."""
        self._listeners.append(wake)

    def due(self) -> datetime | None:
        """Return when time alone next changes something, or None."""
        instants = [self.line.due()]
        if self.line.is_ready:
            instants += [self._reread_at, self._settling.due(), self._walker.due()]
            instants += [None if self._diary is None else self._diary.due()]
        return min((at for at in instants if at is not None), default=None)

    def advance(self, at: datetime) -> None:
        """Begin everything that is due up to and including `at`.

        Raises:
            NotPaper: the last connection showed another account than the paper one.
        """
        self.line.advance(at)
        if not self.line.is_ready:
            return
        self._walker.tend(at)
        if self._diary is not None:
            self._publish(self._diary.advance(at))
        is_due = self._reread_at is not None and self._reread_at <= at
        if is_due:
            self.ledger.doubt_cancels()
        if self._reading is None and (is_due or self._settling.due_series(at)):
            self._read_again()

    async def quiet(self) -> None:
        """Wait until all that was begun is over and every answer to it has been heard."""
        while True:
            await self.line.quiet()
            await self._round_trip()
            if self._reading is not None:
                await asyncio.gather(self._reading, return_exceptions=True)
            elif not self.line.is_busy:
                return

    def _heard(self, event: WireEvent) -> None:
        if isinstance(event, Tick):
            self.ticks(event)  # as often as all the rest together a hundred times
        else:
            self._heard_of_orders(event)
        if self.ledger.doubted and self.ledger.doubted - self._considered and self.line.is_ready:
            self._read_again()

    def _heard_of_orders(self, event: WireEvent) -> None:
        at = self._clock()
        self.sender.note_ids(event)
        if isinstance(event, OpenOrderSeen):
            self._publish(self.ledger.open_order(event, at))
        elif isinstance(event, StatusSeen):
            self._publish(self.ledger.status(event, at))
        elif isinstance(event, ExecutionSeen):
            self._publish(self.ledger.execution(event, at))
        elif isinstance(event, CommissionSeen):
            self._publish(self.ledger.commission(event, at))
        elif isinstance(event, PositionSeen):
            self._holdings.take(event)
        elif isinstance(event, ErrorSeen):
            self.ledger.error(event)
        self.ticks(event)

    def _line_changed(self, event: LineChanged) -> None:
        if not self.line.is_ready:
            self.ledger.doubt_all()
            self.lines_lost()
            if self._diary is not None:
                self._diary.forget_lines()
        self._publish((event,))

    def _reread_soon(self, at: datetime) -> None:
        self._reread_at = at if self._reread_at is None else min(at, self._reread_at)

    def _read_again(self) -> None:
        """Begin a reading unless one runs; what came into doubt meanwhile waits for the next."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            await self._read_orders()
            await self._settle()
        except (BrokerUnavailable, RequestFailed):
            self._reread_soon(self._clock() + self._settings.reread_every)
        finally:
            self._reading = None

    async def _read_orders(self) -> None:
        self._reread_at = None
        names = self._considered = frozenset(self.ledger.doubted)
        wire = self.line.wire
        reading = Reading(
            await wire.open_orders(of_all_clients=True), await wire.completed_orders()
        )
        await wire.executions()
        await wire.current_time()  # commissions follow the executions
        self._publish(self.ledger.conclude(reading, self._clock(), names))
        self._considered &= self.ledger.doubted
        if self.ledger.doubted:
            self._reread_soon(self._clock() + self._settings.reread_every)

    async def _resync(self) -> None:
        """Read all that READY stands for: positions, orders, executions, figures."""
        self.ledger.doubt_all()
        self._walker.forget_changes()
        await self.positions()
        await self.finder.con_ids(
            leg.contract for t in self.ledger.active() for leg in t.order.intent.legs
        )
        await self._read_orders()
        await self.account()
        await self._settle()

    async def _settle(self) -> None:
        for key in self._settling.due_series(self._clock()):
            gone = not any(
                (contract.trading_class, contract.expiry) == key
                for contract in self._holdings.held()
            )
            value = await self.settlement_value(*key) if gone else None
            at = self._clock()
            if value is None:
                self._publish(self._settling.wait(key, at))
            else:
                self._publish(self._settling.settle(key, value, at))

    def _publish(self, events: Iterable[BrokerEvent]) -> None:
        told: list[BrokerEvent] = []
        for event in events:
            told.append(event)
            if isinstance(event, OrderFilled):
                self._settling.filled(event, self.ledger.orders[event.order_id].order.intent.legs)
            elif isinstance(event, OrderAccepted):
                self._walker.begin(event)
            tracked = self.ledger.orders.get(getattr(event, "order_id", ""))
            if self._diary is not None and tracked is not None:
                told += self._diary.hear(event, tracked)
        self._events += told
        for wake in self._listeners if told else ():
            wake()


def _ignore(*_: WireEvent) -> None:
    """Do nothing: nobody looks at quotes, and no line could be lost."""


async def _unknown(_trading_class: object, _expiry: object) -> Decimal | None:
    return None
