"""Requests about contracts: details, option chains, symbols, market rules, historical bars."""

from decimal import Decimal

from brokers.gateway import answers, requests
from brokers.gateway.answers import Message, Tell
from brokers.gateway.contracts import (
    BAG_ID,
    CLASSES,
    INDEX_IDS,
    INDEX_RULE,
    MARKET_RULES,
    VENUES,
    WireContract,
)
from brokers.gateway.history import bars
from brokers.gateway.news import Refused
from brokers.gateway.requests import BAG, Ask
from brokers.gateway.talk import Answerers, Talk, nothing
from brokers.gateway.wire import Fields
from market.instruments import CLASS_SPECS, OptionContract, TradingClass, tick_size


class ContractTalk:
    """Answers what can be traded."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def answerers(self) -> Answerers:
        """Return the requests answered here."""
        return {
            Ask.CONTRACT_DETAILS: self._contract_details,
            Ask.OPTION_PARAMETERS: self._option_parameters,
            Ask.MATCHING_SYMBOLS: self._matching_symbols,
            Ask.MARKET_RULE: self._market_rule,
            Ask.HISTORICAL_DATA: self._historical_data,
            Ask.CANCEL_HISTORICAL_DATA: nothing,
        }

    def _contract_details(self, fields: Fields) -> None:
        asked = requests.details_request(fields)
        wanted, directory = asked.contract, self._talk.venue.means.directory
        if wanted.sec_type == BAG or wanted.con_id == BAG_ID:
            self._talk.refuse(asked.request_id, 321, "Error validating request:-'cy' : cause - BAG")
            return
        index = None if wanted.sec_type == "OPT" else directory.index(wanted)
        found = list(directory.options(wanted)) if index is None else []
        if index is not None:
            self._talk.send(self._details(asked.request_id, index, None))
        elif not found or wanted.sec_type not in {"", "OPT"}:
            text = "No security definition has been found for the request"
            self._talk.refuse(asked.request_id, 200, text)
            return
        for option in found:
            wire = directory.wire(option, wanted.exchange or "SMART")
            self._talk.send(self._details(asked.request_id, wire, option))
        self._talk.send(answers.end_of(Tell.CONTRACT_DETAILS_END, asked.request_id))

    def _details(
        self, request_id: int, wire: WireContract, option: OptionContract | None
    ) -> Message:
        hours = self._talk.venue.means.directory.hours(option)
        least = Decimal("0.01")
        if option is not None:
            least = tick_size(option.trading_class, Decimal(0))
        return answers.contract_details(
            request_id,
            wire,
            under_id=INDEX_IDS[wire.symbol] if option is not None else 0,
            min_tick=least,
            market_rule=MARKET_RULES.get(wire.symbol, INDEX_RULE),
            hours=(hours, hours),
            expires="" if option is None else f"{option.expiry:%Y%m%d}",
            version=self._talk.version,
        )

    def _option_parameters(self, fields: Fields) -> None:
        request_id, symbol = fields.whole(), fields.text()
        if symbol not in MARKET_RULES:
            self._talk.refuse(
                request_id, 321, "Error validating request:-'bQ' : cause - no underlying"
            )
            return
        directory = self._talk.venue.means.directory
        calendar = self._talk.venue.means.calendar
        for trading_class in CLASSES:
            if CLASS_SPECS[trading_class].underlying != symbol:
                continue
            expiries = directory.expiries(trading_class)
            strikes = sorted({k for day in expiries for k in directory.strikes(trading_class, day)})
            dates = [f"{calendar.last_trade_date(trading_class, day):%Y%m%d}" for day in expiries]
            for exchange in VENUES if dates else ():
                self._talk.send(
                    answers.option_parameters(
                        request_id, exchange, INDEX_IDS[symbol], trading_class, dates, strikes
                    )
                )
        self._talk.send(answers.end_of(Tell.OPTION_PARAMETERS_END, request_id))

    def _matching_symbols(self, fields: Fields) -> None:
        request_id, pattern = fields.whole(), fields.text().upper()
        found = [symbol for symbol in INDEX_IDS if pattern and symbol.startswith(pattern)]
        message: Message = [Tell.MATCHING_SYMBOLS, request_id, len(found)]
        for symbol in found:
            message += [INDEX_IDS[symbol], symbol, "IND", "CBOE", "USD", 1, "OPT"]
            message += ["", ""] if self._talk.version >= 176 else []
        self._talk.send(message)

    def _market_rule(self, fields: Fields) -> None:
        rule = fields.whole()
        symbols = {number: symbol for symbol, number in MARKET_RULES.items()}
        if rule not in symbols:
            self._talk.refuse(answers.NO_REQUEST, 321, f"Market rule {rule} not found")
            return
        spec = CLASS_SPECS[TradingClass(symbols[rule])]
        self._talk.send(
            [Tell.MARKET_RULE, rule, 2, 0, spec.tick_below, spec.tick_switch_points, spec.tick_from]
        )

    def _historical_data(self, fields: Fields) -> None:
        asked = requests.history_request(fields)
        try:
            self._talk.send(bars(self._talk.venue, asked))
        except Refused as refused:
            self._talk.refuse(asked.request_id, refused.code, refused.text)
