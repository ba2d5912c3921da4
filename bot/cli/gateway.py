"""`alvh gateway`: a TWS gateway to test against, offline, with any TWS client."""

import asyncio
import signal
from datetime import date, datetime, time
from pathlib import Path

import click

from bot.cli.options import DATE, history_options, read_settings, settings_options
from bot.clock import SystemClock
from bot.gateway_rig import (
    LIVE_SHAPED_ACCOUNT,
    PAPER_ACCOUNT,
    PULSE,
    build_gateway,
    paced_from,
)
from bot.settings import Settings
from bot.world import historical_world, synthetic_world
from brokers.gateway.server import GatewayServer
from market.errors import ConfigError
from market.sessions import exchange_zone

DEFAULT_PORT = 4002


@click.command("gateway")
@click.option("--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True)
@click.option("--on", "day", type=DATE, help="Replay this session; without it a synthetic market.")
@click.option("--at", default="09:30", show_default=True, help="--on: time in New York to start.")
@click.option(
    "--pace",
    type=click.FloatRange(0.01, 100_000),
    default=1.0,
    show_default=True,
    help="--on: how many times faster than life.",
)
@click.option(
    "--account",
    "shape",
    type=click.Choice(("paper", "live-shaped")),
    default="paper",
    show_default=True,
    help="Shape of the account number; live-shaped serves to test that a bot refuses it.",
)
@click.option("--no-live-data", is_flag=True, help="An account without live market data.")
@settings_options
@history_options
def command(
    port: int,
    day: date | None,
    at: str,
    pace: float,
    shape: str,
    no_live_data: bool,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
) -> None:
    """Serve the TWS API on loopback, in front of the simulated exchange.

    Any TWS client connects to it as to a paper gateway: ib_insync, ib_async, ibapi. Nothing here
    reaches a real broker.

    \b
    Examples:
      alvh gateway
      alvh gateway --port 4002 --on 2018-02-05 --at 15:45 --pace 10
    """
    settings = read_settings(preset, config, overrides)
    account = PAPER_ACCOUNT if shape == "paper" else LIVE_SHAPED_ACCOUNT
    if day is None:
        now = SystemClock().now()
        world = synthetic_world(settings, now.astimezone(exchange_zone()).date(), seed)
        server = build_gateway(
            settings, world, SystemClock(), seed, account=account, has_live_data=not no_live_data
        )
    else:
        server = _replayed(settings, data, seed, day, at, pace, account, not no_live_data)
    asyncio.run(_serve(server, port))


def _replayed(
    settings: Settings,
    data: Path | None,
    seed: int,
    day: date,
    at: str,
    pace: float,
    account: str,
    has_live_data: bool,
) -> GatewayServer:
    world = historical_world(settings, data, seed)
    session = world.calendar.session(day)
    try:
        start = datetime.combine(session.date, time.fromisoformat(at), exchange_zone())
    except ValueError:
        raise ConfigError(f"--at {at} is no time of day; write it as 15:45.") from None
    clock = paced_from(start, pace)
    return build_gateway(settings, world, clock, seed, account=account, has_live_data=has_live_data)


async def _serve(server: GatewayServer, port: int) -> None:
    try:
        await server.start("127.0.0.1", port)
    except OSError as error:
        raise ConfigError(
            f"--port {port} cannot be had ({error.strerror}); choose another."
        ) from None
    click.echo(
        f"TWS API on 127.0.0.1:{server.port}, account {server.venue.means.account}, "
        f"clock {server.venue.now:%Y-%m-%d %H:%M:%S} UTC. Ctrl-C ends it."
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        server.pulse()
        try:
            await asyncio.wait_for(stop.wait(), PULSE.total_seconds())
        except TimeoutError:
            continue
    await server.stop()
