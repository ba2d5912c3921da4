"""Market-data lines: opened in bounded batches, read once, and released.

A look is a decision's and waits for its turn. A glance is a person's: it takes no turn that anybody
wants, and gives its lines back the moment that a look comes. What a moment to come may want can be
had ahead: such lines stand, and a look reads them without asking, until they are let go.

What a line shows becomes a `LineShown`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

from brokers.ib.codes import Reaction, rule_of
from brokers.ib.messages import ErrorSeen, Tick, WireEvent
from brokers.ib.shown import KIND_OF_NUMBER, DataKind, LineShown
from brokers.ib.standing import StandingLine, StandingLines
from brokers.ib.wire import Wire
from market.errors import MarketDataError


class Looking(Protocol):
    """Whoever reads lines."""

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract showed."""


class Board:
    """All lines open at present; never more than the limit, and none left behind."""

    def __init__(self, clock: Callable[[], datetime], *, most_lines: int, wait_s: float) -> None:
        self._clock = clock
        self._most_lines = most_lines
        self._wait_s = wait_s
        self._open: dict[int, LineShown] = {}
        self._standing = StandingLines(clock, most_lines)
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._looks_waiting = 0

    def hear(self, event: WireEvent) -> None:
        """Take in what a line shows, or that TWS refuses it."""
        if isinstance(event, Tick):
            # In one piece: nothing in the program runs as often.
            shown = self._open.get(event.request_id)
            if shown is None:
                return
            name = event.field
            if name == "data_type":
                shown.kind = KIND_OF_NUMBER.get(int(event.value or 0), DataKind.DELAYED)
                return
            shown.values[name] = event.value
            shown.seen_at[name] = self._clock()
            self._changed.set()
        elif isinstance(event, ErrorSeen) and event.request_id in self._open:
            is_harmless = {Reaction.NOTICE, Reaction.DELAYED}
            if rule_of(event.code).reaction not in is_harmless:
                self._open[event.request_id].refusal = event
                self._changed.set()

    def hold(self, wire: Wire, contracts: Mapping[Any, Any]) -> "Held":
        """Open lines that stand until they are let go, for who watches rather than looks.

        Raises:
            BrokerUnavailable: the socket is gone.
        """
        held = Held(self, wire)
        for name, contract in contracts.items():
            number = wire.watch(contract)
            shown = self._open[number] = LineShown()
            held.add(number, name, shown)
        return held

    def release(self, wire: Wire, numbers: Iterable[int]) -> None:
        """Let go of lines; harmless when the socket is gone."""
        for number in numbers:
            wire.unwatch(number)
            self._open.pop(number, None)

    @property
    def lines_open(self) -> int:
        """Return how many lines are open now."""
        return len(self._open)

    @property
    def lines_standing(self) -> int:
        """Return how many of them stand for a moment to come."""
        return len(self._standing)

    def let_go(self) -> None:
        """Have no line stand any more; harmless when the socket is gone."""
        self._give_back(self._standing.back())

    def _give_back(self, lines: Iterable[StandingLine]) -> None:
        for line in lines:
            self.release(line.wire, (line.number,))

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract shows; those that do not stand are opened.

        A line that stays silent is returned as far as it came; all that were opened are released.

        Raises:
            BrokerUnavailable: the socket is gone.
        """
        async with self._my_turn():
            shown, unfit = self._standing.read(wire, contracts, is_done)
            self._give_back(unfit)
            missing = {name: each for name, each in contracts.items() if name not in shown}
            # Fewer and larger batches: a silent line holds up its whole batch.
            too_many = max(len(missing) - self._room(), 0)
            self._give_back(self._standing.back(islice(shown, too_many)))
            shown |= await self._read(wire, missing, is_done, self._wait_s)
            return {name: shown[name] for name in contracts if name in shown}

    async def look_anew(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return the same off lines that are opened now, whatever stands.

        Raises:
            BrokerUnavailable: the socket is gone.
        """
        async with self._my_turn():
            return await self._read(wire, contracts, is_done, self._wait_s)

    async def glance(
        self,
        wire: Wire,
        contracts: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        wait_s: float,
        *,
        stays: bool = False,
    ) -> dict[Any, LineShown]:
        """Read the lines as `look_anew` does, but only while no look wants them.

        With `stays` those that showed all stand from then on.

        Raises:
            MarketDataError: a look has the lines, or came for them meanwhile.
            BrokerUnavailable: the socket is gone.
        """
        if not self._turn.locked() and not self._looks_waiting:
            async with self._turn:
                shown = await self._read(wire, contracts, is_done, wait_s, _Manner(True, stays))
            if not self._looks_waiting:
                return shown
        raise MarketDataError("a decision needs the market-data lines.")

    async def foresee(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Read lines as `glance` does, and have as many of them stand as the account has room for.

        Raises:
            MarketDataError: a look has the lines, or came for them meanwhile.
            BrokerUnavailable: the socket is gone.
        """
        shown, unfit = self._standing.read(wire, contracts, is_done)
        self._give_back(unfit)
        missing = ((name, each) for name, each in contracts.items() if name not in shown)
        wanted = dict(islice(missing, self._standing.room))
        if wanted:
            shown |= await self.glance(wire, wanted, is_done, self._wait_s, stays=True)
        return shown

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        self._looks_waiting += 1
        self._changed.set()
        try:
            await self._turn.acquire()
        finally:
            self._looks_waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    async def _read(
        self,
        wire: Wire,
        contracts: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        wait_s: float,
        manner: "_Manner | None" = None,
    ) -> dict[Any, LineShown]:
        shown: dict[Any, LineShown] = {}
        rows = iter(contracts.items())
        gives_way, stays = manner or _Manner()

        def is_sent_away() -> bool:
            return gives_way and self._looks_waiting > 0

        while not is_sent_away() and (batch := dict(islice(rows, self._room()))):
            shown |= await self._batch(wire, batch, is_done, is_sent_away, wait_s, stays=stays)
        return shown

    def _room(self) -> int:
        """Return how many lines may be opened at once; those that stand are not among them."""
        return max(self._most_lines - len(self._standing), 1)

    async def _batch(
        self,
        wire: Wire,
        batch: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        is_sent_away: Callable[[], bool],
        wait_s: float,
        *,
        stays: bool,
    ) -> dict[Any, LineShown]:
        numbers: dict[int, Any] = {}
        try:
            for name, contract in batch.items():
                number = wire.watch(contract)
                numbers[number] = name
                self._open[number] = LineShown()
            lines = {name: self._open[number] for number, name in numbers.items()}
            are_done = _all_done(lines.values(), is_done)
            await self._until(lambda: is_sent_away() or are_done(), wait_s)
            if stays:
                self._have_stand(wire, numbers, is_done)
            return lines
        finally:
            has = self._standing.has
            self.release(wire, [each for each, name in numbers.items() if not has(name, each)])

    def _have_stand(
        self, wire: Wire, numbers: Mapping[int, Any], is_done: Callable[[LineShown], bool]
    ) -> None:
        for number, name in numbers.items():
            line = StandingLine(wire, number, self._open[number])
            if line.shown.refusal is None and is_done(line.shown):
                self._standing.stand(name, line)

    async def _until(self, is_over: Callable[[], bool], wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                while not is_over():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return


def _all_done(
    lines: Collection[LineShown], is_done: Callable[[LineShown], bool]
) -> Callable[[], bool]:
    """Return the question whether all lines are done, cheap to ask after every tick.

    It goes on at the line that was not done last time; the answer yes is that of all lines anew.
    """
    waiting = list(lines)

    def are_done() -> bool:
        while waiting and is_done(waiting[-1]):
            waiting.pop()
        if waiting:
            return False
        waiting.extend(line for line in lines if not is_done(line))
        return not waiting

    return are_done


class Held:
    """Lines that stand open over one socket; what they show lies in `lines`."""

    def __init__(self, board: Board, wire: Wire) -> None:
        self._board = board
        self._wire = wire
        self._numbers: list[int] = []
        self.lines: dict[Any, LineShown] = {}

    def add(self, number: int, name: object, shown: LineShown) -> None:
        """Take in one more line."""
        self._numbers.append(number)
        self.lines[name] = shown

    def let_go(self) -> None:
        """Close them."""
        self._board.release(self._wire, self._numbers)


class _Manner(NamedTuple):
    """How lines are read: whether a look that comes ends it, and whether they stand afterwards."""

    gives_way: bool = False
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Ahead:
    """The board as it is used for a moment to come: what is read stands until it is let go."""

    board: Board

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract showed, as far as there is room for lines.

        Raises:
            MarketDataError: a decision wants the lines.
            BrokerUnavailable: the socket is gone.
        """
        return await self.board.foresee(wire, contracts, is_done)


@dataclass(frozen=True, slots=True)
class Glances:
    """The board as a person's page may use it."""

    board: Board
    wait_s: float

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract showed, if no decision wants the lines.

        Raises:
            MarketDataError: one does.
            BrokerUnavailable: the socket is gone.
        """
        return await self.board.glance(wire, contracts, is_done, self.wait_s)
