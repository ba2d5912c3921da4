"""The profile `paper` through a whole week on real sockets, with everything that breaks."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from paper_week import a_week

from bot.events import EntryClosed, EntryResult, OrderApproved, RunResumed
from bot.journal.store import JournalReader
from bot.known_orders import KnownOrders
from brokers.ib.contracts import parse_local_symbol
from market.orders import (
    FillCharged,
    LineChanged,
    LineState,
    OrderFilled,
    PositionSettled,
)

START_USD = Decimal(250_000)
MONDAY = datetime(2018, 1, 22, 9, 0)  # noqa: DTZ001 - a wall clock in New York, as --at takes it
ROLLS_EARLY = "\n[alvh]\nroll_near_dte = 27\n"
# Two socket drops, one behind an order whose acknowledgement is lost, and one while a roll works;
# a nightly reset of 45 minutes with 1100 every minute and an account of zeros.
FAULTS = """
[[fault]]
kind = "drop"
on = "place_order"
nth = 4
when = "after"

[[fault]]
kind = "reset"
at = 2018-01-24T00:15:00
seconds = 2700

[[fault]]
kind = "drop"
at = 2018-01-25T11:00:00.5
"""


def january(day: int, hour: int, minute: int, second: float = 0) -> datetime:
    return datetime(2018, 1, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


KILLED_AT = january(26, 21, 10, 0.5)


def worked_at(records: Iterable[object], at: datetime) -> list[str]:
    """Return the orders that were approved before an instant and filled after it."""
    since = {r.order.order_id: r.at for r in records if isinstance(r, OrderApproved)}
    until = {r.order_id: r.at for r in records if isinstance(r, OrderFilled)}
    return [name for name in since if since[name] < at < until[name]]


def cash_of(records: Iterable[object]) -> Decimal:
    """Return the cash that a journal's records come to, by arithmetic of its own."""
    orders: set[str] = set()
    charges: dict[str, Decimal] = {}
    cash = START_USD
    for record in records:
        if isinstance(record, OrderApproved):
            orders.add(record.order.order_id)
        elif isinstance(record, OrderFilled):
            assert record.order_id in orders
            cash += record.credit * 100 * record.quantity
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, FillCharged):
            charges[record.fill_id] = record.fees_usd
        elif isinstance(record, PositionSettled):
            cash += record.cash_usd
    return cash - sum(charges.values(), Decimal(0))


async def test_a_week_with_drops_a_reset_and_a_kill_ends_with_equal_books(tmp_path: Path) -> None:
    async with a_week(tmp_path, MONDAY, FAULTS, ROLLS_EARLY) as week:
        week.kill_at(KILLED_AT)
        for day in range(22, 27):
            week.look_at(january(day, 22, 0))

        await week.run(until=january(26, 22, 1))

    with JournalReader(tmp_path / "run" / "journal.db") as reader:
        records = list(reader.records())
        held = KnownOrders.of(reader.records()).held
    entries = [r.result for r in records if isinstance(r, EntryClosed)]
    downs = [r for r in records if isinstance(r, LineChanged) and r.state is LineState.DOWN]
    approved = [r.order.order_id for r in records if isinstance(r, OrderApproved)]
    sent = week.account.perm_ids
    assert week.kills == 1
    assert len([r for r in records if isinstance(r, RunResumed)]) == 1
    assert {january(24, 5, 15), january(25, 16, 0, 0.5)} < {r.at for r in downs}
    assert entries.count(EntryResult.OPENED) == 3
    assert any("roll_near" in name for name in sent)
    assert len([r for r in records if isinstance(r, PositionSettled)]) == 8
    assert worked_at(records, january(25, 16, 0, 0.5)) == ["P-20180125-alvh-roll_near-1"]
    assert worked_at(records, KILLED_AT) == ["P-20180126-condor-entry-1"]
    assert sorted(sent) == sorted(approved)
    assert {name: len(perm_ids) for name, perm_ids in sent.items()} == dict.fromkeys(sent, 1)
    assert held == {parse_local_symbol(n): held for n, held in week.account.positions.items()}
    assert cash_of(records) == week.account.cash_usd


async def test_two_days_in_the_shadow_send_no_order_to_the_broker(tmp_path: Path) -> None:
    async with a_week(tmp_path, MONDAY) as week:
        week.profile = "shadow"
        week.kill_at(january(23, 21, 12))
        week.look_at(january(23, 21, 20))
        week.look_at(january(24, 21, 20))

        await week.run(until=january(24, 21, 30))

    with JournalReader(tmp_path / "run" / "journal.db") as reader:
        records = list(reader.records())
        started = reader.started()
    assert week.account.perm_ids == {}
    assert week.account.positions == {}
    assert week.account.cash_usd == START_USD
    assert started.is_simulated
    assert week.kills == 1
    assert len({r.order_id for r in records if isinstance(r, OrderFilled)}) == 4
    assert len([r for r in records if isinstance(r, PositionSettled)]) == 4
