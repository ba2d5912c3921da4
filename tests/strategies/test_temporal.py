"""Temporal theta is decay over the cost of a usual shock, and its surge at a top a flag (R-29)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from entry_scenes import decide_with, tuned
from hypothesis import given
from hypothesis import strategies as st
from sample_scenes import Scene, told

from market.instruments import OptionContract
from market.pricing import delta_scalar, price_scalar
from market.quotes import Quote
from strategies.base import Capital, Indicators, Tier, Verdict
from strategies.params import FilterParams
from strategies.temporal import (
    acceleration,
    is_big_top,
    is_hedge_prearmed,
    temporal_theta,
)

AT = datetime(2018, 1, 23, 21, 20, tzinfo=UTC)
EXPIRES_AT = AT + timedelta(days=2)
PUT = OptionContract.parse("SPXW 2018-01-25 2800 P")
WING = OptionContract.parse("SPXW 2018-01-25 2775 P")
CALL = OptionContract.parse("SPXW 2018-01-25 2880 C")
PARAMS = FilterParams()
TOP = Indicators(
    300, 8.0, 14.0, was_hold=False, calm_closes=9, has_divergence=True, below_year_high_frac=0.01
)
NLV = Decimal(250_000)


def settles_at(_contract: OptionContract) -> datetime:
    return EXPIRES_AT


def seen(contract: OptionContract, iv: float, *, forward: float = 2840.0) -> Quote:
    strike, right = float(contract.strike), contract.right
    delta = delta_scalar(forward=forward, strike=strike, years=2 / 365, iv=iv, right=right)
    return Quote(AT, 1.0, 1.1, iv, delta)


@pytest.mark.parametrize("contract", [PUT, WING, CALL])
@pytest.mark.parametrize("count", [1, -3])
def test_one_option_decays_by_half_its_vol_over_its_days(
    contract: OptionContract, count: int
) -> None:
    """Undiscounted, theta / vega = 100 iv / (2 × days left): 20 points over 4 days are 5 a day."""
    quotes = {contract: seen(contract, 0.20)}

    found = temporal_theta([(contract, count)], quotes, settles_at, 2.0)

    assert found == pytest.approx(5.0 / 2.0)


def by_differences(contract: OptionContract, iv: float) -> tuple[float, float]:
    """Return theta a day and vega a point of one option from prices alone."""

    def price(days: float, vol: float) -> float:
        return price_scalar(
            forward=2840.0,
            strike=float(contract.strike),
            years=days / 365,
            iv=vol,
            right=contract.right,
        )

    theta = (price(1.999, iv) - price(2.001, iv)) / 0.002
    vega = (price(2.0, iv + 1e-5) - price(2.0, iv - 1e-5)) / 2e-5 * 0.01
    return theta, vega


def test_a_spread_nets_decay_and_vega_of_its_legs() -> None:
    quotes = {PUT: seen(PUT, 0.14), WING: seen(WING, 0.17)}

    found = temporal_theta([(PUT, -4), (WING, 4)], quotes, settles_at, 1.3)

    short, long = by_differences(PUT, 0.14), by_differences(WING, 0.17)
    theta, vega = (long[0] - short[0], long[1] - short[1])
    assert found == pytest.approx(abs(theta) / (abs(vega) * 1.3), rel=1e-4)


@given(st.integers(1, 50), st.floats(0.05, 0.9), st.floats(0.2, 5.0))
def test_it_depends_on_no_one_s_size(count: int, iv: float, sd: float) -> None:
    quotes = {PUT: seen(PUT, iv)}

    one, many = (temporal_theta([(PUT, number)], quotes, settles_at, sd) for number in (1, count))

    if one is not None:
        assert many == pytest.approx(one)


@pytest.mark.parametrize(
    ("book", "quotes", "sd"),
    [
        ([], {}, 1.0),
        ([(PUT, 1)], {}, 1.0),
        ([(PUT, 1)], {PUT: Quote(AT, 1.0, 1.1)}, 1.0),
        ([(PUT, 1)], {PUT: seen(PUT, 0.2)}, None),
        ([(PUT, 1)], {PUT: seen(PUT, 0.2)}, 0.0),
        ([(PUT, 1)], {PUT: Quote(AT, 0.0, 0.05, 0.2, 0.0)}, 1.0),
    ],
)
def test_what_is_not_known_has_no_temporal_theta(
    book: list[tuple[OptionContract, int]], quotes: dict[OptionContract, Quote], sd: float | None
) -> None:
    assert temporal_theta(book, quotes, settles_at, sd) is None


@pytest.mark.parametrize(
    ("today", "mean", "wanted"),
    [(2.0, 1.6, 1.25), (None, 1.6, None), (2.0, None, None), (2.0, 0.0, None)],
)
def test_acceleration_compares_with_the_mean(
    today: float | None, mean: float | None, wanted: float | None
) -> None:
    assert acceleration(today, mean) == wanted


@pytest.mark.parametrize(
    ("divergence", "below_high", "accelerated", "flag"),
    [
        (True, 0.015, 1.26, True),
        (True, 0.015, 1.25, False),
        (True, 0.016, 9.0, False),
        (False, 0.0, 9.0, False),
        (None, 0.0, 9.0, None),
        (True, None, 9.0, None),
        (True, 0.0, None, None),
        (False, 0.0, None, False),
    ],
)
def test_a_big_top_needs_all_three(
    divergence: bool | None, below_high: float | None, accelerated: float | None, flag: bool | None
) -> None:
    known = Indicators(
        300,
        8.0,
        14.0,
        was_hold=False,
        calm_closes=9,
        has_divergence=divergence,
        below_year_high_frac=below_high,
    )

    assert is_big_top(known, accelerated, PARAMS) is flag
    assert is_big_top(known, accelerated, FilterParams(big_top_enabled=False)) is None


def test_a_big_top_at_the_last_mark_arms_the_hedge() -> None:
    def account(today: float | None) -> Capital:
        return Capital(NLV, NLV, NLV, Decimal(0), temporal_theta_condor=today, tt_mean_condor=1.0)

    assert is_hedge_prearmed(TOP, account(1.3), PARAMS)
    assert not is_hedge_prearmed(TOP, account(1.2), PARAMS)
    assert not is_hedge_prearmed(TOP, account(None), PARAMS)


@pytest.mark.parametrize(
    ("mean", "verdict", "cap"),
    [
        (0.01, Verdict.LIMIT, Tier.CONSERVATIVE),
        (100.0, Verdict.PASS, None),
        (None, Verdict.UNKNOWN, None),
    ],
)
def test_the_entry_judges_the_condor_it_would_sell(
    mean: float | None, verdict: Verdict, cap: Tier | None
) -> None:
    known = {"has_divergence": True, "below_year_high_frac": 0.0, "vix9d_sd_points": 1.0}

    decision = decide_with(Scene(), indicators=known, capital={"tt_mean_condor": mean})

    found = told(decision, "big_top")
    assert (found.verdict, found.tier_cap, found.size_multiplier) == (verdict, cap, 1.0)


def test_the_flag_can_be_switched_off() -> None:
    off = tuned(filters={"big_top_enabled": False})

    assert told(decide_with(Scene(), off), "big_top").detail == "the Big Top flag is switched off"
