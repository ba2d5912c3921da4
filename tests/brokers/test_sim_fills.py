from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_venue import (
    ALWAYS,
    AT,
    CONDOR,
    LONG_CALL,
    LONG_PUT,
    SHORT_CALL,
    SHORT_PUT,
    VIX_CALL,
    VIX_CALL_LATER,
    quotes,
)

from brokers.sim.fills import FillModel, PackagePrice, allocate
from market.orders import Leg


def package(natural: str, mid: str | None) -> PackagePrice:
    return PackagePrice(Decimal(natural), None if mid is None else Decimal(mid), (), None)


def test_natural_sells_at_bids_and_buys_at_asks() -> None:
    price = ALWAYS.price(CONDOR, quotes(), AT)

    assert price == PackagePrice(
        natural_credit=Decimal("1.40"),
        mid_credit=Decimal("1.70"),
        natural_prices=(Decimal("2.0"), Decimal("1.35"), Decimal("1.8"), Decimal("1.05")),
        spreads=(Decimal("0.20"), Decimal("0.15"), Decimal("0.15"), Decimal("0.10")),
    )


@pytest.mark.parametrize(
    "sides",
    [
        None,
        (None, None),
        (1.20, None),
        (1.20, 0.0),
        (1.20, float("nan")),
        (-1.0, -1.0),
        (1.40, 1.35),
    ],
    ids=["absent", "empty", "no ask", "zero ask", "NaN ask", "sentinels", "crossed"],
)
def test_a_bought_leg_without_a_usable_ask_leaves_no_price(
    sides: tuple[float | None, float | None] | None,
) -> None:
    assert ALWAYS.price(CONDOR, quotes(AT, {LONG_PUT: sides}), AT) is None


def test_a_sold_leg_without_a_bid_leaves_no_price() -> None:
    assert ALWAYS.price(CONDOR, quotes(AT, {SHORT_CALL: (None, 1.95)}), AT) is None


def test_a_side_that_is_not_needed_may_be_absent_but_then_there_is_no_mid() -> None:
    price = ALWAYS.price(CONDOR, quotes(AT, {LONG_CALL: (None, 1.05)}), AT)

    assert price is not None
    assert (price.natural_credit, price.mid_credit) == (Decimal("1.40"), None)


def test_what_is_sold_at_a_zero_bid_is_given_away() -> None:
    legs = (Leg(LONG_CALL, -1), Leg(SHORT_CALL, 1))

    price = ALWAYS.price(legs, quotes(AT, {LONG_CALL: (0.0, 0.05)}), AT)

    assert price is not None
    assert price.natural_credit == Decimal("-1.95")


@pytest.mark.parametrize("age", [timedelta(seconds=11), timedelta(seconds=-1)])
def test_a_stale_or_future_quote_of_one_leg_leaves_no_price(age: timedelta) -> None:
    stale = {**quotes(), SHORT_PUT: quotes(AT - age)[SHORT_PUT]}

    assert ALWAYS.price(CONDOR, stale, AT) is None


def test_a_marketable_limit_takes_the_displayed_price() -> None:
    model = FillModel(seed=1, ladder=((1.0, 0.0),))

    assert model.fill_credit(package("1.40", "1.70"), Decimal("1.25"), "a", "0") == Decimal("1.40")


def test_a_limit_above_the_mid_rests_whatever_the_ladder() -> None:
    assert ALWAYS.fill_credit(package("1.40", "1.70"), Decimal("1.75"), "a", "0") is None


def test_a_limit_inside_the_spread_rests_when_the_mid_is_unknown() -> None:
    assert ALWAYS.fill_credit(package("1.40", None), Decimal("1.45"), "a", "0") is None


