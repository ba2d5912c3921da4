"""The entry decision as a whole: orders, terms, words (R-01, R-06, R-12 … R-16)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_scenes import (
    DEFAULTS,
    NEXT_SESSION,
    SESSION,
    Scene,
    calendar,
    decide_entry,
    release,
    told,
)

from market.instruments import OptionContract, TradingClass
from market.macro import MacroKind
from market.orders import Leg, OrderIntent, PriceWalk
from market.quotes import Chain
from market.schedule import MomentName
from strategies.base import TIERS, CondorPosition, Decision, Tier
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

KEY = (TradingClass.SPXW, NEXT_SESSION)
ENTRY_AT = datetime(2018, 1, 23, 21, 10, tzinfo=UTC)
FOMC = release(MacroKind.FOMC, "2018-01-24T19:00")
CPI = release(MacroKind.CPI, "2018-01-24T13:30")


def even_chain() -> Chain:
    """Return a chain around 2840 in which every vertical of 25 points is worth 0.50."""
    strikes = np.arange(2700.0, 2981.0, 5.0)
    put, call = 0.5 + 0.02 * (strikes - 2700), 0.5 + 0.02 * (2980 - strikes)
    flat = np.ones(len(strikes))
    return Chain(
        *KEY,
        ENTRY_AT,
        forward=2840.0,
        years=1 / 365,
        discount=1.0,
        strikes=strikes,
        put_bid=put - 0.05,
        put_ask=put + 0.05,
        call_bid=call - 0.05,
        call_ask=call + 0.05,
        put_iv=0.13 * flat,
        call_iv=0.10 * flat,
        put_delta=-0.10 * flat,
        call_delta=0.10 * flat,
    )


def legs(*symbols: str) -> tuple[Leg, ...]:
    ratios = (1, -1, -1, 1)
    names = (f"SPXW 2018-01-24 {symbol}" for symbol in symbols)
    return tuple(
        Leg(OptionContract.parse(name), ratio) for name, ratio in zip(names, ratios, strict=True)
    )


def test_the_decision_of_an_even_market_is_known_to_the_last_figure() -> None:
    """All pairs bring 2 × 0.50 − 0.05 = 0.95: too little for balanced (1.15), so conservative;
    the evenest are those at equal distance, and of these the furthest out wins."""
    decision = decide_entry(Scene(chains={KEY: even_chain()}))

    assert decision.orders == (
        OrderIntent(
            strategy="condor",
            purpose="entry",
            campaign="condor-20180123",
            legs=legs("2700 P", "2725 P", "2955 C", "2980 C"),
            quantity=10,
            limit_credit=Decimal("0.95"),
            good_until=datetime(2018, 1, 23, 21, 14, 30, tzinfo=UTC),
            walk=PriceWalk(Decimal("0.05"), timedelta(seconds=30), 3),
        ),
    )
    assert (decision.action, decision.reason) == ("SELL", "CONSERVATIVE")
    assert decision.sentence == (
        "Sell 10 conservative condors expiring Wed 24 Jan: puts 2700/2725, calls 2955/2980 for "
        "0.95; VIX 14.00, shorts 6.2 and 6.2 expected ranges away, at most $24,100 at risk."
    )


def test_the_terms_say_where_the_condor_breaks_even_and_what_it_can_lose() -> None:
    facts = decide_entry(Scene(chains={KEY: even_chain()})).facts

    # EDR: (0.8 + 2/15) × (0.6 × 13.3 + 0.4 × 8.0) / √252 = 0.6573 % of 2840.
    wanted = {
        "spx": 2840.0,
        "vix": 14.0,
        "expiry": "2018-01-24",
        "forward": 2840.0,
        "edr_points": 18.668,
        "edr_multiplier": 0.933333,
        "skew_vol_points": 3.0,
        "first_side": "call",
        "slippage_points": 0.05,
        "premium_gauge_points": 0.95,
        "size_multiplier": 1.0,
        "tier": Tier.CONSERVATIVE,
        "quantity": 10,
        "size_bound_by": "per_trade_frac",
        "credit_target_points": 0.7,
        "credit_excess_points": 0.25,
        "limit_credit_points": 0.95,
        "short_put_strike": 2725.0,
        "long_put_strike": 2700.0,
        "short_call_strike": 2955.0,
        "long_call_strike": 2980.0,
        "short_put_delta": -0.1,
        "short_call_delta": 0.1,
        "lower_breakeven": 2724.05,
        "upper_breakeven": 2955.95,
        "max_loss_usd": 24100.0,
    }
    assert {name: facts[name] for name in wanted} == wanted
    assert {name for name in facts if name.startswith("edr_") and name.endswith("_frac")} == {
        "edr_frac",
        "edr_blend_frac",
        "edr_simple_vix_frac",
        "edr_glossary_norm_frac",
        "edr_glossary_literal_frac",
    }


@pytest.mark.parametrize(("switch", "first"), [(2.8, "call"), (3.1, "put")])
def test_the_skew_switch_names_the_first_side(switch: float, first: str) -> None:
    """Puts are 3.0 vol points richer than calls."""
    params = MethodParams.model_validate({"condor": {"skew_switch_vol_points": switch}})

    assert decide_entry(Scene(chains={KEY: even_chain()}), params).facts["first_side"] == first


def test_the_search_records_all_it_weighed() -> None:
    """21 strikes a side are beyond 0.85 EDR and have a wing: 15.9 points are 4 strikes."""
    found = decide_entry(Scene(chains={KEY: even_chain()})).candidates

    assert found is not None
    assert (found.target_credit_points, found.slippage_points) == (0.7, 0.05)
    assert [each.strike for each in found.puts] == [2820.0 - 5 * n for n in range(20)]
    assert [each.strike for each in found.calls] == [2860.0 + 5 * n for n in range(20)]
    assert found.pairs_meeting_target == 400
    assert {pair.credit_excess_points for pair in found.best} == {0.25}


def test_a_vix_above_its_mean_asks_for_one_more_step_on_the_put_side() -> None:
    calm, rising = (
        decide_entry(Scene(chains={KEY: even_chain()}, vix_sma5=mean)).candidates
        for mean in (14.5, 13.5)
    )

    assert calm is not None
    assert rising is not None
    assert (calm.puts[0].strike, rising.puts[0].strike) == (2820.0, 2815.0)
    assert (calm.calls[0].strike, rising.calls[0].strike) == (2860.0, 2860.0)


def test_ahead_of_fomc_half_size_conservative_and_1_25_times_the_start_distance() -> None:
    """1.25 × 1.40 = 1.75 expected ranges of 18.67 points: 32.7 points, so 2805 and 2875."""
    decision = decide_entry(Scene(chains={KEY: even_chain()}, releases=(FOMC,)))

    assert decision.candidates is not None
    assert decision.orders[0].quantity == 5
    assert decision.facts["tier"] == Tier.CONSERVATIVE
    assert decision.candidates.puts[0].strike == 2805.0
    assert decision.candidates.calls[0].strike == 2875.0
    assert "for 0.95, size × 0.5 ahead of FOMC; VIX 14.00" in decision.sentence


def test_ahead_of_fomc_without_the_credit_at_that_distance_there_is_no_condor() -> None:
    far = MethodParams.model_validate({"condor": {"start_edr_conservative": 5.0}})

    decision = decide_entry(Scene(chains={KEY: even_chain()}, releases=(FOMC,)), far)

    assert (decision.action, decision.reason) == ("SKIP", "EVENT")
    assert decision.sentence == (
        "No condor: no pair brings 0.70 at 6.25 expected ranges or more ahead of FOMC (R-06)."
    )


def test_ahead_of_a_data_release_half_size_and_a_wider_floor() -> None:
    """A floor of 0.8 expected ranges is 14.9 points, 1.25 times as much 18.7."""
    params = MethodParams.model_validate({"condor": {"min_edr_multiple": 0.8}})
    scene = Scene(chains={KEY: even_chain()})

    usual = decide_entry(scene, params)
    before_cpi = decide_entry(replace(scene, releases=(CPI,)), params)

    assert usual.candidates is not None
    assert before_cpi.candidates is not None
    assert (usual.candidates.puts[0].strike, usual.candidates.calls[0].strike) == (2825, 2855)
    assert before_cpi.candidates.puts[0].strike == 2820
    assert before_cpi.candidates.calls[0].strike == 2860
    assert before_cpi.orders[0].quantity == 5
    assert "size × 0.5 ahead of CPI" in before_cpi.sentence


def test_a_red_term_structure_is_named_as_the_cause_of_half_size() -> None:
    decision = decide_entry(Scene(chains={KEY: even_chain()}, curve=(15.0, 14.5)))

    assert decision.orders[0].quantity == 5
    assert "size × 0.5 with the term structure red" in decision.sentence


def test_when_the_tier_cannot_be_reached_the_next_lower_one_is_tried() -> None:
    decision = decide_entry(Scene(chains={KEY: even_chain()}))

    assert told(decision, "tier").tier_cap is Tier.BALANCED
    assert decision.facts["tier"] == Tier.CONSERVATIVE


@pytest.mark.parametrize(
    ("scene", "sentence"),
    [
        (
            Scene(nlv_usd="20000"),
            "No condor: the cap of 10% of NLV on one trade leaves room for none.",
        ),
        (
            Scene(open_max_loss_usd="37000"),
            "No condor: the cap of 15% of NLV on all open condors leaves room for none.",
        ),
        (Scene(free_cash_usd="2000"), "No condor: the cash that is free leaves room for none."),
    ],
)
def test_without_room_under_the_caps_there_is_no_condor(scene: Scene, sentence: str) -> None:
    decision = decide_entry(scene)

    assert (decision.action, decision.reason, decision.orders) == ("SKIP", "SIZE", ())
    assert decision.sentence == sentence


def test_a_session_sells_once_even_when_its_moment_runs_twice() -> None:
    (order,) = decide_entry(Scene()).orders
    long_put, short_put, short_call, long_call = (leg.contract for leg in order.legs)
    position = CondorPosition(
        order.campaign,
        SESSION,
        NEXT_SESSION,
        10,
        Decimal("1.15"),
        long_put,
        short_put,
        short_call,
        long_call,
        Decimal(23850),
    )

    for again in (Scene(working=(order,)), Scene(condors=(position,))):
        decision = decide_entry(again)

        assert (decision.action, decision.reason) == ("SKIP", "ENTERED")
        assert decision.sentence == "No condor: this session's entry was made already (R-01)."


def test_yesterdays_condor_does_not_stand_in_the_way() -> None:
    (order,) = decide_entry(Scene()).orders
    yesterday = replace(order, campaign="condor-20180122")

    assert decide_entry(Scene(working=(yesterday,))).action == "SELL"


@pytest.mark.parametrize("name", [name for name in MomentName if name is not MomentName.ENTRY])
def test_only_the_entry_concerns_the_condor(name: MomentName) -> None:
    """A session with a release two days off, one day off, today and yesterday has every moment."""
    releases = tuple(
        release(MacroKind.CPI, f"2018-01-{day}T13:30") for day in ("22", "23", "24", "25")
    )

    context = Scene(releases=releases).context(name)

    assert CondorStrategy(DEFAULTS).needs(context) is None


def test_a_condor_switched_off_asks_for_nothing() -> None:
    off = MethodParams.model_validate({"condor": {"enabled": False}})

    assert CondorStrategy(off).needs(Scene().context(MomentName.ENTRY)) is None


def test_a_friday_looks_to_monday_and_a_half_day_decides_earlier() -> None:
    friday = decide_entry(Scene(session=date(2018, 1, 26)))
    half_day = decide_entry(Scene(session=date(2018, 7, 3)))

    assert friday.facts["expiry"] == "2018-01-29"
    assert half_day.at == datetime(2018, 7, 3, 17, 10, tzinfo=UTC)
    assert half_day.facts["expiry"] == "2018-07-05"


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Draw sessions whose next one has an expiry, in all weathers that allow an entry or not."""
    listed = [date(2018, 1, 23), date(2018, 1, 25), date(2018, 1, 26), date(2018, 8, 16)]
    session = draw(st.sampled_from(listed))
    tomorrow = calendar().session(calendar().next(session))
    vix = round(draw(st.floats(10, 22)), 2)
    kinds = draw(st.sets(st.sampled_from(MacroKind), max_size=2))
    releases = tuple(
        release(kind, (tomorrow.open_at + timedelta(hours=1)).replace(tzinfo=None).isoformat())
        for kind in kinds
    )
    m1 = round(vix * draw(st.floats(0.9, 1.2)), 2)
    return Scene(
        session=session,
        spx=round(draw(st.floats(1800, 6000)), 2),
        vix=vix,
        vix9d=round(vix * draw(st.floats(0.8, 1.2)), 2),
        vix3m=round(vix * draw(st.floats(0.95, 1.3)), 2),
        curve=(m1, round(m1 * draw(st.floats(0.8, 1.15)), 2)),
        hv20=vix * draw(st.floats(0.3, 1.1)),
        vix_sma5=draw(st.none() | st.floats(9, 25)),
        was_hold=draw(st.booleans()),
        calm_closes=draw(st.integers(0, 4)),
        releases=releases,
        nlv_usd=str(draw(st.integers(20_000, 3_000_000))),
        open_max_loss_usd=str(draw(st.integers(0, 40_000))),
    )


