"""Whatever is changed in a journal's file is noticed, and the row is named."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from bot_samples import Replayed, replay
from hypothesis import example, given
from hypothesis import settings as searching
from hypothesis import strategies as st

from bot.journal import schema
from bot.journal.check import verify
from bot.world import World
from market.errors import AlvhError, JournalDamaged

NAMED = re.compile(r": (event|row|input|meta) |ix_|the count of events in meta|alembic_version")
TABLES = ("events", "inputs", "meta", *(table.name for table in schema.PROJECTIONS))


class Whole:
    """A journal that holds, and the offsets of all bytes of its file that are values of rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.raw = path.read_bytes()
        self.cells = sorted(set(cells_of(path, self.raw)))

    def flipped(self, byte: int, bit: int) -> Path:
        """Return a copy of the file with one bit flipped."""
        path, raw = self.path.with_name("flipped.db"), self.raw
        for leftover in self.path.parent.glob("flipped.db*"):
            leftover.unlink()
        path.write_bytes(raw[:byte] + bytes([raw[byte] ^ (1 << bit)]) + raw[byte + 1 :])
        return path


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Return a journal of four sessions, with rows in every projection."""
    path = tmp_path_factory.mktemp("whole") / "j.db"
    replay(world, date(2018, 2, 1), date(2018, 2, 6), journal=path)
    return Whole(path)


def cells_of(path: Path, raw: bytes) -> Iterator[int]:
    with sqlite3.connect(path) as connection:
        for table in TABLES:
            for row in connection.execute(f"SELECT * FROM {table}"):
                texts = [value.encode() for value in row if isinstance(value, str)]
                for text in (text for text in texts if len(text) > 5):
                    at = raw.find(text)
                    yield from range(at, at + len(text)) if at >= 0 else ()
    connection.close()


def content(path: Path) -> list[object] | None:
    """Return every row of every table, or None when it cannot be read."""
    try:
        with sqlite3.connect(path) as connection:
            return [
                sorted(map(repr, connection.execute(f"SELECT * FROM {table}"))) for table in TABLES
            ]
    except sqlite3.DatabaseError:
        return None
    finally:
        connection.close()


def complaint(path: Path) -> AlvhError | None:
    """Return what verify says against a journal, None when it says nothing."""
    try:
        verify(path)
    except AlvhError as error:
        return error
    return None


@searching(max_examples=60)
@given(data=st.data())
def test_a_flipped_bit_in_a_row_is_noticed_and_the_row_named(
    whole: Whole, data: st.DataObject
) -> None:
    byte = data.draw(st.sampled_from(whole.cells))
    path = whole.flipped(byte, data.draw(st.integers(0, 7)))

    found = complaint(path)

    assert isinstance(found, JournalDamaged)
    assert NAMED.search(str(found))


@searching(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.0, bit=0)
def test_a_flipped_bit_anywhere_is_noticed_or_changes_no_row(
    whole: Whole, place: float, bit: int
) -> None:
    path = whole.flipped(int(place * len(whole.raw)), bit)

    found = complaint(path)

    assert found is None or found.exit_code == 4
    if found is None:
        assert content(path) == content(whole.path)


def swap(table: str, column: str) -> Callable[[sqlite3.Connection], object]:
    def edit(db: sqlite3.Connection) -> None:
        (one, first), (two, second) = db.execute(
            f"SELECT min(rowid), {column} FROM {table} GROUP BY {column} ORDER BY 1 LIMIT 2"
        ).fetchall()
        for row, value in ((one, "?"), (two, first), (one, second)):
            db.execute(f"UPDATE {table} SET {column}=? WHERE rowid=?", (value, row))

    return edit


def deletion(table: str) -> Callable[[sqlite3.Connection], object]:
    return lambda db: db.execute(
        f"DELETE FROM {table} WHERE rowid=(SELECT max(rowid) FROM {table})"
    )


EDITS: dict[str, tuple[Callable[[sqlite3.Connection], object], str]] = {
    **{
        f"a row of {table.name} deleted": (deletion(table.name), rf": row .+ of {table.name} is")
        for table in schema.PROJECTIONS
    },
    "decisions swapped": (swap("decisions", "strategy"), r": row \d+ of decisions is not"),
    "fills swapped": (swap("fills", "order_id"), r": row R-\S+ of fills is not"),
    "a row too many": (
        lambda db: db.execute("INSERT INTO sessions VALUES ('2018-01-30', 'opened', 'FILLED', 1)"),
        ": row 2018-01-30 of sessions is not what the events say",
    ),
    "a value taken out": (
        lambda db: db.execute("UPDATE fills SET mid_credit=NULL"),
        r": row R-\S+ of fills is not what the events say",
    ),
    "a count too small": (
        lambda db: db.execute("UPDATE meta SET value='7' WHERE key='events'"),
        r": meta counts 7 events, not \d+",
    ),
    "no count": (
        lambda db: db.execute("DELETE FROM meta WHERE key='events'"),
        "the count of events in meta is gone or spoilt",
    ),
    "an input of no event": (
        lambda db: db.execute("INSERT INTO inputs VALUES ('abc', x'00')"),
        ": input 'abc' belongs to no event",
    ),
    "one of two schema numbers": (
        lambda db: db.execute("UPDATE meta SET value='3' WHERE key='schema_version'"),
        ": meta names schema '3', alembic_version '2'",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_somebody_did_to_a_row_is_named(whole: Whole, tmp_path: Path, name: str) -> None:
    path = tmp_path / "edited.db"
    path.write_bytes(whole.raw)
    edit, words = EDITS[name]
    connection = sqlite3.connect(path)
    edit(connection)
    connection.commit()
    connection.close()

    with pytest.raises(JournalDamaged, match=words) as found:
        verify(path)

    assert found.value.exit_code == 4


def test_a_whole_quarter_holds(quarter: Replayed) -> None:
    assert quarter.journal is not None

    assert verify(quarter.journal) == len(quarter.records) + 1


def test_a_file_that_is_no_journal_any_more_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "torn.db"
    path.write_bytes(b"\x00" * 5000)

    with pytest.raises(AlvhError, match="is no journal, or its beginning is damaged") as found:
        verify(path)

    assert found.value.exit_code == 4
