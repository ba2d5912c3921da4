"""What the venue tells those who listen, and how it turns a request down."""

from dataclasses import dataclass

from brokers.gateway.orders import Execution, Ticket
from market.instruments import OptionContract


class Refused(Exception):
    """A request that the gateway turns down, with IB's code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """An order has a new status or price; `is_held` when it waits for the market to open."""

    ticket: Ticket
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Traded:
    """An order filled, in part or whole: its executions, package first."""

    ticket: Ticket
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """An order was turned down after it had been taken."""

    ticket: Ticket
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class PositionMoved:
    """The account holds another number of a series; 0 is closed."""

    contract: OptionContract


Told = OrderMoved | Traded | OrderRefused | PositionMoved