@pytest.mark.parametrize(
    ("limit", "expected"), [("1.45", 0.85), ("1.55", 0.65), ("1.60", 0.45), ("1.70", 0.25)]
)
def test_the_share_of_fills_follows_the_ladder(limit: str, expected: float) -> None:
    model, price = FillModel(seed=7), package("1.40", "1.70")

    fills = [model.fill_credit(price, Decimal(limit), f"order-{n}", "0") for n in range(4000)]

    assert set(fills) == {None, Decimal(limit)}
    assert fills.count(Decimal(limit)) / 4000 == pytest.approx(expected, abs=0.03)


def test_draws_depend_on_seed_order_and_evaluation_alone() -> None:
    price, limit = package("1.40", "1.70"), Decimal("1.65")

    def fills(seed: int, evaluation: str) -> list[Decimal | None]:
        model = FillModel(seed=seed)
        return [model.fill_credit(price, limit, f"order-{n}", evaluation) for n in range(64)]

    assert fills(1, "0") == fills(1, "0")
    assert fills(1, "0") != fills(2, "0")
    assert fills(1, "0") != fills(1, "1")


def test_small_orders_fill_whole() -> None:
    model = FillModel(seed=1, partial_share=1.0)

    assert model.fill_quantity("a", 0, 4) == 4


def test_large_orders_fill_partly_once_and_then_the_rest() -> None:
    model = FillModel(seed=1, partial_share=1.0)

    first = model.fill_quantity("a", 0, 10)

    assert 3 <= first <= 9
    assert model.fill_quantity("a", 1, 10 - first) == 10 - first


def test_a_quarter_of_large_orders_fills_partly() -> None:
    model = FillModel(seed=3)

    partial = [model.fill_quantity(f"order-{n}", 0, 10) < 10 for n in range(4000)]

    assert sum(partial) / 4000 == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("ladder", [(), ((0.5, 0.5),), ((1.0, 0.5), (0.5, 0.2)), ((1.0, 1.5),)])
def test_an_impossible_ladder_is_refused(ladder: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError):
        FillModel(seed=1, ladder=ladder)


def test_leg_prices_share_the_improvement_by_their_spreads() -> None:
    price = ALWAYS.price(CONDOR, quotes(), AT)
    assert price is not None

    # Half of each spread would be the mid; 0.25 of 0.60 gained leaves each 5/12 of its spread.
    assert allocate(CONDOR, price, Decimal("1.65")) == (
        Decimal("2.09"),
        Decimal("1.29"),
        Decimal("1.86"),
        Decimal("1.01"),
    )


def test_a_single_leg_prints_at_the_credit() -> None:
    legs = (Leg(VIX_CALL, 1),)
    price = ALWAYS.price(legs, quotes(), AT)
    assert price is not None

    assert allocate(legs, price, Decimal("-0.75")) == (Decimal("0.75"),)


CENTS = st.integers(0, 400)


@given(
    bids=st.lists(CENTS, min_size=4, max_size=4),
    spreads=st.lists(CENTS, min_size=4, max_size=4),
    ratios=st.lists(st.sampled_from((-1, 1)), min_size=4, max_size=4),
    share=st.integers(0, 100),
)
def test_leg_prices_add_up_to_the_credit_and_stay_within_bid_and_ask(
    bids: list[int], spreads: list[int], ratios: list[int], share: int
) -> None:
    contracts = (SHORT_PUT, LONG_PUT, SHORT_CALL, VIX_CALL_LATER)
    legs = tuple(Leg(c, ratio) for c, ratio in zip(contracts, ratios, strict=True))
    sides = {
        c: (bid / 100, (bid + spread + 1) / 100)
        for c, bid, spread in zip(contracts, bids, spreads, strict=True)
    }
    price = ALWAYS.price(legs, quotes(AT, sides), AT)
    assert price is not None
    assert price.mid_credit is not None
    credit = price.natural_credit + (price.mid_credit - price.natural_credit) * share / 100

    prices = allocate(legs, price, credit)

    assert sum(leg.ratio * p for leg, p in zip(legs, prices, strict=True)) == -credit
    for contract, leg_price in zip(contracts, prices, strict=True):
        bid, ask = (Decimal(str(side)) for side in sides[contract])
        assert bid <= leg_price <= ask
