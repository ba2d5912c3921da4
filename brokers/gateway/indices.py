"""The indices a gateway shows: five levels, and the settlement values of AM-settled options."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from market.instruments import TradingClass
from market.quotes import IndexLevels

LEVELS: dict[str, Callable[[IndexLevels], float | None]] = {
    "SPX": lambda levels: levels.spx,
    "VIX": lambda levels: levels.vix,
    "VIX9D": lambda levels: levels.vix9d,
    "VIX3M": lambda levels: levels.vix3m,
    "VVIX": lambda levels: levels.vvix,
}
SETTLED_CLASSES = {"VRO": TradingClass.VIX, "SET": TradingClass.SPX}


class SettledMarket(Protocol):
    """What the settlement values are read from."""

    def settlement_points(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the official settlement value, or None outside history."""

    def settlement_known(self, trading_class: TradingClass, expiry: date, at: datetime) -> bool:
        """Tell whether that value was published by `at`."""


def level_of(symbol: str, levels: IndexLevels) -> float | None:
    """Return an index level to the hundredth, None when it is not known."""
    value = LEVELS[symbol](levels)
    return None if value is None else round(value, 2)


def settled_on(market: SettledMarket, symbol: str, day: date, at: datetime) -> float | None:
    """Return the settlement value struck on a day, None before it is known."""
    trading_class = SETTLED_CLASSES[symbol]
    if not market.settlement_known(trading_class, day, at):
        return None
    value = market.settlement_points(trading_class, day)
    return None if value is None else float(value)
