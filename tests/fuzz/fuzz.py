"""Coverage-guided fuzzing of every reader of what a stranger may write, with atheris.

    make fuzz SECONDS=60            every target in turn, that long each
    make fuzz TARGET=journal_row    one of them

A target takes bytes and may refuse them by the errors that its callers answer for; any other
exception ends the run with the input in a file, which `fuzz.py 0 TARGET FILE` plays again.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

# Found where `make fuzz` put it; a file is played again without it.
ATHERIS: Any = import_module("atheris") if find_spec("atheris") else None
READ_IN_PYTHON = ["bot", "brokers", "market", "tomllib", "json"]

with ATHERIS.instrument_imports(include=READ_IN_PYTHON) if ATHERIS else nullcontext():
    from bot.control_socket import Demand
    from bot.events import KINDS
    from bot.inputs import unpack_reading, unpack_snapshot
    from bot.journal.codec import decode
    from bot.settings import load_settings
    from bot.starting import StartingSocket
    from brokers.gateway import requests
    from brokers.gateway.faults import read_faults
    from brokers.gateway.wire import Fields, Frames, Malformed, split
    from brokers.lockstep import BadLine, read_line
    from brokers.sim.wire import answer_of, question_of
    from market.errors import ConfigError, JournalDamaged
    from market.macro import MacroCalendar

SECONDS = 30
LONGEST_INPUT = 4096
KIND_NAMES = sorted(KINDS)
_SCRATCH = Path(tempfile.mkdtemp(prefix="fuzz-")) / "config.toml"
_STARTING = StartingSocket.__new__(StartingSocket)
_STARTING._phase, _STARTING._profile = "loading", "sim"


def settings(content: bytes) -> None:
    """Read a settings file."""
    _SCRATCH.write_bytes(content)
    with suppress(ConfigError):
        load_settings(config=_SCRATCH, environment={})


def macro_file(content: bytes) -> None:
    """Read a file of releases."""
    with suppress(ConfigError):
        MacroCalendar.from_toml(_text(content), "macro.toml")


def fault_script(content: bytes) -> None:
    """Read a script of faults."""
    with suppress(ConfigError):
        read_faults(_text(content), "faults.toml")


def journal_row(content: bytes) -> None:
    """Read a row of a journal; the first byte chooses its kind."""
    with suppress(JournalDamaged):
        decode(KIND_NAMES[content[0] % len(KIND_NAMES)] if content else "", _text(content[1:]))


def kept_input(content: bytes) -> None:
    """Read what a journal keeps of a market and of the daily tape."""
    for unpack in (unpack_snapshot, unpack_reading):
        with suppress(JournalDamaged):
            unpack(content)


def control_demand(content: bytes) -> None:
    """Read a demand on the control socket, of a daemon that serves and of one that starts."""
    with suppress(msgspec.DecodeError, ValueError, RecursionError):
        msgspec.json.decode(content, type=Demand)
    _STARTING.answer(content)


def exchange_line(content: bytes) -> None:
    """Read a line between bot and exchange."""
    for read in (question_of, answer_of):
        with suppress(msgspec.DecodeError, ValueError, RecursionError):
            read(content)


def lockstep_line(content: bytes) -> None:
    """Read a line of the lockstep clock."""

    async def read() -> None:
        reader = asyncio.StreamReader(limit=LONGEST_INPUT)
        reader.feed_data(content)
        reader.feed_eof()
        with suppress(BadLine):
            await read_line(reader)

    asyncio.run(read())


READERS: tuple[Callable[[Fields], object], ...] = (
    requests.contract,
    requests.details_request,
    requests.data_request,
    requests.execution_filter,
    requests.history_request,
    requests.cancel,
    requests.versioned_id,
    lambda fields: requests.order(fields, 176),
)


def gateway_frame(content: bytes) -> None:
    """Read frames of a TWS client, and each as every kind of request."""
    with suppress(Malformed):
        for payload in Frames().feed(content):
            _as_requests(payload)
    _as_requests(content)


def _as_requests(payload: bytes) -> None:
    for read in READERS:
        with suppress(Malformed):
            read(Fields(split(payload)))


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        settings,
        macro_file,
        fault_script,
        journal_row,
        kept_input,
        control_demand,
        exchange_line,
        lockstep_line,
        gateway_frame,
    )
}


SEEDS: dict[str, bytes] = {
    "settings": b'[condor]\nenabled = true\n[market]\nlisting = "listed"\n',
    "macro_file": b'[[events]]\nkind = "CPI"\ndates = [2018-02-14]\n',
    "fault_script": b'[[fault]]\nkind = "cut"\nat = 2018-01-24T00:15:00\nseconds = 60\n',
    "journal_row": b'\x00{"at": "2018-02-02T21:10:00Z", "session": "2018-02-02"}',
    "control_demand": b'{"verb": "halt", "reason": "why"}\n',
    "exchange_line": b'{"verb": "look", "number": 1}\n',
    "lockstep_line": b'{"idle": "2018-01-22T14:00:00+00:00"}\n',
    "gateway_frame": b"\x00\x00\x00\x0a17\x001\x0042\x00\x00",
}


def fuzz(name: str, *options: str) -> None:
    """Fuzz one target in this process until libFuzzer ends it."""
    corpus = Path(tempfile.mkdtemp(prefix=f"corpus-{name}-"))
    (corpus / "seed").write_bytes(SEEDS.get(name, b""))
    told = [sys.argv[0], f"-max_len={LONGEST_INPUT}", *options, str(corpus)]
    ATHERIS.Setup(told, TARGETS[name])
    ATHERIS.Fuzz()


def main(*arguments: str) -> int:
    """Fuzz one target, play a file again, or send each target to a process of its own."""
    seconds, name, *rest = (*arguments, *("" for _ in range(2 - len(arguments))))
    if rest:
        TARGETS[name](Path(rest[0]).read_bytes())
        return 0
    if name:
        fuzz(name, f"-max_total_time={seconds}")
    failed = []
    for each in TARGETS:
        print(f"{each}: {seconds} s", flush=True)
        command = [sys.executable, __file__, seconds, each]
        if subprocess.run(command, check=False).returncode:
            failed.append(each)
    print(f"{len(TARGETS)} targets, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or [str(SECONDS)])))
