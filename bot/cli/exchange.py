"""`alvh exchange`: the simulated exchange as a process of its own."""

import asyncio
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import history_options, read_settings, settings_options
from bot.settings import Settings
from market.errors import ConfigError

if TYPE_CHECKING:
    from brokers.sim.server import ExchangeServer

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


@click.command("exchange")
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="PATH",
    help="Unix socket to listen on; only its owner may use it.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The exchange's own file; by default the socket's path with .db added.",
)
@click.option(
    "--market",
    type=click.Choice(("synthetic", "history")),
    default="synthetic",
    show_default=True,
    help="What its prices are made of; the bot must use the same.",
)
@settings_options
@history_options
def command(
    socket_path: Path,
    store: Path | None,
    market: str,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
) -> None:
    """Run the simulated exchange, so that the bot's death is not the broker's.

    It keeps every order and event in its own file before it acknowledges them and goes on from
    there after any end. Its time is what the bot tells it. Ctrl-C or SIGTERM ends it.

    \b
    Examples:
      alvh exchange --socket exchange.sock
      alvh run --profile sim --exchange exchange.sock --out runs/sim
    """
    settings = read_settings(preset, config, overrides)
    if data is not None and market == "synthetic":
        raise ConfigError("--data goes with --market history only; leave it out.")
    run_exchange(settings, socket_path, store or _beside(socket_path), market, data, seed)


def _beside(socket_path: Path) -> Path:
    return socket_path.with_name(socket_path.name + ".db")


def market_facts(settings: Settings, market: str, seed: int) -> Mapping[str, str]:
    """Return what bot and exchange must agree on."""
    return {
        "market": market,
        "seed": str(seed),
        "start_nlv_usd": str(settings.account.start_nlv_usd),
    }


def run_exchange(
    settings: Settings, socket_path: Path, store: Path, market: str, data: Path | None, seed: int
) -> None:
    """Serve until a signal ends it.

    Raises:
        AlreadyRunning: another exchange holds the store.
        ConfigError: socket or store cannot be used.
    """
    from bot.bootstrap import build_venue  # noqa: PLC0415 - heavy, only when used
    from bot.clock import SystemClock  # noqa: PLC0415
    from bot.instance import InstanceLock  # noqa: PLC0415
    from bot.world import historical_world, synthetic_world  # noqa: PLC0415
    from brokers.sim.server import ExchangeServer, ToldClock  # noqa: PLC0415
    from brokers.sim.store import ExchangeStore  # noqa: PLC0415

    now = SystemClock().now()
    if not store.parent.is_dir():
        raise ConfigError(f"store {store}: folder {store.parent} is missing; create it.")
    lock = store.with_name(store.name + ".lock")
    with InstanceLock(lock, f"the exchange of {store}", now), ExchangeStore(store) as kept:
        facts = market_facts(settings, market, seed)
        kept.bind(facts)
        if market == "synthetic":
            world = synthetic_world(settings, now.date(), seed)
        else:
            world = historical_world(settings, data, seed)
        clock = ToldClock(LONG_AGO)
        venue = build_venue(settings, world, clock, seed, kept)
        server = ExchangeServer(venue, kept, clock, facts)
        asyncio.run(_serve(server, socket_path))


async def _serve(server: "ExchangeServer", socket_path: Path) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    await server.serve(
        socket_path, lambda: click.echo(f"The simulated exchange listens on {socket_path}.")
    )
