"""What one replay leaves behind for a study: plain rows by session, entry, trade and scan.

Rows hold numbers and dates only, so they can be kept in a file and read back as they were. Dollars,
index points and fractions as the names say; None is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

TABLES_VERSION = 3


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session's end: market, books, hedge; `…_nlv_usd` are whole accounts, start included."""

    session: date
    spx: float
    vix: float
    edr_frac: float | None
    nlv_usd: float
    condor_nlv_usd: float
    static_nlv_usd: float
    stop_nlv_usd: float
    held_nlv_usd: float
    hedge_value_usd: float
    fees_usd: float
    open_max_loss_usd: float
    budget_used_frac: float | None
    units_held: float | None
    units_required: float | None
    steepening: float | None
    coverage_10: float | None
    coverage_20: float | None
    theta_condor: float | None
    theta_hedge: float | None


@dataclass(frozen=True, slots=True)
class WouldBe:
    """The ungated conservative condor of an entry, in points per condor."""

    expiry: date
    short_put: float
    short_call: float
    credit_points: float
    width_points: float
    fees_points: float


@dataclass(frozen=True, slots=True)
class Symmetric:
    """The condor with both shorts equally far in expected ranges that meets the same target, and
    the one chosen, both as (short put, short call, net credit in points)."""

    chosen: tuple[float, float, float]
    even: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry decision: what was known, what was decided, and the would-be trade."""

    session: date
    action: str
    reason: str
    tier: str
    vix: float
    gauge_points: float | None
    would_be: WouldBe | None
    symmetric: Symmetric | None


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One original condor from its first fill to its end, shifts included.

    `net_usd` is all cash of the campaign; `held_net_usd` what it would have been without shifts,
    on the official close. `breach` names the side on which the original shorts ended: put, call,
    or nothing. `roll_cash_usd` is the net cash of each finished roll, per contract.
    """

    campaign: str
    session: date
    expiry: date
    ended: date
    tier: str
    vix: float
    quantity: int
    credit_points: float
    mid_points: float | None
    width_points: float
    short_put: float
    short_call: float
    fees_usd: float
    net_usd: float
    held_net_usd: float
    breach: str
    roll_cash_usd: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One scan that found a condor threatened and volatility up: the best roll on offer.

    `net_points` is its credit less the debit to close, whether or not it was done.
    """

    session: date
    campaign: str
    reason: str
    net_points: float
    is_done: bool


@dataclass(frozen=True, slots=True)
class Harvest:
    """What R-23 did over the run: sales of gains, and dollars realised and spent."""

    sessions: tuple[date, ...] = ()
    realised_usd: float = 0.0
    spent_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows of one run, with what it was run on."""

    start_nlv_usd: float
    series: Mapping[str, str]
    sessions: tuple[SessionRow, ...]
    entries: tuple[EntryRow, ...]
    trades: tuple[TradeRow, ...]
    scans: tuple[ScanRow, ...]
    harvest: Harvest = field(default_factory=Harvest)
    conduct: Mapping[str, float | None] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
