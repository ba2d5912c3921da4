"""Contracts as Interactive Brokers names them: ids, local symbols, dates.

Rules of this file, with their source (public TWS traffic and IB's contract pages):
- `lastTradeDateOrContractMonth` is the last trading day: the day before settlement for SPX and
  VIX classes, the expiry itself for SPXW. The local symbol carries the date of settlement.
- A contract id says which contract it is, so that it means the same after a restart.
- The strikes of a class are told as the union over its expiries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from market.instruments import CLASS_SPECS, OptionContract, Right, Settlement, TradingClass
from market.quotes import Chain
from market.sessions import SessionCalendar

# SPX and VIX are IB's own numbers, the others of this emulator. VRO and SET are the settlement
# values of VIX and of AM-settled SPX options.
INDEX_IDS = {
    "SPX": 416904,
    "VIX": 13455763,
    "VIX9D": 900_000_001,
    "VIX3M": 900_000_002,
    "VVIX": 900_000_003,
    "VRO": 900_000_004,
    "SET": 900_000_005,
}
INDEX_OF_ID = {number: symbol for symbol, number in INDEX_IDS.items()}
INDEX_NAMES = {
    "SPX": "S&P 500 Stock Index",
    "VIX": "CBOE Volatility Index",
    "VIX9D": "CBOE Short-Term Volatility Index",
    "VIX3M": "CBOE 3-Month Volatility Index",
    "VVIX": "CBOE VIX Volatility Index",
    "VRO": "CBOE VIX Settlement Value",
    "SET": "S&P 500 Settlement Value",
}
BAG_ID = 28812380
FIRST_OPTION_ID = 1 << 29
EPOCH = date(1990, 1, 1)
CLASSES = tuple(TradingClass)
STRIKE_UNITS = {"SPX": Decimal(5), "VIX": Decimal("0.5")}
STRIKE_BITS, DAY_BITS = 12, 14
HORIZON = timedelta(days=400)
CHICAGO = ZoneInfo("America/Chicago")
VENUES = ("SMART", "CBOE")
MARKET_RULES = {"SPX": 1001, "VIX": 1002}
INDEX_RULE = 26


@dataclass(frozen=True, slots=True)
class WireContract:
    """A contract by IB's twelve fields; empty and zero are not given."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    last_trade: str = ""
    strike: Decimal = Decimal(0)
    right: str = ""
    multiplier: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""


@dataclass(frozen=True, slots=True)
class WireLeg:
    """One leg of a combo as the wire has it; `ratio` is positive, `action` BUY or SELL."""

    con_id: int
    ratio: int
    action: str
    exchange: str


class ListedMarket(Protocol):
    """What the directory needs to know of the market: which strikes an expiry has."""

    def chain(self, trading_class: TradingClass, expiry: date, at: datetime) -> Chain | None:
        """Return the chain of an expiry, None when it is not listed."""


class ListingTable(Protocol):
    """Which expiries exist on a date."""

    def spxw_expiries(self, on: date, until: date) -> tuple[date, ...]:
        """Return the SPXW expiries."""

    def spx_am_expiries(self, on: date, until: date) -> tuple[date, ...]:
        """Return the SPX expiries."""

    def vix_expiries(self, on: date, until: date) -> tuple[tuple[TradingClass, date], ...]:
        """Return the VIX and VIXW expiries."""


def option_id(contract: OptionContract) -> int:
    """Return the contract id of an option; `option_of_id` is its inverse.

    Raises:
        ValueError: the strike is off the grid of its class, or the expiry out of reach.
    """
    unit = STRIKE_UNITS[contract.spec.underlying]
    steps = contract.strike / unit
    day = (contract.expiry - EPOCH).days
    if steps != int(steps) or not 0 < steps < 1 << STRIKE_BITS or not 0 <= day < 1 << DAY_BITS:
        raise ValueError(f"{contract.symbol} has no contract id")
    number = CLASSES.index(contract.trading_class)
    number = (number << DAY_BITS) + day
    number = (number << STRIKE_BITS) + int(steps)
    return FIRST_OPTION_ID + (number << 1) + (contract.right is Right.CALL)


def option_of_id(con_id: int) -> OptionContract | None:
    """Return the option behind a contract id, or None when it is no option's."""
    number = con_id - FIRST_OPTION_ID
    if not 0 <= number < len(CLASSES) << (DAY_BITS + STRIKE_BITS + 1):
        return None
    right = Right.CALL if number & 1 else Right.PUT
    steps = (number >> 1) & ((1 << STRIKE_BITS) - 1)
    day = (number >> (1 + STRIKE_BITS)) & ((1 << DAY_BITS) - 1)
    trading_class = CLASSES[number >> (1 + STRIKE_BITS + DAY_BITS)]
    strike = steps * STRIKE_UNITS[CLASS_SPECS[trading_class].underlying]
    if not strike:
        return None
    return OptionContract(trading_class, EPOCH + timedelta(days=day), strike, right)


def local_symbol(contract: OptionContract) -> str:
    """Return the OCC symbol: root, date of settlement, right, strike in thousandths."""
    thousandths = int(contract.strike * 1000)
    return f"{contract.trading_class:<6}{contract.expiry:%y%m%d}{contract.right}{thousandths:08d}"


