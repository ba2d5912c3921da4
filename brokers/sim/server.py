"""The simulated exchange as a process: one client at a time over a Unix socket, on told time.

The exchange has no clock of its own. Between two questions it stands; the next question tells the
time, and all that was due in between happens first, each at its own time. So a bot that is dead
for an hour finds the exchange as if it had run, and a replay can drive it through a quarter.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from brokers.local_socket import listen_on, peer_pid
from brokers.sim.broker import SimBroker
from brokers.sim.store import ExchangeStore
from brokers.sim.wire import (
    LONGEST_LINE,
    PROTOCOL,
    Answer,
    Fault,
    Look,
    Question,
    Verb,
    line_of,
    question_of,
    texts_of,
)
from market.errors import AlvhError, BooksDiffer, ConfigError

NEVER = datetime.max.replace(tzinfo=UTC)


class ToldClock:
    """Shows the time that the last question told; never runs back."""

    def __init__(self, start: datetime) -> None:
        self._at = start

    def now(self) -> datetime:
        """Return the latest time told."""
        return self._at

    def tell(self, at: datetime) -> None:
        """Move on to `at`; an earlier time changes nothing."""
        self._at = max(self._at, at)


class ExchangeServer:
    """Answers questions to one exchange with its store, one client at a time."""

    def __init__(
        self,
        venue: SimBroker,
        store: ExchangeStore,
        clock: ToldClock,
        market: Mapping[str, str],
    ) -> None:
        self._venue = venue
        self._store = store
        self._clock = clock
        self._market = market
        self._client: asyncio.StreamWriter | None = None
        self._failed: AlvhError | None = None
        self._ended = asyncio.Event()

    def stop(self) -> None:
        """End after the question at hand."""
        self._ended.set()

    async def serve(self, path: Path, on_ready: Callable[[], None]) -> None:
        """Listen on the socket until told to stop.

        Raises:
            ConfigError: the socket cannot be made there, or another exchange listens on it.
            JournalUnavailable: the store can no longer be written.
        """
        listening = listen_on(path)
        server = await asyncio.start_unix_server(self._speak, sock=listening, limit=LONGEST_LINE)
        on_ready()
        try:
            await self._ended.wait()
        finally:
            server.close()
            if self._client is not None:
                self._client.close()
            path.unlink(missing_ok=True)
        if self._failed is not None:
            raise self._failed

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_first = self._client is None
        if is_first:
            self._client = writer
        try:
            # The end of the program cancels whoever waits for a line: no trouble to tell of.
            with suppress(
                ConnectionError, asyncio.LimitOverrunError, ValueError, asyncio.CancelledError
            ):
                while line := await reader.readline():
                    answer = await self.answer(line) if is_first else self._busy(line)
                    writer.write(line_of(answer))
                    await writer.drain()
        except AlvhError as error:
            # Nothing was acknowledged: the client asks again once the exchange is back.
            self._failed = error
            self.stop()
        finally:
            if is_first:
                self._client = None
            writer.close()

    def _busy(self, line: bytes) -> Answer:
        holder = "another process"
        if self._client is not None:
            holder = f"process {peer_pid(self._client.get_extra_info('socket'))}"
        return _fault(line, Fault.BUSY, f"the exchange serves {holder}; only one bot may trade.")

    async def answer(self, line: bytes) -> Answer:
        """Return the answer to a line, whatever it holds.

        Raises:
            JournalUnavailable: what it changed cannot be kept.
        """
        try:
            question = question_of(line)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            return _fault(line, Fault.QUESTION, f"the exchange cannot read a question ({error}).")
        try:
            return await self._reply(question)
        except ConfigError as error:
            return Answer(question.number, fault=Fault.CONFIG, sentence=str(error))
        except BooksDiffer as error:
            return Answer(question.number, fault=Fault.BOOKS, sentence=str(error))

    async def _reply(self, question: Question) -> Answer:
        if question.verb is Verb.HELLO:
            self._agree(question)
            return Answer(question.number, self._venue.at, self._venue.due())
        if question.at is not None:
            self._clock.tell(question.at)
        await self._do(question)
        self._venue.drain()  # the store tells what was not heard
        if question.heard > self._store.events_told:
            raise BooksDiffer(
                f"the exchange told {self._store.events_told} events, the journal heard"
                f" {question.heard}: it is not this journal's exchange."
            )
        events = texts_of(self._store.events_after(question.heard))
        look = await self._look(question.since) if question.verb is Verb.LOOK else None
        return Answer(question.number, self._venue.at, self._venue.due(), events, look)

    async def _do(self, question: Question) -> None:
        if question.verb is Verb.SUBMIT and question.approved is not None:
            await self._venue.submit(question.approved)
        elif question.verb is Verb.CANCEL and question.order_id is not None:
            await self._venue.cancel(question.order_id)
        elif question.verb is Verb.ADVANCE and question.at is not None:
            self._venue.advance(question.at)

    def _agree(self, question: Question) -> None:
        if question.protocol != PROTOCOL:
            raise ConfigError(
                f"the exchange speaks version {PROTOCOL}, the bot {question.protocol}; start both"
                " from one version."
            )
        for key, value in self._market.items():
            if question.market.get(key, value) != value:
                raise ConfigError(
                    f"the exchange runs {key} {value}, the bot {question.market[key]}; start both"
                    " with the same."
                )

    async def _look(self, since: datetime | None) -> Look:
        account = await self._venue.account()
        return Look(
            await self._venue.open_orders(),
            tuple((await self._venue.positions()).items()),
            await self._venue.executions(since or NEVER),
            account.cash_usd,
            account.margin_usd,
            account.fees_usd,
        )


def _fault(line: bytes, fault: Fault, sentence: str) -> Answer:
    """Return a refusal under the question's own number, where that can be read."""

    class Numbered(msgspec.Struct):
        number: int = 0

    try:
        number = msgspec.json.decode(line, type=Numbered).number
    except (msgspec.DecodeError, ValueError, RecursionError):
        number = 0
    return Answer(number, fault=fault, sentence=sentence)
