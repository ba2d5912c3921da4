"""A program of kills, played in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# A failing seed is played again with ALVH_CHAOS_SEED=…, or by `make chaos SEED=…`.
SEED_ASKED = os.environ.get("ALVH_CHAOS_SEED")


def played(program: str, seed: str, *options: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the tally that the program printed last, and what it said of errors."""
    done = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name(program)),
            "--seed",
            SEED_ASKED or seed,
            *options,
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    print(done.stdout)  # the seed, for whoever must play it again
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr
