"""The moments of a session: what the daemon wakes up for, in UTC.

Every moment hangs on the session's own open and close, never on a wall clock, so that half days
and changes to summer time come out right. Rules of this file, with their sources:
- R-01: snapshot, entry and entry cut-off 9.5, 10 and 14.5 minutes after the cash close, hedge
  review 20 minutes after it; half days scale with their close.
- R-22, A11: hedge rolls run from 90 minutes after the open to one hour before the cash close.
- R-17, A11: threat scans 5, 3, 1.5 and 0.5 hours before the cash close; those that fall within
  half an hour of the open drop, so the remaining ones keep their numbers on half days.
- R-25, A11: the hedge is re-checked around FOMC, CPI and PPI: at the hedge window of the two
  sessions before the release session, half an hour after the release (or after the open, when
  later) and at the cash close of the session after. Unscheduled decisions have no "before".
- The release session is the first one that closes at or after the release.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum

from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.sessions import Session, SessionCalendar
from market.values import value

HEDGE_WINDOW_AFTER_OPEN = timedelta(minutes=90)
HEDGE_WINDOW_ENDS_BEFORE_CLOSE = timedelta(hours=1)
ENTRY_AFTER_CLOSE = timedelta(minutes=10)
ENTRY_CUTOFF_AFTER_CLOSE = timedelta(minutes=14, seconds=30)
_SNAPSHOT_BEFORE_ENTRY = timedelta(seconds=30)
_HEDGE_REVIEW_AFTER_CLOSE = timedelta(minutes=20)
_SETTLED_AFTER_OPEN = timedelta(minutes=30)
_RECHECK_AFTER_RELEASE = timedelta(minutes=30)
_SCAN_GRACE = timedelta(minutes=10)
_NO_GRACE = timedelta(0)
_RECHECKED_KINDS = (MacroKind.FOMC, MacroKind.CPI, MacroKind.PPI)


class MomentName(StrEnum):
    """What a moment is for; at one instant they run in the order of this list."""

    OPEN = "open"
    HEDGE_WINDOW = "hedge_window"
    THREAT_SCAN_1 = "threat_scan_1"
    THREAT_SCAN_2 = "threat_scan_2"
    THREAT_SCAN_3 = "threat_scan_3"
    THREAT_SCAN_4 = "threat_scan_4"
    EVENT_RECHECK_T_MINUS_2 = "event_recheck_t_minus_2"
    EVENT_RECHECK_T_MINUS_1 = "event_recheck_t_minus_1"
    EVENT_RECHECK_T_PLUS_30 = "event_recheck_t_plus_30"
    CASH_CLOSE = "cash_close"
    EXPIRING_STOP = "expiring_stop"
    EVENT_RECHECK_T_PLUS_1_CLOSE = "event_recheck_t_plus_1_close"
    SNAPSHOT = "snapshot"
    ENTRY = "entry"
    ENTRY_CUTOFF = "entry_cutoff"
    OPTION_CLOSE = "option_close"
    HEDGE_REVIEW = "hedge_review"
    ON_REQUEST = "on_request"  # never on a schedule: a person's own


class MissedPolicy(StrEnum):
    """What becomes of a moment that nobody was awake for."""

    SKIP = "skip"
    LATE = "late"
    ALWAYS = "always"


_PRIORITY = {name: number for number, name in enumerate(MomentName)}
_SCANS = (
    (MomentName.THREAT_SCAN_1, timedelta(hours=5)),
    (MomentName.THREAT_SCAN_2, timedelta(hours=3)),
    (MomentName.THREAT_SCAN_3, timedelta(hours=1, minutes=30)),
    (MomentName.THREAT_SCAN_4, timedelta(minutes=30)),
)


@value(frozen=True, slots=True)
class Moment:
    """One appointment of a session; name and event identify it within the session.

    SKIP and LATE moments may still run until `at + grace`: a skipped one is then only a little
    behind, a late one is worked off. ALWAYS has no end and ignores `grace`.
    """

    name: MomentName
    at: datetime
    session: date
    missed: MissedPolicy
    grace: timedelta
    event: MacroEvent | None = None

    @property
    def release(self) -> str | None:
        """Return the kind of the release that the moment belongs to, if any."""
        return None if self.event is None else str(self.event.kind)

    @property
    def runs_until(self) -> datetime | None:
        """Return the last instant at which the moment may still run, None for no end."""
        return None if self.missed is MissedPolicy.ALWAYS else self.at + self.grace


def moments_of(
    session: Session,
    calendar: SessionCalendar,
    macro: MacroCalendar,
    *,
    entry_offset: timedelta = ENTRY_AFTER_CLOSE,
) -> tuple[Moment, ...]:
    """Return the moments of a session in the order in which they run.

    `entry_offset` is the time from the cash close to the entry. A calendar that ends within two
    sessions hides the events beyond its end.

    Raises:
        ValueError: the entry would not lie between the cash close and its cut-off.
        NoSuchSession: the session is none of the calendar's.
    """
    if not _SNAPSHOT_BEFORE_ENTRY < entry_offset < ENTRY_CUTOFF_AFTER_CLOSE:
        raise ValueError(f"entry must come 30 s to 14.5 min after the close, not {entry_offset}")
    moments = [
        *_fixed(session),
        *_scans(session),
        *_entry(session, entry_offset),
        *_hedge(session, calendar),
        *_rechecks(session, calendar, macro),
    ]
    moments.sort(key=_running_order)
    return tuple(moments)


def _running_order(moment: Moment) -> tuple[datetime, int]:
    return moment.at, _PRIORITY[moment.name]


def hedge_window(session: Session) -> tuple[datetime, datetime]:
    """Return from when to when hedge rolls may run: open + 90 min, cash close - 1 h (A11)."""
    return (
        session.open_at + HEDGE_WINDOW_AFTER_OPEN,
        session.cash_close_at - HEDGE_WINDOW_ENDS_BEFORE_CLOSE,
    )


def _fixed(session: Session) -> Iterator[Moment]:
    for name, at in (
        (MomentName.OPEN, session.open_at),
        (MomentName.CASH_CLOSE, session.cash_close_at),
        (MomentName.EXPIRING_STOP, session.cash_close_at),
        (MomentName.ENTRY_CUTOFF, session.cash_close_at + ENTRY_CUTOFF_AFTER_CLOSE),
        (MomentName.OPTION_CLOSE, session.option_close_at),
    ):
        yield Moment(name, at, session.date, MissedPolicy.ALWAYS, _NO_GRACE)


def _scans(session: Session) -> Iterator[Moment]:
    for name, before_close in _SCANS:
        at = session.cash_close_at - before_close
        if at >= session.open_at + _SETTLED_AFTER_OPEN:
            yield Moment(name, at, session.date, MissedPolicy.SKIP, _SCAN_GRACE)


def _entry(session: Session, offset: timedelta) -> Iterator[Moment]:
    cutoff_at = session.cash_close_at + ENTRY_CUTOFF_AFTER_CLOSE
    entry_at = session.cash_close_at + offset
    for name, at in (
        (MomentName.SNAPSHOT, entry_at - _SNAPSHOT_BEFORE_ENTRY),
        (MomentName.ENTRY, entry_at),
    ):
        yield Moment(name, at, session.date, MissedPolicy.SKIP, cutoff_at - at)


def _hedge(session: Session, calendar: SessionCalendar) -> Iterator[Moment]:
    yield _hedge_moment(MomentName.HEDGE_WINDOW, hedge_window(session)[0], session)
    review_at = session.cash_close_at + _HEDGE_REVIEW_AFTER_CLOSE
    yield _overnight_moment(MomentName.HEDGE_REVIEW, review_at, session, calendar)


def _hedge_moment(
    name: MomentName, at: datetime, session: Session, event: MacroEvent | None = None
) -> Moment:
    grace = max(hedge_window(session)[1] - at, _NO_GRACE)
    return Moment(name, at, session.date, MissedPolicy.LATE, grace, event)


def _overnight_moment(
    name: MomentName,
    at: datetime,
    session: Session,
    calendar: SessionCalendar,
    event: MacroEvent | None = None,
) -> Moment:
    """Return a hedge moment after the close: worked off until the next hedge window opens."""
    following = _neighbour(session, calendar, 1)
    grace = _NO_GRACE if following is None else hedge_window(following)[0] - at
    return Moment(name, at, session.date, MissedPolicy.LATE, grace, event)


def _rechecks(
    session: Session, calendar: SessionCalendar, macro: MacroCalendar
) -> Iterator[Moment]:
    window_at = hedge_window(session)[0]
    for event in _released_on(2, session, calendar, macro):
        if event.is_scheduled:
            yield _hedge_moment(MomentName.EVENT_RECHECK_T_MINUS_2, window_at, session, event)
    for event in _released_on(1, session, calendar, macro):
        if event.is_scheduled:
            yield _hedge_moment(MomentName.EVENT_RECHECK_T_MINUS_1, window_at, session, event)
    for event in _released_on(0, session, calendar, macro):
        at = max(event.at + _RECHECK_AFTER_RELEASE, session.open_at + _SETTLED_AFTER_OPEN)
        yield _hedge_moment(MomentName.EVENT_RECHECK_T_PLUS_30, at, session, event)
    for event in _released_on(-1, session, calendar, macro):
        name, at = MomentName.EVENT_RECHECK_T_PLUS_1_CLOSE, session.cash_close_at
        yield _overnight_moment(name, at, session, calendar, event)


def _released_on(
    distance: int, session: Session, calendar: SessionCalendar, macro: MacroCalendar
) -> Iterator[MacroEvent]:
    """Yield the re-checked events whose release session is `distance` sessions away."""
    release = _neighbour(session, calendar, distance)
    before = _neighbour(session, calendar, distance - 1)
    if release is None or before is None:
        return
    for event in macro.published(before.cash_close_at, release.cash_close_at):
        if event.kind in _RECHECKED_KINDS:
            yield event


def _neighbour(session: Session, calendar: SessionCalendar, distance: int) -> Session | None:
    number = calendar.index(session.date) + distance
    if not 0 <= number < len(calendar.dates):
        return None
    return calendar.session(calendar.dates[number])
