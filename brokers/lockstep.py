"""The clock that a gateway emulator and the programs before it share in tests, seen from a program.

The emulator leads. Its time stands until every program that joined has said that it is idle, and
until when; then it jumps to whatever comes first: a program's own next moment, or something at the
exchange. So a simulated week takes as long as the work in it, and nobody sleeps.

The channel is a second TCP port of the emulator, on loopback alone, beside its TWS port. One line
is one JSON object. Both sides know a token (`ALVH_LOCKSTEP_TOKEN`, or what the emulator printed)
and prove it by HMAC-SHA256 over the other's nonce, so that the token itself never travels:

    emulator  {"emulator": "alvh-gateway", "protocol": 2, "nonce": N}
    program   {"name": TEXT, "nonce": M, "proof": HMAC(token, "program " + N)}
    emulator  {"proof": HMAC(token, "emulator " + M), "port": TWS PORT, "time": INSTANT}
    program   {"idle": INSTANT or null}          null: no moment of its own is to come
    emulator  {"time": INSTANT}                  it is so late now
    program   {"heard": INSTANT}                 its clock shows that
    emulator  {"turn": INSTANT}                  what that time brought was told; the program's turn
    emulator  {"refused": SENTENCE}              at any time, and the line is closed

INSTANT is ISO 8601 with its offset. A real TWS or Gateway cannot give the second line's answer, so
a program that was told to follow such a clock stops at once instead of trading on a false time;
`port` ties the proof to the TWS port on the same machine that the program is about to use.

Rules for a program:
- It says idle only when its queue is empty and a round trip on its TWS connection (reqCurrentTime),
  sent after its last request, has been answered: all that the emulator told before has then been
  heard, since a connection keeps its order. What that round trip brought may need work first.
- Between `idle` and `turn` it sends nothing that changes anything.
- What the new time brings is told on the TWS connection only once every program has heard of it, so
  that nothing is taken to have happened before it did.
- A program that is gone holds nobody up; while none is joined, time stands.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from market.errors import BrokerUnavailable, ConfigError

EMULATOR, PROTOCOL = "alvh-gateway", 2
TOKEN_VARIABLE = "ALVH_LOCKSTEP_TOKEN"
MOST_LINE_BYTES = 4096
HANDSHAKE_SECONDS = 5.0
NO_EMULATOR = (
    "{where} is no emulator of ours that knows the token, and a program follows a simulated clock "
    "before nothing else; start `alvh gateway --lockstep` with the same " + TOKEN_VARIABLE + "."
)

Line = Mapping[str, Any]


class BadLine(Exception):
    """A line that the channel does not know."""


def proof_of(token: str, side: str, nonce: str) -> str:
    """Return what only one who knows the token can say about a nonce."""
    return hmac.new(token.encode(), f"{side} {nonce}".encode(), sha256).hexdigest()


def is_proven(token: str, side: str, nonce: str, given: object) -> bool:
    """Tell whether a proof is right."""
    expected = proof_of(token, side, nonce)
    return isinstance(given, str) and hmac.compare_digest(expected.encode(), given.encode())


def is_loopback(host: str) -> bool:
    """Tell whether a host is this very machine, without asking anybody."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def read_line(reader: asyncio.StreamReader) -> Line | None:
    """Return the next line, None at the end of the channel.

    Raises:
        BadLine: it is too long, or no JSON object.
    """
    try:
        line = await reader.readline()
    except ValueError:
        raise BadLine("a line that is too long") from None
    except ConnectionError:
        return None
    if not line.endswith(b"\n"):
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine("a line that is no JSON") from None
    if not isinstance(told, dict):
        raise BadLine("a line that is no object")
    return told


def write_line(writer: asyncio.StreamWriter, line: Line) -> None:
    """Send one line."""
    if not writer.is_closing():
        writer.write(json.dumps(line).encode() + b"\n")


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a line, whether or not the other side still listens."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def instant(told: object) -> datetime:
    """Return the instant that a text names, in UTC.

    Raises:
        BadLine: it names none, or without its offset.
    """
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadLine("no instant where one belongs")
    return at.astimezone(UTC)


class LockstepClock:
    """A clock that shows the emulator's time; it moves only when `idle` returns."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, now: datetime
    ) -> None:
        """Use `join` instead: it proves first that the peer is the emulator."""
        self._reader = reader
        self._writer = writer
        self._now = now

    @classmethod
    async def join(
        cls, host: str, port: int, token: str, *, tws_port: int, name: str
    ) -> "LockstepClock":
        """Join the clock of the emulator whose TWS port is `tws_port` on the same host.

        Raises:
            ConfigError: the host is not this machine, or the peer is not that emulator.
            BrokerUnavailable: nothing listens there.
        """
        where = f"{host}:{port}"
        if not is_loopback(host):
            raise ConfigError(f"a lockstep clock at {where} is not on this machine; use 127.0.0.1.")
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=MOST_LINE_BYTES)
        except OSError as error:
            raise BrokerUnavailable(
                f"no lockstep clock answers at {where} ({error.strerror or error}); start "
                "`alvh gateway --lockstep` first."
            ) from None
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                now = await _shake_hands(reader, writer, token, tws_port, name)
        except (BadLine, TimeoutError):
            await close(writer)
            raise ConfigError(NO_EMULATOR.format(where=where)) from None
        return cls(reader, writer, now)

    def now(self) -> datetime:
        """Return the emulator's time."""
        return self._now

    async def idle(self, until: datetime | None) -> datetime:
        """Say that nothing is left to do before `until`; return the time it has become.

        Raises:
            BrokerUnavailable: the emulator has gone, or does not wait any longer.
        """
        told = None if until is None else until.isoformat()
        write_line(self._writer, {"idle": told})
        try:
            self._now = await self._instant_of("time")
            write_line(self._writer, {"heard": self._now.isoformat()})
            await self._instant_of("turn")
        except BadLine as broken:
            await self.leave()
            raise BrokerUnavailable(f"the lockstep clock stopped: {broken}.") from None
        return self._now

    async def _instant_of(self, key: str) -> datetime:
        """Return the instant of the next line, which says `key`.

        Raises:
            BadLine: it says something else, or the emulator has gone.
        """
        answer = await read_line(self._reader) or {"refused": "it has gone"}
        if "refused" in answer:
            raise BadLine(str(answer["refused"]))
        return instant(answer.get(key))

    async def leave(self) -> None:
        """Let time go on without us."""
        await close(self._writer)


async def _shake_hands(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    token: str,
    tws_port: int,
    name: str,
) -> datetime:
    """Return the emulator's time once it has proven itself.

    Raises:
        BadLine: it did not.
    """
    greeting = await read_line(reader)
    if greeting is None or (greeting.get("emulator"), greeting.get("protocol")) != (
        EMULATOR,
        PROTOCOL,
    ):
        raise BadLine("no greeting")
    nonce = secrets.token_hex(16)
    proof = proof_of(token, "program", str(greeting.get("nonce")))
    write_line(writer, {"name": name, "nonce": nonce, "proof": proof})
    answer = await read_line(reader)
    if answer is None or not is_proven(token, "emulator", nonce, answer.get("proof")):
        raise BadLine("no proof")
    if answer.get("port") != tws_port:
        raise BadLine("the clock of another gateway")
    return instant(answer.get("time"))
