"""Our own book of orders at TWS: what was sent, what came back, and what is concluded from it.

Rules of this file:
- An order is known by its reference (our order id) and by TWS's permanent id, never by an object
  of the client library.
- Executions decide what filled. A status alone never ends an order: "Cancelled", "Inactive" and
  every refusing code only ask for the order to be read again; what the reading of open orders,
  ended orders and executions shows together is concluded in `conclude`.
- Events are told once: accepted before filled, each fill and each charge by its own id.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.ib.codes import REJECTING, Reaction, rejection, rule_of
from brokers.ib.messages import (
    CommissionSeen,
    ContractSeen,
    ErrorSeen,
    ExecutionSeen,
    OpenOrderSeen,
    StatusSeen,
)
from brokers.ib.pairing import ComboFill, ExecutionPairing
from brokers.ib.tracked import Stage, TrackedOrder
from brokers.ib.translate import credit_of
from market.instruments import OptionContract
from market.orders import (
    BrokerEvent,
    FillCharged,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
)

ZERO = Decimal(0)
PASSES_UNTIL_LOST = 2
MOST_CHARGE_USD = Decimal(1_000)  # per contract; more is a sentinel or a mistake

WORKING_STATUSES = frozenset({"PreSubmitted", "Submitted"})
ENDING_STATUSES = frozenset({"Cancelled", "ApiCancelled", "Inactive", "Filled"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What TWS says works and has ended, read together and after the executions."""

    open_orders: tuple[OpenOrderSeen, ...]
    completed: tuple[OpenOrderSeen, ...]


MidAtFill = Callable[[str, datetime], Decimal | None]


def _unknown_mid(_order_id: str, _filled_at: datetime) -> None:
    """Know no mid: nobody watches the quotes."""


