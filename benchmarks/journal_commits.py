"""Durable commits a second: the journal beside bare sqlite3 doing the same writes, in one run.

    python -m benchmarks.journal_commits [--commits 1500] [--folder DIR] [--json]

One commit is one event of a daemon (an order's look), WAL and synchronous FULL. Bare sqlite3 writes
the same row and the same count. The medians of alternating rounds are compared. The folder has to
lie on the disk that matters; a file system in memory makes every commit look cheap.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from benchmarks.figures import Figure, Told, has_miss, parser_of, tell
from benchmarks.profiles import profile_of
from bot.book import Book
from bot.events import MomentReached
from bot.journal.store import SqlJournal

START = datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
ROUNDS = 5
RATE_BAR = 2500.0
ROW = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Speed:
    """Durable commits a second, and microseconds of processor time for each."""

    rate: float
    work_us: float


def timed(job: Callable[[], None], commits: int) -> Speed:
    """Return how fast a job of so many commits was."""
    used, begun = process_time(), perf_counter()
    job()
    seconds = perf_counter() - begun
    return Speed(commits / seconds, 1e6 * (process_time() - used) / commits)


def ours(folder: Path, commits: int) -> Speed:
    """Return the speed of the journal."""
    book = Book(Decimal(250_000))
    journal = SqlJournal(folder / "ours.db", book=book, wall_clock=lambda: START, durable=True)
    records = [
        MomentReached(START + timedelta(seconds=n), START.date(), "threat_scan_1")
        for n in range(commits)
    ]

    def job() -> None:
        for record in records:
            journal.append(record)
            journal.commit()

    speed = timed(job, commits)
    journal.close()
    return speed


def bare(folder: Path, commits: int) -> Speed:
    """Return the speed of sqlite3 alone with rows of the same size."""
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(
        "CREATE TABLE events (seq INTEGER PRIMARY KEY, at, session, kind, payload, hash,"
        " recorded_at, seal)"
    )
    connection.execute("CREATE TABLE meta (key PRIMARY KEY, value)")
    connection.execute("INSERT INTO meta VALUES ('events', '0')")
    connection.commit()
    row = (START.isoformat(), "2026-01-02", "moment_reached", "x" * 110, "0" * 64)

    def job() -> None:
        for seq in range(1, commits + 1):
            connection.execute(ROW, (seq, *row, START.isoformat(), "0" * 16))
            connection.execute("UPDATE meta SET value=? WHERE key='events'", (str(seq),))
            connection.commit()

    speed = timed(job, commits)
    connection.close()
    return speed


def measured(run: Callable[[Path, int], Speed], parent: str | None, commits: int) -> Speed:
    """Return the speed of one round in a folder of its own."""
    with TemporaryDirectory(dir=parent) as folder:
        return run(Path(folder), commits)


def told(parent: str | None, commits: int) -> Told:
    """Return the figures of commits: medians of alternating rounds."""
    pairs = [
        (measured(ours, parent, commits), measured(bare, parent, commits)) for _ in range(ROUNDS)
    ]
    journal, alone = (
        Speed(median(each.rate for each in side), median(each.work_us for each in side))
        for side in zip(*pairs, strict=True)
    )
    figures = (
        Figure("journal through SQLAlchemy Core", journal.rate, "durable commits/s", RATE_BAR),
        Figure("bare sqlite3, the same writes", alone.rate, "durable commits/s"),
        Figure("journal / bare sqlite3", journal.rate / alone.rate, "times"),
        Figure("processor time of a commit", journal.work_us, "µs"),
        Figure("processor time of a commit, bare sqlite3", alone.work_us, "µs"),
    )
    profile: tuple[str, ...] = ()
    if has_miss(figures):
        profile = profile_of(lambda: measured(ours, parent, commits), commits, "a commit")
    return Told("Journal commits", figures, profile=profile)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--commits", type=int, default=1500)
    parser.add_argument("--folder", default=".")
    given = parser.parse_args()
    tell(given, told(given.folder, given.commits))


if __name__ == "__main__":
    main()
