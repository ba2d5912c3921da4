"""How many condors and hedge units (R-13, R-20, A10)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.base import Capital
from strategies.params import MethodParams
from strategies.sizing import (
    Size,
    condor_size,
    max_loss_usd,
    planned_condors,
    units_required,
)

PARAMS = MethodParams()


def capital(nlv: str, *, free: str | None = None, at_risk: str = "0") -> Capital:
    usd = Decimal(nlv)
    return Capital(usd, usd, usd if free is None else Decimal(free), Decimal(at_risk))


def test_a_condor_loses_its_width_less_the_credit_plus_fees() -> None:
    """(25 − 0.70) × 100 + 4 × 1.25."""
    assert max_loss_usd(Decimal("0.70"), PARAMS.condor, PARAMS.costs) == Decimal("2435.00")


@pytest.mark.parametrize(
    ("account", "multiplier", "size"),
    [
        # 10 % of 250,000 is 25,000; a condor at 0.70 risks 2,435.
        (capital("250000"), 1.0, Size(10, "per_trade_frac")),
        (capital("250000"), 0.5, Size(5, "per_trade_frac")),
        # 15 % less 30,000 at risk leaves 7,500.
        (capital("250000", at_risk="30000"), 1.0, Size(3, "aggregate_frac")),
        (capital("250000", free="4870"), 1.0, Size(2, "free_cash")),
        (capital("250000", free="4869"), 1.0, Size(1, "free_cash")),
        (capital("24349"), 1.0, Size(0, "per_trade_frac")),
        (capital("250000", at_risk="40000"), 1.0, Size(0, "aggregate_frac")),
        (capital("250000", free="-100"), 1.0, Size(0, "free_cash")),
    ],
)
def test_the_least_of_three_caps_decides(account: Capital, multiplier: float, size: Size) -> None:
    assert condor_size(account, Decimal("0.70"), multiplier, PARAMS) == size


@pytest.mark.parametrize(
    ("nlv", "planned", "units"),
    [
        ("250000", 10, 1),
        ("243499", 9, 1),
        ("267850", 11, 2),
        ("1000000", 41, 5),
        ("24349", 0, 0),
        ("-5000", 0, 0),
    ],
)
def test_one_hedge_unit_is_required_for_every_ten_planned_condors_begun(
    nlv: str, planned: int, units: int
) -> None:
    assert planned_condors(Decimal(nlv), PARAMS) == planned
    assert units_required(planned, PARAMS.alvh) == units


money = st.decimals(0, 2_000_000, places=2)


@given(money, money, money, money, st.floats(0.25, 1))
def test_size_never_grows_when_nlv_falls(
    nlv: Decimal, loss: Decimal, free: Decimal, at_risk: Decimal, multiplier: float
) -> None:
    before = Capital(nlv, nlv, free, at_risk)
    after = Capital(nlv - loss, nlv - loss, free, at_risk)

    sizes = [condor_size(each, Decimal("0.70"), multiplier, PARAMS) for each in (before, after)]

    assert sizes[1].quantity <= sizes[0].quantity


@given(money, money, money, st.floats(0.25, 1))
def test_size_never_grows_when_more_is_at_risk(
    nlv: Decimal, at_risk: Decimal, more: Decimal, multiplier: float
) -> None:
    before = Capital(nlv, nlv, nlv, at_risk)
    after = Capital(nlv, nlv, nlv, at_risk + more)

    sizes = [condor_size(each, Decimal("0.70"), multiplier, PARAMS) for each in (before, after)]

    assert sizes[1].quantity <= sizes[0].quantity


@given(money, money, money, st.floats(0.25, 1), st.decimals("0.05", "2.00", places=2))
def test_no_cap_is_ever_passed(
    nlv: Decimal, free: Decimal, at_risk: Decimal, multiplier: float, credit: Decimal
) -> None:
    size = condor_size(Capital(nlv, nlv, free, at_risk), credit, multiplier, PARAMS)

    risked = size.quantity * max_loss_usd(credit, PARAMS.condor, PARAMS.costs)

    assert size.quantity >= 0
    if size.quantity:
        assert risked <= Decimal("0.10") * nlv
        assert risked + at_risk <= Decimal("0.15") * nlv
        assert risked <= free


@given(money, money)
def test_a_larger_account_never_needs_less_hedge(nlv: Decimal, more: Decimal) -> None:
    planned = [planned_condors(each, PARAMS) for each in (nlv, nlv + more)]
    units = [units_required(each, PARAMS.alvh) for each in planned]

    assert planned[0] <= planned[1]
    assert units[0] <= units[1]
