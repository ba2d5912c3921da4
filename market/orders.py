"""Orders and what becomes of them.

Signs: `credit` > 0 means we receive, < 0 we pay, in index points per combo. A leg's `ratio` is
signed: + bought, − sold. `quantity` counts combos and is always positive.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from market.instruments import COMBO_TICK, OptionContract, TradingClass, tick_size
from market.values import value

ZERO = Decimal(0)


@value(frozen=True, slots=True)
class Leg:
    """One contract of a combo with its signed ratio."""

    contract: OptionContract
    ratio: int

    def __post_init__(self) -> None:
        if self.ratio == 0:
            raise ValueError(f"leg {self.contract.symbol} has ratio 0")


@dataclass(frozen=True, slots=True)
class PriceWalk:
    """How the limit gives way while the order works: R-14's bounded re-pricing."""

    step_points: Decimal = ZERO
    every: timedelta = timedelta(seconds=30)
    times: int = 0


NO_WALK = PriceWalk()


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """What a strategy wants done: legs, quantity, limit and whose book it belongs to.

    With `after` the order waits until the order of that purpose in the same decision has filled
    whole; if that never happens it is never sent.
    """

    strategy: str
    purpose: str
    campaign: str
    legs: tuple[Leg, ...]
    quantity: int
    limit_credit: Decimal
    good_until: datetime
    layer: str | None = None
    walk: PriceWalk = NO_WALK
    is_closing: bool = False
    after: str | None = None

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise ValueError(f"quantity must be positive, got {self.quantity}")
        contracts = [leg.contract for leg in self.legs]
        if not contracts or len(set(contracts)) != len(contracts):
            raise ValueError("an order needs legs, each on a contract of its own")

    @property
    def is_combo(self) -> bool:
        """Tell whether several legs trade as one."""
        return len(self.legs) > 1


@dataclass(frozen=True, slots=True)
class Order:
    """An intent with its id: a pure function of run mode, session, strategy, purpose, attempt."""

    order_id: str
    session: date
    intent: OrderIntent


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """An order that the risk gate let through; brokers accept nothing else."""

    order: Order
    approval: str


def order_id(run_mode: str, session: date, strategy: str, purpose: str, attempt: int) -> str:
    """Return the id of an order; the same decision made twice is the same order."""
    return f"{run_mode}-{session:%Y%m%d}-{strategy}-{purpose}-{attempt}"


def legal_tick(intent: OrderIntent) -> Decimal:
    """Return the price grid of an order: the combo tick, or the single option's own."""
    if intent.is_combo:
        return COMBO_TICK
    return tick_size(intent.legs[0].contract.trading_class, intent.limit_credit)


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """The venue works the order."""

    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The venue refused the order; `code` is for counters, `reason` for people."""

    at: datetime
    order_id: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderRepriced:
    """The limit of a working order gave way by one step of its walk."""

    at: datetime
    order_id: str
    limit_credit: Decimal


class LookVerdict(StrEnum):
    """What came of one evaluation of a working order."""

    FILLED = "filled"
    NOT_DRAWN = "not drawn"  # between natural and mid, where chance decides
    ABOVE_MID = "above mid"
    RESTING = "resting"  # at a broker: at the mid or below, and not filled yet
    NO_MID = "no mid"  # natural is too low and a side that the mid needs is absent
    NO_PRICE = "no price"  # a leg is stale, crossed or missing
    CLOSED = "closed"  # a leg does not trade at this hour


@dataclass(frozen=True, slots=True)
class OrderLooked:
    """One line of an order's price diary: limit, natural and mid credit in points, and what came
    of it; None is unknown. A look that equals the one before it is not written again."""

    at: datetime
    order_id: str
    limit_credit: Decimal
    natural_credit: Decimal | None
    mid_credit: Decimal | None
    verdict: LookVerdict


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """One execution of `quantity` combos at `credit`; `leg_prices` in the order of the legs.

    Σ ratio × leg price = −credit, exactly. `mid_credit` is the combo's modelled or quoted mid at
    the fill, for slippage; fees are the whole charge for this execution.
    """

    at: datetime
    order_id: str
    fill_id: str
    quantity: int
    credit: Decimal
    leg_prices: tuple[Decimal, ...]
    commission_usd: Decimal
    exchange_fees_usd: Decimal
    mid_credit: Decimal | None

    @property
    def fees_usd(self) -> Decimal:
        """Return commission plus exchange and regulatory fees."""
        return self.commission_usd + self.exchange_fees_usd


@dataclass(frozen=True, slots=True)
class FillCharged:
    """The charge for an execution became known, or was corrected, after the fill was told; it
    replaces what was booked for that fill before."""

    at: datetime
    order_id: str
    fill_id: str
    commission_usd: Decimal
    exchange_fees_usd: Decimal

    @property
    def fees_usd(self) -> Decimal:
        """Return commission plus exchange and regulatory fees."""
        return self.commission_usd + self.exchange_fees_usd


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """The order stopped working with `remaining` combos unfilled."""

    at: datetime
    order_id: str
    remaining: int
    reason: str


@dataclass(frozen=True, slots=True)
class FillReviewed:
    """The combo's mid one minute after a fill; adverse selection = that mid as we would now
    receive it, minus what we got (R-14): positive means we sold too cheap. A simulated venue adds
    `drift_points` to the market's own mid, the part that a model cannot show."""

    at: datetime
    order_id: str
    fill_id: str
    mid_credit: Decimal
    adverse_selection_points: Decimal
    drift_points: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PositionSettled:
    """An expired series turned into cash: `cash_usd` = position × value × multiplier."""

    at: datetime
    contract: OptionContract
    position: int
    value_points: Decimal
    settlement_points: Decimal
    cash_usd: Decimal
    is_official: bool


@dataclass(frozen=True, slots=True)
class SettlementAwaited:
    """An expired series waits for its official value, which was due at `due_at`."""

    at: datetime
    trading_class: TradingClass
    expiry: date
    due_at: datetime


class LineState(StrEnum):
    """How far the broker can be believed and reached just now."""

    READY = "ready"
    STALE = "stale"  # reached, but its quotes are not to be trusted
    DOWN = "down"  # not reached, or not yet compared with the book since it came back


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The line to the broker broke, came back or lost its quotes; orders go out when it is READY.

    `code` is the broker's own number for it, None where there is none.
    """

    at: datetime
    state: LineState
    code: int | None
    reason: str


BrokerEvent = (
    OrderAccepted
    | OrderRejected
    | OrderRepriced
    | OrderLooked
    | OrderFilled
    | FillCharged
    | OrderCancelled
    | FillReviewed
    | PositionSettled
    | SettlementAwaited
    | LineChanged
)
