"""Market-data lines: opened in bounded batches, read once, and always released.

A look is a decision's and waits for its turn. A glance is a person's: it takes no turn that anybody
wants, and gives its lines back the moment that a look comes.

What a line shows becomes a `LineShown`; what TWS marks as missing is None there, and the reason why
a quote cannot be used has a name. Nothing is ever filled in with zero.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Protocol

from brokers.ib.codes import Reaction, rule_of
from brokers.ib.messages import ErrorSeen, Tick, WireEvent
from brokers.ib.wire import Wire
from market.errors import MarketDataError
from market.quotes import Quote


class Veto(StrEnum):
    """Why a quote is not used."""

    NO_LINE = "no line"  # TWS refused the subscription
    NO_BID = "no bid"
    NO_ASK = "no ask"
    CROSSED = "crossed"
    STALE = "stale"
    DESYNCHRONISED = "desynchronised"  # seen too far apart from the others of its package
    DELAYED = "delayed"


class DataKind(StrEnum):
    """How fresh TWS says that its data are."""

    LIVE = "live"
    FROZEN = "frozen"
    DELAYED = "delayed"
    DELAYED_FROZEN = "delayed-frozen"


KIND_OF_NUMBER = {
    1: DataKind.LIVE,
    2: DataKind.FROZEN,
    3: DataKind.DELAYED,
    4: DataKind.DELAYED_FROZEN,
}
DELAYED_KINDS = frozenset({DataKind.DELAYED, DataKind.DELAYED_FROZEN})
LEGS_APART_AT_MOST = timedelta(seconds=1)


@dataclass(slots=True)
class LineShown:
    """The last values of one line, None where TWS says that there is none."""

    values: dict[str, float | None] = field(default_factory=dict)
    seen_at: dict[str, datetime] = field(default_factory=dict)
    kind: DataKind = DataKind.LIVE
    refusal: ErrorSeen | None = None

    def get(self, name: str) -> float | None:
        """Return a value, None when it is absent or marked as none."""
        return self.values.get(name)

    @property
    def is_whole(self) -> bool:
        """Tell whether all that an option's line is going to show has been shown."""
        if self.refusal is not None:
            return True
        if not {"bid", "ask"} <= self.values.keys():
            return False
        bid, ask = self.get("bid"), self.get("ask")
        # The model shows nothing for a quote that it cannot read.
        return bid is None or ask is None or bid > ask or "iv" in self.values

    @property
    def has_level(self) -> bool:
        """Tell whether an index line has shown its level."""
        return self.refusal is not None or "last" in self.values

    def quote(self, at: datetime) -> Quote:
        """Return the line as a quote; a side that is missing is None."""
        sizes = (self.get("bid_size"), self.get("ask_size"))
        bid_size, ask_size = (None if size is None else round(size) for size in sizes)
        return Quote(
            self._seen(at),
            self.get("bid"),
            self.get("ask"),
            self.get("iv"),
            self.get("delta"),
            bid_size,
            ask_size,
        )

    def _seen(self, at: datetime) -> datetime:
        return max((self.seen_at[n] for n in ("bid", "ask") if n in self.seen_at), default=at)

    def veto(self, at: datetime, oldest: timedelta, *, accepts_delayed: bool) -> Veto | None:
        """Return why the line's quote cannot be used, or None when it can."""
        bid, ask = self.get("bid"), self.get("ask")
        checks = (
            (self.refusal is not None, Veto.NO_LINE),
            (not accepts_delayed and self.kind in DELAYED_KINDS, Veto.DELAYED),
            (bid is None, Veto.NO_BID),
            (ask is None, Veto.NO_ASK),
            (bid is not None and ask is not None and bid > ask, Veto.CROSSED),
            (at - self._seen(at) > oldest, Veto.STALE),
        )
        return next((veto for is_so, veto in checks if is_so), None)


def apart_veto(lines: Iterable[LineShown]) -> Veto | None:
    """Return a veto when the quotes of one package were seen too far apart."""
    instants = [
        line.seen_at[name] for line in lines for name in ("bid", "ask") if name in line.seen_at
    ]
    if instants and max(instants) - min(instants) > LEGS_APART_AT_MOST:
        return Veto.DESYNCHRONISED
    return None


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

    async def look(
        self, wire: Wire, contracts: Mapping[Any, Any], is_done: Callable[[LineShown], bool]
    ) -> dict[Any, LineShown]:
        """Open a line for each contract, batch by batch, and return what each showed.

        A line that stays silent is returned as far as it came; all are released at the end.

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
        """Read the lines as `look` does, but only while no look wants them.

        Raises:
            MarketDataError: a look has the lines, or came for them meanwhile.
            BrokerUnavailable: the socket is gone.
        """
        if not self._turn.locked() and not self._looks_waiting:
            async with self._turn:
                shown = await self._read(wire, contracts, is_done, wait_s, gives_way=True)
            if not self._looks_waiting:
                return shown
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
        *,
        gives_way: bool = False,
    ) -> dict[Any, LineShown]:
        shown: dict[Any, LineShown] = {}
        rows = iter(contracts.items())

        def is_sent_away() -> bool:
            return gives_way and self._looks_waiting > 0

        while not is_sent_away() and (batch := dict(islice(rows, self._most_lines))):
            shown |= await self._batch(wire, batch, is_done, is_sent_away, wait_s)
        return shown

    async def _batch(
        self,
        wire: Wire,
        batch: Mapping[Any, Any],
        is_done: Callable[[LineShown], bool],
        is_sent_away: Callable[[], bool],
        wait_s: float,
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
            return lines
        finally:
            self.release(wire, numbers)

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
