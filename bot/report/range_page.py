"""The page of a range of sessions: what came of them, with the hedge and without it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from bot.report.page import rendered
from bot.report.recorded import RecordedRun
from bot.report.scorecard import scorecard
from bot.report.tearsheet import tearsheet
from bot.study.model_error import model_error, real_and_modelled
from bot.study.pictures import equity, moves, years
from bot.study.populations import days_of
from bot.study.tables import Tables
from market.errors import NoSuchSession


def cut_to(tables: Tables, first: date, last: date) -> Tables:
    """Return the rows from `first` to `last`; the account starts as it stood the evening before.

    Raises:
        NoSuchSession: no session of the run lies between them.
    """
    rows = [row for row in tables.sessions if first <= row.session <= last]
    if not rows:
        begin, end = tables.sessions[0].session, tables.sessions[-1].session
        raise NoSuchSession(
            f"the run holds no session from {first} to {last}; it runs from {begin} to {end}."
        )
    earlier = [row for row in tables.sessions if row.session < rows[0].session]
    start = tables.start_nlv_usd
    if earlier:
        before = earlier[-1]
        # Every book starts where the whole account stood, so that their difference is the range's.
        rows = [_moved(row, before, before.nlv_usd) for row in rows]
        start = before.nlv_usd
    inside = {row.session for row in rows}
    return replace(
        tables,
        start_nlv_usd=start,
        sessions=tuple(rows),
        entries=tuple(each for each in tables.entries if each.session in inside),
        trades=tuple(each for each in tables.trades if each.session in inside),
        scans=tuple(each for each in tables.scans if each.session in inside),
    )


def _moved(row: Any, before: Any, start: float) -> Any:
    names = ("nlv_usd", "condor_nlv_usd", "static_nlv_usd", "stop_nlv_usd", "held_nlv_usd")
    moved = {name: start + getattr(row, name) - getattr(before, name) for name in names}
    return replace(row, **moved)


def range_figures(run: RecordedRun, tables: Tables) -> dict[str, Any]:
    """Return all that the page of a range tells, as plain values."""
    rows, start = tables.sessions, tables.start_nlv_usd
    sessions = [row.session for row in rows]
    return {
        "from": sessions[0].isoformat(),
        "to": sessions[-1].isoformat(),
        "sessions": len(rows),
        "profile": run.started.profile,
        "version": run.started.version,
        "is_simulated": run.started.is_simulated,
        "start_nlv_usd": round(start, 2),
        "end_nlv_usd": round(rows[-1].nlv_usd, 2),
        "end_nlv_without_hedge_usd": round(rows[-1].condor_nlv_usd, 2),
        "real_and_modelled": real_and_modelled(run.started.series),
        "model_error": model_error(),
        "tearsheet": {
            "with_hedge": tearsheet(sessions, [row.nlv_usd for row in rows], start).as_dict(),
            "without": tearsheet(sessions, [row.condor_nlv_usd for row in rows], start).as_dict(),
        },
        "scorecard": scorecard(tables),
        "skipped": _skipped(tables),
        "trades": [
            {
                "session": trade.session.isoformat(),
                "tier": trade.tier,
                "quantity": trade.quantity,
                "short_put": trade.short_put,
                "short_call": trade.short_call,
                "credit_points": round(trade.credit_points, 4),
                "mid_points": trade.mid_points,
                "net_usd": trade.net_usd,
                "breach": trade.breach,
            }
            for trade in tables.trades
        ],
    }


def _skipped(tables: Tables) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in tables.entries:
        if entry.action != "SELL":
            found[entry.reason] = found.get(entry.reason, 0) + 1
    return dict(sorted(found.items()))


def range_page(figures: Mapping[str, Any], tables: Tables) -> str:
    """Return the page of a range."""
    days = days_of(tables)
    pictures = {"equity": equity(days, tables.start_nlv_usd), "years": years(days)}
    known = any(row.edr_frac is not None for row in tables.sessions)
    if known:
        pictures["moves"] = moves(days)
    title = f"ALVH from {figures['from']} to {figures['to']}"
    return rendered("range.html.j2", title=title, pictures=pictures, it=figures)
