"""What each layer needs today: nothing, a roll, a re-strike.

Rules R-19 (drift repair), R-22 (rolls by DTE), R-25 (events) and R-28 (too flat a profile). An
early roll for an event comes before R-22's wait for a release: outliving the release is its very
purpose.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from market.macro import MacroEvent, MacroKind
from market.sessions import SessionCalendar
from market.values import value
from strategies.base import Context, Layer, LayerPosition, View
from strategies.hedge_params import AlvhParams
from strategies.ladder import RAISED_DELTA, LayerTarget
from strategies.params import MethodParams
from strategies.temporal import is_hedge_prearmed

EVENT_KINDS = (MacroKind.FOMC, MacroKind.CPI, MacroKind.PPI)
RELEASE_AHEAD = timedelta(hours=24)
EVENT_SESSIONS_BEFORE = 2
EVENT_SESSIONS_AFTER = 2
BULLISH, BEARISH = "bullish", "bearish"


class Need(StrEnum):
    """What a layer needs; refreshes are discretionary, rolls mandatory (R-24 as amended by A2)."""

    KEEP = "keep"
    WAIT = "wait"
    ROLL = "roll"
    EVENT_ROLL = "event_roll"
    REFRESH = "refresh"
    EVENT_REFRESH = "event_refresh"
    STEEPEN = "steepen"


@value(frozen=True, slots=True)
class LayerNeed:
    """One layer's need and its reason in words; `not_before` bounds the new expiry."""

    position: LayerPosition
    target: LayerTarget
    need: Need
    why: str
    not_before: date | None = None


@value(frozen=True, slots=True)
class EventState:
    """The nearest major releases around a moment and what VIX did over the last one."""

    ahead: MacroEvent | None = None
    ahead_session: date | None = None
    behind: MacroEvent | None = None
    behind_session: date | None = None
    vix_change_frac: float | None = None


def event_state(view: View, params: MethodParams) -> EventState:
    """Return the release at most two sessions ahead and the one at most two sessions behind;
    neither when R-25 is switched off."""
    if not params.alvh.event_enabled:
        return EventState()
    calendar, session = view.context.calendar, view.session
    ahead = release_ahead(view.context)
    since = calendar.session(calendar.previous(session, EVENT_SESSIONS_AFTER + 1)).cash_close_at
    behind = _releases(view.context, since, view.at)
    last_one = behind[-1] if behind else None
    behind_session = None if last_one is None else release_session(calendar, last_one)
    return EventState(
        ahead,
        None if ahead is None else release_session(calendar, ahead),
        last_one,
        behind_session,
        None if behind_session is None else _vix_change(view, behind_session),
    )


def release_ahead(context: Context) -> MacroEvent | None:
    """Return the next FOMC, CPI or PPI whose release session is at most two sessions ahead."""
    calendar = context.calendar
    last = calendar.session(calendar.next(context.session, EVENT_SESSIONS_BEFORE))
    ahead = _releases(context, context.at, last.cash_close_at)
    return ahead[0] if ahead else None


def outlive_until(context: Context, params: MethodParams) -> date | None:
    """Return the date that the near layer must reach because of a release ahead, or None (R-25)."""
    ahead = release_ahead(context)
    if ahead is None or not params.alvh.event_enabled:
        return None
    released, count = release_session(context.calendar, ahead), params.alvh.event_roll_sessions
    return context.calendar.next(released, count) if count else released


def release_session(calendar: SessionCalendar, event: MacroEvent) -> date:
    """Return the first session whose cash close is not before the release (A11's clock)."""
    session = calendar.on_or_after(event.date_et)
    is_after_close = calendar.session(session).cash_close_at < event.at
    return calendar.next(session) if is_after_close else session


def _releases(context: Context, after: datetime, until: datetime) -> list[MacroEvent]:
    events = context.macro.between(after, until, known_at=context.at)
    return [each for each in events if each.kind in EVENT_KINDS and not each.is_provisional]


def _vix_change(view: View, released: date) -> float | None:
    before = view.vix_closes.get(view.context.calendar.previous(released))
    # Rounded, so that a fall by exactly the threshold is not lost to float noise.
    return None if before is None else round(view.snapshot.levels.vix / before - 1.0, 9)


def layer_need(
    view: View,
    position: LayerPosition,
    target: LayerTarget,
    events: EventState,
    params: MethodParams,
) -> LayerNeed:
    """Return the first need that applies: roll by DTE, early roll for an event, wait, re-strike."""
    due = _roll_need(view, position, target, params)
    if due is not None and due.need is Need.ROLL:
        return due
    return (
        _event_roll_need(view, position, target, events, params)
        or due
        or _event_refresh_need(position, target, events, params)
        or _drift_need(view, position, target, params)
        or LayerNeed(position, target, Need.KEEP, "on target")
    )


