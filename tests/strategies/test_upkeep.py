"""What a layer needs: rolls, waits, early rolls, re-strikes (R-19, R-22, R-25)."""

from datetime import UTC, date, datetime

import pytest
from sample_scenes import (
    DEFAULTS,
    LONG_EXPIRY,
    MID_EXPIRY,
    NEAR_EXPIRY,
    Scene,
    calendar,
    held,
    ladder,
    release,
)

from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.quotes import Quote, SnapshotRequest
from market.schedule import MomentName
from strategies.base import Layer, LayerPosition
from strategies.ladder import targets
from strategies.params import MethodParams
from strategies.upkeep import (
    EventState,
    LayerNeed,
    Need,
    event_state,
    layer_need,
    outlive_until,
    release_session,
)

NEAR, MID, LONG = (target.layer for target in targets(DEFAULTS.alvh))
TARGETS = {target.layer: target for target in targets(DEFAULTS.alvh)}
TOMORROW_CPI = release(MacroKind.CPI, "2018-01-24T13:30")


def need_of(
    position: LayerPosition,
    scene: Scene,
    params: MethodParams = DEFAULTS,
    name: MomentName = MomentName.HEDGE_WINDOW,
) -> LayerNeed:
    view = scene.view(name, SnapshotRequest(contracts=(position.contract,)))
    target = {each.layer: each for each in targets(params.alvh)}[position.layer]
    return layer_need(view, position, target, event_state(view, params), params)


@pytest.mark.parametrize(
    ("layer", "expiry", "need"),
    [
        (NEAR, date(2018, 2, 14), Need.KEEP),
        (NEAR, date(2018, 2, 13), Need.ROLL),
        (NEAR, date(2018, 1, 31), Need.ROLL),
        (MID, date(2018, 4, 14), Need.KEEP),
        (MID, date(2018, 4, 13), Need.ROLL),
        (LONG, date(2018, 7, 3), Need.KEEP),
        (LONG, date(2018, 7, 2), Need.ROLL),
    ],
)
def test_layers_roll_at_21_80_and_160_days(layer: Layer, expiry: date, need: Need) -> None:
    """On 23 January, 13 February is 21 days off, 13 April 80 and 2 July 160."""
    position = held(layer, expiry, "20", 4)
    quiet = Scene(vix=16.0)

    assert need_of(position, quiet).need is need


@pytest.mark.parametrize(
    ("expiry", "at", "need"),
    [
        (date(2018, 2, 7), "2018-01-24T13:30", Need.WAIT),
        (date(2018, 2, 3), "2018-01-24T13:30", Need.WAIT),
        (date(2018, 2, 2), "2018-01-24T13:30", Need.ROLL),
        (date(2018, 2, 7), "2018-01-24T16:00", Need.WAIT),
        (date(2018, 2, 7), "2018-01-24T16:01", Need.ROLL),
        (date(2018, 2, 7), "2018-01-23T16:00", Need.ROLL),
        (date(2018, 3, 7), "2018-01-24T13:30", Need.KEEP),
    ],
)
def test_a_roll_waits_for_a_release_within_24_hours_unless_ten_days_are_left(
    expiry: date, at: str, need: Need
) -> None:
    """The window opens at 16:00 UTC; 2 February is ten days off. NFP is no R-25 event."""
    position = held(NEAR, expiry, "16", 4)

    found = need_of(position, Scene(vix=16.0, releases=(release(MacroKind.NFP, at),)))

    assert found.need is need
    if need is Need.WAIT:
        dte = (expiry - date(2018, 1, 23)).days
        assert found.why == f"{dte} days left, but NFP comes within a day: rolls after it"


def test_a_provisional_window_does_not_hold_up_a_roll() -> None:
    """Its weeks would be no skipped day."""
    past = [release(MacroKind.NFP, f"2017-{month}-20T13:30") for month in (10, 11)]
    macro = MacroCalendar([*past, release(MacroKind.NFP, "2017-12-28T13:30")])

    found = need_of(held(NEAR, date(2018, 2, 7), "16", 4), Scene(vix=16.0, macro=macro))

    assert found.need is Need.ROLL


