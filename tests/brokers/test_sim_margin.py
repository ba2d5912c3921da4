from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from sample_venue import (
    CONDOR,
    LONG_CALL,
    LONG_PUT,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
)

from brokers.sim.margin import least_payoff_points, margin_usd, series_margin_usd
from market.instruments import OptionContract, Right


def condors(quantity: int) -> dict[OptionContract, int]:
    return {leg.contract: leg.ratio * quantity for leg in CONDOR}


def test_a_condor_of_equal_wings_needs_one_width_per_contract() -> None:
    assert margin_usd(condors(3)) == Decimal(25 * 100 * 3)


def test_unequal_wings_need_the_wider_one() -> None:
    wide_call = OptionContract.parse("SPXW 2018-02-05 2840 C")
    positions = condors(1)
    positions[wide_call] = positions.pop(LONG_CALL)

    assert margin_usd(positions) == Decimal(50 * 100)


def test_long_options_need_nothing() -> None:
    assert margin_usd({VIX_CALL: 4, VIX_CALL_LATER: 2}) == 0


def test_nothing_needs_nothing() -> None:
    assert margin_usd({}) == 0


def test_a_debit_spread_needs_nothing_beyond_its_price() -> None:
    assert margin_usd({SHORT_PUT: 1, LONG_PUT: -1}) == 0


def test_series_of_different_expiries_do_not_offset_each_other() -> None:
    assert margin_usd({VIX_CALL: -1, VIX_CALL_LATER: 1}) is None


def test_a_short_call_is_not_covered_by_a_put() -> None:
    assert margin_usd({SHORT_CALL: -1, LONG_PUT: 1}) is None


def test_a_short_put_is_uncovered_although_its_loss_ends_at_zero() -> None:
    assert series_margin_usd({SHORT_PUT: -1}) is None


def test_a_box_has_a_floor_above_zero() -> None:
    low_call = OptionContract.parse("SPXW 2018-02-05 2700 C")
    high_call = OptionContract.parse("SPXW 2018-02-05 2725 C")

    box = {low_call: 1, high_call: -1, SHORT_PUT: 1, LONG_PUT: -1}

    assert least_payoff_points(box) == 25


STRIKES = st.sampled_from([Decimal(strike) for strike in (2600, 2650, 2700, 2725, 2800)])
SERIES = st.dictionaries(
    st.tuples(STRIKES, st.sampled_from(Right)), st.integers(-3, 3).filter(bool), max_size=6
).map(
    lambda rows: {
        OptionContract(LONG_PUT.trading_class, LONG_PUT.expiry, strike, right): held
        for (strike, right), held in rows.items()
    }
)


@given(SERIES, st.integers(0, 6000))
def test_no_settlement_value_costs_more_than_the_margin(
    positions: dict[OptionContract, int], settlement: int
) -> None:
    margin = series_margin_usd(positions)

    if margin is not None:
        payoff = sum(n * c.intrinsic_points(Decimal(settlement)) for c, n in positions.items())
        assert payoff * 100 >= -margin


@given(SERIES)
def test_margin_is_undefined_exactly_when_a_short_has_no_long_of_its_right(
    positions: dict[OptionContract, int],
) -> None:
    net = {right: sum(n for c, n in positions.items() if c.right is right) for right in Right}

    assert (margin_usd(positions) is None) == (min(net.values()) < 0)