def _roll_need(
    view: View,
    position: LayerPosition,
    target: LayerTarget,
    params: MethodParams,
) -> LayerNeed | None:
    dte = position.dte(view.session)
    if dte > target.roll_dte:
        return None
    releases = view.context.macro.between(view.at, view.at + RELEASE_AHEAD, known_at=view.at)
    # A provisional window spans weeks; to wait for its end would be no skipped day but a lost roll.
    certain = [release for release in releases if not release.is_provisional]
    if certain and dte > params.alvh.roll_despite_release_dte:
        why = f"{dte} days left, but {certain[0].kind} comes within a day: rolls after it"
        return LayerNeed(position, target, Need.WAIT, why)
    return LayerNeed(position, target, Need.ROLL, f"{dte} days left, rolls at {target.roll_dte}")


def _event_roll_need(
    view: View,
    position: LayerPosition,
    target: LayerTarget,
    events: EventState,
    params: MethodParams,
) -> LayerNeed | None:
    if events.ahead is None or target.layer is not Layer.NEAR:
        return None
    outlive = outlive_until(view.context, params)
    if outlive is None or position.contract.expiry >= outlive:
        return None
    why = f"expires before {events.ahead.kind} + {params.alvh.event_roll_sessions} sessions"
    return LayerNeed(position, target, Need.EVENT_ROLL, why, outlive)


def _event_refresh_need(
    position: LayerPosition,
    target: LayerTarget,
    events: EventState,
    params: MethodParams,
) -> LayerNeed | None:
    change, session = events.vix_change_frac, events.behind_session
    if change is None or session is None or events.behind is None or position.opened >= session:
        return None
    if change > -params.alvh.event_fall_frac:
        return None
    why = f"VIX fell {-change:.0%} over {events.behind.kind}: strikes are cheap to renew"
    return LayerNeed(position, target, Need.EVENT_REFRESH, why)


def _drift_need(
    view: View,
    position: LayerPosition,
    target: LayerTarget,
    params: MethodParams,
) -> LayerNeed | None:
    alvh = params.alvh
    if not may_refresh(view, params):
        return None
    quote = view.snapshot.quotes.get(position.contract)
    if quote is None or quote.delta is None:
        return None
    # Calls bought at a raised delta are not too dear for a target that is the lower one again.
    most = max(target.delta, RAISED_DELTA) if alvh.raise_when_cheap else target.delta
    low, high = alvh.refresh_delta_low * target.delta, alvh.refresh_delta_high * most
    if low <= quote.delta <= high:
        return None
    why = f"delta {quote.delta:.2f} left the band {low:.2f} … {high:.2f}"
    return LayerNeed(position, target, Need.REFRESH, why)


def may_refresh(view: View, params: MethodParams) -> bool:
    """Tell whether strikes may be renewed: VIX below 15, or brought forward up to VIX 20 by the
    pre-arm flag (R-08, R-29) or by a bullish cross of MACD (R-26)."""
    vix, alvh = view.snapshot.levels.vix, params.alvh
    is_armed = is_hedge_prearmed(view.indicators, view.capital, params.filters)
    is_prearmed = is_armed and vix <= alvh.open_max_vix
    return vix < alvh.refresh_below_vix or is_prearmed or is_bullish(view, alvh)


def is_bullish(view: View, params: AlvhParams) -> bool:
    """Tell whether a bullish cross at the last close counts: tilts are on and VIX is below 20."""
    is_low = view.snapshot.levels.vix < params.tilt_max_vix
    return params.tilt_enabled and is_low and view.indicators.macd_cross == BULLISH


def steepening_need(
    view: View,
    needs: Sequence[LayerNeed],
    ratio: float | None,
    params: MethodParams,
) -> LayerNeed | None:
    """Return the re-strike of the layer deepest in the money when the profile is too flat (R-28).

    None when it is steep enough, unknown, or when strikes may not be renewed.
    """
    least = params.alvh.min_steepening_ratio
    if ratio is None or ratio >= least or not may_refresh(view, params):
        return None
    deepest: tuple[float, LayerNeed] | None = None
    for need in needs:
        quote = view.snapshot.quotes.get(need.position.contract)
        delta = None if quote is None else quote.delta
        if need.need is Need.KEEP and delta is not None:
            deepest = max(deepest or (delta, need), (delta, need), key=lambda pair: pair[0])
    if deepest is None:
        return None
    why = f"the profile steepens {ratio:.2f} times, less than {least:g}"
    return replace(deepest[1], need=Need.STEEPEN, why=why)
