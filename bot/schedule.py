"""The schedule under the settings in force; replay, daemon and plan read the same list."""

from datetime import date, timedelta

from bot.settings import Settings
from market.macro import MacroCalendar
from market.schedule import Moment, moments_of
from market.sessions import SessionCalendar


def schedule_of(
    settings: Settings, calendar: SessionCalendar, macro: MacroCalendar, session: date
) -> tuple[Moment, ...]:
    """Return the moments of a session, in time order."""
    offset = timedelta(minutes=settings.condor.entry_after_close_minutes)
    return moments_of(calendar.session(session), calendar, macro, entry_offset=offset)
