"""Our book against the broker's: what is told, and what a person's word takes over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from bot_samples import (
    CONDOR_LEGS,
    CONDOR_PRICES,
    LONG_CALL,
    LONG_PUT,
    SHORT_PUT,
    VIX_CALL,
    book_after,
    condor_intent,
    filled,
    hedge_intent,
    order,
    sent,
)

from bot.book import Book
from bot.clock import SimulatedClock
from bot.events import BooksAdopted, MomentDue
from bot.gateway_rig import PAPER_ACCOUNT, build_gateway
from bot.journal.check import verify
from bot.order_states import OrderStatus
from bot.paper import build_adapter, build_paper
from bot.reconcile import BrokerBooks, adoption, differences
from bot.reconciling import meet
from bot.settings import Settings, load_settings
from bot.startup import take_up
from bot.world import World, historical_world
from brokers.gateway.server import GatewayServer
from market.errors import ConfigError, NotPaper
from market.orders import ApprovedOrder, Leg, Order, OrderIntent
from market.schedule import MomentName

AT = datetime(2018, 1, 22, 16, 0, tzinfo=UTC)


def holding_book() -> tuple[Book, Order]:
    """Return a book with one condor of 2 and a call order at work."""
    entry, hedge = order(condor_intent()), order(hedge_intent(), "2")
    return book_after(sent(entry), filled(entry, CONDOR_PRICES, quantity=2), sent(hedge)), hedge


def agreeing(book: Book) -> BrokerBooks:
    working = frozenset(state.order.order_id for state in book.working())
    return BrokerBooks(dict(book.ledger.positions()), working, book.ledger.cash_usd)


def test_books_that_agree_have_no_differences_and_nothing_to_adopt() -> None:
    book, _ = holding_book()
    broker = agreeing(book)

    assert differences(book, broker) == ()
    assert adoption(book, broker, AT) is None


def test_each_difference_shows_both_books_and_a_reason() -> None:
    book, hedge = holding_book()
    same = agreeing(book)
    broker = replace(
        same,
        positions={**same.positions, LONG_PUT: 1, VIX_CALL: 3},
        open_orders=frozenset(),
        cash_usd=same.cash_usd + 5,
        strangers=("an order that this bot never sent works at the broker",),
    )

    told = {each.subject: (each.ours, each.theirs) for each in differences(book, broker)}

    assert told[LONG_PUT.symbol] == ("+2", "+1")
    assert told[VIX_CALL.symbol] == ("+0", "+3")
    assert told[f"order {hedge.order_id}"] == ("works", "over")
    assert told["not ours"][1] == "an order that this bot never sent works at the broker"
    assert len(told) == 5


def test_adopting_makes_the_books_agree() -> None:
    book, hedge = holding_book()
    same = agreeing(book)
    held = {**same.positions, LONG_PUT: 1, VIX_CALL: 3}
    broker = replace(same, positions=held, open_orders=frozenset(), cash_usd=Decimal("98765.43"))
    record = adoption(book, broker, AT)
    assert record is not None

    book.apply(record)

    assert differences(book, broker) == ()
    assert book.orders[hedge.order_id].status is OrderStatus.CANCELLED
    assert book.ledger.cash_usd == Decimal("98765.43")


def test_what_is_left_of_a_touched_condor_is_no_strategys() -> None:
    book, _ = holding_book()
    broker = replace(agreeing(book), positions={LONG_CALL: 2, LONG_PUT: 2, SHORT_PUT: -2})
    record = adoption(book, broker, AT)
    assert record is not None

    book.apply(record)

    assert book.positions().condors == ()
    assert {each.strategy for each in book.ledger.holdings.values()} == {"adopted"}
    assert len(CONDOR_LEGS) - 1 == len(book.ledger.positions())


@pytest.fixture(scope="module")
def world() -> World:
    return historical_world(Settings(), None, 7)


@dataclass
class Account:
    """A gateway, its clock, and the settings that lead to it."""

    server: GatewayServer
    clock: SimulatedClock
    settings: Settings

    def pass_time(self) -> None:
        self.clock.jump(self.clock.now() + timedelta(seconds=2))
        self.server.pulse()


@asynccontextmanager
async def account_on(world: World) -> AsyncIterator[Account]:
    clock = SimulatedClock(AT)
    server = build_gateway(Settings(), world, clock, 7, account=PAPER_ACCOUNT)
    await server.start("127.0.0.1", 0)
    given = (f"ib.port={server.port}", f"ib.account={PAPER_ACCOUNT}", "ib.lockstep=127.0.0.1:1")
    try:
        yield Account(server, clock, load_settings(overrides=given, environment={}))
    finally:
        await server.stop()


async def buy_the_hedge(account: Account, folder: Path) -> None:
    """Run the bot up to its first hedge orders and their fills, and end it."""
    run = await build_paper(
        account.settings, account.clock, folder / "journal.db", 7, continues=False
    )
    rig = run.rig
    await take_up(rig.broker, rig.shell, rig.book, 0, account.clock.now(), sends_again=False)
    session = account.clock.now().date()
    moment = next(m for m in rig.moments(session) if m.name is MomentName.HEDGE_WINDOW)
    await rig.shell.handle(MomentDue(moment))
    account.pass_time()
    await run.adapter.broker.quiet()
    await rig.shell.hear_broker()
    assert len(rig.book.positions().layers) == 3
    await rig.broker.close()
    rig.journal.close()


async def sell_by_hand(account: Account, folder: Path) -> None:
    """Sell one call of the account as a person at another terminal would."""
    keys = account.settings.ib.model_copy(update={"client_id": 900})
    other = account.settings.model_copy(update={"ib": keys})
    broker = build_adapter(other, account.clock, may_be_delayed=False).broker
    await broker.connect()
    contract = min(await broker.positions(), key=lambda each: each.strike)
    until = account.clock.now() + timedelta(minutes=1)
    intent = OrderIntent("hand", "sell", "hand", (Leg(contract, -1),), 1, Decimal("0.10"), until)
    await broker.submit(ApprovedOrder(Order("by-hand", AT.date(), intent), "a person"))
    account.pass_time()
    await broker.quiet()
    await broker.close()


async def test_a_trade_by_hand_is_shown_and_taken_over_by_a_persons_word(
    world: World, tmp_path: Path
) -> None:
    async with account_on(world) as account:
        await buy_the_hedge(account, tmp_path)
        await sell_by_hand(account, tmp_path)

        with meet(account.settings, tmp_path, account.clock) as meeting:
            await meeting.look()
            subjects = [each.subject for each in meeting.differences]
            sentence = meeting.adopt()
        with meet(account.settings, tmp_path, account.clock) as again:
            await again.look()
            left = [each.subject for each in again.differences]

    assert [each.partition(" ")[0] for each in subjects] == ["VIXW", "cash"]
    assert sentence.startswith("By a person's word the book takes over what the broker says: VIXW")
    assert left == []
    assert verify(tmp_path / "journal.db") > 0


async def test_a_run_without_differences_agrees(world: World, tmp_path: Path) -> None:
    async with account_on(world) as account:
        await buy_the_hedge(account, tmp_path)

        with meet(account.settings, tmp_path, account.clock) as meeting:
            await meeting.look()

            assert meeting.differences == ()


def test_a_folder_without_a_paper_run_is_refused(tmp_path: Path) -> None:
    settings = load_settings(overrides=[f"ib.account={PAPER_ACCOUNT}"], environment={})

    with pytest.raises(ConfigError), meet(settings, tmp_path):
        pass


def test_the_lock_holds_here_as_well(tmp_path: Path) -> None:
    settings = load_settings(overrides=["ib.account=U7654321"], environment={})

    with pytest.raises(NotPaper), meet(settings, tmp_path):
        pass


def test_an_adoption_is_a_record_like_any_other() -> None:
    record = BooksAdopted(AT, {VIX_CALL.symbol: 1}, (), Decimal(1), "said")

    assert record.positions == {"VIX 2018-03-21 16 C": 1}
