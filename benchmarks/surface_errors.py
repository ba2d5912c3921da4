"""Measures the modelled market on chains that its fit has never seen.

Prints the rows of the tables of docs/simulation.md and writes their figures to
config/model_error.toml; those of the VIX futures stay, they come from a fit of their own.

Run from the root of the project: ALVH_DATA=DIR python benchmarks/surface_errors.py
"""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.calibration import chains_of, is_closing, vix1d_held_out
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import World, historical_world
from market.calibration.chains import Snapshot
from market.calibration.evaluation import DELTA_BOUNDS, TENOR_BOUNDS_DAYS, evaluate, report
from market.calibration.split import is_held_out

ERRORS = Path(__file__).resolve().parent.parent / "config" / "model_error.toml"
SINGLE_DAYS = "spx_"  # how the names of the closing chains of single days begin

Told = Mapping[str, Any]


def groups(world: World, snapshots: Sequence[Snapshot]) -> dict[str, list[Snapshot]]:
    """Return the SPX snapshots of each column: held out first, the fit last."""
    spx = [one for one in snapshots if one.underlying == "SPX"]
    live = [one for one in spx if not one.is_stale]
    held = [one for one in live if is_held_out(one)]
    closing = [one for one in held if is_closing(one, world)]
    return {
        "closing chains": [one for one in closing if one.name.startswith(SINGLE_DAYS)],
        "evenings": [one for one in closing if not one.name.startswith(SINGLE_DAYS)],
        "within a session": [one for one in held if one not in closing],
        "fit, after the close": [
            one for one in live if not is_held_out(one) and is_closing(one, world)
        ],
        "fit, within": [one for one in live if not is_held_out(one) and not is_closing(one, world)],
        "both after the close": closing,
        "with the night": [one for one in spx if is_held_out(one) and one not in closing],
    }


def rows() -> list[tuple[str, Callable[[Told], str]]]:
    """Return the rows of the table: a name and what to take of a report of SPX."""
    found: list[tuple[str, Callable[[Told], str]]] = [
        ("implied vol, vol points", lambda told: f"{told['all']['median_absolute']:.2f}")
    ]
    for key, bounds in (("by_tenor_days", TENOR_BOUNDS_DAYS[1:-1]), ("by_delta", DELTA_BOUNDS[1:])):
        found += [(f"{key} to {end:g}", _bucket(key, end)) for end in bounds]
    return [
        *found,
        ("condors, points, part, within", lambda told: _condors(told["condors"])),
        *((f"– aimed at {target}", _aimed_at(target)) for target in ("0.70", "1.15", "1.60")),
        ("the vol at the money known", lambda told: _condors(told["condors_at_real_level"])),
        (
            "vol at the money of the next session",
            lambda told: f"{told['next_session_level_error_frac']['median_absolute']:.1%}",
        ),
    ]


def _bucket(key: str, end: float) -> Callable[[Told], str]:
    def cell(told: Told) -> str:
        fitting = [row["median_absolute"] for row in told[key] if row["to"] == end]
        return f"{fitting[0]:.2f}" if fitting else "–"

    return cell


def _aimed_at(target: str) -> Callable[[Told], str]:
    def cell(told: Told) -> str:
        one = told["condors"]["by_target"].get(target)
        return f"{one['median_absolute']:.2f}, bias {one['bias']:+.2f}" if one else "–"

    return cell


def _condors(told: Told) -> str:
    return (
        f"{told['median_absolute']:.2f}, {told['median_absolute_frac']:.0%},"
        f" {told['within_15_percent_or_0.10']:.0%}"
    )


def renewed(text: str, figures: Mapping[str, float]) -> str:
    """Return a file of errors with the values of some entries, named by their `what`, replaced."""
    for what, value in figures.items():
        pattern = rf'(what = "{re.escape(what)}"\nvalue = )[0-9.]+'
        text, count = re.subn(pattern, rf"\g<1>{value:g}", text)
        if count != 1:
            raise ValueError(f"{ERRORS.name} has {count} entries {what!r}, not one")
    return text


def figures(told: Mapping[str, Told], vix: Told, vix1d: Told) -> dict[str, float]:
    """Return the entries of the file by what they tell."""
    closing, evenings = told["closing chains"]["condors"], told["evenings"]["condors"]
    iv = told["closing chains"]["all"]["median_absolute"]
    return {
        "implied vol of SPX options, closing chains held out": round(iv, 2),
        "credit of one-day 25-wide condors, closing chains held out": round(
            closing["median_absolute"] + 1e-9, 2
        ),
        "the same as a part of the credit": round(closing["median_absolute_frac"], 2),
        "credit of one-day 25-wide condors, evenings of 2026 held out": round(
            evenings["median_absolute"], 2
        ),
        "VIX1D inferred where it is not recorded": round(vix1d["median_absolute_frac"], 3),
        "VIX calls of 5 to 50 delta, up to 65 days": round(vix["all"]["median_absolute"] + 1e-9, 2),
    }


def recorded() -> tuple[World, list[Snapshot]]:
    """Return the world of the folder that ALVH_DATA names, and its chains."""
    named = os.environ.get("ALVH_DATA")
    if not named:
        sys.exit("ALVH_DATA must name a folder of real market data.")
    world = historical_world(load_settings(DEFAULT_PRESET, None, ()), Path(named), seed=7)
    return world, chains_of(world, Path(named))


def main() -> None:
    """Measure, print the table and renew the file."""
    world, snapshots = recorded()
    told = {
        name: report(evaluate(world.market, world.calendar, own))["spx"]
        for name, own in groups(world, snapshots).items()
    }
    print(f"{'':42}" + " | ".join(told))
    for row, cell in rows():
        print(f"{row:42}" + " | ".join(cell(one) for one in told.values()))
    calls = [
        one
        for one in snapshots
        if one.underlying == "VIX" and is_held_out(one) and not one.is_stale
    ]
    vix, vix1d = report(evaluate(world.market, world.calendar, calls))["vix"], vix1d_held_out(world)
    print(f"VIX calls: {vix['all']}, within {vix['within_10_percent_or_0.10']:.0%}")
    for layer, one in vix["by_layer"].items():
        print(f"– {layer} layer: {one}")
    print(f"VIX1D inferred: {vix1d}")
    text = ERRORS.read_text(encoding="utf-8")
    ERRORS.write_text(renewed(text, figures(told, vix, vix1d)), encoding="utf-8")


if __name__ == "__main__":
    main()
