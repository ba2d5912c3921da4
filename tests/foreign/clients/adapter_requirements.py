"""Print what the adapter's tests need beside ib_async: the project's own list without ib_insync.

The two client libraries cannot share an environment, so the project is installed there without its
dependencies; these take their place, at the versions of constraints.txt where those allow it.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PINS = ROOT / "tests" / "foreign" / "clients" / "ib_async.txt"
REPLACED = {"ib_insync", "eventkit", "nest_asyncio", "tzdata"}
TOOLS = ("hypothesis", "pytest", "pytest-asyncio")


def name_of(requirement: str) -> str:
    """Return the distribution that a requirement names."""
    return re.split(r"[^A-Za-z0-9_.-]", requirement.strip(), maxsplit=1)[0].lower()


def main() -> None:
    """Print one requirement a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = {
        name_of(line).replace("_", "-"): line
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    for requirement in project["dependencies"]:
        name = name_of(requirement)
        if name.replace("-", "_") not in REPLACED:
            print(pins.get(name.replace("_", "-"), requirement))
    for tool in TOOLS:
        print(pins.get(tool, tool))
    own = {name_of(line) for line in PINS.read_text("utf-8").splitlines()} & {"numpy"}
    for line in PINS.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#") and name_of(line) not in own:
            print(line)


main()
