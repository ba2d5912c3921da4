"""What a broker adapter must be told of the journal before it connects: orders, fills, holdings."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from bot.events import OrderApproved, Record
from brokers.ib.broker import KnownOrder
from market.instruments import OptionContract
from market.orders import (
    FillCharged,
    Order,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
)


@dataclass
class KnownOrders:
    """Folds the records of a run; a fill after an order's end is kept like any other."""

    held: dict[OptionContract, int] = field(default_factory=dict)
    _orders: dict[str, Order] = field(default_factory=dict)
    _limits: dict[str, Decimal] = field(default_factory=dict)
    _fills: dict[str, dict[str, OrderFilled]] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, records: Iterable[Record]) -> "KnownOrders":
        """Return what the records of a journal say."""
        known = cls()
        for record in records:
            known.take(record)
        return known

    def take(self, record: Record) -> None:
        """Take in one record."""
        match record:
            case OrderApproved(order=order):
                self._orders[order.order_id] = order
                self._limits[order.order_id] = order.intent.limit_credit
                self._fills[order.order_id] = {}
            case OrderRepriced():
                self._limits[record.order_id] = record.limit_credit
            case OrderFilled():
                self._fill(record)
            case FillCharged():
                self._charge(record)
            case OrderCancelled() | OrderRejected():
                self._ended.add(record.order_id)
            case PositionSettled():
                self.held.pop(record.contract, None)
            case _:
                pass

    def _fill(self, fill: OrderFilled) -> None:
        fills = self._fills[fill.order_id]
        if fill.fill_id in fills:
            return
        fills[fill.fill_id] = fill
        for leg in self._orders[fill.order_id].intent.legs:
            count = self.held.get(leg.contract, 0) + leg.ratio * fill.quantity
            self.held[leg.contract] = count
            if not count:
                del self.held[leg.contract]

    def _charge(self, charge: FillCharged) -> None:
        fills = self._fills[charge.order_id]
        fills[charge.fill_id] = replace(
            fills[charge.fill_id],
            commission_usd=charge.commission_usd,
            exchange_fees_usd=charge.exchange_fees_usd,
        )

    def orders(self, since: date) -> list[KnownOrder]:
        """Return the orders of the sessions from `since` on, and every one that may still work."""
        return [
            self._known(name, order)
            for name, order in self._orders.items()
            if order.session >= since or self._is_active(name)
        ]

    def _filled(self, name: str) -> int:
        return sum(fill.quantity for fill in self._fills[name].values())

    def _is_active(self, name: str) -> bool:
        return name not in self._ended and self._filled(name) < self._orders[name].intent.quantity

    def _known(self, name: str, order: Order) -> KnownOrder:
        fills = tuple(self._fills[name].values())
        return KnownOrder(order, fills, self._is_active(name), self._limits[name])
