"""`alvh top`: the overview of a running bot, for people on ssh."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import json_option, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from bot.top import Told

RUNS = Path("runs")
ANSWER_LIMIT_S = 5.0
START_LOOK_S = 0.2
PATIENT_TIMES = 10


@click.command("top")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the daemon; by default the only one that runs below ./runs.",
)
@click.option(
    "--url",
    metavar="URL",
    help="Ask the dashboard at this address instead, such as one behind a tunnel.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between looks.",
)
@click.option("--once", is_flag=True, help="Show it once and end.")
@json_option
def command(out: Path | None, url: str | None, every: float, once: bool, as_json: bool) -> None:
    """Watch a running bot in the terminal until Ctrl-C: account, condor, hedge, decisions, log.

    It asks the daemon itself, over the control socket in its folder; the bot need not serve a
    dashboard. With --url it asks a dashboard; where that wants a token, set ALVH_WEB_TOKEN.

    \b
    Examples:
      alvh top
      alvh top --once
      alvh top --out runs/paper --json
      alvh top --url http://127.0.0.1:8643
    """
    look = _looking(out, url)
    told = look()
    if as_json:
        print_json({"overview": told.overview, "condor": told.condor, "hedge": told.hedge})
        return
    from rich.console import Console  # noqa: PLC0415 - loaded only when drawn

    from bot.top import draw  # noqa: PLC0415

    console = Console()
    if once or not console.is_terminal:
        console.print(draw(told))
        return
    watch(console, told, look, every)


def watch(console: "Console", told: "Told", look: Callable[[], "Told"], every: float) -> None:
    """Show what is told, again and again, until Ctrl-C."""
    from rich.live import Live  # noqa: PLC0415 - loaded only when drawn

    from bot.top import fitted  # noqa: PLC0415

    # Ctrl-C is how a person says that they have seen enough.
    with (
        suppress(KeyboardInterrupt),
        Live(console=console, auto_refresh=False, screen=True) as live,
    ):
        while True:
            live.update(fitted(told, console), refresh=True)
            time.sleep(every)
            told = look()


def _looking(out: Path | None, url: str | None) -> Callable[[], "Told"]:
    """Return what looks once more each time that it is called.

    Raises:
        ConfigError: no daemon is meant, or both a folder and an address are given.
    """
    from bot.control_socket import folder_of_daemon  # noqa: PLC0415 - heavy, only when used
    from market.errors import ConfigError  # noqa: PLC0415

    if url is not None and out is not None:
        raise ConfigError("--out and --url name two places; leave one out.")
    if url is not None:
        return lambda: ask_page(url)
    folder = folder_of_daemon(out, RUNS)
    return lambda: ask_socket(folder)


def ask_socket(folder: Path) -> "Told":
    """Return what the daemon in a folder tells.

    Raises:
        BrokerUnavailable: none runs there, or it does not answer.
    """
    from bot.control_socket import ask_daemon  # noqa: PLC0415 - heavy, only when used
    from bot.top import Told  # noqa: PLC0415
    from market.errors import BrokerUnavailable  # noqa: PLC0415

    await_start(folder)
    answer = ask_daemon(folder, {"verb": "top"})
    if answer is None:
        raise BrokerUnavailable(
            f"no daemon runs in {folder}; `alvh run --profile sim --out {folder}` starts one."
        )
    if not answer.get("ok"):
        raise BrokerUnavailable(f"the daemon in {folder} refuses: {answer.get('sentence')}")
    return Told(**answer["overview"])


def await_start(folder: Path) -> None:
    """Wait while a daemon is still starting, which takes seconds and ends by itself.

    Raises:
        BrokerUnavailable: it listens and does not answer, again and again.
    """
    from bot.control_socket import ask_daemon  # noqa: PLC0415 - heavy, only when used
    from market.errors import BrokerUnavailable  # noqa: PLC0415

    unheard = 0
    while True:
        try:
            answer = ask_daemon(folder, {"verb": "status"})
        except BrokerUnavailable:
            # Busy with loading, it may cut a line before it has read it.
            unheard += 1
            if unheard == PATIENT_TIMES:
                raise
        else:
            if answer is None or answer.get("status", {}).get("starting") is None:
                return
        time.sleep(START_LOOK_S)


def ask_page(url: str) -> "Told":
    """Return what a dashboard tells.

    Raises:
        BrokerUnavailable: no bot answers there, or it asks for a token.
    """
    import httpx2  # noqa: PLC0415 - heavy, only when used

    from bot.top import Told  # noqa: PLC0415
    from bot.web.options import TOKEN_VARIABLE, token_of  # noqa: PLC0415
    from market.errors import BrokerUnavailable  # noqa: PLC0415

    token = token_of()
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    try:
        with httpx2.Client(base_url=url, headers=headers, timeout=ANSWER_LIMIT_S) as client:
            answers = [client.get(f"/api/{page}") for page in ("overview", "condor", "hedge")]
    except (httpx2.TransportError, httpx2.InvalidURL):
        raise BrokerUnavailable(
            f"no bot answers at {url}; give the address that it said at its start, or leave --url"
            " out for a bot on this machine."
        ) from None
    refused = next((each.status_code for each in answers if each.status_code != 200), None)
    if refused == 401:
        raise BrokerUnavailable(f"{url} asks for the token; set {TOKEN_VARIABLE}.")
    if refused is not None:
        raise BrokerUnavailable(f"{url} answers with status {refused}; is it the bot's dashboard?")
    overview, condor, hedge = (each.json() for each in answers)
    return Told(overview, condor, hedge)
