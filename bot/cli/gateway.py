"""`alvh gateway`: a TWS gateway to test against, offline, with any TWS client."""

import asyncio
import json
import os
import secrets
import signal
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from time import monotonic

import click
from click.core import ParameterSource

from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    read_settings,
    settings_options,
)
from bot.clock import Clock, SimulatedClock, SystemClock
from bot.gateway_rig import (
    LIVE_SHAPED_ACCOUNT,
    PAPER_ACCOUNT,
    PULSE,
    build_gateway,
    paced_from,
)
from bot.world import World, historical_world, synthetic_world
from brokers.gateway.faults import Fault, read_faults
from brokers.gateway.lockstep import LEAST_TOKEN, Lockstep
from brokers.gateway.pacing import Pace
from brokers.gateway.server import GatewayServer
from brokers.gateway.terms import Terms
from brokers.lockstep import TOKEN_VARIABLE
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
@click.option(
    "--pacing",
    type=click.IntRange(0),
    default=0,
    help="Messages that a client may send within a second; 0, the default, is any number.",
)
@click.option(
    "--master-client-id",
    type=click.IntRange(0),
    metavar="N",
    help="This client hears of the orders of all; without it, each of its own.",
)
@click.option("--read-only", is_flag=True, help="Keep orders, and the sight of them, from all.")
@click.option(
    "--faults",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A TOML of what shall go wrong, and when; docs/gateway.md lists the kinds.",
)
@click.option(
    "--lockstep",
    is_flag=True,
    help="--on: time stands until the programs that joined its clock are idle; for tests.",
)
@click.option(
    "--lockstep-port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="--lockstep: port of the clock; 0, the default, takes a free one.",
)
@settings_options
@history_options
@json_option
def command(
    port: int,
    day: date | None,
    at: str,
    pace: float,
    shape: str,
    no_live_data: bool,
    pacing: int,
    master_client_id: int | None,
    read_only: bool,
    faults: Path | None,
    lockstep: bool,
    lockstep_port: int,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Serve the TWS API on loopback, in front of the simulated exchange.

    Any TWS client connects to it as to a paper gateway: ib_insync, ib_async, ibapi. Nothing here
    reaches a real broker.

    \b
    Examples:
      alvh gateway
      alvh gateway --port 4002 --on 2018-02-05 --at 15:45 --pace 10
      alvh gateway --faults storms.toml
    """
    settings = read_settings(preset, config, overrides)
    _refuse_idle_options(day, lockstep=lockstep)
    if day is None:
        today = SystemClock().now().astimezone(exchange_zone()).date()
        world, clock = synthetic_world(settings, today, seed), None
    else:
        world = historical_world(settings, data, seed)
        clock = SimulatedClock(_start(world, day, at))
    shown = clock if lockstep else _running(clock, pace)
    server = build_gateway(
        settings,
        world,
        shown or SystemClock(),
        seed,
        account=PAPER_ACCOUNT if shape == "paper" else LIVE_SHAPED_ACCOUNT,
        faults=_faults(faults),
        # Where time jumps, a second of the machine's is none of the program's.
        terms=Terms(
            has_live_data=not no_live_data,
            pace=Pace(pacing, monotonic) if pacing and not lockstep else None,
            master_client_id=master_client_id,
            is_read_only=read_only,
        ),
    )
    leader = _leader(server, clock) if lockstep and clock is not None else None
    asyncio.run(_serve(server, port, leader, lockstep_port, as_json=as_json))


REPLAY_OPTIONS = ("at", "pace", "lockstep", "lockstep_port")


def _refuse_idle_options(day: date | None, *, lockstep: bool) -> None:
    """Refuse options that would say nothing.

    Raises:
        ConfigError: such an option was given.
    """
    context = click.get_current_context()

    def is_given(name: str) -> bool:
        return context.get_parameter_source(name) is ParameterSource.COMMANDLINE

    for name in REPLAY_OPTIONS:
        if day is None and is_given(name):
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} needs a replayed session; add --on 2018-02-05.")
    if lockstep and is_given("pace"):
        raise ConfigError("--pace does not go with --lockstep, whose time jumps; leave one out.")
    if lockstep and is_given("pacing"):
        raise ConfigError("--pacing does not go with --lockstep, whose time jumps; leave one out.")
    if is_given("lockstep_port") and not lockstep:
        raise ConfigError("--lockstep-port says nothing without --lockstep; add it.")


def _start(world: World, day: date, at: str) -> datetime:
    session = world.calendar.session(day)
    try:
        return datetime.combine(session.date, time.fromisoformat(at), exchange_zone())
    except ValueError:
        raise ConfigError(f"--at {at} is no time of day; write it as 15:45.") from None


def _faults(path: Path | None) -> tuple[Fault, ...]:
    """Return the scripted faults of a file.

    Raises:
        ConfigError: it cannot be read, or says what no fault can mean.
    """
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"--faults {path} cannot be read; name a TOML file.") from None
    return read_faults(text, path.name)


def _running(clock: SimulatedClock | None, pace: float) -> Clock | None:
    return None if clock is None else paced_from(clock.now(), pace)


@dataclass(frozen=True)
class Leader:
    """The lockstep clock of a gateway; `token` is told only where it was drawn here."""

    lockstep: Lockstep
    token: str | None


def _leader(server: GatewayServer, clock: SimulatedClock) -> Leader:
    given = os.environ.get(TOKEN_VARIABLE)
    drawn = None if given else secrets.token_hex(16)
    token = given or drawn or ""
    if len(token) < LEAST_TOKEN:
        raise ConfigError(
            f"{TOKEN_VARIABLE} has {len(token)} letters; give it at least {LEAST_TOKEN}, or leave "
            "it unset and read the token that is printed."
        )
    return Leader(Lockstep(server, clock, token), drawn)


async def _listen(
    server: GatewayServer, port: int, leader: Leader | None, lockstep_port: int
) -> None:
    option, wanted = "--port", port
    try:
        await server.start("127.0.0.1", port)
        if leader is not None:
            option, wanted = "--lockstep-port", lockstep_port
            await leader.lockstep.start(lockstep_port)
    except OSError as error:
        await server.stop()
        raise ConfigError(
            f"{option} {wanted} cannot be had ({os.strerror(error.errno or 0)}); choose another."
        ) from None


def _announce(server: GatewayServer, leader: Leader | None, *, as_json: bool) -> None:
    account, now = server.venue.means.account, server.venue.now
    lockstep_port = None if leader is None else leader.lockstep.port
    token = None if leader is None else leader.token
    if as_json:
        told = {
            "port": server.port,
            "account": account,
            "clock": now.astimezone(UTC).isoformat(),
            "lockstep_port": lockstep_port,
            "lockstep_token": token,
            "simulated": True,
        }
        click.echo(json.dumps(told))  # one line: who started us reads it while we serve
        return
    click.echo(
        f"TWS API on 127.0.0.1:{server.port}, account {account}, "
        f"clock {now:%Y-%m-%d %H:%M:%S %Z}. Ctrl-C ends it."
    )
    if leader is not None:
        shown = f"the one in {TOKEN_VARIABLE}" if token is None else token
        click.echo(f"Lockstep clock on 127.0.0.1:{lockstep_port}, token: {shown}")


async def _serve(
    server: GatewayServer,
    port: int,
    leader: Leader | None,
    lockstep_port: int,
    *,
    as_json: bool,
) -> None:
    await _listen(server, port, leader, lockstep_port)
    _announce(server, leader, as_json=as_json)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    while not stop.is_set():
        if leader is None:
            server.pulse()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PULSE.total_seconds())
    if leader is not None:
        await leader.lockstep.stop()
    await server.stop()
