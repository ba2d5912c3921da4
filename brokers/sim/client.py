"""The simulated exchange in a process of its own, behind the ports Broker and Timed.

A question blocks until it is answered: the exchange stands on the same machine and answers within
a millisecond, and so the same client serves a replay, which has no event loop. A lost line is
taken up again and the question asked again, for as long as `patience_s`; every question may be
asked twice. After that the exchange is unavailable, which the caller must answer for.
"""

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from brokers.base import AccountState
from brokers.sim.wire import (
    LONGEST_LINE,
    Answer,
    Fault,
    Look,
    Question,
    Verb,
    answer_of,
    line_of,
)
from market.errors import AlvhError, BooksDiffer, BrokerUnavailable, ConfigError, InvariantBroken
from market.instruments import OptionContract
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled

ANSWER_WITHIN_S = 5.0
PATIENCE_S = 1.0
TRY_EVERY_S = 0.02

FAULTS: Mapping[Fault, type[AlvhError]] = {
    Fault.CONFIG: ConfigError,
    Fault.BUSY: BrokerUnavailable,
    Fault.BOOKS: BooksDiffer,
    Fault.QUESTION: InvariantBroken,
}


class ExchangeClient:
    """Speaks with the exchange behind a Unix socket; `market` is what both must agree on."""

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime],
        market: Mapping[str, str],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._path = path
        self._clock = clock
        self._market = market
        self._patience_s = patience_s
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._number = 0
        self._heard = 0
        self._at: datetime | None = None
        self._due: datetime | None = None
        self._events: list[BrokerEvent] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def at(self) -> datetime | None:
        """Return the latest instant that the exchange has seen, None before its first."""
        return self._at

    async def connect(self) -> None:
        """Reach the exchange and agree on the market; nothing is heard by that.

        Raises:
            BrokerUnavailable: it cannot be reached, or serves another bot.
            ConfigError: it runs another market.
        """
        self._hang_up()
        self._ask(Verb.HELLO)

    async def close(self) -> None:
        """Hang up; orders that work there go on working."""
        self._hang_up()

    async def retell(self, heard: int) -> None:
        """Have the events after the first `heard` ones told again.

        Raises:
            BooksDiffer: so many were never told.
            BrokerUnavailable: the exchange cannot be reached.
        """
        self._events.clear()
        self._heard = heard
        self._ask(Verb.LOOK)

    async def submit(self, approved: ApprovedOrder) -> None:
        """Send an order; its fate arrives as events.

        Raises:
            BrokerUnavailable: the exchange cannot be reached; whether it has the order is unknown.
        """
        self._ask(Verb.SUBMIT, at=self._clock(), approved=approved)

    async def cancel(self, order_id: str) -> None:
        """Stop an order unless it is finished by then.

        Raises:
            BrokerUnavailable: the exchange cannot be reached.
        """
        self._ask(Verb.CANCEL, at=self._clock(), order_id=order_id)

    async def open_orders(self) -> tuple[Order, ...]:
        """Return the orders that work at the exchange."""
        return self._look().orders

    async def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts held, without zeros."""
        return dict(self._look().positions)

    async def executions(self, since: datetime) -> tuple[OrderFilled, ...]:
        """Return the fills of the last days at or after `since`, oldest first."""
        return self._look(since).executions

    async def account(self) -> AccountState:
        """Return cash, margin and fees in dollars."""
        return self._look().account

    def drain(self) -> tuple[BrokerEvent, ...]:
        """Return the events since the last call, oldest first."""
        events = tuple(self._events)
        self._events.clear()
        return events

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have `wake` called whenever events wait to be drained."""
        self._listeners.append(wake)

    def due(self) -> datetime | None:
        """Return when time alone next changes something, as last told."""
        return self._due

    def advance(self, at: datetime) -> None:
        """Let everything happen that is due up to `at`.

        Raises:
            BrokerUnavailable: the exchange cannot be reached.
        """
        self._ask(Verb.ADVANCE, at=at)

    def _look(self, since: datetime | None = None) -> Look:
        answer = self._ask(Verb.LOOK, since=since)
        if answer.look is None:
            raise InvariantBroken("the exchange answers a look without one")
        return answer.look

    def _ask(
        self,
        verb: Verb,
        *,
        at: datetime | None = None,
        approved: ApprovedOrder | None = None,
        order_id: str | None = None,
        since: datetime | None = None,
    ) -> Answer:
        self._number += 1
        question = Question(
            self._number, verb, at, self._heard, approved, order_id, since, self._market
        )
        answer = self._patiently(question)
        if answer.fault is not None:
            self._hang_up()
            raise FAULTS[answer.fault](answer.sentence)
        self._take(answer)
        return answer

    def _take(self, answer: Answer) -> None:
        events = answer.told()
        self._heard += len(events)
        self._events += events
        self._at, self._due = answer.at, answer.due
        if events:
            for wake in self._listeners:
                wake()

    def _patiently(self, question: Question) -> Answer:
        until = time.monotonic() + self._patience_s
        while True:
            try:
                answer = self._exchange(question)
            except (OSError, msgspec.DecodeError) as error:
                self._hang_up()
                if time.monotonic() >= until:
                    raise BrokerUnavailable(
                        f"the exchange at {self._path} cannot be reached ({_reason(error)}); start"
                        f" it with `alvh exchange --socket {self._path}`."
                    ) from error
            else:
                if answer.fault is not Fault.BUSY or time.monotonic() >= until:
                    return answer
                self._hang_up()
            time.sleep(TRY_EVERY_S)

    def _exchange(self, question: Question) -> Answer:
        if self._socket is None:
            self._call()
            hello = self._put(Question(0, Verb.HELLO, market=self._market))
            if hello.fault is not None:
                return hello
        return self._put(question)

    def _put(self, question: Question) -> Answer:
        line = self._talk(line_of(question))
        answer = answer_of(line)
        if answer.number != question.number:
            raise ConnectionError("an answer to another question")
        return answer

    def _call(self) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(ANSWER_WITHIN_S)
        try:
            line.connect(os.fspath(self._path))
        except OSError:
            line.close()
            raise
        self._socket, self._buffer = line, b""

    def _talk(self, text: bytes) -> bytes:
        if self._socket is None:
            raise ConnectionError("no line")
        self._socket.sendall(text)
        while b"\n" not in self._buffer:
            piece = self._socket.recv(LONGEST_LINE)
            if not piece:
                raise ConnectionError("the line broke")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
            self._socket = None


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such socket"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or "it does not answer"
