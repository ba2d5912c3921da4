"""Which strikes are allowed and which pair is chosen (R-07, R-12 as amended by A1)."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.instruments import Right, TradingClass
from market.quotes import Chain
from strategies.params import CondorParams
from strategies.strike_search import (
    Shorts,
    allowed_shorts,
    best_pair,
    find_pair,
    premium_gauge,
    side_order,
)

AT = datetime(2018, 1, 23, 21, 10, tzinfo=UTC)
PARAMS = CondorParams()
FORWARD = 1000.0


def chain(**changes: dict[int, float]) -> Chain:
    """Return a chain of 5-point strikes around 1000 with deltas falling by 0.02 a strike from 0.5,
    one tick between bid and ask; a change such as `put_bid={950: 0.0}` sets single strikes."""
    strikes = np.arange(850.0, 1151.0, 5.0)
    steps = np.abs(strikes - FORWARD) / 5
    value = np.maximum(10.0 - 0.5 * steps, 0.1)
    delta = np.maximum(0.5 - 0.02 * steps, 0.01)
    columns: dict[str, Any] = {
        "put_bid": value.copy(),
        "put_ask": value + 0.1,
        "call_bid": value.copy(),
        "call_ask": value + 0.1,
        "put_iv": np.full(len(strikes), 0.12),
        "call_iv": np.full(len(strikes), 0.10),
        "put_delta": -delta,
        "call_delta": delta.copy(),
    }
    for name, cells in changes.items():
        for strike, number in cells.items():
            columns[name][strikes == strike] = number
    return Chain(
        TradingClass.SPXW,
        date(2018, 1, 24),
        AT,
        forward=FORWARD,
        years=1 / 365,
        discount=1.0,
        strikes=strikes,
        **columns,
    )


def shorts(*rows: tuple[float, float, float]) -> Shorts:
    """Return shorts from rows of (strike, distance in expected ranges, credit)."""
    strike, multiple, credit = (np.array(column) for column in zip(*rows, strict=True))
    return Shorts(strike, np.full(len(strike), 0.1), multiple, credit)


def put_strikes(at: Chain, edr_points: float, extra: int = 0) -> list[float]:
    return [float(each) for each in allowed_shorts(at, Right.PUT, edr_points, PARAMS, extra).strike]


def test_shorts_lie_within_the_delta_cap_and_have_a_wing() -> None:
    """0.50 − 0.02 a strike reaches 0.18 sixteen strikes out; the last wing is the grid's end."""
    puts = allowed_shorts(chain(), Right.PUT, 20.0, PARAMS)
    calls = allowed_shorts(chain(), Right.CALL, 20.0, PARAMS)

    assert puts.strike.tolist() == [920.0 - 5 * n for n in range(10)]
    assert calls.strike.tolist() == [1080.0 + 5 * n for n in range(10)]
    assert puts.edr_multiple[:2].tolist() == [4.0, 4.25]
    assert puts.delta[0] == pytest.approx(-0.18)
    assert puts.credit_points[0] == pytest.approx((10 - 8) - (10 - 9.9), abs=1e-9)


def test_shorts_lie_beyond_0_85_expected_ranges() -> None:
    assert put_strikes(chain(), 100.0) == [915.0 - 5 * n for n in range(9)]
    assert put_strikes(chain(), 100.1) == [910.0 - 5 * n for n in range(8)]


def test_a_rising_vix_moves_the_put_side_one_step_out() -> None:
    assert put_strikes(chain(), 100.0, extra=5) == [910.0 - 5 * n for n in range(8)]


@pytest.mark.parametrize(
    "flaw",
    [
        pytest.param({"put_bid": {915: 0.0}}, id="nobody bids for it"),
        pytest.param({"put_bid": {915: np.nan}}, id="it has no bid"),
        pytest.param({"put_ask": {915: np.nan}}, id="it has no ask"),
        pytest.param({"put_bid": {915: 9.0}}, id="it is crossed"),
        pytest.param({"put_delta": {915: np.nan}}, id="it has no delta"),
    ],
)
def test_a_short_with_a_flawed_quote_is_never_sold(flaw: dict[str, dict[int, float]]) -> None:
    sound = put_strikes(chain(), 100.0)

    assert put_strikes(chain(**flaw), 100.0) == [k for k in sound if k != 915.0]


