"""How bot and exchange speak over their socket: one JSON object a line, a question and its answer.

Rules of this file:
- The bot tells its time and how many events it has heard with each question; the answer brings
  every event after those. So whatever was lost on the way is told again by itself.
- Every question may be asked twice: an order id is taken once, an event has one number.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from brokers.base import AccountState
from brokers.sim.store import event_of, event_text
from market.instruments import OptionContract
from market.orders import ApprovedOrder, BrokerEvent, Order, OrderFilled

PROTOCOL = 1
LONGEST_LINE = 1 << 20


class Verb(StrEnum):
    """What may be asked of an exchange."""

    HELLO = "hello"
    SUBMIT = "submit"
    CANCEL = "cancel"
    ADVANCE = "advance"
    LOOK = "look"


class Question(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One question; `market` names the market that the bot means to trade on."""

    number: int
    verb: Verb
    at: datetime | None = None
    heard: int = 0
    approved: ApprovedOrder | None = None
    order_id: str | None = None
    since: datetime | None = None
    market: Mapping[str, str] = {}
    protocol: int = PROTOCOL


class Fault(StrEnum):
    """Whose fault a refused question is."""

    CONFIG = "config"
    BUSY = "busy"
    BOOKS = "books"
    QUESTION = "question"


class Look(msgspec.Struct, frozen=True):
    """What the account holds and works."""

    orders: tuple[Order, ...]
    positions: tuple[tuple[OptionContract, int], ...]
    executions: tuple[OrderFilled, ...]
    cash_usd: Decimal
    margin_usd: Decimal
    fees_usd: Decimal

    @property
    def account(self) -> AccountState:
        """Return the account's figures."""
        return AccountState(self.cash_usd, self.margin_usd, self.fees_usd)


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer: the exchange's time, when time next changes something, what was told since."""

    number: int
    at: datetime | None = None
    due: datetime | None = None
    events: tuple[tuple[str, str], ...] = ()
    look: Look | None = None
    fault: Fault | None = None
    sentence: str = ""

    def told(self) -> tuple[BrokerEvent, ...]:
        """Return the events of this answer.

        Raises:
            msgspec.DecodeError: one cannot be read.
        """
        return tuple(event_of(kind, text) for kind, text in self.events)


def texts_of(events: Iterable[BrokerEvent]) -> tuple[tuple[str, str], ...]:
    """Return events as an answer carries them."""
    return tuple(map(event_text, events))


_ENCODER = msgspec.json.Encoder(decimal_format="string")
_QUESTIONS = msgspec.json.Decoder(Question)
_ANSWERS = msgspec.json.Decoder(Answer)


def line_of(message: Question | Answer) -> bytes:
    """Return a message as one line."""
    return _ENCODER.encode(message) + b"\n"


def question_of(line: bytes) -> Question:
    """Return the question on a line.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _QUESTIONS.decode(line)


def answer_of(line: bytes) -> Answer:
    """Return the answer on a line.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _ANSWERS.decode(line)
