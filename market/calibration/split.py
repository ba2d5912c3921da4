"""Which real chains the shipped parameters were fitted on, and which they have never seen.

The split was fixed before the fit: whole days, the early and the late, the calm and the nervous on
both sides; of the weeks of intraday chains the later part, which holds an FOMC decision and a jobs
report, was held out as one block, so that no held-out day has a fitted neighbour on both sides.
"""

from datetime import date

from market.calibration.chains import Snapshot
from market.sessions import exchange_zone

HELD_OUT_DATES = (
    date(2011, 1, 5),
    date(2022, 2, 4),
    date(2023, 2, 7),
    date(2023, 9, 14),
    date(2025, 1, 22),
)
HELD_OUT_FROM = date(2026, 7, 29)


def is_held_out(snapshot: Snapshot) -> bool:
    """Tell whether the fit of the shipped parameters left a snapshot out.

    Of the VIX chains, all of one month, every third day was.
    """
    day = snapshot.at.astimezone(exchange_zone()).date()
    if snapshot.underlying == "VIX":
        return day.day % 3 == 0
    return day in HELD_OUT_DATES or day >= HELD_OUT_FROM


def is_month_held_out(session: date) -> bool:
    """Tell whether fits to series of indices leave a session out: every third month they do."""
    return session.month % 3 == 0
