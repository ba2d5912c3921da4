"""A daemon whose journal is a PostgreSQL database serves its page from there."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from postgres_server import Server

from bot.journal.reader import JournalReader

ALVH = Path(sys.executable).parent / "alvh"
LIMIT_S = 30


def test_the_page_of_a_daemon_shows_the_journal_of_its_database(
    postgres: Server, tmp_path: Path
) -> None:
    url = postgres.database()
    command = [ALVH, "run", "--profile", "sim", "--web-port", "18960", "--out", tmp_path / "run"]
    process = subprocess.Popen(
        [*map(str, command), "--set", f"journal.url={url}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = next(line for line in process.stdout if line.startswith("Dashboard: "))
    address = said.removeprefix("Dashboard: ").strip()

    # The socket listens before it is said, so the request waits for the server and not in vain.
    with urlopen(f"{address}/api/overview", timeout=LIMIT_S) as answer:
        news = json.load(answer)["news"]
    with urlopen(f"{address}/healthz", timeout=LIMIT_S) as answer:
        health = json.load(answer)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT_S)

    assert news[-1]["sentence"] == "Run started: profile sim, simulated."
    assert (health["status"], health["journal"]) == ("ok", "writing")
    with JournalReader(url) as reader:
        assert reader.verify() >= 1
