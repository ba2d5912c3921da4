"""Margin of defined-risk positions: the worst pay-off at settlement, series by series.

Positions of one trading class and one expiry settle on one value, so they offset each other;
positions of different groups never do. Inside a group the pay-off is piecewise linear in the
settlement value, so its least value lies at zero, at a strike, or beyond the last strike when it
falls there.
An iron condor of equal wings needs width × multiplier × contracts. Interactive Brokers charges
both verticals when the wings are unequal; here it is the worst case, which is the wider one.
Long options are paid in cash and need nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from market.instruments import CLASS_SPECS, OptionContract, Right, TradingClass

ZERO = Decimal(0)

SeriesKey = tuple[TradingClass, date]
Positions = Mapping[OptionContract, int]


def series_of(contract: OptionContract) -> SeriesKey:
    """Return the group in which a contract offsets others: its class and expiry."""
    return contract.trading_class, contract.expiry


def cover(positions: Iterable[tuple[OptionContract, int]], right: Right) -> int:
    """Return longs minus shorts of one right; below zero some short has no long against it."""
    return sum(held for contract, held in positions if contract.right is right)


def least_payoff_points(positions: Positions) -> Decimal | None:
    """Return the least value at settlement of one series' positions, per unit, in points.

    None when a short has no long of its right against it: the loss is then not bounded by strikes.
    """
    calls = puts = 0
    value = ZERO  # of everything at a settlement of zero, where only puts pay
    for contract, held in positions.items():
        if contract.right is Right.CALL:
            calls += held
        else:
            puts += held
            value += contract.strike * held
    if calls < 0 or puts < 0:
        return None
    least, slope, settlement = value, -puts, ZERO
    # Past its strike a call begins to gain and a put ceases to lose: either turns the slope up.
    for contract, held in sorted(positions.items(), key=_strike):
        value += slope * (contract.strike - settlement)
        settlement = contract.strike
        slope += held
        least = min(least, value)
    return least


def series_margin_usd(positions: Positions) -> Decimal | None:
    """Return the margin of positions of one series, or None when a short is uncovered."""
    if all(held >= 0 for held in positions.values()):
        return ZERO
    least = least_payoff_points(positions)
    if least is None:
        return None
    multiplier = CLASS_SPECS[next(iter(positions)).trading_class].multiplier
    return max(ZERO, -least) * multiplier


def margin_usd(positions: Positions) -> Decimal | None:
    """Return the margin of a whole account, or None when any short is uncovered."""
    groups: dict[SeriesKey, dict[OptionContract, int]] = {}
    for contract, held in positions.items():
        groups.setdefault(series_of(contract), {})[contract] = held
    total = ZERO
    for group in groups.values():
        margin = series_margin_usd(group)
        if margin is None:
            return None
        total += margin
    return total


def _strike(row: tuple[OptionContract, int]) -> Decimal:
    return row[0].strike
