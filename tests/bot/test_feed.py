"""The feed of the dashboard over a file and over PostgreSQL: what is committed arrives, and a
journal that cannot be written is noticed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from bot_samples import AT, CONDOR_PRICES, condor_intent, filled, order, sent
from sqlalchemy import text

from bot.book import Book
from bot.events import Record
from bot.journal.place import Target, place_of, writing
from bot.journal.reader import JournalReader
from bot.journal.store import SqlJournal
from bot.web.facts import Facts
from bot.web.feed import Feed
from bot.web.monitor import file_probe, server_probe
from market.orders import OrderAccepted

ENTRY = order(condor_intent())
RECORDS = (
    sent(ENTRY),
    OrderAccepted(AT, ENTRY.order_id),
    filled(ENTRY, CONDOR_PRICES, quantity=2),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Return a place where a journal may be made."""
    if request.param == "sqlite":
        return tmp_path / "j.db"
    url: str = request.getfixturevalue("postgres").database()
    return url


def writer(target: Target) -> tuple[SqlJournal, Callable[[Record], None]]:
    """Return a journal, and how a record is committed to it."""
    book = Book(Decimal(100_000))
    journal = SqlJournal(
        target, book=book, wall_clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), durable=True
    )

    def commit(record: Record) -> None:
        journal.append(record)
        book.apply(record)
        journal.commit()

    return journal, commit


async def test_each_commit_reaches_facts_and_streams(target: Target) -> None:
    journal, commit = writer(target)
    commit(RECORDS[0])
    facts = Facts()
    with JournalReader(target) as reader:
        feed = Feed(facts, reader)
        await feed.load()
        seen: list[int] = []

        async def follow() -> None:
            async for news in feed.follow(0, 5.0):
                seen.extend([] if news is None else [news.seq])

        following = asyncio.create_task(follow())
        for record in RECORDS[1:]:
            commit(record)
            feed.pump()
            await asyncio.sleep(0)
        while len(seen) < 3:
            await asyncio.sleep(0.001)
        feed.close()
        await following
    journal.close()

    assert seen == [1, 2, 3]
    assert facts.seq == 3
    assert facts.counts == {"order_approved": 1, "order_accepted": 1, "order_filled": 1}
    assert [type(record) for record in facts.stories[ENTRY.order_id].records] == [
        type(record) for record in RECORDS[1:]
    ]


def test_a_stream_of_long_ago_is_read_from_the_journal(target: Target) -> None:
    journal, commit = writer(target)
    for record in RECORDS:
        commit(record)
    facts = Facts()
    with JournalReader(target) as reader:
        facts.take(reader.rows())
        facts.news.clear()
        feed = Feed(facts, reader)

        async def first_two() -> list[int]:
            found: list[int] = []
            async for news in feed.follow(1, 5.0):
                assert news is not None
                found.append(news.seq)
                if len(found) == 2:
                    return found
            return found

        seen = asyncio.run(first_two())
    journal.close()

    assert seen == [2, 3]


def test_a_server_that_has_lost_the_journal_is_noticed(target: Target) -> None:
    journal, commit = writer(target)
    commit(RECORDS[0])
    with JournalReader(target) as reader:
        fault = server_probe(lambda: list(reader.rows(limit=1)))
        before = fault()
        journal.close()
        engine = writing(place_of(target), durable=True)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE events"))
        engine.dispose()
        after = fault()

    assert before is None
    assert after is not None
    assert "damaged" in after


def test_a_file_that_was_replaced_or_whose_folder_is_gone_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "journal.db"
    path.touch()
    fault = file_probe(path)
    before = fault()

    (folder / "other.db").touch()
    (folder / "other.db").replace(path)
    replaced = fault()
    path.unlink()
    gone = fault()

    assert before is None
    assert replaced == "the journal's file was replaced by another"
    assert gone == "the journal's folder takes no write (No such file or directory)"
