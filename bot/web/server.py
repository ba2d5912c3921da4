"""The server inside the daemon's loop: its socket, its start and its end.

The daemon owns the process's signals, so the server takes none.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from bot.web.app import build_app
from bot.web.desk import Desk
from bot.web.options import WebSettings, access_of, require_safe
from market.errors import ConfigError

PORTS_TRIED = 20
STOP_LIMIT_S = 2
DATE_EVERY_S = 1.0


class EmbeddedServer(uvicorn.Server):
    """A server that leaves the signals to the process around it, and sleeps while nobody asks."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Have it stop taking requests at once."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Renew the date that answers carry, until ended.

        The library's own loop wakes ten times as often to look for its end, which is most of what
        an idle daemon costs.
        """
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_EVERY_S):
                    await self._ended.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


def bound_socket(bind: str, port: int) -> socket.socket:
    """Return a listening socket on the port, or on the next free one.

    Raises:
        ConfigError: the address is not this machine's, or all ports tried are taken.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    last = min(port + PORTS_TRIED, 65_536)
    for each in range(port, last):
        # Named as TCP, asyncio lets small packets go at once: else the body of an answer waits for
        # the acknowledgement of its headers, which a reader may keep for 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((bind, each))
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise ConfigError(
                    f"web.bind = {bind!r}, port {each} cannot be listened on ({error.strerror});"
                    " choose another address or port."
                ) from None
            continue
        listener.setblocking(False)
        return listener
    raise ConfigError(
        f"ports {port} to {last - 1} of {bind} are all taken; choose another with --web-port."
    )


@asynccontextmanager
async def serving(
    desk: Desk, web: WebSettings, token: str | None, listener: socket.socket
) -> AsyncIterator[None]:
    """Serve the pages while the block runs.

    Raises:
        ConfigError: the address may not be served so.
    """
    require_safe(web, token)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        build_app(desk, access_of(web, port, token)),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_LIMIT_S,
        ssl_certfile=web.certificate or None,
        ssl_keyfile=web.key or None,
    )
    server = EmbeddedServer(config)
    await desk.feed.load()
    lag = asyncio.create_task(desk.monitor.watch())
    turning = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        desk.feed.close()
        await desk.close()
        server.end()
        await turning
        lag.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await lag


def address_of(web: WebSettings, listener: socket.socket) -> str:
    """Return the address a person opens."""
    if web.proxy:
        return web.proxy
    scheme = "https" if web.certificate else "http"
    host = f"[{web.bind}]" if ":" in web.bind else web.bind
    return f"{scheme}://{host}:{listener.getsockname()[1]}"
