"""The folder in which commands of the pages are run one by one: a short replay's journal, a folder
of history, settings, chains, a publisher and a receiver of messages on this machine."""

import csv
import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
from data_samples import (
    BLS_PATH,
    DGS3MO_CSV,
    DGS3MO_PATH,
    DTB3_CSV,
    DTB3_PATH,
    ECBDFR_CSV,
    ECBDFR_PATH,
    VIX_CSV,
    VIX_PATH,
    VVIX_CSV,
    VVIX_PATH,
    ical,
)
from data_server import Reply, serving
from inside import Ended, call, can_be_called
from message_receiver import receiving
from shell import ALVH, LIMIT_S, ROOT

from bot.world import config_text
from market.history import builtin_history

RELEASES = ("Consumer Price Index", "Producer Price Index", "Employment Situation")
PUBLISHED = {
    VIX_PATH: VIX_CSV,
    VVIX_PATH: VVIX_CSV,
    DTB3_PATH: DTB3_CSV,
    DGS3MO_PATH: DGS3MO_CSV,
    ECBDFR_PATH: ECBDFR_CSV,
    BLS_PATH: ical(*((name, "20270113T083000") for name in RELEASES)),
}
NOTIFY = '''[notify]
channels = """
    phone level=warning quiet=22:00-07:00
    mail per_hour=40
"""
'''
IN_CHECKOUT = ("make ", "python ", ".venv/bin/python ")
CHAIN = "alvh chain --class SPXW --at 2018-02-02T16:10 --expiry 2018-02-05 --json"
QUARTER = "alvh backtest --from 2018-01-02 --to 2018-02-09 --journal quarter.db --json"


@dataclass(frozen=True)
class Prepared:
    """The folder, the environment of its commands, and the publisher's address."""

    folder: Path
    environment: Mapping[str, str]
    publisher: str
    _ended: dict[str, Ended] = field(default_factory=dict)

    def run(self, line: str) -> Ended:
        """Run a line here, once; make and python in the checkout."""
        if line not in self._ended:
            inside = can_be_called(line)
            self._ended[line] = self.call(line) if inside else self._in_a_shell(line)
        return self._ended[line]

    def call(self, line: str) -> Ended:
        """Run a line that needs no shell."""
        return call(line, self.folder, self.environment)

    def _in_a_shell(self, line: str) -> Ended:
        done = subprocess.run(
            line,
            shell=True,
            cwd=ROOT if line.startswith(IN_CHECKOUT) else self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def prepared(folder: Path) -> Iterator[Prepared]:
    """Fill a folder; publisher and receiver answer while the block runs."""
    with serving() as publisher, receiving() as receiver:
        for path, body in PUBLISHED.items():
            publisher.on(path, Reply(body))
        here = Prepared(folder, _environment(folder, receiver.address), publisher.url)
        _fill(here)
        yield here


def _environment(folder: Path, receiver: str) -> dict[str, str]:
    own = {
        "PATH": f"{ALVH.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "ALVH_NOTIFY_PHONE": receiver,
        "ALVH_NOTIFY_MAIL": receiver,
    }
    # The pages speak of a machine without recorded data, and without settings of somebody's own.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALVH_")}
    return kept | own


def _fill(here: Prepared) -> None:
    for line in ("alvh init --yes", "alvh init --yes --file paper.toml", QUARTER):
        ended = here.call(line)
        assert ended.code == 0, ended.err
    folder = here.folder
    for run in ("runs/replay", "runs/paper", "runs/sim"):
        (folder / run).mkdir(parents=True)
        shutil.copy(folder / "quarter.db", folder / run / "journal.db")
    (folder / "bot.toml").write_text(NOTIFY, encoding="utf-8")
    (folder / "my_macro.toml").write_text(config_text("macro_events.toml"), encoding="utf-8")
    (folder / "storms.toml").write_text(_faults_of_the_page(), encoding="utf-8")
    _write_history(folder / "history")
    (folder / "Downloads").mkdir()
    for copy in (folder / "spx.csv", folder / "Downloads" / "spx.csv"):
        shutil.copy(folder / "history" / "spx_daily.csv", copy)
    (folder / ".config" / "fish" / "completions").mkdir(parents=True)
    _write_chains(here)


def _faults_of_the_page() -> str:
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    return str(script)


def _write_history(folder: Path) -> None:
    """Write the built-in SPX and VIX as daily files, from where both are known."""
    folder.mkdir()
    history = builtin_history()
    first = next(n for n, close in enumerate(history.vix_close) if not math.isnan(close))
    spx = (history.spx_open, history.spx_high, history.spx_low, history.spx_close)
    columns = {
        "spx_daily": (("date", "open", "high", "low", "close"), spx),
        "vix_daily": (("date", "open", "close"), (history.vix_close, history.vix_close)),
    }
    for name, (header, arrays) in columns.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(header)
            for number, day in enumerate(history.sessions[first:], start=first):
                rows.writerow([day, *(round(float(array[number]), 2) for array in arrays)])


def _write_chains(here: Prepared) -> None:
    """Write a modelled chain in the columns of recorded ones, so that there is one to measure."""
    chain = json.loads(here.call(CHAIN).out)
    told = ("strike", "right", "bid", "ask")
    rows = [
        ("2018-02-02 16:10", chain["spot"], chain["expiry"], *(row[name] for name in told))
        for row in chain["rows"]
    ]
    with duckdb.connect() as tables:
        tables.execute(
            "CREATE TABLE chains (quote_ts_et TIMESTAMP, spot DOUBLE, expiry DATE, strike DOUBLE,"
            ' "right" VARCHAR, bid DOUBLE, ask DOUBLE)'
        )
        tables.executemany("INSERT INTO chains VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        tables.execute(f"COPY chains TO '{here.folder / 'chains.parquet'}' (FORMAT parquet)")
