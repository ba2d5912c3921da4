"""A journal that a run has left is opened again: everything remembered comes out of it."""

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
    Replayed,
    book_state,
    condor_intent,
    filled,
    order,
    replay,
    sent,
)

from bot.book import Book
from bot.bootstrap import Rig, RunIdentity, build_simulated
from bot.cli.journal import EVENT_KINDS
from bot.clock import SimulatedClock
from bot.events import KINDS, RunResumed, RunStarted, ShadowTraded
from bot.journal.store import JournalReader, SqlJournal
from bot.replay import Window, backtest, continued_rig
from bot.settings import Settings, load_settings
from bot.world import World
from market.errors import ConfigError, InvariantBroken, JournalDamaged
from market.orders import OrderAccepted

SHIFTING = [
    "capital.wacc_enabled=false",
    "shift.irr_gate_enabled=false",
    "shift.cushion_frac=0",
    "shift.threat_delta=0.15",
]


def wall_clock() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


def everything(rig: Rig) -> dict[str, object]:
    """Return all that a run remembers, as plain values."""
    shadows = rig.engine.shadows
    assert shadows is not None
    assert shadows.static is not None
    return {
        "book": book_state(rig.book),
        "halt": rig.book.halt,
        "nlv": rig.book.last_nlv_usd,
        "summary": rig.summary,
        "rules": rig.rules.counts(),
        "conduct": rig.conduct.report(),
        "condors": shadows.condors,
        "static": book_state(shadows.static.book),
        "rolls": (shadows.static.rolls, shadows.static.refreshes),
    }


def again(
    world: World, path: Path, settings: Settings | None = None, at: date | None = None
) -> Rig:
    """Return a run rebuilt from a journal alone."""
    start = at or date(2018, 3, 29)
    clock = SimulatedClock(world.calendar.session(start).option_close_at)
    identity = RunIdentity("replay", "R", world.seed, clock.now(), start, start)
    return build_simulated(settings or Settings(), world, clock, identity, path, continues=True)


@pytest.mark.parametrize("overrides", [[], SHIFTING], ids=["as shipped", "with shifts"])
def test_a_journal_alone_rebuilds_all_that_a_run_remembers(
    shifting_world: World, tmp_path: Path, overrides: list[str]
) -> None:
    settings = load_settings(overrides=overrides)
    path = tmp_path / "j.db"
    first, last = date(2018, 1, 2), date(2018, 4, 30)
    left = replay(shifting_world, first, last, settings=settings, journal=path)

    rig = again(shifting_world, path, settings, last)

    assert everything(rig) == everything(left.rig)
    assert {each.book for each in left.of(ShadowTraded)} == {"static_hedge", "stop_2x"}
    rig.journal.close()


def test_a_run_in_two_parts_equals_the_run_in_one(world: World, tmp_path: Path) -> None:
    path = tmp_path / "parts.db"
    whole = replay(world, date(2018, 1, 2), date(2018, 2, 28))
    replay(world, date(2018, 1, 2), date(2018, 2, 5), journal=path)

    span = Window(date(2018, 2, 6), date(2018, 2, 28))
    rig = continued_rig(Settings(), world, span, world.seed, path)
    backtest(rig, span)

    assert everything(rig) == everything(whole.rig)
    with JournalReader(path) as reader:
        reader.verify()
        records = tuple(reader.records())
    resumed = [each for each in records if isinstance(each, RunResumed)]
    assert [(each.profile, each.at.date()) for each in resumed] == [("replay", span.first)]
    engine_said = [each for each in records if not isinstance(each, RunStarted | RunResumed)]
    assert tuple(engine_said) == whole.records


Edit = Callable[[sqlite3.Connection], object]

DAMAGE: dict[str, tuple[Edit, str]] = {
    "an order": (
        lambda db: db.execute("UPDATE orders SET filled=filled+1 WHERE rowid=3"),
        r"row R-2018\S+ of orders is not what the events say",
    ),
    "an order gone": (
        lambda db: db.execute("DELETE FROM orders WHERE rowid=5"),
        r"row R-2018\S+ of orders is not what the events say",
    ),
    "a position": (
        lambda db: db.execute("UPDATE positions SET position=position+1"),
        r"row (alvh|condor) .* of positions is not what the events say",
    ),
    "cash": (
        lambda db: db.execute("UPDATE purses SET cash_usd='0.00' WHERE strategy='alvh'"),
        "row alvh of purses is not what the events say",
    ),
    "an event": (
        lambda db: db.execute("UPDATE events SET payload=payload||' ' WHERE seq=77"),
        "event 77 was changed after writing",
    ),
    "the end": (lambda db: db.execute("DELETE FROM events WHERE seq>900"), "event 901 is missing"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_journal_that_does_not_hold_is_not_continued(
    quarter: Replayed, world: World, tmp_path: Path, name: str
) -> None:
    assert quarter.journal is not None
    path = tmp_path / "j.db"
    copy(quarter.journal, path)
    edit, words = DAMAGE[name]
    with sqlite3.connect(path) as connection:
        edit(connection)
    connection.close()

    with pytest.raises(JournalDamaged, match=words):
        again(world, path)


def test_a_journal_of_another_profile_is_not_continued(
    quarter: Replayed, world: World, tmp_path: Path
) -> None:
    assert quarter.journal is not None
    path = tmp_path / "j.db"
    copy(quarter.journal, path)
    at = world.calendar.session(date(2018, 3, 29)).option_close_at
    identity = RunIdentity("sim", "S", world.seed, at, at.date(), at.date())

    with pytest.raises(ConfigError, match="is that of profile replay, mode R; it cannot go on as"):
        build_simulated(Settings(), world, SimulatedClock(at), identity, path, continues=True)


def test_records_go_on_in_sequence_and_only_after_the_recall(tmp_path: Path) -> None:
    path, entry = tmp_path / "j.db", order(condor_intent(quantity=1))
    book = Book(Decimal(100_000))
    journal = SqlJournal(path, book=book, wall_clock=wall_clock, durable=True)
    for record in (sent(entry), OrderAccepted(AT, entry.order_id)):
        journal.append(record)
        book.apply(record)
    journal.commit()
    journal.close()
    later = Book(Decimal(100_000))
    reopened = SqlJournal(path, book=later, wall_clock=wall_clock, durable=True, continues=True)

    with pytest.raises(InvariantBroken, match="is continued before its records were recalled"):
        reopened.append(filled(entry, CONDOR_PRICES))
    assert reopened.recall(later.apply) == 2
    fill = filled(entry, CONDOR_PRICES)
    reopened.append(fill)
    later.apply(fill)
    reopened.commit()
    reopened.close()

    with JournalReader(path) as reader:
        assert reader.verify() == 3
        assert [row.kind for row in reader.rows()][-1] == "order_filled"
        (shown,) = reader.table("orders")
    assert (shown["status"], shown["filled"]) == ("filled", 1)


def test_the_command_line_knows_every_kind_of_record() -> None:
    assert set(EVENT_KINDS) == set(KINDS)
