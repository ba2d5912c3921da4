"""Populations that claims speak of, as arrays: days, months, trades and entries of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from bot.study.library import Library
from bot.study.tables import EntryRow, SessionRow, Tables, TradeRow, WouldBe
from bot.study.variants import BASE
from market.quotes import BoolArray, FloatArray

VIX_EDGES = ((15.0, "below 15"), (20.0, "15 to 20"), (25.0, "20 to 25"))
VIX_TOP = "above 25"
POINT_USD = 100.0


def vix_label(vix: float) -> str:
    """Return the bucket of a level of VIX, by the edges of R-05."""
    return next((name for edge, name in VIX_EDGES if vix < edge), VIX_TOP)


@dataclass(frozen=True, eq=False)
class Days:
    """One entry per session; changes in dollars since the session before, `…_before` at its close.

    `move_frac` is SPX's return, `edr_before` the expected daily range known the evening before.
    """

    sessions: tuple[date, ...]
    full: FloatArray
    condor: FloatArray
    static: FloatArray
    stop: FloatArray
    held: FloatArray
    nlv_before: FloatArray
    vix_before: FloatArray
    move_frac: FloatArray
    edr_before: FloatArray

    @property
    def hedge(self) -> FloatArray:
        """Return the hedge's dollars of each session."""
        return self.full - self.condor

    @cached_property
    def years(self) -> list[str]:
        """Return the year of each session as a label."""
        return [str(day.year) for day in self.sessions]

    @cached_property
    def vix_buckets(self) -> list[str]:
        """Return the VIX bucket of each session, by the close before."""
        return [vix_label(float(vix)) for vix in self.vix_before]

    @cached_property
    def sides(self) -> list[str]:
        """Return which side each session's move threatened."""
        return ["put" if move < 0 else "call" for move in self.move_frac.tolist()]

    def all_labels(self, *kinds: str) -> Mapping[str, Sequence[str]]:
        """Return the labels of every session."""
        return self.labels(np.ones(len(self.sessions), dtype=bool), *kinds)

    def labels(self, keep: BoolArray, *kinds: str) -> Mapping[str, Sequence[str]]:
        """Return the labels of the sessions that are kept."""
        every = {"vix": self.vix_buckets, "year": self.years, "side": self.sides}
        return {kind: [every[kind][row] for row in np.flatnonzero(keep)] for kind in kinds}


def days_of(tables: Tables) -> Days:
    """Return the daily columns of a run; the first session starts from the starting value."""
    rows = tables.sessions
    start = tables.start_nlv_usd

    def changes(values: list[float]) -> FloatArray:
        return np.diff(np.array(values), prepend=start)

    first = replace(rows[0], nlv_usd=start)
    before = (first, *rows[:-1])
    spx = np.array([row.spx for row in rows])
    return Days(
        tuple(row.session for row in rows),
        changes([row.nlv_usd for row in rows]),
        changes([row.condor_nlv_usd for row in rows]),
        changes([row.static_nlv_usd for row in rows]),
        changes([row.stop_nlv_usd for row in rows]),
        changes([row.held_nlv_usd for row in rows]),
        np.array([row.nlv_usd for row in before]),
        np.array([row.vix for row in before]),
        np.diff(spx, prepend=spx[0]) / np.concatenate((spx[:1], spx[:-1])),
        np.array([np.nan if row.edr_frac is None else row.edr_frac for row in before]),
    )


@dataclass(frozen=True, eq=False)
class Months:
    """One entry per calendar month: dollars of both books, credit received, value at its start."""

    names: tuple[str, ...]
    condor: FloatArray
    hedge: FloatArray
    credit_usd: FloatArray
    nlv_before: FloatArray


def months_of(tables: Tables, days: Days) -> Months:
    """Return the months of a run."""
    keys = [f"{day:%Y-%m}" for day in days.sessions]
    names = tuple(dict.fromkeys(keys))
    at = np.array([names.index(key) for key in keys])
    credit = dict.fromkeys(names, 0.0)
    for trade in tables.trades:
        key = f"{trade.session:%Y-%m}"
        if key in credit:
            credit[key] += trade.credit_points * trade.quantity * POINT_USD
    firsts = [int(np.argmax(at == index)) for index in range(len(names))]
    return Months(
        names,
        np.array([days.condor[at == index].sum() for index in range(len(names))]),
        np.array([days.hedge[at == index].sum() for index in range(len(names))]),
        np.array([credit[name] for name in names]),
        days.nlv_before[firsts],
    )


@dataclass(frozen=True)
class Evidence:
    """The replays of a study seen from one of them: by default the full method as modelled."""

    library: Library
    name: str = BASE

    @property
    def tables(self) -> Tables:
        """Return the rows of the replay that is judged."""
        return self.library[self.name]

    @cached_property
    def days(self) -> Days:
        """Return its days."""
        return days_of(self.tables)

    @cached_property
    def months(self) -> Months:
        """Return its months."""
        return months_of(self.tables, self.days)

    @cached_property
    def closes(self) -> Mapping[date, float]:
        """Return SPX's close by session."""
        return {row.session: row.spx for row in self.tables.sessions}

    @cached_property
    def would_be(self) -> list[tuple[EntryRow, WouldBe, float]]:
        """Return each would-be trade that settled: its entry, itself, and SPX at its expiry."""
        found = []
        for entry in self.tables.entries:
            trade = entry.would_be
            if trade is not None and trade.expiry in self.closes:
                found.append((entry, trade, self.closes[trade.expiry]))
        return found

    def seen_from(self, name: str) -> "Evidence":
        """Return the same study seen from another replay."""
        return Evidence(self.library, name)


def would_be_pnl_points(trade: WouldBe, close: float) -> float:
    """Return what a would-be condor brings in points when SPX settles at `close`, fees off."""
    breach = max(trade.short_put - close, close - trade.short_call, 0.0)
    return trade.credit_points - trade.fees_points - min(breach, trade.width_points)


def payoff_points(strikes: tuple[float, float, float], width: float, close: float) -> float:
    """Return what (short put, short call, net credit) bring in points, fees left out."""
    put, call, credit = strikes
    return credit - min(max(put - close, close - call, 0.0), width)


def trade_labels(trades: Sequence[TradeRow]) -> dict[str, list[str]]:
    """Return VIX bucket and year of trades."""
    return {
        "vix": [vix_label(trade.vix) for trade in trades],
        "year": [str(trade.session.year) for trade in trades],
    }


def calm_years(rows: Sequence[SessionRow], most_vix: float) -> set[int]:
    """Return the years in which VIX never closed above a level."""
    peaks: dict[int, float] = {}
    for row in rows:
        peaks[row.session.year] = max(peaks.get(row.session.year, 0.0), row.vix)
    return {year for year, peak in peaks.items() if peak <= most_vix}
