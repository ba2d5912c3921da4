"""Reading a journal: rows, records, projections; never writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection, Select, inspect, select
from sqlalchemy.engine import Engine as SqlEngine
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.events import Record, RunStarted
from bot.journal import schema
from bot.journal.chain import START, EventRow, Head
from bot.journal.codec import decode
from bot.journal.place import UNREADABLE, Place, Target, first_line, place_of, reading, snapshot
from market.errors import ConfigError, JournalDamaged, JournalUnavailable

VERSION_KEY, COUNT_KEY = "schema_version", "events"
ROWS_AT_ONCE = 1000
FIRST_SCHEMA = "1"

Row = dict[str, Any]
_COLUMNS = [schema.EVENTS.c[name] for name in EventRow.__slots__]


class JournalReader:
    """Reads a journal; `careful` also reads text that a damaged file has spoilt.

    Raises:
        ConfigError: there is no journal, or one of another schema.
        JournalUnavailable: the server cannot be reached.
    """

    def __init__(self, target: Target, *, careful: bool = False) -> None:
        self.place = _there(target)
        self._engine = reading(self.place, careful=careful)
        self._held: Connection | None = None
        require_schema(self.place, _version(self.place, self._engine))

    @property
    def name(self) -> str:
        """Return what the journal is called in sentences."""
        return self.place.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def at_one_instant(self) -> Iterator[None]:
        """Have everything inside read one state, whatever a run writes meanwhile."""
        with snapshot(self._engine) as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection.

        Raises:
            JournalDamaged: the file cannot be read.
        """
        try:
            if self._held is not None:
                yield self._held
                return
            with self._engine.connect() as connection:
                yield connection
        except UNREADABLE as error:
            raise JournalDamaged(f"{self.name} is damaged: {first_line(error)}") from error

    def rows(self, after: int | None = None, limit: int | None = None) -> Iterator[EventRow]:
        """Return the event log in the order of its numbers: at most `limit` rows beyond `after`."""
        left = limit
        while left is None or left > 0:
            page = self._page(after, ROWS_AT_ONCE if left is None else min(left, ROWS_AT_ONCE))
            yield from page
            if len(page) < ROWS_AT_ONCE:
                return
            after, left = page[-1].seq, None if left is None else left - len(page)

    def _page(self, after: int | None, count: int) -> list[EventRow]:
        with self.reading() as connection:
            return page_of(connection, after, count)

    def records(self) -> Iterator[Record]:
        """Return all records, oldest first."""
        for row in self.rows():
            yield decode(row.kind, row.payload)

    def started(self) -> RunStarted:
        """Return how the run began.

        Raises:
            ConfigError: the journal is empty or begins with something else.
        """
        with self.reading() as connection:
            rows = page_of(connection, None, 1)
        if not rows or not isinstance(first := decode(rows[0].kind, rows[0].payload), RunStarted):
            raise ConfigError(f"{self.name} holds no run; name a journal that a run has written.")
        return first

    def last_at(self) -> datetime | None:
        """Return when the last record happened, None without records."""
        events = schema.EVENTS.c
        with self.reading() as connection:
            text = connection.execute(
                select(events.at).order_by(events.seq.desc()).limit(1)
            ).scalar()
        return None if text is None else datetime.fromisoformat(text)

    def table(self, name: str) -> list[Row]:
        """Return a projection's rows as dictionaries, in insertion order."""
        return self.query(select(schema.METADATA.tables[name]))

    def query(self, query: Select[Any]) -> list[Row]:
        """Return the rows of a query as dictionaries."""
        with self.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def content(self, digest: str) -> bytes | None:
        """Return the input kept under a digest as it is stored, or None."""
        inputs = schema.INPUTS
        with self.reading() as connection:
            found: bytes | None = connection.execute(
                select(inputs.c.content).where(inputs.c.digest == digest)
            ).scalar()
        return found

    def written(self) -> int | None:
        """Return how many events were written, None where that is not known."""
        query = select(schema.META.c.value).where(schema.META.c.key == COUNT_KEY)
        with self.reading() as connection:
            text = connection.execute(query).scalar()
        return int(text) if isinstance(text, str) and text.isdecimal() else None

    def verify(self) -> int:
        """Return the number of events when numbers, hash chain and recorded count hold; the
        projections are looked at by `bot.journal.check`.

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
        written = self.written()
        head = START
        try:
            for row in self.rows():
                require_next(self.name, head, row)
                take(decode(row.kind, row.payload))
                head = Head(row.seq, row.hash)
        except JournalDamaged as error:
            raise self._located(error, head) from error
        if written is None:
            raise JournalDamaged(f"{self.name}: the count of events in meta is gone or spoilt")
        if head.seq < written:
            raise JournalDamaged(f"{self.name}: event {head.seq + 1} is missing")
        return head

    def verified_rows(self) -> Iterator[EventRow]:
        """Return the event log, each row once it is known to follow the one before.

        Raises:
            JournalDamaged: a row is missing, moved or changed; the sentence names it.
        """
        head = START
        for row in self.rows():
            require_next(self.name, head, row)
            yield row
            head = Head(row.seq, row.hash)

    def _located(self, error: JournalDamaged, head: Head) -> JournalDamaged:
        """Return an error that names the row; one of the database names none."""
        if "event" in str(error).removeprefix(self.name):
            return error
        return JournalDamaged(f"{error} (event {head.seq + 1} or a later one)")

    def close(self) -> None:
        """Let go of the journal."""
        self._engine.dispose()


def page_of(connection: Connection, after: int | None, count: int) -> list[EventRow]:
    """Return up to `count` events beyond number `after`, from the first where that is None."""
    seq = schema.EVENTS.c.seq
    query = select(*_COLUMNS).order_by(seq).limit(count)
    if after is not None:
        query = query.where(seq > after)
    return [EventRow(*row) for row in connection.execute(query)]


def require_next(name: str, head: Head, row: EventRow) -> None:
    """Check that a row follows the head.

    Raises:
        JournalDamaged: it does not; the sentence names the row.
    """
    expected = head.seq + 1
    if row.seq != expected:
        raise JournalDamaged(f"{name}: event {expected} is missing")
    if not row.follows(head):
        raise JournalDamaged(f"{name}: event {row.seq} was changed after writing")


def peek_version(target: Target) -> str:
    """Return the number of a journal's schema, whether this program can read it or not.

    Raises:
        ConfigError: there is no journal.
        JournalUnavailable: the server cannot be reached.
    """
    place = _there(target)
    engine = reading(place)
    version = _version(place, engine)
    engine.dispose()
    if version is None:
        raise _no_journal(place)
    return version


def _there(target: Target) -> Place:
    place = place_of(target)
    if place.path is not None and not place.path.is_file():
        raise ConfigError(f"{place.path} is no file; name a journal that a run has written.")
    return place


def _version(place: Place, engine: SqlEngine) -> str | None:
    try:
        with engine.connect() as connection:
            return version_of(place, connection)
    except ProgrammingError:
        return None  # a server without our tables
    except UNREADABLE as error:
        if place.path is None:
            raise JournalUnavailable(
                f"journal {place.name} cannot be read now ({first_line(error)})."
            ) from None
        raise _no_journal(place) from None


def version_of(place: Place, connection: Connection) -> str | None:
    """Return the schema's number, None where no journal is.

    Raises:
        JournalDamaged: the two places that hold it differ.
    """
    meta = schema.META.c
    query = select(meta.value).where(meta.key == VERSION_KEY)
    said: str | None = connection.execute(query).scalar()
    if said is None or said == FIRST_SCHEMA:
        return said
    try:
        stamped = connection.execute(select(schema.ALEMBIC_VERSION.c.version_num)).scalar()
    except (OperationalError, ProgrammingError):
        stamped = None
    if stamped != said:
        raise JournalDamaged(
            f"{place.name}: meta names schema {said!r}, alembic_version {stamped!r}"
        )
    return said


def require_schema(place: Place, version: str | None) -> None:
    """Refuse a journal that this program cannot read.

    Raises:
        ConfigError: it is none, or of an older or newer schema.
    """
    if version is None:
        raise _no_journal(place)
    if version == schema.SCHEMA_VERSION:
        return
    is_older = version.isdecimal() and int(version) < int(schema.SCHEMA_VERSION)
    remedy = (
        f"run `alvh journal upgrade {place.name}`"
        if is_older
        else "read it with the version that wrote it"
    )
    raise ConfigError(
        f"{place.name} has journal schema {version}, this program reads"
        f" {schema.SCHEMA_VERSION}; {remedy}."
    )


def _no_journal(place: Place) -> ConfigError:
    return ConfigError(f"{place.name} is no journal; name a file that a run has written.")


def last_record_at(target: Target) -> datetime | None:
    """Return when the last record of a run happened, None where a run is yet to begin.

    A file that a start left which died before its first record is removed: nothing is in it.

    Raises:
        ConfigError: there is something else, or a journal of another schema.
        JournalUnavailable: the server cannot be reached.
    """
    place = place_of(target)
    if place.path is not None and not place.path.exists():
        return None
    if _is_bare(place):
        if place.path is not None:
            place.path.unlink()
        return None
    with JournalReader(target) as reader:
        return reader.last_at()


def _is_bare(place: Place) -> bool:
    """Tell whether a database has no tables yet, or the journal's without a single event."""
    engine = reading(place)
    try:
        with engine.connect() as connection:
            names = inspect(connection).get_table_names()
            if "events" not in names:
                return not names
            has_begun = connection.execute(select(schema.EVENTS.c.seq).limit(1)).first()
            return place.path is not None and has_begun is None
    except UNREADABLE:
        return False
    finally:
        engine.dispose()
