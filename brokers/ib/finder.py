"""Finds contract ids by asking TWS once for each class and expiry and session."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime

from brokers.ib import translate
from brokers.ib.contracts import ContractCache, LastTradeDate, SeriesListing, listing_of, tws_day
from brokers.ib.inbox import RequestFailed
from brokers.ib.wire import Wire
from market.instruments import CLASS_SPECS, OptionContract, TradingClass
from market.sessions import exchange_zone

NOTHING = SeriesListing({}, ())


class ContractFinder:
    """Answers from the cache, and from TWS where the cache is silent."""

    def __init__(
        self,
        cache: ContractCache,
        wire: Callable[[], Wire],
        last_trade_date: LastTradeDate,
        clock: Callable[[], datetime],
    ) -> None:
        self._cache = cache
        self._wire = wire
        self._last_trade_date = last_trade_date
        self._clock = clock

    async def listing(self, trading_class: TradingClass, expiry: date) -> SeriesListing:
        """Return the series of one class and expiry that TWS lists now.

        Raises:
            BrokerUnavailable: no answer.
        """
        self._cache.begin(self._clock().astimezone(exchange_zone()).date())
        key = (trading_class, expiry)
        known = self._cache.listings.get(key)
        if known is not None:
            return known
        wire, last_trade = self._wire(), self._last_trade_date(trading_class, expiry)
        query = translate.series_contract(
            wire.api,
            symbol=CLASS_SPECS[trading_class].underlying,
            trading_class=str(trading_class),
            last_trade=tws_day(last_trade),
        )
        try:
            details = await wire.details(query)
        except RequestFailed:
            return NOTHING
        found = listing_of(details, trading_class, expiry, last_trade)
        self._cache.keep(key, found)
        return found

    async def con_ids(self, contracts: Iterable[OptionContract]) -> Mapping[OptionContract, int]:
        """Return the ids of those contracts that TWS lists.

        Raises:
            BrokerUnavailable: no answer.
        """
        wanted = tuple(contracts)
        for key in dict.fromkeys((c.trading_class, c.expiry) for c in wanted):
            await self.listing(*key)
        ids = {contract: self._cache.con_id(contract) for contract in wanted}
        return {contract: con_id for contract, con_id in ids.items() if con_id is not None}
