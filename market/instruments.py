"""What is traded: option classes, their contracts, ticks and settlement.

Rules of this file, with their sources:
- SPXW settles on the official close (PM); SPX, VIX and VIXW on the opening quotation (AM)
  (Cboe contract specifications).
- SPX options tick 0.05 below 3.00 and 0.10 from there; a combo's net price ticks 0.05
  (Cboe SPX specification). VIX options have been allowed a finer grid on some dates; orders use
  the coarser one, which is valid under both.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum


class Right(StrEnum):
    """Call or put."""

    CALL = "C"
    PUT = "P"


class Settlement(StrEnum):
    """When an expiring series is valued: on the opening quotation or on the close."""

    AM = "AM"
    PM = "PM"


class TradingClass(StrEnum):
    """The exchange root; it fixes underlying and settlement."""

    SPX = "SPX"
    SPXW = "SPXW"
    VIX = "VIX"
    VIXW = "VIXW"


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """The contract terms that all series of one trading class share."""

    underlying: str
    settlement: Settlement
    multiplier: int
    tick_below: Decimal
    tick_from: Decimal
    tick_switch_points: Decimal


_FIVE, _TEN, _THREE = Decimal("0.05"), Decimal("0.10"), Decimal("3")

CLASS_SPECS: dict[TradingClass, ClassSpec] = {
    TradingClass.SPX: ClassSpec("SPX", Settlement.AM, 100, _FIVE, _TEN, _THREE),
    TradingClass.SPXW: ClassSpec("SPX", Settlement.PM, 100, _FIVE, _TEN, _THREE),
    TradingClass.VIX: ClassSpec("VIX", Settlement.AM, 100, _FIVE, _TEN, _THREE),
    TradingClass.VIXW: ClassSpec("VIX", Settlement.AM, 100, _FIVE, _TEN, _THREE),
}

COMBO_TICK = Decimal("0.05")


def tick_size(trading_class: TradingClass, price: Decimal) -> Decimal:
    """Return the least legal price step of a single option at `price` (index points)."""
    spec = CLASS_SPECS[trading_class]
    return spec.tick_below if abs(price) < spec.tick_switch_points else spec.tick_from


def floor_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the greatest multiple of `tick` that is not above `price`."""
    return (price / tick).to_integral_value(rounding=ROUND_FLOOR) * tick


def ceil_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the least multiple of `tick` that is not below `price`."""
    return (price / tick).to_integral_value(rounding=ROUND_CEILING) * tick


class _HashedOnce:
    """Keeps the hash of a value that never changes: contracts are the keys of nearly every table,
    and hashing a Decimal and a date anew each time is dear. The hash is no part of the value."""

    __slots__ = ("_hash",)
    _hash: int


@dataclass(frozen=True, slots=True)
class OptionContract(_HashedOnce):
    """One option series: class, expiry, strike and right."""

    trading_class: TradingClass
    expiry: date
    strike: Decimal
    right: Right

    def __post_init__(self) -> None:
        if self.strike <= 0:
            raise ValueError(f"strike must be positive, got {self.strike}")

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            value = hash((self.trading_class, self.expiry, self.strike, self.right))
            # The one write past `frozen`: what is kept follows from the fields.
            object.__setattr__(self, "_hash", value)
            return value

    @property
    def spec(self) -> ClassSpec:
        """Return the terms shared by all series of this class."""
        return CLASS_SPECS[self.trading_class]

    @property
    def multiplier(self) -> int:
        """Return dollars per index point."""
        return CLASS_SPECS[self.trading_class].multiplier

    @property
    def symbol(self) -> str:
        """Return the one text that names this series in journals, logs and pages."""
        strike = f"{self.strike.normalize():f}"
        return f"{self.trading_class} {self.expiry.isoformat()} {strike} {self.right}"

    @classmethod
    def parse(cls, symbol: str) -> "OptionContract":
        """Return the contract that `symbol` names.

        Raises:
            ValueError: the text is not of the form `SPXW 2018-02-05 2640 P`.
        """
        trading_class, expiry, strike, right = symbol.split(" ")
        day = date.fromisoformat(expiry)
        return cls(TradingClass(trading_class), day, Decimal(strike), Right(right))

    def intrinsic_points(self, underlying: Decimal) -> Decimal:
        """Return the pay-off at expiry for a settlement value of the underlying."""
        value = underlying - self.strike if self.right is Right.CALL else self.strike - underlying
        return max(value, Decimal(0))
