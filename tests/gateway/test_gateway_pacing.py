"""Fifty messages a second: what is counted, what is refused, and who is cut off."""

import asyncio

from gateway_samples import Emulator, client, emulator, errors_of, library, wait_until
from hypothesis import given
from hypothesis import strategies as st

from bot.world import World
from brokers.gateway.pacing import Pace, Pacing
from brokers.gateway.terms import Terms

MOST = 50


class Watch:
    """A clock in seconds that a test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def paced(gateway: Emulator) -> Watch:
    """Have the gateway measure its clients from now on."""
    watch = Watch()
    gateway.server.terms = Terms(pace=Pace(MOST, watch))
    return watch


@given(st.lists(st.floats(0, 0.2), max_size=300), st.integers(1, 20))
def test_exactly_those_messages_are_refused_that_are_too_many_within_their_second(
    pauses: list[float], most: int
) -> None:
    watch = Watch()
    pacing = Pacing(Pace(most, watch))
    instants: list[float] = []
    for pause in pauses:
        watch.seconds += pause
        instants.append(watch.seconds)

        refused = pacing.objection() is not None

        assert refused == (sum(watch.seconds - at < 1 for at in instants) > most)


def test_without_a_pace_any_number_passes() -> None:
    pacing = Pacing(None)

    assert {pacing.objection() for _ in range(1000)} == {None}


async def test_fifty_in_a_second_are_answered_and_the_next_is_refused_by_100(
    world: World,
) -> None:
    async with emulator(world) as gateway:
        watch = paced(gateway)
        async with client(gateway, raises=False) as ib:
            watch.seconds += 1
            ib.client.MaxRequests = 0
            heard = errors_of(ib)
            answered: list[object] = []
            ib.wrapper.currentTime = answered.append
            for _ in range(MOST):
                ib.client.reqCurrentTime()
            ib.client.reqExecutions(4711, library().ExecutionFilter())
            await wait_until(lambda: bool(heard))
            watch.seconds += 1
            ib.client.reqCurrentTime()
            await wait_until(lambda: len(answered) > MOST)

            assert heard == [(4711, 100)]
            assert len(answered) == MOST + 1
            assert ib.isConnected()


async def test_a_client_that_goes_too_fast_three_times_is_cut_off_alone(world: World) -> None:
    async with emulator(world) as gateway:
        watch = paced(gateway)
        async with client(gateway, 1, raises=False) as hasty, client(gateway, 2) as other:
            watch.seconds += 1
            hasty.client.MaxRequests = 0
            told: list[str] = []
            hasty.errorEvent += lambda _id, code, text, _c: told.append(f"{code} {text}")
            for _ in range(3):
                for _ in range(MOST + 2):
                    hasty.client.reqCurrentTime()
                await asyncio.sleep(0.02)
                watch.seconds += 1
            await wait_until(lambda: not hasty.isConnected())
            await other.reqCurrentTimeAsync()

            assert [text.rpartition(":")[2] for text in told if text.startswith("100 ")] == [
                "max=50 rec=51 (1)",
                "max=50 rec=52 (1)",
                "max=50 rec=51 (2)",
                "max=50 rec=52 (2)",
                "max=50 rec=51 (3)",
            ]
