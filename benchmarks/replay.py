"""The full method over decades: sessions a second, what a session costs, and where time goes.

    [ALVH_DATA=DIR] python -m benchmarks.replay [--years 20] [--json]

With a folder of recorded data the given years up to the end of 2025 are replayed, else the five
built in. Every figure comes from a fresh process, in processor time, which other programs on the
machine disturb the least; the journal lies in memory or in a file. The bars are this project's own:
a peer is measured by replay_peers.py.
"""

import json
import os
import resource
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np

from benchmarks.figures import Figure, Told, parser_of, tell
from benchmarks.profiles import profile_of
from bot.bootstrap import Rig
from bot.replay import Window, replay_rig, walk, window
from bot.settings import DEFAULT_PRESET, load_settings
from bot.world import historical_world
from brokers.unsuspended import run_now

LAST = date(2025, 12, 31)
BUILT_IN = (date(2014, 1, 3), date(2018, 12, 31))
PROFILED_YEARS = 2
SEED = 7
HALF_YEAR = 126
MEMORY_BAR, DISK_BAR, MEGABYTES_BAR = 3000.0, 1500.0, 300.0


def prepared(years: int, journal: Path | None, listing: str) -> tuple[Rig, Window]:
    """Return a run over the last `years` of what history there is."""
    settings = load_settings(DEFAULT_PRESET, None, (f'market.listing="{listing}"',))
    folder = os.environ.get("ALVH_DATA")
    world = historical_world(settings, Path(folder) if folder else None, SEED)
    first, last = (date(LAST.year - years + 1, 1, 2), LAST) if folder else BUILT_IN
    if not folder:
        first = max(first, date(last.year - years + 1, 1, 2))
    span = window(world, first, last)
    return replay_rig(settings, world, span, SEED, journal), span


def timed(years: int, kind: str, listing: str) -> dict[str, Any]:
    """Replay once; return seconds and open legs of each session, and the peak of memory."""
    with TemporaryDirectory(dir=".") as folder:
        journal = Path(folder) / "journal.db" if kind == "disk" else None
        rig, span = prepared(years, journal, listing)
        days = rig.world.calendar.between(span.first, span.last)
        ends, legs = [], []

        async def after(_day: date) -> None:
            ends.append(process_time())
            legs.append(len(rig.book.ledger.positions()))

        begun = process_time()
        run_now(walk(rig, days, after))
        rig.journal.close()
        seconds = process_time() - begun
    each = np.diff([begun, *ends]).tolist()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    years_of = [day.year for day in days]
    return {"seconds": seconds, "each": each, "legs": legs, "years": years_of, "megabytes": peak}


def fresh(*words: str) -> dict[str, Any]:
    """Return what a fresh process of this script measured."""
    command = [sys.executable, "-m", "benchmarks.replay", *words]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return found


def where_time_goes(years: int) -> tuple[str, ...]:
    """Return a profile as lines: share of time by layer, then the dearest functions."""
    rig, span = prepared(min(years, PROFILED_YEARS), None, "hypothetical")
    days = rig.world.calendar.between(span.first, span.last)
    return profile_of(lambda: run_now(walk(rig, days)), len(days), "a session")


def per_leg(found: dict[str, Any]) -> tuple[float, float, float]:
    """Return milliseconds a session at no legs, per open leg, and what a square would add (R²)."""
    legs, each = np.array(found["legs"], float), 1e3 * np.array(found["each"])
    line, bend = np.polyfit(legs, each, 1), np.polyfit(legs, each, 2)
    left = [float(np.var(each - np.polyval(fit, legs))) for fit in (line, bend)]
    return float(line[1]), float(line[0]), (left[0] - left[1]) / float(np.var(each))


def growth(found: dict[str, Any]) -> float:
    """Return the median session of the last quarter of the window relative to the first's."""
    each = np.array(found["each"])
    quarter = len(each) // 4
    return float(np.median(each[-quarter:]) / np.median(each[:quarter]))


def ageing(whole: dict[str, Any], late: dict[str, Any]) -> float:
    """Return the median session of the last half year after the whole window, relative to the same
    sessions in a run that began half a year before them: what years behind a run cost it."""
    after = np.median(whole["each"][-HALF_YEAR:])
    return float(after / np.median(late["each"][-HALF_YEAR:]))


def measured(years: int) -> Told:
    """Return all figures of the replay."""
    memory = fresh("--one", "memory", "--years", str(years))
    disk = fresh("--one", "disk", "--years", str(years))
    listed = fresh("--one", "memory", "--years", str(years), "--listing", "listed")
    late = fresh("--one", "memory", "--years", "1")
    aged = ageing(memory, late)
    base, slope, bend = per_leg(memory)
    count = len(memory["each"])
    figures = (
        Figure("journal in memory", count / memory["seconds"], "sessions/s", MEMORY_BAR),
        Figure("journal on disk", count / disk["seconds"], "sessions/s", DISK_BAR),
        Figure("journal in memory, listed expiries", count / listed["seconds"], "sessions/s"),
        Figure("peak memory", memory["megabytes"], "MB", MEGABYTES_BAR, is_most=True),
        Figure("last quarter of the window / first", growth(memory), "of a session", 1.2, True),
        Figure("the same sessions late in a long run / in a short one", aged, "times", 1.2, True),
        Figure("a session without open legs", base, "ms"),
        Figure("each open leg adds", slope, "ms"),
        Figure(
            "variance that a square of legs explains beyond the line", bend, "share", 0.05, True
        ),
    )
    first, last = memory["years"][0], memory["years"][-1]
    notes = (
        f"{count} sessions, {first} to {last}; hypothetical expiries unless said; processor time.",
    )
    return Told("Replay of the full method", figures, notes, where_time_goes(years))


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--years", type=int, default=20 if os.environ.get("ALVH_DATA") else 5)
    parser.add_argument("--one", choices=("memory", "disk"), help="one run, in this process")
    parser.add_argument("--listing", default="hypothetical")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(timed(given.years, given.one, given.listing)))
    else:
        tell(given, measured(given.years))


if __name__ == "__main__":
    main()
