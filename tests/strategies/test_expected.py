"""The expected return grows from would-be trades that have settled, and from nothing else (A8)."""

from datetime import date, timedelta
from typing import Any

import pytest
from entry_scenes import decide_with
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import NEXT_SESSION, SESSION, Scene

from market.instruments import TradingClass
from strategies.base import ExpectedState
from strategies.expected import ExpectedReturns, WouldBeTrade

# Sold for 0.70 at 25 points of width; fees of 0.05 points a condor.
TRADE = WouldBeTrade(NEXT_SESSION, 2800.0, 2880.0, 0.70, 25.0, 24.35)


@pytest.mark.parametrize(
    ("close", "pnl_points"),
    [
        (2840.0, 0.65),
        (2800.0, 0.65),
        (2880.0, 0.65),
        (2795.0, -4.35),
        (2890.0, -9.35),
        (2775.0, -24.35),
        (2000.0, -24.35),
        (3500.0, -24.35),
    ],
)
def test_a_trade_returns_its_pay_off_less_fees_over_its_max_loss(
    close: float, pnl_points: float
) -> None:
    assert TRADE.return_frac(close) == pytest.approx(pnl_points / 24.35)


def test_a_trade_travels_through_the_facts_of_a_decision() -> None:
    assert WouldBeTrade.from_facts(TRADE.facts()) == TRADE
    assert WouldBeTrade.from_facts({"vix": 14.0}) is None


def test_a_trade_that_could_not_lose_is_none() -> None:
    with pytest.raises(ValueError, match="cannot lose"):
        WouldBeTrade(NEXT_SESSION, 2800.0, 2880.0, 25.0, 25.0, 0.05)


def test_nothing_is_known_before_the_first_settlement() -> None:
    returns = ExpectedReturns()

    returns.note(SESSION, TRADE.facts())
    returns.settle(SESSION, 2840.0)

    assert returns.state == ExpectedState()


def test_a_settled_trade_counts_from_its_expiry_on() -> None:
    returns = ExpectedReturns()
    returns.note(SESSION, TRADE.facts())

    returns.settle(NEXT_SESSION, 2840.0)

    assert returns.state == ExpectedState(1, TRADE.return_frac(2840.0), 1, None)


def test_sessions_not_below_zero_are_counted_in_a_row() -> None:
    returns = ExpectedReturns()
    days = [SESSION + timedelta(days=number) for number in range(6)]
    # Won, lost whole, then nothing expires: the mean stays where it is.
    for day, close in zip(days[:2], (2840.0, 2700.0), strict=True):
        expiry = day + timedelta(days=1)
        returns.note(day, WouldBeTrade(expiry, 2800.0, 2880.0, 0.70, 25.0, 24.35).facts())
        returns.settle(expiry, close)

    assert returns.state.sessions_not_negative == 0
    assert returns.state.count_when_negative == 2
    returns.settle(days[3], 2840.0)
    assert returns.state == ExpectedState(2, (TRADE.return_frac(2840.0) - 1) / 2, 0, 2)


def test_a_trade_whose_close_nobody_saw_is_dropped() -> None:
    returns = ExpectedReturns()
    returns.note(SESSION, TRADE.facts())

    returns.settle(NEXT_SESSION + timedelta(days=1), 2840.0)
    returns.settle(NEXT_SESSION, 2840.0)

    assert returns.state == ExpectedState()


@given(st.lists(st.floats(2700, 3000), min_size=1, max_size=40))
def test_the_mean_is_that_of_all_settled_trades(closes: list[float]) -> None:
    returns = ExpectedReturns()
    for number, close in enumerate(closes):
        day, expiry = SESSION + timedelta(days=number), SESSION + timedelta(days=number + 1)
        returns.note(day, WouldBeTrade(expiry, 2800.0, 2880.0, 0.70, 25.0, 24.35).facts())
        returns.settle(expiry, close)

    mean = sum(TRADE.return_frac(close) for close in closes) / len(closes)
    assert returns.state.count == len(closes)
    assert returns.state.mean_return_frac == pytest.approx(mean)
    assert returns.state.sessions_not_negative <= len(closes)


WOULD_BE = (
    "would_be_credit_points",
    "would_be_expiry",
    "would_be_max_loss_points",
    "would_be_short_call",
    "would_be_short_put",
    "would_be_width_points",
)


def would_be(facts: Any) -> dict[str, Any]:
    return {name: facts[name] for name in sorted(facts) if name.startswith("would_be_")}


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (Scene(), "BALANCED"),
        (Scene(vix=22.0), "HOLD"),
        (Scene(vix=25.5), "STRESS"),
        (Scene(layers=()), "NO_HEDGE"),
        (Scene(curve=(20.0, 15.0)), "BACKWARDATION"),
        (Scene(free_cash_usd="0"), "SIZE"),
    ],
)
def test_every_entry_with_a_chain_notes_the_trade_it_would_make_ungated(
    scene: Scene, reason: str
) -> None:
    decision = decide_with(scene)

    noted = would_be(decision.facts)
    assert decision.reason == reason
    assert tuple(noted) == WOULD_BE
    assert noted["would_be_expiry"] == NEXT_SESSION.isoformat()
    assert noted["would_be_credit_points"] == 0.70
    assert noted["would_be_max_loss_points"] == 24.35


def test_a_conservative_sale_is_the_trade_it_notes() -> None:
    decision = decide_with(Scene(vix_sma5=13.0))

    assert decision.reason == "CONSERVATIVE"
    facts = decision.facts
    assert facts["would_be_short_put"] == facts["short_put_strike"]
    assert facts["would_be_short_call"] == facts["short_call_strike"]
    assert facts["would_be_credit_points"] == facts["limit_credit_points"]


@pytest.mark.parametrize(
    "scene",
    [
        Scene(session=date(2018, 1, 22)),
        Scene(vix=22.0, chains={(TradingClass.SPXW, NEXT_SESSION): None}),
        Scene(hv20=None),
        Scene(vix=30.0, hv20=30.0),  # no pair far enough away brings 0.70 after slippage of 0.40
    ],
)
def test_without_listing_chain_range_or_pair_there_is_no_would_be_trade(scene: Scene) -> None:
    assert would_be(decide_with(scene).facts) == {}
