"""Bot and exchange die by SIGKILL over a replayed quarter, and nothing is lost or done twice."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHAOS = Path(__file__).with_name("chaos.py")
ROOT = CHAOS.parents[2]
# A failing seed is played again with ALVH_CHAOS_SEED=…, or by `make chaos SEED=…`.
SEED = os.environ.get("ALVH_CHAOS_SEED", "2018")
LEAST_KILLS = 40


def played(*options: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, str(CHAOS), "--seed", SEED, *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    print(done.stdout)  # the seed, for whoever must play it again
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_forty_kills_change_nothing() -> None:
    code, told, words = played("--kills", str(LEAST_KILLS))

    found = {name: told[name] for name in ("lost", "doubled", "unequal_books", "trouble")}
    assert found == {"lost": 0, "doubled": 0, "unequal_books": 0, "trouble": []}, words
    assert told["kills"] >= LEAST_KILLS
    assert told["orders"] > 0 < told["settlements"]
    assert code == 0


def test_the_kill_test_notices_an_exchange_that_forgets() -> None:
    code, told, _ = played("--kills", "6", "--rounds", "1", "--forget")

    assert code == 1
    assert told["trouble"]
