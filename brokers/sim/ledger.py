"""The simulated account: cash, fees, positions by series and the margin that they need."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from brokers.base import AccountState
from brokers.sim.margin import SeriesKey, cover, series_margin_usd, series_of
from market.errors import InvariantBroken
from market.instruments import OptionContract, Right
from market.orders import Leg

ZERO = Decimal(0)
NOTHING: Mapping[OptionContract, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AfterFill:
    """The series that a fill touches, as it would leave them; the change of margin in dollars."""

    held: Mapping[SeriesKey, dict[OptionContract, int]]
    margins_usd: Mapping[SeriesKey, Decimal]
    margin_change_usd: Decimal


class Ledger:
    """Books fills and settlements; refuses to hold a short without a long against it."""

    def __init__(self, cash_usd: Decimal) -> None:
        self.cash_usd = cash_usd
        self._fees_usd = ZERO
        self._series: dict[SeriesKey, dict[OptionContract, int]] = {}
        self._margins_usd: dict[SeriesKey, Decimal] = {}

    @classmethod
    def resume(
        cls, cash_usd: Decimal, fees_usd: Decimal, positions: Mapping[OptionContract, int]
    ) -> "Ledger":
        """Return an account as it stood, its margin reckoned anew.

        Raises:
            InvariantBroken: a short is uncovered.
        """
        ledger = cls(cash_usd)
        ledger._fees_usd = fees_usd
        for contract, position in positions.items():
            ledger._series.setdefault(series_of(contract), {})[contract] = position
        for series, held in ledger._series.items():
            ledger._margins_usd[series] = _margin_usd(series, held)
        return ledger

    @property
    def margin_usd(self) -> Decimal:
        """Return the margin of everything held, in dollars."""
        return sum(self._margins_usd.values(), ZERO)

    @property
    def free_usd(self) -> Decimal:
        """Return cash that no margin claims, in dollars."""
        return self.cash_usd - self.margin_usd

    def account(self) -> AccountState:
        """Return cash, margin and fees paid so far."""
        return AccountState(self.cash_usd, self.margin_usd, self._fees_usd)

    def positions(self) -> dict[OptionContract, int]:
        """Return signed contracts held, without zeros."""
        return {contract: n for held in self._series.values() for contract, n in held.items()}

    def series(self) -> tuple[SeriesKey, ...]:
        """Return the class and expiry of everything held."""
        return tuple(self._series)

    def held(self, series: SeriesKey) -> Mapping[OptionContract, int]:
        """Return the positions of one series."""
        return self._series.get(series, NOTHING)

    def cover(self, series: SeriesKey, right: Right) -> int:
        """Return longs minus shorts of one right in one series."""
        return cover(self.held(series).items(), right)

    def after_fill(self, legs: tuple[Leg, ...], quantity: int) -> AfterFill:
        """Return what a fill would leave of the series that it touches.

        Raises:
            InvariantBroken: the fill would leave a short uncovered.
        """
        touched: dict[SeriesKey, dict[OptionContract, int]] = {}
        for leg in legs:
            series = series_of(leg.contract)
            held = touched.get(series)
            if held is None:
                held = touched[series] = dict(self.held(series))
            position = held.get(leg.contract, 0) + leg.ratio * quantity
            if position:
                held[leg.contract] = position
            else:
                del held[leg.contract]
        margins = {series: _margin_usd(series, held) for series, held in touched.items()}
        changes = (m - self._margins_usd.get(series, ZERO) for series, m in margins.items())
        return AfterFill(touched, margins, sum(changes, ZERO))

    def book_fill(self, after: AfterFill, traded_usd: Decimal, fees_usd: Decimal) -> None:
        """Book one execution that was reckoned by `after_fill`: cash += traded − fees."""
        for series, held in after.held.items():
            self._keep(series, held, after.margins_usd[series])
        self.cash_usd += traded_usd - fees_usd
        self._fees_usd += fees_usd

    def book_settlement(self, series: SeriesKey, cash_usd: Decimal) -> None:
        """Turn all positions of one series into cash."""
        self._keep(series, {}, ZERO)
        self.cash_usd += cash_usd

    def _keep(
        self, series: SeriesKey, held: dict[OptionContract, int], margin_usd: Decimal
    ) -> None:
        if held:
            self._series[series] = held
            self._margins_usd[series] = margin_usd
        else:
            self._series.pop(series, None)
            self._margins_usd.pop(series, None)


def _margin_usd(series: SeriesKey, held: Mapping[OptionContract, int]) -> Decimal:
    margin = series_margin_usd(held)
    if margin is None:
        trading_class, expiry = series
        raise InvariantBroken(f"a short of {trading_class} {expiry} would be left uncovered")
    return margin
