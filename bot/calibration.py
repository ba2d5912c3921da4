"""Calibration as a job: from a folder of data to parameters with their sample, date and error."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bot.world import World, shipped_params
from market.calibration.chains import Snapshot, read_snapshots
from market.calibration.evaluation import evaluate, report
from market.calibration.family_fit import fit_family
from market.calibration.fit import (
    event_errors,
    fit_events,
    fit_hours,
    fit_spx,
    fit_under_way,
    fit_vix,
)
from market.calibration.futures_fit import fit_futures, recorded_curves
from market.calibration.notes import FitNote
from market.calibration.open_fit import fit_open, read_opening
from market.calibration.session_fit import fit_rest_by_minute, fit_window_power
from market.calibration.split import is_held_out, is_month_held_out
from market.calibration.width_fit import fit_widths
from market.calibration.width_seen import FIRST_YEAR, SeenWidths, seen_widths, width_errors
from market.errors import HistoryError, MarketDataError
from market.family import complete_family
from market.macro import MacroKind
from market.model import ModelMarket
from market.sessions import exchange_zone
from market.surface import Surface
from market.surface_params import SurfaceParams
from market.surface_term import BusinessTime

CHAIN_FILES = (
    "spx_chain_snapshots.parquet",
    "spx_chain_intraday_2026.parquet",
    "vix_chain_intraday_2026.parquet",
)
MINUTE_FILE = "spx_option_minute_quotes_lean.parquet"
_WIDTHS = {"SPX": "spx_quotes", "VIX": "vix_quotes"}


@dataclass(frozen=True)
class Calibration:
    """Fitted parameters, what they were fitted on, and their errors on the rest.

    `notes` tell of the parts fitted to index histories, futures, bars and quotes.
    """

    params: SurfaceParams
    sample: dict[str, Any]
    held_out: dict[str, Any]
    vix1d: dict[str, Any]
    notes: tuple[FitNote, ...] = ()


def evaluate_file(world: World, path: Path) -> dict[str, Any]:
    """Return the errors of the model on a Parquet file of real chains.

    Raises:
        HistoryError: the file is no Parquet, or a column is missing.
    """
    snapshots = read_snapshots(path, world.calendar, rate_of(world))
    told = report(evaluate(world.market, world.calendar, snapshots))
    fit, params = _Fit(world), world.market.params
    known = [one for one in snapshots if one.chains and _is_known(world, one)]
    for underlying, part in _WIDTHS.items():
        if underlying.lower() in told:
            seen = fit.seen_widths(known, underlying, first_year=0)
            errors = width_errors(getattr(params, part), seen, underlying)
            told[underlying.lower()]["half_spread"] = errors
    return {"file": path.name} | told


def calibrate(world: World, folder: Path, params: SurfaceParams) -> Calibration:
    """Return the parameters fitted to a folder, each part to what the folder has for it.

    Raises:
        HistoryError: the folder holds no real chains, or none that could be fitted.
    """
    snapshots, nights = _usable(world, folder)
    sample = [snapshot for snapshot in snapshots if not is_held_out(snapshot)]
    unseen = [snapshot for snapshot in snapshots if is_held_out(snapshot)]
    params, of_indices = fitted_to_indices(world, params)
    world = dataclasses.replace(world, family=complete_family(world.history, params.family))
    fit = _Fit(world)
    chains = [one for one in sample if one.underlying == "SPX"]
    spx = [one for one in chains if is_closing(one, world)]
    within = [one for one in chains if not is_closing(one, world)]
    vix = [one for one in sample if one.underlying == "VIX"]
    closes = fit.closes_with_vix1d()
    fitted = [close for close in closes if not is_month_held_out(fit.session(close))]
    params = fit_hours(params, fit.business_of(params), world.calendar, within)
    if fitted:
        params = fit_events(params, world.family, fit.business_of, fitted)
    if spx:
        params = fit_spx(params, fit.market_of, spx)
    if fitted:
        params = fit_events(params, world.family, fit.business_of, fitted)
    params = fit_under_way(params, fit.market_of, world.calendar, within)
    params, of_window = fit.window(params)
    if vix:
        params = fit_vix(params, fit.market_of, vix)
    params, of_widths = fit.widths(params, [*snapshots, *nights], folder / MINUTE_FILE)
    rest = [close for close in closes if is_month_held_out(fit.session(close))]
    return Calibration(
        params=params,
        sample={"spx": _days(spx), "vix": _days(vix), "vix1d_sessions": len(fitted)},
        held_out=report(evaluate(fit.market_of(params), world.calendar, unseen)),
        vix1d=fit.vix1d_errors(params, rest),
        notes=(*of_indices, *of_window, *of_widths),
    )


def _usable(world: World, folder: Path) -> tuple[list[Snapshot], list[Snapshot]]:
    """Return the snapshots of a folder that lie within the history and hold chains: live ones, and
    those of a market that was closed.

    Raises:
        HistoryError: there is no live one; the sentence tells why.
    """
    left_out: Counter[str] = Counter()
    live: list[Snapshot] = []
    closed: list[Snapshot] = []
    for snapshot in _Fit(world).read(folder):
        left_out.update(snapshot.left_out)
        if not _is_known(world, snapshot):
            left_out["outside the market history"] += 1
        elif snapshot.is_stale:
            left_out["quoted while the market was closed"] += 1
            closed.append(snapshot)
        elif snapshot.chains:
            live.append(snapshot)
    if not live:
        reasons = "; ".join(f"{why}: {count}" for why, count in sorted(left_out.items()))
        raise HistoryError(f"{folder.name} holds no chain that could be fitted ({reasons}).")
    return live, closed


def _is_known(world: World, snapshot: Snapshot) -> bool:
    try:
        world.market.levels(snapshot.at)
    except MarketDataError:
        return False
    return True


def fitted_to_indices(
    world: World, params: SurfaceParams
) -> tuple[SurfaceParams, tuple[FitNote, ...]]:
    """Return the parameters with family, futures and the hours of a session fitted to history.

    A part of which the history has too little stays as it is, without a note.
    """
    history, calendar = world.history, world.calendar
    family, of_family = fit_family(params.family, history)
    params = dataclasses.replace(params, family=family)
    curves = recorded_curves(history, calendar, complete_family(history, family))
    params, of_futures = fit_futures(params, curves)
    decisions = {
        event.at.astimezone(exchange_zone()).date()
        for event in world.macro.events
        if event.kind is MacroKind.FOMC
    }
    term, of_hours = fit_rest_by_minute(params.spx_term, history, calendar, decisions)
    return dataclasses.replace(params, spx_term=term), (*of_family, *of_futures, *of_hours)


def chains_of(world: World, folder: Path) -> list[Snapshot]:
    """Return the snapshots of a folder's chains, those of a closed market among them.

    Raises:
        HistoryError: the folder holds no real chains.
    """
    return _Fit(world).read(folder)


def vix1d_held_out(world: World) -> dict[str, Any]:
    """Return how far the shipped parameters miss VIX1D in the sessions left out of their fit."""
    fit = _Fit(world)
    rest = [close for close in fit.closes_with_vix1d() if is_month_held_out(fit.session(close))]
    return fit.vix1d_errors(shipped_params(), rest)


def closing_snapshots(world: World, path: Path) -> list[Snapshot]:
    """Return the snapshots of a file that show closing quotes, whose levels are known.

    Raises:
        HistoryError: the file is no Parquet, or a column is missing.
    """
    found = read_snapshots(path, world.calendar, rate_of(world))
    return [snapshot for snapshot in found if is_closing(snapshot, world)]


@dataclass(frozen=True)
class _Fit:
    """The model market of one world under any parameters."""

    world: World

    def market_of(self, params: SurfaceParams) -> ModelMarket:
        world = self.world
        return ModelMarket(
            world.history,
            world.calendar,
            world.listings,
            Surface(params),
            world.family,
            world.seed,
            world.macro,
        )

    def business_of(self, params: SurfaceParams) -> BusinessTime:
        return BusinessTime(self.world.calendar, self.world.macro.events, params.spx_term)

    def window(self, params: SurfaceParams) -> tuple[SurfaceParams, tuple[FitNote, ...]]:
        """Return the parameters with the power of VIX9D's window fitted to its history."""
        term, notes = fit_window_power(
            params.spx_term,
            self.world.history,
            self.world.calendar,
            self.business_of(params),
            params.family.vix9d.daily_elasticity,
        )
        return dataclasses.replace(params, spx_term=term), notes

    def widths(
        self, params: SurfaceParams, snapshots: Sequence[Snapshot], minutes: Path
    ) -> tuple[SurfaceParams, tuple[FitNote, ...]]:
        """Return the parameters with the widths of quotes fitted to those of chains and minutes."""
        notes: tuple[FitNote, ...] = ()
        fitted: dict[str, Any] = {}
        sample = [one for one in snapshots if not is_held_out(one)]
        rest = [one for one in snapshots if is_held_out(one)]
        for underlying, part in _WIDTHS.items():
            seen, unseen = (self.seen_widths(own, underlying) for own in (sample, rest))
            fitted[part], told = fit_widths(part, getattr(params, part), seen, unseen)
            notes += told
        if minutes.exists():
            opening = read_opening(minutes)
            fitted["spx_quotes"], told = fit_open("spx_quotes", fitted["spx_quotes"], opening)
            notes += told
        return dataclasses.replace(params, **fitted), notes

    def seen_widths(
        self, snapshots: Sequence[Snapshot], underlying: str, first_year: int = FIRST_YEAR
    ) -> list[SeenWidths]:
        own = [one for one in snapshots if one.underlying == underlying]
        return seen_widths(own, self._vix_at, self.world.calendar, first_year)

    def _vix_at(self, at: datetime) -> float:
        return self.world.market.levels(at).vix

    def read(self, folder: Path) -> list[Snapshot]:
        paths = [folder / name for name in CHAIN_FILES if (folder / name).exists()]
        if not paths:
            raise HistoryError(
                f"{folder.name} holds no real chains; supply one of {', '.join(CHAIN_FILES)}."
            )
        rate_at = rate_of(self.world)
        return [one for path in paths for one in read_snapshots(path, self.world.calendar, rate_at)]

    def closes_with_vix1d(self) -> list[tuple[int, datetime]]:
        history, family = self.world.history, self.world.family
        known = np.flatnonzero(~np.isnan(family.vix1d) & ~np.isnan(history.vix9d))
        last = len(history.sessions) - 1
        sessions = history.sessions
        return [
            (row, self.world.calendar.session(sessions[row]).cash_close_at)
            for row in known.tolist()
            if row < last
        ]

    def session(self, close: tuple[int, datetime]) -> date:
        return self.world.history.sessions[close[0]]

    def vix1d_errors(
        self, params: SurfaceParams, closes: Sequence[tuple[int, datetime]]
    ) -> dict[str, Any]:
        if not closes:
            return {"sessions": 0, "median_absolute_frac": None}
        misses = event_errors(params, self.world.family, self.business_of(params), closes)
        median = round(float(np.median(np.abs(misses))), 4)
        return {"sessions": len(closes), "median_absolute_frac": median}


def rate_of(world: World) -> Callable[[datetime], float]:
    """Return the bill rate at an instant; outside history the one assumed for its year."""
    history = world.history
    first, last = history.sessions[history.first_index], history.sessions[history.last_index]

    def rate_frac(at: datetime) -> float:
        day = at.astimezone(exchange_zone()).date()
        if first < day <= last:
            return world.market.rate_frac(at)
        return world.market.bill_frac(at.year)

    return rate_frac


def is_closing(snapshot: Snapshot, world: World) -> bool:
    """Tell whether a snapshot shows closing quotes of a market that was open."""
    day = snapshot.at.astimezone(exchange_zone()).date()
    if snapshot.is_stale:
        return False
    left = world.calendar.session(day).cash_close_at - snapshot.at
    return left.total_seconds() <= 60.0


def _days(snapshots: Iterable[Snapshot]) -> list[str]:
    return sorted({one.at.astimezone(exchange_zone()).date().isoformat() for one in snapshots})
