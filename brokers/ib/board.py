"""Market-data lines: opened in bounded batches, read once, and released.

A look is a decision's and waits for its turn. A glance is a person's: it takes no turn that anybody
wants, and gives its lines back the moment that a look comes. What a moment to come may want can be
had ahead: such lines stand, and a look reads them without asking, until they are let go. What finds
no line to stand on is read in turns and remembered for some seconds.

What a line shows becomes a `LineShown`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from brokers.ib.codes import Reaction, rule_of
from brokers.ib.messages import ErrorSeen, Tick, WireEvent
from brokers.ib.remembered import Asked, Remembered
from brokers.ib.shown import KIND_OF_NUMBER, DataKind, LineShown
from brokers.ib.standing import StandingLine, StandingLines
from brokers.ib.wire import Wire
from market.errors import BrokerUnavailable, MarketDataError

TURN_S = 3.0  # how long one line of a turn may take


class Board:
    """All lines open at present; never more than the limit, and none left behind."""

    def __init__(self, clock: Callable[[], datetime], *, most_lines: int, wait_s: float) -> None:
        self._clock = clock
        self._most_lines = most_lines
        self._wait_s = wait_s
        self._open: dict[int, LineShown] = {}
        self._standing = StandingLines(clock, most_lines)
        self._remembered = Remembered(clock)
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
        """Have no line stand and nothing remembered; harmless when the socket is gone."""
        self._give_back(self._standing.back())
        self._remembered.forget()
        self._changed.set()  # whoever waits for a line looks whether its socket is there

    def _give_back(self, lines: Iterable[StandingLine]) -> None:
        for line in lines:
            self.release(line.wire, (line.number,))

    async def look(
        self,
        wire: Wire,
        contracts: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        *,
        of_now: bool = False,
    ) -> dict[Any, LineShown]:
        """Return what a line for each contract shows; those that do not stand are opened.

        What was read some seconds ago is told as it was then, unless all shall be `of_now`. A line
        that stays silent is returned as far as it came; all that were opened are released.

        Raises:
            BrokerUnavailable: the socket is gone.
        """
        async with self._my_turn():
            standing, unfit = self._standing.read(wire, contracts, is_done)
            self._give_back(unfit)
            read: dict[Any, LineShown] = {}
            while True:
                # What grows too old while others are read is read as well.
                rest = [name for name in contracts if name not in standing and name not in read]
                young = {} if of_now else self._remembered.young(wire, rest)
                missing = {name: contracts[name] for name in rest if name not in young}
                if not missing:
                    break
                # Fewer and larger batches: a silent line holds up its whole batch.
                too_many = max(len(missing) - self._room(), 0)
                self._give_back(self._standing.back(islice(standing, too_many)))
                read |= await self._read(wire, missing, is_done, self._wait_s)
            shown = standing | young | read
            return {name: shown[name] for name in contracts}

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
    ) -> dict[Any, LineShown]:
        """Read the lines as `look_anew` does, but only while no look wants them.

        Raises:
            MarketDataError: a look has the lines, or came for them meanwhile.
            BrokerUnavailable: the socket is gone.
        """
        if not self._turn.locked() and not self._looks_waiting:
            async with self._turn:
                shown = await self._read(wire, contracts, is_done, wait_s, _Manner(gives_way=True))
            if not self._looks_waiting:
                return shown
        raise MarketDataError("a decision needs the market-data lines.")

    async def foresee(
        self,
        wire: Wire,
        contracts: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        moment_at: datetime,
    ) -> dict[Any, LineShown]:
        """Have as many lines stand as the account has room for, and read the others in turns.

        Called again and again until the moment, it reads no more than a look then would miss.

        Raises:
            MarketDataError: a look has the lines, or came for them meanwhile.
            BrokerUnavailable: the socket is gone.
        """
        shown, unfit = self._standing.read(wire, contracts, is_done)
        self._give_back(unfit)
        rest = [name for name in contracts if name not in shown]
        known, silent = self._remembered.ahead(wire, rest, moment_at)
        rest = [name for name in rest if name not in silent]
        wanted = {name: contracts[name] for name in islice(rest, self._standing.room)}
        if wanted:
            shown |= await self._have_stand(wire, wanted, is_done)
        turns = [name for name in rest if name not in wanted and name not in known]
        asked = [Asked(name, contracts[name], is_done) for name in turns]
        shown |= await self._in_turns(wire, asked)
        return {name: LineShown() for name in silent} | known | shown

    async def read_again(self, wire: Wire, moment_at: datetime) -> None:
        """Read in one turn after the other what a moment within seconds needs younger.

        Raises:
            MarketDataError: a look came for the lines.
            BrokerUnavailable: the socket is gone.
        """
        due = self._remembered.due(wire, moment_at)
        await self._in_turns(wire, [asked for asked in due if asked.name not in self._standing])

    async def _have_stand(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Open lines that stay; what is silent or refused is left alone for a while."""
        self._give_way()
        async with self._turn:
            manner = _Manner(gives_way=True, stays=True)
            shown = await self._read(wire, contracts, is_done, self._wait_s, manner)
        self._give_way()
        for name, contract in contracts.items():
            if name not in self._standing:
                self._remembered.keep(wire, Asked(name, contract, is_done), None)
        return shown

    async def _in_turns(self, wire: Wire, rows: Collection[Asked]) -> dict[Any, LineShown]:
        """Read lines one by one, as many at a time as are free, and remember what they show.

        Each is asked for when nothing waits to be sent, so that what cannot wait is not held up.
        """
        shown: dict[Any, LineShown] = {}
        free, next_one = asyncio.Semaphore(self._room()), asyncio.Lock()

        async def read(asked: Asked) -> None:
            async with free:
                async with next_one:
                    await wire.calm()
                if not self._is_wanted():
                    shown[asked.name] = await self._turn_of(wire, asked)

        self._give_way()
        async with self._turn:
            ends = await asyncio.gather(*map(read, rows), return_exceptions=True)
        for failed in filter(None, ends):
            raise failed
        self._give_way()
        return shown

    async def _turn_of(self, wire: Wire, asked: Asked) -> LineShown:
        row, is_wanted = {asked.name: asked.contract}, self._is_wanted
        batch = await self._batch(wire, row, asked.is_done, is_wanted, TURN_S, stays=False)
        line = batch[asked.name]
        if line.refusal is None and asked.is_done(line):
            self._remembered.keep(wire, asked, line)
        elif not self._is_wanted():
            self._remembered.keep(wire, asked, None)
        return line

    def _is_wanted(self) -> bool:
        """Tell whether a look waits for its turn."""
        return self._looks_waiting > 0

    def _give_way(self) -> None:
        if self._is_wanted():
            raise MarketDataError("a decision needs the market-data lines.")

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
            await self._until(lambda: is_sent_away() or not wire.is_open or are_done(), wait_s)
            if not wire.is_open:
                raise BrokerUnavailable("the socket to the Gateway is closed.")
            if stays:
                self._note_standing(wire, numbers, is_done)
            return lines
        finally:
            has = self._standing.has
            self.release(wire, [each for each, name in numbers.items() if not has(name, each)])

    def _note_standing(
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
