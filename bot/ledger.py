"""Holdings and cash by strategy: every dollar moves through `trade`, `charge` or `settle`, or by a
person's word through `adopt`.

The accounting law: cash change = −Σ ratio × price × quantity × multiplier − fees for fills, and
position × value × multiplier for settlements; the reverse of all of it is flat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from market.instruments import OptionContract

ZERO = Decimal(0)
ADOPTED = "adopted"
WHOLE_OR_NOTHING = "condor"  # a campaign of this strategy makes no sense without one of its legs
HoldingKey = tuple[str, str, str | None, OptionContract]


@dataclass(slots=True)
class Holding:
    """Signed contracts of one series in one campaign and layer.

    `paid_usd` is the premium paid (+) or received (−) for the contracts still held, at their
    average price; `opened` is the session in which they came to be long or short.
    """

    strategy: str
    campaign: str
    layer: str | None
    contract: OptionContract
    opened: date
    position: int = 0
    paid_usd: Decimal = ZERO

    @property
    def key(self) -> HoldingKey:
        """Return what identifies the holding."""
        return (self.strategy, self.campaign, self.layer, self.contract)


@dataclass(slots=True)
class Purse:
    """One strategy's cash flow and fees since the start, dollars."""

    cash_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO


@dataclass(slots=True)
class Ledger:
    """All holdings and purses; mutated only by the methods below."""

    start_usd: Decimal
    holdings: dict[HoldingKey, Holding] = field(default_factory=dict)
    purses: dict[str, Purse] = field(default_factory=dict)
    # Contracts by series, until a holding changes: every moment asks for them several times.
    _totals: dict[OptionContract, int] | None = field(default=None, compare=False, repr=False)

    def purse(self, strategy: str) -> Purse:
        """Return the purse of a strategy, empty if it never traded."""
        purse = self.purses.get(strategy)
        if purse is None:
            purse = self.purses[strategy] = Purse()
        return purse

    @property
    def cash_usd(self) -> Decimal:
        """Return starting cash plus all flows."""
        return self.start_usd + sum((purse.cash_usd for purse in self.purses.values()), ZERO)

    @property
    def fees_usd(self) -> Decimal:
        """Return all fees paid."""
        return sum((purse.fees_usd for purse in self.purses.values()), ZERO)

    def trade(self, key: HoldingKey, change: int, price: Decimal, session: date) -> None:
        """Book a signed change of contracts at a price in points.

        What is left after a partial close keeps its average price; contracts beyond a full close
        open a new holding at the price of the trade.
        """
        self._totals = None
        strategy, campaign, layer, contract = key
        flow = -change * price * contract.multiplier
        self.purse(strategy).cash_usd += flow
        holding = self.holdings.get(key)
        if holding is None:
            holding = Holding(strategy, campaign, layer, contract, session)
            self.holdings[key] = holding
        before = holding.position
        holding.position = before + change
        if before * change >= 0:
            holding.paid_usd -= flow
        elif abs(change) <= abs(before):
            holding.paid_usd = holding.paid_usd * holding.position / before
        else:
            holding.paid_usd = holding.position * price * contract.multiplier
            holding.opened = session
        if holding.position == 0:
            del self.holdings[key]

    def charge(self, strategy: str, fees_usd: Decimal) -> None:
        """Book fees, a positive number of dollars."""
        purse = self.purse(strategy)
        purse.cash_usd -= fees_usd
        purse.fees_usd += fees_usd

    def settle(self, contract: OptionContract, value_points: Decimal) -> list[Holding]:
        """Turn all holdings of an expired series into cash; return what they were."""
        ended = [holding for holding in self.holdings.values() if holding.contract == contract]
        for holding in ended:
            self.end(holding, value_points)
        return ended

    def end(self, holding: Holding, value_points: Decimal) -> Decimal:
        """Turn one holding of an expired series into cash; return the flow in dollars."""
        self._totals = None
        flow = holding.position * value_points * holding.contract.multiplier
        self.purse(holding.strategy).cash_usd += flow
        del self.holdings[holding.key]
        return flow

    def adopt(self, contract: OptionContract, count: int, session: date) -> None:
        """Hold `count` of a series from now on, without any flow of cash.

        What is too much is taken from the holdings there are, oldest first; what is missing becomes
        a holding of no strategy. A campaign that was touched is no strategy's any more: what is
        left of it is looked after by a person until it expires.
        """
        change = count - self.positions().get(contract, 0)
        touched: set[tuple[str, str]] = set()
        for holding in [each for each in self.holdings.values() if each.contract == contract]:
            if holding.position * change < 0:
                step = _towards_zero(holding.position, change)
                touched.add((holding.strategy, holding.campaign))
                self._shift(holding, step)
                change -= step
        if change:
            key = (ADOPTED, ADOPTED, None, contract)
            holding = self.holdings.setdefault(key, Holding(*key, session))
            holding.position += change
            if not holding.position:
                del self.holdings[key]
        for strategy, campaign in touched:
            if strategy == WHOLE_OR_NOTHING:
                self._disown(strategy, campaign)
        self._totals = None

    def _shift(self, holding: Holding, step: int) -> None:
        """Change a holding towards zero at its average price."""
        left = holding.position + step
        holding.paid_usd = holding.paid_usd * left / holding.position
        holding.position = left
        if not left:
            del self.holdings[holding.key]

    def _disown(self, strategy: str, campaign: str) -> None:
        """Take a campaign from its strategy."""
        for holding in list(self.holdings.values()):
            if (holding.strategy, holding.campaign) != (strategy, campaign):
                continue
            del self.holdings[holding.key]
            holding.strategy = holding.campaign = ADOPTED
            there = self.holdings.setdefault(holding.key, holding)
            if there is not holding:
                there.position += holding.position
                there.paid_usd += holding.paid_usd

    def adopt_cash(self, change_usd: Decimal) -> None:
        """Have that much more cash, which no strategy earned."""
        self.purse(ADOPTED).cash_usd += change_usd

    def positions(self) -> Mapping[OptionContract, int]:
        """Return signed contracts per series over all campaigns, without zeros."""
        if self._totals is None:
            totals: dict[OptionContract, int] = {}
            for holding in self.holdings.values():
                totals[holding.contract] = totals.get(holding.contract, 0) + holding.position
            self._totals = {contract: count for contract, count in totals.items() if count}
        return self._totals


def _towards_zero(position: int, change: int) -> int:
    """Return the part of a change that a holding can take without changing its sign."""
    return change if abs(change) <= abs(position) else -position
