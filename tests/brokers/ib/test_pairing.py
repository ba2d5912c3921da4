"""Leg executions become fills of whole combos: in any order, once, and to the cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from ib_samples import AT, CONDOR, CREDIT, LEG_PRICES, bag_execution, condor_order, leg_execution

from brokers.ib.messages import ExecutionSeen
from brokers.ib.pairing import ComboFill, ExecutionPairing
from market.instruments import OptionContract
from market.orders import Leg


def fed(executions: list[tuple[int, ExecutionSeen]], booked: tuple[ComboFill, ...] = ()):  # type: ignore[no-untyped-def]
    pairing = ExecutionPairing(CONDOR, booked)
    for index, seen in executions:
        pairing.take(index, seen)
    return pairing


def combo(number: str, quantity: int = 1) -> list[tuple[int, ExecutionSeen]]:
    return [(index, leg_execution(index, number, quantity=quantity)) for index in range(4)]


def test_four_legs_make_one_condor_and_three_make_none() -> None:
    pairing = fed(combo("61f3")[:3])
    assert (pairing.filled, pairing.is_even) == (0, False)

    pairing.take(3, leg_execution(3, "61f3"))

    assert pairing.fills == [ComboFill(AT, 1, LEG_PRICES)]
    assert pairing.fills[0].credit(CONDOR) == CREDIT


def test_legs_filled_in_different_parts_pair_at_their_own_prices() -> None:
    dear = Decimal("2.10")
    parts = [
        (0, leg_execution(0, "a", quantity=1)),
        (0, leg_execution(0, "b", quantity=2, price=dear)),
        *((index, leg_execution(index, "c", quantity=3)) for index in (1, 2, 3)),
    ]

    pairing = fed(parts)

    assert [(fill.quantity, fill.leg_prices[0]) for fill in pairing.fills] == [
        (1, Decimal("2.00")),
        (2, dear),
    ]


@given(
    order=st.permutations([*combo("a"), *combo("b", 2), *combo("c", 1)]),
    repeats=st.lists(st.integers(0, 11), max_size=8),
)
def test_whatever_the_order_and_the_repeats_the_sum_is_the_same(
    order: list[tuple[int, ExecutionSeen]], repeats: list[int]
) -> None:
    pairing = fed([*order, *(order[place] for place in repeats)])

    total = sum((fill.quantity * fill.credit(CONDOR) for fill in pairing.fills), Decimal(0))
    assert (pairing.filled, total, pairing.is_even) == (4, 4 * CREDIT, True)


@given(order=st.permutations([*combo("a"), *combo("b", 2)]), booked_after=st.integers(0, 8))
def test_what_is_booked_before_a_restart_is_not_booked_again(
    order: list[tuple[int, ExecutionSeen]], booked_after: int
) -> None:
    before = fed(order[:booked_after])

    after = fed(list(reversed(order)), tuple(before.fills))

    assert after.filled == 3
    assert after.fills[: len(before.fills)] == before.fills


def test_a_correction_before_the_combo_is_whole_counts_in_place_of_the_first() -> None:
    better = Decimal("2.05")
    pairing = fed(
        [(0, leg_execution(0, "a")), (0, leg_execution(0, "a", price=better, revision="02"))]
    )

    for index in (1, 2, 3):
        pairing.take(index, leg_execution(index, "a"))

    assert pairing.fills[0].leg_prices[0] == better
    assert pairing.disputes == []


def test_a_correction_of_what_is_booked_is_a_dispute_and_not_another_fill() -> None:
    pairing = fed(combo("a"))

    pairing.take(0, leg_execution(0, "a", price=Decimal("1.95"), revision="02"))

    assert pairing.filled == 1
    assert "corrected to 1 at 1.95 after it was booked" in pairing.disputes[0]


def test_the_charge_of_a_fill_is_known_once_each_leg_has_one() -> None:
    pairing = fed(combo("a"))
    for index in range(3):
        pairing.charge(leg_execution(index, "a").stem, Decimal("1.10"))
    assert pairing.charge_of(0) is None

    pairing.charge(leg_execution(3, "a").stem, Decimal("1.15"))
    pairing.charge(leg_execution(3, "a").stem, Decimal("1.15"))

    assert pairing.charge_of(0) == Decimal("4.45")


def test_each_charge_is_paid_by_one_fill_even_when_legs_are_split() -> None:
    legs = [(0, leg_execution(0, "a", quantity=3))]
    for index in (1, 2, 3):
        legs += [(index, leg_execution(index, "b")), (index, leg_execution(index, "c", quantity=2))]
    pairing = fed(legs)

    for index, seen in legs:
        pairing.charge(seen.stem, Decimal(1 + index))

    charges = [pairing.charge_of(number) for number in range(len(pairing.fills))]
    assert sum(charges) == 1 + 2 * (2 + 3 + 4)


def test_the_report_of_the_bag_is_only_compared() -> None:
    pairing = fed(combo("a"))
    pairing.take_bag(bag_execution("a"))
    assert pairing.bag_objection() is None

    pairing.take_bag(bag_execution("a", price="-1.60"))

    assert "credit of 1.60 points in all, its legs add up to 1.40" in (
        pairing.bag_objection() or ""
    )


def test_a_ratio_of_two_takes_two_contracts_a_combo() -> None:
    near, far = (OptionContract.parse(f"VIX 2018-02-14 {k} C") for k in (16, 20))
    legs = (Leg(near, -1), Leg(far, 2))
    pairing = ExecutionPairing(legs)
    sample = condor_order()
    pairing.take(0, leg_execution(0, "a", quantity=1, order=sample))
    pairing.take(1, leg_execution(1, "b", quantity=1, price=Decimal("0.50")))
    assert pairing.filled == 0

    pairing.take(1, leg_execution(1, "c", quantity=1, price=Decimal("0.60")))

    assert pairing.fills == [ComboFill(AT, 1, (Decimal("2.00"), Decimal("0.55")))]


def test_an_execution_on_the_wrong_side_is_a_dispute() -> None:
    pairing = ExecutionPairing(CONDOR)

    pairing.take(1, leg_execution(0, "a"))

    assert pairing.filled == 0
    assert "wrong side" in pairing.disputes[0]
