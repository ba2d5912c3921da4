"""What a gateway grants its clients, as its settings pages do."""

from dataclasses import dataclass

from brokers.gateway.pacing import Pace


@dataclass(frozen=True, slots=True)
class Terms:
    """Live market data or none, how fast a client may talk, and whose id hears of all orders.

    Without a `pace` any rate goes; without a master client id nobody hears of others' orders.
    """

    has_live_data: bool = True
    pace: Pace | None = None
    master_client_id: int | None = None


ORDINARY = Terms()
