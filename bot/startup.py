"""Taking up a broker: hear what was missed, send what never went, compare the books.

The same is done at the start and after every loss of the line. Until it succeeds the line counts as
down and nothing is sent; a difference keeps it down and shows both books.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.book import Book
from bot.events import BrokerReported
from bot.order_states import OrderStatus
from bot.shell import Shell
from bot.telling import BOOKS_DIFFER
from brokers.base import Broker, Retelling, Suspicious
from market.errors import BooksDiffer
from market.instruments import OptionContract
from market.orders import ApprovedOrder, LineChanged, LineState, Order

SENT_AGAIN = "approved before a break, sent again under the same id"
NOT_COMPARED = "book and broker are yet to be compared"
ADOPTED_FROM = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What came of taking up the broker; without a `difference` the books agree."""

    heard: int
    sent_again: tuple[str, ...]
    difference: str | None


async def take_up(
    broker: Broker, shell: Shell, book: Book, heard: int, at: datetime, *, sends_again: bool
) -> TakenUp:
    """Connect, make book and broker meet, and record whether the line can be trusted.

    `heard` is how many of the broker's events the journal holds. With `sends_again` orders that
    were approved but never acknowledged go out once more, which only a broker may be asked that
    takes an id once.

    Raises:
        BrokerUnavailable: the broker cannot be reached.
        ConfigError: it is not the broker that the settings name.
    """
    if book.has_follow_ups and book.line is LineState.READY:
        # A fill that is heard now may set free an order, which has to wait for the comparison.
        await shell.handle(BrokerReported(LineChanged(at, LineState.DOWN, None, NOT_COMPARED)))
    await broker.connect()
    unsent = [s.order for s in book.working() if s.status is OrderStatus.APPROVED]
    difference, count = None, 0
    if sends_again:
        for order in unsent:
            await broker.submit(ApprovedOrder(order, SENT_AGAIN))
    try:
        count = await _hear(broker, shell, book, heard, at)
        difference = await compare(broker, book)
    except BooksDiffer as error:
        difference = str(error)
    await _say(shell, book, at, difference)
    sent = tuple(order.order_id for order in unsent) if sends_again else ()
    return TakenUp(count, sent, difference)


async def _hear(broker: Broker, shell: Shell, book: Book, heard: int, at: datetime) -> int:
    """Have everything told that the journal does not hold; return how many events that were."""
    if isinstance(broker, Retelling):
        await broker.retell(heard)
        return await shell.hear_broker(is_compared=False)
    count = await shell.hear_broker(is_compared=False)
    for fill in await broker.executions(at - ADOPTED_FROM):
        if fill.order_id in book.orders and fill.fill_id not in book.fill_fees_usd:
            await shell.handle(BrokerReported(fill))
            count += 1
    return count


async def _say(shell: Shell, book: Book, at: datetime, difference: str | None) -> None:
    """Record the state of the line where it changed."""
    if difference is not None:
        if book.line is not LineState.DOWN:
            reason = f"{BOOKS_DIFFER}: {difference}"
            await shell.handle(BrokerReported(LineChanged(at, LineState.DOWN, None, reason)))
    elif book.line is not LineState.READY:
        reason = "book and broker agree"
        await shell.handle(BrokerReported(LineChanged(at, LineState.READY, None, reason)))


async def compare(broker: Broker, book: Book) -> str | None:
    """Return how book and broker differ, both sides shown, or None when they agree."""
    theirs, orders = await broker.positions(), await broker.open_orders()
    strangers = broker.strangers() if isinstance(broker, Suspicious) else ()
    parts = [*_positions(book.ledger.positions(), theirs), *_orders(book, orders), *strangers]
    if not parts:
        return None
    return (
        "; ".join(parts) + ". Nothing is sent until they agree: correct the account, let `alvh"
        " reconcile` take over what the broker says, or start a new journal on it."
    )


def _positions(
    ours: Mapping[OptionContract, int], theirs: Mapping[OptionContract, int]
) -> Iterator[str]:
    for contract in sorted({*ours, *theirs}, key=lambda each: each.symbol):
        mine, other = ours.get(contract, 0), theirs.get(contract, 0)
        if mine != other:
            yield f"{contract.symbol}: the book has {mine:+d}, the broker {other:+d}"


def _orders(book: Book, open_there: tuple[Order, ...]) -> Iterator[str]:
    working = {state.order.order_id for state in book.working()}
    there = {order.order_id for order in open_there}
    for name in sorted(there - working):
        yield f"order {name} works at the broker, the book does not have it"
    for name in sorted(working - there):
        yield f"order {name} works in the book, the broker does not have it"
