"""Requests for market data: streams, snapshots, the kind of data accepted."""

from brokers.gateway import answers, requests
from brokers.gateway.answers import Tell
from brokers.gateway.contracts import INDEX_IDS, INDEX_OF_ID
from brokers.gateway.news import Refused
from brokers.gateway.requests import BAG, Ask
from brokers.gateway.streams import Streams
from brokers.gateway.talk import Answerers, Talk
from brokers.gateway.wire import Fields
from market.orders import Leg


class DataTalk:
    """Answers what the market shows."""

    def __init__(self, talk: Talk, data: Streams) -> None:
        self._talk = talk
        self._data = data

    def answerers(self) -> Answerers:
        """Return the requests answered here."""
        return {
            Ask.MARKET_DATA: self._market_data,
            Ask.CANCEL_MARKET_DATA: self._cancel_market_data,
            Ask.MARKET_DATA_TYPE: self._market_data_type,
        }

    def _market_data(self, fields: Fields) -> None:
        asked = requests.data_request(fields)
        wanted = asked.contract
        index = wanted.symbol if wanted.sec_type == "IND" else INDEX_OF_ID.get(wanted.con_id)
        try:
            if index is not None and index not in INDEX_IDS:
                raise Refused(200, "No security definition has been found for the request")
            legs = () if index is not None else self._legs(asked)
            told = self._data.open(asked.request_id, index, legs, is_snapshot=asked.is_snapshot)
        except Refused as refused:
            self._talk.refuse(asked.request_id, refused.code, refused.text)
            return
        for warning in told.warnings:
            self._talk.refuse(asked.request_id, *warning)
        for message in told.messages:
            self._talk.send(message)
        if asked.is_snapshot:
            self._talk.send(answers.end_of(Tell.SNAPSHOT_END, asked.request_id))

    def _legs(self, asked: requests.DataRequest) -> tuple[Leg, ...]:
        if asked.contract.sec_type != BAG:
            return self._talk.venue.admission.legs_of(None, asked.contract)
        if not asked.legs:
            raise Refused(321, "Error validating request:-'bt' : cause - combo without legs")
        return tuple(
            self._talk.venue.admission.leg(leg.con_id, leg.ratio, leg.action) for leg in asked.legs
        )

    def _cancel_market_data(self, fields: Fields) -> None:
        request_id = requests.versioned_id(fields)
        if not self._data.close(request_id):
            self._talk.refuse(request_id, 300, f"Can't find EId with tickerId:{request_id}")

    def _market_data_type(self, fields: Fields) -> None:
        fields.skip(1)
        self._data.ask_kind(fields.whole())

    def forget(self) -> None:
        """Lose every stream."""
        self._data.forget()

    def tell_each(self, code: int, text: str) -> None:
        """Tell every stream an error."""
        for request_id in self._data.request_ids():
            self._talk.refuse(request_id, code, text)

    def pulse(self) -> None:
        """Send what changed in the streams."""
        for message in self._data.changes():
            self._talk.send(message)
