"""What must hold at every record of a replayed year, and how a replay begins, repeats and ends."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from bot_samples import Replayed, replay

from bot.bootstrap import Rig
from bot.events import DecisionMade, EntryClosed, EntryResult, EquityMarked, OrderApproved, Record
from bot.journal.codec import encode
from bot.replay import Window, check, replay_rig, walk, window
from bot.settings import Settings, load_settings
from bot.world import World
from brokers.base import AccountState
from brokers.unsuspended import run_now
from market.errors import ConfigError, InvariantBroken, NoSuchSession
from market.instruments import OptionContract, Right, TradingClass
from market.orders import OrderFilled, PositionSettled
from market.schedule import MomentName

ZERO = Decimal(0)
Side = tuple[TradingClass, date, Right]


@dataclass(frozen=True)
class Year:
    """A replayed year, and what its book held uncovered or too early on the way."""

    replayed: Replayed
    uncovered: list[tuple[Record, Side]]
    hedge_at_condor_fills: list[tuple[Record, float]]


def sides(positions: Mapping[OptionContract, int]) -> Counter[Side]:
    net = Counter[Side]()
    for contract, count in positions.items():
        net[contract.trading_class, contract.expiry, contract.right] += count
    return net


def hedge_share(rig: Rig) -> float:
    """Return the least share of its planned contracts that a layer holds.

    Near calls sold for their gain count as held until they are filled up again (R-19, R-23).
    """
    plan, alvh = rig.book.plan, rig.settings.alvh
    if plan is None or plan.units == 0:
        return 0.0
    positions = rig.book.positions()
    held = Counter[str](near=positions.hedge_memory.harvested_contracts)
    for position in positions.layers:
        held[position.layer] += position.contracts
    wanted = {"near": alvh.contracts_near, "mid": alvh.contracts_mid, "long": alvh.contracts_long}
    return min(held[layer] / (count * plan.units) for layer, count in wanted.items())


@pytest.fixture(scope="module")
def year(shifting_world: World) -> Year:
    """Return 2018, watched record by record."""
    uncovered: list[tuple[Record, Side]] = []
    hedge: list[tuple[Record, float]] = []

    def watch(rig: Rig, record: Record) -> None:
        net = sides(rig.book.ledger.positions())
        uncovered.extend((record, side) for side, count in net.items() if count < 0)
        if isinstance(record, OrderFilled):
            order = rig.book.orders[record.order_id].order
            if order.intent.strategy == "condor":
                hedge.append((record, hedge_share(rig)))

    replayed = replay(shifting_world, date(2018, 1, 2), date(2018, 12, 31), watch=watch)
    return Year(replayed, uncovered, hedge)


def campaigns(replayed: Replayed) -> dict[str, dict[str, Decimal]]:
    """Return of each condor campaign its profit, its fees and the bound of its loss, dollars."""
    orders = {each.order.order_id: each.order.intent for each in replayed.of(OrderApproved)}
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    owner: dict[OptionContract, str] = {}
    for fill in replayed.of(OrderFilled):
        intent = orders[fill.order_id]
        if intent.strategy == "condor":
            campaign = sums[intent.campaign]
            campaign["profit"] += fill.credit * fill.quantity * 100 - fill.fees_usd
            campaign["bound"] += fill.fees_usd
            campaign["rough_bound"] += fill.fees_usd
            if not intent.is_closing:
                strikes = [leg.contract.strike for leg in intent.legs]
                width = max(abs(strikes[0] - strikes[1]), abs(strikes[2] - strikes[3]))
                campaign["bound"] += (width - fill.credit) * fill.quantity * 100
                campaign["rough_bound"] += width * fill.quantity * 100
                owner |= {leg.contract: intent.campaign for leg in intent.legs}
    for settlement in replayed.of(PositionSettled):
        if settlement.contract.trading_class is TradingClass.SPXW:
            sums[owner[settlement.contract]]["profit"] += settlement.cash_usd
    return sums


def test_no_condor_loses_more_than_its_width_less_credit_and_fees(year: Year) -> None:
    found = campaigns(year.replayed)

    originals = [name for name in found if "/s" not in name]
    assert len(originals) == year.replayed.rig.summary.opened > 50
    assert len(found) > len(originals)  # the year has time shifts
    for name, campaign in found.items():
        assert campaign["profit"] >= -campaign["bound"] >= -campaign["rough_bound"], name
    assert min(campaign["profit"] for campaign in found.values()) < -1_000  # the year has losses


def test_no_short_leg_is_uncovered_at_any_record(year: Year) -> None:
    assert year.uncovered == []
    assert len(year.replayed.of(PositionSettled)) > 200


def test_no_condor_fills_before_the_hedge_is_held(year: Year) -> None:
    least = year.replayed.rig.settings.alvh.min_units_frac

    assert len(year.hedge_at_condor_fills) >= year.replayed.rig.summary.opened
    assert [share for _, share in year.hedge_at_condor_fills if share < least] == []


def test_every_session_has_one_entry_decision_and_one_outcome(year: Year, world: World) -> None:
    sessions = list(world.calendar.between(date(2018, 1, 2), date(2018, 12, 31)))
    made = [
        each.session
        for each in year.replayed.decisions
        if each.strategy == "condor" and each.moment == MomentName.ENTRY
    ]
    outcomes = year.replayed.of(EntryClosed)
    summary = year.replayed.rig.summary

    assert made == sessions
    assert [outcome.session for outcome in outcomes] == sessions
    assert summary.opened + summary.skipped.total() == len(sessions)
    for outcome in outcomes:
        assert (outcome.result is EntryResult.OPENED) == (outcome.quantity > 0)


def test_an_outcome_is_opened_just_when_its_order_filled(year: Year) -> None:
    orders = {each.order.order_id: each.order for each in year.replayed.of(OrderApproved)}
    filled = Counter[date]()
    for fill in year.replayed.of(OrderFilled):
        order = orders[fill.order_id]
        if order.intent.purpose == "entry":
            filled[order.session] += fill.quantity

    assert {each.session: each.quantity for each in year.replayed.of(EntryClosed)} == {
        day: filled[day] for day in (each.session for each in year.replayed.of(EntryClosed))
    }


def test_every_session_ends_with_one_equity_mark_that_adds_up(year: Year) -> None:
    marks = year.replayed.of(EquityMarked)

    assert len(marks) == year.replayed.rig.summary.sessions
    for mark in marks:
        assert mark.nlv_usd == mark.cash_usd + mark.condor_value_usd + mark.hedge_value_usd
        assert mark.unhedged_nlv_usd == mark.nlv_usd - mark.hedge_pnl_usd
        assert sum((layer.value_usd for layer in mark.layers), ZERO) == mark.hedge_value_usd


def test_records_never_run_back_in_time(year: Year) -> None:
    times = [record.at for record in year.replayed.records]

    assert times == sorted(times)


def texts(replayed: Replayed) -> list[tuple[str, str]]:
    return [encode(record) for record in replayed.records]


def test_the_same_seed_gives_the_same_records_and_another_seed_others(
    quarter: Replayed, world: World
) -> None:
    span = (date(2018, 1, 2), date(2018, 3, 29))

    again, other = replay(world, *span), replay(world, *span, seed=8)

    assert texts(again) == texts(quarter)
    assert texts(other) != texts(quarter)


def test_a_later_end_does_not_change_what_came_before(quarter: Replayed, world: World) -> None:
    month = replay(world, date(2018, 1, 2), date(2018, 1, 31))

    assert texts(month) == texts(quarter)[: len(month.records)]


def test_switched_off_condors_are_counted_as_disabled(world: World) -> None:
    settings = load_settings(overrides=["condor.enabled=false"])

    result = replay(world, date(2018, 1, 2), date(2018, 1, 12), settings=settings)

    assert result.rig.summary.skipped == {"DISABLED": 9}
    assert {each.strategy for each in result.decisions} == {"alvh"}


def test_switched_off_hedge_leaves_no_decisions_of_it(world: World) -> None:
    settings = load_settings(overrides=["alvh.enabled=false"])

    result = replay(world, date(2018, 1, 2), date(2018, 1, 12), settings=settings)

    assert {each.strategy for each in result.decisions} == {"condor", "shift"}


def a_rig(world: World) -> Rig:
    days = (date(2018, 1, 22), date(2018, 1, 26))
    rig = replay_rig(Settings(), world, Window(*days), 7)
    run_now(walk(rig, world.calendar.between(*days)))
    assert rig.book.ledger.holdings
    return rig


def test_a_contract_too_many_in_the_book_is_found(world: World) -> None:
    rig = a_rig(world)
    run_now(check(rig))
    key = next(iter(rig.book.ledger.holdings))

    rig.book.ledger.trade(key, 1, ZERO, date(2018, 1, 26))

    with pytest.raises(InvariantBroken, match=f"book and broker differ in {key[3].symbol}"):
        run_now(check(rig))


def test_a_cent_of_difference_in_cash_is_found(world: World) -> None:
    rig = a_rig(world)
    run_now(check(rig))

    rig.book.ledger.charge("condor", Decimal("0.01"))

    account: AccountState = run_now(rig.broker.account())
    with pytest.raises(InvariantBroken, match=rf"the exchange \${account.cash_usd}$"):
        run_now(check(rig))


def test_books_are_compared_after_every_session_of_a_walk(world: World) -> None:
    days = world.calendar.between(date(2018, 1, 22), date(2018, 1, 26))
    rig, seen = replay_rig(Settings(), world, Window(days[0], days[-1]), 7), list[date]()

    async def spoil(day: date) -> None:
        seen.append(day)
        rig.book.ledger.charge("condor", Decimal("0.01") * (day == days[2]))

    with pytest.raises(InvariantBroken, match="the exchange"):
        run_now(walk(rig, days, spoil))
    assert tuple(seen) == days[:3]


def test_a_walk_can_end_at_a_moment_of_its_last_session(world: World) -> None:
    days = (date(2018, 1, 22), date(2018, 1, 23))
    rig = replay_rig(Settings(), world, Window(*days), 7)
    records: list[Record] = []
    rig.engine.listen(records.append)

    run_now(walk(rig, days, until=MomentName.ENTRY))

    made = [each.decision for each in records if isinstance(each, DecisionMade)]
    assert (made[-1].session, made[-1].moment) == (date(2018, 1, 23), MomentName.ENTRY)
    assert rig.clock.now() == datetime(2018, 1, 23, 21, 10, tzinfo=UTC)


def test_after_each_session_a_hook_is_called(world: World) -> None:
    days = (date(2018, 1, 22), date(2018, 1, 23))
    rig, seen = replay_rig(Settings(), world, Window(*days), 7), list[date]()

    async def note(day: date) -> None:
        seen.append(day)

    run_now(walk(rig, days, note))

    assert tuple(seen) == days


def test_a_replay_that_waits_is_no_simulation() -> None:
    class Never:
        def __await__(self) -> Any:
            yield

    async def wait() -> None:
        await Never()

    with pytest.raises(InvariantBroken, match="may not wait"):
        run_now(wait())


def test_a_window_is_narrowed_to_sessions(world: World) -> None:
    assert window(world, date(2017, 12, 30), date(2018, 1, 7)) == Window(
        date(2018, 1, 2), date(2018, 1, 5)
    )


def test_reversed_dates_are_the_users_mistake(world: World) -> None:
    with pytest.raises(ConfigError, match="2018-02-02 lies after --to 2018-01-02; swap them"):
        window(world, date(2018, 2, 2), date(2018, 1, 2))


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2013, 12, 31), date(2014, 3, 1), "outside the history at hand, which runs from"),
        (date(2018, 12, 1), date(2030, 1, 1), "outside the history at hand, which runs from"),
        (date(2018, 1, 6), date(2018, 1, 7), "no trading session lies between"),
    ],
)
def test_a_window_without_history_is_the_users_mistake(
    world: World, first: date, last: date, words: str
) -> None:
    with pytest.raises(NoSuchSession, match=words):
        window(world, first, last)


def test_a_replay_needs_a_clock_that_jumps(world: World) -> None:
    rig = replace(a_rig(world), clock=_Standing())

    with pytest.raises(InvariantBroken, match="clock that can jump"):
        run_now(walk(rig, [date(2018, 1, 29)]))


class _Standing:
    """A clock that cannot jump."""

    def now(self) -> datetime:
        """Return one instant."""
        return datetime(2018, 1, 29, tzinfo=UTC)
