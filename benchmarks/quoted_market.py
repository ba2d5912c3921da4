"""A market made of ticks on the adapter's board, and a strategy that trades on it at every look.

Used by events.py. The parts around them are the program's own: board, engine, risk gate, simulated
exchange and shell.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.held import HEDGE
from brokers.ib.shown import LineShown
from market.instruments import OptionContract, Right, TradingClass
from market.orders import Leg, OrderIntent
from market.quotes import FuturesCurve, IndexLevels, MarketSnapshot, Quote, SnapshotRequest
from strategies.base import Context, Decision, View

SESSION = date(2018, 1, 3)
OPENED_AT = datetime(2018, 1, 3, 14, 30, tzinfo=UTC)
EXPIRY = date(2018, 2, 14)
LINES = 50
VIX_POINTS = 9.5
CURVE = FuturesCurve((date(2018, 1, 17), EXPIRY), (11.0, 12.0))
CALLS = tuple(
    OptionContract(TradingClass.VIX, EXPIRY, Decimal(10 + n), Right.CALL) for n in range(LINES)
)


class SilentWire:
    """Opens numbered lines that say nothing by themselves."""

    def __init__(self) -> None:
        self.opened = 0

    def watch(self, _contract: Any) -> int:
        """Return the number of a new line."""
        self.opened += 1
        return self.opened

    def unwatch(self, _number: int) -> None:
        """Close a line."""


class QuotedMarket:
    """What the board's lines show now: as market data, and as the exchange's own market."""

    def __init__(
        self, lines: Mapping[OptionContract, LineShown], clock: Callable[[], datetime]
    ) -> None:
        self._lines = lines
        self._clock = clock

    async def snapshot(self, request: SnapshotRequest) -> MarketSnapshot:
        """Return the quotes that are asked for; index levels stand still."""
        at = self._clock()
        levels = IndexLevels(at, 2700.0, VIX_POINTS, 9.0, 11.5)
        return MarketSnapshot(at, levels, CURVE, {}, self.quotes(request.contracts, at))

    def quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Mapping[OptionContract, Quote]:
        """Return the quotes of contracts."""
        return {contract: self._lines[contract].quote(at) for contract in contracts}

    def settlement_points(self, _trading_class: TradingClass, _expiry: date) -> Decimal | None:
        """Return nothing: no series expires in the session measured."""
        return None

    def settlement_known(self, _class: TradingClass, _expiry: date, _at: datetime) -> bool:
        """Return that nothing is known."""
        return False


class Turner:
    """Buys one call at the ask when it holds none, and sells it at the bid when it does."""

    name = HEDGE

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Ask for the call held, or for the one to buy."""
        held = context.positions.layers
        if held:
            return SnapshotRequest(contracts=(held[0].contract,))
        return SnapshotRequest(contracts=(CALLS[context.at.microsecond % LINES],))

    def decide(self, view: View) -> Decision:
        """Trade at the other side's price."""
        contract, quote = next(iter(view.snapshot.quotes.items()))
        is_held = bool(view.positions.layers)
        price = quote.bid if is_held else quote.ask
        credit = Decimal(f"{price:.2f}") if is_held else -Decimal(f"{price:.2f}")
        order = OrderIntent(
            strategy=self.name,
            purpose=f"turn_{view.at:%H%M%S%f}",
            campaign="turns",
            legs=(Leg(contract, -1 if is_held else 1),),
            quantity=1,
            limit_credit=credit,
            good_until=view.at + timedelta(minutes=1),
            layer="near",
            is_closing=is_held,
        )
        moment = view.context.moment
        return Decision(
            self.name,
            moment.name,
            view.session,
            view.at,
            "SELL" if is_held else "BUY",
            "TURN",
            f"{contract.symbol} at {price:.2f}.",
            orders=(order,),
        )
