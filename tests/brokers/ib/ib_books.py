"""Both books at the end of a script: what the adapter told, and what the gateway holds."""

from collections.abc import Iterable
from decimal import Decimal

from ib_bench import Bench

from brokers.unsuspended import run_now
from market.orders import BrokerEvent, FillCharged, Order, OrderFilled


def cash_at(bench: Bench) -> Decimal:
    """Return the cash that the gateway's account has."""
    return run_now(bench.server.venue.means.broker.account()).cash_usd


def assert_books_agree(
    bench: Bench, orders: Iterable[Order], events: Iterable[BrokerEvent], cash_before: Decimal
) -> None:
    """Compare contracts, cash and orders, by arithmetic of its own."""
    events = tuple(events)
    fills = {event.fill_id: event for event in events if isinstance(event, OrderFilled)}
    charges = {name: fill.fees_usd for name, fill in fills.items()}
    charges |= {e.fill_id: e.fees_usd for e in events if isinstance(e, FillCharged)}
    cash = sum((f.credit * 100 * f.quantity for f in fills.values()), Decimal(0))
    fees = sum(charges.values(), Decimal(0))
    held: dict[object, int] = {}
    legs_of = {order.order_id: order.intent.legs for order in orders}
    for fill in fills.values():
        for leg in legs_of[fill.order_id]:
            held[leg.contract] = held.get(leg.contract, 0) + leg.ratio * fill.quantity
    references = [ticket.wire.order_ref for ticket in bench.tickets()]
    positions = run_now(bench.server.venue.means.broker.positions())
    assert {contract: n for contract, n in held.items() if n} == positions
    assert cash_before + cash - fees == cash_at(bench)
    assert len(references) == len(set(references))
