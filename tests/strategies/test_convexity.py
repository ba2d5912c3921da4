"""The convexity profile of the hedge, its AMM fit and its coverage of losses (R-28).

The check points are the method's own (methodology, sections 1.4 and 2.7): VIX 17.95, futures
20.8 + (VIX − 20.5)·e^(−4T), vols 0.45 + 0.55·e^(−3T), one unit of 4/4/2 at 30/110/220 days.
"""

from math import exp

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from market.instruments import Right
from market.pricing import delta
from strategies.convexity import (
    AmmFit,
    CallState,
    ConvexityProfile,
    amm_slope,
    condor_loss_usd,
    convexity_profile,
    coverage,
    fit_amm,
    futures_beta,
)

KAPPA = 4.0
SEED, HALF, THIRD = (0.45, 0.30, 0.20), (0.50, 0.50, 0.50), (0.30, 0.30, 0.30)


def unit(deltas: tuple[float, ...], vix: float = 17.95) -> list[CallState]:
    """Return one unit of the method's check with strikes on a half-point grid."""
    rows = []
    for contracts, wanted, days in zip((4, 4, 2), deltas, (30, 110, 220), strict=True):
        years = days / 365
        forward = 20.8 + (vix - 20.5) * exp(-KAPPA * years)
        iv = 0.45 + 0.55 * exp(-3 * years)
        strikes = np.arange(8.0, 90.0, 0.5)
        found = delta(forward=forward, strike=strikes, years=years, iv=iv, right=Right.CALL)
        strike = float(strikes[np.argmin(np.abs(found - wanted))])
        rows.append(CallState(contracts, forward, strike, iv, years))
    return rows


def profile(calls: list[CallState], vol_bump: float = 0.015) -> ConvexityProfile:
    found = convexity_profile(calls, KAPPA, vol_bump)
    assert found is not None
    return found


call_states = st.builds(
    CallState,
    contracts=st.integers(1, 8),
    forward=st.floats(10, 45),
    strike=st.floats(10, 70),
    iv=st.floats(0.4, 1.6),
    years=st.floats(0.03, 0.7),
    discount=st.floats(0.95, 1.0),
)
ladders = st.lists(call_states, min_size=1, max_size=4)


def test_the_slope_saturates_at_about_426_dollars_a_point_per_unit() -> None:
    assert profile(unit(SEED)).saturation_usd == pytest.approx(426, abs=1)
    assert futures_beta(0.0, KAPPA) == 1.0


@pytest.mark.parametrize(("deltas", "low", "high"), [(HALF, 1.4, 1.5), (SEED, 1.6, 1.7)])
def test_steepening_is_that_of_the_methods_check(
    deltas: tuple[float, ...], low: float, high: float
) -> None:
    assert low <= (profile(unit(deltas)).steepening_ratio or 0.0) <= high


def test_a_ladder_further_out_of_the_money_steepens_about_twice() -> None:
    assert profile(unit(THIRD)).steepening_ratio == pytest.approx(2.0, abs=0.1)


def test_the_fit_misses_as_far_as_the_methods_check_says() -> None:
    """0.16 to 0.41 with the vol bump off."""
    misses = [profile(unit(row), vol_bump=0.0).amm for row in (HALF, SEED, THIRD)]

    assert all(found is not None and 0.15 <= found.rms <= 0.41 for found in misses)


def test_the_profile_spans_minus_five_to_plus_forty() -> None:
    found = profile(unit(SEED))

    assert found.shocks.tolist() == list(range(-5, 41))
    assert (len(found.payoff_usd), len(found.slope_usd), len(found.curvature_usd)) == (46, 45, 44)
    assert found.at(0) == 0.0
    assert found.slope_usd[5] == pytest.approx(found.at(1) - found.at(0))
    assert found.curvature_usd[5] == pytest.approx(found.slope_usd[6] - found.slope_usd[5])
    ratio = (found.at(21) - found.at(20)) / (found.at(2) - found.at(1))
    assert found.steepening_ratio == pytest.approx(ratio)


