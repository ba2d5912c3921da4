"""The adapter through every kind of scripted fault: in the end its book is the gateway's."""

import asyncio
from datetime import timedelta

import pytest
from ib_bench import Bench, bench_at
from ib_books import assert_books_agree, cash_at
from ib_samples import AT, approved, condor_order
from test_adapter_in_bad_weather import STORIES

from bot.world import World
from brokers.gateway.faults import Kind, read_faults
from market.orders import BrokerEvent, Order

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
        before = cash_at(bench)

        orders, events = await work(bench)

        assert_books_agree(bench, orders, events, before)
        assert bench.broker.line.is_ready
        assert bench.broker.ledger.active() == ()
        assert AT + timedelta(minutes=4) < bench.clock.now()


def test_every_kind_has_a_script_here_or_a_story_of_its_own() -> None:
    of_scripts = {read_faults(toml_of(text), name)[0].kind for name, text in SCRIPTS.items()}

    assert set(Kind) == of_scripts | set(STORIES)
