"""One client's conversation: the handshake, then a request in, messages out. No sockets here.

What a client may not ask gets the protocol's own error; only bytes that are no protocol at all end
the conversation, as `Malformed`.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

from brokers.gateway import answers
from brokers.gateway.account_talk import AccountTalk
from brokers.gateway.answers import Message
from brokers.gateway.contract_talk import ContractTalk
from brokers.gateway.data_talk import DataTalk
from brokers.gateway.news import PositionMoved, Told
from brokers.gateway.order_talk import OrderTalk
from brokers.gateway.requests import Ask
from brokers.gateway.streams import Streams
from brokers.gateway.talk import Talk, nothing
from brokers.gateway.venue import Venue
from brokers.gateway.wire import Fields, Malformed, split

LEAST_VERSION, MOST_VERSION = 157, 178
UNREADABLE_VERSION = 158  # a client library reads one field of it wrong
MOST_ID_DIGITS = 9
NOTICES = (
    (2104, "Market data farm connection is OK:usopt"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)


class Stage(Enum):
    """How far the conversation has come."""

    GREETING = auto()
    NAMING = auto()
    TALKING = auto()
    OVER = auto()


class Connection:
    """Talks to one client about one account."""

    def __init__(
        self,
        venue: Venue,
        send: Callable[[Message], None],
        *,
        admit: Callable[["Connection"], bool],
        data: Streams,
    ) -> None:
        """Start before the handshake; `admit` takes or refuses the client's id."""
        self.stage = Stage.GREETING
        self._talk = Talk(venue, send)
        self._admit = admit
        self._account, self._orders = AccountTalk(self._talk), OrderTalk(self._talk)
        self._data = DataTalk(self._talk, data)
        self._answerers: Mapping[Ask, Callable[[Fields], None]] = {
            Ask.IDS: self._ids,
            Ask.MANAGED_ACCOUNTS: self._managed_accounts,
            Ask.CURRENT_TIME: self._current_time,
            Ask.SERVER_LOG_LEVEL: nothing,
            **self._account.answerers(),
            **self._orders.answerers(),
            **self._data.answerers(),
            **ContractTalk(self._talk).answerers(),
        }

    @property
    def client_id(self) -> int:
        """Return the id that the client named, −1 before."""
        return self._talk.client_id

    def receive(self, payload: bytes) -> None:
        """Take one frame.

        Raises:
            Malformed: it is no message of the protocol.
        """
        if self.stage is Stage.GREETING:
            self._greet(payload.decode("ascii", errors="replace"))
            return
        fields = split(payload)
        number = Fields(fields[:1]).whole()
        if self.stage is Stage.NAMING:
            self._name(number, Fields(fields[1:]))
            return
        self._answer(number, Fields(fields[1:]), fields)

    def _greet(self, text: str) -> None:
        offered = text.split(" ", maxsplit=1)[0]
        least, _, most = offered.removeprefix("v").partition("..")
        if not offered.startswith("v") or not least.isdigit() or not (most or least).isdigit():
            raise Malformed(f"{text[:40]!r} where a range of versions belongs")
        version = min(int(most or least), MOST_VERSION)
        if version == UNREADABLE_VERSION:
            version -= 1
        if version < max(int(least), LEAST_VERSION):
            self.stage = Stage.OVER
            return
        self._talk.version = version
        local = self._talk.venue.now.astimezone(answers.EASTERN)
        self._talk.send([version, f"{local:%Y%m%d %H:%M:%S} EST"])
        self.stage = Stage.NAMING

    def _name(self, number: int, fields: Fields) -> None:
        if number != Ask.START_API:
            raise Malformed("a request before the client has named itself")
        fields.skip(1)
        self._talk.client_id = fields.whole()
        if not self._admit(self):
            self._talk.refuse(
                answers.NO_REQUEST, 326, "Unable to connect as the client id is already in use."
            )
            self.stage = Stage.OVER
            return
        self.stage = Stage.TALKING
        self._talk.send(answers.managed_accounts((self._talk.venue.means.account,)))
        self._talk.send(answers.next_valid_id(self._next_order_id()))
        for code, text in NOTICES:
            self._talk.refuse(answers.NO_REQUEST, code, text)

    def _answer(self, number: int, fields: Fields, raw: list[str]) -> None:
        try:
            handler = self._answerers[Ask(number)]
        except (ValueError, KeyError):
            self._talk.refuse(_request_id(raw), 321, f"unknown request {number}")
            return
        try:
            handler(fields)
        except Malformed as broken:
            self._talk.refuse(_request_id(raw), 320, f"Error reading request: {broken}")

    def _next_order_id(self) -> int:
        return self._talk.venue.desk.highest_order_id(self._talk.client_id) + 1

    def _ids(self, _fields: Fields) -> None:
        self._talk.send(answers.next_valid_id(self._next_order_id()))

    def _managed_accounts(self, _fields: Fields) -> None:
        self._talk.send(answers.managed_accounts((self._talk.venue.means.account,)))

    def _current_time(self, _fields: Fields) -> None:
        self._talk.send(answers.current_time(self._talk.venue.now))

    def pulse(self) -> None:
        """Send what changed in the streams."""
        if self.stage is Stage.TALKING:
            self._data.pulse()

    def hear(self, told: Told) -> None:
        """Tell the client what happened to its orders and to the account."""
        if self.stage is not Stage.TALKING:
            return
        if isinstance(told, PositionMoved):
            self._account.hear(told)
        elif told.ticket.client_id == self.client_id:
            self._orders.hear(told)


def _request_id(raw: list[str]) -> int:
    """Return the id that a broken request most likely carries, −1 when none can be read."""
    for field in raw[1:3]:
        if field.isdigit() and len(field) < 10:
            return int(field)
    return answers.NO_REQUEST
