"""The plan ahead: sessions with their moments, releases, and when each hedge layer rolls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from bot.schedule import schedule_of
from bot.settings import Settings
from market.instruments import TradingClass
from market.listings import Listings
from market.macro import MacroCalendar, MacroEvent
from market.schedule import Moment
from market.sessions import Session, SessionCalendar
from strategies.ladder import LayerTarget, targets


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """One session with its moments, and the expiry that its entry would sell, if listed."""

    session: Session
    moments: tuple[Moment, ...]
    condor_expiry: date
    is_listed: bool


@dataclass(frozen=True, slots=True)
class PlannedRoll:
    """When a hedge layer bought now, or held, comes to its roll."""

    layer: str
    expiry: date
    roll_on: date
    dte_at_roll: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes next."""

    sessions: tuple[PlannedSession, ...]
    releases: tuple[MacroEvent, ...]
    rolls: tuple[PlannedRoll, ...]
    warnings: tuple[str, ...]


def make_plan(
    settings: Settings,
    calendar: SessionCalendar,
    macro: MacroCalendar,
    listings: Listings,
    as_of: date,
    days: int,
) -> Plan:
    """Return the plan from `as_of` over a number of calendar days."""
    last = as_of + timedelta(days=days)
    sessions = calendar.between(as_of, last)
    planned = tuple(_session(settings, calendar, macro, listings, day) for day in sessions)
    if not planned:
        return Plan((), (), (), macro.warnings(as_of))
    begin, end = planned[0].session.open_at, planned[-1].session.option_close_at
    releases = macro.between(begin - timedelta(hours=9), end, known_at=begin)
    rolls = tuple(_rolls(settings, calendar, listings, sessions))
    return Plan(planned, releases, rolls, macro.warnings(as_of))


def _session(
    settings: Settings,
    calendar: SessionCalendar,
    macro: MacroCalendar,
    listings: Listings,
    day: date,
) -> PlannedSession:
    expiry = calendar.next(day, settings.condor.sessions_to_expiry)
    return PlannedSession(
        calendar.session(day),
        schedule_of(settings, calendar, macro, day),
        expiry,
        listings.is_listed(TradingClass.SPXW, expiry, day),
    )


def _rolls(
    settings: Settings, calendar: SessionCalendar, listings: Listings, sessions: Sequence[date]
) -> Iterator[PlannedRoll]:
    """Follow each layer from the first session on: bought at its tenor, rolled at its DTE."""
    for target in targets(settings.alvh):
        bought = sessions[0]
        while True:
            roll = _next_roll(target, calendar, listings, bought)
            if roll is None or roll.roll_on > sessions[-1]:
                break
            yield roll
            bought = roll.roll_on


def _next_roll(
    target: LayerTarget, calendar: SessionCalendar, listings: Listings, bought: date
) -> PlannedRoll | None:
    until = bought + timedelta(days=target.tenor_days + target.tolerance_days)
    days = [key[1] for key in listings.vix_expiries(bought, until)]
    near = [day for day in days if abs(_miss(day, bought, target)) <= target.tolerance_days]
    if not near:
        return None
    expiry = min(near, key=lambda day: (abs(_miss(day, bought, target)), -day.toordinal()))
    on = calendar.on_or_after(expiry - timedelta(days=target.roll_dte))
    if on <= bought:
        on = calendar.next(bought)
    return PlannedRoll(target.layer, expiry, on, (expiry - on).days)


def _miss(day: date, bought: date, target: LayerTarget) -> int:
    return (day - bought).days - target.tenor_days
