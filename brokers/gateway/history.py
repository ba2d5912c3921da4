"""Historical bars of the indices, made of their path at the asked grid."""

from datetime import datetime, timedelta

from brokers.gateway.answers import EASTERN, Message, Tell
from brokers.gateway.indices import LEVELS, SETTLED_CLASSES, level_of, settled_on
from brokers.gateway.news import Refused
from brokers.gateway.requests import HistoryRequest
from brokers.gateway.times import parse_since
from brokers.gateway.venue import Venue
from market.errors import MarketDataError

SIZES = {
    "1 min": timedelta(minutes=1),
    "5 mins": timedelta(minutes=5),
    "15 mins": timedelta(minutes=15),
    "30 mins": timedelta(minutes=30),
    "1 hour": timedelta(hours=1),
}
DAY_SIZE = "1 day"
UNITS = {"S": timedelta(seconds=1), "D": timedelta(days=1), "W": timedelta(days=7)}
UNITS |= {"M": timedelta(days=31), "Y": timedelta(days=366)}
MOST_BARS = 2000
LOOKS_PER_BAR = 4
REFUSED_TEXT = "Historical Market Data Service error message:"


def bars(venue: Venue, asked: HistoryRequest) -> Message:
    """Return the bars of an index from its path, oldest first, regular hours only.

    A bar's open, high, low and close are those of five looks at the path, so its range is a lower
    bound of the true one.

    Raises:
        Refused: no index, or a grid that is not served (162).
    """
    symbol = asked.contract.symbol
    if symbol not in {*LEVELS, *SETTLED_CLASSES} or asked.contract.sec_type not in {"", "IND"}:
        raise Refused(162, f"{REFUSED_TEXT}No data of type {asked.what_to_show} is available")
    end = min(parse_since(asked.end) or venue.now, venue.now)
    since = end - _duration(asked.duration)
    grid = _grid(venue, asked.bar_size, since, end)
    seen = ((opened, _looks(venue, symbol, opened, closed)) for opened, closed in grid)
    rows = [(opened, looks) for opened, looks in seen if looks]
    message: Message = [Tell.HISTORICAL_DATA, asked.request_id, _text(since), _text(end), len(rows)]
    for opened, looks in rows:
        when = _when(opened, asked)
        message += [when, looks[0], max(looks), min(looks), looks[-1], 0, looks[-1], 0]
    return message


def _duration(text: str) -> timedelta:
    count, _, unit = text.partition(" ")
    if not count.isdigit() or unit not in UNITS or int(count) > MOST_BARS * 100:
        raise Refused(321, f"Error validating request:-'bD' : cause - duration {text[:20]!r}")
    return int(count) * UNITS[unit]


def _grid(
    venue: Venue, bar_size: str, since: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return begin and end of each bar."""
    if bar_size != DAY_SIZE and bar_size not in SIZES:
        raise Refused(321, f"Error validating request:-'bD' : cause - bar size {bar_size[:20]!r}")
    calendar = venue.means.calendar
    found: list[tuple[datetime, datetime]] = []
    for day in calendar.between(since.date(), end.date()):
        session = calendar.session(day)
        opened, closed = session.open_at, min(session.cash_close_at, end)
        step = SIZES.get(bar_size, session.cash_close_at - session.open_at)
        while opened < closed:
            if opened >= since or bar_size == DAY_SIZE:
                found.append((opened, min(opened + step, closed)))
            opened += step
    return found[-MOST_BARS:]


def _looks(venue: Venue, symbol: str, opened: datetime, closed: datetime) -> list[float]:
    """Return five looks at an index, none before its history begins; a settlement value is one
    that does not move."""
    market = venue.means.market
    if symbol in SETTLED_CLASSES:
        value = settled_on(market, symbol, opened.astimezone(EASTERN).date(), venue.now)
        return [] if value is None else [value]
    step = (closed - opened) / LOOKS_PER_BAR
    try:
        levels = [market.levels(opened + n * step) for n in range(LOOKS_PER_BAR + 1)]
    except MarketDataError:  # older than the market's own history
        return []
    known = [level_of(symbol, each) for each in levels]
    return [level for level in known if level is not None]


def _when(opened: datetime, asked: HistoryRequest) -> str:
    if asked.bar_size == DAY_SIZE:
        return f"{opened.astimezone(EASTERN):%Y%m%d}"
    return str(int(opened.timestamp())) if asked.date_format > 1 else _text(opened)


def _text(at: datetime) -> str:
    return f"{at.astimezone(EASTERN):%Y%m%d %H:%M:%S} US/Eastern"
