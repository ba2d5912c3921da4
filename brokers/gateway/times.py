"""Times as clients write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from brokers.gateway.wire import Malformed
from market.sessions import exchange_zone

FORMATS = ("%Y%m%d %H:%M:%S", "%Y%m%d-%H:%M:%S", "%Y%m%d")


def parse_since(text: str) -> datetime | None:
    """Return the instant that `yyyymmdd hh:mm:ss [zone]` or `yyyymmdd-hh:mm:ss` (UTC) names, None
    for nothing.

    Raises:
        Malformed: the text is neither.
    """
    if not text:
        return None
    parts = text.split()
    zone_name = parts[2] if len(parts) > 2 else ""
    body = " ".join(parts[:2])
    zone = UTC if "-" in body else _zone(zone_name)
    for form in FORMATS:
        try:
            return datetime.strptime(body, form).replace(tzinfo=zone)
        except ValueError:
            continue
    raise Malformed(f"{text[:40]!r} where a time belongs")


def _zone(name: str) -> ZoneInfo:
    if not name or name == "EST":
        return exchange_zone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Malformed(f"time zone {name[:40]!r}") from None
