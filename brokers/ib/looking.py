"""Who reads the board: a decision, whoever prepares for one, and a person's page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from brokers.ib.board import Board
from brokers.ib.shown import LineShown
from brokers.ib.wire import Wire


class Looking(Protocol):
    """Whoever reads lines."""

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract showed."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The board as it is used for a moment to come: what is read stands or is remembered."""

    board: Board
    moment_at: datetime

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what is known for the moment, as far as lines showed it.

        Raises:
            MarketDataError: a decision wants the lines.
            BrokerUnavailable: the socket is gone.
        """
        return await self.board.foresee(wire, contracts, is_done, self.moment_at)


@dataclass(frozen=True, slots=True)
class Glances:
    """The board as a person's page may use it."""

    board: Board
    wait_s: float

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract showed, if no decision wants the lines.

        Raises:
            MarketDataError: one does.
            BrokerUnavailable: the socket is gone.
        """
        return await self.board.glance(wire, contracts, is_done, self.wait_s)
