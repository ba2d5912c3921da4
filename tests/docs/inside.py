"""The command line called in the tests' own process, as a terminal in a folder would call it."""

import io
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from bot.cli.main import main

# What only a shell understands.
OF_A_SHELL = frozenset("|<>&$;~*`")


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


def can_be_called(line: str) -> bool:
    """Tell whether a line needs no shell: our command with plain words."""
    return line.startswith("alvh ") and not OF_A_SHELL & set(_outside_quotes(line))


def call(line: str, folder: Path, environment: Mapping[str, str]) -> Ended:
    """Run a line in a folder and an environment; return how it ended."""
    out, err = io.StringIO(), io.StringIO()
    with (
        chdir(folder),
        _surroundings(shlex.split(line), environment),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Ended(code, out.getvalue(), err.getvalue())


def _outside_quotes(line: str) -> str:
    return "".join(part for number, part in enumerate(line.split("'")) if number % 2 == 0)


@contextmanager
def _surroundings(words: list[str], environment: Mapping[str, str]) -> Iterator[None]:
    known, arguments = dict(os.environ), sys.argv
    try:
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = words
        yield
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(known)
