"""`alvh run`: the bot itself, over history or on a synthetic live market."""

from datetime import date
from math import isfinite
from pathlib import Path

import click
from click.core import ParameterSource

from bot.cli.front import LiveOptions, begin
from bot.cli.options import (
    DATE,
    history_options,
    json_option,
    read_settings,
    settings_options,
)
from bot.settings import Settings
from bot.web.options import WebSettings
from market.errors import ConfigError

DEFAULT_PACE_S = 20.0


@click.command("run")
@click.option(
    "--profile",
    type=click.Choice(("replay", "sim", "paper", "shadow")),
    default="replay",
    show_default=True,
    help="replay: recorded history; sim: a synthetic live market on the machine's clock; paper: an"
    " Interactive Brokers paper account; shadow: its quotes, the simulated exchange.",
)
@click.option("--from", "first", type=DATE, default="2018-01-02", show_default=True)
@click.option("--to", "last", type=DATE, default="2018-03-29", show_default=True)
@click.option(
    "--pace",
    type=click.FloatRange(0, 86_400),
    default=DEFAULT_PACE_S,
    show_default=True,
    help="Seconds that the whole replay takes; 0 is full speed.",
)
@click.option(
    "--real-time",
    is_flag=True,
    help="sim: keep the machine's clock even when the market is closed.",
)
@click.option(
    "--web-port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Port of the dashboard instead of 8642; if it is taken, the next free one is said.",
)
@click.option("--no-web", is_flag=True, help="Serve no dashboard.")
@click.option(
    "--exchange",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="sim: socket of a running `alvh exchange`, instead of an exchange in here.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for journal, log, summary and picture; by default a new one under ./runs. A daemon"
    " goes on with the journal that it finds there.",
)
@settings_options
@history_options
@json_option
def command(
    profile: str,
    first: date,
    last: date,
    pace: float,
    real_time: bool,
    web_port: int | None,
    no_web: bool,
    exchange: Path | None,
    out: Path | None,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    data: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Run the bot with a live view, never with real money.

    The replay takes the default quarter of 2018, with the shock of 5 February, through the same
    engine that runs live, and ends with a summary and a picture. The profile sim goes on until
    Ctrl-C.

    \b
    Examples:
      alvh run
      alvh run --pace 0 --from 2014-01-03 --to 2018-12-31
      alvh run --profile sim
      alvh run --profile sim --out runs/sim
      alvh run --profile sim --exchange exchange.sock --out runs/sim
      alvh run --profile paper --config paper.toml --out runs/paper
    """
    settings = read_settings(preset, config, overrides)
    refuse_foreign_options(profile)
    if not isfinite(pace):
        raise ConfigError(f"--pace {pace} is no number of seconds; give one such as 20, or 0.")
    if profile == "replay":
        from bot.cli.replaying import replay  # noqa: PLC0415 - heavy

        replay(settings, first, last, pace, out, data, seed, as_json=as_json)
        return
    web = None if no_web else web_settings(settings, web_port)
    _live(settings, LiveOptions(out, seed, web, exchange, real_time, as_json), profile)


def _live(settings: Settings, options: LiveOptions, profile: str) -> None:
    """Run a daemon; what is heavy is loaded once its folder is locked and its socket answers."""
    with begin(settings, options, profile) as front:
        if profile == "sim":
            from bot.cli.live import simulate  # noqa: PLC0415

            simulate(settings, options, front)
        else:
            from bot.cli.paper import trade  # noqa: PLC0415

            trade(settings, options, profile, front)


OF_A_REPLAY = ("first", "last", "pace", "data")
OF_A_SIMULATION = ("real_time", "exchange")
FOREIGN = {
    "sim": OF_A_REPLAY,
    "paper": (*OF_A_REPLAY, *OF_A_SIMULATION),
    "shadow": (*OF_A_REPLAY, *OF_A_SIMULATION),
    "replay": ("real_time", "web_port", "no_web", "exchange"),
}


def refuse_foreign_options(profile: str) -> None:
    """Refuse options that the profile would ignore.

    Raises:
        ConfigError: such an option was given.
    """
    context = click.get_current_context()
    for name in FOREIGN[profile]:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            parameter = next(each for each in context.command.params if each.name == name)
            other = "replay" if name in OF_A_REPLAY else "sim"
            raise ConfigError(
                f"{parameter.opts[0]} goes with --profile {other} only; leave it out."
            )


def web_settings(settings: Settings, port: int | None) -> WebSettings:
    """Return where the dashboard listens, the option before the settings."""
    web = settings.web
    return web if port is None else web.model_copy(update={"port": port})
