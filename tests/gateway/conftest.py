"""What the tests of the gateway share: the world of built-in history. Samples lie beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bot.settings import Settings
from bot.world import World, historical_world


@pytest.fixture(scope="session")
def world() -> World:
    """Return the world of the built-in history; it is only read."""
    return historical_world(Settings(), None, 7)
