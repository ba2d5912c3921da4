"""Halt and resume from the page, on a daemon that runs as people run it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_browser import WAIT_MS, chromium_path
from web_samples import TOKEN

from bot.events import TradingHalted, TradingResumed
from bot.journal.reader import JournalReader
from bot.web.options import TOKEN_VARIABLE

playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="the browser tests need playwright: make browser"
)
if TYPE_CHECKING:
    from playwright.sync_api import Page

ALVH = Path(sys.executable).parent / "alvh"
STOP_LIMIT_S = 20


@dataclass(frozen=True)
class Running:
    """A daemon of the profile sim: where its page is, and its journal."""

    address: str
    journal: Path


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Run the bot in a process of its own until the test is over."""
    out = tmp_path / "run"
    command = [ALVH, "run", "--profile", "sim", "--web-port", "18800", "--out", out]
    process = subprocess.Popen(
        list(map(str, command)),
        env=os.environ | {TOKEN_VARIABLE: TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = next(line for line in process.stdout if line.startswith("Dashboard: "))
    yield Running(said.removeprefix("Dashboard: ").strip(), out / "journal.db")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=STOP_LIMIT_S)


@pytest.fixture
def page() -> Iterator["Page"]:
    """Return a page of a headless Chromium."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium is at hand; install one or name it in ALVH_CHROMIUM")
    with playwright_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def give(page: "Page", word: str, reason: str, token: str) -> None:
    """Fill the dialogue in and send it."""
    page.fill("#dialog-word", word)
    page.fill("#dialog-reason", reason)
    page.fill("#dialog-token", token)
    page.click("#dialog-submit")


def halts(journal: Path) -> list[str]:
    """Return the sentences of all halts and resumptions in a journal."""
    with JournalReader(journal) as reader:
        records = list(reader.records())
    return [each.sentence for each in records if isinstance(each, TradingHalted | TradingResumed)]


def test_a_person_halts_and_resumes_from_the_page(running: Running, page: "Page") -> None:
    page.goto(running.address)
    page.wait_for_selector("body[data-ready]", timeout=WAIT_MS)
    page.click("#order")

    give(page, "HALT", "a trial", "a wrong token it is")
    page.wait_for_selector("#dialog-error:has-text('The token is wrong.')", timeout=WAIT_MS)
    give(page, "halt", "a trial", TOKEN)
    page.wait_for_selector("#dialog-error:has-text('Confirm by sending')", timeout=WAIT_MS)
    before = halts(running.journal)
    give(page, "HALT", "a trial", TOKEN)
    page.wait_for_selector("#state[data-state='halted']", timeout=WAIT_MS)
    told = page.inner_text(".notice.alarm")
    after = halts(running.journal)

    page.click("#order")
    give(page, "RESUME", "all is well", TOKEN)
    page.wait_for_selector("#state[data-state='trading']", timeout=WAIT_MS)

    assert before == []
    assert after == [told]
    assert "a trial" in told
    assert len(halts(running.journal)) == 2
    assert "all is well" in halts(running.journal)[1]
