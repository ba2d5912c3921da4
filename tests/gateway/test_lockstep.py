"""The shared clock: who may follow it, when it moves, and what a program may rely on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from gateway_samples import AFTERNOON, Emulator, client, condor, emulator, limit, wait_until

from bot.world import World
from brokers.gateway.lockstep import Lockstep
from brokers.lockstep import LockstepClock, read_line, write_line
from market.errors import BrokerUnavailable, ConfigError
from market.sessions import exchange_zone

TOKEN = "a token of the tests"
SOON = AFTERNOON + timedelta(minutes=7)


@dataclass
class Led:
    """An emulator whose clock follows those who joined."""

    emulator: Emulator
    lockstep: Lockstep

    async def join(self, token: str = TOKEN, name: str = "sample") -> LockstepClock:
        """Join as a program would."""
        tws_port = self.emulator.server.port
        return await LockstepClock.join(
            "127.0.0.1", self.lockstep.port, token, tws_port=tws_port, name=name
        )


@asynccontextmanager
async def led(world: World, at: datetime = AFTERNOON) -> AsyncIterator[Led]:
    """Run an emulator with a lockstep clock."""
    async with emulator(world, at) as gateway:
        lockstep = Lockstep(gateway.server, gateway.clock, TOKEN)
        await lockstep.start()
        try:
            yield Led(gateway, lockstep)
        finally:
            await lockstep.stop()


async def test_one_who_joins_sees_the_time_of_the_emulator(world: World) -> None:
    async with led(world) as rig:
        clock = await rig.join()

        assert clock.now() == AFTERNOON
        await clock.leave()


async def test_time_jumps_to_the_next_moment_of_the_one_who_waits(world: World) -> None:
    async with led(world) as rig:
        clock = await rig.join()

        told = await clock.idle(SOON)

        assert (told, clock.now(), rig.emulator.clock.now()) == (SOON, SOON, SOON)
        await clock.leave()


async def test_time_stands_until_all_are_idle_and_then_jumps_to_the_first_moment(
    world: World,
) -> None:
    async with led(world) as rig:
        one, two = await rig.join(), await rig.join()
        waiting = asyncio.create_task(one.idle(SOON + timedelta(minutes=1)))
        await rig.emulator.settle_down()
        stood = rig.emulator.clock.now()
        told = await two.idle(SOON)

        assert stood == AFTERNOON
        assert (told, await waiting) == (SOON, SOON)
        await one.leave()
        await two.leave()


async def test_one_who_is_gone_holds_nobody_up(world: World) -> None:
    async with led(world) as rig:
        one, two = await rig.join(), await rig.join()
        waiting = asyncio.create_task(one.idle(SOON))
        await rig.emulator.settle_down()
        await two.leave()

        assert await asyncio.wait_for(waiting, 5) == SOON
        await one.leave()


async def test_time_stands_while_nobody_is_joined_and_goes_on_with_the_next_who_joins(
    world: World,
) -> None:
    async with led(world) as rig:
        first = await rig.join()
        await first.idle(SOON)
        await first.leave()
        await rig.emulator.settle_down()
        second = await rig.join()

        assert second.now() == SOON
        await second.leave()


async def test_the_exchange_has_moments_of_its_own(world: World) -> None:
    async with led(world) as rig, client(rig.emulator) as ib:
        clock = await rig.join()
        trade = ib.placeOrder(await condor(ib), limit(-15.0))
        await wait_until(lambda: trade.orderStatus.status == "Submitted")
        passed = [await clock.idle(None) for _ in range(3)]
        end = world.calendar.session(date(2018, 2, 2)).option_close_at
        while clock.now() < end:
            await clock.idle(None)
        await wait_until(lambda: trade.orderStatus.status == "Cancelled")

        assert clock.now() == end
        assert [at - AFTERNOON for at in passed] == sorted(at - AFTERNOON for at in passed)
        assert max(at - AFTERNOON for at in passed) <= timedelta(seconds=30)
        await clock.leave()


async def test_what_was_told_before_a_round_trip_has_been_heard_after_it(world: World) -> None:
    async with led(world) as rig, client(rig.emulator) as ib:
        clock = await rig.join()
        trade = ib.placeOrder(await condor(ib), limit(-1.0))
        await ib.reqCurrentTimeAsync()
        while not rig.emulator.server.venue.desk.tickets[0].filled:
            await clock.idle(None)
        await ib.reqCurrentTimeAsync()

        assert trade.orderStatus.status == "Filled"
        await clock.leave()


async def test_what_a_time_brings_is_told_once_everybody_has_heard_of_that_time(
    world: World,
) -> None:
    async with led(world) as rig, client(rig.emulator) as ib:
        clock, slow = await rig.join(), await rig.join()
        seen: list[datetime] = []
        ib.errorEvent += lambda *_: seen.append(clock.now())
        rig.emulator.server.weather.agenda.add(
            SOON, lambda: rig.emulator.server.notice(1100, "the line is lost")
        )
        waiting = asyncio.create_task(clock.idle(None))
        write_line(slow._writer, {"idle": None})
        told = await read_line(slow._reader)
        await rig.emulator.settle_down()
        before = list(seen)
        write_line(slow._writer, {"heard": told["time"] if told else None})
        await waiting
        await ib.reqCurrentTimeAsync()

        assert before == []
        assert seen == [SOON]
        await clock.leave()
        await slow.leave()


async def test_one_who_leaves_without_hearing_the_time_holds_nobody_up(world: World) -> None:
    async with led(world) as rig:
        clock, gone = await rig.join(), await rig.join()
        waiting = asyncio.create_task(clock.idle(SOON))
        write_line(gone._writer, {"idle": None})
        await read_line(gone._reader)
        await gone.leave()

        assert await asyncio.wait_for(waiting, 5) == SOON
        await clock.leave()


async def test_an_instant_in_new_york_is_told_in_utc(world: World) -> None:
    async with led(world) as rig:
        clock = await rig.join()

        told = await clock.idle(SOON.astimezone(exchange_zone()))

        assert (told, told.tzinfo, rig.emulator.clock.now().tzinfo) == (SOON, UTC, UTC)
        await clock.leave()


async def test_when_nothing_is_due_the_program_is_told_instead_of_hanging(world: World) -> None:
    async with led(world) as rig:
        clock = await rig.join()

        with pytest.raises(BrokerUnavailable, match="nothing is due"):
            await clock.idle(None)


async def test_an_end_of_the_emulator_is_a_sentence(world: World) -> None:
    async with led(world) as rig:
        clock, other = await rig.join(), await rig.join()
        waiting = asyncio.create_task(clock.idle(SOON))
        await rig.emulator.settle_down()
        await rig.lockstep.stop()

        with pytest.raises(BrokerUnavailable, match="lockstep clock"):
            await waiting
        await other.leave()


async def test_a_program_without_the_token_is_not_followed(world: World) -> None:
    async with led(world) as rig:
        with pytest.raises(ConfigError, match="no emulator of ours"):
            await rig.join(token="another token")


async def test_a_clock_of_another_gateway_is_refused(world: World) -> None:
    async with led(world) as rig:
        with pytest.raises(ConfigError, match="no emulator of ours"):
            await LockstepClock.join(
                "127.0.0.1", rig.lockstep.port, TOKEN, tws_port=4001, name="sample"
            )


@pytest.mark.parametrize("host", ["192.0.2.7", "gateway.example", "0.0.0.0"])
async def test_a_clock_on_another_machine_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(ConfigError, match="not on this machine"):
        await LockstepClock.join(host, 4003, TOKEN, tws_port=4002, name="sample")


async def test_where_nothing_listens_the_broker_is_unavailable(world: World) -> None:
    async with led(world) as rig:
        port = rig.lockstep.port
        await rig.lockstep.stop()

        with pytest.raises(BrokerUnavailable, match="no lockstep clock answers"):
            await LockstepClock.join("127.0.0.1", port, TOKEN, tws_port=1, name="sample")


ANSWERS = {
    "what a TWS port says": b"\x00\x00\x00\x06178\x00x\x00",
    "another greeting": b'{"emulator": "other", "protocol": 2, "nonce": "n"}\n',
    "a greeting and no proof": (
        b'{"emulator": "alvh-gateway", "protocol": 2, "nonce": "n"}\n'
        b'{"proof": "", "port": 4002, "time": "2018-02-02T20:45:00+00:00"}\n'
    ),
    "no object": b"[1]\n",
    "a line without end": b"{" * 9000,
    "nested beyond reason": b"[" * 4000 + b"\n",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_other_peer_can_lead_the_clock(name: str) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWERS[name])
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConfigError, match="no emulator of ours"):
            await LockstepClock.join("127.0.0.1", port, TOKEN, tws_port=4002, name="sample")


@pytest.mark.parametrize(
    "line",
    [b"no json\n", b"[]\n", b'{"idle": "tomorrow"}\n', b'{"idle": "2018-02-05"}\n', b"{}\n"],
)
async def test_a_program_that_talks_nonsense_is_sent_away_with_a_sentence(
    world: World, line: bytes
) -> None:
    async with led(world) as rig:
        clock = await rig.join()
        clock._writer.write(line)
        answer = json.loads(await clock._reader.readline())

        assert list(answer) == ["refused"]
        assert rig.emulator.clock.now() == AFTERNOON
        await clock.leave()


async def test_an_instant_in_the_past_does_not_turn_time_back(world: World) -> None:
    async with led(world) as rig:
        clock = await rig.join()

        assert await clock.idle(datetime(2018, 1, 2, tzinfo=UTC)) == AFTERNOON
        await clock.leave()


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="proves nothing"):
        Lockstep(None, None, "short")  # type: ignore[arg-type]
