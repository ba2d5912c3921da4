"""Cash settlement at a broker that does not report it: expired series vanish from the positions.

What the book holds is mirrored here. Once a series has been valued and TWS holds it no more, its
settlement value turns it into `PositionSettled`; while the value is not known, it is awaited.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from market.instruments import OptionContract, TradingClass
from market.orders import BrokerEvent, Leg, OrderFilled, PositionSettled, SettlementAwaited

ASK_AGAIN_AFTER = timedelta(minutes=1)
SeriesKey = tuple[TradingClass, date]
SettlesAt = Callable[[TradingClass, date], datetime]
SettlementValue = Callable[[TradingClass, date], Awaitable[Decimal | None]]


class SettlingBook:
    """The positions as our book has them, and the series whose settlement is due."""

    def __init__(self, settles_at: SettlesAt) -> None:
        self._settles_at = settles_at
        self.held: dict[OptionContract, int] = {}
        self._ask_at: dict[SeriesKey, datetime] = {}
        self._awaited: set[SeriesKey] = set()

    def restore(self, held: Mapping[OptionContract, int]) -> None:
        """Take over what the book holds."""
        self.held = dict(held)

    def filled(self, fill: OrderFilled, legs: tuple[Leg, ...]) -> None:
        """Take in a fill."""
        for leg in legs:
            count = self.held.get(leg.contract, 0) + leg.ratio * fill.quantity
            self.held[leg.contract] = count
            if not count:
                del self.held[leg.contract]

    def series(self) -> set[SeriesKey]:
        """Return class and expiry of all that is held."""
        return {(c.trading_class, c.expiry) for c in self.held}

    def due(self) -> datetime | None:
        """Return when a series is next to be settled or asked for again."""
        known = self._ask_at
        return min(
            (known.get(key) or self._settles_at(*key) for key in self.series()), default=None
        )

    def due_series(self, at: datetime) -> list[SeriesKey]:
        """Return the series whose settlement may be asked for now."""
        known = self._ask_at
        return sorted(
            key for key in self.series() if (known.get(key) or self._settles_at(*key)) <= at
        )

    def wait(self, key: SeriesKey, at: datetime) -> tuple[BrokerEvent, ...]:
        """Ask again later; the first time, say that the series waits."""
        self._ask_at[key] = at + ASK_AGAIN_AFTER
        if key in self._awaited:
            return ()
        self._awaited.add(key)
        return (SettlementAwaited(at, *key, self._settles_at(*key)),)

    def settle(self, key: SeriesKey, value: Decimal, at: datetime) -> tuple[BrokerEvent, ...]:
        """Turn all of one series into cash at its settlement value, shorts first."""
        rows = [(c, n) for c, n in self.held.items() if (c.trading_class, c.expiry) == key]
        events: list[BrokerEvent] = []
        for contract, position in sorted(rows, key=lambda row: row[1] > 0):
            points = contract.intrinsic_points(value)
            cash = position * points * contract.multiplier + Decimal(0)
            events.append(PositionSettled(at, contract, position, points, value, cash, True))
            del self.held[contract]
        self._ask_at.pop(key, None)
        self._awaited.discard(key)
        return tuple(events)
