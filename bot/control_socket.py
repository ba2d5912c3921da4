"""The control socket of a running daemon: JSON lines from its own user, answered in the loop.

Rules of this file:
- Only the user who runs the daemon may speak: the socket is theirs alone, and the kernel is asked
  who is at the other end.
- Whatever arrives is answered, or the line is cut; nothing of it can harm the daemon.
"""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bot.starting import SOCKET_NAME
from brokers.local_socket import listen_on, peer_uid
from market.errors import AlvhError, BrokerUnavailable, ConfigError

FLATTEN_WORD = "flatten"
LONGEST_LINE = 4096
ANSWER_WITHIN_S = 15.0
LINE_IDLE_S = 30.0


class Demand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: what is wanted, why, and for a flattening the word that confirms it."""

    verb: str
    reason: str = ""
    with_hedge: bool = False
    confirm: str = ""


class Obeying(Protocol):
    """Whoever carries demands out."""

    async def halt(self, reason: str) -> str:
        """Stop opening anything; return the sentence for the person."""

    async def resume(self, reason: str) -> str:
        """Let trading go on; return the sentence for the person."""

    async def flatten(self, reason: str, *, with_hedge: bool) -> str:
        """Close everything that may lose; return the sentence for the person."""

    def status(self) -> Mapping[str, Any]:
        """Return where the daemon stands."""

    async def overview(self) -> Mapping[str, Any]:
        """Return what `alvh top` shows: the figures of overview, condor and hedge."""


class ControlSocket:
    """Listens in a daemon's folder for as long as the block around it runs.

    `listening` is a socket that listens there already.

    Raises:
        ConfigError: the socket cannot be made there.
    """

    def __init__(
        self, folder: Path, obeying: Obeying, listening: socket.socket | None = None
    ) -> None:
        self._path = folder / SOCKET_NAME
        self._listening = listening
        self._obeying = obeying
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "ControlSocket":
        listening = self._listening or listen_on(self._path)
        self._server = await asyncio.start_unix_server(
            self._speak, sock=listening, limit=LONGEST_LINE
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.close()
        self._path.unlink(missing_ok=True)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            if peer_uid(writer.get_extra_info("socket")) not in (os.getuid(), None):
                await _put(writer, refusal("only the user who runs the daemon may speak to it"))
                return
            # A line that is too long, or breaks, is cut.
            with suppress(
                ConnectionError,
                ValueError,
                asyncio.LimitOverrunError,
                TimeoutError,
                asyncio.CancelledError,
            ):
                while line := await asyncio.wait_for(reader.readline(), LINE_IDLE_S):
                    await _put(writer, await self.answer(line))
        finally:
            self._lines.discard(writer)
            writer.close()

    async def answer(self, line: bytes) -> Mapping[str, Any]:
        """Return the answer to a line, whatever it holds."""
        try:
            demand = msgspec.json.decode(line, type=Demand)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return refusal('a demand is one line such as {"verb": "halt", "reason": "…"}')
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._obey(demand)
        except TimeoutError:
            return refusal("the daemon is busy; what was wanted is done once it is not")
        except AlvhError as error:
            return refusal(str(error))

    async def _obey(self, demand: Demand) -> Mapping[str, Any]:
        match demand.verb:
            case "status" | "top":
                return {"ok": True, **await self._shown(demand.verb)}
            case "halt":
                return _done(await self._obeying.halt(demand.reason))
            case "resume":
                return _done(await self._obeying.resume(demand.reason))
            case "flatten" if demand.confirm != FLATTEN_WORD:
                return refusal(f"a flattening is confirmed by the word {FLATTEN_WORD}")
            case "flatten":
                wanted = self._obeying.flatten(demand.reason, with_hedge=demand.with_hedge)
                return _done(await wanted)
            case _:
                return refusal("the verbs are status, top, halt, resume and flatten")

    async def _shown(self, verb: str) -> Mapping[str, Any]:
        """Return what somebody who only looks wants to see."""
        if verb == "status":
            return {"status": self._obeying.status()}
        return {"overview": await self._obeying.overview()}


def _done(sentence: str) -> Mapping[str, Any]:
    return {"ok": True, "sentence": sentence}


def refusal(sentence: str) -> Mapping[str, Any]:
    """Return the answer to what is not done."""
    return {"ok": False, "sentence": sentence}


async def _put(writer: asyncio.StreamWriter, answer: Mapping[str, Any]) -> None:
    writer.write(json.dumps(answer, ensure_ascii=False, default=str).encode() + b"\n")
    await writer.drain()


def ask_daemon(folder: Path, demand: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a running daemon's answer, None when none listens in the folder.

    Raises:
        BrokerUnavailable: one listens, but does not answer.
    """
    path = folder / SOCKET_NAME
    if not path.is_socket():
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_WITHIN_S + 1.0)
        try:
            line.connect(os.fspath(path))
        except OSError:
            return None
        try:
            line.sendall(json.dumps(demand).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n"):
                piece = line.recv(1 << 16)
                if not piece:
                    break
                text += piece
            answer: Mapping[str, Any] = json.loads(text)
        except (OSError, ValueError) as error:
            raise BrokerUnavailable(f"the daemon in {folder} does not answer ({error}).") from None
    return answer


def running_below(parent: Path) -> list[Path]:
    """Return the folders below one in which a daemon listens."""
    return [path.parent for path in sorted(parent.glob(f"*/{SOCKET_NAME}")) if is_alive(path)]


def is_alive(path: Path) -> bool:
    """Tell whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1.0)
        return path.is_socket() and line.connect_ex(os.fspath(path)) == 0


def folder_of_daemon(folder: Path | None, parent: Path) -> Path:
    """Return the folder of the daemon meant: the one named, or the only one that runs.

    Raises:
        ConfigError: none runs there, or several do.
    """
    if folder is not None:
        return folder
    running = running_below(parent)
    if len(running) == 1:
        return running[0]
    if not running:
        raise ConfigError(
            f"no daemon runs below {parent}; start one with `alvh run --profile sim`, or name its"
            " folder with --out."
        )
    names = ", ".join(map(str, running))
    raise ConfigError(f"several daemons run ({names}); name one with --out.")
