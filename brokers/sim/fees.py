"""What an execution costs: IBKR's commission by premium, and exchange and regulatory fees.

Rules of this file, with their sources in config/fees.toml:
- Every leg pays by its own premium; VIX has one table for single orders and one for combos.
- The commission of an order is at least the minimum. The first execution carries the minimum;
  later ones pay only what the tiers add beyond it.
- Commission and exchange fees are each rounded to the cent per execution, half up.
- Cash settlement is free.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any

from market.errors import ConfigError
from market.instruments import CLASS_SPECS
from market.orders import Leg

ZERO = Decimal(0)
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class PremiumTier:
    """A rate for premiums below a bound in points; without a bound it is the last tier."""

    below_points: Decimal | None
    usd_per_contract: Decimal


Tiers = tuple[PremiumTier, ...]


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """An exchange's rates on one underlying, for single orders and for legs of combos."""

    single: Tiers
    combo: Tiers


@dataclass(frozen=True, slots=True)
class Charge:
    """The cost of one execution in dollars.

    `tiers_usd` is the commission before the minimum; the next execution of the same order needs
    the sum of these.
    """

    commission_usd: Decimal
    exchange_fees_usd: Decimal
    tiers_usd: Decimal


@dataclass(frozen=True)
class FeeSchedule:
    """The whole price list; all amounts in dollars."""

    minimum_usd_per_order: Decimal
    commission: Tiers
    exchange: Mapping[str, ExchangeRates]
    usd_per_contract: Decimal
    usd_per_contract_sold: Decimal

    @classmethod
    def from_toml(cls, text: str, source_name: str = "fees.toml") -> "FeeSchedule":
        """Return the schedule written in a TOML text.

        Raises:
            ConfigError: a key is missing or a value is no amount.
        """
        return _Reader(text, source_name).schedule()

    def charge(
        self,
        legs: tuple[Leg, ...],
        leg_prices: tuple[Decimal, ...],
        quantity: int,
        *,
        earlier_tiers_usd: Decimal | None = None,
    ) -> Charge:
        """Return the cost of one execution of `quantity` combos at `leg_prices` (points).

        `earlier_tiers_usd` is the sum of `tiers_usd` over the order's earlier executions, None on
        the first.
        """
        tiers_usd = fees_usd = ZERO
        for leg, price in zip(legs, leg_prices, strict=True):
            contracts = abs(leg.ratio) * quantity
            tiers_usd += contracts * _rate(self.commission, price)
            fees_usd += contracts * (self._exchange_rate(leg, price, legs) + self.usd_per_contract)
            if leg.ratio < 0:
                fees_usd += contracts * self.usd_per_contract_sold
        return Charge(self._commission(tiers_usd, earlier_tiers_usd), _cents(fees_usd), tiers_usd)

    def most_usd(self, legs: tuple[Leg, ...], quantity: int) -> Decimal:
        """Return an upper bound of an order's cost, at any premium and however it executes."""
        per_combo = ZERO
        for leg in legs:
            sold = self.usd_per_contract_sold if leg.ratio < 0 else ZERO
            dearest = self._dearest_usd_per_contract[leg.contract.spec.underlying]
            per_combo += abs(leg.ratio) * (dearest + sold)
        # One cent a combo covers the roundings: no execution is smaller than one combo.
        return self.minimum_usd_per_order + quantity * (per_combo + CENT)

    @cached_property
    def _dearest_usd_per_contract(self) -> Mapping[str, Decimal]:
        commission = max(tier.usd_per_contract for tier in self.commission)
        return {
            underlying: commission
            + max(tier.usd_per_contract for tier in (*rates.single, *rates.combo))
            + self.usd_per_contract
            for underlying, rates in self.exchange.items()
        }

    def _exchange_rate(self, leg: Leg, price: Decimal, legs: tuple[Leg, ...]) -> Decimal:
        rates = self.exchange[leg.contract.spec.underlying]
        return _rate(rates.combo if len(legs) > 1 else rates.single, price)

    def _commission(self, tiers_usd: Decimal, earlier_tiers_usd: Decimal | None) -> Decimal:
        if earlier_tiers_usd is None:
            return _cents(max(self.minimum_usd_per_order, tiers_usd))
        charged = _cents(max(self.minimum_usd_per_order, earlier_tiers_usd))
        return _cents(max(self.minimum_usd_per_order, earlier_tiers_usd + tiers_usd)) - charged


