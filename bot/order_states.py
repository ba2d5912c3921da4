"""Where an order stands: its lifecycle as a table, and the state that the book keeps of it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.errors import InvariantBroken
from market.orders import Order, OrderAccepted, OrderCancelled, OrderFilled, OrderRejected

ZERO = Decimal(0)


class OrderStatus(StrEnum):
    """Where an order stands."""

    APPROVED = "approved"
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ACTIVE = frozenset({OrderStatus.APPROVED, OrderStatus.WORKING})

# What is not listed changes nothing: a late word about an order at its end. A fill ends an order
# once nothing remains, whatever its status; a smaller one does not revive it.
NEXT_STATUS: dict[tuple[OrderStatus, type], OrderStatus] = {
    (OrderStatus.APPROVED, OrderAccepted): OrderStatus.WORKING,
    (OrderStatus.WORKING, OrderAccepted): OrderStatus.WORKING,
    (OrderStatus.APPROVED, OrderRejected): OrderStatus.REJECTED,
    (OrderStatus.WORKING, OrderRejected): OrderStatus.REJECTED,
    (OrderStatus.APPROVED, OrderCancelled): OrderStatus.CANCELLED,
    (OrderStatus.WORKING, OrderCancelled): OrderStatus.CANCELLED,
}


@dataclass(slots=True)
class OrderState:
    """An order with its status, combos filled and present limit."""

    order: Order
    status: OrderStatus
    filled: int
    credit_sum: Decimal
    limit_credit: Decimal
    refusal: str = ""

    @property
    def remaining(self) -> int:
        """Return combos not filled yet."""
        return self.order.intent.quantity - self.filled

    @property
    def is_active(self) -> bool:
        """Tell whether the order may still fill."""
        return self.status in ACTIVE

    @property
    def average_credit(self) -> Decimal:
        """Return the mean credit per filled combo, points."""
        return self.credit_sum / self.filled if self.filled else ZERO


def check_fill(fill: OrderFilled, state: OrderState) -> None:
    """Compare a fill with its order.

    Raises:
        InvariantBroken: it brings more than was open, or legs that do not add up.
    """
    legs = state.order.intent.legs
    if not 0 < fill.quantity <= state.remaining:
        raise InvariantBroken(
            f"fill {fill.fill_id} brings {fill.quantity} combos, {state.remaining} were open"
        )
    if len(fill.leg_prices) != len(legs):
        raise InvariantBroken(f"fill {fill.fill_id} does not price each of its {len(legs)} legs")
    total = sum((leg.ratio * price for leg, price in zip(legs, fill.leg_prices, strict=True)), ZERO)
    if total != -fill.credit:
        raise InvariantBroken(f"the legs of fill {fill.fill_id} do not add up to its credit")
