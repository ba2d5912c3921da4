"""The summary of a run: counts, drawdown, and the object that scripts read."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    CONDOR_PRICES,
    FRIDAY,
    Replayed,
    condor_intent,
    filled,
    hedge_intent,
    order,
    sent,
)

from bot.book import Book
from bot.drawdown import Drawdown
from bot.events import DecisionMade, EntryClosed, EntryResult, EquityMarked
from bot.summary import EquityPoint, RunSummary
from market.orders import OrderCancelled
from strategies.base import Decision

START = Decimal(100_000)


def marked(nlv: str, unhedged: str, session: date = FRIDAY) -> EquityMarked:
    zero = Decimal(0)
    rest = (zero, Decimal("-280"), Decimal("720"), zero, zero, zero)
    return EquityMarked(AT, session, 2762.13, 17.31, Decimal(nlv), Decimal(unhedged), *rest, ())


def closed(result: EntryResult, reason: str, quantity: int = 0) -> EntryClosed:
    return EntryClosed(AT, FRIDAY, result, reason, quantity)


@pytest.mark.parametrize(
    ("values", "deepest"),
    [
        ([], 0.0),
        ([110, 120, 130], 0.0),
        ([90], 0.1),
        ([120, 90, 130, 117], 0.25),
        ([120, 108, 130, 65, 140], 0.5),
    ],
)
def test_drawdown_is_the_deepest_fall_from_the_running_peak(
    values: list[float], deepest: float
) -> None:
    drawdown = Drawdown(100.0)

    for value in values:
        drawdown.add(value)

    assert drawdown.deepest_frac == pytest.approx(deepest)


def test_each_session_counts_once_as_opened_or_skipped() -> None:
    summary = RunSummary(START)

    for each in (
        closed(EntryResult.OPENED, "FILLED", 3),
        closed(EntryResult.SKIPPED, "HOLD"),
        closed(EntryResult.SKIPPED, "HOLD"),
        closed(EntryResult.SKIPPED, "NO_FILL"),
    ):
        summary.watch(each)

    assert (summary.sessions, summary.opened) == (4, 1)
    assert summary.skipped == {"HOLD": 2, "NO_FILL": 1}


def test_rolls_and_refreshes_count_orders_that_filled_once_each() -> None:
    roll = order(hedge_intent(purpose="roll"))
    early = order(hedge_intent(purpose="event_roll", layer="mid"))
    refresh = order(hedge_intent(purpose="refresh"))
    unfilled = order(hedge_intent(purpose="roll", layer="long"))
    opening = order(hedge_intent())
    summary = RunSummary(START)

    for each in (roll, early, refresh, unfilled, opening):
        summary.watch(sent(each))
    for each in (roll, early, refresh, opening):
        summary.watch(filled(each, ["1.50"], quantity=2, name="1"))
        summary.watch(filled(each, ["1.50"], quantity=2, name="2"))
    summary.watch(OrderCancelled(AT, unfilled.order_id, 4, "good-until reached"))

    assert (summary.hedge_rolls, summary.hedge_refreshes) == (2, 1)
    assert summary.orders_by_kind == {"roll": 1, "event_roll": 1, "refresh": 1, "open": 1}


def test_the_last_decision_is_remembered_as_a_sentence() -> None:
    summary = RunSummary(START)

    decision = Decision("condor", "entry", FRIDAY, AT, "SKIP", "HOLD", "VIX 23 holds.")
    summary.watch(DecisionMade(AT, FRIDAY, decision))

    assert summary.last_decision == "VIX 23 holds."


def test_each_mark_is_a_point_of_the_curve() -> None:
    summary = RunSummary(START)

    summary.watch(marked("101000", "100500.50"))

    assert summary.points == [EquityPoint(FRIDAY, 2762.13, 17.31, 101_000.0, 100_500.5, 720.0)]


def test_the_object_for_scripts_holds_both_curves() -> None:
    entry = order(condor_intent())
    calls = order(hedge_intent())
    summary, book = RunSummary(START), Book(START)
    records = (
        sent(entry),
        sent(calls),
        filled(entry, CONDOR_PRICES, quantity=2, fees="5.20"),
        filled(calls, ["1.50"], quantity=4, fees="2.60"),
        closed(EntryResult.OPENED, "FILLED", 2),
        marked("90000", "80000"),
        marked("99000", "95000", FRIDAY + timedelta(days=3)),
    )

    for record in records:
        summary.watch(record)
        book.apply(record)

    counts = {
        "sessions": 1,
        "condors_opened": 1,
        "condor_contracts": 2,
        "condors_skipped": {},
    }
    assert summary.as_dict(book) == counts | {
        "hedge_rolls": 0,
        "hedge_refreshes": 0,
        "fees_usd": 7.8,
        "start_nlv_usd": 100_000.0,
        "end_nlv_usd": 99_000.0,
        "max_drawdown_frac": 0.1,
        "open_at_end": {"condors": 2, "mark_usd": -280.0},
        "net_hedge_pnl_usd": 4_000.0,
        "books": {},
        "unhedged": counts
        | {
            "hedge_rolls": 0,
            "hedge_refreshes": 0,
            "fees_usd": 5.2,
            "start_nlv_usd": 100_000.0,
            "end_nlv_usd": 95_000.0,
            "max_drawdown_frac": 0.2,
        },
    }


def test_a_run_without_sessions_ends_where_it_started() -> None:
    result = RunSummary(START).as_dict(Book(START))

    assert (result["sessions"], result["end_nlv_usd"]) == (0, 100_000.0)
    assert (result["max_drawdown_frac"], result["net_hedge_pnl_usd"]) == (0.0, 0.0)


def test_the_summary_of_a_replay_agrees_with_its_records(quarter: Replayed) -> None:
    summary, marks = quarter.rig.summary, quarter.of(EquityMarked)
    result = summary.as_dict(quarter.rig.book)
    entries = quarter.of(EntryClosed)

    assert result["sessions"] == len(entries) == 61
    assert result["condors_opened"] == sum(entry.quantity > 0 for entry in entries)
    assert result["condors_opened"] + sum(result["condors_skipped"].values()) == 61
    assert result["end_nlv_usd"] == float(marks[-1].nlv_usd)
    assert result["net_hedge_pnl_usd"] == float(marks[-1].hedge_pnl_usd)
    curve = [float(result["start_nlv_usd"])] + [float(mark.nlv_usd) for mark in marks]
    falls = [1 - low / max(curve[: day + 1]) for day, low in enumerate(curve)]
    assert result["max_drawdown_frac"] == round(max(falls), 6)
