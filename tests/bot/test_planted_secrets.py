"""Secrets planted wherever a stranger's words come in are nowhere in what the program leaves."""

import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from bot_samples import AT, FRIDAY, condor_intent, order, sent

from bot.book import Book
from bot.events import MarketUnseen, Record, TradingHalted
from bot.journal.check import verify
from bot.journal.export import export
from bot.journal.store import SqlJournal
from bot.log import RunLog
from market.orders import OrderRejected

PASSWORD, TOKEN, ACCOUNT = "planted-pass-77", "planted-token-88", "DU1234567"
PLANTED = (PASSWORD, TOKEN, ACCOUNT)
ROOT = Path(__file__).parents[2]
WORDS = f"{ACCOUNT}: https://u:{PASSWORD}@example.org/x?token={TOKEN} said no"


def leaks(folder: Path) -> list[str]:
    """Return the files below a folder in which a planted secret stands."""
    return [
        f"{path.name}: {secret}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for secret in PLANTED
        if secret.encode() in path.read_bytes()
    ]


def test_what_a_broker_or_a_feed_says_leaves_no_secret_behind(tmp_path: Path) -> None:
    entry = order(condor_intent())
    book, log = Book(Decimal(100_000)), io.StringIO()
    path = tmp_path / "journal.db"
    journal = SqlJournal(
        path, book=book, wall_clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), durable=True
    )
    records: tuple[Record, ...] = (
        sent(entry),
        OrderRejected(AT, entry.order_id, "201", WORDS),
        MarketUnseen(AT, FRIDAY, "entry", ("condor",), WORDS),
        TradingHalted(AT, FRIDAY, "PERSON", WORDS, None),
    )

    for record in records:
        journal.append(record)
        book.apply(record)
        RunLog(log).watch(record)
    journal.commit()
    # Before the journal is closed its write-ahead log lies beside it, and is looked at too.
    assert leaks(tmp_path) == []
    journal.close()
    (tmp_path / "bot.log").write_text(log.getvalue(), encoding="utf-8")
    for form in ("csv", "parquet"):
        export(path, tmp_path / form, form)

    assert leaks(tmp_path) == []
    assert "order_rejected" in log.getvalue()
    assert verify(path) == len(records)


CALL = "from bot.cli.main import main; main()"
COMMANDS = {
    "a URL with a password": ("journal", "verify", f"postgresql://u:{PASSWORD}@127.0.0.1:1/j"),
    "a setting with one": ("config", "--set", f"journal.url=postgresql://u:{PASSWORD}@h/d"),
    "an unknown key": ("config", "--set", f"journal.uri=https://u:{PASSWORD}@h/?token={TOKEN}"),
    "a server that does not answer": ("journal", "verify", "postgresql://u@127.0.0.1:1/j"),
    "settings as JSON": ("config", "--json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_prints_a_planted_secret(name: str, tmp_path: Path) -> None:
    environment = os.environ | {"PGPASSWORD": PASSWORD, "ALVH_IB_ACCOUNT": ACCOUNT}

    done = subprocess.run(
        [sys.executable, "-c", CALL, *COMMANDS[name]],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = done.stdout + done.stderr
    assert [secret for secret in PLANTED if secret in said] == []
    assert "Traceback" not in said
    assert said.strip()


# A command that breaks in each of the places from which Python prints a traceback by itself; the
# secret stands in the message, in that of the cause, and in the line of source that is shown.
BREAKS = f"""
import asyncio, threading, click

def fail():
    try:
        raise ValueError("{WORDS}")
    except ValueError as error:
        raise RuntimeError("broken by {WORDS}") from error

class Dying:
    def __del__(self):
        fail()

async def forget():
    asyncio.get_running_loop().create_task(later())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

async def later():
    fail()

def in_a_thread():
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

WAYS = {{
    "main": fail,
    "thread": in_a_thread,
    "destructor": lambda: Dying() and None,
    "task": lambda: asyncio.run(forget()),
}}

@click.command()
@click.argument("way")
def command(way):
    WAYS[way]()
"""
CALL_BREAKS = "import bot.cli.main as m; m.COMMANDS['break'] = ('breaks', 'Break.'); m.main()"


@pytest.mark.parametrize("way", ["main", "thread", "destructor", "task"])
def test_no_traceback_shows_a_planted_secret(way: str, tmp_path: Path) -> None:
    (tmp_path / "breaks.py").write_text(BREAKS, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", CALL_BREAKS, "break", way],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        timeout=60,
        check=False,
    )

    said = done.stdout + done.stderr
    assert "RuntimeError: broken by DU***67" in said
    assert "ValueError" in said
    assert [secret for secret in PLANTED if secret in said] == []
    assert done.returncode == (1 if way == "main" else 0)
