"""Small files as publishers write them, and the place they are downloaded to."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from bot.data.download import Place
from bot.data.sources import Source, read_sources
from bot.settings import Settings
from bot.world import DATA_CALENDAR_FIRST, config_text, load_calendar, load_listings
from market.listings import Listings
from market.sessions import SessionCalendar

VIX_PATH = "/api/global/us_indices/daily_prices/VIX_History.csv"
VVIX_PATH = "/api/global/us_indices/daily_prices/VVIX_History.csv"
DTB3_PATH, DGS3MO_PATH, ECBDFR_PATH = (
    f"/graph/fredgraph.csv?id={name}" for name in ("DTB3", "DGS3MO", "ECBDFR")
)
BLS_PATH = "/schedule/news_release/bls.ics"
AT = datetime(2018, 2, 10, 18, 0, tzinfo=UTC)

# The header and the dates are Cboe's; closes of February 2018 are the published ones.
VIX_CSV = b"""DATE,OPEN,HIGH,LOW,CLOSE
01/31/2018,14.23,14.44,13.26,13.54
02/01/2018,13.64,14.07,12.50,13.47
02/02/2018,13.64,17.86,13.64,17.31
02/05/2018,18.44,38.80,16.80,37.32
02/06/2018,37.32,50.30,22.42,29.98
02/07/2018,31.64,31.64,21.17,27.73
"""
VVIX_CSV = b"DATE,VVIX\n02/02/2018,131.33\n02/05/2018,180.610000\n"
DTB3_CSV = b"observation_date,DTB3\n2018-02-02,1.45\n2018-02-05,1.46\n2018-02-19,.\n"
DGS3MO_CSV = b"observation_date,DGS3MO\n2018-02-02,1.48\n2018-02-05,1.49\n"
ECBDFR_CSV = b"observation_date,ECBDFR\n2018-02-03,-0.40\n2018-02-05,-0.40\n"


@cache
def calendar() -> SessionCalendar:
    """Return the exchange calendar of a folder of data."""
    return load_calendar(DATA_CALENDAR_FIRST)


def positions() -> dict[date, int]:
    """Return the number of each session."""
    return {day: number for number, day in enumerate(calendar().dates)}


@cache
def sources() -> Mapping[str, Source]:
    """Return the shipped sources."""
    return read_sources(config_text("data_sources.toml"))


@cache
def listings() -> Listings:
    """Return which contracts were listed when."""
    return load_listings(calendar(), Settings())


def place(folder: Path, at: datetime = AT) -> Place:
    """Return where a download goes."""
    return Place(folder, at, calendar(), listings(), config_text("macro_events.toml"))


def ical(*events: tuple[str, str]) -> bytes:
    """Return a calendar as the BLS writes it, of (summary, start) such as 20270113T083000."""
    zone = """BEGIN:VTIMEZONE
TZID:US-Eastern
BEGIN:DAYLIGHT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
TZNAME:EDT
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
TZNAME:EST
END:STANDARD
END:VTIMEZONE
"""
    body = "".join(
        f"BEGIN:VEVENT\nUID:{number}\nDTSTAMP:20261101T000000Z\n"
        f"DTSTART;TZID=US-Eastern:{start}\nSUMMARY:{summary}\nEND:VEVENT\n"
        for number, (summary, start) in enumerate(events)
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//BLS//EN\n{zone}{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
