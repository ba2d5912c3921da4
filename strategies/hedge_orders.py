"""The orders of the hedge: buy, sell, or roll calls as one package, each with its words.

Limits give way to the natural price at once: hedge orders are small and must fill (R-14's cost of
a VIX call: half the spread, at least 0.03).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from market.instruments import COMBO_TICK, OptionContract, floor_to_tick, tick_size
from market.orders import Leg, OrderIntent
from market.quotes import Quote
from strategies.base import Layer, LayerPosition
from strategies.ladder import Purchase
from strategies.params import CostParams

NAME = "alvh"
CAMPAIGN = "alvh"
ORDER_LIFE = timedelta(minutes=5)
LEAST_SALE_POINTS = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: an order, and how to say it."""

    intent: OrderIntent
    words: str


def sale(
    position: LayerPosition, quote: Quote, count: int, at: datetime, costs: CostParams
) -> Step:
    """Return the sale of calls beyond the plan (R-20); a call with a bid is never given away."""
    legs = (Leg(position.contract, -1),)
    limit = max(_limit(legs, (quote,), costs), LEAST_SALE_POINTS)
    intent = _intent("reduce", position.layer, legs, count, limit, at, is_closing=True)
    return Step(intent, f"sell {count} {position.layer} calls, {named(position)}, beyond the plan")


def buy(purchase: Purchase, at: datetime) -> Step:
    """Return the purchase of calls that a layer lacks (R-19)."""
    pick, count = purchase.pick, purchase.contracts
    legs = (Leg(pick.contract, 1),)
    intent = _intent("open", pick.layer, legs, count, -pick.price_points, at)
    words = (
        f"buy {count} {pick.layer} calls, {_series(pick.contract)}, at {pick.ask:.2f} "
        f"(delta {pick.delta:.2f})"
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
    intent = _intent(kind, position.layer, legs, count, limit, at)
    words = (
        f"roll {count} {position.layer} calls from {named(position)} to "
        f"{_series(pick.contract)} ({why})"
    )
    return Step(intent, words)


def named(position: LayerPosition) -> str:
    """Return the words for a series held."""
    return _series(position.contract)


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
    kind: str,
    layer: Layer,
    legs: tuple[Leg, ...],
    count: int,
    limit: Decimal,
    at: datetime,
    *,
    is_closing: bool = False,
) -> OrderIntent:
    return OrderIntent(
        strategy=NAME,
        purpose=f"{kind}_{layer}",
        campaign=CAMPAIGN,
        legs=legs,
        quantity=count,
        limit_credit=limit,
        good_until=at + ORDER_LIFE,
        layer=layer,
        is_closing=is_closing,
    )
