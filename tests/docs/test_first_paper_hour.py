"""The page of the first hour on paper is done as it is written: every command, in its order."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shell import LIMIT_S, LOOK_EVERY_S, ROOT, Shell

from bot.journal.reader import JournalReader

PAGE = ROOT / "docs" / "first-paper-hour.md"
STEP = re.compile(
    r"<!-- (run|start) -->\n```console\n(.*?)```|<!-- (stop) (.*?) -->"
    r"|<!-- (wait for two sessions of) (.*?) -->",
    re.DOTALL,
)


@dataclass(frozen=True)
class Command:
    """One command of a page and the lines that it shows."""

    line: str
    shown: list[str]


def commands_of(block: str) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, *shown = part.strip().splitlines()
        yield Command(line, shown)


def await_sessions(journal: Path) -> None:
    """Wait until a journal has the equity of two sessions."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        with JournalReader(journal) as reader:
            if len(reader.table("equity")) >= 2:
                return
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"no two sessions in {journal}")


def test_the_first_hour_on_paper_goes_as_the_page_says(tmp_path: Path) -> None:
    shell, said = Shell(tmp_path), ""
    try:
        for step in STEP.finditer(PAGE.read_text(encoding="utf-8")):
            kind, block, stop, whom, wait, where = step.groups()
            if stop:
                said += shell.stop(whom)
            elif wait:
                await_sessions(tmp_path / where / "journal.db")
            else:
                act = shell.run if kind == "run" else shell.start
                for command in commands_of(block):
                    act(command.line, command.shown)
    finally:
        shell.close()

    # The weeks were traded on the account of the emulator and nothing was called simulated.
    assert "(paper account)" in said
    assert "(simulated)" not in said
