"""The first hour: a settings file, a demo, completion, and help that shows how."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import click
import pytest
from cli_samples import Alvh
from click.testing import CliRunner

from bot.cli.demo import DEMOS
from bot.cli.init import command as init
from bot.cli.main import cli
from bot.settings import load_settings


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, as a new user does."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_asks_and_writes_what_was_answered() -> None:
    answer = CliRunner().invoke(init, input="\n100000\njournals\n8700\nphone level=warning\n\n")

    settings = load_settings("seed_25", Path("alvh.toml"))
    assert answer.exit_code == 0
    account, journal = settings.account, settings.journal
    assert (account.start_nlv_usd, journal.folder) == (Decimal(100_000), "journals")
    assert (settings.web.port, settings.notify.channels) == (8700, "phone level=warning")
    assert "alvh run --profile sim --preset seed_25 --config alvh.toml" in answer.output


def test_init_without_questions_changes_nothing_from_the_defaults(alvh: Alvh) -> None:
    answer = alvh("init", "--yes", "--json")

    told = json.loads(answer.out)
    assert told == {
        "file": "alvh.toml",
        "preset": "seed_25",
        "start": "alvh run --profile sim --preset seed_25 --config alvh.toml",
    }
    assert load_settings("seed_25", Path("alvh.toml")) == load_settings("seed_25")


def test_init_for_a_paper_account_leads_to_the_doctor_and_keeps_one_folder(alvh: Alvh) -> None:
    answer = alvh("init", "--yes", "--account", "DU0000001", "--file", "paper.toml")

    start = "alvh run --profile paper --preset seed_25 --config paper.toml --out runs/paper"
    assert answer.out == (
        f"Written to paper.toml. What comes next:\n\n  alvh doctor --config paper.toml\n  {start}\n"
    )
    assert load_settings("seed_25", Path("paper.toml")).ib.account == "DU0000001"


def test_init_refuses_an_account_that_the_paper_lock_would_refuse(alvh: Alvh) -> None:
    answer = alvh("init", "--yes", "--account", "U1234567")

    assert answer.code == 2
    assert "is not the id of a paper account" in answer.err
    assert not Path("alvh.toml").exists()


def test_init_leaves_a_file_alone(alvh: Alvh) -> None:
    Path("alvh.toml").write_text("mine")

    answer = alvh("init", "--yes")

    assert answer.code == 2
    assert answer.err == (
        "alvh: alvh.toml exists already; name another with --file, or remove it.\n"
    )
    assert Path("alvh.toml").read_text() == "mine"


def test_init_with_an_impossible_answer_leaves_no_file_behind(alvh: Alvh) -> None:
    answer = CliRunner().invoke(init, input="\n-5\n\n\n\n\n")

    assert answer.exit_code != 0
    assert not Path("alvh.toml").exists()


def test_each_demo_spans_its_day_and_says_whether_it_is_shipped(alvh: Alvh) -> None:
    told = json.loads(alvh("demo", "--json").out)["demos"]

    assert [row["name"] for row in told] == [demo.name for demo in DEMOS]
    assert all(row["from"] < row["day"] < row["to"] for row in told)
    assert {row["name"] for row in told if row["is_shipped"]} == {
        "august-2015", "brexit", "volmageddon", "christmas-2018",
    }  # fmt: skip


def test_a_demo_replays_its_weeks(alvh: Alvh) -> None:
    answer = alvh("demo", "christmas-2018", "--pace", 0, "--json")

    told = json.loads(answer.out)
    assert (told["from"], told["to"]) == ("2018-11-19", "2018-12-31")
    assert told["sessions"] == 28


@pytest.mark.parametrize(
    ("name", "words"),
    [("covid", "give --data DIR"), ("tulips", "choose one of lehman, flash-crash")],
)
def test_a_demo_that_cannot_be_played_says_what_to_do(alvh: Alvh, name: str, words: str) -> None:
    answer = alvh("demo", name)

    assert answer.code == 2
    assert words in answer.err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("alvh de", ["demo", "decide"]), ("alvh run --web", ["--web-port"])],
)
def test_a_shell_completes_commands_and_options(typed: str, offered: list[str]) -> None:
    asked = {"_ALVH_COMPLETE": "bash_complete", "COMP_WORDS": typed}
    asked["COMP_CWORD"] = str(len(typed.split()) - 1)

    answer = subprocess.run(
        [Path(sys.executable).parent / "alvh"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.stdout.split() == [f"plain,{name}" for name in offered]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(alvh: Alvh, shell: str) -> None:
    answer = alvh("completion", shell)

    assert "_ALVH_COMPLETE" in answer.out


def commands(
    group: click.Group, context: click.Context, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group with its path."""
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, context, (*path, name))


def test_the_help_of_every_command_has_examples_that_name_it() -> None:
    context = click.Context(cli, info_name="alvh")

    without = [
        " ".join(path)
        for path, found in commands(cli, context)
        if "Example" not in (found.help or "") or f"alvh {path[0]}" not in (found.help or "")
    ]

    assert without == []
