"""`alvh notify`: which channels are set, and whether a message arrives."""

import asyncio
from pathlib import Path
from typing import Any

import click

from bot.cli.options import json_option, print_json, read_settings, settings_options
from bot.notify_policy import channel_of
from market.errors import BrokerUnavailable

LIMIT_S = 20.0
TRIAL = "A trial message: this channel works."


@click.command("notify")
@click.option("--test", "is_trial", is_flag=True, help="Send a trial message to every channel.")
@settings_options
@json_option
def command(
    is_trial: bool,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the channels of notifications; with --test send each a trial message.

    Channels stand in the settings, their addresses in the environment, in the form of apprise's
    URLs: ALVH_NOTIFY_PHONE for the channel phone.

    \b
    Examples:
      alvh notify --config bot.toml
      alvh notify --config bot.toml --test
      alvh notify --set 'notify.channels=phone level=warning; mail' --json
    """
    settings = read_settings(preset, config, overrides).notify
    channels = [channel_of(text) for text in settings.texts()]
    rows: list[dict[str, Any]] = [
        {
            "name": channel.name,
            "level": channel.level,
            "topics": sorted(channel.topics),
            "quiet": None
            if channel.quiet is None
            else "-".join(f"{at:%H:%M}" for at in channel.quiet),
            "per_hour": channel.per_hour,
            "is_delivered": None,
        }
        for channel in channels
    ]
    if is_trial:
        from bot.notify import channels_of, zone_of  # noqa: PLC0415 - heavy, only when used

        zone_of(settings)
        asyncio.run(_try(channels_of(settings), rows))
    if as_json:
        print_json({"zone": settings.zone, "channels": rows})
    else:
        click.echo(as_text(rows))
    failed = [row["name"] for row in rows if row["is_delivered"] is False]
    if failed:
        raise BrokerUnavailable(
            f"no message reached {', '.join(failed)}; check the address in ALVH_NOTIFY_…"
            " and the network."
        )


async def _try(channels: Any, rows: list[dict[str, Any]]) -> None:
    from bot.notify import delivery  # noqa: PLC0415 - heavy, only when used

    for row, (_channel, sender) in zip(rows, channels, strict=True):
        try:
            async with asyncio.timeout(LIMIT_S):
                row["is_delivered"] = await delivery(sender)("ALVH", TRIAL)
        except (TimeoutError, OSError):
            row["is_delivered"] = False


def as_text(rows: list[dict[str, Any]]) -> str:
    """Return the channels as a person reads them."""
    if not rows:
        return "No channel is set; name some under [notify] channels in your TOML file."
    words = {None: "", True: "  delivered", False: "  FAILED"}
    return "\n".join(
        f"{row['name']}: from {row['level']} on, quiet {row['quiet'] or 'never'}, at most"
        f" {row['per_hour']} an hour{words[row['is_delivered']]}"
        for row in rows
    )
