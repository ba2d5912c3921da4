"""Options that several commands share, and how they are read."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from bot.settings import DEFAULT_PRESET, SESSIONS_BEFORE, Settings, load_settings
from market.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_SEED = 7


class DateType(click.ParamType[date]):
    """A calendar date as YYYY-MM-DD."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, _ctx: click.Context | None
    ) -> date:
        """Return the date.

        Raises:
            ConfigError: the text names no day.
        """
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            option = param.opts[0] if param is not None else "the date"
            raise ConfigError(f"{option} {value} is no date; write it as 2018-02-05.") from None


DATE = DateType()


class JournalType(click.ParamType[Path | str]):
    """A journal: the path of a file, or the URL of a database."""

    name = "journal"

    def convert(
        self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None
    ) -> Path | str:
        """Return a URL as text and anything else as a path."""
        return value if isinstance(value, Path) or "://" in value else Path(value)


def settings_options(function: F) -> F:
    """Add the options that choose parameters."""
    for option in reversed(
        (
            click.option(
                "--preset",
                default=DEFAULT_PRESET,
                show_default=True,
                metavar="NAME",
                help="Named set of parameters.",
            ),
            click.option(
                "--config",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="TOML file with parameters, over the preset.",
            ),
            click.option(
                "--set",
                "overrides",
                multiple=True,
                metavar="KEY=VALUE",
                help="One parameter, such as condor.wing_width_points=50; repeatable.",
            ),
        )
    ):
        function = option(function)
    return function


def history_options(function: F) -> F:
    """Add the options that choose history and chance."""
    for option in reversed(
        (
            click.option(
                "--data",
                type=click.Path(path_type=Path),
                metavar="DIR",
                help="Folder with market history; without it the built-in daily set 2014–2018.",
            ),
            click.option(
                "--seed",
                type=int,
                default=DEFAULT_SEED,
                show_default=True,
                help="Seed of everything that is drawn.",
            ),
        )
    ):
        function = option(function)
    return function


def session_options(function: F) -> F:
    """Add the options that choose one session and the book that leads there."""
    for option in reversed(
        (
            click.option("--as-of", "session", type=DATE, required=True, help="The session."),
            click.option(
                "--from",
                "first",
                type=DATE,
                default=None,
                help="Start of the replay that leads there; by default"
                f" {SESSIONS_BEFORE} sessions before.",
            ),
            click.option(
                "--journal",
                type=click.Path(path_type=Path),
                metavar="FILE.db",
                help="Read the book of a recorded run instead of replaying one.",
            ),
        )
    ):
        function = option(function)
    return function


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else."
)


def read_settings(preset: str, config: Path | None, overrides: tuple[str, ...]) -> Settings:
    """Return the settings that the options ask for.

    Raises:
        ConfigError: a preset, file, key or value is wrong.
    """
    return load_settings(preset, config, overrides)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