@pytest.mark.parametrize(
    "flaw",
    [
        pytest.param({"put_ask": {860: np.nan}}, id="it has no ask"),
        pytest.param({"put_bid": {860: np.nan}}, id="it has no bid"),
        pytest.param({"put_bid": {860: 0.0}, "put_ask": {860: 0.0}}, id="nobody offers it"),
        pytest.param({"put_bid": {860: 9.0}}, id="it is crossed"),
    ],
)
def test_a_short_whose_wing_cannot_be_bought_is_never_sold(
    flaw: dict[str, dict[int, float]],
) -> None:
    """860 is the wing of 885, and itself too near the end of the chain to be a short."""
    sound = put_strikes(chain(), 100.0)

    assert put_strikes(chain(**flaw), 100.0) == [k for k in sound if k != 885.0]


def test_a_wing_that_nobody_bids_for_may_be_bought() -> None:
    assert 885.0 in put_strikes(chain(put_bid={860: 0.0}), 100.0)


def test_shorts_stand_on_the_grid() -> None:
    params = CondorParams(strike_grid_points=25)

    found = allowed_shorts(chain(), Right.PUT, 20.0, params)

    assert found.strike.tolist() == [900.0, 875.0]


@pytest.mark.parametrize(
    ("put_iv", "first", "why"),
    [
        (0.1281, Right.CALL, "put skew above the switch"),
        (0.1279, Right.PUT, "skew below the switch, VWAP unknown"),
        (np.nan, Right.PUT, "skew and VWAP unknown"),
    ],
)
def test_the_call_side_moves_first_when_puts_are_2_8_points_richer(
    put_iv: float, first: Right, why: str
) -> None:
    found = side_order(chain(put_iv={950: put_iv}), 50.0, None, PARAMS)

    assert (found.first, found.why, found.put_extra_points) == (first, why, 0)
    if not np.isnan(put_iv):
        assert found.skew_vol_points == pytest.approx(100 * put_iv - 10.0)
    else:
        assert found.skew_vol_points is None


@pytest.mark.parametrize(("momentum", "extra"), [(None, 0), (-0.5, 0), (0.0, 0), (0.01, 5)])
def test_only_a_vix_above_its_mean_asks_for_the_extra_step(
    momentum: float | None, extra: int
) -> None:
    assert side_order(chain(), 50.0, momentum, PARAMS).put_extra_points == extra


def test_the_pair_with_the_least_excess_wins() -> None:
    puts = shorts((960, 1.0, 1.00), (950, 1.5, 0.60))
    calls = shorts((1040, 1.0, 0.45), (1050, 1.5, 0.20))

    choice, weighed = find_pair(puts, calls, 0.70, 0.10, Right.PUT)

    assert choice is not None
    assert (choice.short_put_strike, choice.short_call_strike) == (950.0, 1050.0)
    assert choice.credit_points == 0.70
    assert weighed.pairs_meeting_target == 4
    assert [pair.credit_excess_points for pair in weighed.best] == [0.0, 0.25, 0.4, 0.65]


def test_equal_excess_goes_to_the_more_even_pair() -> None:
    puts = shorts((960, 1.0, 0.50), (950, 1.9, 0.30))
    calls = shorts((1040, 1.0, 0.50), (1050, 1.2, 0.30))

    choice, _ = find_pair(puts, calls, 0.70, 0.10, Right.PUT)

    assert choice is not None
    assert (choice.short_put_strike, choice.short_call_strike) == (960.0, 1050.0)


