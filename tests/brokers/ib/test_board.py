"""When a look at lines is over: once all of them show all that they are going to."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from brokers.ib.board import Board
from brokers.ib.messages import Tick
from brokers.ib.wire import Wire

AT = datetime(2018, 1, 23, 16, 0, tzinfo=UTC)
HANGS_S = 20.0


class NumberedLines:
    """Opens lines 1, 2, … and forgets them."""

    is_open = True

    def __init__(self) -> None:
        self._last = 0

    def watch(self, _contract: Any) -> int:
        self._last += 1
        return self._last

    def unwatch(self, _number: int) -> None:
        pass


async def pass_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def whole(line: int) -> list[Tick]:
    return [Tick(line, name, value) for name, value in (("bid", 1.0), ("ask", 1.1), ("iv", 0.2))]


@pytest.mark.parametrize("changed", [1, 2])
async def test_a_look_waits_for_a_line_that_is_whole_no_more(changed: int) -> None:
    board = Board(lambda: AT, most_lines=10, wait_s=HANGS_S)
    contracts = {"first": None, "second": None}
    wire = cast(Wire, NumberedLines())
    look = asyncio.create_task(board.look(wire, contracts, lambda line: line.is_whole))
    await pass_turns()

    # Without a bid there is no implied vol to wait for; with one there is.
    for tick in (Tick(changed, "bid", None), Tick(changed, "ask", 1.1)):
        board.hear(tick)
    await pass_turns()
    board.hear(Tick(changed, "bid", 1.0))
    for tick in whole(3 - changed):
        board.hear(tick)
    await pass_turns()
    was_over_early = look.done()
    board.hear(Tick(changed, "iv", 0.3))
    shown = await look

    assert not was_over_early
    quotes = {"bid": 1.0, "ask": 1.1}
    ivs = {"first": 0.2, "second": 0.2} | {("first", "second")[changed - 1]: 0.3}
    assert {name: line.values for name, line in shown.items()} == {
        name: quotes | {"iv": iv} for name, iv in ivs.items()
    }
