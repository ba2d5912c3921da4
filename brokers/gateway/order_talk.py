"""Requests about orders and executions, and the news of what became of them."""

from collections.abc import Iterable
from dataclasses import replace

from brokers.gateway import answers, order_answers, requests
from brokers.gateway.answers import Message, Tell
from brokers.gateway.faults import Kind
from brokers.gateway.news import OrderMoved, OrderRefused, Refused, Traded
from brokers.gateway.orders import Execution, Status, Ticket, fits
from brokers.gateway.requests import Ask
from brokers.gateway.talk import Answerers, Talk
from brokers.gateway.times import parse_since
from brokers.gateway.venue import Oddity
from brokers.gateway.wire import UNSET_DOUBLE, Fields

UNSET_MARGINS: Message = [*(UNSET_DOUBLE,) * 13, ""]
BINDING_CLIENT = 0
BINDING_TEXT = (
    "Error validating request:-'cF' : cause - Only the default client (i.e 0) can auto bind orders"
)
CANCELLED_TEXT = "Order Canceled - reason:"
HELD_TEXT = (
    "Order Message:\nWarning: your order will not be placed at the exchange until the next session"
)


class OrderTalk:
    """Takes orders of one client and tells it how they fare."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def answerers(self) -> Answerers:
        """Return the requests answered here."""
        return {
            Ask.PLACE_ORDER: self._place_order,
            Ask.CANCEL_ORDER: self._cancel_order,
            Ask.GLOBAL_CANCEL: self._global_cancel,
            Ask.OPEN_ORDERS: self._open_orders,
            Ask.ALL_OPEN_ORDERS: self._all_open_orders,
            Ask.AUTO_OPEN_ORDERS: self._auto_open_orders,
            Ask.COMPLETED_ORDERS: self._completed_orders,
            Ask.EXECUTIONS: self._executions,
        }

    def _place_order(self, fields: Fields) -> None:
        wire = requests.order(fields, self._talk.version)
        wire = replace(wire, account=wire.account or self._talk.venue.means.account)
        try:
            if wire.is_what_if:
                self._what_if(wire)
                return
            self._talk.venue.place(self._talk.client_id, wire, self._oddity())
        except Refused as refused:
            self._talk.refuse(wire.order_id, refused.code, refused.text)

    def _oddity(self) -> Oddity:
        """Return what a script makes of the order at hand."""
        quirks = self._talk.quirks
        part = quirks.get(Kind.PARTIAL)
        if part is None:
            return Oddity(is_twin=Kind.TWIN in quirks)
        return Oddity(portion=part.quantity, pause=part.span)

    def _what_if(self, wire: requests.WireOrder) -> None:
        before, after, commission = self._talk.venue.what_if(wire)
        equity = self._talk.venue.account_values()["EquityWithLoanValue"]
        margins: Message = [before, before, equity, after - before, after - before, -commission]
        margins += [after, after, equity - commission, commission, None, None, "USD", ""]
        ticket = Ticket(
            0, self._talk.client_id, wire, (), self._talk.venue.now, Status.PRE_SUBMITTED
        )
        if Kind.TWO_STEP_WHAT_IF in self._talk.quirks:
            self._talk.send(order_answers.open_order(ticket, self._talk.version, UNSET_MARGINS))
        self._talk.send(order_answers.open_order(ticket, self._talk.version, margins))

    def _cancel_order(self, fields: Fields) -> None:
        order_id = requests.cancel(fields)
        try:
            is_only_told = Kind.FILL_AFTER_CANCEL in self._talk.quirks
            self._talk.venue.cancel(self._talk.client_id, order_id, is_only_told=is_only_told)
        except Refused as refused:
            self._talk.refuse(order_id, refused.code, refused.text)

    def _global_cancel(self, _fields: Fields) -> None:
        for ticket in self._talk.venue.desk.working():
            self._talk.venue.stop(ticket)

    def _open_orders(self, _fields: Fields) -> None:
        self._tell_orders(self._talk.venue.desk.working(self._talk.client_id))

    def _all_open_orders(self, _fields: Fields) -> None:
        self._tell_orders(self._talk.venue.desk.working())

    def _auto_open_orders(self, _fields: Fields) -> None:
        """Bind the orders that a person enters at TWS to client 0; nobody enters any here."""
        if self._talk.client_id != BINDING_CLIENT:
            self._talk.refuse(answers.NO_REQUEST, 321, BINDING_TEXT)

    def _tell_orders(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            self._tell_order(ticket)
        self._talk.send([Tell.OPEN_ORDERS_END, 1])

    def _completed_orders(self, _fields: Fields) -> None:
        for ticket in self._talk.venue.desk.completed(self._talk.venue.day_start()):
            self._talk.send(order_answers.completed_order(ticket, self._talk.version))
        self._talk.send([Tell.COMPLETED_ORDERS_END])

    def _executions(self, fields: Fields) -> None:
        wanted = requests.execution_filter(fields)
        since = max(
            parse_since(wanted.since) or self._talk.venue.day_start(), self._talk.venue.day_start()
        )
        found = [e for e in self._talk.venue.desk.executions if fits(e, wanted, since)]
        for told in found:
            self._talk.send(order_answers.execution(told, wanted.request_id, self._talk.version))
        self._talk.send(answers.end_of(Tell.EXECUTIONS_END, wanted.request_id))
        self._tell_charges(found)

    def hear(self, told: OrderMoved | Traded | OrderRefused) -> None:
        """Tell the client what happened to one of its orders."""
        ticket = told.ticket
        if isinstance(told, OrderRefused):
            self._talk.refuse(ticket.wire.order_id, told.code, told.text)
        if isinstance(told, Traded):
            self._tell_executions(self._in_order(told.executions))
        self._tell_order(ticket)
        if Kind.STALE_STATUS in self._talk.quirks:
            self._talk.send(order_answers.stale_status(ticket))
        if ticket.status is Status.CANCELLED:
            self._talk.refuse(ticket.wire.order_id, 202, CANCELLED_TEXT + ticket.reason)
        if isinstance(told, OrderMoved) and told.is_held:
            self._talk.refuse(ticket.wire.order_id, 399, HELD_TEXT)
        if isinstance(told, Traded):
            self._tell_charges(told.executions)

    def hear_of_others(self, told: OrderMoved | Traded | OrderRefused) -> None:
        """Tell the master client what happened to another's order; errors are that one's alone."""
        if isinstance(told, Traded):
            self._tell_executions(told.executions)
        self._tell_order(told.ticket)
        if isinstance(told, Traded):
            self._tell_charges(told.executions)

    def _tell_order(self, ticket: Ticket) -> None:
        self._talk.send(order_answers.open_order(ticket, self._talk.version))
        self._talk.send(order_answers.order_status(ticket))

    def _tell_executions(self, executions: Iterable[Execution]) -> None:
        for line in executions:
            told = order_answers.execution(line, answers.NO_REQUEST, self._talk.version)
            self._talk.send(told)

    def _tell_charges(self, executions: Iterable[Execution]) -> None:
        for line in executions:
            charge = line.commission_usd
            if charge is not None:
                self._talk.send(order_answers.commission_report(line.execution_id, charge))

    def _in_order(self, executions: tuple[Execution, ...]) -> tuple[Execution, ...]:
        """Return executions with the package first, or last where a script says so."""
        is_turned = Kind.LEGS_FIRST in self._talk.quirks
        return (*executions[1:], executions[0]) if is_turned else executions
