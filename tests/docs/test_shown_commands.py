"""Every command shown in a block is run by a test, or says why it cannot be."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from shell import ALVH, ROOT, Shell
from shown import commands_of, is_run, is_run_by

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MARKED = re.compile(r"<!-- (?:run|start) -->\n```console\n(.*?)```", re.DOTALL)
REASONS = {
    "needs root",
    "needs a container engine",
    "needs the network",
    "needs chains of the reader's own",
    "takes minutes, and a smaller one is run in tests/cli",
    "is the test suite itself",
}
TABLE: Any = tomllib.loads((Path(__file__).parent / "commands.toml").read_text(encoding="utf-8"))
SCENES: dict[str, list[str]] = {name: scene["run"] for name, scene in TABLE["scenes"].items()}


def commands_run() -> list[str]:
    """Return every command that a scene or a page's own test runs."""
    blocks = [block for page in PAGES for block in MARKED.findall(page.read_text())]
    marked = [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]
    acted = (command.partition(" => ")[0] for scene in SCENES.values() for command in scene)
    return [*marked, *acted]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_run_or_has_its_reason(page: Path) -> None:
    run = commands_run()
    excused = {command for commands in TABLE["reasons"].values() for command in commands}

    unclassified = [
        shown for shown in commands_of(page) if shown not in excused and not is_run(shown, run)
    ]

    assert unclassified == []


def test_only_the_known_reasons_excuse_and_only_what_is_shown() -> None:
    shown = {command for page in PAGES for command in commands_of(page)}
    excused = [command for commands in TABLE["reasons"].values() for command in commands]

    assert set(TABLE["reasons"]) == REASONS
    assert [command for command in excused if command not in shown] == []
    assert [command for command in excused if is_run(command, commands_run())] == []


@pytest.mark.parametrize(
    ("shown", "run", "is_covered"),
    [
        ("alvh journal verify FILE.db", "alvh journal verify runs/a/journal.db", True),
        ("alvh run --profile sim", "start alvh run --profile sim --out runs/sim", True),
        ("alvh run --profile sim", "alvh run --profile paper", False),
        ("alvh halt", "alvh resume", False),
        ("alvh sweep --seeds 20", "alvh sweep --seeds 2", False),
    ],
)
def test_a_command_is_covered_by_its_own_words_alone(
    shown: str, run: str, is_covered: bool
) -> None:
    assert is_run_by(shown, run) is is_covered


def act(shell: Shell, command: str) -> None:
    """Do one line of a scene."""
    kind, _, rest = command.partition(" ")
    if kind == "start":
        line, _, until = rest.partition(" => ")
        shell.start(line, [until])
    elif kind == "stop":
        shell.stop(rest)
    else:
        here = command.replace("ROOT", str(ROOT)).replace("FOLDER", str(shell.folder))
        shell.run(here, [])


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_runs_to_its_end(scene: str, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ALVH.parents[1])
    shell = Shell(tmp_path)
    try:
        for command in SCENES[scene]:
            act(shell, command)
    finally:
        shell.close()
