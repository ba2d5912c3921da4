"""Which expiries were listed on a date, so that history trades nothing that did not exist.

The dates stand in a file of rules (config/listings.toml) with their sources; this module knows how
each rule places its expiries on the calendar. "Listed on a date" means that the series can trade
on it: from its listing to its last trade date, which for AM-settled series is the session before
expiry.
"""

import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, pairwise
from typing import Any, TypeVar

from market.errors import ConfigError, NoSuchSession
from market.instruments import TradingClass
from market.sessions import SessionCalendar

_T = TypeVar("_T")

_MONDAY, _WEDNESDAY, _FRIDAY = 0, 2, 4
_ONE_DAY = timedelta(days=1)
_VIX_HORIZON = timedelta(days=30)
_LONGEST_SHIFT = timedelta(days=14)  # no holiday moves an expiry further from its nominal day


@dataclass(frozen=True, slots=True)
class ListingRule:
    """From `listed_from` on, the expiries of `rule` within `days_ahead` calendar days trade."""

    trading_class: TradingClass
    rule: str
    listed_from: date
    first_expiry: date
    days_ahead: int
    months: tuple[int, ...]
    source: str

    def __post_init__(self) -> None:
        if self.rule not in _EXPIRIES:
            raise ValueError(f"rule must be one of {', '.join(_EXPIRIES)}, got {self.rule!r}")
        if self.days_ahead < 1:
            raise ValueError(f"days_ahead must be at least 1, got {self.days_ahead}")
        if not set(self.months) <= set(range(1, 13)):
            raise ValueError(f"months must lie between 1 and 12, got {list(self.months)}")
        if self.first_expiry < self.listed_from:
            raise ValueError(
                f"first_expiry must not lie before listed_from, {self.listed_from}, "
                f"got {self.first_expiry}"
            )

    def listings(self, calendar: SessionCalendar) -> Iterator[tuple[date, date]]:
        """Yield (expiry, first date on which it is listed) over the whole calendar."""
        ahead = timedelta(days=self.days_ahead)
        for nominal, expiry in _EXPIRIES[self.rule](calendar, self.first_expiry - _LONGEST_SHIFT):
            if expiry >= self.first_expiry and (not self.months or nominal.month in self.months):
                yield expiry, max(self.listed_from, expiry - ahead)


@dataclass(frozen=True, slots=True)
class ListingRules:
    """All rules of a listings file."""

    rules: tuple[ListingRule, ...]

    @classmethod
    def from_toml(cls, text: str, source_name: str = "listings.toml") -> "ListingRules":
        """Return the rules written in the text of a listings file.

        Raises:
            ConfigError: the text is no TOML, or a class, key or value is missing or malformed.
        """
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source_name} is no valid TOML: {error}.") from error
        return cls(tuple(_read_rules(tables, source_name)))


@dataclass(frozen=True, slots=True)
class _VixListed:
    """All VIX series listed on a date, in order of their expiries."""

    on: date
    expiries: tuple[date, ...]
    series: tuple[tuple[TradingClass, date], ...]


