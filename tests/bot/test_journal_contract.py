"""What every journal does, in a file and in a PostgreSQL database alike."""

import gzip
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from bot_samples import (
    AT,
    CONDOR_PRICES,
    FRIDAY,
    VIX_CALL,
    book_state,
    condor_intent,
    filled,
    hedge_intent,
    order,
    replay,
    sent,
    settled,
)
from sqlalchemy import text

from bot.book import Book
from bot.bootstrap import RunIdentity, build_simulated
from bot.clock import SimulatedClock
from bot.events import EquityMarked, Record
from bot.journal import schema
from bot.journal.check import verify
from bot.journal.place import place_of, reading, writing
from bot.journal.reader import JournalReader
from bot.journal.store import SqlJournal
from bot.journal.upgrade import Upgraded, upgrade
from bot.settings import Settings
from bot.world import World
from market.errors import (
    AlreadyRunning,
    ConfigError,
    InvariantBroken,
    JournalDamaged,
    JournalUnavailable,
)
from market.orders import OrderAccepted

Target = Path | str
LOCK_WAIT_S = 0.1
GOLDEN = Path(__file__).parents[1] / "golden" / "journal_schema_1.sql.gz"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Return a place where a journal may be made."""
    if request.param == "sqlite":
        return tmp_path / "j.db"
    url: str = request.getfixturevalue("postgres").database()
    return url


class Writer:
    """A journal and the book that takes in the same records, as the engine does it."""

    def __init__(self, target: Target, *, durable: bool = True, continues: bool = False) -> None:
        self.book = Book(Decimal(100_000))
        self.journal = SqlJournal(
            target,
            book=self.book,
            wall_clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            durable=durable,
            continues=continues,
            lock_wait_s=LOCK_WAIT_S,
        )

    def step(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)
            self.book.apply(record)
        self.journal.commit()


@contextmanager
def locked(target: Target) -> Iterator[None]:
    """Hold a lock on a journal's events from outside, as a backup or a curious person may."""
    if isinstance(target, Path):
        other = sqlite3.connect(target, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.close()
        return
    engine = reading(place_of(target))
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE events IN ACCESS EXCLUSIVE MODE"))
        yield
    engine.dispose()


def records_in(target: Target) -> tuple[Record, ...]:
    with JournalReader(target) as reader:
        return tuple(reader.records())


def change(target: Target, *statements: str) -> None:
    """Change a journal as a stranger would."""
    engine = writing(place_of(target), durable=True)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_records_come_back_as_they_were_and_the_journal_holds(target: Target) -> None:
    entry, calls = order(condor_intent()), order(hedge_intent())
    records = (
        sent(entry),
        sent(calls),
        OrderAccepted(AT, entry.order_id),
        filled(entry, CONDOR_PRICES, quantity=2, fees="1.23"),
        filled(calls, ["1.50"], quantity=4),
        settled(VIX_CALL, 4, "20.15"),
    )
    writer = Writer(target)

    for record in records:
        writer.step(record)
    writer.journal.close()

    assert records_in(target) == records
    assert verify(target) == 6


def test_in_life_a_step_is_seen_by_others_at_once_and_in_a_replay_at_the_sessions_end(
    target: Target,
) -> None:
    writer = Writer(target)
    writer.step(sent(order(condor_intent())))
    assert len(records_in(target)) == 1
    writer.journal.close()

    relaxed = Writer(target, durable=False, continues=True)
    relaxed.journal.recall(relaxed.book.apply)
    relaxed.step(sent(order(condor_intent(), "2")))
    assert len(records_in(target)) == 1
    relaxed.step(EquityMarked(AT, FRIDAY, 2762.13, 17.31, *(Decimal(0),) * 8, ()))
    assert len(records_in(target)) == 3
    relaxed.journal.close()


def test_a_journal_is_continued_in_sequence(target: Target) -> None:
    entry = order(condor_intent(quantity=1))
    writer = Writer(target)
    writer.step(sent(entry))
    writer.journal.close()

    later = Writer(target, continues=True)
    with pytest.raises(InvariantBroken, match="before its records were recalled"):
        later.journal.append(OrderAccepted(AT, entry.order_id))
    assert later.journal.recall(later.book.apply) == 1
    later.step(OrderAccepted(AT, entry.order_id), filled(entry, CONDOR_PRICES))
    later.journal.close()

    assert verify(target) == 3
    with JournalReader(target) as reader:
        (shown,) = reader.table("orders")
    assert (shown["status"], shown["filled"]) == ("filled", 1)


def test_a_fill_told_twice_is_shown_once(target: Target) -> None:
    entry = order(condor_intent(quantity=2))
    writer = Writer(target)

    writer.step(sent(entry), filled(entry, CONDOR_PRICES))
    writer.step(filled(entry, CONDOR_PRICES))
    writer.journal.close()

    assert verify(target) == 3
    with JournalReader(target) as reader:
        assert len(reader.table("fills")) == 1


def test_an_input_is_kept_once_under_the_hash_of_its_content(target: Target) -> None:
    writer = Writer(target)
    digest = writer.journal.keep(b"what was seen")
    writer.step(sent(order(condor_intent())))
    writer.journal.close()

    later = Writer(target, continues=True)
    later.journal.recall(later.book.apply)
    assert later.journal.keep(b"what was seen") == digest
    later.step(sent(order(condor_intent(), "2")))
    later.journal.close()

    with JournalReader(target) as reader:
        assert [row["digest"] for row in reader.table("inputs")] == [digest]


def test_where_a_journal_is_no_second_one_is_begun(target: Target) -> None:
    writer = Writer(target)
    writer.step(sent(order(condor_intent())))
    writer.journal.close()

    with pytest.raises(ConfigError, match=r"already; name (a new file|another database)"):
        Writer(target)

    assert len(records_in(target)) == 1


def test_where_none_is_none_is_continued(target: Target, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no (file|journal); name a"):
        Writer(target, continues=True)


def test_a_commit_that_a_lock_refused_may_be_tried_again(target: Target) -> None:
    entry = order(condor_intent(quantity=1))
    writer = Writer(target)
    writer.step(sent(entry))

    with locked(target):
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="nothing is sent until it can"):
                writer.step(OrderAccepted(AT, entry.order_id))
    writer.step(filled(entry, CONDOR_PRICES))
    writer.journal.close()

    assert verify(target) == 4
    assert [type(record).__name__ for record in records_in(target)] == [
        "OrderApproved",
        "OrderAccepted",
        "OrderAccepted",
        "OrderFilled",
    ]


def test_two_writers_of_a_file_cannot_both_go_on(tmp_path: Path) -> None:
    target = tmp_path / "j.db"
    first = Writer(target)
    first.step(sent(order(condor_intent())))
    second = Writer(target, continues=True)
    second.journal.recall(second.book.apply)
    first.step(sent(order(condor_intent(), "2")))

    with pytest.raises(InvariantBroken, match="was written by another run at the same time"):
        second.step(sent(order(condor_intent(), "3")))

    first.journal.close()
    assert verify(target) == 2
    with pytest.raises(InvariantBroken):
        second.journal.close()


def test_a_database_has_one_writer_and_no_upgrade_beside_it(postgres_url: str) -> None:
    first = Writer(postgres_url)
    first.step(sent(order(condor_intent())))
    complaint = f"is already written by alvh, process {os.getpid()}; stop that first"

    with pytest.raises(AlreadyRunning, match=complaint):
        Writer(postgres_url, continues=True)
    with pytest.raises(AlreadyRunning, match=complaint):
        upgrade(postgres_url, at=AT, is_backed_up=True, lock_wait_s=LOCK_WAIT_S)
    first.journal.close()
    later = Writer(postgres_url, continues=True)

    assert later.journal.recall(later.book.apply) == 1
    later.journal.close()


CHANGES: dict[str, tuple[tuple[str, ...], str]] = {
    "an event": (("UPDATE events SET payload=payload||' ' WHERE seq=500",), "event 500 was ch"),
    "an event's wall clock": (
        ("UPDATE events SET recorded_at='2030' WHERE seq=500",),
        "event 500 was changed",
    ),
    "an event gone": (("DELETE FROM events WHERE seq=500",), "event 500 is missing"),
    "two events swapped": (
        (
            "UPDATE events SET seq=-1 WHERE seq=500",
            "UPDATE events SET seq=500 WHERE seq=501",
            "UPDATE events SET seq=501 WHERE seq=-1",
        ),
        "event 500 was changed",
    ),
    "an order": (("UPDATE orders SET quantity=quantity+1",), "row R-2018.* of orders"),
    "a mark": (("UPDATE equity SET spx=spx+1 WHERE session='2018-01-03'",), "row 2018-01-03 of eq"),
    "a layer gone": (("DELETE FROM hedge_layers",), "row 2018-.* of hedge_layers"),
}


@pytest.fixture
def month(target: Target, world: World) -> Target:
    """Return a journal of January 2018."""
    replay(world, date(2018, 1, 2), date(2018, 1, 31), journal=target)
    return target


def test_a_recorded_month_rebuilds_the_run_and_every_change_is_named(
    month: Target, world: World
) -> None:
    count = verify(month)
    at = world.calendar.session(date(2018, 1, 31)).option_close_at
    identity = RunIdentity("replay", "R", world.seed, at, at.date(), at.date())
    rig = build_simulated(Settings(), world, SimulatedClock(at), identity, month, continues=True)
    rig.journal.close()
    assert count > 500
    assert book_state(rig.book)["cash"] == rig.book.ledger.cash_usd
    assert verify(month) == count + 1

    for statements, words in CHANGES.values():
        undo = saved(month)
        change(month, *statements)
        with pytest.raises(JournalDamaged, match=words):
            verify(month)
        undo()
    assert verify(month) == count + 1


def saved(target: Target) -> Callable[[], None]:
    """Return a function that brings all rows back."""
    tables = schema.METADATA.sorted_tables
    engine = writing(place_of(target), durable=True)
    with engine.connect() as connection:
        rows = {table: connection.execute(table.select()).mappings().all() for table in tables}

    def undo() -> None:
        with engine.begin() as connection:
            for table, kept in rows.items():
                connection.execute(table.delete())
                if kept:
                    connection.execute(table.insert(), [dict(row) for row in kept])
        engine.dispose()

    return undo


def test_a_year_of_the_method_fits_the_columns(target: Target, world: World) -> None:
    replay(world, date(2018, 1, 2), date(2018, 12, 31), journal=target)

    assert verify(target) > 5_000


def test_a_database_of_schema_1_is_upgraded_when_backed_up(postgres_url: str) -> None:
    old = as_schema_1(postgres_url)

    with pytest.raises(ConfigError, match=r"is to be backed up first \(pg_dump"):
        upgrade(postgres_url, at=AT)
    done = upgrade(postgres_url, is_backed_up=True, at=AT)

    assert done == Upgraded("1", schema.SCHEMA_VERSION, old, None)
    assert verify(postgres_url) == old == 196


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database."""
    url: str = request.getfixturevalue("postgres").database()
    return url


def as_schema_1(url: str) -> int:
    """Fill a database with the golden journal as schema 1 would have; return its events."""
    memory = sqlite3.connect(":memory:")
    memory.executescript(gzip.decompress(GOLDEN.read_bytes()).decode())
    engine = writing(place_of(url), durable=True)
    config = Config()
    config.set_main_option("script_location", "bot.journal:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "1")
        connection.execute(text("DROP TABLE alembic_version"))
        for table, width in (("events", 7), ("meta", 2)):
            names = ", ".join(f":c{number}" for number in range(width))
            for row in memory.execute(f"SELECT * FROM {table}"):
                values = {f"c{number}": value for number, value in enumerate(row)}
                connection.execute(text(f"INSERT INTO {table} VALUES ({names})"), values)
    engine.dispose()
    (count,) = memory.execute("SELECT count(*) FROM events").fetchone()
    memory.close()
    return int(count)
