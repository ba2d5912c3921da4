"""From executions of single legs to fills of whole combos, to the cent and without remainder.

Rules of this file:
- Leg reports decide; the report of the bag is only compared with their sum.
- A report counts once, by the stem of its id; a later revision takes the place of an earlier one.
- A combo has filled once every leg has; legs may come in any order, late, or twice.
- What was booked before (also before a restart) is taken off by price, so that the same
  executions read again bring nothing new, in whatever order they come.
- Each execution's charge belongs to the one fill that used its first contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.ib.messages import ExecutionSeen
from market.orders import Leg

ZERO = Decimal(0)
HALF_CENT = Decimal("0.005")


@dataclass(frozen=True, slots=True)
class ComboFill:
    """Whole combos that filled, with the price of each leg in the order of the legs."""

    at: datetime
    quantity: int
    leg_prices: tuple[Decimal, ...]

    def credit(self, legs: Sequence[Leg]) -> Decimal:
        """Return the net credit per combo: exactly minus the sum of ratio × price."""
        pairs = zip(legs, self.leg_prices, strict=True)
        return -sum((leg.ratio * price for leg, price in pairs), ZERO)


@dataclass(slots=True)
class _Use:
    """How much of an execution no fill has used yet, and which fill pays its charge."""

    seen: ExecutionSeen
    left: int
    payer: int | None = None


@dataclass(slots=True)
class _Debt:
    """Contracts of one leg that a booked fill has and no execution has accounted for yet."""

    fill: int
    price: Decimal
    contracts: int


class ExecutionPairing:
    """The executions of one order, and the combos that have filled by them."""

    def __init__(self, legs: Sequence[Leg], booked: Sequence[ComboFill] = ()) -> None:
        """Begin with the fills that are booked already."""
        self.legs = tuple(legs)
        self.fills = list(booked)
        self.disputes: list[str] = []
        self._uses: dict[str, _Use] = {}
        self._free: list[list[_Use]] = [[] for _ in self.legs]
        self._debts = [self._debts_of(index) for index in range(len(self.legs))]
        self._bags: dict[str, ExecutionSeen] = {}
        self._charges: dict[str, Decimal] = {}

    def _debts_of(self, index: int) -> list[_Debt]:
        ratio = abs(self.legs[index].ratio)
        return [
            _Debt(number, fill.leg_prices[index], fill.quantity * ratio)
            for number, fill in enumerate(self.fills)
        ]

    @property
    def filled(self) -> int:
        """Return whole combos filled, booked ones included."""
        return sum(fill.quantity for fill in self.fills)

    @property
    def is_even(self) -> bool:
        """Tell whether no leg has contracts beyond whole combos."""
        return not any(use.left for uses in self._free for use in uses)

    def take_bag(self, seen: ExecutionSeen) -> None:
        """Take in the report of the whole bag."""
        self._bags[seen.stem] = seen

    def take(self, index: int, seen: ExecutionSeen) -> None:
        """Take in the report of one leg."""
        known = self._uses.get(seen.stem)
        if known is not None:
            self._revise(known, seen)
            return
        use = _Use(seen, int(seen.quantity))
        self._uses[seen.stem] = use
        wanted = 1 if self.legs[index].ratio > 0 else -1
        if seen.sign != wanted:
            self.disputes.append(f"execution {seen.exec_id} is on the wrong side of its leg")
            use.left = 0
            return
        self._pay_debts(index, use)
        self._free[index].append(use)
        self._pair()

    def _revise(self, known: _Use, seen: ExecutionSeen) -> None:
        if seen.revision <= known.seen.revision:
            return
        same = (seen.price, seen.quantity) == (known.seen.price, known.seen.quantity)
        if not same and known.left != known.seen.quantity:
            self.disputes.append(
                f"execution {known.seen.exec_id} ({known.seen.quantity} at {known.seen.price}) was"
                f" corrected to {seen.quantity} at {seen.price} after it was booked"
            )
        elif not same:
            known.left = int(seen.quantity)
        known.seen = seen

    def _pay_debts(self, index: int, use: _Use) -> None:
        for debt in self._debts[index]:
            used = min(debt.contracts, use.left) if debt.price == use.seen.price else 0
            if used:
                debt.contracts -= used
                use.left -= used
                use.payer = debt.fill if use.payer is None else use.payer

    def _pair(self) -> None:
        while all(self._units(index) >= 1 for index in range(len(self.legs))):
            combos = min(self._at_one_price(index) for index in range(len(self.legs)))
            number, at = len(self.fills), self._newest()
            prices = tuple(self._use(index, combos, number) for index in range(len(self.legs)))
            self.fills.append(ComboFill(at, combos, prices))

    def _units(self, index: int) -> int:
        return sum(use.left for use in self._free[index]) // abs(self.legs[index].ratio)

    def _heads(self, index: int) -> list[_Use]:
        return [use for use in self._free[index] if use.left]

    def _at_one_price(self, index: int) -> int:
        """Return how many combos the oldest execution covers; one combo may need several."""
        return max(1, self._heads(index)[0].left // abs(self.legs[index].ratio))

    def _newest(self) -> datetime:
        return max(self._heads(index)[0].seen.at for index in range(len(self.legs)))

    def _use(self, index: int, combos: int, number: int) -> Decimal:
        wanted = contracts = combos * abs(self.legs[index].ratio)
        cost = ZERO
        for use in self._heads(index):
            used = min(use.left, wanted)
            if not used:
                break
            cost += used * use.seen.price
            use.left -= used
            use.payer = number if use.payer is None else use.payer
            wanted -= used
        return cost / contracts

    def charge(self, exec_stem: str, charge_usd: Decimal) -> None:
        """Take in the charge of one execution; the last word counts."""
        self._charges[exec_stem] = charge_usd

    def charge_of(self, number: int) -> Decimal | None:
        """Return the whole charge of a fill, or None until all its executions' charges came."""
        if any(debt.contracts for debts in self._debts for debt in debts if debt.fill == number):
            return None
        stems = [stem for stem, use in self._uses.items() if use.payer == number]
        if any(stem not in self._charges for stem in stems):
            return None
        return sum((self._charges[stem] for stem in stems), ZERO)

    def bag_objection(self) -> str | None:
        """Return how the bag's own reports contradict the legs, once both are whole."""
        combos = sum(int(bag.quantity) for bag in self._bags.values())
        if not combos or combos != self.filled or not self.is_even:
            return None
        told = -sum((bag.sign * bag.quantity * bag.price for bag in self._bags.values()), ZERO)
        summed = sum((fill.quantity * fill.credit(self.legs) for fill in self.fills), ZERO)
        if abs(told - summed) <= HALF_CENT * combos:
            return None
        return f"the bag reports a credit of {told} points in all, its legs add up to {summed}"
