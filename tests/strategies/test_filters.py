"""What each filter of the entry says, in which order, and that none ever raises anything
(R-02, R-04 … R-07, R-10, R-11, R-19)."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sample_scenes import (
    DEFAULTS,
    MID_EXPIRY,
    NEXT_SESSION,
    Scene,
    decide_entry,
    hedge_plan,
    held,
    ladder,
    release,
    told,
)

from market.instruments import TradingClass
from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.quotes import SnapshotRequest
from market.schedule import MomentName
from strategies.base import (
    FilterResult,
    Layer,
    Tier,
    Verdict,
)
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

KEY = (TradingClass.SPXW, NEXT_SESSION)
PROMOTER = MethodParams.model_validate({"condor": {"mode": "promoter"}})
RED_CURVE = (15.0, 14.5)
CPI = release(MacroKind.CPI, "2018-01-24T13:30")
FOMC = release(MacroKind.FOMC, "2018-01-24T19:00")
NFP = release(MacroKind.NFP, "2018-01-24T13:30")


def test_the_vector_lists_every_filter_in_order_of_precedence() -> None:
    decision = decide_entry(Scene())

    assert [(result.rule, result.name) for result in decision.filters] == [
        ("R-02", "warmup"),
        ("A7", "listing"),
        ("R-02", "data"),
        ("R-05", "vix_gate"),
        ("R-19", "hedge_first"),
        ("R-06", "event"),
        ("R-07", "premium_gauge"),
        ("R-04", "term_structure"),
        ("R-08", "breadth"),
        ("R-08", "rsi"),
        ("R-29", "big_top"),
        ("R-09", "exchange_rate"),
        ("R-09", "rate_differential"),
        ("R-30", "expected_irr"),
        ("R-31", "quick_ratio"),
        ("R-32", "steward"),
        ("R-11", "tier"),
    ]


def test_an_early_block_leaves_the_later_filters_in_the_vector() -> None:
    names = [result.name for result in decide_entry(Scene()).filters]

    decision = decide_entry(Scene(vix=26.0))

    assert [result.name for result in decision.filters] == names[:-1]
    assert told(decision, "data").verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("vix", "verdict", "code", "cap", "detail"),
    [
        (14.99, Verdict.PASS, None, None, "VIX 14.99 is below 15: all tiers"),
        (15.00, Verdict.LIMIT, None, Tier.BALANCED, "VIX 15.00 rules out the aggressive tier"),
        (20.00, Verdict.LIMIT, None, Tier.BALANCED, "VIX 20.00 rules out the aggressive tier"),
        (20.01, Verdict.BLOCK, "HOLD", None, "VIX 20.01 is above 20"),
        (25.00, Verdict.BLOCK, "HOLD", None, "VIX 25.00 is above 20"),
        (25.01, Verdict.BLOCK, "STRESS", None, "VIX 25.01 is above 25"),
    ],
)
def test_the_vix_gate_turns_at_15_20_and_25(
    vix: float, verdict: Verdict, code: str | None, cap: Tier | None, detail: str
) -> None:
    found = told(decide_entry(Scene(vix=vix)), "vix_gate")

    assert found == FilterResult("R-05", "vix_gate", verdict, detail, code, cap)


@pytest.mark.parametrize(
    ("vix", "calm_closes", "code"), [(19.0, 0, "HOLD"), (19.0, 1, None), (20.5, 1, "HOLD")]
)
def test_a_hold_lasts_until_a_close_below_20(
    vix: float, calm_closes: int, code: str | None
) -> None:
    scene = Scene(vix=vix, was_hold=True, calm_closes=calm_closes)

    assert told(decide_entry(scene), "vix_gate").code == code


@pytest.mark.parametrize(
    ("vix", "mean", "cap"),
    [
        (14.0, 13.0, None),
        (15.0, 15.1, None),
        (19.9, 20.0, None),
        (19.9, 19.9, Tier.BALANCED),
        (20.0, 21.0, Tier.BALANCED),
        (16.0, None, Tier.BALANCED),
    ],
)
def test_five_dma_opens_all_tiers_below_20_while_vix_is_below_its_mean(
    vix: float, mean: float | None, cap: Tier | None
) -> None:
    params = MethodParams.model_validate({"vix_gate": {"variant": "five_dma"}})

    found = told(decide_entry(Scene(vix=vix, vix_sma5=mean), params), "vix_gate")

    assert (found.code, found.tier_cap) == (None, cap)
    assert decide_entry(Scene(vix=20.5, vix_sma5=22.0), params).reason == "HOLD"


@pytest.mark.parametrize(
    ("vix", "cap", "size"),
    [
        (14.9, None, 1.0),
        (15.0, Tier.BALANCED, 1.0),
        (20.0, Tier.BALANCED, 1.0),
        (20.1, Tier.CONSERVATIVE, 1.0),
        (28.0, Tier.CONSERVATIVE, 1.0),
        (28.1, Tier.CONSERVATIVE, 0.5),
        (60.0, Tier.CONSERVATIVE, 0.5),
    ],
)
def test_c2_always_on_never_holds_but_shrinks(vix: float, cap: Tier | None, size: float) -> None:
    params = MethodParams.model_validate({"vix_gate": {"variant": "c2_always_on"}})
    scene = Scene(vix=vix, was_hold=True, calm_closes=0)

    found = told(decide_entry(scene, params), "vix_gate")

    assert (found.code, found.tier_cap, found.size_multiplier) == (None, cap, size)


def test_a_hold_says_that_the_hedge_stays_on() -> None:
    decision = decide_entry(Scene(vix=22.0))

    assert (decision.action, decision.reason, decision.orders) == ("SKIP", "HOLD", ())
    assert decision.sentence == "No condor: VIX 22.00 is above 20 (R-05). The hedge stays on."


@pytest.mark.parametrize(
    ("releases", "limits"),
    [
        ((), (Verdict.PASS, None, 0, 1.0, 1.0)),
        ((CPI,), (Verdict.LIMIT, None, 1, 0.5, 1.25)),
        ((release(MacroKind.PPI, "2018-01-24T13:30"),), (Verdict.LIMIT, None, 1, 0.5, 1.25)),
        ((NFP,), (Verdict.LIMIT, None, 1, 0.5, 1.25)),
        ((FOMC,), (Verdict.LIMIT, Tier.CONSERVATIVE, 0, 0.5, 1.25)),
        ((CPI, FOMC), (Verdict.LIMIT, Tier.CONSERVATIVE, 0, 0.5, 1.25)),
    ],
)
def test_a_release_before_expiry_halves_the_size_and_widens_the_distance(
    releases: tuple[MacroEvent, ...], limits: tuple[object, ...]
) -> None:
    found = told(decide_entry(Scene(releases=releases)), "event")

    assert limits == (
        found.verdict,
        found.tier_cap,
        found.tiers_down,
        found.size_multiplier,
        found.distance_multiplier,
    )


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2018-01-23T13:30", False),
        ("2018-01-23T21:10", False),
        ("2018-01-23T21:11", True),
        ("2018-01-24T21:00", True),
        ("2018-01-24T21:01", False),
    ],
)
def test_only_releases_after_the_entry_and_up_to_expiry_count(at: str, counts: bool) -> None:
    """The entry is at 21:10 UTC, the expiry at the next close, 21:00 UTC."""
    found = told(decide_entry(Scene(releases=(release(MacroKind.CPI, at),))), "event")

    assert (found.verdict is Verdict.LIMIT) is counts


def test_a_provisional_window_counts_as_an_event_day_and_says_so() -> None:
    """NFP came on the 19th to 24th of past months; after the last of them any such day may be."""
    past = [release(MacroKind.NFP, f"2017-{month:02}-19T13:30") for month in (9, 10, 11)]
    scene = Scene(macro=MacroCalendar([*past, release(MacroKind.NFP, "2017-12-24T13:30")]))

    found = told(decide_entry(scene), "event")

    assert (found.verdict, found.size_multiplier) == (Verdict.LIMIT, 0.5)
    assert found.detail == "NFP (provisional) before expiry"


@pytest.mark.parametrize(
    ("curve", "vix3m", "verdict", "code", "cap", "size"),
    [
        ((15.0, 16.0), 16.0, Verdict.PASS, None, None, 1.0),
        ((15.0, 15.0), 16.0, Verdict.PASS, None, None, 1.0),
        ((15.0, 14.6), 16.0, Verdict.LIMIT, None, Tier.CONSERVATIVE, 0.5),
        ((15.0, 16.0), 14.0, Verdict.LIMIT, None, Tier.CONSERVATIVE, 0.5),
        ((18.0, 15.1), 16.0, Verdict.LIMIT, None, Tier.CONSERVATIVE, 0.5),
        ((18.0, 15.0), 16.0, Verdict.BLOCK, "BACKWARDATION", None, 1.0),
    ],
)
def test_backwardation_shrinks_and_at_three_points_stops_the_entry(
    curve: tuple[float, ...],
    vix3m: float,
    verdict: Verdict,
    code: str | None,
    cap: Tier | None,
    size: float,
) -> None:
    found = told(decide_entry(Scene(curve=curve, vix3m=vix3m)), "term_structure")

    assert (found.verdict, found.code, found.tier_cap, found.size_multiplier) == (
        verdict,
        code,
        cap,
        size,
    )


@pytest.mark.parametrize(
    ("units", "code", "detail"),
    [
        (5.0, None, "5 of 5 hedge units held"),
        (4.0, None, "4 of 5 hedge units held"),
        (3.5, "NO_HEDGE", "3.5 of 5 hedge units held"),
    ],
)
def test_no_condor_without_four_fifths_of_the_hedge(
    units: float, code: str | None, detail: str
) -> None:
    scene = Scene(plan=hedge_plan(5), layers=ladder(units))

    found = told(decide_entry(scene), "hedge_first")

    assert (found.code, found.detail) == (code, detail)


def test_a_ladder_that_lacks_one_layer_is_no_hedge() -> None:
    near, _, long = ladder()
    mid = held(Layer.MID, MID_EXPIRY, "23", 3)

    assert decide_entry(Scene(layers=(near, mid, long))).reason == "NO_HEDGE"


def test_without_a_plan_there_is_no_condor_but_without_a_hedge_there_is() -> None:
    bare = Scene(plan=None, layers=())
    unhedged = MethodParams.model_validate({"alvh": {"enabled": False}})

    assert decide_entry(bare).reason == "NO_HEDGE"
    assert decide_entry(bare, unhedged).action == "SELL"


@pytest.mark.parametrize(
    ("scene", "detail"),
    [
        (Scene(vix_close_count=25), "25 of 26 VIX closes known"),
        (Scene(hv20=None), "fewer than 21 SPX closes in a row known"),
    ],
)
def test_indicators_must_be_warm(scene: Scene, detail: str) -> None:
    decision = decide_entry(scene)

    assert decision.reason == "WARMUP"
    assert told(decision, "warmup").detail == detail
    assert decide_entry(Scene(vix_close_count=26)).action == "SELL"


def test_a_series_that_was_not_listed_is_not_sold() -> None:
    """On a Monday in January 2018 nothing expired on the Tuesday."""
    decision = decide_entry(Scene(session=NEXT_SESSION.replace(day=22)))

    assert decision.reason == "NOT_LISTED"
    assert decision.sentence == ("No condor: no SPXW series expiring 2018-01-23 was listed (A7).")


def test_without_a_chain_there_is_no_condor() -> None:
    decision = decide_entry(Scene(chains={KEY: None}))

    assert decision.reason == "DATA"
    assert decision.sentence == "No condor: no quotes for SPXW 2018-01-24 (R-02)."


def test_a_chain_older_than_ten_seconds_is_no_chain() -> None:
    at = Scene().moment(MomentName.ENTRY).at
    fresh, old = (Scene().chain(KEY, at - timedelta(seconds=s)) for s in (10, 11))

    assert decide_entry(Scene(chains={KEY: fresh})).action == "SELL"
    assert told(decide_entry(Scene(chains={KEY: old})), "data").detail == (
        "the chain is older than 10 s"
    )


def test_an_entry_that_runs_late_needs_quotes_of_its_own_time() -> None:
    at = Scene().moment(MomentName.ENTRY).at
    late = Scene(quotes_late_by=timedelta(minutes=2))

    assert decide_entry(late).action == "SELL"
    assert decide_entry(replace(late, chains={KEY: late.chain(KEY, at)})).reason == "DATA"


def test_a_vix_older_than_a_minute_is_no_vix() -> None:
    scene = Scene()
    view = scene.view(MomentName.ENTRY, SnapshotRequest((KEY,)))
    levels = scene.levels(view.at - timedelta(seconds=61))
    stale = replace(view, snapshot=replace(view.snapshot, levels=levels))

    decision = CondorStrategy(DEFAULTS).decide(stale)

    assert decision.sentence == "No condor: VIX is older than 60 s (R-02)."


@pytest.mark.parametrize(("spot", "code"), [(2853.0, None), (2855.0, "DATA")])
def test_a_chain_that_contradicts_the_index_by_half_a_percent_is_refused(
    spot: float, code: str | None
) -> None:
    """0.5 % of 2840 is 14.2 points."""
    at = Scene().moment(MomentName.ENTRY).at

    decision = decide_entry(Scene(chains={KEY: Scene(spx=spot).chain(KEY, at)}))

    assert told(decision, "data").code == code


def test_a_market_that_pays_too_little_is_left_alone() -> None:
    greedy = MethodParams.model_validate(
        {
            "condor": {
                "credit_conservative_points": Decimal(6),
                "credit_balanced_points": Decimal(7),
                "credit_aggressive_points": Decimal(8),
            }
        }
    )

    decision = decide_entry(Scene(), greedy)
    shown = re.fullmatch(
        r"No condor: best net credit at one expected range is (.*), wanted 6\.00 \(R-07\)\.",
        decision.sentence,
    )

    assert decision.reason == "PREMIUM"
    assert shown is not None
    assert float(shown[1]) == pytest.approx(decision.facts["premium_gauge_points"], abs=0.0051)


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (Scene(vix=26.0, vix_close_count=3), "WARMUP"),
        (Scene(vix=26.0, layers=()), "STRESS"),
        (Scene(layers=(), curve=(20.0, 15.0)), "NO_HEDGE"),
        (Scene(curve=(20.0, 15.0), releases=(FOMC,)), "BACKWARDATION"),
    ],
)
def test_the_first_filter_that_blocks_gives_the_reason(scene: Scene, reason: str) -> None:
    assert decide_entry(scene).reason == reason


@pytest.mark.parametrize(
    ("params", "scene", "tier"),
    [
        (DEFAULTS, Scene(), Tier.BALANCED),
        (DEFAULTS, Scene(vix=16.0, vix_sma5=16.5), Tier.BALANCED),
        (DEFAULTS, Scene(vix_sma5=14.0), Tier.CONSERVATIVE),
        (DEFAULTS, Scene(vix_sma5=None), Tier.CONSERVATIVE),
        (DEFAULTS, Scene(curve=(15.0, 15.1)), Tier.CONSERVATIVE),
        (DEFAULTS, Scene(curve=RED_CURVE), Tier.CONSERVATIVE),
        (DEFAULTS, Scene(releases=(NFP,)), Tier.CONSERVATIVE),
        (PROMOTER, Scene(vix_sma5=13.0), Tier.BALANCED),
        (PROMOTER, Scene(vix=16.0), Tier.BALANCED),
        (PROMOTER, Scene(releases=(NFP,)), Tier.BALANCED),
        (PROMOTER, Scene(vix=16.0, releases=(NFP,)), Tier.CONSERVATIVE),
        (PROMOTER, Scene(releases=(FOMC,)), Tier.CONSERVATIVE),
        (PROMOTER, Scene(curve=RED_CURVE), Tier.CONSERVATIVE),
    ],
)
def test_the_tier_of_the_day_follows_the_mode(
    params: MethodParams, scene: Scene, tier: Tier
) -> None:
    """Steward: balanced only in calm; promoter: the highest allowed that needs no known IRR."""
    assert told(decide_entry(scene, params), "tier").tier_cap is tier


@pytest.mark.parametrize(
    ("size_multiplier", "reason"), [(0.5, "CONSERVATIVE"), (0.49, "SIZE_FLOOR")]
)
def test_filters_that_leave_less_than_a_quarter_leave_nothing(
    size_multiplier: float, reason: str
) -> None:
    """A red term structure halves once more: 0.5 × 0.5 is just enough."""
    params = MethodParams.model_validate({"events": {"size_multiplier": size_multiplier}})
    scene = Scene(releases=(CPI,), curve=RED_CURVE)

    decision = decide_entry(scene, params)

    assert decision.reason == reason
    if decision.orders:
        assert decision.orders[0].quantity == 2
