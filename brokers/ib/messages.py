"""What comes off the wire, as frozen values in our own words; sentinels and NaN are None here."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from market.values import value


@dataclass(frozen=True, slots=True)
class ContractSeen:
    """A contract as TWS names it: an option, an index, a future, or a bag of legs."""

    con_id: int
    symbol: str
    kind: str  # OPT, IND, FUT, BAG …
    last_trade: str  # YYYYMMDD or empty
    strike: Decimal | None
    right: str
    local_symbol: str
    trading_class: str

    @property
    def is_bag(self) -> bool:
        """Tell whether this is a combo and not one contract."""
        return self.kind == "BAG"


@dataclass(frozen=True, slots=True)
class DetailsSeen:
    """Contract details: the contract with its price rules and real expiry."""

    contract: ContractSeen
    real_expiration: str
    market_rule_ids: tuple[int, ...]
    valid_exchanges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenOrderSeen:
    """An order that TWS says it works, has finished, or has only valued (what-if)."""

    client_id: int
    tws_order_id: int
    perm_id: int
    order_ref: str
    account: str
    action: str
    quantity: Decimal
    limit_price: Decimal | None
    status: str
    contract: ContractSeen
    init_margin_after_usd: Decimal | None = None
    equity_with_loan_after_usd: Decimal | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """A status message; filled and remaining count combos."""

    tws_order_id: int
    client_id: int
    perm_id: int
    status: str
    filled: Decimal
    remaining: Decimal


@dataclass(frozen=True, slots=True)
class ExecutionSeen:
    """One execution report: of a leg or single option, or of a whole bag.

    `sign` is +1 for bought and −1 for sold; `exec_id` ends in the number of its revision.
    """

    exec_id: str
    tws_order_id: int
    client_id: int
    perm_id: int
    order_ref: str
    account: str
    at: datetime
    contract: ContractSeen
    sign: int
    quantity: Decimal
    price: Decimal

    @property
    def stem(self) -> str:
        """Return what all revisions of this execution share."""
        return self.exec_id.rpartition(".")[0]

    @property
    def revision(self) -> str:
        """Return the last group of the id; a greater one replaces a smaller."""
        return self.exec_id.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class CommissionSeen:
    """The charge of one execution; None where TWS sent no number."""

    exec_id: str
    commission_usd: Decimal | None
    currency: str

    @property
    def stem(self) -> str:
        """Return what all revisions of the execution share."""
        return self.exec_id.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """An error, warning or notice; `request_id` is −1 when it belongs to no request."""

    request_id: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class PositionSeen:
    """Contracts of one series held in an account."""

    account: str
    contract: ContractSeen
    position: int


@dataclass(frozen=True, slots=True)
class BarSeen:
    """One historical bar, points; `day` is YYYYMMDD, `at` its beginning where it has a time."""

    day: str
    at: datetime | None
    open: float
    high: float
    low: float
    close: float


@value(frozen=True, slots=True)
class Tick:
    """One price, size or greek of a subscription; `value` None says that there is none now."""

    request_id: int
    field: str
    value: float | None


WireEvent = (
    OpenOrderSeen | StatusSeen | ExecutionSeen | CommissionSeen | ErrorSeen | PositionSeen | Tick
)
