"""The profile paper dies by SIGKILL before the gateway emulator, and its book is true after all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHAOS = Path(__file__).with_name("gateway_chaos.py")
ROOT = CHAOS.parents[2]
# A failing seed is played again with ALVH_CHAOS_SEED=…, or by `make chaos VENUE=gateway SEED=…`.
SEED = os.environ.get("ALVH_CHAOS_SEED", "20")
LEAST_KILLS = 12


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


def test_twelve_kills_before_the_gateway_leave_equal_books() -> None:
    code, told, words = played("--kills", str(LEAST_KILLS))

    found = {name: told[name] for name in ("lost", "doubled", "unequal_books", "trouble")}
    assert found == {"lost": 0, "doubled": 0, "unequal_books": 0, "trouble": []}, words
    assert told["kills"] >= LEAST_KILLS
    assert told["orders"] > 0 < told["settlements"]
    assert code == 0


def test_the_kill_test_notices_a_bot_that_forgets() -> None:
    code, told, _ = played("--kills", "4", "--rounds", "1", "--forget")

    assert code == 1
    assert told["trouble"] or told["unequal_books"]
