"""Our book against the broker's: what differs, why it may, and taking over what the broker says.

The comparison is pure. Nothing is taken over without a person's word, and then by one record of the
journal, `BooksAdopted`, so that the book stays what its records say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.book import Book
from bot.events import BooksAdopted
from market.instruments import OptionContract

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class BrokerBooks:
    """What the broker says: signed positions, the ids of orders that work, cash, and what our
    orders do not explain, each a sentence."""

    positions: Mapping[OptionContract, int]
    open_orders: frozenset[str]
    cash_usd: Decimal
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two disagree, and what may have happened."""

    subject: str
    ours: str
    theirs: str
    explanation: str


def differences(book: Book, broker: BrokerBooks) -> tuple[Difference, ...]:
    """Return all differences: positions, then orders, then strangers, then cash."""
    return (
        *_positions(book.ledger.positions(), broker.positions),
        *_orders({state.order.order_id for state in book.working()}, broker.open_orders),
        *(Difference("not ours", "nothing", text, _STRANGE) for text in broker.strangers),
        *_cash(book.ledger.cash_usd, broker.cash_usd),
    )


_STRANGE = "it was placed by hand or by another program"
_FEWER = "closed by hand, or settled while no value was known"
_MORE = "traded by hand or by another program, or the journal is not this account's"


def _positions(
    ours: Mapping[OptionContract, int], theirs: Mapping[OptionContract, int]
) -> Iterable[Difference]:
    for contract in sorted({*ours, *theirs}, key=lambda each: each.symbol):
        mine, other = ours.get(contract, 0), theirs.get(contract, 0)
        if mine != other:
            is_fewer = abs(other) < abs(mine) and mine * other >= 0
            why = _FEWER if is_fewer else _MORE
            yield Difference(contract.symbol, f"{mine:+d}", f"{other:+d}", why)


def _orders(ours: set[str], theirs: frozenset[str]) -> Iterable[Difference]:
    for name in sorted(theirs - ours):
        yield Difference(f"order {name}", "over", "works", "its end was told wrongly; cancel it")
    for name in sorted(ours - theirs):
        why = "it never arrived, or ended while nobody listened"
        yield Difference(f"order {name}", "works", "over", why)


def _cash(ours: Decimal, theirs: Decimal) -> Iterable[Difference]:
    if abs(ours - theirs) >= CENT:
        why = "interest, data fees, a reset of the paper account, or one of the differences above"
        yield Difference("cash", f"{ours:,.2f} USD", f"{theirs:,.2f} USD", why)


def adoption(book: Book, broker: BrokerBooks, at: datetime) -> BooksAdopted | None:
    """Return the record that makes the book agree with the broker, None when it does already.

    Orders that only the broker has are not taken over: they must be cancelled there.
    """
    ours = book.ledger.positions()
    changed = {
        contract.symbol: broker.positions.get(contract, 0)
        for contract in {*ours, *broker.positions}
        if ours.get(contract, 0) != broker.positions.get(contract, 0)
    }
    working = {state.order.order_id for state in book.working()}
    ended = tuple(sorted(working - broker.open_orders))
    if not changed and not ended and abs(book.ledger.cash_usd - broker.cash_usd) < CENT:
        return None
    words = [f"{symbol} {count:+d}" for symbol, count in sorted(changed.items())]
    words += [f"order {name} over" for name in ended]
    words.append(f"cash {broker.cash_usd:,.2f} USD")
    sentence = f"By a person's word the book takes over what the broker says: {', '.join(words)}."
    change_usd = broker.cash_usd - book.ledger.cash_usd
    return BooksAdopted(at, dict(sorted(changed.items())), ended, change_usd, sentence)
