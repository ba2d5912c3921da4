"""The market-data subscriptions of one client."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers.gateway import answers, ticks
from brokers.gateway.answers import Message
from brokers.gateway.faults import Kind
from brokers.gateway.indices import SETTLED_CLASSES, level_of, settled_on
from brokers.gateway.news import Refused
from brokers.gateway.ticks import DataKind, Greeks, Subscription
from brokers.gateway.venue import Venue
from brokers.gateway.weather import COMPETING_CODE, COMPETING_TEXT, Weather
from market.instruments import OptionContract, tick_size
from market.orders import Leg
from market.quotes import Quote

SEEN_IN_TICKS = (Kind.NO_QUOTES, Kind.NAN_GREEKS)
PERMISSION_TEXT = (
    "Requested market data is not subscribed. Displaying delayed market data is available."
)
DELAYED_TEXT = "Requested market data is not subscribed. Displaying delayed market data."


@dataclass(frozen=True, slots=True)
class Opened:
    """What a new subscription shows at once, and warnings as code and text."""

    messages: list[Message]
    warnings: tuple[tuple[int, str], ...] = ()


class Streams:
    """Ticks of indices, options and combos; `has_live` is false for an account without the feed."""

    def __init__(
        self,
        venue: Venue,
        weather: Weather,
        *,
        has_live: bool = True,
        most_lines: int,
    ) -> None:
        self._venue = venue
        self._weather = weather
        self._has_live = has_live
        self._most_lines = most_lines
        self._asked = DataKind.LIVE
        self._open: dict[int, Subscription] = {}
        self._told_in: tuple[object, ...] = ()

    def ask_kind(self, number: int) -> None:
        """Take which kind of data the client accepts from now on."""
        if number in DataKind.__members__.values():
            self._asked = DataKind(number)

    def open(
        self, request_id: int, index: str | None, legs: tuple[Leg, ...], *, is_snapshot: bool
    ) -> Opened:
        """Start a stream, or show it once.

        Raises:
            Refused: too many lines (101), id in use (322), or no permission (354).
        """
        if self._weather.holds(Kind.COMPETING):
            raise Refused(COMPETING_CODE, COMPETING_TEXT)
        if request_id in self._open:
            raise Refused(322, "Error processing request: Duplicate ticker ID")
        if len(self._open) >= self._most_lines:
            raise Refused(101, "Max number of tickers has been reached")
        kind = self._kind()
        subscription = Subscription(request_id, index, legs, kind)
        if not is_snapshot:
            self._open[request_id] = subscription
        least = tick_size(legs[0].contract.trading_class, answers.ZERO) if legs else answers.CENT
        told = [
            answers.market_data_type(request_id, kind),
            answers.tick_parameters(request_id, least),
            *([] if self._weather.has_no_ticks else self._ticks(subscription)),
        ]
        return Opened(told, ((10167, DELAYED_TEXT),) if kind.is_delayed else ())

    def _kind(self) -> DataKind:
        """Return what the account gets: live where it may, else what the client accepts."""
        is_open = self._venue.is_open()
        if self._has_live:
            wants_frozen = self._asked in {DataKind.FROZEN, DataKind.DELAYED_FROZEN}
            return DataKind.FROZEN if wants_frozen and not is_open else DataKind.LIVE
        if not self._asked.is_delayed:
            raise Refused(354, PERMISSION_TEXT)
        wants_frozen = self._asked is DataKind.DELAYED_FROZEN and not is_open
        return DataKind.DELAYED_FROZEN if wants_frozen else DataKind.DELAYED

    def close(self, request_id: int) -> bool:
        """End a stream; tell whether there was one."""
        return self._open.pop(request_id, None) is not None

    def forget(self) -> None:
        """Lose every stream."""
        self._open.clear()

    def request_ids(self) -> tuple[int, ...]:
        """Return the requests whose streams are open."""
        return tuple(self._open)

    def changes(self) -> Iterator[Message]:
        """Yield the ticks that changed since the last call; within an instant none does."""
        if self._weather.has_no_ticks:
            return
        state = self._venue.now, *map(self._weather.holds, SEEN_IN_TICKS)
        if state == self._told_in:
            return
        self._told_in = state
        for subscription in tuple(self._open.values()):
            yield from self._ticks(subscription)

    def _ticks(self, subscription: Subscription) -> list[Message]:
        shown = dict(self._shown(subscription))
        if self._weather.holds(Kind.NO_QUOTES):
            shown |= dict.fromkeys(shown.keys() & ticks.SIZES.keys(), (ticks.NO_PRICE, 0))
        if self._weather.holds(Kind.NAN_GREEKS) and ticks.MODEL in shown:
            shown[ticks.MODEL] = ticks.NO_NUMBERS
        return ticks.messages(subscription, shown)

    def _shown(self, subscription: Subscription) -> Mapping[int, tuple[float, ...]]:
        market, now = self._venue.means.market, self._venue.now
        if subscription.index is not None:
            return self._index_ticks(subscription.index, now)
        contracts = tuple(leg.contract for leg in subscription.legs)
        quotes = dict(market.quotes(contracts, now))
        if subscription.kind is DataKind.LIVE and not self._venue.is_open():
            quotes = {}
        if len(subscription.legs) > 1:
            return ticks.of_combo(subscription.legs, quotes)
        quote = quotes.get(contracts[0])
        return ticks.of_option(quote, self._greeks(contracts[0], quote))

    def _index_ticks(self, index: str, now: datetime) -> Mapping[int, tuple[float, ...]]:
        market, calendar = self._venue.means.market, self._venue.means.calendar
        if index in SETTLED_CLASSES:
            return _known(settled_on(market, index, calendar.on_or_before(now.date()), now), None)
        last_close = calendar.session(calendar.previous(calendar.on_or_after(now.date())))
        before = market.levels(last_close.cash_close_at + timedelta(minutes=20))
        return _known(level_of(index, market.levels(now)), level_of(index, before))

    def _greeks(self, contract: OptionContract, quote: Quote | None) -> Greeks | None:
        market, now = self._venue.means.market, self._venue.now
        chain = market.chain(contract.trading_class, contract.expiry, now)
        return ticks.greeks_of(contract, quote, chain)


def _known(level: float | None, before: float | None) -> Mapping[int, tuple[float, ...]]:
    """Return the ticks of an index; what is not known is told as no price."""
    return ticks.of_index(
        ticks.NO_PRICE if level is None else level, ticks.NO_PRICE if before is None else before
    )
