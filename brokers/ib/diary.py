"""The price diary of orders at TWS: their limits against natural and mid, as the quotes had it.

Nothing here decides anything. While an order works, and for a minute after a fill, market-data
lines on its legs stand open; what they show becomes lines of the diary, the mid of a fill, and its
review a minute later. What the quotes do not tell is unknown: no line, no mid, no review.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.ib import translate
from brokers.ib.board import Board, Held
from brokers.ib.contracts import ContractCache
from brokers.ib.line import Line
from brokers.ib.shown import DELAYED_KINDS
from brokers.ib.tracked import TrackedOrder
from brokers.sim.fills import PackagePrice, price_package
from market.errors import BrokerUnavailable
from market.orders import (
    BrokerEvent,
    FillReviewed,
    LookVerdict,
    Order,
    OrderAccepted,
    OrderFilled,
    OrderLooked,
    OrderRepriced,
)

REVIEW_AFTER = timedelta(minutes=1)
LOOK_EVERY = timedelta(minutes=1)
TOLD_LATE = timedelta(seconds=5)  # a fill heard later than that has no mid: the market moved on
MOST_LINES_HELD = 16


@dataclass(slots=True)
class _Watched:
    """An order whose legs are watched."""

    order: Order
    limit_credit: Decimal
    held: Held | None = None
    look_at: datetime | None = None
    last_look: OrderLooked | None = None


@dataclass(frozen=True, slots=True)
class _Review:
    """A fill that is looked at again."""

    due_at: datetime
    fill: OrderFilled


class PriceDiary:
    """Keeps the diary of all orders over one line."""

    def __init__(
        self, board: Board, line: Line, cache: ContractCache, clock: Callable[[], datetime]
    ) -> None:
        self._board = board
        self._line = line
        self._cache = cache
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._reviews: list[_Review] = []

    def begin(self, order: Order, limit_credit: Decimal) -> None:
        """Watch the legs of an order from now on."""
        watched = self._watched.get(order.order_id)
        if watched is None:
            watched = self._watched[order.order_id] = _Watched(order, limit_credit)
        self._hold(watched)

    def _hold(self, watched: _Watched) -> None:
        """Have lines on the legs, unless they stand, or enough others do."""
        if not self._line.is_ready or watched.held is not None:
            return
        legs = watched.order.intent.legs
        ids = {leg.contract: self._cache.con_id(leg.contract) for leg in legs}
        known = {contract: con_id for contract, con_id in ids.items() if con_id is not None}
        open_now = sum(len(each.held.lines) for each in self._watched.values() if each.held)
        if len(known) < len(ids) or open_now + len(ids) > MOST_LINES_HELD:
            return
        try:
            wire = self._line.wire
            contracts = {c: translate.option_by_id(wire.api, n) for c, n in known.items()}
            watched.held = self._board.hold(wire, contracts)
        except BrokerUnavailable:
            return

    def forget_lines(self) -> None:
        """Take no line as standing: the connection is not what it was."""
        for watched in self._watched.values():
            self._let_go(watched)

    def _let_go(self, watched: _Watched) -> None:
        if watched.held is not None:
            watched.held.let_go()
            watched.held = None

    def mid_of(self, order_id: str, filled_at: datetime) -> Decimal | None:
        """Return the mid credit at a fill that is heard now, None where it is not known."""
        watched = self._watched.get(order_id)
        if watched is None or self._clock() - filled_at > TOLD_LATE:
            return None
        package = self._price(watched)
        return None if package is None else package.mid_credit

    def _price(self, watched: _Watched) -> PackagePrice | None:
        """Return what the package costs now; on a line that stands, what was shown last is so."""
        if watched.held is None or not self._line.is_ready:
            return None
        at = self._clock()
        quotes = {
            contract: replace(line.quote(at), at=at)
            for contract, line in watched.held.lines.items()
            if line.refusal is None and line.kind not in DELAYED_KINDS
        }
        return price_package(watched.order.intent.legs, quotes, at, timedelta(0))

    def hear(self, event: BrokerEvent, tracked: TrackedOrder) -> tuple[BrokerEvent, ...]:
        """Return the lines of the diary that follow an event of an order."""
        if isinstance(event, OrderAccepted):
            self.begin(tracked.order, tracked.limit_credit)
        watched = self._watched.get(tracked.order.order_id)
        if watched is None:
            return ()
        looks: list[BrokerEvent] = []
        if isinstance(event, OrderRepriced):
            watched.limit_credit = event.limit_credit
        if isinstance(event, OrderAccepted | OrderRepriced):
            looks += self._look(watched)
        if isinstance(event, OrderFilled) and event.mid_credit is not None:
            self._reviews.append(_Review(event.at + REVIEW_AFTER, event))
            looks += self._look(watched, LookVerdict.FILLED)
        if not tracked.is_active:
            self._end(watched)
        return tuple(looks)

    def refused(self, order_id: str) -> None:
        """Hear that an order was not sent after all."""
        watched = self._watched.get(order_id)
        if watched is not None:
            self._end(watched)

    def _look(self, watched: _Watched, verdict: LookVerdict | None = None) -> Iterator[OrderLooked]:
        """Yield what is seen of an order now, unless it only repeats the last look."""
        at, package = self._clock(), self._price(watched)
        watched.look_at = at + LOOK_EVERY
        natural = None if package is None else package.natural_credit
        mid = None if package is None else package.mid_credit
        told = verdict or _verdict(watched.limit_credit, package)
        name, limit = watched.order.order_id, watched.limit_credit
        look = OrderLooked(at, name, limit, natural, mid, told)
        last, watched.last_look = watched.last_look, look
        if last is None or replace(last, at=at) != look:
            yield look

    def _end(self, watched: _Watched) -> None:
        """Stop watching an order, once no fill of it waits for its review."""
        name = watched.order.order_id
        watched.look_at = None
        if not any(review.fill.order_id == name for review in self._reviews):
            self._let_go(watched)
            self._watched.pop(name, None)

    def due(self) -> datetime | None:
        """Return when the diary next has something to look at, or None."""
        instants = [review.due_at for review in self._reviews]
        instants += [each.look_at for each in self._watched.values() if each.look_at is not None]
        return min(instants, default=None)

    def advance(self, at: datetime) -> tuple[BrokerEvent, ...]:
        """Return the looks and reviews that are due."""
        events: list[BrokerEvent] = []
        for watched in self._watched.values():
            self._hold(watched)
            if watched.look_at is not None and watched.look_at <= at:
                events += self._look(watched)
        for review in [each for each in self._reviews if each.due_at <= at]:
            self._reviews.remove(review)
            events += self._reviewed(review, at)
        return tuple(events)

    def _reviewed(self, review: _Review, at: datetime) -> Iterator[FillReviewed]:
        fill, watched = review.fill, self._watched[review.fill.order_id]
        package = self._price(watched)
        mid = None if package is None else package.mid_credit
        if mid is not None and at - review.due_at <= TOLD_LATE:
            yield FillReviewed(at, fill.order_id, fill.fill_id, mid, mid - fill.credit)
        if watched.look_at is None:
            self._end(watched)


def _verdict(limit: Decimal, package: PackagePrice | None) -> LookVerdict:
    """Return what is to be said of a limit that has not filled."""
    if package is None:
        return LookVerdict.NO_PRICE
    if package.mid_credit is None:
        return LookVerdict.NO_MID
    return LookVerdict.ABOVE_MID if limit > package.mid_credit else LookVerdict.RESTING
