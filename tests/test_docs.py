"""The documentation is true: its commands exist and take those options, the quick ones run, and
every page finds its pictures."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot.cli.main import COMMANDS, cli
from bot.reference import commands_page, settings_page
from bot.settings import known_keys

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALVH = Path(sys.executable).parent / "alvh"
MARKED = re.compile(r"<!-- run -->\n```console\n(.*?)```", re.DOTALL)
# A page that leaves commands running has a test of its own in tests/docs.
STARTED = "<!-- start -->"
LIMIT_S = 120
# What a page writes where a reader puts something of their own.
OF_THE_READER = {"…", "RULE"}


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every `alvh …` that a page shows, in code blocks and in sentences."""
    lines = re.findall(r"^(?:    |\$ )(.*alvh .*)$", text, re.MULTILINE)
    lines += re.findall(r"`(alvh [^`]+)`", text)
    for line in lines:
        start = re.search(r"(?:^|\s|/)alvh (?=[a-z-])", line)
        if start is not None:
            shown = re.split(r"\s+#\s|\s\||\s&&|\)\"?$", line[start.end() :])[0]
            yield shlex.split(shown)


def parse(group: click.Group, context: click.Context, words: list[str]) -> None:
    """Parse the words as the command line would, without running the command.

    Raises:
        ClickException: the command or an option is unknown, or a value is refused.
    """
    name, *rest = words
    command = group.get_command(context, name)
    if command is None:
        raise click.UsageError(f"there is no command {name!r}")
    if isinstance(command, click.Group):
        if rest and not rest[0].startswith("-"):
            parse(command, click.Context(command, parent=context, info_name=name), rest)
        return
    names = {option for parameter in command.params for option in parameter.opts}
    for word in rest:
        option = word.partition("=")[0]
        if option.startswith("-") and option not in names | {"--help", "-h"}:
            raise click.UsageError(f"{name} has no option {option}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists_with_its_options(page: Path) -> None:
    context, wrong = click.Context(cli, info_name="alvh"), []
    for words in commands(page.read_text(encoding="utf-8")):
        shown = [word for word in words if word not in OF_THE_READER]
        if not shown or "|" in shown or shown[0].startswith("-"):
            continue
        try:
            parse(cli, context, shown)
        except click.ClickException as error:
            wrong.append(f"{' '.join(words)}: {error.message}")

    assert wrong == []


def test_a_command_that_is_gone_would_be_found() -> None:
    context = click.Context(cli, info_name="alvh")
    found = list(commands("    alvh runn --fast   # quick\n\nand `alvh run --no-such`."))

    assert found == [["runn", "--fast"], ["run", "--no-such"]]
    for words in found:
        with pytest.raises(click.UsageError):
            parse(cli, context, words)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if MARKED.search(text := page.read_text()) and STARTED not in text],
    ids=lambda page: page.name,
)
def test_the_marked_commands_of_a_page_run_one_after_the_other_in_an_empty_folder(
    page: Path, tmp_path: Path
) -> None:
    blocks = MARKED.findall(page.read_text(encoding="utf-8"))
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    environment = os.environ | {"PATH": f"{ALVH.parent}:{os.environ['PATH']}"}

    failed = []
    for line in lines:
        answer = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if answer.returncode != 0 or not answer.stdout:
            failed.append(f"{line}: {answer.stderr}")

    assert lines
    assert failed == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_finds_its_pictures(page: Path) -> None:
    named = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8"))

    assert [name for name in named if not (page.parent / name).is_file()] == []


def test_the_reference_made_from_the_code_leaves_no_key_and_no_command_out() -> None:
    settings, shown = settings_page(), commands_page()

    assert [key for key in known_keys() if f"| `{key}` |" not in settings] == []
    assert [name for name in COMMANDS if f"\n## alvh {name}\n" not in shown] == []
