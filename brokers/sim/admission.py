"""Which orders the simulated venue takes: its rejections, in the order in which they are judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from brokers.sim.fees import FeeSchedule
from brokers.sim.ledger import Ledger
from brokers.sim.margin import cover, least_payoff_points, series_of
from market.instruments import OptionContract, Right, ceil_to_tick, tick_size
from market.orders import Leg, Order, OrderIntent, OrderLooked, legal_tick
from market.quotes import Quote

ZERO = Decimal(0)


class RejectionCode(StrEnum):
    """Why an order was turned down, for counters."""

    DUPLICATE = "DUPLICATE"
    EXPIRED = "EXPIRED"
    UNKNOWN_CONTRACT = "UNKNOWN_CONTRACT"
    MARKET_CLOSED = "MARKET_CLOSED"
    BAD_COMBO = "BAD_COMBO"
    BAD_TICK = "BAD_TICK"
    RISKLESS = "RISKLESS"
    UNCOVERED = "UNCOVERED"
    NO_MARGIN = "NO_MARGIN"
    VENUE = "VENUE"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rejection: a code for counters and a sentence for people."""

    code: RejectionCode
    reason: str


@dataclass(frozen=True, slots=True)
class VenueRules:
    """What the venue knows of its contracts; all three answer for one contract at an instant."""

    trading_ends_at: Callable[[OptionContract], datetime]
    is_open: Callable[[OptionContract, datetime], bool]
    is_listed: Callable[[OptionContract, datetime], bool]


@dataclass(slots=True)
class WorkingOrder:
    """An order that works at the venue, with all that changes while it does."""

    order: Order
    accepted_at: datetime
    ends_at: datetime
    limit_credit: Decimal
    remaining: int
    reserved_usd: Decimal
    one_of_each_series: tuple[OptionContract, ...]
    steps_taken: int = 0
    executions: int = 0
    tiers_usd: Decimal | None = None
    rests_until: datetime | None = None
    last_look: OrderLooked | None = None

    @property
    def intent(self) -> OrderIntent:
        """Return what the order wants."""
        return self.order.intent

    @property
    def step_due_at(self) -> datetime | None:
        """Return when the limit next gives way, or None after the last step."""
        walk = self.order.intent.walk
        if self.steps_taken >= walk.times:
            return None
        return self.accepted_at + (self.steps_taken + 1) * walk.every

    def evaluation(self, at: datetime, redraw_every: timedelta) -> str:
        """Return the name of the draw that decides at `at`.

        One draw per step of the walk; after the last step a fresh one every `redraw_every`.
        """
        redraws = 0
        if self.step_due_at is None:
            rested_from = self.accepted_at + self.steps_taken * self.order.intent.walk.every
            redraws = (at - rested_from) // redraw_every
        return f"{self.steps_taken}:{redraws}:{self.executions}"

    def still_reserved_usd(self) -> Decimal:
        """Return the part of `reserved_usd` that the unfilled rest still claims."""
        return self.reserved_usd * self.remaining / self.order.intent.quantity


def limit_after(intent: OrderIntent, steps: int) -> Decimal:
    """Return the limit after so many steps of the walk, on the legal grid.

    It never gives way by more than steps × step: off the grid, the better price for us stands. A
    single option that is sold stops at one tick.
    """
    limit = intent.limit_credit - steps * intent.walk.step_points
    if intent.is_combo:
        return ceil_to_tick(limit, legal_tick(intent))
    trading_class = intent.legs[0].contract.trading_class
    if intent.limit_credit > 0:
        limit = max(limit, tick_size(trading_class, ZERO))
    return ceil_to_tick(limit, tick_size(trading_class, limit))


def refusal(
    order: Order,
    at: datetime,
    quotes: Mapping[OptionContract, Quote],
    *,
    rules: VenueRules,
    ledger: Ledger,
    working: Iterable[WorkingOrder],
) -> Refusal | None:
    """Return why the venue turns an order down whatever cash there is, or None when it does not."""
    return (
        _series_refusal(order.intent, at, rules)
        or _contract_refusal(order.intent, at, quotes, rules)
        or _price_refusal(order.intent)
        or _cover_refusal(order.intent, ledger, working)
    )


def margin_refusal(
    needed_usd: Decimal, ledger: Ledger, working: Iterable[WorkingOrder]
) -> Refusal | None:
    """Return the lack of free cash beside what working orders reserve, or None."""
    if needed_usd <= 0:
        return None
    reserved = sum((other.still_reserved_usd() for other in working), ZERO)
    free = ledger.free_usd - reserved
    if needed_usd <= free:
        return None
    return Refusal(
        RejectionCode.NO_MARGIN,
        f"the order needs {needed_usd:.2f} USD, {free:.2f} USD are free.",
    )


