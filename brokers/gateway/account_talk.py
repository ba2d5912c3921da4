"""Requests about the account: positions, values, summaries, profit and loss."""

from decimal import Decimal

from brokers.gateway import answers, requests
from brokers.gateway.account import closed
from brokers.gateway.answers import Message, Tell
from brokers.gateway.faults import Kind
from brokers.gateway.news import PositionMoved
from brokers.gateway.requests import Ask
from brokers.gateway.talk import Answerers, Talk, nothing
from brokers.gateway.weather import Weather
from brokers.gateway.wire import Fields
from market.instruments import OptionContract

MOST_SUMMARIES = 2


class AccountTalk:
    """Answers what the account holds and is worth."""

    def __init__(self, talk: Talk, weather: Weather) -> None:
        self._talk = talk
        self._weather = weather
        self._wants_positions = False
        self._wants_updates = False
        self._moved: set[OptionContract] = set()
        self._summaries: dict[int, tuple[str, ...]] = {}

    def answerers(self) -> Answerers:
        """Return the requests answered here."""
        return {
            Ask.POSITIONS: self._positions,
            Ask.CANCEL_POSITIONS: self._cancel_positions,
            Ask.ACCOUNT_UPDATES: self._account_updates,
            Ask.ACCOUNT_UPDATES_MULTI: self._account_updates_multi,
            Ask.CANCEL_ACCOUNT_UPDATES_MULTI: nothing,
            Ask.ACCOUNT_SUMMARY: self._account_summary,
            Ask.CANCEL_ACCOUNT_SUMMARY: self._cancel_account_summary,
        }

    def _positions(self, _fields: Fields) -> None:
        self._wants_positions = True
        for contract, held in self._talk.venue.positions().items():
            self._talk.send(self._position(contract, held))
        self._talk.send([Tell.POSITIONS_END, 1])

    def _cancel_positions(self, _fields: Fields) -> None:
        self._wants_positions = False

    def hear(self, told: PositionMoved) -> None:
        """Tell the client that a position changed, if it wants to know."""
        self._moved.add(told.contract)
        if self._wants_positions:
            held = self._talk.venue.positions().get(told.contract, 0)
            self._talk.send(self._position(told.contract, held))

    def _position(self, contract: OptionContract, held: int) -> Message:
        kept = self._talk.venue.holdings.series.get(contract)
        cost = Decimal(0) if kept is None else kept.average_cost_usd
        wire = self._talk.venue.means.directory.wire(contract)
        return answers.position(self._talk.venue.means.account, wire, held, cost)

    def _values(self) -> dict[str, Decimal]:
        """Return the account's figures: zeros while a nightly reset lasts."""
        values = self._talk.venue.account_values()
        return dict.fromkeys(values, Decimal(0)) if self._weather.holds(Kind.RESET) else values

    def _account_updates(self, fields: Fields) -> None:
        fields.skip(1)
        self._wants_updates = fields.flag()
        if not self._wants_updates:
            return
        self._tell_account()
        self._talk.send([Tell.ACCOUNT_DOWNLOAD_END, 1, self._talk.venue.means.account])

    def _tell_account(self) -> None:
        account = self._talk.venue.means.account
        ready = "false" if self._weather.holds(Kind.RESET) else "true"
        self._talk.send([Tell.ACCOUNT_VALUE, 2, "AccountReady", ready, "", account])
        for name, usd in self._values().items():
            self._talk.send([Tell.ACCOUNT_VALUE, 2, name, usd, "USD", account])
        for mark in self._talk.venue.marks():
            wire = self._talk.venue.means.directory.wire(mark.contract)
            self._talk.send(answers.portfolio_value(account, wire, mark))
        local = self._talk.venue.now.astimezone(answers.EASTERN)
        self._talk.send([Tell.ACCOUNT_TIME, 1, f"{local:%H:%M}"])

    def _tell_closed(self, moved: set[OptionContract]) -> None:
        account, venue = self._talk.venue.means.account, self._talk.venue
        for contract in sorted(moved - venue.positions().keys(), key=lambda each: each.symbol):
            wire = venue.means.directory.wire(contract)
            self._talk.send(answers.portfolio_value(account, wire, closed(contract)))

    def pulse(self) -> None:
        """Tell the account anew to who wants to hear of it, once a position has changed."""
        if not self._moved or self._weather.is_cut:
            return
        moved, self._moved = self._moved, set()
        if self._wants_updates:
            self._tell_closed(moved)
            self._tell_account()
        for request_id, wanted in self._summaries.items():
            self._tell_summary(request_id, wanted)

    def _account_updates_multi(self, fields: Fields) -> None:
        request_id = requests.versioned_id(fields)
        account = self._talk.venue.means.account
        for name, usd in self._values().items():
            self._talk.send(
                [Tell.ACCOUNT_UPDATE_MULTI, 1, request_id, account, "", name, usd, "USD"]
            )
        self._talk.send(answers.end_of(Tell.ACCOUNT_UPDATES_MULTI_END, request_id))

    def _account_summary(self, fields: Fields) -> None:
        request_id = requests.versioned_id(fields)
        if len(self._summaries) >= MOST_SUMMARIES:
            self._talk.refuse(
                request_id, 322, "Maximum number of account summary requests exceeded"
            )
            return
        _group, tags = fields.text(), fields.text()
        wanted = tuple(tags.split(","))
        self._summaries[request_id] = wanted
        self._tell_summary(request_id, wanted)
        account = self._talk.venue.means.account
        if "AccountType" in wanted:
            self._talk.send(
                [Tell.ACCOUNT_SUMMARY, 1, request_id, account, "AccountType", "INDIVIDUAL", ""]
            )
        self._talk.send(answers.end_of(Tell.ACCOUNT_SUMMARY_END, request_id))

    def _tell_summary(self, request_id: int, wanted: tuple[str, ...]) -> None:
        account, is_all = self._talk.venue.means.account, "All" in wanted
        is_all = is_all or any("$LEDGER" in tag for tag in wanted)
        for name, usd in self._values().items():
            if is_all or name in wanted:
                self._talk.send([Tell.ACCOUNT_SUMMARY, 1, request_id, account, name, usd, "USD"])

    def _cancel_account_summary(self, fields: Fields) -> None:
        self._summaries.pop(requests.versioned_id(fields), None)
