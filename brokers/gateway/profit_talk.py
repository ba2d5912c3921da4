"""Requests about profit and loss, of the account or of one position, told again as they change."""

from decimal import Decimal

from brokers.gateway import requests
from brokers.gateway.answers import Message, Tell
from brokers.gateway.contracts import option_of_id
from brokers.gateway.requests import Ask, ProfitRequest
from brokers.gateway.talk import Answerers, Talk
from brokers.gateway.weather import Weather
from brokers.gateway.wire import Fields

ZERO = Decimal(0)


class ProfitTalk:
    """Answers one client; a session's profit is one figure, none of it counts as taken."""

    def __init__(self, talk: Talk, weather: Weather) -> None:
        self._talk = talk
        self._weather = weather
        self._told: dict[int, Message] = {}
        self._asked: dict[int, ProfitRequest] = {}

    def answerers(self) -> Answerers:
        """Return the requests answered here."""
        return {
            Ask.PNL: lambda fields: self._begin(requests.profit_request(fields, is_single=False)),
            Ask.PNL_SINGLE: lambda fields: self._begin(
                requests.profit_request(fields, is_single=True)
            ),
            Ask.CANCEL_PNL: self._end,
            Ask.CANCEL_PNL_SINGLE: self._end,
        }

    def _begin(self, asked: ProfitRequest) -> None:
        self._asked[asked.request_id] = asked
        self._told.pop(asked.request_id, None)
        self._tell_changes()

    def _end(self, fields: Fields) -> None:
        self._asked.pop(fields.whole(), None)

    def pulse(self) -> None:
        """Tell what changed."""
        if self._asked and not self._weather.is_cut:
            self._tell_changes()

    def _tell_changes(self) -> None:
        for request_id, asked in self._asked.items():
            message = self._of_one(asked) if asked.con_id is not None else self._of_all(asked)
            if self._told.get(request_id) != message:
                self._told[request_id] = message
                self._talk.send(message)

    def _of_all(self, asked: ProfitRequest) -> Message:
        open_usd = sum((mark.open_usd for mark in self._talk.venue.marks()), ZERO)
        return [Tell.PNL, asked.request_id, open_usd, open_usd, ZERO]

    def _of_one(self, asked: ProfitRequest) -> Message:
        wanted = option_of_id(asked.con_id or 0)
        for mark in self._talk.venue.marks():
            if mark.contract == wanted:
                row: Message = [mark.position, mark.open_usd, mark.open_usd, ZERO, mark.value_usd]
                return [Tell.PNL_SINGLE, asked.request_id, *row]
        return [Tell.PNL_SINGLE, asked.request_id, 0, ZERO, ZERO, ZERO, ZERO]
