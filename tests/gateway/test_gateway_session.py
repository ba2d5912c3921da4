"""How a conversation begins and ends, seen by a real client and by bare sockets."""

import asyncio
from struct import pack, unpack

import pytest
from gateway_samples import Emulator, client, emulator, errors_of, library, wait_until

from bot.gateway_rig import LIVE_SHAPED_ACCOUNT, PAPER_ACCOUNT
from bot.world import World


async def offered(gateway: Emulator, versions: bytes) -> str | None:
    """Return the version chosen for an offer, None when the gateway hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(b"API\0" + pack(">I", len(versions)) + versions)
    try:
        (length,) = unpack(">I", await reader.readexactly(4))
        return (await reader.readexactly(length)).split(b"\0")[0].decode()
    except asyncio.IncompleteReadError:
        return None
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        (b"v157..176", "176"),
        (b"v157..178", "178"),
        (b"v100..157", "157"),
        (b"v100..225", "178"),
        (b"v157..158", "157"),
        (b"v100..176 +PACEAPI", "176"),
        (b"v100..150", None),
        (b"v179..225", None),
        (b"v158..158", None),
        (b"hello", None),
    ],
)
async def test_the_highest_version_that_both_know_is_chosen_but_never_158(
    world: World, offer: bytes, chosen: str | None
) -> None:
    async with emulator(world) as gateway:
        assert await offered(gateway, offer) == chosen


async def test_a_client_is_told_account_first_order_id_and_healthy_farms(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        accounts, first_id, version = (
            ib.managedAccounts(),
            ib.client.getReqId(),
            ib.client.serverVersion(),
        )

    assert accounts == [PAPER_ACCOUNT]
    assert first_id >= 1
    assert version == 176


async def test_a_live_shaped_account_can_be_asked_for_to_test_a_lock(world: World) -> None:
    async with emulator(world, account=LIVE_SHAPED_ACCOUNT) as gateway, client(gateway) as ib:
        assert ib.managedAccounts() == ["U0000001"]


async def test_the_clock_told_is_that_of_the_replayed_day(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        assert await ib.reqCurrentTimeAsync() == gateway.clock.now()


async def test_a_client_id_in_use_is_refused_with_326_and_the_first_stays(world: World) -> None:
    async with emulator(world) as gateway, client(gateway, 5) as first:
        second = library().IB()
        heard = errors_of(second)

        with pytest.raises((TimeoutError, ConnectionError)):
            await second.connectAsync("127.0.0.1", gateway.server.port, clientId=5, timeout=0.5)

        assert (-1, 326) in heard
        assert await first.reqCurrentTimeAsync() == gateway.clock.now()


async def test_the_id_is_free_again_once_its_client_has_gone(world: World) -> None:
    async with emulator(world) as gateway:
        async with client(gateway, 5):
            pass
        async with client(gateway, 5) as again:
            assert again.isConnected()


async def test_a_request_that_nobody_knows_is_refused_by_name_and_the_session_goes_on(
    world: World,
) -> None:
    async with emulator(world) as gateway, client(gateway) as ib:
        heard = errors_of(ib)

        ib.client.send(9999, 1, 77)
        await wait_until(lambda: bool(heard))

        assert heard == [(1, 321)]
        assert ib.isConnected()
        assert await ib.reqCurrentTimeAsync() == gateway.clock.now()
