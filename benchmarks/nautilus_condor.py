"""The peer of replay_peers.py: nautilus_trader on a daily condor and ten calls, at given prices.

Runs in the environment of `make peers`, which does not hold this project. Reads the quotes of
each session from a JSON file, prints JSON. The strategy sells the four legs at the first look at
them, buys them back at the next session's prices, and buys the calls once. It is woken by the
clock, since subscriptions to two thousand options would cost the peer ten times the run; its
closing statistics are not measured either.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.common.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, AssetClass, OmsType, OptionKind, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import OptionContract
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
ONE, TEN, MANY = Quantity.from_int(1), Quantity.from_int(10), Quantity.from_int(1000)
LIFE = timedelta(days=400)

Trade = tuple[InstrumentId, OrderSide, Quantity]


def nanoseconds(at: datetime) -> int:
    """Return an instant as the peer counts it."""
    return int(at.timestamp()) * 1_000_000_000


def instrument(name: str, first: datetime) -> OptionContract:
    """Return an option that is listed long before and after."""
    return OptionContract(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        asset_class=AssetClass.INDEX,
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        multiplier=Quantity.from_int(100),
        lot_size=ONE,
        underlying=name[:3],
        option_kind=OptionKind.CALL if name.endswith("C") else OptionKind.PUT,
        strike_price=Price.from_int(1),
        activation_ns=nanoseconds(first - LIFE),
        expiration_ns=nanoseconds(first + 100 * LIFE),
        ts_event=0,
        ts_init=0,
    )


class Daily(Strategy):  # type: ignore[misc]  # the peer is not at hand when types are checked
    """Wakes a second after the quotes of each session and sends what is due then."""

    def __init__(self, due: list[tuple[int, list[Trade]]]) -> None:
        super().__init__()
        self.due = list(reversed(due))
        self.fills = 0

    def on_start(self) -> None:
        """Wait for the first session."""
        self.wait()

    def wait(self) -> None:
        """Have the clock wake us for what is next."""
        if self.due:
            at = datetime.fromtimestamp(self.due[-1][0] + 1, UTC)
            self.clock.set_time_alert(f"{at:%Y%m%d}", at, self.trade)

    def trade(self, _event: Any) -> None:
        """Send the orders of this session."""
        for instrument_id, side, quantity in self.due.pop()[1]:
            self.submit_order(self.order_factory.market(instrument_id, side, quantity))
        self.wait()

    def on_order_filled(self, _event: Any) -> None:
        """Count the fills."""
        self.fills += 1


def plan_of(name: str) -> list[tuple[OrderSide, Quantity]]:
    """Return what is done with an option: short legs, long legs, hedge calls."""
    kind = name.split("-")[1]
    if kind == "hedge":
        return [(OrderSide.BUY, TEN)]
    sides = (OrderSide.SELL, OrderSide.BUY) if kind == "short" else (OrderSide.BUY, OrderSide.SELL)
    return [(side, ONE) for side in sides]


def main() -> None:
    """Measure one run in processor time."""
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(100_000_000, USD)],
    )
    begun_at = datetime.fromtimestamp(rows[0][0], UTC)
    found, plans, ticks = {}, {}, []
    due: dict[int, list[Trade]] = {}
    for seconds, name, bid, ask in rows:
        if name not in found:
            found[name] = instrument(name, begun_at)
            engine.add_instrument(found[name])
            plans[name] = plan_of(name)
        at, prices = seconds * 1_000_000_000, (Price.from_str(bid), Price.from_str(ask))
        ticks.append(QuoteTick(found[name].id, *prices, MANY, MANY, at, at))
        if plans[name]:
            side, quantity = plans[name].pop(0)
            due.setdefault(seconds, []).append((found[name].id, side, quantity))
    engine.add_data(ticks)
    strategy = Daily(sorted(due.items(), key=lambda row: row[0]))
    engine.add_strategy(strategy)
    begun = process_time()
    engine.run(streaming=True)
    seconds = process_time() - begun
    engine.end()
    print(json.dumps({"seconds": seconds, "fills": strategy.fills}))


if __name__ == "__main__":
    main()
