"""`alvh top`: the overview of a running bot, for people on ssh."""

import time
from typing import TYPE_CHECKING

import click

from bot.cli.options import json_option, print_json

if TYPE_CHECKING:
    from bot.top import Told

DEFAULT_URL = "http://127.0.0.1:8642"
ANSWER_LIMIT_S = 5.0


@click.command("top")
@click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    metavar="URL",
    help="Address of the dashboard that the bot serves.",
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
def command(url: str, every: float, once: bool, as_json: bool) -> None:
    """Watch a running bot in the terminal until Ctrl-C: account, condor, hedge, decisions, log.

    It reads what the bot's dashboard serves. Where that asks for a token, set ALVH_WEB_TOKEN.

    \b
    Examples:
      alvh top
      alvh top --once
      alvh top --url http://127.0.0.1:8643 --json
    """
    if as_json:
        told = ask(url)
        print_json({"overview": told.overview, "condor": told.condor, "hedge": told.hedge})
        return
    from rich.console import Console  # noqa: PLC0415 - loaded only when drawn
    from rich.live import Live  # noqa: PLC0415

    from bot.top import draw  # noqa: PLC0415

    console = Console()
    if once or not console.is_terminal:
        console.print(draw(ask(url)))
        return
    with Live(draw(ask(url)), console=console, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(every)
            live.update(draw(ask(url)), refresh=True)


def ask(url: str) -> "Told":
    """Return what the dashboard tells.

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
            f"no bot answers at {url}; start one with `alvh run --profile sim`, or give the"
            " address that it said with --url."
        ) from None
    refused = next((each.status_code for each in answers if each.status_code != 200), None)
    if refused == 401:
        raise BrokerUnavailable(f"{url} asks for the token; set {TOKEN_VARIABLE}.")
    if refused is not None:
        raise BrokerUnavailable(f"{url} answers with status {refused}; is it the bot's dashboard?")
    overview, condor, hedge = (each.json() for each in answers)
    return Told(overview, condor, hedge)
