"""The surface file that a calibration writes: every part with its sample, date and error."""

import dataclasses
from datetime import date
from typing import Any

from bot.calibration import Calibration
from market.tick_grids import QuoteGrids, TickGrid

# What no data at hand can tell, and why; it stays as it was given.
GIVEN = {
    "carry": "the dividend yield is an assumption, the bills are public figures",
    "spx_term.idle_day_weight": "VIX1D cannot tell a weekend from Monday, which is the base",
    "spx_term.vix1d_ratio": "1 by the definition of VIX1D, as ratio_30d is by that of VIX",
    "spx_smile.slope_most": "a bound of the fit itself; so are vix_least_points and its like",
    "spx_quotes.era": "one chain a year before 2022; least_factor and most_factor are bounds",
    "vix_quotes.vix_power": "the chains span VIX 15 to 21 only; era and bounds as above",
    "vix_quotes.open_factor": "no VIX quotes of the first minutes are at hand",
    "spx_quotes.weekly_factor": "of VIX series alone",
}


def params_text(found: Calibration, on: date) -> str:
    """Return the text of a surface file: the parameters, with sample, date and error."""
    lines = [
        "# Parameters of the model market, as written by `alvh calibrate`.",
        f"# Fitted on {on}. SPX chains of {', '.join(found.sample['spx']) or 'none'}.",
        f"# VIX chains of {', '.join(found.sample['vix']) or 'none'}.",
        f"# VIX1D of {found.sample['vix1d_sessions']} sessions.",
        "# Errors on chains not in the fit, medians of absolute values:",
        *_chain_errors(found),
        f"# - VIX1D inferred: {found.vix1d['median_absolute_frac']} as a fraction"
        f" ({found.vix1d['sessions']} sessions)",
        "# Fitted to index histories, futures, bars and quotes:",
        *(f"# - {note.line()}" for note in found.notes),
        "# Given, not fitted:",
        *(f"# - {part}: {why}" for part, why in (GIVEN | _without_data(found)).items()),
    ]
    for field in dataclasses.fields(found.params):
        lines += _section(field.name, getattr(found.params, field.name))
    return "\n".join(lines) + "\n"


def _chain_errors(found: Calibration) -> list[str]:
    lines = []
    for name in ("spx", "vix"):
        told = found.held_out.get(name)
        if told:
            error = told["all"]
            lines.append(
                f"# - {name.upper()}: {error['median_absolute']} {told['unit']}"
                f" ({error['count']} options)"
            )
    if "spx" in found.held_out:
        condors = found.held_out["spx"]["condors"]
        lines.append(
            f"# - one-day condors: {condors['median_absolute']} points ({condors['count']})"
        )
    return lines


def _without_data(found: Calibration) -> dict[str, str]:
    """Return the parts that a fuller folder would have fitted."""
    parts = {
        "family.vix9d": "vix9d_daily.csv",
        "family.vix3m": "vix3m_daily.csv",
        "family.vix6m": "vix6m_daily.csv",
        "family.vvix": "vvix_daily.csv",
        "vix_futures": "vx_term_structure_daily.parquet",
        "spx_term.rest_by_minute": "bars of SPX",
        "spx_term.window_power": "vix9d_daily.csv",
        "spx_quotes": "SPX chains from 2022 on",
        "spx_quotes.open_factor": "quotes by the minute",
        "spx_quotes.night_factor": "SPX chains of the night",
        "vix_quotes": "VIX chains from 2022 on",
        "vix_quotes.night_factor": "VIX chains of the night",
    }
    fitted = {note.part for note in found.notes}
    return {
        part: f"not enough of {what} in the folder"
        for part, what in parts.items()
        if part not in fitted
    }


def _grid(grid: TickGrid) -> str:
    ticks = f"below_points = {grid.below_points}, from_points = {grid.from_points}"
    return f"{{ since = {grid.since}, {ticks} }}"


def _section(name: str, section: Any) -> list[str]:
    """Return a section as TOML; tables keyed by years and nested sections follow its numbers."""
    if isinstance(section, QuoteGrids):
        classes = section.by_class.items()
        lists = [f"{of.lower()} = [{', '.join(map(_grid, grids))}]" for of, grids in classes]
        return ["", f"[{name}]", *lists]
    numbers: list[str] = []
    tables: list[str] = []
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, float):
            numbers.append(f"{field.name} = {round(value, 6)}")
        elif isinstance(value, tuple):
            rows = (f"{key} = {round(part, 6)}" for key, part in value)
            tables += ["", f"[{name}.{field.name}]", *rows]
        else:
            tables += _section(f"{name}.{field.name}", value)
    return ["", f"[{name}]", *numbers, *tables] if numbers else tables
