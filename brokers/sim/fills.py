"""Whether, at what price and how much of an order fills.

Rules of this file:
- A package is priced from all its legs. A leg without the side it needs, crossed, stale or absent
  leaves the package without a price; it never becomes cheaper. A bid of zero is a price: what is
  sold there is given away.
- A limit at or below the natural credit takes the displayed prices. Between natural and mid a
  seeded draw decides, the less likely the nearer the limit is to the mid (R-14's ladder). Above the
  mid nothing fills.
- Adverse selection is a drift added to the review of a fill alone. Moving the quotes themselves
  would make the market depend on our orders: chains and single quotes would part, and shadow books
  that see the same market would see another one.
- Draws are a hash of (seed, order, evaluation): they do not depend on what else trades, on the
  order of calls, or on how often a working order is looked at.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from market.errors import ConfigError
from market.instruments import OptionContract
from market.orders import Leg, LookVerdict
from market.quotes import Quote
from market.values import value

ZERO = Decimal(0)
CENT = Decimal("0.01")

# Share of the way from natural to mid up to which a probability of a fill per evaluation holds.
# The ladder is a proposal of the design, to be calibrated; R-14 asks for its existence only.
DEFAULT_LADDER = ((0.25, 0.85), (0.50, 0.65), (0.75, 0.45), (1.00, 0.25))
# Pessimism: between natural and mid nothing ever fills.
NOTHING_INSIDE = ((1.00, 0.0),)


@value(frozen=True, slots=True)
class PackagePrice:
    """A combo's prices in points: natural (sold at bids, bought at asks), mid, and per leg.

    `spreads` and `mid_credit` are None when a side that the natural price does not need is absent.
    """

    natural_credit: Decimal
    mid_credit: Decimal | None
    natural_prices: tuple[Decimal, ...]
    spreads: tuple[Decimal, ...] | None


@dataclass(frozen=True, slots=True)
class AdverseBand:
    """Mean drift of the mid against us in the minute after a fill, below a level of VIX."""

    below_vix: float
    points: float


AdverseBands = Mapping[str, tuple[AdverseBand, ...]]


@dataclass(frozen=True, slots=True)
class FillModel:
    """The parameters of fills; every draw follows from `seed`.

    Orders of `partial_from_quantity` combos or more fill partly at their first execution in
    `partial_share` of cases; the rest waits `redraw_every`. Quotes older than `oldest_quote` give
    no price (R-02: 10 s). An order meets the market `latency` after it was sent; `reject_share` of
    orders are turned down for no reason. `adverse` holds the drift after fills by underlying.
    """

    seed: int
    ladder: tuple[tuple[float, float], ...] = DEFAULT_LADDER
    partial_from_quantity: int = 5
    partial_share: float = 0.25
    partial_least_frac: float = 0.30
    partial_most_frac: float = 0.90
    redraw_every: timedelta = timedelta(seconds=30)
    oldest_quote: timedelta = timedelta(seconds=10)
    latency: timedelta = timedelta(0)
    reject_share: float = 0.0
    adverse: AdverseBands = field(default_factory=dict)
    adverse_scale: float = 1.0

    def __post_init__(self) -> None:
        distances = [distance for distance, _ in self.ladder]
        if not distances or distances != sorted(distances) or distances[-1] < 1.0:
            raise ValueError("the ladder must rise in distance and reach the mid at 1.0")
        shares = [p for _, p in self.ladder]
        shares += [self.partial_share, self.partial_least_frac, self.partial_most_frac]
        if not all(0.0 <= share <= 1.0 for share in (*shares, self.reject_share)):
            raise ValueError("probabilities and shares lie between 0 and 1")
        if self.partial_from_quantity < 2 or self.redraw_every <= timedelta(0):
            raise ValueError("a partial fill needs two combos and a positive redraw interval")
        if self.latency < timedelta(0) or self.adverse_scale < 0.0:
            raise ValueError("latency and the scale of adverse selection are not below 0")

    @classmethod
    def from_toml(
        cls,
        text: str,
        *,
        seed: int,
        partial_from_quantity: int = 5,
        partial_share: float = 0.25,
        latency: timedelta = timedelta(0),
        reject_share: float = 0.0,
        adverse_scale: float = 1.0,
    ) -> "FillModel":
        """Return the model of a table shaped like fills.toml.

        Raises:
            ConfigError: the text is no such table, or its numbers cannot be.
        """
        try:
            table = tomllib.loads(text)
            timing, partial = table["timing"], table["partial"]
            return cls(
                seed=seed,
                ladder=tuple((row["up_to_frac"], row["chance"]) for row in table["ladder"]["rows"]),
                partial_from_quantity=partial_from_quantity,
                partial_share=partial_share,
                partial_least_frac=partial["least_frac"],
                partial_most_frac=partial["most_frac"],
                redraw_every=timedelta(seconds=timing["redraw_seconds"]),
                oldest_quote=timedelta(seconds=timing["oldest_quote_seconds"]),
                latency=latency,
                reject_share=reject_share,
                adverse=_adverse_bands(table["adverse_selection"]),
                adverse_scale=adverse_scale,
            )
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as trouble:
            raise ConfigError(
                f"fills.toml is malformed ({trouble}); restore the shipped file."
            ) from trouble

    def price(
        self, legs: tuple[Leg, ...], quotes: Mapping[OptionContract, Quote], at: datetime
    ) -> PackagePrice | None:
        """Return the prices of a combo at `at`, or None when any leg has no usable quote."""
        return price_package(legs, quotes, at, self.oldest_quote)

    def fill_credit(
        self, package: PackagePrice, limit_credit: Decimal, order_id: str, evaluation: str
    ) -> Decimal | None:
        """Return the credit at which a limit fills at this evaluation, or None when it rests."""
        return self.look(package, limit_credit, order_id, evaluation)[1]

    def look(
        self, package: PackagePrice, limit_credit: Decimal, order_id: str, evaluation: str
    ) -> tuple[LookVerdict, Decimal | None]:
        """Return what comes of an evaluation, and the credit of the fill when there is one."""
        natural, mid = package.natural_credit, package.mid_credit
        if limit_credit <= natural:
            return LookVerdict.FILLED, natural
        if mid is None:
            return LookVerdict.NO_MID, None
        if limit_credit > mid:
            return LookVerdict.ABOVE_MID, None
        distance_frac = float((limit_credit - natural) / (mid - natural))
        probability = next(p for bound, p in self.ladder if distance_frac <= bound)
        if self._draw(order_id, f"fill:{evaluation}") < probability:
            return LookVerdict.FILLED, limit_credit
        return LookVerdict.NOT_DRAWN, None

    def is_turned_down(self, order_id: str) -> bool:
        """Tell whether an order is one of those that the venue refuses for no reason."""
        return self.reject_share > 0.0 and self._draw(order_id, "reject") < self.reject_share

    def drift_points(self, underlying: str, vix: float | None, fill_id: str) -> Decimal:
        """Return how far the mid moved against us after a fill beyond the market's own move.

        Exponential, with the mean of the band that VIX lies in; without a VIX there is none.
        """
        bands = self.adverse.get(underlying, ())
        if vix is None or not bands or not self.adverse_scale:
            return ZERO
        mean = next(band.points for band in bands if vix < band.below_vix) * self.adverse_scale
        drift = -mean * math.log1p(-self._draw(fill_id, "adverse"))
        return Decimal(repr(round(drift, 4)))

    def fill_quantity(self, order_id: str, executions: int, remaining: int) -> int:
        """Return how many of the `remaining` combos this execution takes, at least one."""
        if executions or remaining < self.partial_from_quantity:
            return remaining
        if self._draw(order_id, "is_partial") >= self.partial_share:
            return remaining
        width = self.partial_most_frac - self.partial_least_frac
        share = self.partial_least_frac + width * self._draw(order_id, "partial_frac")
        return min(remaining, max(1, math.floor(remaining * share)))

    def _draw(self, order_id: str, purpose: str) -> float:
        key = f"{self.seed}|{order_id}|{purpose}".encode()
        return int.from_bytes(blake2b(key, digest_size=7).digest(), "big") / 2**56


def _adverse_bands(table: Mapping[str, Any]) -> AdverseBands:
    """Return the bands by underlying; VIX rises from one to the next, the last has no bound."""
    found = {}
    for underlying, part in table.items():
        rows = part["bands"]
        bands = tuple(AdverseBand(r.get("below_vix", math.inf), r["points"]) for r in rows)
        bounds = [band.below_vix for band in bands]
        if bounds != sorted(set(bounds)) or bounds[-1] != math.inf:
            raise ValueError(f"the bands of {underlying} must rise in VIX and end without a bound")
        if min(band.points for band in bands) < 0:
            raise ValueError(f"the drift of {underlying} must not be below 0")
        found[underlying] = bands
    return MappingProxyType(found)


def price_package(
    legs: tuple[Leg, ...],
    quotes: Mapping[OptionContract, Quote],
    at: datetime,
    oldest_quote: timedelta,
) -> PackagePrice | None:
    """Return the prices of a combo from the quotes of all its legs, or None when one is unusable.

    Natural credit = −Σ ratio × (ask if bought, bid if sold); the mid credit likewise with mids.
    """
    sides: list[tuple[Decimal | None, Decimal | None]] = []
    for leg in legs:
        quote = quotes.get(leg.contract)
        if quote is None or not timedelta(0) <= at - quote.at <= oldest_quote:
            return None
        bid, ask = _known_points(quote.bid), _known_points(quote.ask)
        if bid is not None and ask is not None and bid > ask:
            return None
        sides.append((bid, None if ask == ZERO else ask))
    needed = [ask if leg.ratio > 0 else bid for leg, (bid, ask) in zip(legs, sides, strict=True)]
    natural = tuple(price for price in needed if price is not None)
    if len(natural) < len(legs):
        return None
    natural_credit = -sum((leg.ratio * p for leg, p in zip(legs, natural, strict=True)), ZERO)
    spreads = tuple(ask - bid for bid, ask in sides if bid is not None and ask is not None)
    if len(spreads) < len(legs):
        return PackagePrice(natural_credit, None, natural, None)
    half = sum((abs(leg.ratio) * s for leg, s in zip(legs, spreads, strict=True)), ZERO) / 2
    return PackagePrice(natural_credit, natural_credit + half, natural, spreads)


def allocate(legs: tuple[Leg, ...], package: PackagePrice, credit: Decimal) -> tuple[Decimal, ...]:
    """Return leg prices within bid and ask that add up to a credit: Σ ratio × price = −credit.

    Every leg moves from its natural price by the same share of its own spread, in whole cents
    toward the natural (legs of a combo print in cents); the residue goes to the first legs of
    ratio ±1 that have room, so one of those must exist. Only with ratios beyond ±1 can that room
    be too small; the last of them then gives up its bid or ask rather than the sum.
    A single leg prints at the credit itself.
    """
    if credit == package.natural_credit or package.spreads is None:
        return package.natural_prices
    gained = credit - package.natural_credit
    total = sum((abs(leg.ratio) * s for leg, s in zip(legs, package.spreads, strict=True)), ZERO)
    moves = [(s * gained / total).quantize(CENT, rounding=ROUND_FLOOR) for s in package.spreads]
    residue = gained - sum((abs(leg.ratio) * m for leg, m in zip(legs, moves, strict=True)), ZERO)
    units = [index for index, leg in enumerate(legs) if abs(leg.ratio) == 1]
    for index in units:
        room = residue if index == units[-1] else package.spreads[index] - moves[index]
        moved = min(residue, room)
        moves[index] += moved
        residue -= moved
    return tuple(
        price - move if leg.ratio > 0 else price + move
        for leg, price, move in zip(legs, package.natural_prices, moves, strict=True)
    )


@lru_cache(maxsize=8192)
def _known_points(value: float | None) -> Decimal | None:
    """Return a quoted side in points; None for what is no price: absent, NaN or below zero."""
    if value is None or not math.isfinite(value) or value < 0:
        return None
    return Decimal(repr(round(value, 4)))
