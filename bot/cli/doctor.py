"""`alvh doctor`: is the line to Interactive Brokers fit for a run?"""

import asyncio
from pathlib import Path

import click

from bot.cli.options import json_option, print_json, read_settings, settings_options


@click.command("doctor")
@click.option(
    "--profile",
    type=click.Choice(("paper", "shadow")),
    default="paper",
    show_default=True,
    help="The profile that is to run; shadow may live on delayed quotes.",
)
@settings_options
@json_option
def command(
    profile: str, preset: str, config: Path | None, overrides: tuple[str, ...], as_json: bool
) -> int:
    """Check port, account, clock, orders, data, restart time, calendar and events.

    Nothing is sent but questions. Each line ends with what to do. Exit 0 when all is good, 3 when
    something is not, or nothing listens; 2 when the account is not the paper account.

    \b
    Examples:
      alvh doctor --config paper.toml
      alvh doctor --profile shadow --set ib.account=DU1234567 --json
    """
    from bot.clock import SystemClock  # noqa: PLC0415 - heavy, only when used
    from bot.doctor import State, examine  # noqa: PLC0415

    settings = read_settings(preset, config, overrides)
    findings = asyncio.run(examine(settings, SystemClock(), is_shadow=profile == "shadow"))
    is_fit = all(finding.state is not State.BAD for finding in findings)
    if as_json:
        rows = [
            {"name": f.name, "state": str(f.state), "text": f.text, "remedy": f.remedy}
            for f in findings
        ]
        print_json({"profile": profile, "is_fit": is_fit, "findings": rows})
    else:
        for finding in findings:
            click.echo(f"{finding.state:<5}{finding.name:<17} {finding.text}: {finding.remedy}.")
    return 0 if is_fit else 3
