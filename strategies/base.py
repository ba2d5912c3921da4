"""What a strategy sees and what it answers.

A strategy holds parameters and no state: all it needs to know is in its `View`, so a restart
loses nothing and the same view gives the same decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import numpy as np

from market.instruments import OptionContract
from market.listings import Listings
from market.macro import MacroCalendar
from market.orders import OrderIntent
from market.quotes import FloatArray, MarketSnapshot, SnapshotRequest
from market.schedule import Moment
from market.sessions import SessionCalendar
from market.values import value

JsonValue = str | int | float | bool | None


def _no_returns() -> FloatArray:
    return np.empty(0)


class Tier(StrEnum):
    """How much credit a condor aims for."""

    CONSERVATIVE = "conservative"
    BALANCED = "balanced"
    AGGRESSIVE = "aggressive"


TIERS = (Tier.CONSERVATIVE, Tier.BALANCED, Tier.AGGRESSIVE)


class Layer(StrEnum):
    """The three tenors of the hedge."""

    NEAR = "near"
    MID = "mid"
    LONG = "long"


class Verdict(StrEnum):
    """What one filter said."""

    PASS = "pass"
    LIMIT = "limit"
    BLOCK = "block"
    UNKNOWN = "unknown"


@value(frozen=True, slots=True)
class FilterResult:
    """One entry of the filter vector; filters can lower tier and size, never raise them.

    `code` names the reason when the verdict blocks; `tier_cap` (absolute), `tiers_down`
    (relative) and the multipliers say how a limit binds.
    """

    rule: str
    name: str
    verdict: Verdict
    detail: str
    code: str | None = None
    tier_cap: Tier | None = None
    tiers_down: int = 0
    size_multiplier: float = 1.0
    distance_multiplier: float = 1.0

    def __post_init__(self) -> None:
        lowers = 0 < self.size_multiplier <= 1 and self.tiers_down >= 0
        if not lowers or self.distance_multiplier < 1:
            raise ValueError(f"{self.rule} may only lower the size or widen the distance")


@dataclass(frozen=True, slots=True)
class CondorPosition:
    """One open condor campaign: strikes, contracts held and what they may still lose.

    A side that was shifted away alone is None (preset `losing_side`); short and long of a side are
    always held together.
    """

    campaign: str
    opened: date
    expiry: date
    quantity: int
    credit: Decimal
    long_put: OptionContract | None
    short_put: OptionContract | None
    short_call: OptionContract | None
    long_call: OptionContract | None
    max_loss_usd: Decimal

    def __post_init__(self) -> None:
        sides = ((self.long_put, self.short_put), (self.long_call, self.short_call))
        if any((long is None) != (short is None) for long, short in sides):
            raise ValueError(f"{self.campaign} holds half a side")

    @property
    def shorts(self) -> tuple[OptionContract, ...]:
        """Return the short options held, put before call."""
        return tuple(short for short in (self.short_put, self.short_call) if short is not None)

    @property
    def width_points(self) -> Decimal:
        """Return the wider of the two sides, which is what the package can owe at most."""
        widths = []
        if self.short_put is not None and self.long_put is not None:
            widths.append(self.short_put.strike - self.long_put.strike)
        if self.short_call is not None and self.long_call is not None:
            widths.append(self.long_call.strike - self.short_call.strike)
        return max(widths)

    def signed_contracts(self) -> tuple[tuple[OptionContract, int], ...]:
        """Return each contract with the sign of its position: + long, − short."""
        rows = (
            (self.long_put, 1),
            (self.short_put, -1),
            (self.short_call, -1),
            (self.long_call, 1),
        )
        return tuple((contract, sign) for contract, sign in rows if contract is not None)


class HoldingKind(StrEnum):
    """Why calls are held: as the ladder's base, as a MACD tilt, or bought from gains (A10)."""

    BASE = "base"
    TILT = "tilt"
    RECYCLED = "recycled"


@value(frozen=True, slots=True)
class LayerPosition:
    """Calls of one series held in one layer for one reason, and the premium paid for them.

    `contracts` counts the calls held whatever their kind; only those of kind BASE keep the
    4:4:2.
    """

    layer: Layer
    contract: OptionContract
    contracts: int
    paid_premium_usd: Decimal
    opened: date
    kind: HoldingKind = HoldingKind.BASE

    def dte(self, session: date) -> int:
        """Return calendar days from `session` to expiry."""
        return (self.contract.expiry - session).days


@dataclass(frozen=True, slots=True)
class HedgePlan:
    """How much hedge the account calls for, frozen until re-planned (R-20)."""

    session: date
    nlv_usd: Decimal
    planned_condors: int
    units: int


@dataclass(frozen=True, slots=True)
class HedgeMemory:
    """What the hedge's own fills left behind (R-23, R-26), rebuilt from the records.

    `realised_gains_usd` sums the gains of harvest sales after fees, `recycled_spend_usd` what was
    bought from them with fees; `harvested_contracts` counts near calls sold and not yet refilled,
    `vix_peak_since_harvest` is None while there are none.
    """

    realised_gains_usd: Decimal = Decimal(0)
    recycled_spend_usd: Decimal = Decimal(0)
    last_harvest: date | None = None
    vix_peak_since_harvest: float | None = None
    harvested_contracts: int = 0
    last_tilt: date | None = None


NO_HEDGE_MEMORY = HedgeMemory()


