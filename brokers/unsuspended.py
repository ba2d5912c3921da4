"""Coroutines that never wait: the simulated side of the ports, driven without an event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from market.errors import InvariantBroken

T = TypeVar("T")


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never suspends, without an event loop.

    Raises:
        InvariantBroken: it waits for something, so it is no simulation.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise InvariantBroken("a simulation may not wait for anything")
