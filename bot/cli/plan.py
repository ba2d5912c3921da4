"""`alvh plan`: what comes next."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.options import DATE, json_option, print_json, read_settings, settings_options
from bot.planning import Plan
from market.errors import ConfigError
from market.sessions import exchange_zone


@click.command("plan")
@click.option("--as-of", "as_of", type=DATE, default=None, help="First day; by default today.")
@click.option("--days", type=click.IntRange(1, 400), default=10, show_default=True)
@settings_options
@json_option
def command(
    as_of: date | None,
    days: int,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the coming sessions with every moment in UTC, macro releases and hedge rolls.

    Half days and daylight saving come out right: all moments hang on the exchange's session.
    Rolls are those of a ladder bought on the first session.

    \b
    Examples:
      alvh plan
      alvh plan --as-of 2026-11-23 --days 40 --json
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.planning import make_plan  # noqa: PLC0415
    from bot.world import load_calendar, load_listings, load_macro  # noqa: PLC0415

    settings = read_settings(preset, config, overrides)
    first = as_of or SystemClock().now().astimezone(exchange_zone()).date()
    calendar, macro = load_calendar(), load_macro(settings)
    if not calendar.first <= first <= calendar.last:
        raise ConfigError(
            f"--as-of {first} lies outside the calendar; choose a day from {calendar.first} "
            f"to {calendar.last}."
        )
    plan = make_plan(settings, calendar, macro, load_listings(calendar, settings), first, days)
    if as_json:
        print_json(as_json_object(plan, first, days))
    else:
        click.echo(as_text(plan))


def utc_text(at: datetime) -> str:
    """Return an instant as ISO 8601 UTC, such as 2026-11-23T21:10:00Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_json_object(plan: Plan, as_of: date, days: int) -> dict[str, Any]:
    """Return the plan as plain values."""
    return {
        "as_of": as_of.isoformat(),
        "days": days,
        "sessions": [
            {
                "session": planned.session.date.isoformat(),
                "is_half_day": planned.session.is_half_day,
                "condor_expiry": planned.condor_expiry.isoformat(),
                "is_listed": planned.is_listed,
                "moments": [
                    {
                        "name": moment.name,
                        "at": utc_text(moment.at),
                        "missed": moment.missed,
                        "event": None if moment.event is None else moment.event.kind,
                    }
                    for moment in planned.moments
                ],
            }
            for planned in plan.sessions
        ],
        "macro": [
            {
                "kind": event.kind,
                "date": event.date_et.isoformat(),
                "at": utc_text(event.at),
                "is_provisional": event.is_provisional,
            }
            for event in plan.releases
        ],
        "rolls": [
            {
                "layer": roll.layer,
                "expiry": roll.expiry.isoformat(),
                "roll_on": roll.roll_on.isoformat(),
                "dte_at_roll": roll.dte_at_roll,
            }
            for roll in plan.rolls
        ],
        "warnings": list(plan.warnings),
    }


def as_text(plan: Plan) -> str:
    """Return the plan as a table, exchange times."""
    lines = []
    for planned in plan.sessions:
        day = planned.session.date
        half = "  half day" if planned.session.is_half_day else ""
        sells = "sells" if planned.is_listed else "no series for"
        lines.append(f"{day:%a %d %b %Y}{half}  ({sells} {planned.condor_expiry:%a %d %b})")
        for moment in planned.moments:
            event = "" if moment.event is None else f"  {moment.event.kind}"
            local = moment.at.astimezone(exchange_zone())
            lines.append(f"  {local:%H:%M:%S} ET  {utc_text(moment.at)}  {moment.name}{event}")
    lines += ["", "Releases:"]
    lines += [
        f"  {event.date_et:%a %d %b %Y}  {event.kind}{' (provisional)' * event.is_provisional}"
        for event in plan.releases
    ]
    lines += ["", "Hedge rolls of a ladder bought on the first session:"]
    lines += [
        f"  {roll.roll_on:%a %d %b %Y}  {roll.layer}, expiry {roll.expiry}, "
        f"{roll.dte_at_roll} days left"
        for roll in plan.rolls
    ]
    lines += [f"WARNING: {warning}" for warning in plan.warnings]
    return "\n".join(lines)
