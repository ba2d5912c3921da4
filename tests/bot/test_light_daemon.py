"""What a daemon does without: the packages that would make it heavy."""

import subprocess
import sys
from pathlib import Path

HEAVY = "pandas", "pandas_market_calendars", "matplotlib", "duckdb", "apprise", "alembic", "arch"

# A rig of the profile sim, its calendar, and every indicator of a session.
SCRIPT = f"""
import sys
from datetime import UTC, date, datetime
import bot.cli.live
from bot.bootstrap import RunIdentity, build_simulated, build_tape
from bot.clock import SimulatedClock
from bot.settings import Settings
from bot.world import synthetic_world

today, at = date(2026, 11, 25), datetime(2026, 11, 25, 21, 10, tzinfo=UTC)
world = synthetic_world(Settings(), today, 7)
identity = RunIdentity("sim", "S", 7, at, today, today)
rig = build_simulated(Settings(), world, SimulatedClock(at), identity, sys.argv[1], durable=True)
known = build_tape(Settings(), world).indicators(today, at)
print(known.rsi_spx is not None, sorted(set({HEAVY!r}) & sys.modules.keys()))
rig.journal.close()
import pandas
print(pandas.Series([1.0]).sum())
"""


def test_a_daemon_loads_no_package_that_only_plans_or_draws(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, f"{tmp_path}/journal.db"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.splitlines() == ["True []", "1.0"], done.stderr


LOADED_LATER = """
import sys
from datetime import UTC, date, datetime
import bot.cli.live, bot.web.dashboard, bot.web.server
from bot.bootstrap import RunIdentity, build_simulated
from bot.clock import SimulatedClock
from bot.settings import Settings
from bot.world import synthetic_world
from market import normal

today, at = date(2026, 11, 25), datetime(2026, 11, 25, 21, 10, tzinfo=UTC)
world = synthetic_world(Settings(), today, 7)
identity = RunIdentity("sim", "S", 7, at, today, today)
rig = build_simulated(Settings(), world, SimulatedClock(at), identity, sys.argv[1], durable=True)
print("scipy" in sys.modules)
normal.load()
print("scipy" in sys.modules, normal.ndtr(0.0))
rig.journal.close()
"""


def test_a_daemon_answers_before_it_loads_what_only_prices(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED_LATER, f"{tmp_path}/journal.db"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.splitlines() == ["False", "True 0.5"], done.stderr
