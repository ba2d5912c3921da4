"""The profile `paper` through a whole week on real sockets, with everything that breaks."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from paper_week import Account, a_week

from bot.events import EntryClosed, EntryResult, MarketUnseen, OrderApproved, RunResumed
from bot.journal.store import JournalReader
from bot.known_orders import KnownOrders
from brokers.ib.contracts import parse_local_symbol
from market.orders import (
    FillCharged,
    FillReviewed,
    LineChanged,
    LineState,
    OrderFilled,
    OrderRejected,
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


RESET_AT, ROLL_CUT_AT = january(24, 5, 15), january(25, 16, 0, 0.5)
KILLED_AT = january(26, 21, 10, 0.5)
RESTART_AT = january(26, 4, 50)
ROLL, LAST_CONDOR = "P-20180125-alvh-roll_near-1", "P-20180126-condor-entry-1"
T = TypeVar("T")


class Journal:
    """What a run's journal tells of its week."""

    def __init__(self, folder: Path) -> None:
        with JournalReader(folder / "journal.db") as reader:
            self.records = list(reader.records())
            self.held = KnownOrders.of(reader.records()).held
            self.is_simulated = reader.started().is_simulated

    def of(self, kind: type[T]) -> list[T]:
        """Return the records of a kind."""
        return [record for record in self.records if isinstance(record, kind)]

    def approved(self) -> list[str]:
        """Return the ids of the orders that were approved."""
        return sorted(record.order.order_id for record in self.of(OrderApproved))

    def down_at(self) -> set[datetime]:
        """Return when the line went down."""
        return {r.at for r in self.of(LineChanged) if r.state is LineState.DOWN}

    def worked_at(self, at: datetime) -> list[str]:
        """Return the orders that were approved before an instant and filled after it."""
        since = {r.order.order_id: r.at for r in self.of(OrderApproved)}
        until = {r.order_id: r.at for r in self.of(OrderFilled)}
        return [name for name in since if since[name] < at < until[name]]

    def cash(self) -> Decimal:
        """Return the cash that the records come to, by arithmetic of its own."""
        fills = {fill.fill_id: fill for fill in self.of(OrderFilled)}
        charges = {name: fill.fees_usd for name, fill in fills.items()}
        charges |= {r.fill_id: r.fees_usd for r in self.of(FillCharged)}
        cash = sum((r.cash_usd for r in self.of(PositionSettled)), START_USD)
        cash += sum((r.credit * 100 * r.quantity for r in fills.values()), Decimal(0))
        return cash - sum(charges.values(), Decimal(0))


async def test_a_week_with_drops_a_reset_and_a_kill_ends_with_equal_books(tmp_path: Path) -> None:
    async with a_week(tmp_path, MONDAY, FAULTS, ROLLS_EARLY) as week:
        week.kill_at(KILLED_AT)
        for day in range(22, 27):
            week.look_at(january(day, 22, 0))

        await week.run(until=january(26, 22, 1))

    journal, account = Journal(tmp_path / "run"), week.account
    results = [record.result for record in journal.of(EntryClosed)]
    reviewed = {record.order_id for record in journal.of(FillReviewed)}
    assert (week.kills, len(journal.of(RunResumed))) == (1, 1)
    assert journal.down_at() > {RESET_AT, ROLL_CUT_AT}
    assert results.count(EntryResult.OPENED) == 3
    assert len(journal.of(PositionSettled)) == 8
    assert journal.worked_at(ROLL_CUT_AT) == [ROLL]
    assert journal.worked_at(KILLED_AT) == [LAST_CONDOR]
    assert reviewed == set(journal.approved()) - {ROLL, LAST_CONDOR}  # nobody watched those fill
    assert sorted(account.perm_ids) == journal.approved()
    assert {len(perm_ids) for perm_ids in account.perm_ids.values()} == {1}
    assert journal.held == {parse_local_symbol(n): held for n, held in account.positions.items()}
    assert journal.cash() == account.cash_usd


async def test_a_week_of_storms_ends_with_equal_books(tmp_path: Path) -> None:
    storms = (Path(__file__).parent / "storms.toml").read_text(encoding="utf-8")
    async with a_week(tmp_path, MONDAY, storms, ROLLS_EARLY) as week:
        for day in range(22, 27):
            week.look_at(january(day, 22, 0))

        await week.run(until=january(26, 22, 1))

    journal, account = Journal(tmp_path / "run"), week.account
    unseen = [(record.at, record.reason[-14:]) for record in journal.of(MarketUnseen)]
    results = [record.result for record in journal.of(EntryClosed)]
    assert unseen == [
        (january(22, 16, 0), "way is closed."),
        (january(24, 18, 0), " (code 10197)."),
    ]
    assert {r.code for r in journal.of(LineChanged)} == {None, 1100, 2103, 2104}
    assert {january(25, 16, 0, 0.5), RESTART_AT, january(26, 5, 15)} < journal.down_at()
    assert results.count(EntryResult.OPENED) == 3
    assert journal.of(OrderRejected) == []
    assert sorted(account.perm_ids) == journal.approved()
    assert {len(perm_ids) for perm_ids in account.perm_ids.values()} == {1}
    assert journal.held == {parse_local_symbol(n): held for n, held in account.positions.items()}
    assert journal.cash() == account.cash_usd


async def test_two_days_in_the_shadow_send_no_order_to_the_broker(tmp_path: Path) -> None:
    async with a_week(tmp_path, MONDAY) as week:
        week.profile = "shadow"
        week.kill_at(january(23, 21, 12))
        week.look_at(january(23, 21, 20))
        week.look_at(january(24, 21, 20))

        await week.run(until=january(24, 21, 30))

    journal = Journal(tmp_path / "run")
    assert week.account == Account({}, {}, START_USD)
    assert journal.is_simulated
    assert week.kills == 1
    assert len({record.order_id for record in journal.of(OrderFilled)}) == 4
    assert len(journal.of(PositionSettled)) == 4
