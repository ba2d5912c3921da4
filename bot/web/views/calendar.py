"""The calendar page: coming sessions with their moments, releases and rolls of what is held."""

from bot.planning import PlannedSession, make_plan
from bot.web.facts import Facts
from bot.web.scene import Scene
from bot.web.views.hedge import hedge_page
from bot.web.views.overview import moment_object
from bot.web.views.plain import Json, instant

DAYS_SHOWN = 21


def calendar_page(facts: Facts, scene: Scene) -> Json:
    """Return the object of `/api/calendar`."""
    known = scene.almanac
    plan = make_plan(
        known.settings, known.calendar, known.macro, known.listings, scene.session, DAYS_SHOWN
    )
    return {
        "seq": facts.seq,
        "now": instant(scene.now),
        "sessions": [_session(each) for each in plan.sessions],
        "releases": [
            {
                "kind": event.kind,
                "date": event.date_et.isoformat(),
                "at": instant(event.at),
                "is_provisional": event.is_provisional,
            }
            for event in plan.releases
        ],
        "rolls": hedge_page(facts, scene)["rolls"],
        "warnings": list(plan.warnings),
    }


def _session(planned: PlannedSession) -> Json:
    return {
        "session": planned.session.date.isoformat(),
        "is_half_day": planned.session.is_half_day,
        "condor_expiry": planned.condor_expiry.isoformat(),
        "is_listed": planned.is_listed,
        "moments": [moment_object(moment) for moment in planned.moments],
    }
