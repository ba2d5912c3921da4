"""No setting, no environment variable and no option of any command gets past the paper lock."""

import inspect
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bot.cli.main import COMMANDS, cli
from bot.ib_keys import adapter_settings
from bot.settings import Settings, known_keys, load_settings
from brokers.ib import line, paper_lock
from brokers.ib.broker import IbBroker, VenueDates
from brokers.ib.settings import IbSettings
from market.errors import AlvhError, ConfigError, NotPaper

LIVE = "U7654321"
ROOT = Path(__file__).parents[2]
LOCKED = ("ib.account", "ib.port")
NOON = datetime(2018, 2, 2, 17, 0, tzinfo=UTC)


def broker_of(settings: Settings) -> IbBroker:
    """Return the broker of the settings; its calendar is never asked."""
    day = date(2018, 2, 2)
    dates = VenueDates(lambda _class, _day: day, lambda _class, _day: NOON, lambda _at: True)
    return IbBroker(adapter_settings(settings.ib, may_be_delayed=True), lambda: NOON, dates)


def other_values(key: str) -> list[str]:
    """Return values of a setting that differ from its default, of whatever type it is."""
    section, name = key.split(".")
    default = getattr(getattr(Settings(), section), name)
    if isinstance(default, bool):
        return [str(not default).lower()]
    if isinstance(default, int | float):
        return [str(default * 2 + 1), "0", "1"]
    return ["paper", "live", "true", "off", "U7654321", "DU1234567"]


@pytest.mark.parametrize("key", [key for key in known_keys() if key not in LOCKED])
async def test_no_setting_lets_a_live_account_through(key: str) -> None:
    for value in other_values(key):
        try:
            settings = load_settings(
                overrides=[f"ib.account={LIVE}", f"{key}={value}"], environment={}
            )
        except ConfigError:
            continue  # the value itself is refused

        with pytest.raises(NotPaper):
            await broker_of(settings).connect()


@pytest.mark.parametrize("key", [key for key in known_keys() if key not in LOCKED])
async def test_no_environment_variable_lets_a_live_account_through(key: str) -> None:
    name = "ALVH_" + key.upper().replace(".", "__")
    for value in other_values(key):
        try:
            settings = load_settings(environment={name: value, "ALVH_IB__ACCOUNT": LIVE})
        except ConfigError:
            continue

        with pytest.raises(NotPaper):
            await broker_of(settings).connect()


def sample_of(option: click.Option) -> list[str]:
    """Return an option with a value as a person would type it."""
    name = option.opts[0]
    if option.is_flag:
        return [name]
    if isinstance(option.type, click.Choice):
        return [name, str(option.type.choices[-1])]
    is_number = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
    return [name, "1" if is_number else "x"]


def options_of(command: str) -> list[click.Option]:
    found: Any = cli.get_command(click.Context(cli), command)
    return [each for each in found.params if isinstance(each, click.Option)]


def refusal(words: list[str]) -> AlvhError | click.ClickException:
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert isinstance(result.exception, AlvhError | click.ClickException), result.output
    return result.exception


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (command, option.opts[0])
        for command in ("run", "doctor")
        for option in options_of(command)
        if option.opts[0] not in {"--profile", "--help"}
    ],
)
@pytest.mark.parametrize("profile", ["paper", "shadow"])
def test_no_option_lets_a_live_account_through(
    command: str, option: str, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = next(each for each in options_of(command) if each.opts[0] == option)
    words = [command, "--profile", profile, "--set", f"ib.account={LIVE}", *sample_of(given)]

    assert getattr(refusal(words), "exit_code", 0) == 2


@pytest.mark.parametrize("port", [4001, 7496])
def test_no_command_opens_a_live_port(port: int, tmp_path: Path) -> None:
    words = ["run", "--profile", "paper", "--out", str(tmp_path / "run")]
    words += ["--set", "ib.account=DU1234567", "--set", f"ib.port={port}"]

    assert isinstance(refusal(words), NotPaper)


def test_the_lock_reads_nothing_but_its_three_arguments() -> None:
    source = inspect.getsource(paper_lock)

    assert not re.search(r"\b(environ|getenv|open\(|Settings|global)\b", source)
    assert list(inspect.signature(paper_lock.require_paper_session).parameters) == [
        "account",
        "port",
        "managed",
    ]


def test_the_one_way_to_a_socket_leads_through_the_lock() -> None:
    opening = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "brokers" / "ib").glob("*.py"))
        if re.search(r"wire\.open\(|\.connectAsync\(", path.read_text("utf-8"))
    ]
    attempt = inspect.getsource(line.Line._attempt)

    assert opening == ["brokers/ib/line.py", "brokers/ib/wire.py"]
    assert attempt.index("wire.open(") < attempt.index("require_paper_session(")
    assert attempt.index("require_paper_session(") < attempt.index("self._sync(")


def test_what_the_adapter_is_told_has_no_switch_for_the_lock() -> None:
    names = {
        name for name in IbSettings.__dataclass_fields__ if re.search("live|lock|force|paper", name)
    }

    assert names == set()
    assert set(COMMANDS) >= {"run", "doctor"}
