"""What a market-data subscription shows: prices, sizes and greeks as ticks.

−1 says that a price is not to be had, −2 that a greek is not: clients must not read them as
numbers. An index has a last price and no sides. Delayed ticks have numbers of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import nan

from brokers.gateway.answers import Message, tick_option, tick_price, tick_size
from market.instruments import OptionContract
from market.orders import Leg
from market.pricing import price_and_greeks
from market.quotes import Chain, Quote

BID_SIZE, BID, ASK, ASK_SIZE, LAST, CLOSE, MODEL = 0, 1, 2, 3, 4, 9, 13
DELAYED = {BID: 66, ASK: 67, LAST: 68, BID_SIZE: 69, ASK_SIZE: 70, CLOSE: 75, MODEL: 83}
SIZES = {BID: BID_SIZE, ASK: ASK_SIZE}
NO_PRICE, NO_GREEK = -1.0, -2.0
NO_NUMBERS = (nan,) * 8  # greeks as a script may tell them


class DataKind(IntEnum):
    """Of which kind the market data are, as IB numbers it."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4

    @property
    def is_delayed(self) -> bool:
        """Tell whether the ticks have the numbers of delayed ones."""
        return self in {DataKind.DELAYED, DataKind.DELAYED_FROZEN}


@dataclass(frozen=True, slots=True)
class Greeks:
    """Model figures of one option: the forward is what IB calls the underlying's price."""

    iv: float
    delta: float
    price: float
    gamma: float
    vega: float
    theta: float
    forward: float


@dataclass(slots=True)
class Subscription:
    """One stream of ticks, with what was sent last so that only changes go out."""

    request_id: int
    index: str | None
    legs: tuple[Leg, ...]
    kind: DataKind
    sent: dict[int, tuple[float, ...]] = field(default_factory=dict)


def of_index(level: float, close: float) -> Mapping[int, tuple[float, ...]]:
    """Return the ticks of an index: last and close."""
    return {LAST: (level, 0), CLOSE: (close, 0), BID: (NO_PRICE, 0), ASK: (NO_PRICE, 0)}


def of_option(quote: Quote | None, greeks: Greeks | None) -> Mapping[int, tuple[float, ...]]:
    """Return the ticks of an option; without a quote both sides are not to be had."""
    bid = NO_PRICE if quote is None or quote.bid is None else quote.bid
    ask = NO_PRICE if quote is None or quote.ask is None else quote.ask
    bid_size = quote.bid_size if quote is not None else None
    ask_size = quote.ask_size if quote is not None else None
    ticks: dict[int, tuple[float, ...]] = {BID: (bid, bid_size or 0), ASK: (ask, ask_size or 0)}
    if greeks is not None:
        ticks[MODEL] = (
            greeks.iv,
            greeks.delta,
            greeks.price,
            0.0,
            greeks.gamma,
            greeks.vega,
            greeks.theta,
            greeks.forward,
        )
    return ticks


def of_combo(
    legs: Sequence[Leg], quotes: Mapping[OptionContract, Quote]
) -> Mapping[int, tuple[float, ...]]:
    """Return the sides of a package out of all its legs; one leg unquoted, and it has none."""
    bid = ask = 0.0
    for leg in legs:
        quote = quotes.get(leg.contract)
        if quote is None or quote.bid is None or quote.ask is None:
            return {BID: (NO_PRICE, 0), ASK: (NO_PRICE, 0)}
        low, high = (quote.bid, quote.ask) if leg.ratio > 0 else (quote.ask, quote.bid)
        bid += leg.ratio * low
        ask += leg.ratio * high
    return {BID: (round(bid, 2), 1), ASK: (round(ask, 2), 1)}


def greeks_of(contract: OptionContract, quote: Quote | None, chain: Chain | None) -> Greeks | None:
    """Return the model's figures of one option, None where it has no implied volatility."""
    if quote is None or quote.iv is None or quote.delta is None:
        return None
    if chain is None or chain.years <= 0:
        return None
    price = quote.mid if quote.mid is not None else NO_PRICE
    forward, discount = chain.forward, chain.discount
    strike, years, iv = float(contract.strike), chain.years, quote.iv
    model = price_and_greeks(
        forward=forward, strike=strike, years=years, iv=iv, discount=discount, right=contract.right
    )
    bend, slope, decay = map(float, (model.gamma, model.vega_per_vol_point, model.theta_per_day))
    return Greeks(iv, quote.delta, price, bend, slope, decay, forward)


def messages(subscription: Subscription, ticks: Mapping[int, tuple[float, ...]]) -> list[Message]:
    """Return what changed since the last call, and remember it."""
    told: list[Message] = []
    for tick, figures in ticks.items():
        if subscription.sent.get(tick) == figures:
            continue
        subscription.sent[tick] = figures
        told += _told(subscription, tick, figures)
    return told


def _told(subscription: Subscription, tick: int, figures: tuple[float, ...]) -> list[Message]:
    is_delayed, request_id = subscription.kind.is_delayed, subscription.request_id
    number = DELAYED[tick] if is_delayed else tick
    if tick == MODEL:
        return [tick_option(request_id, number, figures)]
    price, size = figures
    lines = [tick_price(request_id, number, price, int(size))]
    if tick in SIZES:
        of_size = DELAYED[SIZES[tick]] if is_delayed else SIZES[tick]
        lines.append(tick_size(request_id, of_size, int(size)))
    return lines
