"""The adapter through every kind of scripted fault: in the end its book is the gateway's."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from ib_bench import Bench, bench_at
from ib_samples import AT, approved, condor_order

from bot.world import World
from brokers.gateway.faults import Kind, read_faults
from brokers.unsuspended import run_now
from market.orders import BrokerEvent, FillCharged, Order, OrderFilled

SCRIPTS: dict[str, str] = {
    "drop": 'kind = "drop"\non = "place_order"\nnth = 2\nwhen = "after"',
    "restart": 'kind = "restart"\nat = 2018-02-02T16:10:03\nseconds = 5',
    "cut": 'kind = "cut"\nat = 2018-02-02T16:10:03\nseconds = 5',
    "cut and lost": 'kind = "cut"\nat = 2018-02-02T16:10:03\nloses_subscriptions = true',
    "reset": 'kind = "reset"\nat = 2018-02-02T16:10:03\nseconds = 20',
    "notice": 'kind = "notice"\non = "place_order"\nnth = 2\ncode = 10349\nwhen = "after"',
    "refused as if cancelled": 'kind = "notice"\non = "cancel_order"\ncode = 10148',
    "ignored cancel": 'kind = "ignore"\non = "cancel_order"',
    "rejected": 'kind = "reject"\non = "place_order"\nnth = 1',
    "rejected change": 'kind = "reject"\non = "modify_order"',
    "partial": 'kind = "partial"\non = "place_order"\nquantity = 1\nseconds = 2',
    "fill after cancel": 'kind = "fill_after_cancel"\non = "cancel_order"',
    "two-step what-if": 'kind = "two_step_what_if"\non = "what_if"',
    "swallowed execution": 'kind = "swallow"\ntell = "execution"\ntimes = 5',
    "swallowed status": 'kind = "swallow"\ntell = "order_status"\ntimes = 3',
    "swallowed commission": 'kind = "swallow"\ntell = "commission_report"\ntimes = 2',
    "repeated execution": 'kind = "repeat"\ntell = "execution"\ntimes = 5',
    "repeated commission": 'kind = "repeat"\ntell = "commission_report"\ntimes = 4',
    "late execution": 'kind = "delay"\ntell = "execution"\nseconds = 4\ntimes = 5',
    "revised execution": 'kind = "revise"\ntell = "execution"\ntimes = 5',
    "legs first": 'kind = "legs_first"\non = "fill"',
    "stale status": 'kind = "stale_status"\non = "fill"',
}


def toml_of(script: str) -> str:
    return f"[[fault]]\n{script}\n"


async def work(bench: Bench) -> tuple[list[Order], list[BrokerEvent]]:
    """Send an order that fills and one that rests, is walked and cancelled; let it all end."""
    orders = [
        condor_order(3, ref="P-fills-1", credit="3.60"),
        condor_order(1, ref="P-rests-1", credit="6.00"),
    ]
    events: list[BrokerEvent] = []
    for order in orders:
        await bench.broker.submit(approved(order))
        events += await bench.pass_time(2)
    for _ in range(12):
        events += await bench.pass_time(6)
    await bench.broker.cancel("P-rests-1")
    for _ in range(14):
        await asyncio.sleep(0.003)
        events += await bench.pass_time(15)
    return orders, events


@pytest.mark.parametrize("name", SCRIPTS)
async def test_in_the_end_the_book_is_the_gateways(world: World, name: str) -> None:
    faults = read_faults(toml_of(SCRIPTS[name]), name)
    async with bench_at(world, AT, faults=faults, answer_s=0.5) as bench:
        before = run_now(bench.server.venue.means.broker.account()).cash_usd

        orders, events = await work(bench)

        venue = bench.server.venue.means.broker
        fills = {event.fill_id: event for event in events if isinstance(event, OrderFilled)}
        charges = {name: fill.fees_usd for name, fill in fills.items()}
        charges |= {e.fill_id: e.fees_usd for e in events if isinstance(e, FillCharged)}
        cash = sum((f.credit * 100 * f.quantity for f in fills.values()), Decimal(0))
        fees = sum(charges.values(), Decimal(0))
        held: dict[object, int] = {}
        of = {order.order_id: order.intent.legs for order in orders}
        for fill in fills.values():
            for leg in of[fill.order_id]:
                held[leg.contract] = held.get(leg.contract, 0) + leg.ratio * fill.quantity
        references = [ticket.wire.order_ref for ticket in bench.tickets()]
        assert {c: n for c, n in held.items() if n} == run_now(venue.positions())
        assert before + cash - fees == run_now(venue.account()).cash_usd
        assert len(references) == len(set(references))
        assert bench.broker.line.is_ready
        assert bench.broker.ledger.active() == ()
        assert AT + timedelta(minutes=4) < bench.clock.now()


def test_kinds_without_a_script_here_have_a_test_elsewhere_or_none_of_an_order() -> None:
    of_scripts = {read_faults(toml_of(text), name)[0].kind for name, text in SCRIPTS.items()}

    assert set(Kind) - of_scripts == {
        *(Kind.MUTE, Kind.PACING, Kind.ID_IN_USE, Kind.STALE_ID, Kind.TWIN),
        *(Kind.SILENT_DATA, Kind.NAN_GREEKS, Kind.NO_QUOTES, Kind.COMPETING),
    }
