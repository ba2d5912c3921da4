"""Costs of executions; golden amounts after IBKR's and Cboe's published price lists."""

from decimal import Decimal
from importlib.resources import files

import pytest
from sample_venue import CONDOR, VIX_CALL, VIX_CALL_LATER, fee_schedule

from brokers.sim.fees import Charge, FeeSchedule
from market.errors import ConfigError
from market.instruments import OptionContract
from market.orders import Leg


def points(*texts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(text) for text in texts)


def test_a_condor_with_all_premiums_from_one_costs_4_59() -> None:
    # 4 × (0.65 IBKR + 0.45 Cboe + 0.027 ORF + 0.02 OCC) = 4.588, and 2 × 0.00279 TAF on the sales.
    charge = fee_schedule().charge(CONDOR, points("2.00", "1.35", "1.80", "1.05"), 1)

    assert charge == Charge(Decimal("2.60"), Decimal("1.99"), Decimal("2.60"))
    assert charge.commission_usd + charge.exchange_fees_usd == Decimal("4.59")


def test_one_vix_call_at_0_80_costs_1_30_because_of_the_order_minimum() -> None:
    charge = fee_schedule().charge((Leg(VIX_CALL, 1),), points("0.80"), 1)

    assert charge == Charge(Decimal("1.00"), Decimal("0.30"), Decimal("0.65"))


def test_cheap_premiums_pay_the_lower_tiers() -> None:
    # 10 × 0.50 IBKR from 0.05 to 0.10, 10 × (0.36 + 0.047) at the exchange below 1.00.
    put = OptionContract.parse("SPXW 2018-02-05 2600 P")

    charge = fee_schedule().charge((Leg(put, 1),), points("0.05"), 10)

    assert charge == Charge(Decimal("5.00"), Decimal("4.07"), Decimal("5.00"))


@pytest.mark.parametrize(
    ("premium", "single_usd", "combo_usd"),
    [
        ("0.10", "0.10", "0.05"),
        ("0.11", "0.25", "0.17"),
        ("0.99", "0.25", "0.17"),
        ("1.00", "0.40", "0.30"),
        ("1.99", "0.40", "0.30"),
        ("2.00", "0.45", "0.45"),
    ],
)
def test_vix_rates_follow_cboes_bands(premium: str, single_usd: str, combo_usd: str) -> None:
    single = (Leg(VIX_CALL, 1),)
    combo = (Leg(VIX_CALL, 1), Leg(VIX_CALL_LATER, 1))
    schedule = fee_schedule()

    alone = schedule.charge(single, points(premium), 1000).exchange_fees_usd
    together = schedule.charge(combo, points(premium, premium), 1000).exchange_fees_usd

    assert alone == 1000 * (Decimal(single_usd) + Decimal("0.047"))
    assert together == 2000 * (Decimal(combo_usd) + Decimal("0.047"))


def test_only_sales_pay_the_trading_activity_fee() -> None:
    schedule = fee_schedule()

    bought = schedule.charge((Leg(VIX_CALL, 1),), points("0.80"), 1000)
    sold = schedule.charge((Leg(VIX_CALL, -1),), points("0.80"), 1000)

    assert sold.exchange_fees_usd - bought.exchange_fees_usd == Decimal("2.79")


def test_the_minimum_is_charged_once_per_order() -> None:
    schedule, legs = fee_schedule(), (Leg(VIX_CALL, 1),)

    first = schedule.charge(legs, points("0.80"), 1)
    second = schedule.charge(legs, points("0.80"), 1, earlier_tiers_usd=first.tiers_usd)

    assert first.commission_usd == Decimal("1.00")
    assert second.commission_usd == Decimal("0.30")
    assert first.commission_usd + second.commission_usd == 2 * Decimal("0.65")


def test_the_upper_bound_holds_when_every_combo_executes_alone() -> None:
    schedule = fee_schedule()
    prices = points("30", "30", "30", "30")

    total, tiers = Decimal(0), None
    for _ in range(7):
        charge = schedule.charge(CONDOR, prices, 1, earlier_tiers_usd=tiers)
        total += charge.commission_usd + charge.exchange_fees_usd
        tiers = (tiers or Decimal(0)) + charge.tiers_usd

    assert total <= schedule.most_usd(CONDOR, 7) <= total + Decimal("1.10")


def shipped() -> str:
    return files("config").joinpath("fees.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "orf_usd_per_contract = 0.027",
            "",
            "mine.toml: every_contract.orf_usd_per_contract is missing; add it.",
        ),
        (
            "minimum_usd_per_order = 1.00",
            "minimum_usd_per_order = -1.00",
            "mine.toml: commission.minimum_usd_per_order = -1.00 is no amount in dollars or"
            " points; write a number that is not negative.",
        ),
        (
            "occ_usd_per_contract = 0.02",
            'occ_usd_per_contract = "two"',
            "mine.toml: every_contract.occ_usd_per_contract = two is no amount in dollars or"
            " points; write a number that is not negative.",
        ),
        (
            "{ below_points = 0.05, usd_per_contract = 0.25 },",
            "{ below_points = 0.50, usd_per_contract = 0.25 },",
            "mine.toml: commission.tiers must rise in below_points and end with a tier that has"
            " none; reorder the tiers.",
        ),
        (
            "    { usd_per_contract = 0.65 },",
            "    { below_points = 9 },",
            "mine.toml: commission.tiers[2].usd_per_contract is missing; add it.",
        ),
    ],
)
def test_a_faulty_schedule_is_refused_in_one_sentence(old: str, new: str, sentence: str) -> None:
    assert old in shipped()

    with pytest.raises(ConfigError) as refused:
        FeeSchedule.from_toml(shipped().replace(old, new), "mine.toml")

    assert str(refused.value) == sentence


def test_broken_toml_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: not valid TOML"):
        FeeSchedule.from_toml("[commission", "mine.toml")