class Listings:
    """The series listed on any date of a calendar.

    Expiries beyond the calendar are unknown; VIX expiries need it to reach 30 days further. With
    `hypothetical` every session has an SPXW expiry, listed ever since; the other classes stay as
    they were.
    """

    def __init__(
        self, rules: ListingRules, calendar: SessionCalendar, hypothetical: bool = False
    ) -> None:
        self._calendar = calendar
        self._since = {kind: _listed_since(rules, kind, calendar) for kind in TradingClass}
        if hypothetical:
            self._since[TradingClass.SPXW] = dict.fromkeys(calendar.dates, date.min)
        self._expiries = {kind: tuple(sorted(table)) for kind, table in self._since.items()}
        self._vx = tuple(expiry for _, expiry in _vix_monthlies(calendar, calendar.first))
        # Every moment of a session asks for the same date.
        self._vix_seen: _VixListed | None = None

    def is_listed(self, trading_class: TradingClass, expiry: date, on: date) -> bool:
        """Tell whether the series of `expiry` can be traded on the date `on`."""
        since = self._since[trading_class].get(expiry)
        if since is None or on < since or on > expiry:
            return False
        return on <= self._calendar.last_trade_date(trading_class, expiry)

    def spxw_expiries(self, on: date, until: date) -> tuple[date, ...]:
        """Return the PM expiries from `on` to `until`, both included, that are listed on `on`."""
        return self._listed(TradingClass.SPXW, on, on, until)

    def spx_am_expiries(self, on: date, until: date) -> tuple[date, ...]:
        """Return the AM expiries after `on`, up to `until`, that are listed on `on`."""
        return self._listed(TradingClass.SPX, on + _ONE_DAY, on, until)

    def vix_expiries(self, on: date, until: date) -> tuple[tuple[TradingClass, date], ...]:
        """Return class and date of the VIX expiries after `on`, up to `until`, listed on `on`."""
        seen = self._vix_seen
        if seen is None or seen.on != on:
            seen = self._vix_seen = self._vix_listed(on)
        return seen.series[: bisect_right(seen.expiries, until)]

    def _vix_listed(self, on: date) -> "_VixListed":
        found = sorted(
            (expiry, kind)
            for kind in (TradingClass.VIX, TradingClass.VIXW)
            for expiry in self._listed(kind, on + _ONE_DAY, on, date.max)
        )
        series = tuple((kind, expiry) for expiry, kind in found)
        return _VixListed(on, tuple(expiry for expiry, _ in found), series)

    def vx_expiries(self, on: date, count: int) -> tuple[date, ...]:
        """Return the next `count` monthly VIX future expiries strictly after `on`.

        Raises:
            NoSuchSession: the calendar ends too early to know them.
        """
        first = bisect_right(self._vx, on)
        found = self._vx[first : first + count]
        if len(found) < count or not self._calendar.first <= on:
            raise NoSuchSession(
                f"The calendar, which runs from {self._calendar.first} to {self._calendar.last}, "
                f"does not hold {count} VIX future expiries after {on}."
            )
        return found

    def _listed(self, kind: TradingClass, first: date, on: date, until: date) -> tuple[date, ...]:
        expiries, since = self._expiries[kind], self._since[kind]
        found = expiries[bisect_left(expiries, first) : bisect_right(expiries, until)]
        return tuple(expiry for expiry in found if since[expiry] <= on)


def _listed_since(
    rules: ListingRules, kind: TradingClass, calendar: SessionCalendar
) -> dict[date, date]:
    """Return for each expiry of a class the first date on which any rule lists it."""
    since: dict[date, date] = {}
    for rule in rules.rules:
        if rule.trading_class is kind:
            for expiry, start in rule.listings(calendar):
                since[expiry] = min(start, since.get(expiry, start))
    return since


# Each rule yields (nominal day, expiry): the day that the rule names and the session it falls on.
# Nominal days before `since` may be left out.
_Placed = Iterator[tuple[date, date]]
_Place = Callable[[SessionCalendar, date], _Placed]


def _weekly(weekday: int) -> _Place:
    def place(calendar: SessionCalendar, since: date) -> _Placed:
        for day in _days(calendar, weekday, since):
            if weekday == _FRIDAY and _is_third_friday(day):
                continue
            # Cboe specification of the Monday Weeklys: a holiday moves them on, not back.
            expiry = _forward(calendar, day) if weekday == _MONDAY else _back(calendar, day)
            if expiry is not None:
                yield day, expiry

    return place


def _third_fridays(calendar: SessionCalendar, since: date) -> _Placed:
    for day in _days(calendar, _FRIDAY, since):
        expiry = _back(calendar, day) if _is_third_friday(day) else None
        if expiry is not None:
            yield day, expiry


def _month_ends(calendar: SessionCalendar, since: date) -> _Placed:
    dates = calendar.dates[bisect_left(calendar.dates, since) :]
    for day, following in pairwise(dates):
        if following.month != day.month:
            yield day, day
    if dates and _month_end(dates[-1]) <= calendar.last:
        yield dates[-1], dates[-1]


def _vix_wednesdays(calendar: SessionCalendar, since: date, is_monthly: bool) -> _Placed:
    for day in _days(calendar, _WEDNESDAY, since):
        friday = day + _VIX_HORIZON
        if friday > calendar.last or _is_third_friday(friday) is not is_monthly:
            continue
        is_shifted = not calendar.is_session(friday)
        expiry = _back(calendar, day - _ONE_DAY if is_shifted else day)
        if expiry is not None:
            yield day, expiry