@pytest.mark.parametrize(
    ("at", "session"),
    [
        ("2018-01-24T13:30", date(2018, 1, 24)),
        ("2018-01-24T19:00", date(2018, 1, 24)),
        ("2018-01-24T21:00", date(2018, 1, 24)),
        ("2018-01-24T21:01", date(2018, 1, 25)),
        ("2018-01-25T03:00", date(2018, 1, 25)),
        ("2018-01-26T22:00", date(2018, 1, 29)),
        ("2018-01-27T15:00", date(2018, 1, 29)),
        ("2018-03-30T12:30", date(2018, 4, 2)),
        ("2018-07-03T16:59", date(2018, 7, 3)),
        ("2018-07-03T17:01", date(2018, 7, 5)),
    ],
)
def test_the_release_session_is_the_first_that_closes_at_or_after_the_release(
    at: str, session: date
) -> None:
    """Among them an evening in New York, a Saturday, Good Friday and a half day."""
    assert release_session(calendar(), release(MacroKind.CPI, at)) == session


@pytest.mark.parametrize(
    ("at", "is_ahead", "is_behind"),
    [
        ("2018-01-25T21:00", True, False),
        ("2018-01-25T21:01", False, False),
        ("2018-01-23T16:01", True, False),
        ("2018-01-23T16:00", False, True),
        ("2018-01-18T21:01", False, True),
        ("2018-01-18T21:00", False, False),
    ],
)
def test_events_reach_two_sessions_ahead_and_two_behind(
    at: str, is_ahead: bool, is_behind: bool
) -> None:
    """At 16:00 UTC on the 23rd; the third session back closed on Thursday, 18 January."""
    event = release(MacroKind.PPI, at)
    view = Scene(releases=(event,)).view(MomentName.HEDGE_WINDOW, SnapshotRequest())

    found = event_state(view, DEFAULTS)

    assert (found.ahead is event, found.behind is event) == (is_ahead, is_behind)


def test_the_change_of_vix_is_measured_from_the_close_before_the_release() -> None:
    event = release(MacroKind.FOMC, "2018-01-22T19:00")
    closes = {date(2018, 1, 18): 30.0, date(2018, 1, 19): 20.0, date(2018, 1, 22): 17.0}
    scene = Scene(vix=14.0, releases=(event,), vix_closes=closes)

    found = event_state(scene.view(MomentName.HEDGE_WINDOW, SnapshotRequest()), DEFAULTS)

    assert found == EventState(None, None, event, date(2018, 1, 22), -0.3)


def test_nfp_is_no_event_of_the_hedge() -> None:
    releases = (release(MacroKind.NFP, "2018-01-24T13:30"),)
    view = Scene(releases=releases).view(MomentName.HEDGE_WINDOW, SnapshotRequest())

    assert event_state(view, DEFAULTS) == EventState(None, None, None, None, None)
    assert outlive_until(view.context, DEFAULTS) is None


def test_a_surprise_between_meetings_is_not_seen_coming() -> None:
    at = datetime(2018, 1, 24, 15, 0, tzinfo=UTC)
    surprise = MacroEvent(MacroKind.FOMC, at, is_scheduled=False, known_from=date(2018, 1, 24))
    view = Scene(releases=(surprise,)).view(MomentName.HEDGE_WINDOW, SnapshotRequest())

    assert event_state(view, DEFAULTS).ahead is None


@pytest.mark.parametrize(
    ("expiry", "need"),
    [(date(2018, 1, 30), Need.EVENT_ROLL), (date(2018, 1, 31), Need.KEEP)],
)
def test_the_near_layer_must_outlive_an_event_by_five_sessions(expiry: date, need: Need) -> None:
    """CPI on Wednesday the 24th: the fifth session after is Wednesday the 31st."""
    params = MethodParams.model_validate({"alvh": {"roll_near_dte": 5}})
    scene = Scene(vix=16.0, releases=(TOMORROW_CPI,))

    found = need_of(held(NEAR, expiry, "16", 4), scene, params)

    assert found.need is need
    if need is Need.EVENT_ROLL:
        assert (found.why, found.not_before) == (
            "expires before CPI + 5 sessions",
            date(2018, 1, 31),
        )