@pytest.mark.parametrize(
    ("first", "strikes"), [(Right.PUT, (950.0, 1040.0)), (Right.CALL, (960.0, 1050.0))]
)
def test_equal_and_even_pairs_go_to_the_first_side_further_out(
    first: Right, strikes: tuple[float, float]
) -> None:
    puts = shorts((960, 1.0, 0.50), (950, 1.5, 0.30))
    calls = shorts((1040, 1.0, 0.50), (1050, 1.5, 0.30))

    choice, _ = find_pair(puts, calls, 0.70, 0.10, first)

    assert choice is not None
    assert (choice.short_put_strike, choice.short_call_strike) == strikes


def test_without_a_pair_that_pays_there_is_no_choice() -> None:
    puts, calls = shorts((960, 1.0, 0.40)), shorts((1040, 1.0, 0.39))

    choice, weighed = find_pair(puts, calls, 0.70, 0.10, Right.PUT)

    assert choice is None
    assert (weighed.pairs_meeting_target, weighed.best) == (0, ())
    assert [candidate.strike for candidate in weighed.puts] == [960.0]


def test_a_side_without_shorts_gives_no_choice_and_no_gauge() -> None:
    nobody = shorts((960, 1.0, 0.40)).beyond(2.0)
    calls = shorts((1040, 1.0, 0.39))

    choice, _ = find_pair(nobody, calls, 0.70, 0.10, Right.PUT)

    assert choice is None
    assert premium_gauge(nobody, calls, 0.10, 1.0) is None


def test_the_gauge_is_the_best_credit_at_one_expected_range() -> None:
    puts = shorts((965, 0.9, 2.00), (960, 1.0, 0.80), (950, 1.5, 0.30))
    calls = shorts((1040, 1.0, 0.50), (1050, 1.5, 0.30))

    assert premium_gauge(puts, calls, 0.10, 1.0) == pytest.approx(1.20)


@st.composite
def sides(draw: st.DrawFn) -> Shorts:
    count = draw(st.integers(0, 12))
    multiples = draw(st.lists(st.floats(0.85, 4), min_size=count, max_size=count))
    credits = draw(st.lists(st.floats(0, 3), min_size=count, max_size=count))
    strike = np.linspace(1000.0, 1000.0 + 5.0 * count, count)
    return Shorts(strike, np.full(count, 0.1), np.array(sorted(multiples)), np.array(credits))


@given(sides(), sides(), st.sampled_from([0.70, 1.15, 1.60]), st.sampled_from(list(Right)))
def test_the_choice_pays_the_target_and_no_pair_pays_it_with_less_excess(
    puts: Shorts, calls: Shorts, target: float, first: Right
) -> None:
    choice, weighed = find_pair(puts, calls, target, 0.10, first)

    assert best_pair(puts, calls, target, 0.10, first) == choice
    nets = [p + c - 0.10 for p in puts.credit_points for c in calls.credit_points]
    paying = [net for net in nets if net >= target + 1e-4]
    assume(not any(abs(net - target) < 1e-4 for net in nets))
    assert weighed.pairs_meeting_target == len(paying)
    assert (choice is None) is (not paying)
    if choice is not None:
        assert choice.credit_points >= target
        assert choice.credit_points == pytest.approx(min(paying), abs=1.1e-4)


@given(
    edr_points=st.floats(5, 120),
    max_delta=st.floats(0.05, 0.5),
    floor=st.floats(0, 3),
    width=st.sampled_from([5, 10, 25, 50]),
    right=st.sampled_from(list(Right)),
)
def test_no_allowed_short_breaks_the_delta_cap_or_the_least_distance(
    edr_points: float, max_delta: float, floor: float, width: int, right: Right
) -> None:
    params = CondorParams(max_delta=max_delta, min_edr_multiple=floor, wing_width_points=width)
    market = chain()

    found = allowed_shorts(market, right, edr_points, params)

    out = found.strike - FORWARD if right is Right.CALL else FORWARD - found.strike
    assert (np.abs(found.delta) <= max_delta).all()
    assert (out >= floor * edr_points).all()
    assert np.isin(found.strike + (width if right is Right.CALL else -width), market.strikes).all()
