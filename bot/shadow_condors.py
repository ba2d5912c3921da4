"""Condors of one shadow variant: its own ledger over the full book's entry fills.

Settlement is on the official close, taken at the session's last snapshot.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.equity import mark_of
from bot.held import CONDOR
from bot.ledger import Holding, Ledger
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import PackagePrice, price_package
from market.instruments import OptionContract
from market.orders import ZERO, Leg, Order, OrderFilled, OrderIntent
from market.quotes import MarketSnapshot
from strategies.time_shift import root_campaign

OLDEST_QUOTE = timedelta(seconds=10)


@dataclass(slots=True)
class Trade:
    """One original condor with all that became of it: tier, entry cash, net cash so far."""

    tier: str
    entry_usd: Decimal = ZERO
    net_usd: Decimal = ZERO


@dataclass
class CondorBook:
    """The condors of one variant: ledger, open trades by original campaign, finished trades."""

    ledger: Ledger = field(default_factory=lambda: Ledger(ZERO))
    trades: dict[str, Trade] = field(default_factory=dict)
    finished: list[Trade] = field(default_factory=list)

    @property
    def cash_usd(self) -> Decimal:
        """Return all flows of this variant so far."""
        return self.ledger.purse(CONDOR).cash_usd

    @property
    def fees_usd(self) -> Decimal:
        """Return all fees of this variant so far."""
        return self.ledger.purse(CONDOR).fees_usd

    def contracts(self) -> tuple[OptionContract, ...]:
        """Return the series held."""
        return tuple(self.ledger.positions())

    def fill(self, intent: OrderIntent, fill: OrderFilled, session: date, tier: str) -> Trade:
        """Book one fill at the price and fees that the full book had; return its trade."""
        trade = self.trades.setdefault(root_campaign(intent.campaign), Trade(tier))
        before = self.cash_usd
        for leg, price in zip(intent.legs, fill.leg_prices, strict=True):
            key = (CONDOR, intent.campaign, None, leg.contract)
            self.ledger.trade(key, leg.ratio * fill.quantity, price, session)
        self.ledger.charge(CONDOR, fill.fees_usd)
        trade.net_usd += self.cash_usd - before
        if not intent.is_closing and root_campaign(intent.campaign) == intent.campaign:
            trade.entry_usd += fill.credit * fill.quantity * 100
        return trade

    def charge(self, trade: Trade, fees_usd: Decimal) -> None:
        """Book what the broker charged for a fill beyond what was known; a trade may be over."""
        self.ledger.charge(CONDOR, fees_usd)
        trade.net_usd -= fees_usd

    def settle(self, session: date, spx_close: Decimal) -> None:
        """Turn what expires this session into cash."""
        for holding in [h for h in self.ledger.holdings.values() if h.contract.expiry == session]:
            flow = self.ledger.end(holding, holding.contract.intrinsic_points(spx_close))
            self.trades[root_campaign(holding.campaign)].net_usd += flow
        self.close_finished()

    def stop(
        self, session: date, snapshot: MarketSnapshot, multiple: Decimal, fees: FeeSchedule
    ) -> list[tuple[Order, OrderFilled]]:
        """Buy back each campaign whose cost exceeds its credit by `multiple` credits or more;
        return what was bought."""
        stops = []
        for campaign in sorted({holding.campaign for holding in self.ledger.holdings.values()}):
            held = self._held(campaign)
            quantity = abs(held[0].position)
            legs = _closing(held)
            package = price_package(legs, snapshot.quotes, snapshot.at, OLDEST_QUOTE)
            if package is None:
                continue
            trade = self.trades[root_campaign(campaign)]
            owed = -package.natural_credit * quantity * 100
            if owed - trade.entry_usd >= multiple * trade.entry_usd:
                stops.append(_bought(session, campaign, legs, quantity, package, snapshot.at, fees))
                self.buy_back(campaign, stops[-1][1])
        self.close_finished()
        return stops

    def _held(self, campaign: str) -> list[Holding]:
        return [h for h in self.ledger.holdings.values() if h.campaign == campaign]

    def buy_back(self, campaign: str, fill: OrderFilled) -> None:
        """Book the purchase of all that a campaign holds."""
        held = self._held(campaign)
        trade, before = self.trades[root_campaign(campaign)], self.cash_usd
        for holding, leg, price in zip(held, _closing(held), fill.leg_prices, strict=True):
            count = leg.ratio * abs(holding.position)
            self.ledger.trade(holding.key, count, price, holding.opened)
        self.ledger.charge(CONDOR, fill.fees_usd)
        trade.net_usd += self.cash_usd - before

    def close_finished(self) -> None:
        """Move trades that hold nothing any more to the finished ones."""
        held = {root_campaign(holding.campaign) for holding in self.ledger.holdings.values()}
        for campaign in [name for name in self.trades if name not in held]:
            self.finished.append(self.trades.pop(campaign))

    def value_usd(self, snapshot: MarketSnapshot) -> Decimal:
        """Return what the open condors are marked at."""
        total = ZERO
        for holding in self.ledger.holdings.values():
            quote = snapshot.quotes.get(holding.contract)
            mark = mark_of(holding.contract, quote, None, snapshot.levels.spx)
            total += holding.position * Decimal(str(mark.points)) * holding.contract.multiplier
        return total

    def win_rate_by_tier(self) -> dict[str, float]:
        """Return the share of finished trades that kept money, by tier of their entry."""
        rates = {}
        for tier in sorted({trade.tier for trade in self.finished}):
            nets = [trade.net_usd for trade in self.finished if trade.tier == tier]
            rates[tier] = round(sum(net >= 0 for net in nets) / len(nets), 6)
        return rates


def _closing(held: list[Holding]) -> tuple[Leg, ...]:
    return tuple(Leg(h.contract, -1 if h.position > 0 else 1) for h in held)


def _bought(
    session: date,
    campaign: str,
    legs: tuple[Leg, ...],
    quantity: int,
    package: PackagePrice,
    at: datetime,
    fees: FeeSchedule,
) -> tuple[Order, OrderFilled]:
    """Return the order and the fill of a buy-back at natural prices."""
    name = f"stop-{campaign}-{session:%Y%m%d}"
    credit, prices = package.natural_credit, package.natural_prices
    intent = OrderIntent(CONDOR, "stop", campaign, legs, quantity, credit, at, is_closing=True)
    charge = fees.charge(legs, prices, quantity)
    fill = OrderFilled(
        at,
        name,
        f"{name}/1",
        quantity,
        credit,
        prices,
        charge.commission_usd,
        charge.exchange_fees_usd,
        package.mid_credit,
    )
    return Order(name, session, intent), fill
