"""What every part of a conversation has in common: the venue, the client, and a way to answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from brokers.gateway import answers
from brokers.gateway.answers import Message
from brokers.gateway.faults import Fault, Kind
from brokers.gateway.requests import Ask
from brokers.gateway.venue import Venue
from brokers.gateway.wire import Fields

Answerers = Mapping[Ask, Callable[[Fields], None]]


@dataclass(slots=True)
class Talk:
    """One client's side of the conversation; id −1 and version 0 until it has named itself.

    `quirks` are the scripted faults that act on the request at hand.
    """

    venue: Venue
    send: Callable[[Message], None]
    client_id: int = -1
    version: int = 0
    quirks: Mapping[Kind, Fault] = field(default_factory=dict)

    def refuse(self, request_id: int, code: int, text: str) -> None:
        """Answer a request, or tell everybody with id −1, by one of IB's codes."""
        self.send(answers.error(request_id, code, text, self.version))


def nothing(_fields: Fields) -> None:
    """Take what needs no answer."""
