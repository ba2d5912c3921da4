"""What a page looks at besides the journal: the hour, the calendar and one look at the market."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from bot.book import Book
from bot.schedule import schedule_of
from bot.settings import Settings
from market.instruments import OptionContract, Right
from market.listings import Listings
from market.macro import MacroCalendar
from market.quotes import ChainKey, MarketSnapshot, SnapshotRequest
from market.schedule import Moment
from market.sessions import SessionCalendar, exchange_zone


@dataclass(frozen=True, slots=True)
class Almanac:
    """What is known in advance: the settings in force, sessions, releases and listings."""

    settings: Settings
    calendar: SessionCalendar
    macro: MacroCalendar
    listings: Listings

    def session_at(self, at: datetime) -> date:
        """Return the session that runs at an instant, or the next one."""
        return self.calendar.on_or_after(at.astimezone(exchange_zone()).date())

    def upcoming(self, at: datetime, count: int) -> tuple[Moment, ...]:
        """Return the next moments after an instant, over as many sessions as that takes."""
        session, found = self.session_at(at), list[Moment]()
        while len(found) < count and session < self.calendar.last:
            moments = schedule_of(self.settings, self.calendar, self.macro, session)
            found += [moment for moment in moments if moment.at > at]
            session = self.calendar.next(session)
        return tuple(found[:count])


class Hours(StrEnum):
    """Where the clock stands in the trading day."""

    BEFORE_OPEN = "before the open"
    OPEN = "open"
    EVENING = "cash closed, options trade"
    CLOSED = "closed"


def hours_at(almanac: Almanac, at: datetime) -> Hours:
    """Return where an instant stands in the trading day."""
    today = at.astimezone(exchange_zone()).date()
    if not almanac.calendar.is_session(today):
        return Hours.CLOSED
    session = almanac.calendar.session(today)
    if at < session.open_at:
        return Hours.BEFORE_OPEN
    if at <= session.cash_close_at:
        return Hours.OPEN
    return Hours.EVENING if at <= session.option_close_at else Hours.CLOSED


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at the market, and what kind of quotes it showed: modelled, live, frozen, …"""

    snapshot: MarketSnapshot
    kind: str

    @property
    def at(self) -> datetime:
        """Return when it was looked at."""
        return self.snapshot.at


@dataclass(frozen=True, slots=True)
class Scene:
    """One instant: the hour, the almanac, and the market as seen, None when it cannot be had."""

    now: datetime
    almanac: Almanac
    seen: Seen | None = None

    @property
    def snapshot(self) -> MarketSnapshot | None:
        """Return the market as seen, None when it cannot be had."""
        return None if self.seen is None else self.seen.snapshot

    @property
    def session(self) -> date:
        """Return the session that runs now, or the next one."""
        return self.almanac.session_at(self.now)


AT_THE_MONEY_GRID = 10


def wanted(
    book: Book | None, *, with_chains: bool = True, spx: float | None = None
) -> SnapshotRequest:
    """Return what the pages want to see: quotes of all that is held, and the chains behind them.

    Without chains a put near the money of each SPX expiry tells the vol there; `spx` says where.
    """
    if book is None:
        return SnapshotRequest()
    contracts = tuple(book.ledger.positions())
    if not with_chains:
        return SnapshotRequest(contracts=(*contracts, *_near_the_money(contracts, spx)))
    chains: dict[ChainKey, None] = {(each.trading_class, each.expiry): None for each in contracts}
    return SnapshotRequest(tuple(chains), contracts)


def _near_the_money(
    held: tuple[OptionContract, ...], spx: float | None
) -> tuple[OptionContract, ...]:
    if spx is None:
        return ()
    strike = Decimal(round(spx / AT_THE_MONEY_GRID) * AT_THE_MONEY_GRID)
    series = dict.fromkeys(
        (each.trading_class, each.expiry) for each in held if each.spec.underlying == "SPX"
    )
    found = (OptionContract(*key, strike, Right.PUT) for key in series)
    return tuple(each for each in found if each not in held)