def reservation_usd(intent: OrderIntent, fees: FeeSchedule, ledger: Ledger) -> Decimal:
    """Return the free cash that a full fill at the last limit of the walk could take, in dollars.

    Free cash is cash minus margin; an order that sets some free reserves nothing.

    Raises:
        InvariantBroken: the fill would leave a short uncovered.
    """
    margin = ledger.after_fill(intent.legs, intent.quantity).margin_change_usd
    worst = limit_after(intent, intent.walk.times) * intent.legs[0].contract.multiplier
    fees_usd = fees.most_usd(intent.legs, intent.quantity)
    return max(ZERO, margin + fees_usd - worst * intent.quantity)


def one_of_each_series(legs: tuple[Leg, ...]) -> tuple[OptionContract, ...]:
    """Return one contract for each class and expiry among the legs: their hours are the same."""
    return tuple({series_of(leg.contract): leg.contract for leg in legs}.values())


def _series_refusal(intent: OrderIntent, at: datetime, rules: VenueRules) -> Refusal | None:
    for contract in one_of_each_series(intent.legs):
        series = f"{contract.trading_class} {contract.expiry}"
        # New York is behind UTC: an expiry before the UTC date has stopped trading there as well.
        if contract.expiry < at.date():
            return Refusal(RejectionCode.EXPIRED, f"{series} has expired.")
        if not rules.is_listed(contract, at):
            return Refusal(RejectionCode.UNKNOWN_CONTRACT, f"{contract.symbol} is not listed.")
        if rules.trading_ends_at(contract) <= at:
            return Refusal(RejectionCode.EXPIRED, f"{series} no longer trades.")
        if not rules.is_open(contract, at):
            return Refusal(RejectionCode.MARKET_CLOSED, f"the market of {series} is closed.")
    if intent.good_until <= at:
        return Refusal(RejectionCode.EXPIRED, "the order's good-until lies in the past.")
    return None


def _contract_refusal(
    intent: OrderIntent,
    at: datetime,
    quotes: Mapping[OptionContract, Quote],
    rules: VenueRules,
) -> Refusal | None:
    for leg in intent.legs:
        contract = leg.contract
        if not rules.is_listed(contract, at):
            return Refusal(RejectionCode.UNKNOWN_CONTRACT, f"{contract.symbol} is not listed.")
        if contract not in quotes:
            return Refusal(
                RejectionCode.UNKNOWN_CONTRACT, f"no quotes exist for {contract.symbol}."
            )
    return None


def _price_refusal(intent: OrderIntent) -> Refusal | None:
    if len({leg.contract.spec.underlying for leg in intent.legs}) > 1:
        return Refusal(RejectionCode.BAD_COMBO, "the legs of a combo share one underlying.")
    if not any(abs(leg.ratio) == 1 for leg in intent.legs):
        return Refusal(RejectionCode.BAD_COMBO, "a combo has a leg of ratio 1 or −1.")
    tick = legal_tick(intent)
    if intent.limit_credit % tick:
        return Refusal(
            RejectionCode.BAD_TICK, f"limit {intent.limit_credit} is not on the {tick} grid."
        )
    if not intent.is_combo and intent.limit_credit * intent.legs[0].ratio >= 0:
        return Refusal(
            RejectionCode.BAD_TICK, "a single option is paid for when bought, paid when sold."
        )
    if _locks_a_profit(intent):
        return Refusal(
            RejectionCode.RISKLESS, f"limit {intent.limit_credit} cannot lose: a riskless combo."
        )
    return None


def _locks_a_profit(intent: OrderIntent) -> bool:
    """Tell whether no settlement value makes the package lose at its limit (IB's error 201)."""
    if len({series_of(leg.contract) for leg in intent.legs}) > 1:
        return False
    least = least_payoff_points({leg.contract: leg.ratio for leg in intent.legs})
    return least is not None and least + intent.limit_credit >= 0


def _cover_refusal(
    intent: OrderIntent, ledger: Ledger, others: Iterable[WorkingOrder]
) -> Refusal | None:
    """Judge cover at the worst: every working order that takes cover away fills, no other does."""
    for series in {series_of(leg.contract) for leg in intent.legs}:
        for right in Right:
            taken = _cover_change(intent, series, right) * intent.quantity
            if taken >= 0:
                continue
            left = ledger.cover(series, right) + taken
            for other in others:
                left += min(0, _cover_change(other.intent, series, right) * other.remaining)
            if left < 0:
                trading_class, expiry = series
                return Refusal(
                    RejectionCode.UNCOVERED,
                    f"{-left} short {right} of {trading_class} {expiry} could be left uncovered.",
                )
    return None


def _cover_change(intent: OrderIntent, series: object, right: Right) -> int:
    legs = ((leg.contract, leg.ratio) for leg in intent.legs)
    return cover((row for row in legs if series_of(row[0]) == series), right)