def test_only_the_near_layer_rolls_early() -> None:
    params = MethodParams.model_validate({"alvh": {"roll_mid_dte": 5}})
    scene = Scene(vix=16.0, releases=(TOMORROW_CPI,))

    assert need_of(held(MID, date(2018, 1, 30), "16", 4), scene, params).need is Need.KEEP


def test_an_early_roll_does_not_wait_for_the_release_that_it_must_outlive() -> None:
    """Eleven days are left, the release is within a day, and it asks for fifteen sessions more."""
    params = MethodParams.model_validate({"alvh": {"event_roll_sessions": 15}})
    position = held(NEAR, date(2018, 2, 3), "16", 4)

    found = need_of(position, Scene(vix=16.0, releases=(TOMORROW_CPI,)), params)

    assert found.need is Need.EVENT_ROLL


def test_an_early_roll_may_be_asked_to_reach_the_event_only() -> None:
    params = MethodParams.model_validate({"alvh": {"event_roll_sessions": 0}})
    context = Scene(releases=(TOMORROW_CPI,)).context(MomentName.HEDGE_WINDOW)

    assert outlive_until(context, params) == date(2018, 1, 24)


@pytest.mark.parametrize(
    ("vix", "opened", "need"),
    [
        (18.00, date(2018, 1, 19), Need.EVENT_REFRESH),
        (18.01, date(2018, 1, 19), Need.KEEP),
        (18.00, date(2018, 1, 22), Need.KEEP),
        (25.00, date(2018, 1, 19), Need.KEEP),
    ],
)
def test_a_fall_of_vix_by_a_tenth_over_an_event_renews_strikes_once(
    vix: float, opened: date, need: Need
) -> None:
    """CPI on Monday the 22nd, VIX 20 at Friday's close; what was bought since is fresh."""
    scene = Scene(
        vix=vix,
        releases=(release(MacroKind.CPI, "2018-01-22T13:30"),),
        vix_closes={date(2018, 1, 19): 20.0},
    )

    found = need_of(held(MID, MID_EXPIRY, "25", 4, opened=opened), scene)

    assert found.need is need
    if need is Need.EVENT_REFRESH:
        assert found.why == "VIX fell 10% over CPI: strikes are cheap to renew"


@pytest.mark.parametrize(
    ("vix", "delta", "need"),
    [
        (14.99, 0.224, Need.REFRESH),
        (14.99, 0.225, Need.KEEP),
        (14.99, 0.72, Need.KEEP),
        (14.99, 0.721, Need.REFRESH),
        (15.00, 0.10, Need.KEEP),
        (14.99, None, Need.KEEP),
    ],
)
def test_a_delta_outside_half_to_1_6_of_its_target_is_renewed_below_vix_15(
    vix: float, delta: float | None, need: Need
) -> None:
    """The near layer aims for 0.45."""
    position = held(NEAR, NEAR_EXPIRY, "16", 4)
    at = Scene().moment(MomentName.HEDGE_WINDOW).at
    quotes = {position.contract: Quote(at, 1.0, 1.1, None, delta)}

    found = need_of(position, Scene(vix=vix, quotes=quotes))

    assert found.need is need
    if need is Need.REFRESH:
        assert found.why == f"delta {delta:.2f} left the band 0.23 … 0.72"


def test_a_layer_without_a_quote_is_left_alone() -> None:
    position = held(NEAR, NEAR_EXPIRY, "16", 4)

    assert need_of(position, Scene(quotes={position.contract: None})).need is Need.KEEP


def test_a_roll_by_days_comes_before_everything_else() -> None:
    scene = Scene(
        vix=14.0,
        releases=(release(MacroKind.CPI, "2018-01-22T13:30"),),
        vix_closes={date(2018, 1, 19): 20.0},
    )
    position = held(NEAR, date(2018, 2, 7), "30", 4)

    found = need_of(position, scene)

    assert (found.need, found.why) == (Need.ROLL, "15 days left, rolls at 21")


def test_the_sample_ladder_is_on_target() -> None:
    assert [need_of(position, Scene()).need for position in ladder()] == [Need.KEEP] * 3
    assert [position.contract.expiry for position in ladder()] == [
        NEAR_EXPIRY,
        MID_EXPIRY,
        LONG_EXPIRY,
    ]
    assert set(TARGETS) == set(Layer)
