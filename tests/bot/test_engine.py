"""One event in, records and commands out: what the engine does at each kind of event."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_PRICES,
    CUTOFF_AT,
    FRIDAY,
    MONDAY,
    REVIEW_AT,
    SHORT_PUT,
    VIX_CALL,
    OneOrder,
    condor_intent,
    engine_of,
    filled,
    hedge_intent,
    moment,
    order,
    snapshot,
)

from bot.agreement import check_books_agree
from bot.commands import CancelOrder, Command, FetchSnapshot, SubmitOrder
from bot.engine import Engine
from bot.events import (
    BrokerReported,
    DecisionMade,
    EntryClosed,
    EntryResult,
    EquityMarked,
    LayerMark,
    MarketSeen,
    MomentDue,
    MomentMissed,
    MomentReached,
    MomentSkipped,
    OrderApproved,
    OrderStopped,
    Record,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.risk import RiskParams
from bot.world import World
from market.errors import InvariantBroken
from market.orders import (
    ApprovedOrder,
    Order,
    OrderCancelled,
    OrderIntent,
    OrderRejected,
    PriceWalk,
)
from market.quotes import SnapshotRequest
from market.schedule import MomentName

ENTRY = moment(MomentName.ENTRY)
CUTOFF = moment(MomentName.ENTRY_CUTOFF, CUTOFF_AT)
REVIEW = moment(MomentName.HEDGE_REVIEW, REVIEW_AT)
ASKED = ("condor",)
SOLD = Order("T-20180202-condor-entry-1", FRIDAY, condor_intent())


class Bench:
    """An engine with one strategy, and all that it recorded."""

    def __init__(self, world: World, *strategies: OneOrder, risk: RiskParams | None = None) -> None:
        self.records: list[Record] = []
        self.engine: Engine = engine_of(world, strategies, self.records.append, risk=risk)

    def enter(self) -> list[Command]:
        """Take the entry moment to its decision; return the commands that follow."""
        self.engine.step(MomentDue(ENTRY))
        return self.engine.step(SnapshotTaken(ENTRY, ASKED, snapshot()))

    def close_entry(self) -> tuple[list[Command], EntryClosed]:
        """Take the entry cut-off; return the commands and the outcome."""
        commands = self.engine.step(MomentDue(CUTOFF))
        closed = self.records[-1]
        assert isinstance(closed, EntryClosed)
        return commands, closed


def selling(*intents: OrderIntent) -> OneOrder:
    return OneOrder(intents or (condor_intent(),))


def outcome(result: EntryResult, reason: str, quantity: int = 0) -> EntryClosed:
    return EntryClosed(CUTOFF_AT, FRIDAY, result, reason, quantity)


def kinds(records: Sequence[Record]) -> list[type]:
    return [type(record) for record in records]


def test_a_moment_asks_for_what_strategies_need(world: World) -> None:
    bench = Bench(world, selling())

    commands = bench.engine.step(MomentDue(ENTRY))

    assert commands == [FetchSnapshot(ENTRY, ("condor",), SnapshotRequest())]
    assert bench.records == [MomentReached(AT, FRIDAY, "entry")]


def test_a_moment_that_concerns_nobody_asks_for_nothing(world: World) -> None:
    bench = Bench(world, selling())

    assert bench.engine.step(MomentDue(moment(MomentName.OPEN))) == []


def test_a_snapshot_leads_to_a_decision_and_an_approved_order(world: World) -> None:
    bench = Bench(world, selling())

    commands = bench.enter()

    assert commands == [SubmitOrder(ApprovedOrder(SOLD, "9 limits kept"))]
    assert kinds(bench.records) == [MomentReached, MarketSeen, DecisionMade, OrderApproved]
    assert bench.records[-1] == OrderApproved(AT, FRIDAY, SOLD, "9 limits kept")


def test_the_view_shows_the_account_and_only_what_is_known(world: World) -> None:
    strategy = selling()
    bench = Bench(world, strategy)

    bench.enter()

    (view,) = strategy.views
    assert view.capital.nlv_usd == view.capital.cash_usd == Decimal(100_000)
    assert view.vix_closes.get(FRIDAY) == 17.31
    assert view.vix_closes.get(MONDAY) is None
    assert view.positions.working == ()


def test_only_strategies_that_asked_decide(world: World) -> None:
    silent = OneOrder((), name="alvh", at=MomentName.HEDGE_WINDOW)
    bench = Bench(world, selling(), silent)

    bench.enter()

    assert silent.views == []


def test_a_later_strategy_sees_the_orders_of_the_one_before(world: World) -> None:
    second = OneOrder((), name="alvh")
    bench = Bench(world, selling(), second)

    bench.engine.step(SnapshotTaken(ENTRY, ("condor", "alvh"), snapshot()))

    assert second.views[0].positions.working == (condor_intent(),)


def test_the_same_decision_twice_gets_another_attempt_of_the_same_name(world: World) -> None:
    bench = Bench(world, selling())

    bench.enter()
    (again,) = bench.engine.step(SnapshotTaken(ENTRY, ASKED, snapshot()))

    assert isinstance(again, SubmitOrder)
    assert again.approved.order.order_id == "T-20180202-condor-entry-2"


def test_a_filled_entry_is_opened(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()

    bench.engine.step(BrokerReported(filled(SOLD, CONDOR_PRICES, quantity=2)))

    assert bench.close_entry() == ([], outcome(EntryResult.OPENED, "FILLED", 2))


def test_a_partly_filled_entry_is_opened_and_its_rest_cancelled(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()

    bench.engine.step(BrokerReported(filled(SOLD, CONDOR_PRICES, quantity=1)))

    assert bench.close_entry() == (
        [CancelOrder(SOLD.order_id)],
        outcome(EntryResult.OPENED, "FILLED", 1),
    )


def test_an_entry_that_still_works_is_cancelled_as_no_fill(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()

    assert bench.close_entry() == (
        [CancelOrder(SOLD.order_id)],
        outcome(EntryResult.SKIPPED, "NO_FILL"),
    )


def test_an_entry_that_ran_out_is_no_fill(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()

    bench.engine.step(BrokerReported(OrderCancelled(AT, SOLD.order_id, 2, "good-until reached")))

    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "NO_FILL"))


def test_a_rejected_entry_is_skipped_with_the_venues_code(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()

    bench.engine.step(BrokerReported(OrderRejected(AT, SOLD.order_id, "NO_MARGIN", "Too much.")))

    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "REJECTED_NO_MARGIN"))


def test_an_entry_that_risk_stops_is_never_submitted(world: World) -> None:
    bench = Bench(world, selling(condor_intent(credit="1.42")))

    assert bench.enter() == []
    assert bench.records[-1] == OrderStopped(
        AT,
        FRIDAY,
        "condor",
        "entry",
        SOLD.order_id,
        "BAD_TICK",
        "limit 1.42 is off the 0.05 grid",
    )
    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "RISK_BAD_TICK"))


def test_a_session_has_a_limit_of_orders(world: World) -> None:
    orders = [hedge_intent(), hedge_intent(layer="mid"), hedge_intent(layer="long")]
    bench = Bench(world, selling(*orders), risk=RiskParams(max_orders_per_session=2))

    commands = bench.enter()

    assert len(commands) == 2
    assert isinstance(bench.records[-1], OrderStopped)
    assert bench.records[-1].code == "TOO_MANY_ORDERS"


def test_a_reasoned_no_is_the_outcome_of_the_entry(world: World) -> None:
    bench = Bench(world, OneOrder((), reason="HOLD"))
    bench.enter()

    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "HOLD"))


def test_a_market_that_cannot_be_had_is_a_reasoned_no(world: World) -> None:
    bench = Bench(world, selling())
    bench.engine.step(MomentDue(ENTRY))

    commands = bench.engine.step(SnapshotFailed(ENTRY, ASKED, "The feed is silent."))

    assert commands == []
    made = bench.records[-1]
    assert isinstance(made, DecisionMade)
    decision = made.decision
    assert (decision.strategy, decision.action, decision.reason) == ("condor", "SKIP", "DATA")
    assert decision.sentence == "No decision without a market: The feed is silent."
    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "DATA"))


def test_an_entry_that_was_slept_through_is_missed(world: World) -> None:
    bench = Bench(world, selling())

    commands = bench.engine.step(MomentSkipped(ENTRY, CUTOFF_AT, "270 s late, policy skip"))

    assert commands == []
    assert bench.records == [MomentMissed(CUTOFF_AT, FRIDAY, "entry", "270 s late, policy skip")]
    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "MISSED"))


def test_without_a_condor_strategy_entries_are_disabled(world: World) -> None:
    bench = Bench(world, OneOrder((), name="alvh"))

    assert bench.close_entry() == ([], outcome(EntryResult.SKIPPED, "DISABLED"))


def test_yesterdays_decision_is_not_todays_outcome(world: World) -> None:
    bench = Bench(world, OneOrder((), reason="HOLD"))
    bench.enter()
    at = datetime(2018, 2, 5, 21, 14, 30, tzinfo=UTC)

    bench.engine.step(MomentDue(replace(CUTOFF, at=at, session=MONDAY)))

    assert bench.records[-1] == EntryClosed(at, MONDAY, EntryResult.SKIPPED, "MISSED", 0)


def test_the_hedge_review_marks_equity_with_and_without_the_hedge(world: World) -> None:
    condor, calls = condor_intent(), hedge_intent()
    bench = Bench(world, selling(condor, calls))
    bench.enter()
    bought = order(calls)
    for each in (
        filled(SOLD, CONDOR_PRICES, quantity=2, fees="5.20"),
        filled(bought, ["1.50"], quantity=4, fees="2.60"),
    ):
        bench.engine.step(BrokerReported(each))
    legs = (leg.contract for leg in condor.legs)
    sides = ((1.9, 2.1), (1.3, 1.4), (1.7, 1.9), (1.0, 1.1))
    seen = snapshot(dict(zip(legs, sides, strict=True)) | {VIX_CALL: (1.7, 1.9)})

    (fetch,) = bench.engine.step(MomentDue(REVIEW))
    bench.engine.step(SnapshotTaken(REVIEW, (), seen))

    assert isinstance(fetch, FetchSnapshot)
    assert set(fetch.request.contracts) == {*(leg.contract for leg in condor.legs), VIX_CALL}
    assert bench.records[-1] == EquityMarked(
        at=REVIEW_AT,
        session=FRIDAY,
        spx=2762.13,
        vix=17.31,
        nlv_usd=Decimal("100112.20"),
        unhedged_nlv_usd=Decimal("99994.80"),
        cash_usd=Decimal("99672.20"),
        condor_value_usd=Decimal("-280.00"),
        hedge_value_usd=Decimal("720.00"),
        hedge_pnl_usd=Decimal("117.40"),
        fees_usd=Decimal("7.80"),
        open_max_loss_usd=Decimal("4720.00"),
        layers=(
            LayerMark("near", VIX_CALL.symbol, 4, 1.8, None, Decimal("720.0"), True, "ladder"),
        ),
    )


def test_without_a_quote_a_mark_is_the_last_one_and_says_so(world: World) -> None:
    bench = Bench(world, selling(hedge_intent()))
    bench.enter()
    bench.engine.step(BrokerReported(filled(order(hedge_intent()), ["1.50"], quantity=4)))

    bench.engine.step(SnapshotTaken(REVIEW, (), snapshot({VIX_CALL: (1.7, 1.9)})))
    bench.engine.step(SnapshotTaken(REVIEW, (), snapshot({})))
    marks = [record.layers[0] for record in bench.records if isinstance(record, EquityMarked)]

    assert [(mark.mark_points, mark.is_quoted) for mark in marks] == [(1.8, True), (1.8, False)]


def test_without_quote_or_mark_a_call_is_worth_its_intrinsic_value(world: World) -> None:
    bench = Bench(world, selling(hedge_intent()))
    bench.enter()
    bench.engine.step(BrokerReported(filled(order(hedge_intent()), ["1.50"], quantity=4)))

    bench.engine.step(SnapshotTaken(REVIEW, (), snapshot({})))

    marked = bench.records[-1]
    assert isinstance(marked, EquityMarked)
    assert marked.layers[0].mark_points == pytest.approx(1.31)
    assert not marked.layers[0].is_quoted


def test_the_walk_of_an_order_goes_to_the_broker_with_it(world: World) -> None:
    walking = replace(condor_intent(), walk=PriceWalk(Decimal("0.05"), times=3))
    bench = Bench(world, selling(walking))

    (command,) = bench.enter()

    assert isinstance(command, SubmitOrder)
    assert command.approved.order.intent == walking


def test_a_listener_hears_records_in_order_before_the_book_takes_them_in(world: World) -> None:
    bench = Bench(world, selling())
    heard: list[tuple[type, int]] = []
    book = bench.engine.book
    bench.engine.listen(lambda record: heard.append((type(record), len(book.orders))))

    bench.enter()

    assert heard == [(MomentReached, 0), (MarketSeen, 0), (DecisionMade, 0), (OrderApproved, 0)]
    assert len(book.orders) == 1


def test_books_that_differ_in_any_series_break_an_invariant(world: World) -> None:
    bench = Bench(world, selling())
    bench.enter()
    bench.engine.step(BrokerReported(filled(SOLD, CONDOR_PRICES)))
    ours = dict(bench.engine.book.ledger.positions())

    check_books_agree(bench.engine.book, ours)
    with pytest.raises(InvariantBroken, match=r"book and broker differ in SPXW 2018-02-05 2725 P$"):
        check_books_agree(bench.engine.book, ours | {SHORT_PUT: -2})
    with pytest.raises(InvariantBroken, match=r"differ in .*2700 P, .*2725 P, .*, .*$"):
        check_books_agree(bench.engine.book, {})
