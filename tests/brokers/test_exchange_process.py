"""The exchange with a file and a socket of its own: nothing forgotten, nobody foreign served."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_venue import (
    AT,
    MONDAY,
    MONDAY_CLOSE,
    HandClock,
    StillMarket,
    approved,
    calendar,
    exchange,
)

from brokers.sim.broker import SimBroker
from brokers.sim.client import ExchangeClient
from brokers.sim.server import ExchangeServer, ToldClock
from brokers.sim.store import ExchangeStore
from brokers.sim.wire import Fault, Question, Verb, answer_of, line_of
from market.errors import BooksDiffer, BrokerUnavailable, ConfigError, JournalUnavailable
from market.instruments import TradingClass
from market.orders import BrokerEvent, OrderAccepted, OrderFilled, PositionSettled, PriceWalk

FACTS = {"market": "by hand", "seed": "7"}
LATER = AT + timedelta(days=10)


def market_that_settles() -> StillMarket:
    market = StillMarket()
    market.settlements[TradingClass.SPXW, MONDAY] = (Decimal("2750"), MONDAY_CLOSE)
    return market


def venue(store: ExchangeStore, clock: HandClock | None = None) -> SimBroker:
    now = clock or HandClock()
    return SimBroker(exchange(), market_that_settles(), calendar(), now, store)


@dataclass
class Served:
    """A server that listens, and where."""

    server: ExchangeServer
    path: Path


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Served]:
    clock = ToldClock(AT)
    with ExchangeStore(folder / "exchange.db") as store:
        broker = SimBroker(exchange(), market_that_settles(), calendar(), clock.now, store)
        server = ExchangeServer(broker, store, clock, FACTS)
        is_ready, path = asyncio.Event(), folder / "exchange.sock"
        task = asyncio.create_task(server.serve(path, is_ready.set))
        await asyncio.wait_for(is_ready.wait(), 10)
        try:
            yield Served(server, path)
        finally:
            server.stop()
            await asyncio.wait_for(task, 10)


async def talk(path: Path, *lines: bytes) -> list[bytes]:
    reader, writer = await asyncio.open_unix_connection(path)
    answers = []
    for line in lines:
        writer.write(line)
        answers.append(await asyncio.wait_for(reader.readline(), 10))
    writer.close()
    return answers


async def test_an_exchange_goes_on_from_its_file_and_settles_once(tmp_path: Path) -> None:
    with ExchangeStore(tmp_path / "exchange.db") as store:
        await venue(store).submit(approved("1.25"))
    clock = HandClock(MONDAY_CLOSE)

    with ExchangeStore(tmp_path / "exchange.db") as store:
        venue(store, clock).advance(MONDAY_CLOSE)
    with ExchangeStore(tmp_path / "exchange.db") as store:
        again = venue(store, clock)
        again.advance(LATER)
        events = store.events_after(0)

    kinds = [type(event) for event in events]
    assert kinds[:2] == [OrderAccepted, OrderFilled]
    assert kinds.count(PositionSettled) == 4
    assert await again.positions() == {}


@given(
    gaps=st.lists(st.integers(1, 90), min_size=1, max_size=12), deaths=st.sets(st.integers(0, 11))
)
async def test_deaths_between_calls_change_no_event(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], deaths: set[int]
) -> None:
    walk = PriceWalk(step_points=Decimal("0.05"), every=timedelta(seconds=30), times=3)
    order = approved("1.55", quantity=6, walk=walk)

    async def lived(deaths: set[int]) -> tuple[BrokerEvent, ...]:
        path, at = tmp_path_factory.mktemp("lives") / "exchange.db", AT
        clock, store = HandClock(), ExchangeStore(path)
        life = venue(store, clock)
        await life.submit(order)
        for number, gap in enumerate(gaps):
            if number in deaths:
                store.close()
                store = ExchangeStore(path)
                life = venue(store, clock)
            clock.at = at = at + timedelta(seconds=gap)
            life.advance(at)
        events = store.events_after(0)
        store.close()
        return events

    assert await lived(deaths) == await lived(set())


async def test_what_a_bot_did_not_hear_is_told_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        first = ExchangeClient(served.path, lambda: AT, FACTS)
        await asyncio.to_thread(asyncio.run, first.submit(approved("1.25")))
        told = first.drain()
        await first.close()

        second = ExchangeClient(served.path, lambda: AT, FACTS)
        await asyncio.to_thread(asyncio.run, second.retell(1))

        assert second.drain() == told[1:] != ()
        await second.close()


async def test_more_heard_than_told_is_another_account(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = ExchangeClient(served.path, lambda: AT, FACTS)

        with pytest.raises(BooksDiffer, match="told 0 events, the journal heard 3"):
            await asyncio.to_thread(asyncio.run, client.retell(3))


async def test_a_second_bot_hears_who_trades(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        first = ExchangeClient(served.path, lambda: AT, FACTS)
        await asyncio.to_thread(asyncio.run, first.connect())
        second = ExchangeClient(served.path, lambda: AT, FACTS, patience_s=0.0)

        with pytest.raises(BrokerUnavailable, match=r"serves process .* only one bot may trade"):
            await asyncio.to_thread(asyncio.run, second.connect())
        await first.close()


async def test_bot_and_exchange_must_mean_the_same_market(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        client = ExchangeClient(served.path, lambda: AT, FACTS | {"seed": "8"})

        with pytest.raises(ConfigError, match="runs seed 7, the bot 8"):
            await asyncio.to_thread(asyncio.run, client.connect())


async def test_an_absent_exchange_is_named_with_the_remedy(tmp_path: Path) -> None:
    client = ExchangeClient(tmp_path / "none.sock", lambda: AT, FACTS, patience_s=0.0)

    with pytest.raises(BrokerUnavailable, match=r"there is no such socket.*alvh exchange --socket"):
        await client.connect()


async def test_the_socket_is_its_owners_alone_and_goes_with_the_exchange(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        mode = stat.S_IMODE(served.path.stat().st_mode)
        with pytest.raises(ConfigError, match="in use by process"):
            await served.server.serve(served.path, lambda: None)

    assert mode == 0o600
    assert not served.path.exists()


@given(line=st.binary(max_size=200))
async def test_no_line_harms_the_exchange(
    tmp_path_factory: pytest.TempPathFactory, line: bytes
) -> None:
    with ExchangeStore(tmp_path_factory.mktemp("noise") / "exchange.db") as store:
        server = ExchangeServer(venue(store), store, ToldClock(AT), FACTS)

        answer = await server.answer(line)

        assert answer.fault is Fault.QUESTION
        assert store.events_told == 0


async def test_noise_on_the_line_is_answered_and_the_line_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        noise, sense = await talk(served.path, b"{}\n", line_of(Question(5, Verb.HELLO)))

        assert answer_of(noise).fault is Fault.QUESTION
        assert answer_of(sense).number == 5


def test_a_store_of_another_market_is_refused(tmp_path: Path) -> None:
    with ExchangeStore(tmp_path / "exchange.db") as store:
        store.bind(FACTS)

        with pytest.raises(ConfigError, match="was begun with seed 7, not 8"):
            store.bind(FACTS | {"seed": "8"})


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(ConfigError, match="is no file of an exchange"):
        ExchangeStore(path)


async def test_what_cannot_be_kept_is_not_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "exchange.db"
    with ExchangeStore(path, lock_wait_s=0.0) as store:
        broker = venue(store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalUnavailable, match="database is locked"):
            await broker.submit(approved("1.25"))

        assert broker.drain() == ()
        other.close()
    with ExchangeStore(path) as store:
        assert store.events_told == 0


def test_time_never_runs_back_for_the_exchange(tmp_path: Path) -> None:
    clock = ToldClock(AT)

    clock.tell(AT - timedelta(hours=1))

    assert clock.now() == AT
