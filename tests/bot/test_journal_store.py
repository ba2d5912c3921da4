"""The journal in SQLite: what it keeps, that it notices changes, and that it repeats itself."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from shutil import copy

import pytest
from bot_samples import (
    AT,
    CONDOR_PRICES,
    FRIDAY,
    VIX_CALL,
    Replayed,
    book_state,
    condor_intent,
    filled,
    hedge_intent,
    order,
    replay,
    sent,
    settled,
)

from bot.book import Book
from bot.events import DecisionMade, EntryClosed, EquityMarked, Record, RunStarted
from bot.journal.chain import sealed
from bot.journal.projections import order_row
from bot.journal.store import JournalReader, SqlJournal
from bot.world import World
from market.errors import ConfigError, JournalDamaged
from market.orders import (
    FillCharged,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    PositionSettled,
)

Edit = Callable[[sqlite3.Connection], object]


def wall_clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


class Writer:
    """A journal and the book that takes in the same records, as the engine does it."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self.book = Book(Decimal(100_000))
        self.journal = SqlJournal(path, book=self.book, wall_clock=wall_clock, durable=durable)

    def step(self, *records: Record) -> None:
        for record in records:
            self.journal.append(record)
            self.book.apply(record)
        self.journal.commit()

    def committed(self) -> int:
        """Return how many events another connection sees."""
        with sqlite3.connect(self.path) as connection:
            (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
        connection.close()
        return int(count)


def rows(path: Path, table: str) -> list[dict[str, object]]:
    with JournalReader(path) as reader:
        return reader.table(table)


def edited(path: Path, tmp_path: Path, edit: Edit) -> JournalReader:
    """Return a reader of a copy of a journal that somebody changed."""
    changed = tmp_path / "changed.db"
    copy(path, changed)
    connection = sqlite3.connect(changed)
    edit(connection)
    connection.commit()
    connection.close()
    return JournalReader(changed)


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    entry = order(condor_intent())
    records = (sent(entry), OrderAccepted(AT, entry.order_id), filled(entry, CONDOR_PRICES))
    writer = Writer(tmp_path / "j.db", durable=True)

    writer.step(*records)
    writer.journal.close()

    with JournalReader(tmp_path / "j.db") as reader:
        assert tuple(reader.records()) == records
        assert [(row.seq, row.session, row.kind) for row in reader.rows()] == [
            (1, "2018-02-02", "order_approved"),
            (2, None, "order_accepted"),
            (3, None, "order_filled"),
        ]
        assert reader.verify() == 3


def test_in_life_every_step_is_durable_at_once(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j.db", durable=True)

    writer.step(sent(order(condor_intent())))

    assert writer.committed() == 1
    writer.journal.close()


def test_a_replay_commits_once_a_session(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j.db", durable=False)
    zero = Decimal(0)
    end = EquityMarked(AT, FRIDAY, 2762.13, 17.31, *(zero,) * 8, ())

    writer.step(sent(order(condor_intent())))
    assert writer.committed() == 0
    writer.step(end)
    assert writer.committed() == 2
    writer.step(sent(order(condor_intent(), "2")))
    assert writer.committed() == 2

    writer.journal.close()
    assert writer.committed() == 3


def test_orders_are_shown_as_the_book_has_them_across_transactions(tmp_path: Path) -> None:
    entry, calls = order(condor_intent(quantity=3)), order(hedge_intent())
    writer = Writer(tmp_path / "j.db", durable=True)

    writer.step(sent(entry), sent(calls))
    writer.step(filled(entry, CONDOR_PRICES), filled(calls, ["1.50"], quantity=4))
    writer.step(OrderCancelled(AT, entry.order_id, 2, "good-until reached"))
    writer.step(filled(entry, CONDOR_PRICES, name="late"))
    writer.journal.close()

    assert rows(tmp_path / "j.db", "orders") == [
        {
            "order_id": "T-20180202-condor-entry-1",
            "session": "2018-02-02",
            "strategy": "condor",
            "purpose": "entry",
            "campaign": "20180202",
            "layer": None,
            "legs": "-1 SPXW 2018-02-05 2725 P, +1 SPXW 2018-02-05 2700 P, "
            "-1 SPXW 2018-02-05 2790 C, +1 SPXW 2018-02-05 2815 C",
            "quantity": 3,
            "limit_credit": "1.40",
            "status": "cancelled",
            "filled": 2,
        },
        {
            "order_id": "T-20180202-alvh-open_near-1",
            "session": "2018-02-02",
            "strategy": "alvh",
            "purpose": "open_near",
            "campaign": "ladder",
            "layer": "near",
            "legs": "+1 VIX 2018-03-21 16 C",
            "quantity": 4,
            "limit_credit": "-1.50",
            "status": "filled",
            "filled": 4,
        },
    ]


def test_a_charge_known_later_stands_in_the_table_of_fills(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j.db", durable=True)
    entry = order(condor_intent(quantity=2))
    fill = filled(entry, CONDOR_PRICES, quantity=2)
    writer.step(sent(entry), fill)

    writer.step(FillCharged(AT, entry.order_id, fill.fill_id, Decimal("5.20"), Decimal("3.98")))

    (row,) = rows(tmp_path / "j.db", "fills")
    assert (row["commission_usd"], row["exchange_fees_usd"]) == ("5.20", "3.98")
    writer.journal.close()


def test_positions_settlements_and_fills_are_written_out(tmp_path: Path) -> None:
    calls = order(hedge_intent())
    writer = Writer(tmp_path / "j.db", durable=True)

    writer.step(sent(calls), filled(calls, ["1.50"], quantity=4, fees="2.60"))
    held = rows(tmp_path / "j.db", "positions")
    writer.step(settled(VIX_CALL, 4, "20.15"))
    writer.journal.close()

    assert held == [
        {
            "strategy": "alvh",
            "campaign": "ladder",
            "layer": "near",
            "contract": "VIX 2018-03-21 16 C",
            "position": 4,
            "paid_usd": "600.00",
            "opened": "2018-02-02",
        }
    ]
    assert rows(tmp_path / "j.db", "positions") == []
    (fill,) = rows(tmp_path / "j.db", "fills")
    assert (fill["quantity"], fill["credit"], fill["commission_usd"]) == (4, "-1.50", "2.60")
    (settlement,) = rows(tmp_path / "j.db", "settlements")
    assert (settlement["value_points"], settlement["cash_usd"]) == ("4.15", "1660.00")


def test_a_second_run_is_not_written_over_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    Writer(path, durable=True).journal.close()
    before = path.read_bytes()

    with pytest.raises(ConfigError, match=r"j\.db exists already; name a new file or remove it"):
        Writer(path, durable=True)

    assert path.read_bytes() == before


def test_a_missing_folder_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is missing; create it"):
        Writer(tmp_path / "nowhere" / "j.db", durable=True)


def another_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.close()


NOT_A_JOURNAL: dict[str, Callable[[Path], object]] = {
    "a text": lambda path: path.write_text("not a journal at all, " * 50),
    "an empty file": lambda path: path.write_bytes(b""),
    "another database": another_database,
    "nothing": lambda path: path,
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("name", NOT_A_JOURNAL)
def test_what_is_no_journal_is_the_users_mistake(tmp_path: Path, name: str) -> None:
    path = tmp_path / "j.db"
    NOT_A_JOURNAL[name](path)

    with pytest.raises(ConfigError, match=r"j\.db is no (journal|file); name a (file|journal)"):
        JournalReader(path)


def test_a_journal_of_another_schema_is_refused(quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None

    def newer(db: sqlite3.Connection) -> None:
        db.execute("UPDATE meta SET value='9' WHERE key='schema_version'")
        db.execute("UPDATE alembic_version SET version_num='9'")

    with pytest.raises(ConfigError, match="has journal schema 9, this program reads 2; read it"):
        edited(quarter.journal, tmp_path, newer)


def swap_rows(db: sqlite3.Connection) -> None:
    for old, new in ((500, -1), (501, 500), (-1, 501)):
        db.execute("UPDATE events SET seq=? WHERE seq=?", (new, old))


def cut_the_end(db: sqlite3.Connection) -> None:
    (last,) = db.execute("SELECT max(seq) FROM events").fetchone()
    db.execute("DELETE FROM events WHERE seq > ?", (last - 10,))


CHANGES: dict[str, tuple[Edit, str]] = {
    "a deleted row": (
        lambda db: db.execute("DELETE FROM events WHERE seq=500"),
        "event 500 is mis",
    ),
    "the first row deleted": (
        lambda db: db.execute("DELETE FROM events WHERE seq=1"),
        "event 1 is missing",
    ),
    "a changed payload": (
        lambda db: db.execute("UPDATE events SET payload=payload||' ' WHERE seq=500"),
        "event 500 was changed",
    ),
    "a changed time": (
        lambda db: db.execute("UPDATE events SET at='2018-01-01' WHERE seq=500"),
        "event 500 was changed",
    ),
    "a changed kind": (
        lambda db: db.execute("UPDATE events SET kind='order_filled' WHERE seq=500"),
        "event 500 was changed",
    ),
    "a changed wall-clock time": (
        lambda db: db.execute("UPDATE events SET recorded_at='2030-01-01' WHERE seq=500"),
        "event 500 was changed",
    ),
    "a changed session": (
        lambda db: db.execute("UPDATE events SET session='2019-01-01' WHERE seq=500"),
        "event 500 was changed",
    ),
    "swapped rows": (swap_rows, "event 500 was changed"),
    "a lost end": (cut_the_end, "is missing"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_verify_names_the_first_row_that_does_not_hold(
    quarter: Replayed, tmp_path: Path, name: str
) -> None:
    assert quarter.journal is not None
    edit, words = CHANGES[name]

    with (
        edited(quarter.journal, tmp_path, edit) as reader,
        pytest.raises(JournalDamaged, match=words) as broken,
    ):
        reader.verify()

    assert broken.value.exit_code == 4


def test_the_wall_clock_lies_outside_the_chain_and_under_the_seal(
    quarter: Replayed, tmp_path: Path
) -> None:
    assert quarter.journal is not None

    def later(db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT seq, hash FROM events").fetchall()
        sealed_later = [(sealed(hash_, "2030-01-01"), seq) for seq, hash_ in rows]
        db.executemany(
            "UPDATE events SET recorded_at='2030-01-01', seal=? WHERE seq=?", sealed_later
        )

    with edited(quarter.journal, tmp_path, later) as reader:
        assert reader.verify() == len(quarter.records) + 1


def test_a_damaged_file_breaks_an_invariant(quarter: Replayed, tmp_path: Path) -> None:
    assert quarter.journal is not None
    torn, whole = tmp_path / "torn.db", quarter.journal.read_bytes()
    third = len(whole) // 3
    torn.write_bytes(whole[:third] + b"\xff" * third + whole[2 * third :])

    with JournalReader(torn) as reader, pytest.raises(JournalDamaged, match=r"db is damaged: "):
        reader.verify()


def test_the_journal_holds_what_the_engine_recorded(quarter: Replayed) -> None:
    assert quarter.journal is not None
    with JournalReader(quarter.journal) as reader:
        started, *records = reader.records()

    assert isinstance(started, RunStarted)
    assert (started.profile, started.seed, started.is_simulated) == ("replay", 7, True)
    assert tuple(records) == quarter.records


def test_the_records_rebuild_the_book(quarter: Replayed) -> None:
    assert quarter.journal is not None
    with JournalReader(quarter.journal) as reader:
        started, *records = reader.records()
    assert isinstance(started, RunStarted)
    rebuilt = Book(started.start_nlv_usd)

    for record in records:
        rebuilt.apply(record)

    assert book_state(rebuilt) == book_state(quarter.rig.book)
    last = date(2018, 3, 29)
    assert rebuilt.orders_sent(last) == quarter.rig.book.orders_sent(last)
    assert rebuilt.entry_reason(last) == quarter.rig.book.entry_reason(last)
    assert rebuilt.ledger.holdings
    assert rebuilt.plan is not None


def test_projections_equal_the_book(quarter: Replayed) -> None:
    assert quarter.journal is not None
    book, path = quarter.rig.book, quarter.journal

    assert rows(path, "orders") == [order_row(state) for state in book.orders.values()]
    held = {
        (row["strategy"], row["campaign"], row["layer"], row["contract"]): (
            row["position"],
            row["paid_usd"],
            row["opened"],
        )
        for row in rows(path, "positions")
    }
    assert held == {
        (key[0], key[1], key[2] or "", key[3].symbol): (
            holding.position,
            str(holding.paid_usd),
            holding.opened.isoformat(),
        )
        for key, holding in book.ledger.holdings.items()
    }


def test_projections_hold_one_row_for_each_record_they_are_of(quarter: Replayed) -> None:
    assert quarter.journal is not None
    marks = quarter.of(EquityMarked)
    wanted = {
        "decisions": len(quarter.of(DecisionMade)),
        "fills": len(quarter.of(OrderFilled)),
        "settlements": len(quarter.of(PositionSettled)),
        "sessions": len(quarter.of(EntryClosed)),
        "equity": len(marks),
        "hedge_layers": sum(len(mark.layers) for mark in marks),
    }

    assert {name: len(rows(quarter.journal, name)) for name in wanted} == wanted
    assert wanted["sessions"] == wanted["equity"] == 61
    last = rows(quarter.journal, "equity")[-1]
    assert last["nlv_usd"] == str(marks[-1].nlv_usd)


def test_two_replays_write_the_same_file_but_for_the_wall_clock(
    world: World, tmp_path: Path
) -> None:
    def dump(name: str) -> list[str]:
        path = tmp_path / name
        replay(world, date(2018, 1, 2), date(2018, 2, 9), journal=path)
        connection = sqlite3.connect(path)
        connection.execute("UPDATE events SET recorded_at='', seal=''")
        lines = list(connection.iterdump())
        connection.close()
        return lines

    assert dump("one.db") == dump("two.db")


def test_the_store_keeps_nothing_of_past_transactions(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "j.db", durable=True)

    for number in range(5):
        entry = order(condor_intent(quantity=1), str(number))
        writer.step(sent(entry), filled(entry, CONDOR_PRICES))
    kept = vars(writer.journal._projector)

    assert [
        name for name, value in kept.items() if name not in ("_makers", "_book") and value
    ] == []
    assert (writer.journal._rows, writer.journal._inputs) == ([], {})
    writer.journal.close()