modes = st.sampled_from(["steward", "promoter"])


@settings(max_examples=150)
@given(scenes(), modes)
def test_what_is_sold_keeps_every_bound_of_the_method(scene: Scene, mode: str) -> None:
    params = MethodParams.model_validate({"condor": {"mode": mode}})

    decision = decide_entry(scene, params)

    assert (decision.action == "SELL") is bool(decision.orders)
    if decision.orders:
        (order,) = decision.orders
        facts = decision.facts
        assert float(order.limit_credit) >= float(str(facts["credit_target_points"]))
        assert order.limit_credit % Decimal("0.05") == 0
        for side in ("put", "call"):
            assert abs(_number(decision, f"short_{side}_delta")) <= 0.18
            assert _number(decision, f"short_{side}_edr_multiple") >= 0.85
        assert [leg.ratio for leg in order.legs] == [1, -1, -1, 1]
        width = [float(leg.contract.strike) for leg in order.legs]
        assert (width[1] - width[0], width[3] - width[2]) == (25.0, 25.0)
        assert width[1] < _number(decision, "forward") < width[2]
        assert scene.vix <= 20
        assert _number(decision, "max_loss_usd") <= 0.10 * float(scene.nlv_usd)


def _number(decision: Decision, name: str) -> float:
    value = decision.facts[name]
    assert isinstance(value, float)
    return value


