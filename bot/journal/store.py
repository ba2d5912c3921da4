"""The journal in SQLite: numbered, hash-chained, committed with its projections.

In life each commit is durable before anything is sent (`synchronous = FULL`). A replay commits
once a session, at its equity mark, and does not wait for the disk: it can be run again.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, create_engine, event, insert, select, update
from sqlalchemy.engine import Engine as SqlEngine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from bot.book import Book
from bot.events import EquityMarked, Record, RunStarted
from bot.journal import schema
from bot.journal.codec import decode, encode
from bot.journal.projections import Projector, order_row, position_row
from market.errors import ConfigError, InvariantBroken, JournalDamaged

GENESIS = "0" * 64
VERSION_KEY, COUNT_KEY = "schema_version", "events"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the event log, without its wall-clock column."""

    seq: int
    at: str
    session: str | None
    kind: str
    payload: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain: its number and hash."""

    seq: int
    hash: str


def chained(previous: str, seq: int, at: str, session: str | None, kind: str, payload: str) -> str:
    """Return the hash of a row, covering the row before it."""
    text = "\x1f".join((previous, str(seq), at, session or "", kind, payload))
    return hashlib.sha256(text.encode()).hexdigest()


def open_for_writing(path: Path, *, durable: bool) -> SqlEngine:
    """Return an engine on a SQLite file in WAL mode."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        cursor.close()

    return engine


class SqliteJournal:
    """Writes the records of one run and their projections into a file.

    The file is new, or with `continues` one that a run has written; its records are then to be
    recalled before the first new one.

    Raises:
        ConfigError: the file exists, or its folder does not; to continue, it is no journal.
    """

    def __init__(
        self,
        path: Path,
        *,
        book: Book,
        wall_clock: Callable[[], datetime],
        durable: bool,
        continues: bool = False,
    ) -> None:
        if continues:
            JournalReader(path).close()
        else:
            _require_new(path)
        self._path = path
        self._engine = open_for_writing(path, durable=durable)
        try:
            schema.METADATA.create_all(self._engine)
        except DatabaseError as error:
            raise ConfigError(
                f"journal {path} cannot be written ({error.orig}); name another file."
            ) from None
        self._connection: Connection = self._engine.connect()
        self._book = book
        self._wall_clock = wall_clock
        self._projector = Projector()
        self._rows: list[dict[str, object]] = []
        self._is_durable = durable
        self._is_session_over = False
        self._seq, self._hash = 0, GENESIS
        self._is_recalled = not continues
        if not continues:
            self._write_head()

    def _write_head(self) -> None:
        head = {VERSION_KEY: schema.SCHEMA_VERSION, COUNT_KEY: "0"}
        rows = [{"key": key, "value": value} for key, value in head.items()]
        self._connection.execute(insert(schema.META), rows)
        self._connection.commit()

    def recall(self, take: Callable[[Record], None]) -> int:
        """Hand every record so far to `take`, which rebuilds the book; return how many there were.

        Raises:
            JournalDamaged: the numbers, the hash chain or a projection do not hold; the sentence
                names the first bad row.
            InvariantBroken: a record contradicts those before it.
        """
        with JournalReader(self._path) as reader:
            head = reader.recall(take)
            check_book(reader, self._book)
        self._seq, self._hash, self._is_recalled = head.seq, head.hash, True
        return head.seq

    def append(self, record: Record, /) -> None:
        """Add one record to the open transaction."""
        if not self._is_recalled:
            raise InvariantBroken(f"{self._path} is continued before its records were recalled")
        kind, payload = encode(record)
        session = getattr(record, "session", None)
        session_text = None if session is None else session.isoformat()
        self._seq += 1
        at = record.at.isoformat()
        self._hash = chained(self._hash, self._seq, at, session_text, kind, payload)
        self._rows.append(
            {
                "seq": self._seq,
                "at": at,
                "session": session_text,
                "kind": kind,
                "payload": payload,
                "hash": self._hash,
            }
        )
        self._projector.add(self._seq, record)
        self._is_session_over |= isinstance(record, EquityMarked)

    def commit(self) -> None:
        """Make everything durable; a replay waits for the end of the session."""
        if self._is_durable or self._is_session_over:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        written = self._wall_clock().isoformat()
        for row in self._rows:
            row["recorded_at"] = written
        self._connection.execute(insert(schema.EVENTS), self._rows)
        self._projector.write(self._connection, self._book)
        count = update(schema.META).where(schema.META.c.key == COUNT_KEY)
        self._connection.execute(count.values(value=str(self._seq)))
        self._connection.commit()
        self._rows.clear()
        self._is_session_over = False

    def close(self) -> None:
        """Commit, fold the write-ahead log into the file and let go of it.

        What a broken-off transaction had begun is rolled back; what was committed stays.
        """
        try:
            if self._connection.in_transaction():
                self._connection.rollback()
            else:
                self._flush()
        finally:
            self._connection.close()
            self._engine.dispose()


