"""The wheel holds every file of the packages: whoever installs it has pages, presets and tables."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("market", "strategies", "brokers", "bot", "config")


def kept_files() -> set[str]:
    """Return what the repository keeps of the packages."""
    asked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("not a git checkout, so what belongs into the wheel is not known")
    return set(asked.stdout.split())


def test_the_wheel_holds_all_files_of_the_packages_and_no_other(tmp_path: Path) -> None:
    kept = kept_files()

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )

    with ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        scripts = wheel.read(next(n for n in wheel.namelist() if n.endswith("entry_points.txt")))
    assert held == kept
    assert {"bot/web/static/index.html", "bot/web/static/vendor/uPlot.min.js"} < held
    assert scripts.decode() == "[console_scripts]\nalvh = bot.cli.main:main\n"
