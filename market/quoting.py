"""What becomes of a modelled quote on its way to the screen: its size, and now and then a fault.

Rules of this file:
- A series is stale, crossed or missing at an instant by a hash of seed, contract and instant: what
  else is quoted, and whether a chain or a single quote is asked for, changes nothing.
- A chain's rows hold what can be traded on: a stale or missing series has no sides there, a crossed
  one has its bid above its ask. The single quote of a stale series shows its old price and time.
- Model greeks stay: they do not come from the quote that is at fault.
"""

import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np

from market.errors import ConfigError
from market.instruments import CLASS_SPECS, OptionContract, Right, TradingClass
from market.quotes import Chain, DisplayedSize, FloatArray, Quote

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RIGHTS = (Right.PUT, Right.CALL)
# Splitmix64 (Steele, Lea and Flood 2014): its increment and the multipliers of its finalizer.
_GOLDEN, _MIX_FIRST, _MIX_SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = 2**64 - 1
# Ages of a stale quote: older than the 10 seconds that any rule allows, at most 15 minutes.
_LEAST_AGE_SECONDS, _MOST_AGE_SECONDS = 15, 900
_MOST_TICKS_OFF = 3


@dataclass(frozen=True, slots=True)
class FaultShares:
    """Which shares of single quotes are stale, crossed or missing at any instant."""

    stale_frac: float = 0.0
    crossed_frac: float = 0.0
    missing_frac: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.stale_frac, self.crossed_frac, self.missing_frac)
        if min(shares) < 0.0 or sum(shares) > 1.0:
            raise ValueError("shares of faulty quotes lie between 0 and 1 and add up to at most 1")

    @property
    def total(self) -> float:
        """Return the share of quotes with any fault."""
        return self.stale_frac + self.crossed_frac + self.missing_frac


NO_FAULTS = FaultShares()


@dataclass(frozen=True, slots=True)
class SizeParams:
    """How many contracts a quote shows; the formula stands in config/quotes.toml."""

    most_contracts: float
    half_at_points: float
    delta_discount: float
    vix_points: float
    vix_least_factor: float
    vix_most_factor: float

    def at(self, vix: float) -> DisplayedSize:
        """Return the rule at a level of VIX, points."""
        factor = min(max(self.vix_points / vix, self.vix_least_factor), self.vix_most_factor)
        return DisplayedSize(self.most_contracts * factor, self.half_at_points, self.delta_discount)


