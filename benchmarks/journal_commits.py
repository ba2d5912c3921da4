"""Durable commits a second: the journal beside bare sqlite3 doing the same writes, in one run.

    python -m benchmarks.journal_commits [--commits 3000] [--folder DIR] [--json]

One commit is one event of a daemon (an order's look), WAL and synchronous FULL. Bare sqlite3 writes
the same row and the same count. The medians of alternating rounds are compared. The folder has to
lie on the disk that matters; a file system in memory makes every commit look cheap.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.figures import Figure, Told, parser_of, tell
from bot.book import Book
from bot.events import MomentReached
from bot.journal.store import SqlJournal

START = datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
ROUNDS = 5
RATE_BAR = 2500.0
ROW = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


def ours(folder: Path, commits: int) -> float:
    """Return commits a second of the journal."""
    book = Book(Decimal(250_000))
    journal = SqlJournal(folder / "ours.db", book=book, wall_clock=lambda: START, durable=True)
    records = [
        MomentReached(START + timedelta(seconds=n), START.date(), "threat_scan_1")
        for n in range(commits)
    ]
    begun = perf_counter()
    for record in records:
        journal.append(record)
        journal.commit()
    rate = commits / (perf_counter() - begun)
    journal.close()
    return rate


def bare(folder: Path, commits: int) -> float:
    """Return commits a second of sqlite3 alone with rows of the same size."""
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
    begun = perf_counter()
    for seq in range(1, commits + 1):
        connection.execute(ROW, (seq, *row, START.isoformat(), "0" * 16))
        connection.execute("UPDATE meta SET value=? WHERE key='events'", (str(seq),))
        connection.commit()
    rate = commits / (perf_counter() - begun)
    connection.close()
    return rate


def measured(run: Callable[[Path, int], float], parent: str | None, commits: int) -> float:
    """Return the rate of one round in a folder of its own."""
    with TemporaryDirectory(dir=parent) as folder:
        return run(Path(folder), commits)


def main() -> None:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--commits", type=int, default=3000)
    parser.add_argument("--folder", default=".")
    given = parser.parse_args()
    pairs = [
        (measured(ours, given.folder, given.commits), measured(bare, given.folder, given.commits))
        for _ in range(ROUNDS)
    ]
    journal, alone = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    figures = (
        Figure("journal through SQLAlchemy Core", journal, "durable commits/s", RATE_BAR),
        Figure("bare sqlite3, the same writes", alone, "durable commits/s"),
        Figure("journal / bare sqlite3", journal / alone, "times"),
    )
    tell(given, Told("Journal commits", figures))


if __name__ == "__main__":
    main()
