"""After a release the preset `post_event_0dte` sells today's expiry by today's range (R-06)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from entry_scenes import afternoon_view, tuned
from sample_scenes import Scene, hedge_plan, release, told

from market.instruments import TradingClass
from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.schedule import MomentName
from strategies.base import Decision, Positions, Verdict
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

# A Friday: in 2018 an SPXW series expired on it, and one on the Monday after.
FRIDAY = date(2018, 1, 26)
CPI = release(MacroKind.CPI, "2018-01-26T13:30")
TUESDAY_S = release(MacroKind.CPI, "2018-01-23T13:30")
FOMC = release(MacroKind.FOMC, "2018-01-26T19:00")
PRESET = tuned(condor={"entry_style": "post_event_0dte"})
# 8 points between lowest and highest close.
CLOSES = (2840.0, 2844.0, 2836.0, 2842.0)


def scene(*releases: MacroEvent, **changes: Any) -> Scene:
    return replace(
        Scene(session=FRIDAY, releases=releases, plan=hedge_plan(made=FRIDAY)), **changes
    )


def decide(at: Scene, closes: tuple[float, ...] = CLOSES) -> Decision:
    view = afternoon_view(at, PRESET, closes)
    assert view is not None
    return CondorStrategy(PRESET).decide(view)


@pytest.mark.parametrize("kind", list(MacroKind))
def test_it_asks_for_today_s_chain_and_bars_after_any_major_release(kind: MacroKind) -> None:
    context = scene(release(kind, "2018-01-26T13:30")).context(MomentName.THREAT_SCAN_3)

    request = CondorStrategy(PRESET).needs(context)

    assert request is not None
    assert request.chains == ((TradingClass.SPXW, FRIDAY),)
    assert request.bars == 26


@pytest.mark.parametrize(
    ("releases", "name", "params"),
    [
        ((), MomentName.THREAT_SCAN_3, PRESET),
        ((TUESDAY_S,), MomentName.THREAT_SCAN_3, PRESET),
        ((release(MacroKind.FOMC, "2018-01-26T19:31"),), MomentName.THREAT_SCAN_3, PRESET),
        ((CPI,), MomentName.THREAT_SCAN_2, PRESET),
        ((CPI,), MomentName.THREAT_SCAN_4, PRESET),
        ((CPI,), MomentName.THREAT_SCAN_3, tuned()),
        (
            (CPI,),
            MomentName.THREAT_SCAN_3,
            tuned(condor={"entry_style": "post_event_0dte", "enabled": False}),
        ),
    ],
)
def test_it_does_not_ask_on_other_days_moments_or_presets(
    releases: tuple[MacroEvent, ...], name: MomentName, params: MethodParams
) -> None:
    strategy = CondorStrategy(params)

    assert strategy.needs(scene(*releases).context(name)) is None


def test_a_provisional_release_is_no_release_that_came() -> None:
    past = [release(MacroKind.NFP, f"2017-{month:02}-26T13:30") for month in (9, 10, 11, 12)]
    at = scene(macro=MacroCalendar(past)).context(MomentName.THREAT_SCAN_3)

    assert any(
        event.is_provisional
        for event in at.macro.between(at.at - timedelta(days=1), at.at, known_at=at.at)
    )
    assert CondorStrategy(PRESET).needs(at) is None


def test_it_sells_today_s_expiry_with_the_range_since_the_release_as_expected_range() -> None:
    decision = decide(scene(CPI))

    order = decision.orders[0]
    facts = decision.facts
    assert (order.purpose, order.campaign) == ("entry_0dte", "condor-20180126-0dte")
    assert {leg.contract.expiry for leg in order.legs} == {FRIDAY}
    assert facts["edr_points"] == 8.0
    short_put, short_call = facts["short_put_strike"], facts["short_call_strike"]
    assert isinstance(short_put, float)
    assert isinstance(short_call, float)
    # At least 0.85 ranges of 8 points away, and no delta above 0.18.
    assert short_put <= 2840 - 6.8 < 2840 + 6.8 <= short_call
    assert order.good_until - decision.at == timedelta(minutes=4, seconds=30)
    assert "would_be_expiry" not in facts


def test_only_bars_since_the_release_count() -> None:
    """FOMC at 14:00 ET, the scan at 14:30: the closes of 14:00, 14:15 and 14:30."""
    wild = (2700.0, 2900.0, 2840.0, 2850.0, 2846.0)

    assert decide(scene(FOMC), wild).facts["edr_points"] == 10.0


@pytest.mark.parametrize("closes", [(), (2840.0,), (2840.0, 2840.0)])
def test_without_a_range_there_is_no_condor(closes: tuple[float, ...]) -> None:
    decision = decide(scene(CPI), closes)

    assert (decision.action, decision.reason) == ("SKIP", "RANGE")
    assert decision.sentence == (
        "No condor: SPX has not moved on two bars since the release (R-06)."
    )


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (scene(CPI, vix=22.0), "HOLD"),
        (scene(CPI, layers=()), "NO_HEDGE"),
        (scene(CPI, free_cash_usd="0"), "SIZE"),
        (scene(TUESDAY_S, session=date(2018, 1, 23)), "NOT_LISTED"),
    ],
)
def test_the_filters_of_the_evening_hold_in_the_afternoon_too(at: Scene, reason: str) -> None:
    assert decide(at).reason == reason


def test_it_sells_once_a_day_and_leaves_the_evening_s_entry_alone() -> None:
    view = afternoon_view(scene(CPI), PRESET, CLOSES)
    assert view is not None
    order = CondorStrategy(PRESET).decide(view).orders[0]
    working = Positions(layers=view.positions.layers, working=(order,), plan=view.positions.plan)
    again = replace(view, context=replace(view.context, positions=working))

    assert CondorStrategy(PRESET).decide(again).reason == "ENTERED"

    evening = scene(CPI, working=(order,))
    request = CondorStrategy(PRESET).needs(evening.context(MomentName.ENTRY))
    assert request is not None
    decision = CondorStrategy(PRESET).decide(evening.view(MomentName.ENTRY, request))
    assert decision.orders[0].campaign == "condor-20180126"
    assert decision.orders[0].purpose == "entry"


def test_a_release_still_to_come_before_the_close_counts_as_an_event() -> None:
    later = release(MacroKind.FOMC, "2018-01-26T20:30")

    found = told(decide(scene(CPI, later)), "event")

    assert (found.verdict, found.size_multiplier) == (Verdict.LIMIT, 0.5)
