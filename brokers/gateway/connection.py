"""One client's conversation: the handshake, then a request in, messages out. No sockets here.

What a client may not ask gets the protocol's own error; only bytes that are no protocol at all end
the conversation, as `Malformed`.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import partial

from brokers.gateway import answers, requests
from brokers.gateway.account_talk import AccountTalk
from brokers.gateway.contract_talk import ContractTalk
from brokers.gateway.data_talk import DataTalk
from brokers.gateway.faults import MODIFY, NEW_ORDER, START_API, WHAT_IF, Kind
from brokers.gateway.incidents import HungUp, Incidents
from brokers.gateway.line import Line
from brokers.gateway.news import OrderMoved, OrderRefused, PositionMoved, Told, Traded
from brokers.gateway.order_talk import OrderTalk
from brokers.gateway.pacing import PACING_CODE, Pacing
from brokers.gateway.profit_talk import ProfitTalk
from brokers.gateway.requests import Ask
from brokers.gateway.streams import Streams
from brokers.gateway.talk import Talk, nothing
from brokers.gateway.terms import Terms
from brokers.gateway.venue import Venue
from brokers.gateway.weather import Weather
from brokers.gateway.wire import Fields, Malformed, split
from market.errors import MarketDataError

LEAST_VERSION, MOST_VERSION = 157, 178
UNREADABLE_VERSION = 158  # a client library reads one field of it wrong
MOST_ID_DIGITS = 9
# Where a request carries its id: at once, or after a version of the message.
BARE_IDS = frozenset(
    {
        Ask.PLACE_ORDER,
        Ask.HISTORICAL_DATA,
        Ask.OPTION_PARAMETERS,
        Ask.MATCHING_SYMBOLS,
        Ask.PNL,
        Ask.CANCEL_PNL,
        Ask.PNL_SINGLE,
        Ask.CANCEL_PNL_SINGLE,
    }
)
VERSIONED_IDS = frozenset(
    {
        Ask.MARKET_DATA,
        Ask.CANCEL_MARKET_DATA,
        Ask.CANCEL_ORDER,
        Ask.EXECUTIONS,
        Ask.CONTRACT_DETAILS,
        Ask.CANCEL_HISTORICAL_DATA,
        Ask.ACCOUNT_SUMMARY,
        Ask.CANCEL_ACCOUNT_SUMMARY,
        Ask.ACCOUNT_UPDATES_MULTI,
        Ask.CANCEL_ACCOUNT_UPDATES_MULTI,
    }
)
# What a read-only API keeps from its clients: orders, and the sight of them.
ABOUT_ORDERS = frozenset(
    {
        Ask.PLACE_ORDER,
        Ask.CANCEL_ORDER,
        Ask.GLOBAL_CANCEL,
        Ask.OPEN_ORDERS,
        Ask.ALL_OPEN_ORDERS,
        Ask.AUTO_OPEN_ORDERS,
        Ask.COMPLETED_ORDERS,
    }
)
READ_ONLY_TEXT = (
    "Error validating request:-'cO' : cause - The API interface is currently in Read-Only mode."
)
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
        line: Line,
        weather: Weather,
        *,
        admit: Callable[["Connection"], bool],
        terms: Terms,
    ) -> None:
        """Start before the handshake; `admit` takes or refuses the client's id."""
        self.pacing = Pacing(terms.pace)
        self._terms = terms
        self.stage = Stage.GREETING
        self._line = line
        self._weather = weather
        self._talk = Talk(venue, line.send)
        self._incidents = Incidents(self._talk, weather, line)
        self._admit = admit
        self._account = AccountTalk(self._talk, weather)
        self._profits = ProfitTalk(self._talk, weather)
        self._orders = OrderTalk(self._talk)
        streams = Streams(venue, weather, has_live=terms.has_live_data, most_lines=terms.most_lines)
        self._data = DataTalk(self._talk, streams)
        self._answerers: Mapping[Ask, Callable[[Fields], None]] = {
            Ask.IDS: self._ids,
            Ask.MANAGED_ACCOUNTS: self._managed_accounts,
            Ask.CURRENT_TIME: self._current_time,
            Ask.SERVER_LOG_LEVEL: nothing,
            **self._account.answerers(),
            **self._profits.answerers(),
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
            HungUp: the connection ends here.
        """
        if self.stage is Stage.GREETING:
            self._greet(payload.decode("ascii", errors="replace"))
            return
        fields = split(payload)
        number = Fields(fields[:1]).whole()
        if self.stage is Stage.NAMING:
            self._name(number, Fields(fields[1:]))
            return
        objection = self.pacing.objection()
        if objection is None:
            self._answer(number, Fields(fields[1:]), fields)
            return
        self._talk.refuse(_request_id(fields), PACING_CODE, objection)
        if self.pacing.is_over:
            raise HungUp

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
        self._talk.client_id = self._line.client_id = fields.whole()
        self._incidents.meet(START_API, answers.NO_REQUEST, self._welcome)

    def _welcome(self) -> None:
        if Kind.ID_IN_USE in self._talk.quirks or not self._admit(self):
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
        if self._terms.is_read_only and Ask(number) in ABOUT_ORDERS:
            self._talk.refuse(_request_id(raw), 321, READ_ONLY_TEXT)
            return
        try:
            name = self._name_of(Ask(number), raw)
            self._incidents.meet(name, _request_id(raw), partial(handler, fields))
        except Malformed as broken:
            self._talk.refuse(_request_id(raw), 320, f"Error reading request: {broken}")
        except MarketDataError as unknown:
            self._talk.refuse(_request_id(raw), 321, f"Error validating request: {unknown}")

    def _name_of(self, ask: Ask, raw: list[str]) -> str:
        """Return what a script calls a request: orders are told apart by what they ask."""
        if ask is not Ask.PLACE_ORDER:
            return ask.name.lower()
        order = requests.order(Fields(raw[1:]), self._talk.version)
        if order.is_what_if:
            return WHAT_IF
        known = self._talk.venue.desk.known(self.client_id, order.order_id)
        return NEW_ORDER if known is None else MODIFY

    def _next_order_id(self) -> int:
        if Kind.STALE_ID in self._talk.quirks:
            return 1
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
            self._account.pulse()
            self._profits.pulse()

    def notice(self, code: int, text: str) -> None:
        """Tell the client something that belongs to no request."""
        if self.stage is Stage.TALKING:
            self._talk.refuse(answers.NO_REQUEST, code, text)

    def forget_streams(self) -> None:
        """Lose every market-data subscription."""
        self._data.forget()

    def break_streams(self, code: int, text: str) -> None:
        """Tell every market-data subscription why it is silent."""
        self._data.tell_each(code, text)

    def hear(self, told: Told) -> None:
        """Tell the client what happened to its orders and to the account."""
        if self.stage is not Stage.TALKING or self._weather.is_cut:
            return
        if isinstance(told, PositionMoved):
            self._account.hear(told)
        elif told.ticket.client_id == self.client_id:
            self._hear_order(told)
        elif self.client_id == self._terms.master_client_id:
            self._orders.hear_of_others(told)

    def _hear_order(self, told: OrderMoved | Traded | OrderRefused) -> None:
        kinds = self._incidents.meet_fill() if isinstance(told, Traded) else {}
        drop = kinds.get(Kind.DROP)
        if drop is None or drop.is_after:
            self._talk.quirks = kinds
            self._orders.hear(told)
            self._talk.quirks = {}
        if drop is not None:
            self._line.is_deaf = True
            self._line.cut()


def _request_id(raw: list[str]) -> int:
    """Return the id that a request carries, for an unknown one what looks like it, −1 for none."""
    number = Fields(raw[:1]).whole()
    if number in BARE_IDS:
        looked_at = raw[1:2]
    elif number in VERSIONED_IDS:
        looked_at = raw[2:3]
    else:
        looked_at = [] if number in set(Ask) else raw[1:3]
    for field in looked_at:
        if field.isascii() and field.isdigit() and len(field) <= MOST_ID_DIGITS:
            return int(field)
    return answers.NO_REQUEST
