"""The profile `paper` through a whole week on real sockets, with everything that breaks."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from paper_week import Week, begin

from bot.events import EntryClosed, EntryResult, OrderApproved, RunResumed
from bot.journal.store import JournalReader
from bot.known_orders import KnownOrders
from bot.settings import Settings
from bot.world import historical_world
from brokers.unsuspended import run_now
from market.orders import (
    FillCharged,
    LineChanged,
    LineState,
    OrderFilled,
    PositionSettled,
)

LOST = "Connectivity between IBKR and Trader Workstation has been lost."
RESTORED = "Connectivity between IBKR and TWS has been restored- data maintained."
ROLLS_EARLY = "alvh.roll_near_dte=27"
START_USD = Decimal(250_000)


def january(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2018, 1, day, hour, minute, second, tzinfo=UTC)


def script(week: Week) -> None:
    """Two socket drops (one while an order works), a nightly reset, a kill while an order works."""
    week.drop_at(january(23, 21, 10, 5))
    for minute in range(20, 45, 5):
        week.say_at(january(24, 5, minute), 1100, LOST)
    week.say_at(january(24, 6, 0), 1102, RESTORED)
    week.drop_at(january(25, 16, 0, 5))
    week.kill_at(january(26, 21, 10, 5))


def cash_of(records: list[object]) -> Decimal:
    """Return the cash that a journal's records come to, by arithmetic of its own."""
    orders = {r.order.order_id: r.order.intent for r in records if isinstance(r, OrderApproved)}
    charges: dict[str, Decimal] = {}
    cash = START_USD
    for record in records:
        if isinstance(record, OrderFilled):
            assert record.order_id in orders
            cash += record.credit * 100 * record.quantity
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, FillCharged):
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, PositionSettled):
            cash += record.cash_usd
    return cash - sum(charges.values(), Decimal(0))


async def test_a_week_with_drops_a_reset_and_a_kill_ends_with_equal_books(tmp_path: Path) -> None:
    world = historical_world(Settings(), None, 7)
    week = await begin(world, january(22, 14, 0), tmp_path, ROLLS_EARLY)
    script(week)

    await week.run(until=january(26, 22, 0))

    with JournalReader(tmp_path / "journal.db") as reader:
        records: list[object] = list(reader.records())
        held = KnownOrders.of(reader.records()).held
    broker = week.server.venue.means.broker
    tickets = week.server.venue.desk.tickets
    references = [ticket.wire.order_ref for ticket in tickets]
    entries = [r.result for r in records if isinstance(r, EntryClosed)]
    downs = [r for r in records if isinstance(r, LineChanged) and r.state is LineState.DOWN]
    assert week.kills == 1
    assert len([r for r in records if isinstance(r, RunResumed)]) == 1
    assert len(downs) >= 3
    assert entries.count(EntryResult.OPENED) == 3
    assert any("roll_near" in name for name in references)
    assert len([r for r in records if isinstance(r, PositionSettled)]) == 8
    assert len(set(references)) == len(references) == 7
    assert held == run_now(broker.positions())
    assert cash_of(records) == run_now(broker.account()).cash_usd
    await week.close()


async def test_two_days_in_the_shadow_send_no_order_to_the_broker(tmp_path: Path) -> None:
    world = historical_world(Settings(), None, 7)
    week = await begin(world, january(22, 14, 0), tmp_path)
    week.profile = "shadow"
    week.kill_at(january(23, 21, 12))

    await week.run(until=january(24, 21, 30))

    with JournalReader(tmp_path / "journal.db") as reader:
        records = list(reader.records())
        started = reader.started()
    assert week.server.venue.desk.tickets == []
    assert started.is_simulated
    assert week.kills == 1
    assert len({r.order_id for r in records if isinstance(r, OrderFilled)}) == 4
    assert len([r for r in records if isinstance(r, PositionSettled)]) == 4
    await week.close()
