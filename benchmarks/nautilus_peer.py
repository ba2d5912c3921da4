"""The peer of events.py: nautilus_trader on the same quotes, trading at every hundredth.

Runs in the environment of `make peers`, which does not hold this project; prints JSON.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import process_time
from typing import Any

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import (
    AccountType,
    AssetClass,
    OmsType,
    OptionKind,
    OrderSide,
)
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import OptionContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.trading.strategy import Strategy

LINES, LEVELS, EVERY = 50, 14, 100
OPENED_AT = datetime(2018, 1, 3, 14, 30, tzinfo=UTC)
EXPIRES_AT = datetime(2018, 2, 14, 14, 30, tzinfo=UTC)
BETWEEN_QUOTES = timedelta(microseconds=20_000)
VENUE = Venue("SIM")
# Its limit of 100 orders a second would refuse nothing here, but its queue is not measured either.
NO_THROTTLE = RiskEngineConfig(max_order_submit_rate="1000000/00:00:01")


def nanoseconds(at: datetime) -> int:
    """Return an instant as the peer counts it."""
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000


def option(name: str, strike: int, opened: datetime, expires: datetime) -> OptionContract:
    """Return a call of the peer's own kind."""
    return OptionContract(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        asset_class=AssetClass.INDEX,
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        multiplier=Quantity.from_int(100),
        lot_size=Quantity.from_int(1),
        underlying="VIX",
        option_kind=OptionKind.CALL,
        strike_price=Price.from_int(strike),
        activation_ns=nanoseconds(opened - timedelta(days=60)),
        expiration_ns=nanoseconds(expires),
        ts_event=0,
        ts_init=0,
    )


class Turner(Strategy):  # type: ignore[misc]  # the peer is not at hand when types are checked
    """Buys one call at every other hundredth quote, and sells it at the next."""

    def __init__(self, instruments: list[OptionContract]) -> None:
        super().__init__()
        self.instruments = instruments
        self.quotes = self.fills = 0
        self.held: InstrumentId | None = None

    def on_start(self) -> None:
        """Ask for every line."""
        for each in self.instruments:
            self.subscribe_quote_ticks(each.id)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Count, and trade at every hundredth."""
        self.quotes += 1
        if self.quotes % EVERY:
            return
        side = OrderSide.BUY if self.held is None else OrderSide.SELL
        wanted = tick.instrument_id if self.held is None else self.held
        order = self.order_factory.market(wanted, side, Quantity.from_int(1))
        self.held = wanted if self.held is None else None
        self.submit_order(order)

    def on_order_filled(self, _event: Any) -> None:
        """Count the fills."""
        self.fills += 1


def quotes(count: int, instruments: list[OptionContract]) -> list[QuoteTick]:
    """Return quotes of all lines in turn."""
    ten, found = Quantity.from_int(10), []
    levels = [Decimal("2.00") + Decimal("0.05") * n for n in range(LEVELS)]
    bids = [Price.from_str(f"{level:.2f}") for level in levels]
    asks = [Price.from_str(f"{level + Decimal('0.05'):.2f}") for level in levels]
    start, gap = nanoseconds(OPENED_AT), BETWEEN_QUOTES.microseconds * 1_000
    for n in range(count):
        at = start + n * gap
        instrument, level = instruments[n % LINES].id, n % LEVELS
        found.append(QuoteTick(instrument, bids[level], asks[level], ten, ten, at, at))
    return found


def main() -> None:
    """Measure one run in processor time."""
    count = int(sys.argv[1])
    logging = LoggingConfig(bypass_logging=True)
    engine = BacktestEngine(BacktestEngineConfig(logging=logging, risk_engine=NO_THROTTLE))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(100_000_000, USD)],
    )
    instruments = [option(f"VIX{10 + n}", 10 + n, OPENED_AT, EXPIRES_AT) for n in range(LINES)]
    for each in instruments:
        engine.add_instrument(each)
    engine.add_data(quotes(count, instruments))
    strategy = Turner(instruments)
    engine.add_strategy(strategy)
    begun = process_time()
    engine.run()
    seconds = process_time() - begun
    if strategy.fills != count // EVERY:
        raise SystemExit(f"{strategy.fills} of {count // EVERY} orders filled: void")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
