"""The TCP server: clients in, frames out, a pulse that lets time pass. One event loop, no threads.

A client that sends what is no protocol is closed alone. Nothing listens beyond loopback unless
asked to.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from brokers.gateway.connection import Connection, Stage
from brokers.gateway.faults import Fault, Kind
from brokers.gateway.incidents import HungUp
from brokers.gateway.line import Line
from brokers.gateway.news import Told
from brokers.gateway.terms import ORDINARY, Terms
from brokers.gateway.venue import Venue
from brokers.gateway.weather import Weather
from brokers.gateway.wire import PREAMBLE, Frames, Malformed, Value, framed

CHUNK_BYTES = 65_536
MOST_CLIENTS = 32
MOST_UNSENT_BYTES = 8 << 20


@dataclass
class Client:
    """One connected socket."""

    writer: asyncio.StreamWriter
    connection: Connection
    frames: Frames = field(default_factory=Frames)


class Outbox:
    """Sends what was put within one turn of the loop in one piece: one call of the system for all
    the ticks of an instant."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: list[bytes] = []

    def put(self, fields: list[Value]) -> None:
        """Have a message sent, after all before it; a client that reads too slowly is cut off."""
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._waiting.clear()
            self._writer.transport.abort()
        elif not self._writer.is_closing():
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._send)
            self._waiting.append(framed(fields))

    def _send(self) -> None:
        if self._waiting and not self._writer.is_closing():
            self._writer.write(b"".join(self._waiting))
        self._waiting.clear()

    def close(self) -> None:
        """Send what waits, and end the connection."""
        self._send()
        self._writer.close()


class GatewayServer:
    """Serves TWS clients in front of one venue."""

    def __init__(
        self,
        venue: Venue,
        *,
        faults: Iterable[Fault] = (),
        terms: Terms = ORDINARY,
    ) -> None:
        self.venue = venue
        self.weather = Weather(faults, venue.means.clock, self)
        self.terms = terms
        self._clients: list[Client] = []
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()
        venue.listen(self._hear)

    @property
    def port(self) -> int:
        """Return the port in use."""
        if self._server is None:
            raise RuntimeError("the gateway does not listen yet")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one.

        Raises:
            OSError: the port cannot be had.
        """
        self._server = await asyncio.start_server(self._serve, host, port)

    async def stop(self) -> None:
        """Close every client and stop listening."""
        if self._server is not None:
            self._server.close()
        for client in tuple(self._clients):
            client.writer.transport.abort()
        if self._talks:
            await asyncio.wait(self._talks)

    def drop_clients(self) -> None:
        """Cut every client off at once, as a restart of the gateway does."""
        for client in tuple(self._clients):
            client.writer.transport.abort()

    def notice(self, code: int, text: str) -> None:
        """Tell every client something that belongs to no request."""
        for client in tuple(self._clients):
            client.connection.notice(code, text)

    def forget_streams(self) -> None:
        """Lose every market-data subscription."""
        for client in self._clients:
            client.connection.forget_streams()

    def break_streams(self, code: int, text: str) -> None:
        """Tell every market-data subscription why it is silent."""
        for client in tuple(self._clients):
            client.connection.break_streams(code, text)

    def due(self) -> datetime | None:
        """Return when time alone next changes something, or None."""
        due = [self.venue.due(), self.weather.agenda.due()]
        return min((at for at in due if at is not None), default=None)

    def pulse(self) -> None:
        """Let time pass: the script first, then the exchange, then what the clients see of it."""
        self.weather.agenda.run(self.venue.now)
        self.venue.advance()
        for client in tuple(self._clients):
            client.connection.pulse()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        outbox = Outbox(writer)
        client = Client(writer, self._connection(outbox))
        self._clients.append(client)
        try:
            if len(self._clients) <= MOST_CLIENTS and not self.weather.holds(Kind.RESTART):
                await self._talk(reader, client)
        except (Malformed, HungUp, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients.remove(client)
            self._talks.discard(task)
            outbox.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _connection(self, outbox: "Outbox") -> Connection:
        return Connection(
            self.venue,
            Line(self.weather, outbox.put, outbox.close),
            self.weather,
            admit=self._admit,
            terms=self.terms,
        )

    def _admit(self, connection: Connection) -> bool:
        """Take a client unless its id talks already."""
        return all(
            other.connection is connection
            or other.connection.client_id != connection.client_id
            or other.connection.stage is not Stage.TALKING
            for other in self._clients
        )

    async def _talk(self, reader: asyncio.StreamReader, client: Client) -> None:
        if await reader.readexactly(len(PREAMBLE)) != PREAMBLE:
            raise Malformed("no TWS client")
        while client.connection.stage is not Stage.OVER:
            chunk = await reader.read(CHUNK_BYTES)
            if not chunk:
                return
            if self.weather.holds(Kind.MUTE):
                continue
            for payload in client.frames.feed(chunk):
                client.connection.receive(payload)
            await client.writer.drain()

    def _hear(self, told: Told) -> None:
        for client in tuple(self._clients):
            client.connection.hear(told)
