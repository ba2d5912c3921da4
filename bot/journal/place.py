"""Where a journal lives: in a SQLite file, or in a PostgreSQL database named by a URL.

A password never stands in a URL: the database's client reads it from PGPASSWORD or its own
password file, so that no setting, journal or sentence can hold it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.engine import Engine as SqlEngine
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, OperationalError
from sqlalchemy.pool import NullPool

from bot.instance import LOCK_NAME, InstanceLock
from market.errors import AlreadyRunning, ConfigError, InvariantBroken, JournalUnavailable

Target = Path | str
DRIVER = "postgresql+psycopg"
LOCK_WAIT_S = 5
# SQLite's own complaint may quote a spoilt name, which then cannot be read either.
UNREADABLE = (DatabaseError, UnicodeDecodeError)
WRITER_LOCK = int.from_bytes(b"alvh", "big")
LOCK_NOT_AVAILABLE = "55P03"
HOLDER_QUERY = f"""
SELECT holder.application_name FROM pg_locks AS lock JOIN pg_stat_activity AS holder USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objid = {WRITER_LOCK}
"""
_SECRET_WORDS = ("password", "passfile", "sslpassword")


@dataclass(frozen=True, slots=True)
class Place:
    """A database; `path` is its file, None for a server."""

    url: URL
    path: Path | None

    @property
    def name(self) -> str:
        """Return what sentences call it."""
        return str(self.path) if self.path is not None else self.url.render_as_string()


def place_of(target: Target) -> Place:
    """Return the place that a path or a URL names.

    Raises:
        ConfigError: the URL cannot be read, names another kind of database, or holds a password.
    """
    if isinstance(target, Path) or "://" not in target:
        path = Path(target)
        return Place(URL.create("sqlite", database=str(path)), path)
    try:
        url = make_url(target)
    except ArgumentError:
        raise ConfigError(
            f"the journal's URL cannot be read; write it as {DRIVER}://USER@HOST:PORT/DATABASE."
        ) from None
    if url.password is not None or any(word in key for key in url.query for word in _SECRET_WORDS):
        raise ConfigError(
            "the journal's URL holds a password; leave it out and set PGPASSWORD in the"
            " environment."
        )
    if url.drivername not in (DRIVER, "postgresql"):
        raise ConfigError(
            f"the journal's URL names {url.drivername!r}; a journal lives in a file or behind"
            f" {DRIVER}://."
        )
    return Place(url.set(drivername=DRIVER), None)


def writing(place: Place, *, durable: bool, lock_wait_s: float = LOCK_WAIT_S) -> SqlEngine:
    """Return an engine whose commits wait for the disk when they must be durable, and for the
    locks of others so many seconds."""
    engine = _engine(place, lock_wait_s)
    if place.path is None:
        wait = "on" if durable else "off"
        lock_wait_ms = round(lock_wait_s * 1000)
        statements = [f"SET synchronous_commit = {wait}", f"SET lock_timeout = {lock_wait_ms}"]
    else:
        wait = "FULL" if durable else "OFF"
        statements = ["PRAGMA journal_mode=WAL", f"PRAGMA synchronous={wait}"]

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    return engine


def reading(place: Place, *, careful: bool = False) -> SqlEngine:
    """Return an engine for readers; a careful one gives text that is no UTF-8 as it is."""
    engine = _engine(place)
    if careful and place.path is not None:

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            connection.text_factory = _lenient

    return engine


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _engine(place: Place, lock_wait_s: float = LOCK_WAIT_S) -> SqlEngine:
    if place.path is not None:
        return create_engine(place.url, poolclass=NullPool, connect_args={"timeout": lock_wait_s})
    told = {"connect_timeout": LOCK_WAIT_S, "application_name": f"alvh, process {os.getpid()}"}
    try:
        return create_engine(place.url, poolclass=NullPool, connect_args=told)
    except ModuleNotFoundError:
        raise ConfigError(
            f"{place.name} needs the driver psycopg; install alvh-bot[postgres]."
        ) from None


def claim(place: Place, connection: Connection) -> None:
    """Make a connection to a database the only one that writes its journal, for as long as it
    lives; a file is guarded by the lock of its folder.

    Raises:
        AlreadyRunning: another one writes it; the sentence says which.
    """
    if place.path is not None:
        return
    try:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({WRITER_LOCK})")
        connection.commit()
    except DatabaseError as error:
        if getattr(error.orig, "sqlstate", "") != LOCK_NOT_AVAILABLE:
            raise
        connection.rollback()
        holder = connection.exec_driver_sql(HOLDER_QUERY).scalar() or "another program"
        raise AlreadyRunning(
            f"journal {place.name} is already written by {holder}; stop that first."
        ) from None


@contextmanager
def sole_writer(place: Place, at: datetime, lock_wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Keep every daemon from a journal while the block runs.

    Raises:
        AlreadyRunning: one writes it now; the sentence says which.
    """
    if place.path is not None:
        lock = place.path.parent / LOCK_NAME
        with InstanceLock(lock, str(place.path), at) if lock.exists() else nullcontext():
            yield
        return
    engine = writing(place, durable=True, lock_wait_s=lock_wait_s)
    with unavailable(place), engine.connect() as connection:
        claim(place, connection)
        yield
    engine.dispose()


@contextmanager
def unavailable(place: Place) -> Iterator[None]:
    """Turn what the database says into one sentence.

    Raises:
        JournalUnavailable: it cannot be reached or written now.
        InvariantBroken: another run has written rows of these numbers.
    """
    try:
        yield
    except IntegrityError as error:
        raise InvariantBroken(
            f"{place.name} was written by another run at the same time ({first_line(error)})"
        ) from None
    except DatabaseError as error:
        remedy = "" if isinstance(error, OperationalError) else " as this program expects"
        raise JournalUnavailable(
            f"journal {place.name} cannot be used{remedy} now ({first_line(error)}); nothing is"
            " sent until it can."
        ) from None


def first_line(error: DatabaseError | UnicodeDecodeError) -> str:
    """Return the first line of what the database said."""
    said = error.orig if isinstance(error, DatabaseError) else error
    return str(said).strip().partition("\n")[0]


@contextmanager
def snapshot(engine: SqlEngine) -> Iterator[Connection]:
    """Lend a connection that sees one state of the database from its first look on."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
        return
    frozen = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with frozen.connect() as connection:
        yield connection
