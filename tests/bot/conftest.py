"""What the tests of the bot share: the built-in world, one replayed quarter, one replayed year.

Their sample values lie beside them and are imported by a plain name: a dependency installs a
package named `tests`, so an absolute import from here is not safe.
"""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bot_samples import Replayed, replay
from postgres_server import Server, running_server, server_binaries

from bot.settings import Settings
from bot.world import World, historical_world

SEED = 7
SHIFTING_SEED = 2


@pytest.fixture(scope="session")
def world() -> World:
    """Return the world of the built-in history; it is only read."""
    return historical_world(Settings(), None, SEED)


@pytest.fixture(scope="session")
def shifting_world() -> World:
    """Return the same history on paths within the day that make condors of 2018 shift."""
    return historical_world(Settings(), None, SHIFTING_SEED)


@pytest.fixture(scope="session")
def quarter(world: World, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Return the default window, 2018-01-02 … 2018-03-29, with its journal; it is only read."""
    path = tmp_path_factory.mktemp("quarter") / "journal.db"
    return replay(world, date(2018, 1, 2), date(2018, 3, 29), journal=path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Return a running PostgreSQL server; a test that asks for it skips where none is installed."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian and Ubuntu: apt install postgresql)")
    with running_server(binaries) as server:
        yield server
