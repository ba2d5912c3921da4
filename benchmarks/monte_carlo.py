"""Drawn markets through the one engine: sessions a second on one process, two, and a dask cluster.

    python -m benchmarks.monte_carlo [--paths 24] [--sessions 252] [--json]

The engines are those of `alvh sweep`. Efficiency is the rate of two processes over twice that of
one, both long enough that starting them does not decide. Each path is a replay of the full method.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from time import perf_counter

from benchmarks.figures import Figure, Told, parser_of, tell
from benchmarks.profiles import profile_of
from bot.settings import DEFAULT_PRESET, ListingMode
from bot.sweep.engines import run_dask, run_local
from bot.sweep.jobs import Row, run_job
from bot.sweep.plan import Job, Worlds, jobs_of

Run = Callable[[Sequence[Job]], Iterator[Row]]
RATE_BAR, EFFICIENCY_BAR, MINUTES_BAR = 2500.0, 0.9, 10.0
PATHS_WANTED, SESSIONS_WANTED = 10_000, 252


def planned(paths: int, sessions: int) -> list[Job]:
    """Return one job a path."""
    worlds = Worlds(None, date.min, date.min, 7, paths, sessions)
    return jobs_of((DEFAULT_PRESET,), (), (ListingMode.HYPOTHETICAL,), worlds)


def timed(jobs: Sequence[Job], run: Run) -> tuple[float, dict[str, Row]]:
    """Return seconds from asking to the last row, and the rows by job."""
    begun = perf_counter()
    rows = {row["job"]: row for row in run(jobs)}
    seconds = perf_counter() - begun
    broken = [row["error"] for row in rows.values() if row["error"] is not None]
    if broken or len(rows) != len(jobs):
        raise SystemExit(f"not every path was run: {broken[:1]}")
    return seconds, rows


def measured(paths: int, sessions: int) -> Told:
    """Return the figures of the sweep's engines; stop if they disagree in a single number."""
    jobs = planned(paths, sessions)
    run_here = partial(run_local, workers=1)
    timed(jobs[:1], run_here)
    one, rows = timed(jobs, run_here)
    two, rows_two = timed(jobs, partial(run_local, workers=2))
    dask, rows_dask = timed(jobs, partial(run_dask, scheduler=None, workers=2))
    if not rows == rows_two == rows_dask:
        raise SystemExit("the engines do not agree")
    count = paths * sessions
    minutes = PATHS_WANTED * SESSIONS_WANTED / (count / two) / 60.0
    figures = (
        Figure("one core", count / one, "sessions/s", RATE_BAR),
        Figure("two processes", count / two, "sessions/s"),
        Figure("two processes, efficiency", one / two / 2.0, "of twice one", EFFICIENCY_BAR),
        Figure("dask.distributed, two workers", count / dask, "sessions/s"),
        Figure("dask.distributed, efficiency", one / dask / 2.0, "of twice one", EFFICIENCY_BAR),
        Figure("10,000 paths x 252 sessions on two", minutes, "minutes", MINUTES_BAR, True),
    )
    notes = ("The rows of all three are equal; starting the processes is part of the time.",)
    profile = profile_of(lambda: run_job(jobs[0]), sessions, "a session")
    return Told(f"{paths} drawn markets of {sessions} sessions", figures, notes, profile)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--paths", type=int, default=24)
    parser.add_argument("--sessions", type=int, default=252)
    given = parser.parse_args()
    tell(given, measured(given.paths, given.sessions))


if __name__ == "__main__":
    main()