def _rate(tiers: Tiers, premium_points: Decimal) -> Decimal:
    for tier in tiers:
        if tier.below_points is None or premium_points < tier.below_points:
            return tier.usd_per_contract
    raise AssertionError("the last tier has no bound")


def _cents(amount_usd: Decimal) -> Decimal:
    return amount_usd.quantize(CENT, rounding=ROUND_HALF_UP)


class _Reader:
    """Reads a schedule and names the key at fault in one sentence."""

    def __init__(self, text: str, source_name: str) -> None:
        self._source_name = source_name
        try:
            self._tables: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source_name}: not valid TOML ({error}); mend the line.") from error

    def schedule(self) -> FeeSchedule:
        underlyings = {spec.underlying for spec in CLASS_SPECS.values()}
        every = self._amount("every_contract", "orf_usd_per_contract")
        return FeeSchedule(
            minimum_usd_per_order=self._amount("commission", "minimum_usd_per_order"),
            commission=self._tiers("commission", "tiers"),
            exchange={
                name: ExchangeRates(
                    single=self._tiers("exchange", name, "single"),
                    combo=self._tiers("exchange", name, "combo"),
                )
                for name in sorted(underlyings)
            },
            usd_per_contract=every + self._amount("every_contract", "occ_usd_per_contract"),
            usd_per_contract_sold=self._amount("contracts_sold", "taf_usd_per_contract"),
        )

    def _value(self, *path: str) -> Any:
        value: Any = self._tables
        for depth, key in enumerate(path, start=1):
            if not isinstance(value, dict) or key not in value:
                raise ConfigError(
                    f"{self._source_name}: {'.'.join(path[:depth])} is missing; add it."
                )
            value = value[key]
        return value

    def _amount(self, *path: str) -> Decimal:
        return self._checked_amount(self._value(*path), ".".join(path))

    def _checked_amount(self, value: Any, key: str) -> Decimal:
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not is_number or not Decimal(value).is_finite() or value < 0:
            raise ConfigError(
                f"{self._source_name}: {key} = {value!s} is no amount in dollars or points;"
                " write a number that is not negative."
            )
        return Decimal(value)

    def _tiers(self, *path: str) -> Tiers:
        rows = self._value(*path)
        key = ".".join(path)
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise ConfigError(
                f"{self._source_name}: {key} must be a list of tiers; see the header."
            )
        tiers = tuple(self._tier(row, f"{key}[{index}]") for index, row in enumerate(rows))
        bounds = [tier.below_points for tier in tiers[:-1]]
        known = [bound for bound in bounds if bound is not None]
        is_rising = all(low < high for low, high in pairwise(known))
        if tiers[-1].below_points is not None or len(known) < len(bounds) or not is_rising:
            raise ConfigError(
                f"{self._source_name}: {key} must rise in below_points and end with a tier"
                " that has none; reorder the tiers."
            )
        return tiers

    def _tier(self, row: dict[str, Any], key: str) -> PremiumTier:
        if "usd_per_contract" not in row:
            raise ConfigError(f"{self._source_name}: {key}.usd_per_contract is missing; add it.")
        bound = row.get("below_points")
        return PremiumTier(
            None if bound is None else self._checked_amount(bound, f"{key}.below_points"),
            self._checked_amount(row["usd_per_contract"], f"{key}.usd_per_contract"),
        )
