"""Journals of every released schema are brought to the present one, and a way back is kept."""

import gzip
import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from bot.book import Book
from bot.events import RunStarted
from bot.instance import LOCK_NAME, InstanceLock
from bot.journal import schema
from bot.journal.check import verify
from bot.journal.reader import JournalReader
from bot.journal.store import create
from bot.journal.upgrade import Upgraded, upgrade
from market.errors import AlreadyRunning, ConfigError, JournalDamaged

AT = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "golden"
RELEASED = ["1"]


def golden(released: str, folder: Path) -> Path:
    """Return a journal as the code of that schema wrote it: five sessions from 2018-01-31."""
    path = folder / "run.db"
    text = gzip.decompress((GOLDEN / f"journal_schema_{released}.sql.gz").read_bytes()).decode()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(text)
    connection.close()
    return path


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        lines = list(connection.iterdump())
    connection.close()
    return lines


@pytest.mark.parametrize("released", RELEASED)
def test_a_journal_of_each_released_schema_is_upgraded(tmp_path: Path, released: str) -> None:
    path = golden(released, tmp_path)
    before, old = path.read_bytes(), dump(path)

    done = upgrade(path, at=AT)

    backup = tmp_path / f"run.schema-{released}.db"
    assert done == Upgraded(released, schema.SCHEMA_VERSION, 196, backup)
    assert backup.read_bytes() == before
    assert verify(path) == 196
    with JournalReader(path) as reader:
        started, *records = reader.records()
        assert isinstance(started, RunStarted)
        book = Book(started.start_nlv_usd)
        for record in records:
            book.apply(record)
        assert len(reader.table("orders")) == len(book.orders) == 8
        assert len(reader.table("positions")) == len(book.ledger.holdings) == 3
    orders = [line for line in old if line.startswith('INSERT INTO "orders"')]
    assert [line for line in dump(path) if line.startswith('INSERT INTO "orders"')] == orders
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.db", backup.name]


def test_an_upgraded_journal_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    upgrade(path, at=AT)
    engine = create_engine(f"sqlite:///{path}")

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.METADATA)

    engine.dispose()
    assert differences == []
    new = tmp_path / "new.db"
    engine = create_engine(f"sqlite:///{new}")
    with engine.begin() as connection:
        create(connection)
    engine.dispose()
    assert names_of(new) == names_of(path)


def names_of(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return names


def test_a_present_journal_is_only_verified(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    upgrade(path, at=AT)
    (tmp_path / "run.schema-1.db").unlink()
    before = path.read_bytes()

    done = upgrade(path, at=AT)

    assert done == Upgraded("2", "2", 196, None)
    assert path.read_bytes() == before


def test_an_older_journal_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    path = golden("1", tmp_path)

    with pytest.raises(ConfigError, match=r"has journal schema 1, .* run `alvh journal upgrade"):
        JournalReader(path)


def test_an_older_backup_is_never_written_over(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    backup = tmp_path / "run.schema-1.db"
    backup.write_text("precious")
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="is in the way; move the older backup elsewhere"):
        upgrade(path, at=AT)

    assert (path.read_bytes(), backup.read_text()) == (before, "precious")


def test_a_damaged_journal_is_left_as_it_was(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET payload=payload||' ' WHERE seq=42")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(JournalDamaged, match="event 42 was changed after writing"):
        upgrade(path, at=AT)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["run.db"]


def test_a_newer_journal_is_left_to_its_own_program(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    upgrade(path, at=AT)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value='7' WHERE key='schema_version'")
        connection.execute("UPDATE alembic_version SET version_num='7'")
    connection.close()

    with pytest.raises(ConfigError, match="schema 7, this program knows 2; use the version that"):
        upgrade(path, at=AT)


def test_a_journal_that_a_daemon_holds_is_not_upgraded(tmp_path: Path) -> None:
    path = golden("1", tmp_path)
    before = path.read_bytes()

    with InstanceLock(tmp_path / LOCK_NAME, f"profile sim in {tmp_path}", AT):
        with pytest.raises(
            AlreadyRunning,
            match=rf"run\.db is already run by process {os.getpid()} since 2026-11-26 15:00:00 UTC",
        ):
            upgrade(path, at=AT)
        refused = path.read_bytes()
    done = upgrade(path, at=AT)

    assert refused == before
    assert done.after == schema.SCHEMA_VERSION
