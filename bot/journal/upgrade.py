"""Bringing a journal to the present schema, never without a way back.

A file is upgraded as a copy that takes its place only once it has been verified; the old one is
kept beside it. A database is upgraded in one transaction, and only when a person says that it was
backed up. Projections are never migrated: they are written anew from the events.
"""

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from bot.journal import schema
from bot.journal.chain import START, Head
from bot.journal.check import Rebuild, verify
from bot.journal.codec import decode
from bot.journal.place import (
    LOCK_WAIT_S,
    Place,
    Target,
    place_of,
    sole_writer,
    unavailable,
    writing,
)
from bot.journal.reader import FIRST_SCHEMA, ROWS_AT_ONCE, page_of, peek_version, require_next
from market.errors import AlvhError, ConfigError


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did; `backup` is the old file, None where nothing had to be done."""

    before: str
    after: str
    events: int
    backup: Path | None


def upgrade(
    target: Target,
    *,
    at: datetime,
    is_backed_up: bool = False,
    lock_wait_s: float = LOCK_WAIT_S,
) -> Upgraded:
    """Bring a journal to the present schema and verify it; `at` is the instant of doing so.

    Raises:
        AlreadyRunning: a daemon writes it now.
        ConfigError: there is no journal, it is newer than this program, a backup of its name is
            in the way, or a database was not backed up.
        JournalDamaged: the journal does not hold; it is left as it was.
    """
    place = place_of(target)
    peek_version(target)
    with sole_writer(place, at, lock_wait_s):
        return _upgrade(place, target, is_backed_up=is_backed_up)


def _upgrade(place: Place, target: Target, *, is_backed_up: bool) -> Upgraded:
    before, after = peek_version(target), schema.SCHEMA_VERSION
    if before == after:
        return Upgraded(before, after, verify(target), None)
    if not before.isdecimal() or int(before) > int(after):
        raise ConfigError(
            f"{place.name} has journal schema {before}, this program knows {after}; use the version"
            " that wrote it."
        )
    if place.path is not None:
        backup = _upgrade_file(place.path, before)
        return Upgraded(before, after, verify(target), backup)
    if not is_backed_up:
        raise ConfigError(
            f"{place.name} is to be backed up first (pg_dump --format=custom --file=journal.dump"
            " DATABASE); then repeat the command with --backed-up."
        )
    _migrate(place, before)
    return Upgraded(before, after, verify(target), None)


def _upgrade_file(path: Path, before: str) -> Path:
    backup = path.with_name(f"{path.stem}.schema-{before}{path.suffix}")
    if backup.exists():
        raise ConfigError(f"{backup} is in the way; move the older backup elsewhere.")
    _fold(path)
    copy = path.with_name(f"{path.name}.upgrading")
    shutil.copy2(path, copy)
    try:
        _migrate(place_of(copy), before)
        verify(copy)
        shutil.copy2(path, backup)
        _sync(backup)
        _sync(copy)
        os.replace(copy, path)
    except (AlvhError, OSError):
        copy.unlink(missing_ok=True)
        raise
    return backup


def _fold(path: Path) -> None:
    """Fold the write-ahead log into the file, so that the file alone is the journal."""
    place = place_of(path)
    engine = writing(place, durable=True)
    with unavailable(place), engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _migrate(place: Place, before: str) -> None:
    engine = writing(place, durable=True)
    try:
        with unavailable(place), engine.begin() as connection:
            config = Config()
            config.set_main_option("script_location", "bot.journal:migrations")
            config.attributes["connection"] = connection
            if before == FIRST_SCHEMA:  # written before Alembic kept the number
                command.stamp(config, before)
            command.upgrade(config, "head")
            _fill_projections(place, connection)
    finally:
        engine.dispose()


def _fill_projections(place: Place, connection: Connection) -> None:
    """Write the projections of all events into their empty tables.

    Raises:
        JournalDamaged: an event was changed, or is missing.
    """
    head, rebuild = START, Rebuild(place.name, connection)
    while rows := page_of(connection, head.seq, ROWS_AT_ONCE):
        for row in rows:
            require_next(place.name, head, row)
            rebuild.take(decode(row.kind, row.payload))
            head = Head(row.seq, row.hash)
    rebuild.finish()
