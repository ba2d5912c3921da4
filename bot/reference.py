"""Makes the reference pages from the code: every setting, every command."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click

from bot.cli.main import cli
from bot.settings import Settings, preset_names


def write_reference(folder: Path) -> None:
    """Write the generated pages into a folder."""
    folder.mkdir(exist_ok=True)
    (folder / "settings.md").write_text(settings_page(), encoding="utf-8")
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")


def write_more(docs: Path, page: Path) -> None:
    """Write a page that leads to the pages which the index does not list, so that none is lost."""
    listed = (docs / "index.md").read_text(encoding="utf-8").split()
    names = (path.relative_to(docs).with_suffix("").as_posix() for path in docs.rglob("*.md"))
    others = sorted(name for name in names if name not in {*listed, "index"} and name[0] != "_")
    lines = [
        "# More pages",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *(f"/{name}" for name in others),
    ]
    page.write_text("\n".join([*lines, "```", ""]), encoding="utf-8")


def settings_page() -> str:
    """Return the page of all settings, section by section, with their defaults."""
    lines = [
        "# Settings",
        "",
        "Every key with its default and meaning. They come from a preset (`--preset`), a TOML file",
        "(`--config`) and `--set section.key=value`, in that order. Presets: "
        + ", ".join(f"`{name}`" for name in preset_names())
        + ".",
    ]
    for section, field in Settings.model_fields.items():
        model = field.annotation
        assert model is not None
        lines += ["", f"## {section}", "", (model.__doc__ or "").strip(), ""]
        lines += ["| key | default | meaning |", "|---|---|---|"]
        for name, each in model.model_fields.items():
            meaning = (each.description or "").replace("|", "\\|")
            lines.append(f"| `{section}.{name}` | `{_shown(each.default)}` | {meaning} |")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    """Return a default as TOML writes it; None, which TOML has not, as the word none."""
    if isinstance(value, Decimal):
        return str(value)
    return "none" if value is None else json.dumps(value, default=str)


def commands_page() -> str:
    """Return the page of all commands with their help, as the terminal shows it."""
    lines = ["# Commands", "", "What `--help` says, command by command."]
    root = click.Context(cli, info_name="alvh")
    for context in contexts(cli, root):
        help_text = context.command.get_help(context).rstrip()
        depth = len(context.command_path.split())
        lines += ["", f"{'#' * min(depth, 3)} {context.command_path}", ""]
        lines += ["```text", help_text, "```"]
    return "\n".join(lines) + "\n"


def contexts(group: click.Group, parent: click.Context) -> Iterator[click.Context]:
    """Yield the context of every command below a group, in the order of the help."""
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command is not None
        context = click.Context(command, parent=parent, info_name=name, max_content_width=96)
        yield context
        if isinstance(command, click.Group):
            yield from contexts(command, context)
