"""What a decision looked at, as bytes and back: the market's snapshot and the daily tape's reading.

Arrays go in as the bytes of their float64 values, so that what comes back is equal bit by bit. The
tape's reading changes only when a session closes, so it is kept apart and told by its own hash.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec
import numpy as np

from bot.tape import DailyTape
from market.errors import JournalDamaged
from market.instruments import OptionContract, Right, TradingClass
from market.quotes import (
    Chain,
    DisplayedSize,
    FloatArray,
    FuturesCurve,
    IndexLevels,
    MarketSnapshot,
    Quote,
    SpxBar,
)
from strategies.base import Indicators

T = TypeVar("T")
# A look back of a year and more; the rules ask for the last few sessions.
CLOSES_KEPT = 300
_ARRAYS = (
    "strikes",
    "put_bid",
    "put_ask",
    "call_bid",
    "call_ask",
    "put_iv",
    "call_iv",
    "put_delta",
    "call_delta",
)


@dataclass(frozen=True, slots=True)
class TapeReading:
    """What the daily tape said at an instant: indicators, last VIX closes, SPX log returns."""

    indicators: Indicators
    vix_closes: Mapping[date, float]
    spx_returns: FloatArray


class _Chain(msgspec.Struct, array_like=True):
    trading_class: TradingClass
    expiry: date
    at: datetime
    forward: float
    years: float
    discount: float
    arrays: list[bytes]
    stale: list[tuple[int, Right, Quote]]
    size: DisplayedSize | None


class _Snapshot(msgspec.Struct, array_like=True):
    at: datetime
    levels: IndexLevels
    curve: FuturesCurve
    chains: list[_Chain]
    quotes: list[tuple[str, Quote]]
    bars: list[SpxBar]


class _Reading(msgspec.Struct, array_like=True):
    indicators: Indicators
    vix_closes: list[tuple[date, float]]
    spx_returns: bytes


def pack_snapshot(snapshot: MarketSnapshot) -> bytes:
    """Return a snapshot as bytes, with all that it can show."""
    packed = _Snapshot(
        snapshot.at,
        snapshot.levels,
        snapshot.curve,
        [_packed_chain(chain) for chain in snapshot.chains.values()],
        [(contract.symbol, quote) for contract, quote in snapshot.quotes.items()],
        list(snapshot.bars),
    )
    return msgspec.msgpack.encode(packed)


def _packed_chain(chain: Chain) -> _Chain:
    arrays = [np.ascontiguousarray(getattr(chain, name), np.float64).tobytes() for name in _ARRAYS]
    stale = [(row, right, quote) for (row, right), quote in chain.stale.items()]
    return _Chain(
        chain.trading_class,
        chain.expiry,
        chain.at,
        chain.forward,
        chain.years,
        chain.discount,
        arrays,
        stale,
        chain.size,
    )


def unpack_snapshot(content: bytes) -> MarketSnapshot:
    """Return the snapshot that `pack_snapshot` made bytes of.

    Raises:
        JournalDamaged: the bytes are no snapshot.
    """
    packed = _decode(content, _Snapshot)
    return MarketSnapshot(
        packed.at,
        packed.levels,
        packed.curve,
        {(chain.trading_class, chain.expiry): _unpacked_chain(chain) for chain in packed.chains},
        {OptionContract.parse(symbol): quote for symbol, quote in packed.quotes},
        tuple(packed.bars),
    )


def _unpacked_chain(packed: _Chain) -> Chain:
    arrays = dict(zip(_ARRAYS, map(_array, packed.arrays), strict=True))
    return Chain(
        trading_class=packed.trading_class,
        expiry=packed.expiry,
        at=packed.at,
        forward=packed.forward,
        years=packed.years,
        discount=packed.discount,
        stale={(row, right): quote for row, right, quote in packed.stale},
        size=packed.size,
        **arrays,
    )


def _array(raw: bytes) -> FloatArray:
    return np.frombuffer(raw, np.float64)


def reading_of(tape: DailyTape, session: date, at: datetime) -> TapeReading:
    """Return what the tape says at an instant of a session."""
    return TapeReading(
        tape.indicators(session, at),
        tape.vix_closes(session, at),
        tape.spx_returns(session, at),
    )


def pack_reading(reading: TapeReading) -> bytes:
    """Return a reading as bytes, with the last closes of VIX."""
    closes = reading.vix_closes
    last = [*islice(closes.items(), max(0, len(closes) - CLOSES_KEPT), None)]
    returns = np.ascontiguousarray(reading.spx_returns, np.float64).tobytes()
    return msgspec.msgpack.encode(_Reading(reading.indicators, last, returns))


def unpack_reading(content: bytes) -> TapeReading:
    """Return the reading that `pack_reading` made bytes of.

    Raises:
        JournalDamaged: the bytes are no reading.
    """
    packed = _decode(content, _Reading)
    return TapeReading(packed.indicators, dict(packed.vix_closes), _array(packed.spx_returns))


def _decode(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise JournalDamaged(f"a kept input cannot be read: {error}") from None


class InputKeeper:
    """Keeps what each decision looks at; called by the engine before anybody decides."""

    def __init__(self, keep: Callable[[bytes], str], tape: DailyTape) -> None:
        self._keep = keep
        self._tape = tape
        # A reading is packed once for all decisions between two closes.
        self._last: tuple[Any, bytes] | None = None

    def __call__(self, snapshot: MarketSnapshot, session: date, at: datetime) -> tuple[str, ...]:
        """Return the digests under which snapshot and reading are kept."""
        return self._keep(pack_snapshot(snapshot)), self._keep(self._packed(session, at))

    def _packed(self, session: date, at: datetime) -> bytes:
        indicators = self._tape.indicators(session, at)
        if self._last is None or self._last[0] is not indicators:
            self._last = indicators, pack_reading(reading_of(self._tape, session, at))
        return self._last[1]


class RecordedTape:
    """The daily tape as one reading has it."""

    def __init__(self, reading: TapeReading) -> None:
        self._reading = reading

    def indicators(self, _session: date, _at: datetime) -> Indicators:
        """Return the recorded indicators."""
        return self._reading.indicators

    def vix_closes(self, _session: date, _at: datetime) -> Mapping[date, float]:
        """Return the recorded closes of VIX."""
        return self._reading.vix_closes

    def spx_returns(self, _session: date, _at: datetime) -> FloatArray:
        """Return the recorded returns of SPX."""
        return self._reading.spx_returns
