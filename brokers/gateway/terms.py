"""What a gateway grants its clients, as its settings pages do."""

from dataclasses import dataclass

from brokers.gateway.pacing import Pace


@dataclass(frozen=True, slots=True)
class Terms:
    """Live market data or none, how fast a client may talk, whose id hears of all orders, whether
    orders are kept from all, and how many market-data lines a client may have.

    Without a `pace` any rate goes; without a master client id nobody hears of others' orders.
    """

    has_live_data: bool = True
    pace: Pace | None = None
    master_client_id: int | None = None
    is_read_only: bool = False
    most_lines: int = 100


ORDINARY = Terms()
