"""The emulator's side of the shared clock of tests; `brokers.lockstep` tells its protocol.

Time jumps when every program that joined is idle, to the first of: a program's next moment, what
the exchange or a scripted fault has due, and, while an order works, a few seconds on, so that the
order sees the market move. What a jump brings happens once every program has heard of it.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from brokers.gateway.server import GatewayServer
from brokers.lockstep import (
    EMULATOR,
    HANDSHAKE_SECONDS,
    MOST_LINE_BYTES,
    PROTOCOL,
    BadLine,
    Line,
    close,
    instant,
    is_proven,
    proof_of,
    read_line,
    write_line,
)

LOOPBACK = "127.0.0.1"
LOOK_EVERY = timedelta(seconds=10)
LEAST_TOKEN = 8


class JumpingClock(Protocol):
    """A clock that stands until told to jump."""

    def now(self) -> datetime:
        """Return the present instant."""

    def jump(self, at: datetime) -> None:
        """Move on to `at`."""


class Turn(Enum):
    """Whose turn it is between the emulator and a program."""

    PROGRAM = auto()
    IDLE = auto()  # the program waits for the next time
    TOLD = auto()  # it was told the new time
    HEARD = auto()  # and has confirmed it


@dataclass(slots=True)
class Follower:
    """A program that joined; it is idle until `next_at`, None for no moment of its own."""

    writer: asyncio.StreamWriter
    turn: Turn = Turn.PROGRAM
    next_at: datetime | None = None


class Lockstep:
    """Moves the emulator's clock on when nobody has anything left to do."""

    def __init__(
        self,
        gateway: GatewayServer,
        clock: JumpingClock,
        token: str,
        look_every: timedelta = LOOK_EVERY,
    ) -> None:
        """Lead the clock that the gateway was built on.

        Raises:
            ValueError: the token is too short to prove anything.
        """
        if len(token) < LEAST_TOKEN:
            raise ValueError(f"a token of {len(token)} letters proves nothing")
        self._gateway = gateway
        self._clock = clock
        self._token = token
        self._look_every = look_every
        self._followers: list[Follower] = []
        self._is_jumping = False
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Return the port in use."""
        if self._server is None:
            raise RuntimeError("the lockstep clock does not listen yet")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one.

        Raises:
            OSError: the port cannot be had.
        """
        self._server = await asyncio.start_server(
            self._serve, LOOPBACK, port, limit=MOST_LINE_BYTES
        )

    async def stop(self) -> None:
        """Close every line and stop listening."""
        if self._server is not None:
            self._server.close()
        for talk in tuple(self._talks):
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        follower = Follower(writer)
        try:
            await self._admit(reader, writer)
            self._followers.append(follower)
            await self._follow(reader, follower)
        except (BadLine, TimeoutError) as broken:
            write_line(writer, {"refused": str(broken) or "too slow"})
        except asyncio.CancelledError:
            write_line(writer, {"refused": "the emulator ends"})
        finally:
            self._talks.discard(talk)
            if follower in self._followers:
                self._followers.remove(follower)
            await close(writer)
        self._step()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonce = secrets.token_hex(16)
        write_line(writer, {"emulator": EMULATOR, "protocol": PROTOCOL, "nonce": nonce})
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            told = await read_line(reader)
        if told is None or not is_proven(self._token, "program", nonce, told.get("proof")):
            raise BadLine("the token is not proven")
        answer = proof_of(self._token, "emulator", str(told.get("nonce")))
        now = self._clock.now().isoformat()
        write_line(writer, {"proof": answer, "port": self._gateway.port, "time": now})

    async def _follow(self, reader: asyncio.StreamReader, follower: Follower) -> None:
        while (told := await read_line(reader)) is not None:
            if follower.turn is Turn.TOLD:
                _confirm(told)
                follower.turn = Turn.HEARD
            else:
                follower.next_at = _idle_until(told)
                follower.turn = Turn.IDLE
            self._step()

    def _step(self) -> None:
        """Go one step on, if all wait; their next lines bring the next one."""
        turns = {follower.turn for follower in self._followers}
        if self._is_jumping and Turn.TOLD not in turns:
            self._is_jumping = False
            self._gateway.pulse()
            self._pass(Turn.HEARD, Turn.PROGRAM, "turn")
        elif turns == {Turn.IDLE}:
            self._jump()

    def _jump(self) -> None:
        at = self._next_instant()
        if at is None:
            for follower in self._followers:
                write_line(follower.writer, {"refused": "nothing is due any more"})
                follower.writer.close()
            return
        self._clock.jump(at)
        self._is_jumping = True
        self._pass(Turn.IDLE, Turn.TOLD, "time")

    def _pass(self, given: Turn, then: Turn, key: str) -> None:
        """Tell the time to those in one turn, which puts them in the next."""
        for follower in self._followers:
            if follower.turn is given:
                follower.turn = then
                write_line(follower.writer, {key: self._clock.now().isoformat()})

    def _next_instant(self) -> datetime | None:
        now = self._clock.now()
        due = [follower.next_at for follower in self._followers]
        due.append(self._gateway.due())
        if self._gateway.venue.has_working_orders():
            due.append(now + self._look_every)
        first = min((at for at in due if at is not None), default=None)
        return None if first is None else max(first, now).astimezone(UTC)


def _confirm(told: Line) -> None:
    if "heard" not in told:
        raise BadLine("a line that does not confirm the time")
    instant(told["heard"])


def _idle_until(told: Line) -> datetime | None:
    if "idle" not in told:
        raise BadLine("a line that says nothing of idle")
    return None if told["idle"] is None else instant(told["idle"])