class Quoting:
    """Gives chains their sizes and their faults."""

    def __init__(
        self, seed: int, faults: FaultShares, sizes: dict[str, SizeParams] | None = None
    ) -> None:
        self._seed = seed
        self._faults, self._total = faults, faults.total
        self._sizes = sizes or {}
        self._keys: dict[tuple[TradingClass, date], int] = {}
        # Of the instant asked for last: all rows of it share both.
        self._last_step = _EPOCH, 0
        self._last_sizes: dict[str, tuple[float, DisplayedSize | None]] = {}

    @classmethod
    def from_toml(cls, text: str, seed: int, faults: FaultShares = NO_FAULTS) -> "Quoting":
        """Return the rule of a table shaped like quotes.toml.

        Raises:
            ConfigError: the text is no such table.
        """
        try:
            table: dict[str, Any] = tomllib.loads(text)["size"]
            sizes = {name: _size_params(row) for name, row in table.items()}
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as trouble:
            raise ConfigError(
                f"quotes.toml is malformed ({trouble}); restore the shipped file."
            ) from trouble
        return cls(seed, faults, sizes)

    def shown(self, chain: Chain, vix: float) -> Chain:
        """Return a chain as it is seen, with sizes and faults."""
        size = self.size_at(chain.trading_class, vix)
        if not self._total:
            return chain if size is None else replace(chain, size=size)
        draws = self._draws(chain)
        faulty = np.argwhere(draws < self._total)
        if not len(faulty):
            return chain if size is None else replace(chain, size=size)
        return self._with_faults(chain, size, draws, faulty.tolist())

    def size_at(self, trading_class: TradingClass, vix: float) -> DisplayedSize | None:
        """Return how many contracts quotes of a class show at a level of VIX; None is unknown."""
        underlying = CLASS_SPECS[trading_class].underlying
        last = self._last_sizes.get(underlying)
        if last is None or last[0] != vix:
            params = self._sizes.get(underlying)
            last = vix, None if params is None else params.at(vix)
            self._last_sizes[underlying] = last
        return last[1]

    def row(
        self,
        contract: OptionContract,
        at: datetime,
        sides: tuple[float, float],
        greeks: tuple[float, float],
        size: DisplayedSize | None,
    ) -> Quote:
        """Return the single quote that a chain shows in a row of modelled sides and (iv, delta)."""
        faults, (bid, ask) = self._faults, sides
        draw = self._draw(contract, at) if self._total else 1.0
        if draw < faults.stale_frac:
            old = _stale(contract.trading_class, at, bid, ask, draw / faults.stale_frac)
            return Quote(old.at, old.bid, old.ask, *greeks)
        if draw < faults.stale_frac + faults.crossed_frac:
            bid = ask + _tick(contract.trading_class, ask)
        elif draw < self._total:
            return Quote(at, None, None, *greeks)
        if size is None:
            return Quote(at, bid, ask, *greeks)
        return size.behind(at, bid, ask, *greeks)

    def _with_faults(
        self,
        chain: Chain,
        size: DisplayedSize | None,
        draws: FloatArray,
        faulty: list[list[int]],
    ) -> Chain:
        bids = [chain.put_bid.copy(), chain.call_bid.copy()]
        asks = [chain.put_ask.copy(), chain.call_ask.copy()]
        stale: dict[tuple[int, Right], Quote] = {}
        for side, row in faulty:
            draw = float(draws[side, row])
            bid, ask = bids[side], asks[side]
            if (
                self._faults.stale_frac
                <= draw
                < self._faults.stale_frac + self._faults.crossed_frac
            ):
                bid[row] = ask[row] + _tick(chain.trading_class, float(ask[row]))
                continue
            if draw < self._faults.stale_frac:
                right = _RIGHTS[side]
                share = draw / self._faults.stale_frac
                sides = float(bid[row]), float(ask[row])
                stale[row, right] = _stale(chain.trading_class, chain.at, *sides, share)
            bid[row] = ask[row] = np.nan
        return replace(
            chain,
            put_bid=bids[0],
            put_ask=asks[0],
            call_bid=bids[1],
            call_ask=asks[1],
            stale=stale,
            size=size,
        )

    def _draws(self, chain: Chain) -> FloatArray:
        """Return a number in [0, 1) for each right and strike of a chain."""
        start = self._start(chain.trading_class, chain.expiry, chain.at)
        strikes = np.rint(chain.strikes * 200.0).astype(np.uint64)
        word = np.empty((2, len(strikes)), np.uint64)
        word[0] = strikes  # puts
        word[1] = strikes + np.uint64(1)
        word *= np.uint64(_GOLDEN)
        word += np.uint64(start)
        word ^= word >> np.uint64(30)
        word *= np.uint64(_MIX_FIRST)
        word ^= word >> np.uint64(27)
        word *= np.uint64(_MIX_SECOND)
        word ^= word >> np.uint64(31)
        return np.asarray((word >> np.uint64(11)) * 2.0**-53)

    def _draw(self, contract: OptionContract, at: datetime) -> float:
        """Return the number of one series: what `_draws` has in its row."""
        word = round(float(contract.strike) * 200.0) + (contract.right is Right.CALL)
        start = self._start(contract.trading_class, contract.expiry, at)
        word = (word * _GOLDEN + start) & _WORD
        word = ((word ^ (word >> 30)) * _MIX_FIRST) & _WORD
        word = ((word ^ (word >> 27)) * _MIX_SECOND) & _WORD
        return ((word ^ (word >> 31)) >> 11) * 2.0**-53

    def _start(self, trading_class: TradingClass, expiry: date, at: datetime) -> int:
        last = self._last_step
        if last[0] is not at:
            last = self._last_step = at, (at - _EPOCH) // _MICROSECOND * _GOLDEN
        return (self._key(trading_class, expiry) + last[1]) & _WORD

    def _key(self, trading_class: TradingClass, expiry: date) -> int:
        key = self._keys.get((trading_class, expiry))
        if key is None:
            text = f"{self._seed}|{trading_class}|{expiry.isoformat()}|quoting".encode()
            key = int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
            self._keys[trading_class, expiry] = key
        return key


def _size_params(row: dict[str, Any]) -> SizeParams:
    names = SizeParams.__dataclass_fields__
    params = SizeParams(**{name: float(row[name]) for name in names})
    if min(params.most_contracts, params.half_at_points, params.vix_points) <= 0:
        raise ValueError("sizes must be above 0")
    return params


def _tick(trading_class: TradingClass, price: float) -> float:
    spec = CLASS_SPECS[trading_class]
    return float(spec.tick_below if price < float(spec.tick_switch_points) else spec.tick_from)


def _stale(
    trading_class: TradingClass, at: datetime, bid: float, ask: float, share: float
) -> Quote:
    """Return an old quote, a few ticks beside today's; the share decides how old and how far."""
    seconds = round(_LEAST_AGE_SECONDS + share * (_MOST_AGE_SECONDS - _LEAST_AGE_SECONDS))
    ticks = (seconds % _MOST_TICKS_OFF + 1) * (1 if seconds % 2 else -1)
    shift = ticks * _tick(trading_class, ask)
    sides = max(round(bid + shift, 2), 0.0), max(round(ask + shift, 2), 0.05)
    return Quote(at - timedelta(seconds=seconds), *sides)
