"""`alvh config`: the settings in force, or every key there is."""

import json
from pathlib import Path

import click

from bot.cli.options import json_option, print_json, read_settings, settings_options


@click.command("config")
@click.option("--schema", is_flag=True, help="Print every key with type, default and bounds.")
@settings_options
@json_option
def command(
    schema: bool,
    preset: str,
    config: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the settings in force after preset, file and --set; or all keys with --schema.

    \b
    Examples:
      alvh config
      alvh config --schema
      alvh config --set alvh.delta_near=0.5 --json
    """
    from bot.settings import Settings, known_keys, with_defaults  # noqa: PLC0415 - only when used

    if schema and as_json:
        print_json(Settings.model_json_schema())
        return
    tree = with_defaults(read_settings(preset, config, overrides))
    if as_json:
        print_json(tree)
        return
    described = known_keys()
    for section, table in tree.items():
        click.echo(f"[{section}]")
        for name, value in table.items():
            line = f"{name} = {_toml(value)}"
            click.echo(f"{line:44} # {described[f'{section}.{name}']}" if schema else line)
        click.echo()


def _toml(value: object) -> str:
    return json.dumps(value)
