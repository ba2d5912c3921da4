"""The samples beside these tests go by their plain names; the built-in world is only read."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bot.settings import Settings
from bot.world import World, historical_world


@pytest.fixture(scope="session")
def world() -> World:
    """Return the world of the built-in history without faults of single quotes."""
    perfect = {f"share_{name}_frac": 0.0 for name in ("stale", "crossed", "missing")}
    settings = Settings()
    quotes = settings.quotes.model_copy(update=perfect)
    return historical_world(settings.model_copy(update={"quotes": quotes}), None, 7)
