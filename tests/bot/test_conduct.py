"""How an account was run: the steward's score, regret, and money-weighted returns."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from bot_samples import (
    CONDOR_PRICES,
    FRIDAY,
    Replayed,
    condor_intent,
    condor_settled,
    filled,
    order,
    sent,
)

from bot.book import Book
from bot.conduct import ConductMeter, regret_against
from bot.events import DecisionMade, EquityMarked
from strategies.base import Decision, JsonValue, Transition
from strategies.params import MethodParams

START = Decimal(100_000)


def mark(
    session: date, nlv: str = "100000", *, cash: str = "100000", at_risk: str = "0"
) -> EquityMarked:
    zero = Decimal(0)
    return EquityMarked(
        condor_settled("2750")[0].at,
        session,
        2750.0,
        14.0,
        Decimal(nlv),
        Decimal(nlv),
        Decimal(cash),
        zero,
        zero,
        zero,
        zero,
        Decimal(at_risk),
        (),
    )


def decided(strategy: str, facts: dict[str, JsonValue], *ways: Transition) -> DecisionMade:
    at = condor_settled("2750")[0].at
    decision = Decision(strategy, "scan", FRIDAY, at, "HOLD", "SAFE", "As told.", (), facts)
    return DecisionMade(at, FRIDAY, replace(decision, transitions=ways))


@pytest.mark.parametrize(
    ("units", "session", "score"),
    [
        ((1.0, 1.0), mark(FRIDAY, at_risk="10000"), 1.0),
        ((0.5, 1.0), mark(FRIDAY, at_risk="10000"), 0.0),
        ((1.0, 1.0), mark(FRIDAY, at_risk="15001"), 0.0),
        ((1.0, 1.0), mark(FRIDAY, at_risk="14000", cash="16000"), 0.0),
    ],
    ids=["in order", "hedge missing", "cap breached", "not liquid"],
)
def test_a_session_is_well_conducted_with_hedge_cap_and_liquidity(
    units: tuple[float, float], session: EquityMarked, score: float
) -> None:
    meter = ConductMeter(Book(START), MethodParams())

    meter.watch(decided("alvh", {"units_held": units[0], "units_required": units[1]}))
    meter.watch(session)

    assert meter.report()["steward_score"] == score


def test_regret_and_overrides_are_summed_over_scans() -> None:
    meter = ConductMeter(Book(START), MethodParams())
    way = Transition("expire", True, 1.0, "")

    meter.watch(decided("shift", {"regret_usd": 12.5, "overrides": 0}, way, way))
    meter.watch(decided("shift", {"regret_usd": 7.5, "overrides": 0}, way))
    meter.watch(decided("condor", {"regret_usd": 99.0}))

    report = meter.report()
    assert (report["regret_usd"], report["overrides"], report["transitions_valued"]) == (20.0, 0, 3)


def test_one_winning_condor_has_the_return_on_what_it_tied_up() -> None:
    book = Book(START)
    meter = ConductMeter(book, MethodParams())
    sale = order(condor_intent(2))
    for record in (sent(sale), filled(sale, CONDOR_PRICES, quantity=2)):
        book.apply(record)
    meter.watch(mark(FRIDAY, cash=str(book.ledger.cash_usd)))
    for settlement in condor_settled("2750"):
        book.apply(settlement)
    year_later = FRIDAY + timedelta(days=365)
    meter.watch(mark(year_later, cash=str(book.ledger.cash_usd)))

    found = meter.report()["campaign_return"]

    # Two condors 25 wide tie up 5,000 less the 280 they brought; 280 is kept.
    assert found["kind"] == "irr"
    assert found["rate_frac"] == pytest.approx(280 / 4720, abs=1e-6)


def test_regret_is_what_another_book_kept_more() -> None:
    books = {
        "full": {"end_nlv_usd": 100.0},
        "no_time_shift": {"end_nlv_usd": 90.0},
        "stop_2x": {"end_nlv_usd": 130.0},
    }

    assert regret_against(books) == {"regret_vs_hold_usd": 0.0, "regret_vs_stop_2x_usd": 30.0}
    assert regret_against({}) == {}


def test_a_replay_reports_the_second_engine_to_the_cent(quarter: Replayed) -> None:
    report = quarter.rig.conduct.report()
    last = quarter.of(EquityMarked)[-1]

    engine = report["second_engine"]
    assert Decimal(str(engine["pnl_usd"])) == last.hedge_pnl_usd
    assert report["overrides"] == 0
    assert 0.5 < report["steward_score"] <= 1.0
