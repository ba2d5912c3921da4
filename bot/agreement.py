"""Whether the book and a broker hold the same."""

from collections.abc import Mapping

from bot.book import Book
from market.errors import InvariantBroken
from market.instruments import OptionContract


def check_books_agree(book: Book, broker_positions: Mapping[OptionContract, int]) -> None:
    """Compare the book with what the broker holds.

    Raises:
        InvariantBroken: they differ in any series.
    """
    ours = book.ledger.positions()
    different = sorted(
        contract.symbol
        for contract in {*ours, *broker_positions}
        if ours.get(contract, 0) != broker_positions.get(contract, 0)
    )
    if different:
        raise InvariantBroken(f"book and broker differ in {', '.join(different)}")
