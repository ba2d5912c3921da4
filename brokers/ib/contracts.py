"""Which contract id stands for which series, and whether TWS means the same series as we do.

Rules of this file:
- Series are told apart by trading class: SPX (AM) and SPXW (PM) can share a last trading day.
- TWS keys a series by its last trading day, which for AM-settled series is the session before the
  expiry; the OCC local symbol carries the expiry itself. Both must fit, or the series is not
  traded.
- Ids are kept for one session: TWS may list new strikes overnight.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from brokers.ib.messages import ContractSeen, DetailsSeen
from market.instruments import OptionContract, Right, TradingClass

# OCC: root padded to six, expiry YYMMDD, right, strike in thousandths of a point.
_LOCAL_SYMBOL = re.compile(r"(?P<root>[A-Z]{1,6}) *(?P<day>\d{6})(?P<right>[CP])(?P<strike>\d{8})")

LastTradeDate = Callable[[TradingClass, date], date]


def parse_local_symbol(text: str) -> OptionContract | None:
    """Return the series that an OCC symbol names, or None when it names none of ours."""
    found = _LOCAL_SYMBOL.fullmatch(text.strip())
    if found is None or found["root"] not in set(TradingClass):
        return None
    try:
        expiry = datetime.strptime(found["day"], "%y%m%d").date()  # noqa: DTZ007 - a date alone
    except ValueError:
        return None
    strike = Decimal(int(found["strike"])) / 1000
    if strike == 0:
        return None
    return OptionContract(TradingClass(found["root"]), expiry, strike, Right(found["right"]))


def tws_day(day: date) -> str:
    """Return a date as TWS writes it."""
    return f"{day:%Y%m%d}"


def objection(seen: ContractSeen, wanted: OptionContract, last_trade: date) -> str | None:
    """Return why a contract of TWS is not the series wanted, or None when it is."""
    named = parse_local_symbol(seen.local_symbol)
    if seen.con_id <= 0:
        return f"{wanted.symbol}: TWS gave no contract id"
    if seen.trading_class != wanted.trading_class:
        return f"{wanted.symbol}: TWS calls the class {seen.trading_class}"
    if named != wanted:
        return f"{wanted.symbol}: TWS's local symbol is {seen.local_symbol!r}"
    if seen.last_trade and seen.last_trade != tws_day(last_trade):
        return f"{wanted.symbol}: TWS says it trades last on {seen.last_trade}"
    return None


@dataclass(frozen=True, slots=True)
class SeriesListing:
    """The series of one class and expiry that TWS lists, with the objections to the others."""

    con_ids: Mapping[OptionContract, int]
    objections: tuple[str, ...]
    market_rule_ids: tuple[int, ...] = ()


def listing_of(
    details: Iterable[DetailsSeen], trading_class: TradingClass, expiry: date, last_trade: date
) -> SeriesListing:
    """Return what an answer to a query of one class and last trading day holds of one expiry."""
    con_ids: dict[OptionContract, int] = {}
    objections: list[str] = []
    rules: tuple[int, ...] = ()
    for row in details:
        seen = row.contract
        named = parse_local_symbol(seen.local_symbol)
        if named is None or (named.trading_class, named.expiry) != (trading_class, expiry):
            objections.append(f"{seen.local_symbol!r} is not of {trading_class} {expiry}")
            continue
        problem = objection(seen, named, last_trade)
        if problem is not None:
            objections.append(problem)
            continue
        con_ids[named] = seen.con_id
        rules = rules or row.market_rule_ids
    return SeriesListing(con_ids, tuple(objections), rules)


@dataclass(slots=True)
class ContractCache:
    """Contract ids both ways, for one session."""

    session: date | None = None
    listings: dict[tuple[TradingClass, date], SeriesListing] = field(default_factory=dict)
    _by_id: dict[int, OptionContract] = field(default_factory=dict)
    _ids: dict[OptionContract, int] = field(default_factory=dict)

    def begin(self, session: date) -> None:
        """Forget the listings of another session; ids stay, for what is held."""
        if self.session != session:
            self.session = session
            self.listings.clear()

    def keep(self, key: tuple[TradingClass, date], listing: SeriesListing) -> None:
        """Take in what TWS lists of one class and expiry."""
        self.listings[key] = listing
        for contract, con_id in listing.con_ids.items():
            self.learn(contract, con_id)

    def learn(self, contract: OptionContract, con_id: int) -> None:
        """Take in one id."""
        self._by_id[con_id] = contract
        self._ids[contract] = con_id

    def con_id(self, contract: OptionContract) -> int | None:
        """Return the id of a series, or None when TWS was not asked or does not list it."""
        return self._ids.get(contract)

    def contract(self, seen: ContractSeen) -> OptionContract | None:
        """Return the series behind a contract of TWS, or None when it is none of ours."""
        known = self._by_id.get(seen.con_id)
        if known is not None:
            return known
        named = parse_local_symbol(seen.local_symbol)
        if named is not None and seen.con_id > 0:
            self.learn(named, seen.con_id)
        return named
