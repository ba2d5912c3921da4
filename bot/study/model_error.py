"""How far the modelled market is off, as calibration measured it; the figures of
docs/simulation.md."""

import tomllib
from collections.abc import Mapping
from typing import Any

from bot.world import config_text

SOURCE = "docs/simulation.md"


def model_error() -> dict[str, Any]:
    """Return the errors with their unit and where they are explained."""
    rows = tomllib.loads(config_text("model_error.toml"))["errors"]
    return {"source": SOURCE, "errors": [dict(row) for row in rows]}


def real_and_modelled(series: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of series by state, option prices always among the modelled."""
    states: dict[str, list[str]] = {}
    for name, state in series.items():
        states.setdefault(state, []).append(name)
    states.setdefault("modelled", []).append("all option prices, bids and asks, fills")
    return states