def _vix_monthlies(calendar: SessionCalendar, since: date) -> _Placed:
    return _vix_wednesdays(calendar, since, is_monthly=True)


def is_vix_monthly(calendar: SessionCalendar, expiry: date) -> bool:
    """Tell whether a VIX expiry is that of a monthly series, which VIX futures expire with."""
    near = _vix_monthlies(calendar, expiry - _LONGEST_SHIFT)
    return expiry in (day for _, day in islice(near, 2))


def _vix_weeklies(calendar: SessionCalendar, since: date) -> _Placed:
    return _vix_wednesdays(calendar, since, is_monthly=False)


_EXPIRIES: Mapping[str, _Place] = {
    "third_friday": _third_fridays,
    "month_end": _month_ends,
    "weekly_monday": _weekly(_MONDAY),
    "weekly_tuesday": _weekly(1),
    "weekly_wednesday": _weekly(_WEDNESDAY),
    "weekly_thursday": _weekly(3),
    "weekly_friday": _weekly(_FRIDAY),
    "vix_monthly": _vix_monthlies,
    "vix_weekly": _vix_weeklies,
}


def _days(calendar: SessionCalendar, weekday: int, since: date) -> Iterator[date]:
    first = max(calendar.first, since)
    day = first + timedelta(days=(weekday - first.weekday()) % 7)
    while day <= calendar.last:
        yield day
        day += timedelta(days=7)


def _is_third_friday(day: date) -> bool:
    return day.weekday() == _FRIDAY and 15 <= day.day <= 21


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - _ONE_DAY


def _back(calendar: SessionCalendar, day: date) -> date | None:
    """Return the session on or before `day`, None when the calendar begins after it."""
    return calendar.on_or_before(day) if day >= calendar.dates[0] else None


def _forward(calendar: SessionCalendar, day: date) -> date | None:
    """Return the session on or after `day`, None when the calendar ends before it."""
    return calendar.on_or_after(day) if day <= calendar.dates[-1] else None


_SHAPES: Mapping[type, str] = {
    date: "a date such as 2016-02-23",
    int: "a whole number",
    str: "a text in quotes",
    list: "a list of whole numbers",
}


def _read_rules(tables: Mapping[str, Any], file: str) -> Iterator[ListingRule]:
    classes = {kind.value: kind for kind in TradingClass}
    for name, blocks in tables.items():
        if name not in classes:
            raise ConfigError(
                f"{file}: {name} is no trading class: use one of {', '.join(classes)}."
            )
        if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
            raise ConfigError(f"{file}: {name} must be a list of blocks: write [[{name}]].")
        for number, block in enumerate(blocks, start=1):
            yield _read_rule(classes[name], block, f"{file}: block {number} of [[{name}]]")


def _read_rule(kind: TradingClass, block: Mapping[str, Any], place: str) -> ListingRule:
    known = ("rule", "listed_from", "first_expiry", "days_ahead", "months", "source")
    for key in block:
        if key not in known:
            raise ConfigError(f"{place} has the unknown key {key}: use {', '.join(known)}.")
    listed_from = _typed(block, "listed_from", date, place)
    try:
        return ListingRule(
            trading_class=kind,
            rule=_typed(block, "rule", str, place),
            listed_from=listed_from,
            first_expiry=_typed(block, "first_expiry", date, place, listed_from),
            days_ahead=_typed(block, "days_ahead", int, place),
            months=_months(block, place),
            source=_typed(block, "source", str, place),
        )
    except ValueError as error:
        raise ConfigError(f"{place}: {error}.") from error


def _months(block: Mapping[str, Any], place: str) -> tuple[int, ...]:
    months = _typed(block, "months", list, place, [])
    if not all(type(month) is int for month in months):
        raise ConfigError(f"{place} has months = {months!r}: write a list of whole numbers.")
    return tuple(months)


def _typed(
    block: Mapping[str, Any], key: str, wanted: type[_T], place: str, default: _T | None = None
) -> _T:
    value = block.get(key, default)
    # Not isinstance: a TOML date-time would pass as a date, a boolean as a number.
    if type(value) is wanted:
        return value
    if value is None:
        raise ConfigError(f"{place} misses {key}: add {_SHAPES[wanted]}.")
    raise ConfigError(f"{place} has {key} = {value!r}: write {_SHAPES[wanted]}.")
