"""The risk gate: the only place that turns a proposed order into an approved one.

Each refusal has a code for counters and a sentence for people. The gate judges what the order
would do to the whole account, orders at work included; it never changes an order.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from pydantic import Field

from bot.events import OrderStopped, TradingHalted
from bot.risk_market import Quotes, off_band, quick_ratio, unfit
from bot.safety import is_allowed
from market.instruments import OptionContract, Right, TradingClass, floor_to_tick
from market.orders import ApprovedOrder, Leg, LineState, Order, OrderIntent, legal_tick
from strategies.base import Capital, Positions
from strategies.section import Section

ZERO = Decimal(0)


class RiskParams(Section):
    """Hard limits of the account, above whatever the method wants."""

    max_trade_loss_frac: float = Field(
        0.12, gt=0, le=1, description="Max loss of one new condor order as a share of NLV."
    )
    max_open_loss_frac: float = Field(
        0.18, gt=0, le=1, description="Max loss of all open condors as a share of NLV."
    )
    max_orders_per_session: int = Field(
        20, ge=1, description="Orders sent in one session at most; more is a runaway."
    )
    max_hedge_order_frac: float = Field(
        0.05, gt=0, le=1, description="Premium of one hedge order as a share of NLV."
    )
    price_band_frac: float = Field(
        0.5, gt=0, description="Distance of a limit from the mid, as a share of the legs' mids."
    )
    price_band_points: float = Field(
        1.0, ge=0, description="Distance from the mid that is always allowed, points."
    )
    oldest_quote_seconds: float = Field(
        10.0, gt=0, description="Oldest quote of a leg on which something is opened."
    )
    widest_gap_seconds: float = Field(
        1.0, gt=0, description="Time between the quotes of an order's legs at most."
    )
    least_quick_ratio: float = Field(
        1.0, ge=0, description="Cash and half the hedge over open max loss, the new order included."
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order was stopped."""

    code: str
    sentence: str

    def of(self, order: Order, at: datetime) -> OrderStopped:
        """Return the record of an order that is stopped for it."""
        intent = order.intent
        return OrderStopped(
            at,
            order.session,
            intent.strategy,
            intent.purpose,
            order.order_id,
            self.code,
            self.sentence,
        )


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the gate needs to know of account and market at the moment of judgement.

    Without `quotes` the market is not judged.
    """

    capital: Capital
    positions: Positions
    orders_this_session: int
    halt: TradingHalted | None = None
    line: LineState = LineState.READY
    quotes: Quotes | None = None
    at: datetime | None = None


class RiskGate:
    """Judges proposed orders against hard limits."""

    def __init__(self, params: RiskParams) -> None:
        self._params = params

    def judge(self, order: Order, exposure: Exposure) -> ApprovedOrder | Refusal:
        """Return the approved order, or the first limit that it breaks."""
        intent = order.intent
        checks = (
            self._line,
            self._halted,
            self._count,
            self._tick,
            self._covered,
            self._losses,
            self._premium,
            self._means,
            self._market,
        )
        for check in checks:
            refusal = check(intent, exposure)
            if refusal is not None:
                return refusal
        return ApprovedOrder(order, f"{len(checks)} limits kept")

    def _line(self, _intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        if exposure.line is LineState.READY:
            return None
        return Refusal("LINE", f"the line to the broker is {exposure.line}")

    def _halted(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        if exposure.halt is None or is_allowed(intent):
            return None
        return Refusal("HALTED", exposure.halt.sentence)

    def _count(self, _intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        most = self._params.max_orders_per_session
        if exposure.orders_this_session >= most:
            return Refusal("TOO_MANY_ORDERS", f"{most} orders were sent this session already")
        return None

    def _tick(self, intent: OrderIntent, _exposure: Exposure) -> Refusal | None:
        tick = legal_tick(intent)
        if floor_to_tick(intent.limit_credit, tick) != intent.limit_credit:
            return Refusal("BAD_TICK", f"limit {intent.limit_credit} is off the {tick} grid")
        return None

    def _covered(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        bought = Counter[_Side]()
        for leg in intent.legs:
            bought[_side(leg.contract)] += max(leg.ratio, 0) * intent.quantity
        for contract, count in _opened_shorts(intent, exposure.positions):
            bought[_side(contract)] -= count
            if bought[_side(contract)] < 0:
                return Refusal("UNCOVERED", f"selling {contract.symbol} would leave it uncovered")
        return None

    def _losses(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        positions = exposure.positions
        loss = worst_loss_usd(intent)
        if intent.is_closing or loss == ZERO or not any(_opened_shorts(intent, positions)):
            return None
        nlv = exposure.capital.nlv_usd
        opened = exposure.capital.open_max_loss_usd + _working_loss_usd(positions)
        if loss > Decimal(str(self._params.max_trade_loss_frac)) * nlv:
            share = self._params.max_trade_loss_frac
            return Refusal("TRADE_LOSS", f"it risks ${loss:,.0f}, more than {share:.0%} of NLV")
        if opened + loss > Decimal(str(self._params.max_open_loss_frac)) * nlv:
            share = self._params.max_open_loss_frac
            total = opened + loss
            return Refusal("OPEN_LOSS", f"${total:,.0f} would be at risk, above {share:.0%} of NLV")
        return None

    def _premium(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        paid = -intent.limit_credit * 100 * intent.quantity
        if intent.is_closing:
            return None
        if paid > Decimal(str(self._params.max_hedge_order_frac)) * exposure.capital.nlv_usd:
            share = self._params.max_hedge_order_frac
            return Refusal("PREMIUM", f"it pays ${paid:,.0f}, more than {share:.0%} of NLV")
        return None

    def _means(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        """Judge free cash, and the quick ratio that the order would leave."""
        if intent.is_closing:
            return None
        needed, capital = _needed_usd(intent), exposure.capital
        taken = sum((_needed_usd(i) for i in exposure.positions.working if not i.is_closing), ZERO)
        free = capital.free_cash_usd - taken
        if needed > free:
            return Refusal("MARGIN", f"it needs ${needed:,.0f}, ${free:,.0f} are free")
        if not any(_opened_shorts(intent, exposure.positions)):
            return None
        at_risk = capital.open_max_loss_usd + _working_loss_usd(exposure.positions) + needed
        ratio = quick_ratio(capital.cash_usd, capital.hedge_value_usd, at_risk)
        least = Decimal(str(self._params.least_quick_ratio))
        if ratio is not None and ratio < least:
            return Refusal("QUICK_RATIO", f"the quick ratio would be {ratio:.2f}, below {least}")
        return None

    def _market(self, intent: OrderIntent, exposure: Exposure) -> Refusal | None:
        if intent.is_closing or exposure.quotes is None or exposure.at is None:
            return None
        params, quotes = self._params, exposure.quotes
        oldest = timedelta(seconds=params.oldest_quote_seconds)
        gap = timedelta(seconds=params.widest_gap_seconds)
        found = unfit(intent, quotes, exposure.at, oldest, gap)
        if found is not None:
            return Refusal(*found)
        share, least = Decimal(str(params.price_band_frac)), Decimal(str(params.price_band_points))
        sentence = off_band(intent, quotes, share, least)
        return None if sentence is None else Refusal("PRICE_BAND", sentence)


def _needed_usd(intent: OrderIntent) -> Decimal:
    """Return the free cash that an opening order takes: its worst loss, or its premium."""
    paid = max(-intent.limit_credit, ZERO) * 100 * intent.quantity
    opens_short = any(leg.ratio < 0 for leg in intent.legs)
    return max(worst_loss_usd(intent), paid) if opens_short else paid


_Side = tuple[TradingClass, date, Right]


def _side(contract: OptionContract) -> _Side:
    """Return what a short and the long that covers it have in common."""
    return contract.trading_class, contract.expiry, contract.right


def _sold(intent: OrderIntent, contract: OptionContract) -> int:
    return sum(
        -leg.ratio * intent.quantity
        for leg in intent.legs
        if leg.ratio < 0 and leg.contract == contract
    )


def _free_calls(contract: OptionContract, positions: Positions) -> int:
    """Return hedge contracts held that no working order sells already."""
    held = sum(row.contracts for row in positions.layers if row.contract == contract)
    return max(held - sum(_sold(intent, contract) for intent in positions.working), 0)


def _opened_shorts(
    intent: OrderIntent, positions: Positions
) -> Iterator[tuple[OptionContract, int]]:
    """Yield what an order sells beyond the contracts held."""
    for leg in intent.legs:
        beyond = _sold(intent, leg.contract) - _free_calls(leg.contract, positions)
        if beyond > 0:
            yield leg.contract, beyond


def _working_loss_usd(positions: Positions) -> Decimal:
    """Return what orders at work could add to the open loss, those that open shorts alone.

    A partly filled one counts whole, though the open loss has its filled part already.
    """
    return sum(
        (
            worst_loss_usd(intent)
            for intent in positions.working
            if not intent.is_closing and any(leg.ratio < 0 for leg in intent.legs)
        ),
        ZERO,
    )


def worst_loss_usd(intent: OrderIntent) -> Decimal:
    """Return the most one expiry of the order can lose at its limit, dollars, 0 if none.

    Pay-offs are piecewise linear, so the worst lies at a strike (beyond the outer strikes a
    covered package is flat).
    """
    expiries = {leg.contract.expiry for leg in intent.legs}
    if len(expiries) != 1:
        return max(-intent.limit_credit, ZERO) * 100 * intent.quantity
    strikes = [leg.contract.strike for leg in intent.legs]
    worst = min(_payoff(intent.legs, strike) for strike in strikes)
    return max(-(worst + intent.limit_credit), ZERO) * 100 * intent.quantity


def _payoff(legs: tuple[Leg, ...], underlying: Decimal) -> Decimal:
    return sum((leg.ratio * leg.contract.intrinsic_points(underlying) for leg in legs), ZERO)
