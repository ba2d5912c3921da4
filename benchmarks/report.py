"""Run every benchmark and write docs/performance.md: `make bench`.

[ALVH_DATA=DIR] python -m benchmarks.report [--out docs/performance.md]
"""

import json
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, shown

SCRIPTS = (
    "replay",
    "replay_peers",
    "pricing",
    "monte_carlo",
    "events",
    "daemon",
    "order_on_wire",
    "hedge_window",
    "journal_commits",
)
PACKAGES = ("numpy", "scipy", "sqlalchemy", "msgspec", "distributed")
PEERS = (Path("benchmarks/pricing_peers.txt"), Path("benchmarks/nautilus_peers.txt"))
IDEAS = Path("benchmarks/next_ideas.md")
HEADER = """\
# Performance

Written by `make bench`: every number here was measured by a script in `benchmarks/` that can be run
alone with `.venv/bin/python -m benchmarks.NAME [--json]`. A ratio of 1 or more reaches the bar; a
smaller one is a miss. Absolute numbers drift with the machine and with what else runs on it.
"""


def told_by(name: str) -> dict[str, Any]:
    """Return what a script measured in a process of its own."""
    print(f"bench: {name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        # The others are worth their page all the same.
        note = f"Not measured: the script ended with {done.returncode}."
        return {"title": name, "figures": [], "notes": [note], "profile": []}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(told: dict[str, Any]) -> str:
    """Return one figure as a row of a table."""
    figure = Figure(**{name: value for name, value in told.items() if name != "ratio"})
    bar, ratio = "", ""
    if figure.bar is not None and figure.ratio is not None:
        bar = f"{'at most' if figure.is_most else 'at least'} {shown(figure.bar)}"
        ratio = f"{figure.ratio:.2f}" if figure.ratio >= 1.0 else f"**{figure.ratio:.2f} (miss)**"
    return f"| {figure.name} | {shown(figure.value)} {figure.unit} | {bar} | {ratio} |"


def section(name: str, told: dict[str, Any]) -> str:
    """Return one script's part of the page."""
    lines = [f"## {told['title']}", "", f"`.venv/bin/python -m benchmarks.{name}`", ""]
    lines += ["| figure | measured | bar | ratio |", "|---|---|---|---|"]
    lines += [row(each) for each in told["figures"]]
    lines += [text for note in told["notes"] for text in ("", note)]
    if told["profile"]:
        lines += ["", "```", *told["profile"], "```"]
    return "\n".join([*lines, ""])


def surroundings() -> str:
    """Return on what was measured."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    peers = ", ".join(line for each in PEERS for line in each.read_text(encoding="utf-8").split())
    data = "recorded data" if os.environ.get("ALVH_DATA") else "the built-in history"
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()},"
        f" on {data}. Load of the machine when the run ended, over 1, 5 and 15 minutes: {load}.\n\n"
        f"Ours: {packages}. Peers: {peers}.\n"
    )


def main() -> None:
    """Run all and write the page."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    given = parser.parse_args()
    sections = [section(name, told_by(name)) for name in SCRIPTS]
    ideas = IDEAS.read_text(encoding="utf-8")
    page = "\n".join([HEADER, surroundings(), *sections, ideas])
    given.out.write_text(page, encoding="utf-8")
    print(f"bench: written to {given.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
