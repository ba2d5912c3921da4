"""The kill switch: what trips it, what it still allows, and how it ends (R-36)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from bot_samples import (
    AT,
    FRIDAY,
    OneOrder,
    condor_intent,
    engine_of,
    hedge_intent,
    moment,
    snapshot,
)

from bot import safety
from bot.events import (
    MomentDue,
    OrderStopped,
    Record,
    SnapshotFailed,
    SnapshotTaken,
    TradingHalted,
    TradingResumed,
)
from bot.safety import SafetyParams, Trip
from bot.world import World
from market.schedule import MomentName
from strategies.base import Capital

LIMITS = SafetyParams()
ENTRY = moment(MomentName.ENTRY)


def capital(nlv: str, *, cash: str = "100000", at_risk: str = "0") -> Capital:
    return Capital(Decimal(nlv), Decimal(cash), Decimal(cash), Decimal(at_risk))


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (capital("88000"), None),
        (capital("87999"), "DAILY_LOSS"),
        (capital("100000", at_risk="20000"), None),
        (capital("100000", at_risk="20001"), "CAP_BREACH"),
        (capital("100000", cash="-1"), "NEGATIVE_CASH"),
    ],
)
def test_losses_caps_and_cash_trip_the_switch(account: Capital, code: str | None) -> None:
    trip = safety.tripped(account, Decimal(100_000), Decimal(100_000), LIMITS)

    assert (None if trip is None else trip.code) == code


@pytest.mark.parametrize(("nlv", "code"), [("70000", None), ("69999", "DRAWDOWN")])
def test_a_fall_from_the_peak_trips_the_switch_however_slow(nlv: str, code: str | None) -> None:
    trip = safety.tripped(capital(nlv), Decimal(72_000), Decimal(100_000), LIMITS)

    assert (None if trip is None else trip.code) == code


def test_a_switch_turned_off_never_trips() -> None:
    off = SafetyParams(enabled=False)

    assert safety.tripped(capital("1", cash="-5"), Decimal(100_000), Decimal(100_000), off) is None


@pytest.mark.parametrize(
    ("intent", "allowed"),
    [
        (condor_intent(), False),
        (replace(condor_intent(), is_closing=True), True),
        (hedge_intent(purpose="open"), False),
        (hedge_intent(purpose="refresh"), False),
        (hedge_intent(purpose="roll"), True),
        (hedge_intent(purpose="event_roll"), True),
        (replace(hedge_intent(purpose="reduce"), is_closing=True), False),
        (replace(hedge_intent(purpose="harvest"), is_closing=True), False),
    ],
    ids=[
        "entry",
        "closing",
        "opening a hedge",
        "re-strike",
        "roll",
        "early roll",
        "reduction",
        "harvest",
    ],
)
def test_a_halt_keeps_the_hedge_and_opens_nothing(intent: object, allowed: bool) -> None:
    assert safety.is_allowed(intent) is allowed  # type: ignore[arg-type]


def test_a_simulated_halt_ends_after_its_sessions(world: World) -> None:
    halted = safety.halt(Trip("DAILY_LOSS", "NLV fell"), AT, FRIDAY, world.calendar, LIMITS)

    assert halted.until == date(2018, 2, 9)
    assert safety.resumed(halted, AT, date(2018, 2, 8)) is None
    assert isinstance(safety.resumed(halted, AT, date(2018, 2, 9)), TradingResumed)


def test_without_a_term_a_halt_waits_for_a_person(world: World) -> None:
    forever = SafetyParams(halt_sessions=0)

    halted = safety.halt(Trip("DAILY_LOSS", "NLV fell"), AT, FRIDAY, world.calendar, forever)

    assert halted.until is None
    assert safety.resumed(halted, AT, date(2030, 1, 2)) is None
    assert "until a person resumes it" in halted.sentence


def test_a_halted_engine_stops_the_entry_and_resumes_at_its_open(world: World) -> None:
    records: list[Record] = []
    engine = engine_of(world, (OneOrder((condor_intent(),)),), records.append)
    engine.book.last_nlv_usd = Decimal(200_000)

    engine.step(MomentDue(ENTRY))
    commands = engine.step(SnapshotTaken(ENTRY, ("condor",), snapshot()))

    assert commands == []
    halted = next(each for each in records if isinstance(each, TradingHalted))
    assert halted.code == "DAILY_LOSS"
    stopped = next(each for each in records if isinstance(each, OrderStopped))
    assert (stopped.code, stopped.sentence) == ("HALTED", halted.sentence)
    assert halted.until is not None
    engine.step(MomentDue(moment(MomentName.OPEN, session=halted.until)))
    assert engine.book.halt is None


def test_no_market_at_the_entry_halts_until_the_next_session(world: World) -> None:
    records: list[Record] = []
    engine = engine_of(world, (OneOrder((condor_intent(),)),), records.append)

    engine.step(SnapshotFailed(ENTRY, ("condor",), "the line is down."))

    halted = next(each for each in records if isinstance(each, TradingHalted))
    assert (halted.code, halted.until) == ("DATA_FAULT", date(2018, 2, 5))
