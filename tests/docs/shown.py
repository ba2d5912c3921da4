"""The commands that README.md and the site show: in blocks of code, in sentences and tables, and in
the help of each command, which the site's reference is made of."""

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.reference import commands_page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
REFERENCE = "reference of commands"
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`]+)`")
# Words with which a line, or code in a sentence, is a command and not a file's text or an answer.
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
    "sqlite3",
    "sudo",
    "apt",
]
ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=(?:\$\([^)]*\)|\S+) )+")
OF_THE_READER = re.compile(r"…|[A-Z][A-Z_]*(\.\w+)?|.*\bDIR/.*|\[.*\]|postgresql://.*")


def is_command(line: str) -> bool:
    """Tell whether a line begins with a program and goes on: a name alone is none."""
    first, *rest = ASSIGNMENTS.sub("", line).split(" ")
    return bool(rest) and any(
        first == name
        or (first.startswith(name) and not name.isalpha())
        or first.startswith("python3")
        for name in PROGRAMS
    )


def commands_in(text: str) -> Iterator[str]:
    """Yield the commands of a page's text, without remarks behind them."""
    for language, body in FENCED.findall(text):
        lines = body.splitlines()
        if language == "console":
            yield from (without_remark(line[2:]) for line in lines if line.startswith("$ "))
        elif language in ("sh", "bash", "shell"):
            yield from (without_remark(line) for line in lines if line)
    bare = FENCED.sub("", text)
    yield from (without_remark(line) for line in INDENTED.findall(bare) if is_command(line))
    sentences = INDENTED.sub("", bare)
    for code in INLINE.findall(sentences):
        line = " ".join(code.replace("\\|", "|").split())
        if is_command(line):
            yield line


def examples_of_help() -> Iterator[str]:
    """Yield the examples that the help of each command gives, without their meaning beside them."""
    for line in INDENTED.findall(commands_page()):
        shown = re.split(r"  |\s+# ", line.strip())[0]
        if is_command(shown):
            yield shown


def pages() -> dict[str, list[str]]:
    """Return the commands of each page by its name, the reference of commands last."""
    shown = {page.name: list(commands_in(page.read_text(encoding="utf-8"))) for page in PAGES}
    return shown | {REFERENCE: list(examples_of_help())}


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
