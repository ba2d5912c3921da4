"""The doctor before the emulator: what it finds, and that each finding has a remedy."""

from datetime import UTC, datetime

import pytest

from bot.clock import SimulatedClock
from bot.doctor import State, examine
from bot.gateway_rig import LIVE_SHAPED_ACCOUNT, PAPER_ACCOUNT, build_gateway
from bot.settings import Settings, load_settings
from bot.world import World, historical_world
from brokers.gateway.terms import ORDINARY, Terms
from market.errors import BrokerUnavailable, NotPaper

NAMES = {
    *("port", "account", "clock", "orders", "data SPX", "data VIX", "data OPRA"),
    *("data VIX options", "restart", "calendar", "events"),
}
AFTERNOON = datetime(2018, 2, 2, 20, 45, tzinfo=UTC)
BEFORE_A_HALF_DAY = datetime(2018, 11, 22, 20, 45, tzinfo=UTC)
WITHOUT_LIVE_DATA = Terms(has_live_data=False)


@pytest.fixture(scope="module")
def world() -> World:
    return historical_world(Settings(), None, 7)


async def found(
    world: World,
    *overrides: str,
    account: str = PAPER_ACCOUNT,
    terms: Terms = ORDINARY,
    is_shadow: bool = False,
    at: datetime = AFTERNOON,
) -> dict[str, State]:
    """Return the state of each finding before a gateway of that account."""
    clock = SimulatedClock(at)
    server = build_gateway(Settings(), world, clock, 7, account=account, terms=terms)
    await server.start("127.0.0.1", 0)
    given = (f"ib.port={server.port}", f"ib.account={PAPER_ACCOUNT}", *overrides)
    try:
        findings = await examine(
            load_settings(overrides=given, environment={}), clock, is_shadow=is_shadow
        )
    finally:
        await server.stop()
    assert all(finding.remedy for finding in findings)
    return {finding.name: finding.state for finding in findings}


async def test_a_gateway_with_everything_is_fit(world: World) -> None:
    states = await found(world)

    assert set(states) == NAMES
    assert set(states.values()) == {State.GOOD}


async def test_without_live_data_a_paper_run_is_unfit_and_a_shadow_run_is_warned(
    world: World,
) -> None:
    on_paper = await found(world, terms=WITHOUT_LIVE_DATA)
    in_shadow = await found(world, "ib.delayed=true", terms=WITHOUT_LIVE_DATA, is_shadow=True)

    assert on_paper["data SPX"] is State.BAD
    assert in_shadow["data SPX"] is State.NOTE
    assert in_shadow["data OPRA"] is State.NOTE


async def test_a_restart_in_working_hours_is_bad(world: World) -> None:
    states = await found(world, "ib.restart_et=16:05")

    assert states["restart"] is State.BAD


async def test_a_half_day_ahead_does_not_make_a_restart_at_the_entry_good(world: World) -> None:
    states = await found(world, "ib.restart_et=16:05", at=BEFORE_A_HALF_DAY)

    assert states["restart"] is State.BAD


async def test_a_read_only_gateway_is_a_sentence_with_its_remedy(world: World) -> None:
    with pytest.raises(BrokerUnavailable, match=r"is read-only .* switch Read-Only API off"):
        await found(world, terms=Terms(is_read_only=True))


async def test_a_live_shaped_log_in_is_refused(world: World) -> None:
    with pytest.raises(NotPaper, match="manages U…01, which is no paper account"):
        await found(world, account=LIVE_SHAPED_ACCOUNT)


async def test_nothing_listening_is_a_sentence_and_exit_code_3(unused_tcp_port: int) -> None:
    given = (f"ib.port={unused_tcp_port}", f"ib.account={PAPER_ACCOUNT}")
    settings = load_settings(overrides=given, environment={})

    with pytest.raises(BrokerUnavailable, match="nothing listens on") as caught:
        await examine(settings, SimulatedClock(AFTERNOON), is_shadow=False)

    assert caught.value.exit_code == 3