class Directory:
    """Finds contracts by whatever fields a client gives."""

    def __init__(
        self,
        market: ListedMarket,
        listings: ListingTable,
        calendar: SessionCalendar,
        clock: Callable[[], datetime],
    ) -> None:
        self._market = market
        self._listings = listings
        self._calendar = calendar
        self._clock = clock

    def wire(self, contract: OptionContract, exchange: str = "SMART") -> WireContract:
        """Return an option as IB would name it."""
        last_trade = self._calendar.last_trade_date(contract.trading_class, contract.expiry)
        return WireContract(
            con_id=option_id(contract),
            symbol=contract.spec.underlying,
            sec_type="OPT",
            last_trade=f"{last_trade:%Y%m%d}",
            strike=contract.strike,
            right=str(contract.right),
            multiplier=str(contract.multiplier),
            exchange=exchange,
            currency="USD",
            local_symbol=local_symbol(contract),
            trading_class=str(contract.trading_class),
        )

    def expiries(self, trading_class: TradingClass) -> tuple[date, ...]:
        """Return the expiries of a class that are listed now, today's included."""
        today = self.today()
        before, until = today - timedelta(days=1), today + HORIZON
        known = self._listings
        if trading_class is TradingClass.SPXW:
            found = known.spxw_expiries(before, until)
        elif trading_class is TradingClass.SPX:
            found = known.spx_am_expiries(before, until)
        else:
            rows = known.vix_expiries(before, until)
            found = tuple(day for kind, day in rows if kind is trading_class)
        now = self._clock()
        ends_at = self._calendar.trading_ends_at
        return tuple(day for day in found if ends_at(trading_class, day) > now)

    def strikes(self, trading_class: TradingClass, expiry: date) -> tuple[Decimal, ...]:
        """Return the strikes of an expiry."""
        chain = self._market.chain(trading_class, expiry, self._clock())
        return () if chain is None else tuple(Decimal(f"{k:g}") for k in chain.strikes)

    def is_listed(self, contract: OptionContract) -> bool:
        """Tell whether a series can be traded now."""
        chain = self._market.chain(contract.trading_class, contract.expiry, self._clock())
        return chain is not None and chain.row(contract.strike) is not None

    def option(self, wanted: WireContract) -> OptionContract | None:
        """Return the one listed option that fits, None when there is none or more than one."""
        if wanted.con_id:
            known = option_of_id(wanted.con_id)
            return known if known is not None and self.is_listed(known) else None
        found = list(self.options(wanted))
        return found[0] if len(found) == 1 else None

    def options(self, wanted: WireContract) -> Iterator[OptionContract]:
        """Yield every listed option that fits the fields given."""
        if wanted.con_id:
            known = option_of_id(wanted.con_id)
            if known is not None and self.is_listed(known):
                yield known
            return
        for trading_class in CLASSES:
            spec = CLASS_SPECS[trading_class]
            if wanted.symbol not in {"", spec.underlying} or not _fits(
                wanted.trading_class, trading_class
            ):
                continue
            for expiry in self.expiries(trading_class):
                last_trade = self._calendar.last_trade_date(trading_class, expiry)
                if f"{last_trade:%Y%m%d}".startswith(wanted.last_trade):
                    yield from self._of_expiry(wanted, trading_class, expiry)

    def _of_expiry(
        self, wanted: WireContract, trading_class: TradingClass, expiry: date
    ) -> Iterator[OptionContract]:
        rights = [right for right in Right if wanted.right in {"", "0", right, right.name}]
        for strike in self.strikes(trading_class, expiry):
            if wanted.strike not in {0, strike}:
                continue
            for right in rights:
                contract = OptionContract(trading_class, expiry, strike, right)
                if _fits(wanted.local_symbol, local_symbol(contract)):
                    yield contract

    def index(self, wanted: WireContract) -> WireContract | None:
        """Return the index that fits, or None."""
        symbol = INDEX_OF_ID.get(wanted.con_id, wanted.symbol)
        if symbol not in INDEX_IDS or wanted.sec_type not in {"", "IND"}:
            return None
        named = WireContract(INDEX_IDS[symbol], symbol, "IND")
        return replace(
            named, exchange="CBOE", currency="USD", local_symbol=symbol, trading_class=symbol
        )

    def today(self) -> date:
        """Return the session of now, or the next one."""
        return self._calendar.on_or_after(self._clock().date())

    def hours(self, contract: OptionContract | None) -> str:
        """Return the regular hours of this session in IB's text, exchange time in Chicago."""
        session = self._calendar.session(self.today())
        end = session.option_close_at
        if contract is not None and contract.spec.settlement is Settlement.PM:
            end = min(end, self._calendar.trading_ends_at(contract.trading_class, contract.expiry))
        opened, closed = (f"{_chicago(at):%Y%m%d:%H%M}" for at in (session.open_at, end))
        return f"{opened}-{closed}"


def _fits(wanted: str, actual: str) -> bool:
    return wanted in {"", actual} or wanted.split() == actual.split() != []


def _chicago(at: datetime) -> datetime:
    return at.astimezone(CHICAGO)
