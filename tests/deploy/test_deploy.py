"""The files of deploy/: parsed, verified and run as far as this machine can."""

import json
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.events import KINDS
from bot.journal.reader import JournalReader
from bot.replay import backtest, replay_rig, window
from bot.settings import Settings, load_settings
from bot.web.facts import Facts
from bot.web.metrics import exposition
from bot.web.options import WebSettings, require_safe
from bot.web.scene import Almanac, Scene, Seen, wanted
from bot.web.views.health import Pulse
from bot.world import historical_world

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ALVH = Path(sys.executable).parent / "alvh"


def needs(program: str) -> str:
    """Return where a program is; a test that needs it skips without."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def run(*command: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    given = {"PATH": f"{ALVH.parent}:/usr/sbin:/usr/bin:/sbin:/bin", **environment}
    return subprocess.run(
        list(map(str, command)), env=given, capture_output=True, text=True, check=False
    )


def parsed(name: str) -> Any:
    """Return a YAML file of the folder."""
    return yaml.safe_load((DEPLOY / name).read_text())


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the journal of a week's replay."""
    folder = tmp_path_factory.mktemp("run")
    world = historical_world(Settings(), None, 7)
    span = window(world, date(2018, 1, 2), date(2018, 1, 8))
    rig = replay_rig(Settings(), world, span, 7, folder / "journal.db")
    backtest(rig, span)
    rig.journal.close()
    return folder / "journal.db"


@pytest.fixture(scope="module")
def exposed(journal: Path) -> str:
    """Return what `/metrics` says of a run with positions."""
    world, facts = historical_world(Settings(), None, 7), Facts()
    with JournalReader(journal) as reader:
        facts.take(reader.rows())
    almanac = Almanac(Settings(), world.calendar, world.macro, world.listings)
    assert facts.market is not None
    at = facts.market.at
    scene = Scene(at, almanac, Seen(world.market.snapshot(at, wanted(facts.book)), "modelled"))
    text, _ = exposition(facts, scene, Pulse(1.0, 0.0, None, 0, "up"))
    return text.decode()


@pytest.fixture(scope="module")
def metrics(exposed: str) -> set[str]:
    """Return the names of all metrics that a run with positions exposes."""
    return set(re.findall(r"^(\w+)(?:{| )", exposed, re.MULTILINE))


def test_the_unit_is_valid_and_hardened(tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    unit = tmp_path / "alvh.service"
    text = (DEPLOY / "alvh.service").read_text()
    unit.write_text(text.replace("/opt/alvh/bin/alvh", str(ALVH)))

    verified = run(analyze, "verify", unit)
    exposed = run(analyze, "security", "--offline=yes", "--threshold=20", "--no-pager", unit)

    assert (verified.returncode, verified.stderr) == (0, "")
    assert exposed.returncode == 0, exposed.stdout[-400:]


def test_the_unit_starts_a_command_that_exists() -> None:
    line = re.search(r"^ExecStart=(.*)$", (DEPLOY / "alvh.service").read_text(), re.MULTILINE)
    assert line is not None
    _, name, *options = line[1].split()

    told = run(ALVH, name, "--help").stdout

    assert [each for each in options if each.startswith("--") and each not in told] == []


def test_the_composition_names_only_what_is_there() -> None:
    told = parsed("compose.yaml")

    services, volumes = told["services"], set(told["volumes"])
    assert set(services) == {"bot", "postgres", "proxy", "gateway"}
    named = {
        source.split(":")[0]
        for service in services.values()
        for source in service.get("volumes", ())
    }
    files = {name for name in named if name.startswith("./")}
    assert named - files == volumes
    assert all((DEPLOY / name).is_file() for name in files)
    build = services["bot"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    assert (DEPLOY / "secrets.env.example").is_file()


def test_the_settings_of_the_container_may_be_served() -> None:
    settings = load_settings(config=DEPLOY / "container.toml")

    require_safe(settings.web, "0123456789abcdef")

    assert settings.web != WebSettings()


def test_alerts_and_dashboard_speak_of_metrics_that_there_are(metrics: set[str]) -> None:
    rules = [rule["expr"] for group in parsed("alerts.yml")["groups"] for rule in group["rules"]]
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]

    asked = {name for text in rules + drawn for name in re.findall(r"\b(?:alvh|process)_\w+", text)}
    kinds = {kind for text in rules + drawn for kind in re.findall(r'kind="(\w+)"', text)}

    assert asked - metrics == set()
    assert kinds - set(KINDS) == set()


def test_panels_do_not_lie_on_one_another() -> None:
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]

    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert max(x for x, _ in cells) < 24


