"""The journal in a database: numbered, hash-chained, committed with its projections.

In life each commit is durable before anything is sent (`synchronous = FULL`). A replay commits
once a session, at its equity mark, and does not wait for the disk: it can be run again.
"""

import zlib
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, inspect, select, update
from sqlalchemy.exc import DatabaseError

from bot.book import Book
from bot.events import EquityMarked, Record
from bot.journal import schema
from bot.journal.chain import START, chained, digest_of, sealed
from bot.journal.check import check_book
from bot.journal.codec import encode
from bot.journal.place import (
    LOCK_WAIT_S,
    Place,
    Target,
    claim,
    first_line,
    place_of,
    unavailable,
    writing,
)
from bot.journal.projections import Projector
from bot.journal.reader import COUNT_KEY, VERSION_KEY, JournalReader
from bot.journal.statements import Statements
from market.errors import ConfigError, InvariantBroken

__all__ = ["JournalReader", "SqlJournal"]

# Speed before size: an input is packed between a moment and its order.
PACKING_LEVEL = 1
DIGESTS_REMEMBERED = 8
_COUNT = update(schema.META).where(schema.META.c.key == COUNT_KEY).values(value=bindparam("count"))


class SqlJournal:
    """Writes the records of one run and their projections into a file or a database.

    It is new, or with `continues` one that a run has written; its records are then to be recalled
    before the first new one.

    Raises:
        ConfigError: there is a journal already, or its folder is missing; to continue, there is
            none.
        JournalUnavailable: the server cannot be reached.
        AlreadyRunning: another program writes that database.
    """

    def __init__(
        self,
        target: Target,
        *,
        book: Book,
        wall_clock: Callable[[], datetime],
        durable: bool,
        continues: bool = False,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self.place = place_of(target)
        self._target = target
        if continues:
            JournalReader(target).close()
        elif self.place.path is not None:
            _require_new(self.place)
        self._engine = writing(self.place, durable=durable, lock_wait_s=lock_wait_s)
        with unavailable(self.place):
            self._connection = self._connect(is_new=not continues)
        self._statements = Statements(self._connection)
        self._book = book
        self._wall_clock = wall_clock
        self._projector = Projector(book)
        self._rows: list[dict[str, object]] = []
        self._inputs: dict[str, bytes] = {}
        self._kept: dict[str, None] = {}
        self._is_durable = durable
        self._is_session_over = False
        self._seq, self._hash = START.seq, START.hash
        self._is_recalled = not continues

    def _connect(self, *, is_new: bool) -> Connection:
        if is_new:
            self._create()
        connection = self._engine.connect()
        try:
            claim(self.place, connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        try:
            with self._engine.begin() as connection:
                if self.place.path is None and inspect(connection).has_table("events"):
                    raise ConfigError(
                        f"{self.place.name} holds a journal already; name another database."
                    )
                create(connection)
        except DatabaseError as error:
            if self.place.path is None:
                raise
            raise ConfigError(
                f"journal {self.place.name} cannot be written ({first_line(error)}); name another"
                " file."
            ) from None

    def recall(self, take: Callable[[Record], None]) -> int:
        """Hand every record so far to `take`, which rebuilds the book; return how many there were.

        Raises:
            JournalDamaged: the numbers, the hash chain or a projection do not hold; the sentence
                names the first bad row.
            InvariantBroken: a record contradicts those before it.
        """
        with JournalReader(self._target, careful=True) as reader:
            head = reader.recall(take)
            check_book(reader, self._book)
        self._seq, self._hash, self._is_recalled = head.seq, head.hash, True
        return head.seq

    def append(self, record: Record, /) -> None:
        """Add one record to the open transaction."""
        if not self._is_recalled:
            raise InvariantBroken(
                f"{self.place.name} is continued before its records were recalled"
            )
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

    def keep(self, content: bytes, /) -> str:
        """Keep what a decision looks at in the open transaction; return its digest."""
        digest = digest_of(content)
        if digest not in self._kept:
            self._inputs[digest] = zlib.compress(content, PACKING_LEVEL)
        return digest

    def commit(self) -> None:
        """Make everything durable; a replay waits for the end of the session.

        Raises:
            JournalUnavailable: it cannot be written now; nothing is lost, and `commit` may be
                called again.
        """
        if self._is_durable or self._is_session_over:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        with unavailable(self.place):
            try:
                self._write()
                self._connection.commit()
            except DatabaseError:
                self._connection.rollback()
                raise
        self._rows.clear()
        if self._inputs:
            self._remember_inputs()
        self._projector.clear()
        self._is_session_over = False

    def _remember_inputs(self) -> None:
        self._kept |= dict.fromkeys(self._inputs)
        for old in list(self._kept)[:-DIGESTS_REMEMBERED]:
            del self._kept[old]
        self._inputs.clear()

    def _write(self) -> None:
        written = self._wall_clock().isoformat()
        for row in self._rows:
            row["recorded_at"] = written
            row["seal"] = sealed(str(row["hash"]), written)
        self._statements.insert(schema.EVENTS, self._rows)
        if self._inputs:
            self._write_inputs()
        self._projector.write(self._statements)
        self._statements.run(_COUNT, [{"count": str(self._seq)}])

    def _write_inputs(self) -> None:
        """Write the inputs that are not there yet: a restart forgets which are."""
        digests = schema.INPUTS.c.digest
        there = set(
            self._connection.scalars(select(digests).where(digests.in_(list(self._inputs))))
        )
        rows = [
            {"digest": digest, "content": content}
            for digest, content in self._inputs.items()
            if digest not in there
        ]
        if rows:
            self._connection.execute(insert(schema.INPUTS), rows)

    def close(self) -> None:
        """Commit, fold SQLite's write-ahead log into the file and let go of it.

        What a broken-off transaction had begun is rolled back; what was committed stays.
        """
        try:
            if self._is_recalled:
                self._flush()
        finally:
            self._connection.close()
            self._engine.dispose()


def create(connection: Connection) -> None:
    """Make the tables of an empty journal of the present schema."""
    schema.METADATA.create_all(connection)
    schema.ALEMBIC_VERSION.create(connection)
    version = schema.SCHEMA_VERSION
    connection.execute(insert(schema.ALEMBIC_VERSION), [{"version_num": version}])
    head = {VERSION_KEY: version, COUNT_KEY: "0"}
    rows = [{"key": key, "value": value} for key, value in head.items()]
    connection.execute(insert(schema.META), rows)


def _require_new(place: Place) -> None:
    path = place.path
    if path is not None and path.exists():
        raise ConfigError(f"journal {path} exists already; name a new file or remove it.")
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"journal {path}: folder {path.parent} is missing; create it.")
