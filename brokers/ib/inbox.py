"""The library's client calls the methods of this class for every message; each becomes a value.

The method names are those of the TWS API. Nothing is decided here: requests get their answers,
everything else goes to one listener as a frozen value, at once and in order.
"""

import asyncio
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any

from brokers.ib import translate
from brokers.ib.codes import Reaction, rule_of
from brokers.ib.messages import ErrorSeen, StatusSeen, Tick, WireEvent
from market.errors import BrokerUnavailable

DELTA_BOUND = 1.0
IV_CEILING = 20.0
INVALID_REQUEST = 321
READ_ONLY_WORDS = "read-only mode"
READ_ONLY = (
    "the Gateway's API is read-only (code 321); in its Configure, Settings, API switch Read-Only "
    "API off."
)


class RequestFailed(Exception):
    """TWS answered a request with an error; `code` is its number."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} (code {code})")
        self.code = code


class Request:
    """One question and the rows of its answer so far."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.rows: list[Any] = []
        self.answer: asyncio.Future[list[Any]] = loop.create_future()

    def end(self) -> None:
        """Give the rows to whoever asked."""
        if not self.answer.done():
            self.answer.set_result(self.rows)

    def fail(self, error: Exception) -> None:
        """Give whoever asked an error."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Inbox:
    """Takes decoded messages; the names of its methods are the protocol's."""

    def __init__(
        self, hear: Callable[[WireEvent], None], closed: Callable[[], None], zone: str
    ) -> None:
        self._hear = hear
        self._closed = closed
        self.requests: dict[Hashable, Request] = {}
        # What the library's decoder reads of its own facade.
        self.ib = self
        self.TimezoneTWS = zone
        self.defaultTimezone = UTC

    def ask(self, key: Hashable) -> Request:
        """Open a request under a key."""
        request = Request(asyncio.get_running_loop())
        self.requests[key] = request
        return request

    def _row(self, key: Hashable, row: object) -> bool:
        request = self.requests.get(key)
        if request is None:
            return False
        request.rows.append(row)
        return True

    def _end(self, key: Hashable) -> None:
        request = self.requests.get(key)
        if request is not None:
            request.end()

    def connectAck(self) -> None:
        """Need nothing: the client goes on by itself."""

    def setEventsDone(self) -> None:
        """Fail all open requests: the socket is gone."""
        for request in self.requests.values():
            request.fail(ConnectionError("the socket was closed"))

    def connectionClosed(self) -> None:
        """Tell that a connection which had worked is gone."""
        self._closed()

    def currentTime(self, seconds: int) -> None:
        """Answer a time request."""
        self._row("time", datetime.fromtimestamp(seconds, UTC))
        self._end("time")

    def error(self, request_id: int, code: int, text: str, _rejection: str = "") -> None:
        """Fail the request that an error names, and tell of it in any case."""
        if code == INVALID_REQUEST and READ_ONLY_WORDS in text.lower():
            for key in ("open orders", "completed orders"):
                self._refuse_read_only(key)
        request, reaction = self.requests.get(request_id), rule_of(code).reaction
        if request is not None and reaction is Reaction.SLOW_DOWN:
            request.fail(BrokerUnavailable(f"the Gateway was asked too fast (code {code})."))
        elif request is not None and reaction not in {Reaction.NOTICE, Reaction.DELAYED}:
            request.fail(RequestFailed(code, text))
        self._hear(ErrorSeen(request_id, code, text))

    def _refuse_read_only(self, key: Hashable) -> None:
        """Fail a request that has no number of its own, which a read-only API refuses."""
        request = self.requests.get(key)
        if request is not None:
            request.fail(BrokerUnavailable(READ_ONLY))

    def contractDetails(self, request_id: int, details: Any) -> None:
        """Take one contract of an answer."""
        self._row(request_id, translate.details_seen(details))

    def contractDetailsEnd(self, request_id: int) -> None:
        """End an answer."""
        self._end(request_id)

    def openOrder(self, _order_id: int, contract: Any, order: Any, state: Any) -> None:
        """Take an order: the answer to a what-if, or one that works."""
        seen = translate.open_order_seen(contract, order, state)
        if order.whatIf:
            # It may come twice, first without margins.
            if seen.init_margin_after_usd is not None:
                self._row(order.orderId, seen)
                self._end(order.orderId)
            return
        self._row("open orders", seen)
        self._hear(seen)

    def openOrderEnd(self) -> None:
        """End the list of open orders."""
        self._end("open orders")

    def completedOrder(self, contract: Any, order: Any, state: Any) -> None:
        """Take one order that has ended."""
        self._row("completed orders", translate.open_order_seen(contract, order, state))

    def completedOrdersEnd(self) -> None:
        """End the list of ended orders."""
        self._end("completed orders")

    def orderStatus(
        self,
        order_id: int,
        status: str,
        filled: float,
        remaining: float,
        _average_price: float,
        perm_id: int,
        _parent_id: int,
        _last_price: float,
        client_id: int,
        *_rest: object,
    ) -> None:
        """Tell an order's status as it came, without any conclusion."""
        done, left = translate.exact(filled), translate.exact(remaining)
        if done is not None and left is not None:
            self._hear(StatusSeen(order_id, client_id, perm_id, status, done, left))

    def execDetails(self, request_id: int, contract: Any, execution: Any) -> None:
        """Take an execution, live or as part of an answer."""
        seen = translate.execution_seen(contract, execution)
        if seen is not None:
            self._row(request_id, seen)
            self._hear(seen)

    def execDetailsEnd(self, request_id: int) -> None:
        """End an answer."""
        self._end(request_id)

    def commissionReport(self, report: Any) -> None:
        """Tell the charge of an execution."""
        self._hear(translate.commission_seen(report))

    def position(self, account: str, contract: Any, size: float, _cost: float) -> None:
        """Take a position, as part of an answer or as a change."""
        seen = translate.position_seen(account, contract, size)
        self._row("positions", seen)
        self._hear(seen)

    def positionEnd(self) -> None:
        """End the list of positions."""
        self._end("positions")

    def accountSummary(
        self, request_id: int, account: str, tag: str, value: str, currency: str
    ) -> None:
        """Take one figure of an account."""
        self._row(request_id, (account, tag, value, currency))

    def accountSummaryEnd(self, request_id: int) -> None:
        """End an answer."""
        self._end(request_id)

    def historicalData(self, request_id: int, bar: Any) -> None:
        """Take one bar, whose time the library leaves as the text of the wire."""
        if isinstance(bar.date, str) and len(bar.date) > len("YYYYMMDD"):
            bar.date = datetime.fromtimestamp(int(bar.date), UTC)
        self._row(request_id, translate.bar_seen(bar))

    def historicalDataEnd(self, request_id: int, *_span: object) -> None:
        """End an answer."""
        self._end(request_id)

    def marketRule(self, rule_id: int, increments: Any) -> None:
        """Answer with the price steps of a rule: (from price, step)."""
        key = ("rule", rule_id)
        for step in increments:
            self._row(key, (translate.exact(step.lowEdge), translate.exact(step.increment)))
        self._end(key)

    def marketDataType(self, request_id: int, kind: int) -> None:
        """Tell whether a subscription is live (1), frozen (2), delayed (3) or both (4)."""
        self._hear(Tick(request_id, "data_type", float(kind)))

    def priceSizeTick(self, request_id: int, number: int, price: float, size: float) -> None:
        """Tell a price and its size."""
        field = translate.TICK_FIELDS.get(number)
        if field is None:
            return
        self._hear(Tick(request_id, field, translate.tick_value(field, price)))
        if field in translate.SIZE_OF:
            self.tickSize(request_id, number, size, translate.SIZE_OF[field])

    def tickSize(self, request_id: int, number: int, size: float, field: str = "") -> None:
        """Tell a size."""
        name = field or translate.TICK_FIELDS.get(number)
        if name in {"bid_size", "ask_size"}:
            self._hear(Tick(request_id, name, translate.tick_value(name, size)))

    def tickOptionComputation(
        self,
        request_id: int,
        number: int,
        _attributes: int,
        iv: float,
        delta: float,
        _price: float,
        _dividend: float,
        _gamma: float,
        _vega: float,
        _theta: float,
        underlying: float,
    ) -> None:
        """Tell the model's implied volatility, delta and price of the underlying."""
        if number not in translate.MODEL_TICKS:
            return
        greek = translate.greek_value
        bound = DELTA_BOUND
        self._hear(Tick(request_id, "iv", greek(iv, floor=0.0, ceiling=IV_CEILING)))
        self._hear(Tick(request_id, "delta", greek(delta, floor=-bound, ceiling=bound)))
        forward = translate.tick_value("last", underlying)
        self._hear(Tick(request_id, "forward", forward))

    def tickSnapshotEnd(self, request_id: int) -> None:
        """End a snapshot."""
        self._end(request_id)
