"""Business time, and the at-the-money variance of SPX along it.

Rules of this file:
- Business time is counted in sessions: a whole session is 1, of which the trading hours are
  `trading_hours_share` and the night before them the rest; a day of a weekend counts
  `idle_day_weight`, a holiday, when other markets are open, `holiday_weight`, and a scheduled FOMC
  decision, CPI, PPI or jobs report adds sessions of its own from its instant on. Until it has
  happened its variance is still to come.
- The smile changes its shape with business time too, but in logs at most 1.5 times as fast as
  variance grows: where the indices say that variance hardly grows, a shape that went on changing
  would make a later option cheaper than an earlier one.
- Total variance is piecewise linear between nodes: the end of the next session, and 9, 30 and 93
  days. It never falls with time, whatever the indices say in a panic.
- A node stands where the strip of all options of its smile is worth its index (VIX1D, VIX9D, VIX,
  VIX3M), because that is how Cboe computes them. Where VIX1D is absent it is inferred.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise

from market.family import Eve, VolState
from market.macro import MacroEvent, MacroKind
from market.pricing import DAYS_PER_YEAR
from market.sessions import SessionCalendar, exchange_zone
from market.surface_params import SpxSmile, SpxTerm
from market.surface_smile import smile_shape
from market.values import value

SESSIONS_PER_YEAR = 252.0
_IDLE_DAYS_PER_YEAR = DAYS_PER_YEAR - SESSIONS_PER_YEAR
_NODE_DAYS = (9, 30, 93)
_SATURDAY, _NOON = 5, time(12)
_SESSIONS_PER_DAY = SESSIONS_PER_YEAR / DAYS_PER_YEAR
_LEAST_GROWTH = 1.02
_MOST_SHAPE_GROWTH = 1.5  # calendars cost more than nothing up to 1.7; from 1.2 on no fit feels it
_LEAST_PRICE_POINTS = 0.065  # below it a model price leaves no room for a bid
_USUAL_SPOT_POINTS = 3000.0


@value(frozen=True, slots=True)
class NodeTimes:
    """Business time from one instant to the nodes, in sessions.

    `next_left_frac` is the part still to come of what lay before the end of the next session when
    the last one closed.
    """

    next_close: float
    days_9: float
    days_30: float
    days_93: float
    next_left_frac: float = 1.0


def average_times(term: SpxTerm) -> NodeTimes:
    """Return the nodes seen from the close of a session in a calendar without months."""
    per_day = (SESSIONS_PER_YEAR + _IDLE_DAYS_PER_YEAR * term.idle_day_weight) / DAYS_PER_YEAR
    one = 1.0 + term.idle_day_weight * _IDLE_DAYS_PER_YEAR / SESSIONS_PER_YEAR
    return NodeTimes(one, *(days * per_day for days in _NODE_DAYS))


def plain_time(term: SpxTerm, years: float, sessions_left: float) -> float:
    """Return the business time of `years` that hold `sessions_left` sessions and no release."""
    return sessions_left + term.idle_day_weight * max(years * DAYS_PER_YEAR - sessions_left, 0.0)


class BusinessTime:
    """Counts business time on a calendar of sessions and releases."""

    def __init__(
        self, calendar: SessionCalendar, events: Iterable[MacroEvent], term: SpxTerm
    ) -> None:
        self._calendar = calendar
        self._dates = calendar.dates
        self._term = term
        weights = {
            MacroKind.FOMC: term.fomc_sessions,
            MacroKind.CPI: term.cpi_sessions,
            MacroKind.PPI: term.ppi_sessions,
            MacroKind.NFP: term.nfp_sessions,
        }
        # An unscheduled decision was not known before, so it never was priced ahead.
        counted = [(event.at, weights[event.kind]) for event in events if event.is_scheduled]
        more = term.holiday_weight - term.idle_day_weight
        counted = sorted(counted + [(noon, more) for noon in _holidays(calendar)])
        self._instants = [at for at, _ in counted]
        self._totals = list(accumulate((weight for _, weight in counted), initial=0.0))

    def extra(self, after: datetime, until: datetime) -> float:
        """Return the sessions that releases and holidays in (after, until] count extra."""
        first = bisect_right(self._instants, after)
        return self._totals[bisect_right(self._instants, until, lo=first)] - self._totals[first]

    def to(self, until: datetime, *, at: datetime, years: float, sessions_left: float) -> float:
        """Return the business time from `at` to `until`, which lies `years` later."""
        return plain_time(self._term, years, sessions_left) + self.extra(at, until)

    def nodes(self, at: datetime, session_left: float) -> NodeTimes:
        """Return the business time to the nodes, seen from an instant.

        `session_left` is the rest of the session under way, or below 0 what has passed of the
        night before the next one.
        """
        since = self._last_day_over(at)
        here = bisect_right(self._dates, since)
        times = [
            plain_time(self._term, days / DAYS_PER_YEAR, self._sessions_in(since, here, days))
            + self.extra(at, at + timedelta(days=days))
            for days in _NODE_DAYS
        ]
        following = self._dates[min(here, len(self._dates) - 1)]
        idle_days = max((following - since).days - 1, 0)
        until = self._calendar.session(following).cash_close_at
        next_close = (
            1.0 + session_left + self._term.idle_day_weight * idle_days + self.extra(at, until)
        )
        left_frac = self._left_frac(here, until, next_close)
        return NodeTimes(next_close, times[0], times[1], times[2], left_frac)

    def _left_frac(self, here: int, until: datetime, next_close: float) -> float:
        """Return the part left of the time between two closes, 1 while a session is under way."""
        if not 0 < here < len(self._dates):
            return 1.0
        idle_days = (self._dates[here] - self._dates[here - 1]).days - 1
        closed_at = self._calendar.session(self._dates[here - 1]).cash_close_at
        whole = 1.0 + self._term.idle_day_weight * idle_days + self.extra(closed_at, until)
        return min(next_close / whole, 1.0)

    def _last_day_over(self, at: datetime) -> date:
        """Return today once its session has opened, before it the day before."""
        today = at.astimezone(exchange_zone()).date()
        place = bisect_left(self._dates, today)
        if place < len(self._dates) and self._dates[place] == today:
            return today if at >= self._calendar.session(today).open_at else today - timedelta(1)
        return today

    def _sessions_in(self, since: date, here: int, days: int) -> float:
        """Return the sessions in `days` calendar days; over a weekend the count rises evenly.

        The indices go straight from one expiry to the next, weekends included.
        """
        end = since + timedelta(days=days)
        after = bisect_right(self._dates, end)
        if not 0 < after < len(self._dates):
            return days * _SESSIONS_PER_DAY
        before, following = self._dates[after - 1], self._dates[after]
        is_idle = (following - before).days > 1
        return after - here + ((end - before) / (following - before) if is_idle else 0.0)


def _holidays(calendar: SessionCalendar) -> Iterator[datetime]:
    """Return noon in New York of the days from Monday to Friday without a session."""
    for before, following in pairwise(calendar.dates):
        for days in range(1, (following - before).days):
            day = before + timedelta(days)
            if day.weekday() < _SATURDAY:
                yield datetime.combine(day, _NOON, exchange_zone()).astimezone(UTC)


@value(frozen=True, slots=True)
class AtMoney:
    """Total at-the-money variance of an expiry, and the tenor in sessions of its smile's shape."""

    variance: float
    shape_sessions: float


