"""The fit of the width of quotes to the bid and ask of real chains.

The formula and its reasons stand in `market/quote_widths.py`. Options out of the money, which the
strategies trade, tell `base_points`, `root`, `tenor_power`, and where the sample holds what tells
them: `vix_power` where its VIX spans a factor of 1.5 or more, `close_factor` where there are
quotes before and after the cash close, `weekly_factor` where there are monthly and weekly series.
Those in the money tell `in_money_frac`, the snapshots of the night `night_factor`. The factors of
the years and the bounds stay given; `open_factor` has a fit of its own, to quotes by the minute.
Only years from 2022 on are fitted: before, one chain a year would have to tell both.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from market.calibration.notes import FitNote, span
from market.calibration.width_seen import SeenWidths, is_in, is_out, mean_error, shares
from market.quote_widths import QuoteWidths
from market.quotes import BoolArray, FloatArray
from market.sessions import exchange_zone

_LEAST_VIX_SPAN, _LEAST_TENOR_SPAN = 1.5, 3.0
_SOFT_LOG = 0.05
_ROUNDS = 3
_BOUNDS = {
    "base_points": (1e-4, 1.0),
    "root": (0.0, 1.0),
    "in_money_frac": (0.0, 0.05),
    "vix_power": (0.0, 3.0),
    "tenor_power": (-1.0, 2.0),
    "weekly_factor": (0.2, 20.0),
    "close_factor": (0.2, 20.0),
    "night_factor": (0.2, 20.0),
}
_Kept = Callable[[SeenWidths], BoolArray]


def fit_widths(
    part: str,
    widths: QuoteWidths,
    sample: Sequence[SeenWidths],
    rest: Sequence[SeenWidths],
) -> tuple[QuoteWidths, tuple[FitNote, ...]]:
    """Return the widths fitted to a sample, measured on the `rest`; as given without a sample."""
    live, unseen = _live(sample), _live(rest)
    if not live:
        return widths, ()
    fitted = widths
    night = [seen for seen in sample if seen.hour.is_night]
    for _ in range(_ROUNDS):
        fitted = _fitted(fitted, _told_by(live), live, is_out)
        fitted = _fitted(fitted, ("in_money_frac",), live, is_in)
    fitted = _fitted(fitted, ("night_factor",), night, is_out)
    notes = [_note(part, "snapshots", fitted, live, unseen, is_out)]
    if any(is_in(seen).any() for seen in live):
        notes.append(_note(f"{part}.in_money_frac", "snapshots", fitted, live, unseen, is_in))
    if night:
        dark = [seen for seen in rest if seen.hour.is_night]
        notes.append(_note(f"{part}.night_factor", "nights", fitted, night, dark, is_out))
    return fitted, tuple(notes)


def _live(sample: Sequence[SeenWidths]) -> list[SeenWidths]:
    return [seen for seen in sample if not seen.hour.is_night]


def _told_by(live: Sequence[SeenWidths]) -> tuple[str, ...]:
    """Return the parameters that quotes out of the money of this sample can tell."""
    names = ["base_points", "root"]
    levels = [seen.vix for seen in live]
    if max(levels) >= _LEAST_VIX_SPAN * min(levels):
        names.append("vix_power")
    years = [chain.years for seen in live for chain in seen.chains]
    if max(years) >= _LEAST_TENOR_SPAN * min(years):
        names.append("tenor_power")
    if len({seen.hour.is_closing for seen in live}) > 1:
        names.append("close_factor")
    if len({chain.is_weekly for seen in live for chain in seen.chains}) > 1:
        names.append("weekly_factor")
    return tuple(names)


def _fitted(
    widths: QuoteWidths, names: Sequence[str], sample: Sequence[SeenWidths], kept: _Kept
) -> QuoteWidths:
    """Return the widths with some parameters fitted to the quotes kept of a sample."""
    from scipy.optimize import least_squares  # noqa: PLC0415 - only a fit needs it

    parts = [(seen, kept(seen), share) for seen, share in zip(sample, shares(sample), strict=True)]
    weighted = [
        (seen, own, math.sqrt(share / own.sum())) for seen, own, share in parts if own.any()
    ]
    if not weighted:
        return widths

    def errors(values: FloatArray) -> FloatArray:
        trial = _with(widths, names, values)
        return np.concatenate(
            [share * _softened(seen.misses(trial)[own]) for seen, own, share in weighted]
        )

    low, high = np.array([_BOUNDS[name] for name in names]).T
    start = np.clip([getattr(widths, name) for name in names], low + 1e-6, high - 1e-6)
    scale = np.maximum(np.abs(start), 1e-3)
    found = least_squares(errors, start, bounds=(low, high), x_scale=scale)
    return _with(widths, names, found.x)


def _note(
    part: str,
    what: str,
    widths: QuoteWidths,
    sample: Sequence[SeenWidths],
    rest: Sequence[SeenWidths],
    kept: _Kept,
) -> FitNote:
    days = [seen.at.astimezone(exchange_zone()).date() for seen in sample]
    error = mean_error(widths, sample, kept)
    return FitNote(
        part=part,
        sample=f"{what} of {span(days)}",
        count=len(sample),
        unit="in logs of the half spread",
        error=math.nan if error is None else error,
        held_out=mean_error(widths, rest, kept),
        held_out_count=len(rest),
        measure="mean error",
    )


def _softened(misses: FloatArray) -> FloatArray:
    scaled = np.sqrt(1.0 + (misses / _SOFT_LOG) ** 2) - 1.0
    return np.asarray(np.sign(misses) * _SOFT_LOG * np.sqrt(2.0 * scaled))


def _with(widths: QuoteWidths, names: Sequence[str], values: FloatArray) -> QuoteWidths:
    changes: dict[str, Any] = dict(zip(names, map(float, values), strict=True))
    return dataclasses.replace(widths, **changes)
