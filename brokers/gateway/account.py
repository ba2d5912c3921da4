"""The account as a gateway tells it: values, positions with their average cost, margins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from brokers.base import AccountState
from brokers.sim.margin import margin_usd
from market.instruments import OptionContract
from market.orders import Leg, OrderFilled, PositionSettled
from market.quotes import Quote

ZERO = Decimal(0)
CENT = Decimal("0.01")


@dataclass(slots=True)
class Held:
    """Signed contracts of one series and what they cost, fees included; dollars, > 0 paid."""

    position: int = 0
    cost_usd: Decimal = ZERO

    @property
    def average_cost_usd(self) -> Decimal:
        """Return the cost per contract, with multiplier and fees, > 0 for shorts too."""
        return abs(self.cost_usd / self.position) if self.position else ZERO


@dataclass(slots=True)
class Holdings:
    """What the account holds, series by series."""

    series: dict[OptionContract, Held] = field(default_factory=dict)

    def fill(self, legs: Iterable[Leg], told: OrderFilled) -> None:
        """Book a fill; a partial close keeps the average cost of the rest."""
        legs = tuple(legs)
        fee = told.fees_usd / len(legs)
        for leg, price in zip(legs, told.leg_prices, strict=True):
            held = self.series.setdefault(leg.contract, Held())
            change = leg.ratio * told.quantity
            before, after = held.position, held.position + change
            if before * change < 0 and abs(change) <= abs(before):
                held.cost_usd *= Decimal(after) / before
            else:
                kept = ZERO if before * change < 0 else held.cost_usd
                opened = after if before * change < 0 else change
                held.cost_usd = kept + opened * price * leg.contract.multiplier + fee
            held.position = after

    def settle(self, told: PositionSettled) -> None:
        """Book a settlement: the series is gone."""
        self.series.pop(told.contract, None)


@dataclass(frozen=True, slots=True)
class Mark:
    """One position at its mid; an unknown mid is worth nothing."""

    contract: OptionContract
    position: int
    price_points: Decimal
    cost_usd: Decimal
    average_cost_usd: Decimal

    @property
    def value_usd(self) -> Decimal:
        """Return what the position is worth, dollars."""
        return (self.price_points * self.position * self.contract.multiplier).quantize(CENT)

    @property
    def open_usd(self) -> Decimal:
        """Return the profit that is not taken yet, dollars."""
        return self.value_usd - self.cost_usd


def closed(contract: OptionContract) -> Mark:
    """Return a position that is none any more."""
    return Mark(contract, 0, ZERO, ZERO, ZERO)


def marks(
    positions: Mapping[OptionContract, int],
    quotes: Mapping[OptionContract, Quote],
    holdings: Holdings,
) -> tuple[Mark, ...]:
    """Return every position with its price and its cost."""
    told = []
    for contract, position in positions.items():
        quote, held = quotes.get(contract), holdings.series.get(contract, Held())
        mid = None if quote is None else quote.mid
        price = ZERO if mid is None else Decimal(str(mid))
        told.append(Mark(contract, position, price, held.cost_usd, held.average_cost_usd))
    return tuple(told)


def market_value_usd(
    positions: Mapping[OptionContract, int], quotes: Mapping[OptionContract, Quote]
) -> Decimal:
    """Return what the positions are worth at mid, dollars; one without a mid counts nothing."""
    total = ZERO
    for contract, position in positions.items():
        quote = quotes.get(contract)
        mid = None if quote is None else quote.mid
        if mid is not None:
            total += Decimal(str(mid)) * position * contract.multiplier
    return total.quantize(CENT)


def values(state: AccountState, worth_usd: Decimal) -> dict[str, Decimal]:
    """Return the account's figures by IB's names, dollars."""
    nlv = state.cash_usd + worth_usd
    free = nlv - state.margin_usd
    return {
        "NetLiquidation": nlv,
        "TotalCashValue": state.cash_usd,
        "TotalCashBalance": state.cash_usd,
        "SettledCash": state.cash_usd,
        "EquityWithLoanValue": nlv,
        "OptionMarketValue": worth_usd,
        "InitMarginReq": state.margin_usd,
        "MaintMarginReq": state.margin_usd,
        "AvailableFunds": free,
        "ExcessLiquidity": free,
        "BuyingPower": free,
        "Cushion": (free / nlv).quantize(Decimal("0.0001")) if nlv else ZERO,
    }


def margin_after_usd(
    positions: Mapping[OptionContract, int], legs: Iterable[Leg], quantity: int
) -> Decimal | None:
    """Return the margin once an order has filled whole, None where a short is uncovered."""
    after = dict(positions)
    for leg in legs:
        after[leg.contract] = after.get(leg.contract, 0) + leg.ratio * quantity
    return margin_usd({contract: held for contract, held in after.items() if held})
