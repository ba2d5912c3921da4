"""What the gateway's account stands on: exchange, market, contracts, calendar, fees, clock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from brokers.gateway.contracts import Directory
from brokers.gateway.indices import SettledMarket
from brokers.sim.broker import SimBroker
from brokers.sim.fees import FeeSchedule
from market.instruments import OptionContract, TradingClass
from market.quotes import Chain, IndexLevels, Quote
from market.sessions import SessionCalendar


class Market(SettledMarket, Protocol):
    """What the gateway shows of the market."""

    def levels(self, at: datetime) -> IndexLevels:
        """Return the index levels."""

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        """Return the chain of an expiry."""

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of what is listed."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the venue is made of."""

    broker: SimBroker
    market: Market
    directory: Directory
    calendar: SessionCalendar
    fees: FeeSchedule
    clock: Callable[[], datetime]
    account: str