def _require_new(path: Path) -> None:
    if path.exists():
        raise ConfigError(f"journal {path} exists already; name a new file or remove it.")
    if not path.parent.is_dir():
        raise ConfigError(f"journal {path}: folder {path.parent} is missing; create it.")


class JournalReader:
    """Reads a journal file; never writes.

    Raises:
        ConfigError: the file is missing or is no journal of a schema known here.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ConfigError(f"{path} is no file; name a journal that a run has written.")
        self._path = path
        self._engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
        try:
            version = self._meta(VERSION_KEY)
        except DatabaseError:
            raise ConfigError(
                f"{path} is no journal; name a file that a run has written."
            ) from None
        if version != schema.SCHEMA_VERSION:
            raise ConfigError(
                f"{path} has journal schema {version}, this program reads"
                f" {schema.SCHEMA_VERSION}; read it with the version that wrote it."
            )

    @property
    def name(self) -> str:
        """Return what the journal is called in sentences."""
        return str(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _meta(self, key: str) -> str | None:
        query = select(schema.META.c.value).where(schema.META.c.key == key)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise JournalDamaged(f"{self._path} is damaged: {error.orig}") from error

    def rows(self) -> Iterator[EventRow]:
        """Return the event log in the order of its numbers."""
        columns = schema.EVENTS.c
        query = select(
            columns.seq, columns.at, columns.session, columns.kind, columns.payload, columns.hash
        ).order_by(columns.seq)
        with self._reading() as connection:
            for row in connection.execute(query):
                yield EventRow(*row)

    def records(self) -> Iterator[Record]:
        """Return all records, oldest first."""
        for row in self.rows():
            yield decode(row.kind, row.payload)

    def table(self, name: str) -> list[dict[str, object]]:
        """Return a projection's rows as dictionaries, in insertion order."""
        table = schema.METADATA.tables[name]
        with self._reading() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table))]

    def started(self) -> RunStarted:
        """Return how the run began.

        Raises:
            ConfigError: the journal is empty or begins with something else.
        """
        first = next(self.records(), None)
        if not isinstance(first, RunStarted):
            raise ConfigError(f"{self._path} holds no run; name a journal that a run has written.")
        return first

    def verify(self) -> int:
        """Return the number of rows when numbers, hash chain and recorded count hold.

        Raises:
            JournalDamaged: a row is missing, moved or changed; the sentence names it.
        """
        return self.recall(lambda _record: None).seq

    def recall(self, take: Callable[[Record], None]) -> Head:
        """Hand every record to `take` once its row has been verified; return the last row's place.

        Raises:
            JournalDamaged: a row is missing, moved or changed; the sentence names it.
        """
        # Read first: a run that is still writing can only add rows after this.
        written = int(self._meta(COUNT_KEY) or 0)
        head = Head(0, GENESIS)
        for row in self.rows():
            expected = head.seq + 1
            if row.seq != expected:
                raise JournalDamaged(f"{self._path}: event {expected} is missing")
            wanted = chained(head.hash, row.seq, row.at, row.session, row.kind, row.payload)
            if row.hash != wanted:
                raise JournalDamaged(f"{self._path}: event {row.seq} was changed after writing")
            take(decode(row.kind, row.payload))
            head = Head(row.seq, row.hash)
        if head.seq < written:
            raise JournalDamaged(f"{self._path}: event {head.seq + 1} is missing")
        return head

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def check_book(reader: JournalReader, book: Book) -> None:
    """Compare the orders and positions that people query with the book rebuilt from the events.

    Raises:
        JournalDamaged: they differ; the sentence names the first row.
    """
    orders = {state.order.order_id: order_row(state) for state in book.orders.values()}
    shown = {str(row["order_id"]): row for row in reader.table("orders")}
    _require_equal(reader.name, "order", orders, shown)
    held = [position_row(holding) for holding in book.ledger.holdings.values()]
    listed = reader.table("positions")
    _require_equal(reader.name, "position", _by_holding(held), _by_holding(listed))


def _by_holding(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    keys = ("strategy", "campaign", "layer", "contract")
    return {" ".join(str(row[key]) for key in keys): row for row in rows}


def _require_equal(
    name: str, what: str, wanted: dict[str, dict[str, Any]], shown: dict[str, dict[str, Any]]
) -> None:
    for key in sorted({*wanted, *shown}):
        if wanted.get(key) != shown.get(key):
            raise JournalDamaged(
                f"{name}: {what} {key} of the projections is not what the events say"
            )
