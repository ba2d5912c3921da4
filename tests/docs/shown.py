"""The commands that a page shows: in blocks of code, and README.md in its table."""

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
OF_A_TABLE = re.compile(r"^\| (`alvh [^|]*`) \|", re.MULTILINE)
# Words with which a line of an indented block is a command and not a file's text or an answer.
PROGRAMS = [
    "alvh",
    "make",
    "python",
    "pip",
    "docker",
    "podman",
    "curl",
    "ssh",
    "systemctl",
    "journalctl",
    "install",
    "useradd",
    "cp",
    "export",
    "git",
    "mkdir",
    "deploy/",
    ".venv/",
    "pg_dump",
    "pg_restore",
    "psql",
    "sudo",
    "apt",
]
ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=(?:\$\([^)]*\)|\S+) )+")
OF_THE_READER = re.compile(r"…|[A-Z][A-Z_]*(\.\w+)?|.*\bDIR/.*|\[.*\]")


def is_command(line: str) -> bool:
    """Tell whether a line begins with a program."""
    first = ASSIGNMENTS.sub("", line).split(" ")[0]
    return any(
        first == name
        or (first.startswith(name) and not name.isalpha())
        or first.startswith("python3")
        for name in PROGRAMS
    )


def commands_of(page: Path) -> Iterator[str]:
    """Yield the commands of a page, without remarks behind them."""
    text = page.read_text(encoding="utf-8")
    for language, body in FENCED.findall(text):
        lines = body.splitlines()
        if language == "console":
            yield from (without_remark(line[2:]) for line in lines if line.startswith("$ "))
        elif language in ("sh", "bash", "shell"):
            yield from (without_remark(line) for line in lines if line)
    bare = FENCED.sub("", text)
    yield from (without_remark(line) for line in INDENTED.findall(bare) if is_command(line))
    if page.name == "README.md":
        for cell in OF_A_TABLE.findall(bare):
            yield from re.findall(r"`(alvh [^`]*)`", cell)


def without_remark(line: str) -> str:
    """Return a command without a remark behind it."""
    return re.split(r"\s+# ", line)[0].strip()


def words_of(command: str) -> list[str]:
    """Return what a command must keep wherever it is run: no words of the reader's own."""
    words = shlex.split(command.removeprefix("start "))
    words = [word.removeprefix(".venv/bin/") for word in words]
    return [word for word in words if not OF_THE_READER.fullmatch(word)]


def is_run_by(shown: str, run: str) -> bool:
    """Tell whether a command that is run has the words of a shown one in their order."""
    left = iter(words_of(run))
    return all(any(word == other for other in left) for word in words_of(shown))


def is_run(shown: str, commands: Iterable[str]) -> bool:
    """Tell whether one of the commands runs what is shown."""
    return any(is_run_by(shown, each) for each in commands)
