"""What the engine asks its shell to do: imperative, frozen, without I/O of their own."""

from dataclasses import dataclass

from market.orders import ApprovedOrder
from market.quotes import SnapshotRequest
from market.schedule import Moment
from market.values import value


@value(frozen=True, slots=True)
class FetchSnapshot:
    """Fetch index levels and what `request` names, for the strategies that asked at `moment`."""

    moment: Moment
    asked_by: tuple[str, ...]
    request: SnapshotRequest


@dataclass(frozen=True, slots=True)
class SubmitOrder:
    """Send an approved order."""

    approved: ApprovedOrder


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask the broker to stop an order."""

    order_id: str


Command = FetchSnapshot | SubmitOrder | CancelOrder