def test_a_deep_call_gains_its_beta_for_every_point() -> None:
    """Ten contracts, a month to go, thirty points in the money: 10 × 100 × e^(−4/12)."""
    deep = CallState(10, 40.0, 10.0, 0.5, 1 / 12)

    found = profile([deep], vol_bump=0.0)

    assert found.slope_usd[5] == pytest.approx(1000 * exp(-1 / 3), rel=1e-6)
    assert found.steepening_ratio == pytest.approx(1.0, abs=1e-6)


def test_nothing_held_has_no_profile() -> None:
    assert convexity_profile([], KAPPA) is None
    assert convexity_profile([CallState(0, 20.0, 20.0, 0.8, 0.1)], KAPPA) is None


@given(ladders, ladders)
def test_the_payoff_of_two_ladders_is_the_sum_of_theirs(
    one: list[CallState], other: list[CallState]
) -> None:
    both = profile(one + other).payoff_usd

    assert both == pytest.approx(profile(one).payoff_usd + profile(other).payoff_usd, abs=1e-6)


@given(ladders)
def test_without_a_bump_of_vol_the_slope_never_falls_nor_passes_its_saturation(
    calls: list[CallState],
) -> None:
    found = profile(calls, vol_bump=0.0)

    assert np.all(found.slope_usd <= found.saturation_usd + 1e-6)
    assert np.all(found.curvature_usd[5:] >= -1e-6)


@given(ladders)
def test_more_fear_never_costs_a_long_call(calls: list[CallState]) -> None:
    assert np.all(profile(calls).slope_usd >= -1e-9)


@given(st.floats(21.0, 2000.0))
def test_a_pool_is_found_by_its_own_slope(depth: float) -> None:
    shocks = np.arange(21, dtype=np.float64)

    found = fit_amm(300.0 * amm_slope(depth, shocks))

    assert found is not None
    assert found.depth == pytest.approx(depth, rel=0.01)
    assert found.rms < 0.02 * float(amm_slope(depth, shocks)[-1])


@given(ladders)
def test_no_neighbouring_pool_fits_better(calls: list[CallState]) -> None:
    found = profile(calls)
    # Outside lie slopes so steep or so flat that no depth tried is the best one.
    assume(found.amm is not None and 20.01 < found.amm.depth < 1e5)
    assert found.amm is not None
    wanted = found.slope_usd[5:26] / found.slope_usd[5]

    def misfit(depth: float) -> float:
        return float(np.sqrt(np.mean((wanted - amm_slope(depth, np.arange(21.0))) ** 2)))

    assert found.amm.rms == pytest.approx(misfit(found.amm.depth))
    beyond = found.amm.depth - 20.0
    for factor in (0.95, 1.05):
        assert found.amm.rms <= misfit(20.0 + factor * beyond) + 1e-9


def test_a_hedge_without_slope_is_like_no_pool() -> None:
    assert fit_amm(np.zeros(21)) is None


def test_the_hedges_slope_is_concave_where_the_pools_is_convex() -> None:
    found = profile(unit(SEED))
    assert isinstance(found.amm, AmmFit)

    assert np.all(np.diff(found.curvature_usd[5:24]) < 0)
    assert np.all(np.diff(found.amm.slope, n=2) > 0)


def test_losses_of_a_condor_per_shock() -> None:
    """Short strikes 60 points off 2800, wings of 25, credit 1: a fall of 3.2 % loses 24 × 100."""
    losses = condor_loss_usd(
        2800.0,
        np.array([-10.24, -5.0, 0.0, 6.4, 7.0, 10.24]),
        put_strikes=(2740.0, 2715.0),
        call_strikes=(2860.0, 2885.0),
        credit_points=1.0,
        condors=2,
        vix_points_per_percent=3.2,
    )

    # 7 points: 2800 × (1 − 0.021875) = 2738.75, so 1.25 owed less 1.00 of credit.
    assert losses.tolist() == pytest.approx([4800.0, 0.0, 0.0, 0.0, 50.0, 4800.0])


def test_coverage_is_unknown_where_the_condors_lose_nothing() -> None:
    found = profile(unit(SEED))
    losses = np.where(found.shocks >= 10, 20_000.0, 0.0)

    share = coverage(found, losses)

    assert share[: 10 + 5] == (None,) * 15
    assert share[10 + 5] == pytest.approx(found.at(10) / 20_000)