@dataclass(frozen=True, slots=True)
class Positions:
    """What is held and what works, attributed to campaign and layer."""

    condors: tuple[CondorPosition, ...] = ()
    layers: tuple[LayerPosition, ...] = ()
    working: tuple[OrderIntent, ...] = ()
    plan: HedgePlan | None = None
    hedge_memory: HedgeMemory = NO_HEDGE_MEMORY
    is_halted: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedState:
    """What the settled would-be trades say: R-30 as amended by A8.

    `mean_return_frac` is mean P&L over max loss of one trade, `sessions_not_negative` how many
    sessions in a row it was >= 0, `count_when_negative` how many trades were settled when it was
    below 0 last.
    """

    count: int = 0
    mean_return_frac: float | None = None
    sessions_not_negative: int = 0
    count_when_negative: int | None = None


@value(frozen=True, slots=True)
class Capital:
    """The account in dollars; `hedge_cost_year_usd` is the hedge's net loss over 252 sessions.

    `hedge_value_usd` is the mark of long options; `steward_is_halved` holds from a 5 % fall of NLV
    to its next 20-session high (R-32). `temporal_theta_condor` is the last marked one and
    `tt_mean_condor` the mean of the last 20 (R-29); `expected` is R-30's sample.
    """

    nlv_usd: Decimal
    cash_usd: Decimal
    free_cash_usd: Decimal
    open_max_loss_usd: Decimal
    hedge_cost_year_usd: Decimal = Decimal(0)
    hedge_value_usd: Decimal = Decimal(0)
    steward_is_halved: bool = False
    temporal_theta_condor: float | None = None
    tt_mean_condor: float | None = None
    expected: ExpectedState | None = None


@dataclass(frozen=True, slots=True)
class Indicators:
    """Daily figures known at the moment; None while warming up.

    `vix_close_count` counts VIX closes known, `was_hold` tells whether the previous session ended
    in HOLD and `calm_closes` how many closes in a row lay below the HOLD level (R-05's memory).
    `hedge_prearm` allows an early refresh and `fear_stretched` forbids discretionary hedging
    (R-08, R-29); `macd_cross` is "bullish" or "bearish" when MACD crossed its signal line at the
    last close, else None (R-26).
    `rsi_…` are 0 … 100 and `has_divergence` is the bearish one of breadth (R-08). `reer_…` are the
    real exchange rate against its long mean and three months before, `ird_proxy_frac` the bill less
    the ECB's deposit rate, `ird_z` its 20-session change in standard deviations (R-09).
    `below_year_high_frac` is SPX's distance below its 252-session high, `vix9d_sd_points` the
    20-session deviation of VIX9D's daily change (R-29), `bill_frac` the 3-month bill (R-30).
    """

    vix_close_count: int
    hv20: float | None
    vix_sma5: float | None
    was_hold: bool
    calm_closes: int
    hedge_prearm: bool | None = None
    fear_stretched: bool | None = None
    macd_cross: str | None = None
    rsi_spx: float | None = None
    rsi_vix: float | None = None
    has_divergence: bool | None = None
    reer_deviation_frac: float | None = None
    reer_change_frac: float | None = None
    ird_proxy_frac: float | None = None
    ird_z: float | None = None
    below_year_high_frac: float | None = None
    vix9d_sd_points: float | None = None
    bill_frac: float | None = None


@value(frozen=True, slots=True)
class Context:
    """What is known before any quote is asked for."""

    moment: Moment
    positions: Positions
    calendar: SessionCalendar
    listings: Listings
    macro: MacroCalendar

    @property
    def session(self) -> date:
        """Return the trading date of the moment."""
        return self.moment.session

    @property
    def at(self) -> datetime:
        """Return the instant of the moment, UTC."""
        return self.moment.at


@value(frozen=True, slots=True)
class View:
    """Everything one decision may look at."""

    context: Context
    snapshot: MarketSnapshot
    indicators: Indicators
    capital: Capital
    vix_closes: Mapping[date, float]
    spx_returns: FloatArray = field(default_factory=_no_returns)

    @property
    def session(self) -> date:
        """Return the trading date of the moment."""
        return self.context.moment.session

    @property
    def at(self) -> datetime:
        """Return the instant of the moment, UTC."""
        return self.context.moment.at

    @property
    def positions(self) -> Positions:
        """Return what is held and what works."""
        return self.context.positions


@value(frozen=True, slots=True)
class ShortCandidate:
    """One vertical that the search weighed: short strike, its distance and its credit."""

    strike: float
    delta: float
    edr_multiple: float
    credit_points: float


@value(frozen=True, slots=True)
class PairCandidate:
    """One condor the search ranked: net credit after slippage and its excess over the target."""

    short_put_strike: float
    short_call_strike: float
    credit_points: float
    credit_excess_points: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that the strike search weighed: every pair is one put and one call vertical of these."""

    target_credit_points: float
    slippage_points: float
    puts: tuple[ShortCandidate, ...]
    calls: tuple[ShortCandidate, ...]
    pairs_meeting_target: int
    best: tuple[PairCandidate, ...]


@dataclass(frozen=True, slots=True)
class Transition:
    """One way an open condor may go, valued by the same model as the others (R-33)."""

    name: str
    is_feasible: bool
    value_usd: float
    detail: str


@value(frozen=True, slots=True)
class Decision:
    """Orders, or a reasoned "no", with everything that led there."""

    strategy: str
    moment: str
    session: date
    at: datetime
    action: str
    reason: str
    sentence: str
    filters: tuple[FilterResult, ...] = ()
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    candidates: Candidates | None = None
    orders: tuple[OrderIntent, ...] = ()
    plan: HedgePlan | None = None
    transitions: tuple[Transition, ...] = ()


class Strategy(Protocol):
    """A pure function of a view, in two steps: say what you need to see, then decide."""

    name: str

    def needs(self, context: Context) -> SnapshotRequest | None:
        """Return what to fetch for this moment, or None when it does not concern the strategy."""

    def decide(self, view: View) -> Decision:
        """Return what to do at this moment and why."""
