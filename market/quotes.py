"""What a market shows at one instant: index levels, futures curve, chains and single quotes.

Arrays are float64, one entry per strike. Missing is None for scalars and NaN inside chain arrays;
a chain row with a NaN side cannot be traded on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from market.instruments import OptionContract, Right, TradingClass
from market.values import value

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@value(frozen=True, slots=True)
class Quote:
    """Best bid and ask of one series, in points, with model greeks and sizes where known."""

    at: datetime
    bid: float | None
    ask: float | None
    iv: float | None = None
    delta: float | None = None
    bid_size: int | None = None
    ask_size: int | None = None

    @property
    def mid(self) -> float | None:
        """Return (bid + ask) / 2, or None when a side is missing or the quote is crossed."""
        if self.bid is None or self.ask is None or self.bid > self.ask:
            return None
        return 0.5 * (self.bid + self.ask)


@value(frozen=True, slots=True)
class DisplayedSize:
    """Contracts behind a quote: fewer the dearer the series and the further in the money."""

    most_contracts: float
    half_at_points: float
    delta_discount: float

    def contracts(self, price_points: float, delta: float) -> int:
        """Return the size of a side at a mid price; at least one contract."""
        depth = self.most_contracts / (1.0 + price_points / self.half_at_points)
        return max(1, round(depth * (1.0 - self.delta_discount * min(abs(delta), 1.0))))

    def behind(self, at: datetime, bid: float, ask: float, iv: float | None, delta: float) -> Quote:
        """Return the quote with its sizes; where nobody bids the bid has none."""
        contracts = self.contracts(0.5 * (bid + ask), delta)
        return Quote(at, bid, ask, iv, delta, contracts if bid > 0 else 0, contracts)


@value(frozen=True)
class Chain:
    """All strikes of one expiry at one instant.

    `forward` is the price of the underlying for delivery at expiry, `years` the calendar time to
    it (act/365), `discount` the price of one point paid then. Deltas are with respect to the
    forward, puts negative. A row whose quote is stale has no sides here; its old quote is in
    `stale`, by row and right.
    """

    trading_class: TradingClass
    expiry: date
    at: datetime
    forward: float
    years: float
    discount: float
    strikes: FloatArray
    put_bid: FloatArray
    put_ask: FloatArray
    call_bid: FloatArray
    call_ask: FloatArray
    put_iv: FloatArray
    call_iv: FloatArray
    put_delta: FloatArray
    call_delta: FloatArray
    stale: Mapping[tuple[int, Right], Quote] = field(default_factory=dict)
    size: DisplayedSize | None = None

    @cached_property
    def put_mid(self) -> FloatArray:
        """Return put mids per strike, points."""
        return 0.5 * (self.put_bid + self.put_ask)

    @cached_property
    def call_mid(self) -> FloatArray:
        """Return call mids per strike, points."""
        return 0.5 * (self.call_bid + self.call_ask)

    def row(self, strike: Decimal) -> int | None:
        """Return the index of `strike`, or None when it is not listed."""
        wanted = float(strike)
        index = int(np.searchsorted(self.strikes, wanted - 1e-9))
        if index < len(self.strikes) and abs(self.strikes[index] - wanted) < 1e-6:
            return index
        return None

    def quote(self, strike: Decimal, right: Right) -> Quote | None:
        """Return the quote of one series of this expiry, or None when it is not listed."""
        index = self.row(strike)
        if index is None:
            return None
        if right is Right.CALL:
            columns = (self.call_bid, self.call_ask, self.call_iv, self.call_delta)
        else:
            columns = (self.put_bid, self.put_ask, self.put_iv, self.put_delta)
        bid, ask, iv, delta = (_known(column[index]) for column in columns)
        old = self.stale.get((index, right))
        if old is not None:
            return Quote(old.at, old.bid, old.ask, iv, delta)
        if self.size is None or bid is None or ask is None or delta is None:
            return Quote(self.at, bid, ask, iv, delta)
        return self.size.behind(self.at, bid, ask, iv, delta)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@value(frozen=True, slots=True)
class IndexLevels:
    """Levels of the indices at one instant, in points; None is unknown."""

    at: datetime
    spx: float
    vix: float
    vix9d: float
    vix3m: float
    vvix: float | None = None


@value(frozen=True, slots=True)
class FuturesCurve:
    """VIX futures, nearest expiry first, in points."""

    expiries: tuple[date, ...]
    prices: tuple[float, ...]

    @property
    def m1(self) -> float:
        """Return the front month."""
        return self.prices[0]

    @property
    def m2(self) -> float:
        """Return the second month."""
        return self.prices[1]


@dataclass(frozen=True, slots=True)
class SpxBar:
    """SPX at the end of one 15-minute bar, and its volume-weighted mean since the open, points.

    The index has no volume of its own: `vwap` is that of a proxy, or a time-weighted mean where a
    model stands in; None is unknown.
    """

    at: datetime
    close: float
    vwap: float | None


ChainKey = tuple[TradingClass, date]


@value(frozen=True, slots=True)
class SnapshotRequest:
    """What a decision wants to see: whole chains, quotes of contracts it holds, the last bars."""

    chains: tuple[ChainKey, ...] = ()
    contracts: tuple[OptionContract, ...] = ()
    bars: int = 0

    @classmethod
    def joined(cls, requests: Iterable["SnapshotRequest"]) -> "SnapshotRequest":
        """Return one request for all that is named, each thing once and in their order."""
        chains: dict[ChainKey, None] = {}
        contracts: dict[OptionContract, None] = {}
        bars = 0
        for request in requests:
            chains |= dict.fromkeys(request.chains)
            contracts |= dict.fromkeys(request.contracts)
            bars = max(bars, request.bars)
        return cls(tuple(chains), tuple(contracts), bars)


@value(frozen=True, slots=True)
class MarketSnapshot:
    """The market at one instant; a missing entry means that it could not be had.

    `chains` and `quotes` may be computed on first access: a decision that stops at an early
    filter then costs nothing.
    """

    at: datetime
    levels: IndexLevels
    curve: FuturesCurve
    chains: Mapping[ChainKey, Chain]
    quotes: Mapping[OptionContract, Quote]
    bars: tuple[SpxBar, ...] = ()