class VarianceCurve:
    """At-the-money total variance of SPX by business time, at one instant."""

    def __init__(
        self,
        term: SpxTerm,
        smile: SpxSmile,
        vol: VolState,
        times: NodeTimes,
        spot: float = _USUAL_SPOT_POINTS,
    ) -> None:
        self._least_price_frac = _LEAST_PRICE_POINTS / spot
        self._term, self._smile, self._vol, self._times = term, smile, vol, times
        self._nodes = [(0.0, 0.0)]
        self._shape_times = [0.0]
        self._waiting = [self._add_day_93, self._add_day_30, self._add_day_9, self._add_next]

    def total(self, business_time: float) -> float:
        """Return total variance to a business time in sessions; the last rate goes on beyond."""
        self._reach(business_time)
        nodes = self._nodes
        for (start, low), (end, high) in pairwise(nodes):
            if business_time <= end:
                return low + (high - low) * (business_time - start) / (end - start)
        end, high = nodes[-1]
        return high * business_time / end

    def at_money(self, business_time: float) -> AtMoney:
        """Return total variance to a business time in sessions, and the tenor of its shape."""
        total = self.total(business_time)
        node = max(bisect_left(self._nodes, (business_time,)) - 1, 0)
        return AtMoney(total, self._shape_after(node, business_time, total))

    def _shape_after(self, node: int, business_time: float, total: float) -> float:
        if node == 0:
            return business_time
        growth = total / self._nodes[node][1]
        return min(business_time, self._shape_times[node] * math.pow(growth, _MOST_SHAPE_GROWTH))

    def _reach(self, business_time: float) -> None:
        # Nodes cost a strip each, and the nearest expiries do without the far ones.
        while self._waiting and business_time > self._nodes[-1][0]:
            self._waiting.pop()()

    def next_session_strip(self) -> float:
        """Return the variance to the end of the next session of a strip, as VIX1D measures it."""
        vol, term, times = self._vol, self._term, self._times
        if vol.vix1d is not None:
            recorded = (term.vix1d_ratio * vol.vix1d / 100.0) ** 2 / SESSIONS_PER_YEAR
            return recorded * times.next_left_frac
        near = term.one_session_ratio * math.pow(vol.vix9d / vol.vix, term.one_session_power)
        if vol.eve is not None:
            near *= math.exp(_eve_log(term, vol.eve))
        return near * near * _variance(vol.vix9d, 9) * times.next_close / times.days_9

    def _add_next(self) -> None:
        self._add(self._times.next_close, self.next_session_strip())

    def _add_day_9(self) -> None:
        if self._times.days_9 > self._nodes[-1][0]:
            strip = self._term.ratio_9d**2 * _variance(self._vol.vix9d, 9)
            self._add(self._times.days_9, strip)

    def _add_day_30(self) -> None:
        strip = self._term.ratio_30d**2 * _variance(self._vol.vix, 30)
        self._add(self._times.days_30, strip)

    def _add_day_93(self) -> None:
        strip = self._term.ratio_93d**2 * _variance(self._vol.vix3m, 93)
        self._add(self._times.days_93, strip)

    def _add(self, time: float, strip: float) -> None:
        total, last = self._strip_total(strip, time), len(self._nodes) - 1
        allowed = self._shape_after(last, time, total)
        if allowed < time:
            total = self._strip_total(strip, allowed)
        self._nodes.append((time, total))
        self._shape_times.append(self._shape_after(last, time, total))

    def _strip_total(self, strip: float, sessions: float) -> float:
        shape = smile_shape(self._smile, sessions, self._vol)
        total = strip / shape.strip_ratio(math.sqrt(strip), self._least_price_frac)
        return max(total, _LEAST_GROWTH * self._nodes[-1][1])


def _eve_log(term: SpxTerm, eve: Eve) -> float:
    """Return how much the vol of the next session lies above the usual one, in logs."""
    weekday = (0.0, term.tuesday_log, term.wednesday_log, term.thursday_log, term.friday_log)
    return (
        term.range_power * eve.range_log
        + term.week_range_power * eve.week_range_log
        + term.vix_change_power * eve.vix_change_log
        + (weekday[eve.weekday] if eve.weekday < len(weekday) else 0.0)
        + (term.under_way_log if eve.is_under_way else 0.0)
    )


def _variance(points: float, days: int) -> float:
    return (points / 100.0) ** 2 * days / DAYS_PER_YEAR
