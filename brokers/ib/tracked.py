"""One of our orders, with everything that TWS said of it."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from brokers.ib.messages import ErrorSeen
from brokers.ib.pairing import ExecutionPairing
from market.orders import Order


class Stage(StrEnum):
    """How far an order has come."""

    SENT = "sent"  # nothing came back yet: it may or may not have arrived
    WORKING = "working"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(slots=True)
class TrackedOrder:
    """One of our orders with everything TWS said of it."""

    order: Order
    pairing: ExecutionPairing
    stage: Stage
    limit_credit: Decimal
    tws_order_id: int = 0
    perm_id: int = 0
    is_accepted: bool = False
    refusal: ErrorSeen | None = None
    cancel_reason: str = "cancelled on request"
    passes_unseen: int = 0
    fills_told: int = 0
    charges_told: dict[int, Decimal] = field(default_factory=dict)
    mids: dict[int, Decimal | None] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        """Return combos not filled yet."""
        return self.order.intent.quantity - self.pairing.filled

    @property
    def is_active(self) -> bool:
        """Tell whether the order may still fill, as far as is known."""
        return self.stage is not Stage.ENDED

    def fill_id(self, number: int) -> str:
        """Return the id of a fill: the order's, and how many combos were filled with it."""
        filled = sum(fill.quantity for fill in self.pairing.fills[: number + 1])
        return f"{self.order.order_id}#{filled}"
