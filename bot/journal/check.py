"""Is a journal what its events say? Chain, inputs and every projection, to the first bad row.

Nothing is prevented, everything is noticed: the projections are built once more from the events in
a database in memory, and compared row by row with those in the journal.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, Table, create_engine, select

from bot.book import Book
from bot.events import EquityMarked, MarketSeen, Record
from bot.journal import schema
from bot.journal.chain import digest_of
from bot.journal.place import Target
from bot.journal.projections import Projector, order_row, position_row, purse_rows
from bot.journal.reader import JournalReader
from bot.journal.statements import Statements
from market.errors import ConfigError, InvariantBroken, JournalDamaged

Row = Mapping[str, Any]


def verify(target: Target) -> int:
    """Return the number of events of a journal that holds in every part.

    Raises:
        ConfigError: there is no such file, or it is of another schema.
        JournalDamaged: something does not hold; the sentence names the first bad row.
    """
    with _opened(target) as reader, reader.at_one_instant():
        _check_file(reader)
        engine = create_engine("sqlite://")
        try:
            with engine.begin() as fresh:
                schema.METADATA.create_all(fresh)
                count = _rebuild(reader, fresh)
                for table in schema.PROJECTIONS:
                    _compare(reader, table, fresh)
        finally:
            engine.dispose()
    return count


def _opened(target: Target) -> JournalReader:
    """Open a journal; a file that is there but cannot be read is a damaged one."""
    try:
        return JournalReader(target, careful=True)
    except ConfigError as error:
        if str(error).endswith("is no journal; name a file that a run has written."):
            raise JournalDamaged(f"{target} is no journal, or its beginning is damaged") from None
        raise


def _check_file(reader: JournalReader) -> None:
    """Let SQLite look at its own pages and indices."""
    if reader.place.path is None:
        return
    with reader.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if found != "ok":
        text = str(found).strip().replace("\n", " ")
        raise JournalDamaged(f"{reader.name} is damaged: {text}")


def _rebuild(reader: JournalReader, fresh: Connection) -> int:
    """Verify the events and write their projections anew; return how many events there are."""
    writer = Rebuild(reader.name, fresh)
    digests: dict[str, int] = {}

    def take(record: Record) -> None:
        writer.take(record)
        if isinstance(record, MarketSeen):
            for digest in record.kept:
                digests.setdefault(digest, writer.seq)

    head = reader.recall(take)
    writer.finish()
    if head.seq != reader.written():
        raise JournalDamaged(
            f"{reader.name}: meta counts {reader.written()} events, not {head.seq}"
        )
    _check_inputs(reader, digests)
    return head.seq


class Rebuild:
    """Writes the projections of records into empty tables; none of them shows the start's cash."""

    def __init__(self, name: str, connection: Connection) -> None:
        self._name = name
        self._statements = Statements(connection)
        self._book = Book(Decimal(0))
        self._projector = Projector(self._book)
        self.seq = 0

    def take(self, record: Record) -> None:
        """Take in one record.

        Raises:
            JournalDamaged: it contradicts those before it.
        """
        self.seq += 1
        self._projector.add(self.seq, record)
        try:
            self._book.apply(record)
        except InvariantBroken as error:
            raise JournalDamaged(
                f"{self._name}: event {self.seq} contradicts those before it ({error})"
            ) from None
        if isinstance(record, EquityMarked):
            self.finish()

    def finish(self) -> None:
        """Write what is collected."""
        self._projector.write(self._statements)
        self._projector.clear()


def _check_inputs(reader: JournalReader, digests: Mapping[str, int]) -> None:
    seen = set()
    inputs = schema.INPUTS.c
    with reader.reading() as connection:
        there = list(connection.scalars(select(inputs.digest)))
        for digest in there:
            content = connection.scalar(select(inputs.content).where(inputs.digest == digest))
            if digest not in digests:
                raise JournalDamaged(f"{reader.name}: input {digest!r} belongs to no event")
            if not _is_whole(digest, content):
                raise JournalDamaged(
                    f"{reader.name}: input {digest} of event {digests[digest]} was changed after"
                    " writing"
                )
            seen.add(digest)
    for digest, seq in digests.items():
        if digest not in seen:
            raise JournalDamaged(f"{reader.name}: input {digest} of event {seq} is missing")


def _is_whole(digest: str, content: object) -> bool:
    try:
        return isinstance(content, bytes) and digest_of(zlib.decompress(content)) == digest
    except zlib.error:
        return False


def _compare(reader: JournalReader, table: Table, fresh: Connection) -> None:
    keys = list(table.primary_key.columns)
    query = select(table).order_by(*keys)
    names = [column.name for column in keys]
    wanted = [dict(row._mapping) for row in fresh.execute(query)]
    try:
        shown = reader.query(query)
    except JournalDamaged as error:
        raise JournalDamaged(f"{error} (table {table.name})") from error
    # A database sorts text by its own rules, so both are sorted here.
    order: Callable[[Row], str] = lambda row: _key_of(row, names)  # noqa: E731
    for told, found in zip_longest(sorted(wanted, key=order), sorted(shown, key=order)):
        if not _is_same(told, found):
            first = min((row for row in (told, found) if row is not None), key=order)
            raise JournalDamaged(
                f"{reader.name}: row {_key_of(first, names)} of {table.name} is not what the"
                " events say"
            )


def _key_of(row: Row, names: Iterable[str]) -> str:
    return " ".join(ascii(row[name]).strip("'") for name in names)


def _is_same(told: Row | None, found: Row | None) -> bool:
    """Tell whether two rows are equal, an integer being no float."""
    if told is None or found is None:
        return False
    return told == found and all(
        isinstance(value, float) == isinstance(found[key], float) for key, value in told.items()
    )


def check_book(reader: JournalReader, book: Book) -> None:
    """Compare orders, positions and cash that people query with the book rebuilt from the events.

    Raises:
        JournalDamaged: they differ; the sentence names the first row.
    """
    ledger = book.ledger
    wanted: dict[Table, list[dict[str, Any]]] = {
        schema.ORDERS: [order_row(state) for state in book.orders.values()],
        schema.POSITIONS: [position_row(holding) for holding in ledger.holdings.values()],
        schema.PURSES: purse_rows(ledger),
    }
    for table, rows in wanted.items():
        names = [column.name for column in table.primary_key.columns]
        told = {_key_of(row, names): row for row in rows}
        found = {_key_of(row, names): row for row in reader.table(table.name)}
        for key in sorted({*told, *found}):
            if not _is_same(told.get(key), found.get(key)):
                raise JournalDamaged(
                    f"{reader.name}: row {key} of {table.name} is not what the events say"
                )
