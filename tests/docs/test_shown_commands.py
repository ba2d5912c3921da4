"""Every command that README.md, a page or a help shows is run, or says why it cannot be."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inside import call, can_be_called
from postgres_server import running_server, server_binaries
from prepared import Prepared, prepared
from shell import ALVH, ROOT, Shell
from shown import PAGES, commands_in, examples_of_help, is_run, is_run_by, pages

MARKED = re.compile(r"<!-- (?:run|start) -->\n```console\n(.*?)```", re.DOTALL)
REASONS = {
    "needs root and systemd",
    "needs a container engine",
    "needs another machine",
    "installs a program of its own from the network; its targets run in tests/fuzz",
    "takes many minutes; each of its parts is run here",
}
TABLE: Any = tomllib.loads((Path(__file__).parent / "commands.toml").read_text(encoding="utf-8"))
SCENES: dict[str, list[str]] = {name: scene["run"] for name, scene in TABLE["scenes"].items()}
INSTEAD: dict[str, str] = TABLE["instead"]
ELSEWHERE = [command for each in TABLE["elsewhere"] for command in each["commands"]]
EXCUSED = [command for commands in TABLE["reasons"].values() for command in commands]
OF_A_BROWSER = "take_pictures"


def commands_run() -> list[str]:
    """Return every command that a scene or a page's own test runs."""
    blocks = [block for page in PAGES for block in MARKED.findall(page.read_text(encoding="utf-8"))]
    marked = [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]
    acted = (command.partition(" => ")[0] for scene in SCENES.values() for command in scene)
    return [*marked, *acted]


def shown_commands() -> list[str]:
    """Return every command that is shown anywhere, once."""
    return list(dict.fromkeys(command for page in pages().values() for command in page))


def run_alone() -> list[str]:
    """Return the commands that the table replaces, and those that nothing else accounts for."""
    run, known = commands_run(), {*ELSEWHERE, *EXCUSED}
    return [
        each
        for each in shown_commands()
        if each in INSTEAD or (each not in known and not is_run(each, run))
    ]


ALONE = run_alone()


def in_place_of(shown: str) -> str:
    """Return what is run in the place of a shown command."""
    if shown in INSTEAD:
        return INSTEAD[shown]
    words = (TABLE["words"].get(word, word) for word in shown.split(" "))
    return re.sub(r"\bNAME\b", TABLE["words"]["NAME"], " ".join(filter(None, words)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Return the prepared folder."""
    with prepared(tmp_path_factory.mktemp("prepared")) as here:
        yield here


def recorded(shown: str) -> list[pytest.MarkDecorator]:
    """Return the mark of a command that needs recorded data."""
    return [pytest.mark.needs_data] if "RECORDED" in in_place_of(shown) else []


@pytest.mark.parametrize(
    "shown", [pytest.param(each, marks=recorded(each), id=each) for each in ALONE]
)
def test_a_command_alone_ends_well(
    shown: str, place: Prepared, request: pytest.FixtureRequest
) -> None:
    line = in_place_of(shown)
    if "RECORDED" in line:
        line = line.replace("RECORDED", str(request.getfixturevalue("data_folder")))
    line = line.replace("PUBLISHER", place.publisher).replace("FOLDER", str(place.folder))

    if OF_A_BROWSER in line:
        pytest.importorskip("playwright", reason="pictures need playwright: make browser")

    ended = place.run(line)

    expected = TABLE["exits"].get(shown, 0)
    assert ended.code == expected, f"{line}\n{ended.out[-1000:]}\n{ended.err[-2000:]}"


def test_no_shown_command_is_overlooked() -> None:
    names = {*pages()}
    found = shown_commands()

    assert names == {"reference of commands", *(page.name for page in PAGES)}
    # One of each way to show a command.
    for command in (
        "alvh demo volmageddon --pace 0",
        "alvh doctor --profile paper --config paper.toml",
        "alvh explain R-17",
        "alvh journal verify",
        "make chaos VENUE=gateway KILLS=120 SEED=7",
        "alvh completion fish > ~/.config/fish/completions/alvh.fish",
    ):
        assert command in found


def test_a_sentence_shows_its_commands_and_a_name_alone_is_none() -> None:
    text = "Say `alvh journal\nverify FILE`, or\n`make`; `alvh` and `alvh.delta_near = 1` are none."

    assert list(commands_in(text)) == ["alvh journal verify FILE"]
    assert "alvh journal show quarter.db --kind order_filled --json" in list(examples_of_help())


def test_only_the_known_reasons_excuse_and_only_what_is_shown_and_not_run() -> None:
    shown, run = shown_commands(), commands_run()

    assert set(TABLE["reasons"]) == REASONS
    assert [command for command in [*EXCUSED, *ELSEWHERE] if command not in shown] == []
    assert [command for command in [*EXCUSED, *ELSEWHERE] if is_run(command, run)] == []


def test_the_table_replaces_only_what_is_shown() -> None:
    assert [command for command in [*INSTEAD, *TABLE["exits"]] if command not in ALONE] == []


@pytest.mark.parametrize("each", TABLE["elsewhere"], ids=lambda each: each["commands"][0])
def test_what_is_run_elsewhere_is_found_there(each: dict[str, str]) -> None:
    assert each["proof"] in (ROOT / each["file"]).read_text(encoding="utf-8")


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
    elif can_be_called(command):
        ended = call(shell.here(command), shell.folder, shell.environment)
        assert ended.code == 0, f"{command}\n{ended.out[-1000:]}\n{ended.err[-2000:]}"
    else:
        shell.run(command, [])


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a new, empty database where the scene needs one, else nothing."""
    if "DATABASE" not in " ".join(SCENES[request.getfixturevalue("scene")]):
        yield ""
        return
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian and Ubuntu: apt install postgresql)")
    with running_server(binaries) as server:
        yield server.database().replace("postgresql+psycopg", "postgresql")


@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_runs_to_its_end(
    scene: str, database: str, place: Prepared, tmp_path: Path
) -> None:
    (tmp_path / ".venv").symlink_to(ALVH.parents[1])
    shell = Shell(tmp_path)
    own = {
        "ROOT": str(ROOT),
        "FOLDER": str(tmp_path),
        "PREPARED": str(place.folder),
        "DATABASE": shlex.quote(database),
    }
    try:
        for command in SCENES[scene]:
            line = command
            for word, mine in own.items():
                line = re.sub(rf"\b{word}\b", mine, line)
            act(shell, line)
    finally:
        shell.close()