@settings(max_examples=60)
@given(scenes(), modes)
def test_the_same_view_gives_the_same_decision(scene: Scene, mode: str) -> None:
    params = MethodParams.model_validate({"condor": {"mode": mode}})

    assert decide_entry(scene, params) == decide_entry(scene, params)


@settings(max_examples=100)
@given(scenes(), modes, st.sampled_from(["release", "backwardation", "loss", "risk"]))
def test_bad_news_never_raises_tier_or_size(scene: Scene, mode: str, news: str) -> None:
    params = MethodParams.model_validate({"condor": {"mode": mode}})
    tomorrow = calendar().session(calendar().next(scene.session)).cash_close_at
    at = (tomorrow - timedelta(hours=2)).replace(tzinfo=None).isoformat()
    worse = {
        "release": replace(scene, releases=(*scene.releases, release(MacroKind.FOMC, at))),
        "backwardation": replace(scene, curve=(scene.vix, 0.96 * scene.vix)),
        "loss": replace(scene, nlv_usd=str(0.8 * float(scene.nlv_usd))),
        "risk": replace(scene, open_max_loss_usd=str(5000 + float(scene.open_max_loss_usd))),
    }[news]
    if news == "backwardation":
        scene = replace(scene, curve=(scene.vix, 1.05 * scene.vix))

    before, after = decide_entry(scene, params), decide_entry(worse, params)

    assert _quantity(after) <= _quantity(before)
    if after.orders:
        assert _tier(after) <= _tier(before)


def _quantity(decision: Decision) -> int:
    return sum(order.quantity for order in decision.orders)


def _tier(decision: Decision) -> int:
    return TIERS.index(Tier(str(decision.facts["tier"])))


def test_a_late_entry_still_ends_at_the_cutoff() -> None:
    on_time = decide_entry(Scene())
    late = decide_entry(Scene(quotes_late_by=timedelta(minutes=4)))

    assert late.orders[0].good_until == on_time.orders[0].good_until
    assert on_time.orders[0].good_until == datetime(2018, 1, 23, 21, 14, 30, tzinfo=UTC)
