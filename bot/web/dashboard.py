"""The dashboard of a daemon: binds its port at once, says where it is, serves the run."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.bootstrap import Rig
from bot.journal.place import Target
from bot.web.desk import Controls, Desk, Look
from bot.web.options import WebSettings, require_safe, token_of
from bot.web.server import address_of, bound_socket, serving
from bot.web.wire import desk_of
from brokers.sim.feed import ModelFeed

if TYPE_CHECKING:
    from brokers.ib.feed import IbFeed

BROKER_KEPT_S, BROKER_PATIENCE_S, CLEAR_BEFORE_MOMENT_S = 10.0, 1.5, 20.0


def model_look(rig: Rig) -> Look:
    """Return the look at a modelled market, which costs nothing."""
    return Look(ModelFeed(rig.world.market, rig.clock.now), lambda: "modelled")


def broker_look(feed: "IbFeed") -> Look:
    """Return the look at a broker's quotes, which never keeps lines that a decision needs."""
    pages = feed.for_pages()
    return Look(
        pages,
        lambda: str(pages.kind),
        BROKER_KEPT_S,
        BROKER_PATIENCE_S,
        with_chains=False,
        clear_before_moment_s=CLEAR_BEFORE_MOMENT_S,
    )


def desk_for(
    rig: Rig, journal: Target, look: Look | None, controls: Controls | None = None
) -> Desk:
    """Return the desk of one rig.

    Raises:
        ConfigError: the journal is missing or unreadable.
    """
    return desk_of(
        rig.settings,
        rig.world,
        rig.clock.now,
        journal,
        look=look,
        connection=lambda: str(rig.book.line),
        controls=controls,
    )


class Dashboard:
    """Serves one rig; `say` prints a sentence for the person who started it.

    Without a `look` the pages show the market as last recorded, and say so.

    Raises:
        ConfigError: the address may not be served so, or no port is free.
    """

    def __init__(
        self,
        rig: Rig,
        web: WebSettings,
        journal: Target,
        say: Callable[[str], None],
        controls: Controls | None = None,
        look: Look | None = None,
    ) -> None:
        self._web, self._token = web, token_of()
        require_safe(web, self._token)
        self._socket = bound_socket(web.bind, web.port)
        if self.port != web.port:
            say(f"Port {web.port} is taken, so the dashboard listens on {self.port}.")
        say(f"Dashboard: {address_of(web, self._socket)}")
        self.desk = desk_for(rig, journal, look, controls)
        rig.shell.listen_to_commits(self._committed)

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def _committed(self) -> None:
        self.desk.refresh()
        self.desk.feed.pump()

    def beat(self) -> None:
        """Note that the daemon's loop turned."""
        self.desk.monitor.beat()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the block runs."""
        async with serving(self.desk, self._web, self._token, self._socket):
            yield
