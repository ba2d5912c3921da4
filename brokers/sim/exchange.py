"""The simulated exchange: a state machine that turns orders, quotes and time into events.

It has no clock, no market and no I/O of its own: every call brings the instant and the quotes.
Equal calls give equal events. What it holds at any moment obeys two laws: no short is without a
long of its right, class and expiry against it, and cash never falls below margin.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.base import AccountState
from brokers.sim.admission import (
    Refusal,
    RejectionCode,
    VenueRules,
    WorkingOrder,
    limit_after,
    margin_refusal,
    one_of_each_series,
    refusal,
    reservation_usd,
)
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import FillModel, PackagePrice, allocate
from brokers.sim.ledger import Ledger
from brokers.sim.margin import SeriesKey, series_of
from market.errors import InvariantBroken
from market.instruments import OptionContract
from market.orders import (
    ApprovedOrder,
    BrokerEvent,
    FillReviewed,
    Leg,
    LookVerdict,
    Order,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderLooked,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
)
from market.quotes import Quote

ZERO = Decimal(0)
REVIEW_AFTER = timedelta(minutes=1)
EXECUTIONS_KEPT = timedelta(days=7)

TURNED_DOWN = Refusal(
    RejectionCode.VENUE,
    "the venue turned the order down, as fills.reject_share says it sometimes does.",
)

Quotes = Mapping[OptionContract, Quote]


@dataclass(frozen=True, slots=True)
class PendingReview:
    """A fill that is looked at again a minute later."""

    due_at: datetime
    legs: tuple[Leg, ...]
    fill: OrderFilled


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """All that an exchange holds, but for the orders it has seen; lists keep their order."""

    cash_usd: Decimal
    fees_usd: Decimal
    positions: tuple[tuple[OptionContract, int], ...]
    working: tuple[WorkingOrder, ...]
    reviews: tuple[PendingReview, ...]
    executed: tuple[OrderFilled, ...]


def _no_vix(_at: datetime) -> None:
    """Know no VIX: fills are then reviewed without a drift."""


class SimExchange:
    """Works limit orders on single options and combos, and settles what expires in cash."""

    def __init__(
        self,
        *,
        cash_usd: Decimal,
        fees: FeeSchedule,
        fills: FillModel,
        trading_ends_at: Callable[[OptionContract], datetime],
        is_open: Callable[[OptionContract, datetime], bool],
        is_listed: Callable[[OptionContract, datetime], bool],
        vix_at: Callable[[datetime], float | None] = _no_vix,
        keeps_diary: bool = False,
    ) -> None:
        """Open with some cash; with `keeps_diary` every evaluation is an event of its own."""
        self._fees = fees
        self._fills = fills
        self._vix_at = vix_at
        self._keeps_diary = keeps_diary
        self._rules = VenueRules(trading_ends_at, is_open, is_listed)
        self._ledger = Ledger(cash_usd)
        self._seen: dict[str, Order] = {}
        self._working: dict[str, WorkingOrder] = {}
        self._reviews: list[PendingReview] = []
        self._executed: deque[OrderFilled] = deque()

    def state(self) -> ExchangeState:
        """Return what must be kept to go on later; working orders in it are the living ones."""
        account = self._ledger.account()
        return ExchangeState(
            account.cash_usd,
            account.fees_usd,
            tuple(self._ledger.positions().items()),
            tuple(self._working.values()),
            tuple(self._reviews),
            tuple(self._executed),
        )

    def resume(self, state: ExchangeState, seen: Iterable[Order]) -> None:
        """Go on from what was kept, with every order ever seen, oldest first."""
        positions = dict(state.positions)
        self._ledger = Ledger.resume(state.cash_usd, state.fees_usd, positions)
        self._seen = {order.order_id: order for order in seen}
        self._working = {working.order.order_id: working for working in state.working}
        self._reviews = list(state.reviews)
        self._executed = deque(state.executed)

    def has_seen(self, order_id: str) -> bool:
        """Tell whether an order of that id ever came, whatever became of it."""
        return order_id in self._seen

    def submit(
        self, approved: ApprovedOrder, at: datetime, quotes: Quotes
    ) -> tuple[BrokerEvent, ...]:
        """Take or turn down an order and let it trade at once where it can.

        The same order sent again changes nothing and says nothing.
        """
        order = approved.order
        seen = self._seen.get(order.order_id)
        if seen is not None:
            return () if seen == order else (_duplicate(order, at),)
        self._seen[order.order_id] = order
        refused = self.objection(order, at, quotes)
        if refused is not None:
            return (OrderRejected(at, order.order_id, refused.code, refused.reason),)
        working = self._accept(order, at)
        return (OrderAccepted(at, order.order_id), *self._evaluate(working, at, quotes))

    def objection(
        self, order: Order, at: datetime, quotes: Quotes, *, instead_of: str = ""
    ) -> Refusal | None:
        """Return why an order is turned down, were it to come now in place of another, or None."""
        if self._fills.is_turned_down(order.order_id):
            return TURNED_DOWN
        others = [each for name, each in self._working.items() if name != instead_of]
        refused = refusal(order, at, quotes, rules=self._rules, ledger=self._ledger, working=others)
        if refused is not None:
            return refused
        needed_usd = reservation_usd(order.intent, self._fees, self._ledger)
        return margin_refusal(needed_usd, self._ledger, others)

    def cancel(self, order_id: str, at: datetime) -> tuple[BrokerEvent, ...]:
        """Stop an order; one that is unknown or finished gives no event (a fill may be first)."""
        working = self._working.get(order_id)
        return () if working is None else (self._end(working, at, "cancelled on request"),)

    def on_market(self, at: datetime, quotes: Quotes) -> tuple[BrokerEvent, ...]:
        """Let everything happen that is due at `at`: time-outs, steps, fills, reviews of fills."""
        events: list[BrokerEvent] = []
        for working in tuple(self._working.values()):
            if working.ends_at <= at:
                events.append(self._end(working, at, _ending(working)))
            else:
                events += self._step(working, at)
                events += self._evaluate(working, at, quotes)
        events += self._review(at, quotes)
        return tuple(events)

    def settle(
        self, series: SeriesKey, settlement_points: Decimal, at: datetime, is_official: bool
    ) -> tuple[BrokerEvent, ...]:
        """Turn all positions of one class and expiry into cash, exactly once, shorts first.

        A whole series settles on one value at one instant, so that no short outlives its long.

        Raises:
            InvariantBroken: the series still trades.
        """
        held = sorted(self._ledger.held(series).items(), key=lambda row: row[1] > 0)
        if not held:
            return ()
        if at < self._rules.trading_ends_at(held[0][0]):
            raise InvariantBroken(f"{held[0][0].symbol} cannot settle while it trades")
        events: list[BrokerEvent] = list(self._lapse(series, at))
        cash_usd = ZERO
        for contract, position in held:
            value = contract.intrinsic_points(settlement_points)
            # The sum with zero turns a worthless short's −0 into 0.
            cash = position * value * contract.multiplier + ZERO
            cash_usd += cash
            events.append(
                PositionSettled(at, contract, position, value, settlement_points, cash, is_official)
            )
        self._ledger.book_settlement(series, cash_usd)
        return tuple(events)

    def due(self) -> datetime | None:
        """Return when time alone next changes something, or None."""
        instants: list[datetime] = [review.due_at for review in self._reviews]
        for working in self._working.values():
            step, rest = working.step_due_at, working.rests_until
            instants += [t for t in (working.ends_at, step, rest) if t is not None]
        return min(instants, default=None)

    def contracts_of_interest(self, at: datetime) -> tuple[OptionContract, ...]:
        """Return the legs of working orders and of fills whose review is due at `at`."""
        combos = [working.intent.legs for working in self._working.values()]
        combos += [review.legs for review in self._reviews if review.due_at <= at]
        return tuple(dict.fromkeys(leg.contract for legs in combos for leg in legs))

    def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work, oldest first."""
        return tuple(working.order for working in self._working.values())

    def positions(self) -> dict[OptionContract, int]:
        """Return signed contracts held, without zeros."""
        return self._ledger.positions()

    def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills at or after `since`, oldest first; older ones than a week are gone."""
        return tuple(fill for fill in self._executed if fill.at >= since)

    def series_held(self) -> tuple[SeriesKey, ...]:
        """Return the class and expiry of everything held."""
        return self._ledger.series()

    def account(self) -> AccountState:
        """Return cash, margin and fees in dollars."""
        return self._ledger.account()

    def _accept(self, order: Order, at: datetime) -> WorkingOrder:
        intent = order.intent
        of_each_series = one_of_each_series(intent.legs)
        working = WorkingOrder(
            order=order,
            accepted_at=at,
            ends_at=min(intent.good_until, *map(self._rules.trading_ends_at, of_each_series)),
            limit_credit=intent.limit_credit,
            remaining=intent.quantity,
            reserved_usd=reservation_usd(intent, self._fees, self._ledger),
            one_of_each_series=of_each_series,
            rests_until=at + self._fills.latency if self._fills.latency else None,
        )
        self._working[order.order_id] = working
        return working

    def _step(self, working: WorkingOrder, at: datetime) -> list[BrokerEvent]:
        events: list[BrokerEvent] = []
        while (due := working.step_due_at) is not None and due <= at:
            working.steps_taken += 1
            limit = limit_after(working.intent, working.steps_taken)
            if limit != working.limit_credit:
                working.limit_credit = limit
                events.append(OrderRepriced(at, working.order.order_id, limit))
        return events

    def _evaluate(
        self, working: WorkingOrder, at: datetime, quotes: Quotes
    ) -> tuple[BrokerEvent, ...]:
        if working.rests_until is not None:
            if at < working.rests_until:
                return ()
            working.rests_until = None
        if not all(self._rules.is_open(contract, at) for contract in working.one_of_each_series):
            return self._noted(working, at, None, LookVerdict.CLOSED)
        package = self._fills.price(working.intent.legs, quotes, at)
        if package is None:
            return self._noted(working, at, None, LookVerdict.NO_PRICE)
        order_id = working.order.order_id
        evaluation = working.evaluation(at, self._fills.redraw_every)
        verdict, credit = self._fills.look(package, working.limit_credit, order_id, evaluation)
        looked = self._noted(working, at, package, verdict)
        if credit is None:
            return looked
        return (*looked, self._execute(working, at, package, credit))

    def _noted(
        self,
        working: WorkingOrder,
        at: datetime,
        package: PackagePrice | None,
        verdict: LookVerdict,
    ) -> tuple[BrokerEvent, ...]:
        """Return a line of the price diary, unless it only repeats the last one."""
        if not self._keeps_diary:
            return ()
        natural = None if package is None else package.natural_credit
        mid = None if package is None else package.mid_credit
        order_id = working.order.order_id
        look = OrderLooked(at, order_id, working.limit_credit, natural, mid, verdict)
        last, working.last_look = working.last_look, look
        is_repeated = last is not None and replace(last, at=at) == look
        return () if is_repeated else (look,)

    def _execute(
        self, working: WorkingOrder, at: datetime, package: PackagePrice, credit: Decimal
    ) -> BrokerEvent:
        legs, order_id = working.intent.legs, working.order.order_id
        quantity = self._fills.fill_quantity(order_id, working.executions, working.remaining)
        prices = allocate(legs, package, credit)
        charge = self._fees.charge(legs, prices, quantity, earlier_tiers_usd=working.tiers_usd)
        fees_usd = charge.commission_usd + charge.exchange_fees_usd
        traded_usd = credit * legs[0].contract.multiplier * quantity
        after = self._ledger.after_fill(legs, quantity)
        if not self._can_afford(traded_usd - fees_usd - after.margin_change_usd):
            return self._end(working, at, "no margin left for a fill")
        self._ledger.book_fill(after, traded_usd, fees_usd)
        working.executions += 1
        working.remaining -= quantity
        working.tiers_usd = (working.tiers_usd or ZERO) + charge.tiers_usd
        if working.remaining:
            working.rests_until = at + self._fills.redraw_every
        else:
            del self._working[order_id]
        filled = OrderFilled(
            at=at,
            order_id=order_id,
            fill_id=f"{order_id}/{working.executions}",
            quantity=quantity,
            credit=credit,
            leg_prices=prices,
            commission_usd=charge.commission_usd,
            exchange_fees_usd=charge.exchange_fees_usd,
            mid_credit=package.mid_credit,
        )
        self._reviews.append(PendingReview(at + REVIEW_AFTER, legs, filled))
        self._remember(filled)
        return filled

    def _remember(self, filled: OrderFilled) -> None:
        self._executed.append(filled)
        while self._executed[0].at < filled.at - EXECUTIONS_KEPT:
            self._executed.popleft()

    def _can_afford(self, change_of_free_usd: Decimal) -> bool:
        """Tell whether a fill leaves cash ≥ margin.

        Reservations are reckoned order by order at submission; two orders that lean on the same
        long can together need more than both reserved.
        """
        return self._ledger.free_usd + change_of_free_usd >= 0

    def _review(self, at: datetime, quotes: Quotes) -> list[BrokerEvent]:
        """Review fills that are a minute old; without a mid at that time there is no review."""
        events: list[BrokerEvent] = []
        for review in tuple(self._reviews):
            if review.due_at > at:
                continue
            self._reviews.remove(review)
            package = self._fills.price(review.legs, quotes, at)
            if package is not None and package.mid_credit is not None:
                events.append(self._reviewed(review, at, package.mid_credit))
        return events

    def _reviewed(self, review: PendingReview, at: datetime, mid: Decimal) -> FillReviewed:
        fill, underlying = review.fill, review.legs[0].contract.spec.underlying
        drift = self._fills.drift_points(underlying, self._vix_at(at), fill.fill_id)
        mid += drift
        change = mid - fill.credit
        return FillReviewed(at, fill.order_id, fill.fill_id, mid, change, drift)

    def _lapse(self, series: SeriesKey, at: datetime) -> list[BrokerEvent]:
        return [
            self._end(working, at, "its series expired")
            for working in tuple(self._working.values())
            if any(series_of(leg.contract) == series for leg in working.intent.legs)
        ]

    def _end(self, working: WorkingOrder, at: datetime, reason: str) -> OrderCancelled:
        del self._working[working.order.order_id]
        return OrderCancelled(at, working.order.order_id, working.remaining, reason)


def _duplicate(order: Order, at: datetime) -> OrderRejected:
    reason = f"order id {order.order_id} was already used for a different order."
    return OrderRejected(at, order.order_id, RejectionCode.DUPLICATE, reason)


def _ending(working: WorkingOrder) -> str:
    if working.ends_at < working.intent.good_until:
        return "trading in a leg ended"
    return "good-until reached"
