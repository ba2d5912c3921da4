"""`alvh presets`: the named sets of parameters, each with the keys that it changes."""

import json
import tomllib
from importlib.resources import files
from typing import Any

import click

from bot.cli.options import json_option, print_json
from bot.settings import DEFAULT_PRESET, preset_names


@click.command("presets")
@json_option
def command(as_json: bool) -> None:
    """List the presets with one line each, and what each changes of the defaults.

    \b
    Examples:
      alvh presets
      alvh backtest --preset budget_50
    """
    presets = [read_preset(name) for name in preset_names()]
    presets.sort(key=lambda preset: (preset["name"] != DEFAULT_PRESET, preset["name"]))
    if as_json:
        print_json({"default": DEFAULT_PRESET, "presets": presets})
        return
    width = max(len(preset["name"]) for preset in presets)
    for preset in presets:
        click.echo(f"{preset['name']:{width}}  {preset['about']}")
        for key, value in preset["changes"].items():
            click.echo(f"{'':{width}}    {key} = {json.dumps(value)}")


def read_preset(name: str) -> dict[str, Any]:
    """Return a preset's name, its one line, and the keys it changes with their values."""
    text = (files("config") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    tree = tomllib.loads(text)
    about = tree.pop("about")
    changes = {
        f"{section}.{key}": value for section, table in tree.items() for key, value in table.items()
    }
    return {"name": name, "about": about, "changes": changes}
