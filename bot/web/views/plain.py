"""How plain values are written: instants, dollars, unknowns."""

from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite

Json = dict[str, object]


def instant(at: datetime | None) -> str | None:
    """Return an instant as ISO 8601 UTC to the millisecond, None when unknown."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usd(value: Decimal | float | None) -> float | None:
    """Return dollars rounded to the cent, None when unknown."""
    return figure(value, 2)


def figure(value: Decimal | float | None, digits: int) -> float | None:
    """Return a rounded number, None when it is unknown or no number."""
    if value is None or not isfinite(value):
        return None
    return round(float(value), digits)
