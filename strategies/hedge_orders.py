"""The orders of the hedge: buy, sell, or roll calls as one package, each with its words.

Limits give way to the natural price at once: hedge orders are small and must fill (R-14's cost of
a VIX call: half the spread, at least 0.03). Calls of the base, of a tilt and those bought from
gains trade under campaigns of their own, so that the book tells them apart (A10).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from market.instruments import COMBO_TICK, OptionContract, floor_to_tick, tick_size
from market.orders import Leg, OrderIntent
from market.quotes import Quote
from strategies.base import (
    FilterResult,
    HedgePlan,
    HoldingKind,
    Layer,
    LayerPosition,
    View,
)
from strategies.ladder import Purchase
from strategies.params import CostParams

NAME = "alvh"
CAMPAIGNS = {
    HoldingKind.BASE: "alvh",
    HoldingKind.TILT: "alvh-tilt",
    HoldingKind.RECYCLED: "alvh-recycled",
}
_KIND_OF_CAMPAIGN = {campaign: kind for kind, campaign in CAMPAIGNS.items()}
ORDER_LIFE = timedelta(minutes=5)
LEAST_SALE_POINTS = Decimal("0.05")
OPEN, REDUCE, HARVEST, RECYCLE, RETIRE = "open", "reduce", "harvest", "recycle", "retire"
TILT, UNTILT = "tilt", "untilt"


def holding_kind(campaign: str) -> HoldingKind:
    """Return why the calls of a campaign are held; what is neither tilt nor recycled is base."""
    return _KIND_OF_CAMPAIGN.get(campaign, HoldingKind.BASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: an order, and how to say it."""

    intent: OrderIntent
    words: str


@dataclass(slots=True)
class Draft:
    """A decision in the making: what speaks against buying, steps, remarks, premium then paid."""

    plan: HedgePlan
    blocks: list[FilterResult]
    paid_usd: Decimal
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sold: dict[LayerPosition, int] = field(default_factory=dict)

    def left(self, position: LayerPosition) -> int:
        """Return the contracts of a position that no sale of this decision takes."""
        return position.contracts - self.sold.get(position, 0)

    def sell(self, position: LayerPosition, count: int, step: Step) -> None:
        """Add a sale, which gives back its share of the premium paid."""
        self.steps.append(step)
        self.sold[position] = self.sold.get(position, 0) + count
        self.paid_usd -= position.paid_premium_usd * count / position.contracts

    def buy(self, purchase: Purchase, step: Step) -> None:
        """Add a purchase and its premium."""
        self.steps.append(step)
        self.paid_usd += purchase.cost_usd


def sale(
    purpose: str,
    why: str,
    position: LayerPosition,
    quote: Quote,
    count: int,
    at: datetime,
    costs: CostParams,
) -> Step:
    """Return the sale of calls held; a call with a bid is never given away."""
    legs = (Leg(position.contract, -1),)
    limit = max(_limit(legs, (quote,), costs), LEAST_SALE_POINTS)
    campaign = CAMPAIGNS[position.kind]
    intent = _intent(purpose, position.layer, legs, count, limit, at, campaign, is_closing=True)
    return Step(intent, f"sell {count} {position.layer} calls, {named(position)}, {why}")


def buy(
    purchase: Purchase,
    at: datetime,
    purpose: str = OPEN,
    kind: HoldingKind = HoldingKind.BASE,
    why: str = "",
) -> Step:
    """Return the purchase of calls: what a layer lacks (R-19), a tilt (R-26), or from gains
    (R-23)."""
    pick, count = purchase.pick, purchase.contracts
    legs = (Leg(pick.contract, 1),)
    limit = -pick.price_points
    intent = _intent(purpose, pick.layer, legs, count, limit, at, CAMPAIGNS[kind])
    words = (
        f"buy {count} {pick.layer} calls, {_series(pick.contract)}, at {pick.ask:.2f} "
        f"(delta {pick.delta:.2f}){why}"
    )
    return Step(intent, words)


def roll(
    kind: str,
    why: str,
    position: LayerPosition,
    sold: Quote,
    purchase: Purchase,
    at: datetime,
    costs: CostParams,
) -> Step:
    """Return the exchange of calls held for others of the same layer, as one package (R-22)."""
    pick, count = purchase.pick, purchase.contracts
    legs = (Leg(position.contract, -1), Leg(pick.contract, 1))
    limit = _limit(legs, (sold, Quote(at, pick.bid, pick.ask)), costs)
    intent = _intent(kind, position.layer, legs, count, limit, at, CAMPAIGNS[position.kind])
    words = (
        f"roll {count} {position.layer} calls from {named(position)} to "
        f"{_series(pick.contract)} ({why})"
    )
    return Step(intent, words)


def named(position: LayerPosition) -> str:
    """Return the words for a series held."""
    return _series(position.contract)


def now(view: View) -> datetime:
    """Return the instant of the quotes: a moment worked off late trades by its own time."""
    return max(view.at, view.snapshot.at)


def sellable(view: View, position: LayerPosition) -> Quote | None:
    """Return the quote of a position that somebody bids for, or None."""
    quote = view.snapshot.quotes.get(position.contract)
    return quote if quote is not None and quote.bid and quote.ask is not None else None


def _series(contract: OptionContract) -> str:
    return f"{contract.expiry:%d %b} strike {contract.strike.normalize():f}"


def _limit(legs: tuple[Leg, ...], quotes: tuple[Quote, ...], costs: CostParams) -> Decimal:
    """Return the package's mid less half its spread, or less 0.03 a leg when that is more."""
    natural = mid = 0.0
    for leg, quote in zip(legs, quotes, strict=True):
        bid, ask = quote.bid or 0.0, quote.ask or 0.0
        natural -= leg.ratio * (ask if leg.ratio > 0 else bid)
        mid -= leg.ratio * 0.5 * (bid + ask)
    least = costs.hedge_slippage_min_points * len(legs)
    limit = Decimal(str(round(mid - max(mid - natural, least), 4)))
    if len(legs) > 1:
        return floor_to_tick(limit, COMBO_TICK)
    return floor_to_tick(limit, tick_size(legs[0].contract.trading_class, limit))


def _intent(
    purpose: str,
    layer: Layer,
    legs: tuple[Leg, ...],
    count: int,
    limit: Decimal,
    at: datetime,
    campaign: str,
    *,
    is_closing: bool = False,
) -> OrderIntent:
    return OrderIntent(
        strategy=NAME,
        purpose=f"{purpose}_{layer}",
        campaign=campaign,
        legs=legs,
        quantity=count,
        limit_credit=limit,
        good_until=at + ORDER_LIFE,
        layer=layer,
        is_closing=is_closing,
    )