class OrderLedger:
    """All orders of this run at TWS, and what is seen there that is not ours."""

    def __init__(self, contract_of: Callable[[ContractSeen], OptionContract | None]) -> None:
        self._contract_of = contract_of
        self.mid_of: MidAtFill = _unknown_mid
        self.orders: dict[str, TrackedOrder] = {}
        self.foreign_orders: dict[int, OpenOrderSeen] = {}
        self.doubted: set[str] = set()
        self._order_of_stem: dict[str, str] = {}
        self._early_charges: dict[str, Decimal] = {}
        self._disputes: list[str] = []

    def restore(
        self, order: Order, booked: Iterable[OrderFilled], *, is_active: bool, limit: Decimal
    ) -> None:
        """Take in an order of the journal with the fills and charges that it has booked."""
        fills = tuple(booked)
        combos = [ComboFill(fill.at, fill.quantity, fill.leg_prices) for fill in fills]
        tracked = TrackedOrder(
            order,
            ExecutionPairing(order.intent.legs, combos),
            Stage.SENT if is_active else Stage.ENDED,
            limit,
            is_accepted=bool(fills),
            fills_told=len(fills),
            charges_told={number: fill.fees_usd for number, fill in enumerate(fills)},
            mids={number: fill.mid_credit for number, fill in enumerate(fills)},
        )
        self.orders[order.order_id] = tracked
        if is_active:
            self.doubted.add(order.order_id)

    def begin(self, order: Order, tws_order_id: int) -> TrackedOrder:
        """Note that an order is about to be sent."""
        pairing = ExecutionPairing(order.intent.legs)
        tracked = TrackedOrder(order, pairing, Stage.SENT, order.intent.limit_credit, tws_order_id)
        self.orders[order.order_id] = tracked
        return tracked

    def active(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that may still fill, oldest first."""
        return tuple(tracked for tracked in self.orders.values() if tracked.is_active)

    def by_tws_id(self, tws_order_id: int) -> TrackedOrder | None:
        """Return the order that was sent under a number of this connection."""
        for tracked in self.orders.values():
            if tracked.tws_order_id == tws_order_id and tws_order_id:
                return tracked
        return None

    def doubt(self, tracked: TrackedOrder) -> None:
        """Have an order read again before anything is concluded."""
        if tracked.is_active:
            self.doubted.add(tracked.order.order_id)

    def doubt_all(self) -> None:
        """Have every active order read again: the line was down."""
        for tracked in self.active():
            self.doubted.add(tracked.order.order_id)

    def doubt_cancels(self) -> None:
        """Have the orders read again whose cancel was not answered in time."""
        for tracked in self.active():
            if tracked.stage is Stage.CANCELLING:
                self.doubted.add(tracked.order.order_id)

    def disputes(self) -> tuple[str, ...]:
        """Return contradictions that no further message can explain."""
        told = list(self._disputes)
        for tracked in self.orders.values():
            name = tracked.order.order_id
            told += [f"order {name}: {text}" for text in tracked.pairing.disputes]
            objection = tracked.pairing.bag_objection()
            if objection is not None:
                told.append(f"order {name}: {objection}")
        return tuple(told)

    def open_order(self, seen: OpenOrderSeen, at: datetime) -> tuple[BrokerEvent, ...]:
        """Take in that TWS speaks of an order."""
        tracked = self.orders.get(seen.order_ref)
        if tracked is None:
            if seen.status not in ENDING_STATUSES:
                self.foreign_orders[seen.perm_id] = seen
            return ()
        if not self._is_same(tracked, seen):
            return ()
        tracked.tws_order_id = seen.tws_order_id or tracked.tws_order_id
        is_combo = tracked.order.intent.is_combo
        events = self._moved(tracked, seen.status, at)
        if seen.limit_price is not None and seen.status not in ENDING_STATUSES:
            limit = credit_of(seen.action, seen.limit_price, is_combo=is_combo)
            events += self._repriced(tracked, limit, at)
        return events

    def _repriced(
        self, tracked: TrackedOrder, limit: Decimal, at: datetime
    ) -> tuple[BrokerEvent, ...]:
        if limit == tracked.limit_credit:
            return ()
        tracked.limit_credit = limit
        return (OrderRepriced(at, tracked.order.order_id, limit),)

    def _is_same(self, tracked: TrackedOrder, seen: OpenOrderSeen) -> bool:
        """Tell whether it is the one order of that reference; a second one is a contradiction."""
        if tracked.perm_id and seen.perm_id and tracked.perm_id != seen.perm_id:
            dispute = f"order {seen.order_ref} exists twice at the broker"
            if dispute not in self._disputes:
                self._disputes.append(dispute)
            return False
        tracked.perm_id = seen.perm_id or tracked.perm_id
        return True

    def status(self, seen: StatusSeen, at: datetime) -> tuple[BrokerEvent, ...]:
        """Take in a status message."""
        tracked = self.by_tws_id(seen.tws_order_id)
        if tracked is None:
            return ()
        tracked.perm_id = tracked.perm_id or seen.perm_id
        if seen.filled > tracked.pairing.filled and seen.status not in ENDING_STATUSES:
            self.doubt(tracked)  # an execution was told by its status alone
        return self._moved(tracked, seen.status, at)

    def _moved(self, tracked: TrackedOrder, status: str, at: datetime) -> tuple[BrokerEvent, ...]:
        if status in ENDING_STATUSES:
            if status != "Filled" or tracked.remaining:
                self.doubt(tracked)
            return ()
        if status in WORKING_STATUSES and tracked.stage is Stage.SENT:
            tracked.stage = Stage.WORKING
        return self._accepted(tracked, at) if status in WORKING_STATUSES else ()

    def _accepted(self, tracked: TrackedOrder, at: datetime) -> tuple[BrokerEvent, ...]:
        if tracked.is_accepted:
            return ()
        tracked.is_accepted = True
        return (OrderAccepted(at, tracked.order.order_id),)

    def error(self, seen: ErrorSeen) -> None:
        """Take in an error that names an order; none of them ends it."""
        tracked = self.by_tws_id(seen.request_id)
        if tracked is None or rule_of(seen.code).reaction is Reaction.NOTICE:
            return
        if seen.code in REJECTING and not tracked.is_accepted:
            tracked.refusal = seen
        self.doubt(tracked)

    def execution(self, seen: ExecutionSeen, at: datetime) -> tuple[BrokerEvent, ...]:
        """Take in an execution, which may be late, repeated, corrected, or not ours."""
        tracked = self.orders.get(seen.order_ref)
        if tracked is None:
            return ()
        tracked.perm_id = tracked.perm_id or seen.perm_id
        if seen.contract.is_bag:
            tracked.pairing.take_bag(seen)
            return ()
        index = self._leg_of(tracked, seen.contract)
        if index is None:
            tracked.pairing.disputes.append(
                f"execution {seen.exec_id} is in a contract that is no leg of it"
            )
            return ()
        tracked.pairing.take(index, seen)
        self._order_of_stem[seen.stem] = seen.order_ref
        early = self._early_charges.pop(seen.stem, None)
        if early is not None:
            tracked.pairing.charge(seen.stem, early)
        return self._new_fills(tracked, at)

    def _leg_of(self, tracked: TrackedOrder, seen: ContractSeen) -> int | None:
        contract = self._contract_of(seen)
        legs = tracked.order.intent.legs
        found = (number for number, leg in enumerate(legs) if leg.contract == contract)
        return next(found, None)

    def _new_fills(self, tracked: TrackedOrder, at: datetime) -> tuple[BrokerEvent, ...]:
        events: list[BrokerEvent] = []
        for number in range(tracked.fills_told, len(tracked.pairing.fills)):
            events += self._accepted(tracked, at)
            name, filled_at = tracked.order.order_id, tracked.pairing.fills[number].at
            tracked.mids[number] = self.mid_of(name, filled_at)
            fill = self._fill(tracked, number)
            tracked.charges_told[number] = fill.fees_usd
            events.append(fill)
        tracked.fills_told = len(tracked.pairing.fills)
        if tracked.remaining <= 0:
            tracked.stage = Stage.ENDED
            self.doubted.discard(tracked.order.order_id)
        return (*events, *self._new_charges(tracked, at))

    def _fill(self, tracked: TrackedOrder, number: int) -> OrderFilled:
        fill = tracked.pairing.fills[number]
        legs = tracked.order.intent.legs
        return OrderFilled(
            at=fill.at,
            order_id=tracked.order.order_id,
            fill_id=tracked.fill_id(number),
            quantity=fill.quantity,
            credit=fill.credit(legs),
            leg_prices=fill.leg_prices,
            commission_usd=tracked.pairing.charge_of(number) or ZERO,
            exchange_fees_usd=ZERO,
            mid_credit=tracked.mids.get(number),
        )

    def _new_charges(self, tracked: TrackedOrder, at: datetime) -> tuple[BrokerEvent, ...]:
        events: list[BrokerEvent] = []
        for number in range(tracked.fills_told):
            charge = tracked.pairing.charge_of(number)
            if charge is None or charge == tracked.charges_told.get(number):
                continue
            tracked.charges_told[number] = charge
            name, fill_id = tracked.order.order_id, tracked.fill_id(number)
            events.append(FillCharged(at, name, fill_id, charge, ZERO))
        return tuple(events)

    def commission(self, seen: CommissionSeen, at: datetime) -> tuple[BrokerEvent, ...]:
        """Take in the charge of an execution; one without a believable number is left out."""
        charge = seen.commission_usd
        if charge is None or abs(charge) > MOST_CHARGE_USD:
            return ()
        name = self._order_of_stem.get(seen.stem)
        if name is None:
            self._early_charges[seen.stem] = charge
            return ()
        tracked = self.orders[name]
        tracked.pairing.charge(seen.stem, charge)
        return self._new_charges(tracked, at)

    def conclude(
        self, reading: Reading, at: datetime, names: Iterable[str] | None = None
    ) -> tuple[BrokerEvent, ...]:
        """Draw the conclusions of a reading for the orders that were in doubt when it began.

        The executions must have been read after the open orders, so that a fill which took an
        order off that list is known.
        """
        ours = {seen.order_ref: seen for seen in reading.open_orders if seen.order_ref}
        ended = {seen.order_ref: seen for seen in reading.completed if seen.order_ref}
        self.foreign_orders = {
            seen.perm_id: seen for seen in reading.open_orders if seen.order_ref not in self.orders
        }
        events: list[BrokerEvent] = []
        for name in sorted(self.doubted if names is None else self.doubted & set(names)):
            tracked = self.orders[name]
            if name in ours:
                events += self._still_open(tracked, ours[name], at)
            else:
                events += self._gone(tracked, ended.get(name), at)
        return tuple(events)

    def _still_open(
        self, tracked: TrackedOrder, seen: OpenOrderSeen, at: datetime
    ) -> tuple[BrokerEvent, ...]:
        tracked.refusal = None
        tracked.passes_unseen = 0
        tracked.stage = Stage.WORKING  # a cancel that was not heeded is sent again
        self.doubted.discard(tracked.order.order_id)
        self._is_same(tracked, seen)
        tracked.tws_order_id = seen.tws_order_id or tracked.tws_order_id
        return self._accepted(tracked, at)

    def _gone(
        self, tracked: TrackedOrder, ended: OpenOrderSeen | None, at: datetime
    ) -> tuple[BrokerEvent, ...]:
        name = tracked.order.order_id
        if ended is not None and ended.status == "Filled" and tracked.remaining:
            return ()  # its executions are still to come: stay in doubt
        was_seen = ended is not None or tracked.is_accepted or tracked.perm_id or tracked.refusal
        if not was_seen:
            tracked.passes_unseen += 1
            if tracked.passes_unseen < PASSES_UNTIL_LOST:
                return ()
        tracked.stage = Stage.ENDED
        self.doubted.discard(name)
        if tracked.pairing.filled == 0 and tracked.refusal is not None:
            code, reason = rejection(tracked.refusal)
            return (OrderRejected(at, name, code, reason),)
        if not was_seen:
            reason = "it never reached the broker: in no list there, read twice."
            return (OrderRejected(at, name, "LOST", reason),)
        return (OrderCancelled(at, name, tracked.remaining, tracked.cancel_reason),)

    def fills_since(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return all fills known at or after an instant, oldest first."""
        fills = [
            self._fill(tracked, number)
            for tracked in self.orders.values()
            for number in range(len(tracked.pairing.fills))
        ]
        return tuple(sorted((f for f in fills if f.at >= since), key=lambda fill: fill.at))