def test_prometheus_scrapes_the_default_address() -> None:
    (job,) = parsed("prometheus.yml")["scrape_configs"]

    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{WebSettings().port}"]}]


def test_a_backup_restores_the_same_journal(journal: Path, tmp_path: Path) -> None:
    needs("sqlite3")
    backups, fresh = tmp_path / "backups", tmp_path / "fresh"

    saved = run(DEPLOY / "backup.sh", journal.parent, backups)
    (copy,) = backups.glob("journal-*.db")
    restored = run(DEPLOY / "restore.sh", copy, fresh)

    assert (saved.returncode, restored.returncode) == (0, 0), saved.stderr + restored.stderr
    with JournalReader(journal) as old, JournalReader(fresh / "journal.db") as new:
        assert list(new.rows()) == list(old.rows())


def test_a_restore_keeps_what_was_there_and_refuses_a_damaged_backup(
    journal: Path, tmp_path: Path
) -> None:
    needs("sqlite3")
    run(DEPLOY / "backup.sh", journal.parent, tmp_path / "backups")
    (copy,) = (tmp_path / "backups").glob("journal-*.db")
    there = tmp_path / "run"
    there.mkdir()
    (there / "journal.db").write_text("the old one")

    restored = run(DEPLOY / "restore.sh", copy, there)
    damaged = copy.with_name("journal-damaged.db")
    damaged.write_bytes(copy.read_bytes()[:8192])
    refused = run(DEPLOY / "restore.sh", damaged, there)

    (kept,) = there.glob("journal.db.before-*")
    assert (restored.returncode, kept.read_text()) == (0, "the old one")
    assert refused.returncode != 0
    with JournalReader(there / "journal.db") as reader:
        assert reader.verify() > 0


def test_old_backups_make_room(journal: Path, tmp_path: Path) -> None:
    needs("sqlite3")
    for day in range(4):
        (tmp_path / f"journal-2018010{day + 1}T000000Z.db").touch()

    run(DEPLOY / "backup.sh", journal.parent, tmp_path, 3)

    names = sorted(path.name[:16] for path in tmp_path.glob("journal-*.db"))
    assert names[:2] == ["journal-20180103", "journal-20180104"]
    assert len(names) == 3


def test_the_file_beside_the_container_leaves_secrets_out() -> None:
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text().split()

    assert {"runs", ".git", "deploy/secrets.env"} <= set(ignored)


def test_the_health_check_of_the_container_is_the_address_that_is_served() -> None:
    text = (DEPLOY / "Containerfile").read_text()

    assert f"http://127.0.0.1:{WebSettings().port}/healthz" in text


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("check-jsonschema", ("--builtin-schema", "vendor.compose-spec", "compose.yaml")),
        ("hadolint", ("Containerfile",)),
        ("promtool", ("check", "rules", "alerts.yml")),
        ("promtool", ("check", "config", "prometheus.yml")),
    ],
)
def test_the_tool_made_for_a_file_finds_no_fault_in_it(
    program: str, arguments: tuple[str, ...]
) -> None:
    found = needs(program)
    *options, name = arguments

    told = run(found, *options, DEPLOY / name)

    assert told.returncode == 0, told.stdout + told.stderr


def test_promtool_finds_no_fault_in_the_metrics(exposed: str) -> None:
    promtool = needs("promtool")

    told = subprocess.run(
        [promtool, "check", "metrics"], input=exposed, capture_output=True, text=True, check=False
    )

    assert (told.returncode, told.stderr) == (0, "")
