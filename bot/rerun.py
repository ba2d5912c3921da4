"""A recorded run once more: the inputs of its journal through a fresh engine, record by record.

Every record of a journal is an input (a moment, the market seen, a word of the broker), a fact from
outside (a start, a restart, a person's halt) or a conclusion of the engine. Inputs are fed to an
engine that starts where the run did, and whatever it records must be what the journal holds, byte
by byte; the first record that differs is named.
"""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from bot.book import Book
from bot.bootstrap import build_engine
from bot.commands import Command, FetchSnapshot
from bot.engine import Engine, Reference
from bot.events import (
    BrokerReported,
    DecisionMade,
    EntryClosed,
    EquityMarked,
    FlattenAsked,
    FlattenWanted,
    Input,
    MarketSeen,
    MarketUnseen,
    MomentDue,
    MomentMissed,
    MomentReached,
    MomentSkipped,
    OrderApproved,
    OrderStopped,
    Record,
    RunResumed,
    RunStarted,
    ShadowsMarked,
    ShadowTraded,
    SnapshotFailed,
    SnapshotTaken,
)
from bot.inputs import RecordedTape, unpack_reading, unpack_snapshot
from bot.journal.chain import EventRow
from bot.journal.codec import decode, encode
from bot.schedule import schedule_of
from bot.settings import Settings, settings_of
from bot.tape import DailyTape
from market.errors import AlvhError, JournalDamaged
from market.orders import BrokerEvent
from market.quotes import FloatArray, MarketSnapshot, SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from strategies.base import Indicators

CONCLUSIONS = (
    DecisionMade,
    OrderApproved,
    OrderStopped,
    EntryClosed,
    EquityMarked,
    ShadowTraded,
    ShadowsMarked,
)


class Past(Protocol):
    """Gives what a decision looked at again where the journal does not hold it."""

    def snapshot(self, at: datetime, request: SnapshotRequest) -> MarketSnapshot:
        """Return the market at an instant."""

    def tape(self, settings: Settings) -> DailyTape:
        """Return the daily tape under settings."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first record that came out otherwise; `sentence` says how."""

    seq: int
    session: str | None
    kind: str
    sentence: str


@dataclass(slots=True)
class Rerun:
    """What a second run came to."""

    events: int = 0
    decisions: int = 0
    kept_inputs: int = 0
    regenerated_inputs: int = 0
    first_difference: Difference | None = None


class Differs(Exception):
    """The second run departed from the first."""

    def __init__(self, row: EventRow, sentence: str) -> None:
        super().__init__(sentence)
        self.difference = Difference(row.seq, row.session, row.kind, sentence)


def rerun(
    rows: Iterable[EventRow],
    content: Callable[[str], bytes | None],
    reference: Reference,
    past: Callable[[RunStarted], Past],
) -> Rerun:
    """Feed a journal's inputs to a fresh engine and compare all that it records.

    `content` gives the kept inputs as stored, `past` the world of a simulated run.

    Raises:
        JournalDamaged: a record or an input cannot be read.
    """
    runner = _Runner(content, reference, past)
    try:
        for row in rows:
            runner.take(row)
        runner.finish()
    except Differs as departed:
        runner.result.first_difference = departed.difference
    return runner.result


class _Tape:
    """The tape that the engine reads: whichever one the input at hand has."""

    def __init__(self) -> None:
        self.source: DailyTape | None = None

    def _known(self) -> DailyTape:
        if self.source is None:
            raise JournalDamaged("a decision was made before any market was seen")
        return self.source

    def indicators(self, session: date, at: datetime) -> Indicators:
        return self._known().indicators(session, at)

    def vix_closes(self, session: date, at: datetime) -> Mapping[date, float]:
        return self._known().vix_closes(session, at)

    def spx_returns(self, session: date, at: datetime) -> FloatArray:
        return self._known().spx_returns(session, at)


class _Runner:
    def __init__(
        self,
        content: Callable[[str], bytes | None],
        reference: Reference,
        past: Callable[[RunStarted], Past],
    ) -> None:
        self.result = Rerun()
        self._content = content
        self._reference = reference
        self._past_of = past
        self._past: Past | None = None
        self._world_tape: DailyTape | None = None
        self._tape = _Tape()
        self._started: RunStarted | None = None
        self._settings = Settings()
        self._engine: Engine | None = None
        self._records: list[Record] = []
        self._told: deque[Record] = deque()
        self._fetches: deque[FetchSnapshot] = deque()
        self._kept: tuple[str, ...] = ()

    def take(self, row: EventRow) -> None:
        record = decode(row.kind, row.payload)
        if isinstance(record, RunStarted | RunResumed):
            self._require_nothing_left(row)
            self._begin(record)
        elif not self._told:
            self._open(row, record)
        if self._told:
            self._compare(row, self._told.popleft())
        self._records.append(record)
        self.result.events += 1
        self.result.decisions += isinstance(record, DecisionMade)

    def finish(self) -> None:
        """Check that the engine said nothing beyond the journal's end."""
        if self._told and self._records:
            last = EventRow(self.result.events, "", None, "end", "", "", "", "")
            self._require_nothing_left(last)

    def _begin(self, record: RunStarted | RunResumed) -> None:
        """Build the engine of a start, or of a restart with all that came before recalled."""
        if isinstance(record, RunStarted):
            self._started, self._past = record, None
        assert self._started is not None
        settings = settings_of(record.settings)
        account = settings.account.model_copy(update={"start_nlv_usd": self._started.start_nlv_usd})
        self._settings = settings.model_copy(update={"account": account})
        self._world_tape = None
        self._fetches.clear()
        self._engine = build_engine(
            self._settings,
            self._reference,
            self._tape,
            Book(self._started.start_nlv_usd, settings.capital.steward_drawdown_frac),
            self._started.run_mode,
            self._told.append,
            keep_input=lambda *_seen: self._kept,
        )
        for past in self._records:
            self._engine.recall(past)
        self._engine.note(record)

    def _open(self, row: EventRow, record: Record) -> None:
        """Begin what follows of a record: it is an input, or a fact from outside."""
        if self._engine is None:
            raise JournalDamaged(f"event {row.seq} comes before the run began")
        if isinstance(record, CONCLUSIONS):
            raise Differs(row, f"the journal holds a {row.kind} that the second run did not make")
        given = self._input(row, record)
        if given is None:
            self._engine.recall(record)
            return
        try:
            commands = self._engine.step(given)
        except AlvhError as error:
            raise Differs(row, f"the second run broke off: {error}") from error
        self._note(commands)

    def _note(self, commands: Iterable[Command]) -> None:
        self._fetches.extend(each for each in commands if isinstance(each, FetchSnapshot))

    def _input(self, row: EventRow, record: Record) -> Input | None:
        if isinstance(record, MomentReached):
            return MomentDue(self._moment(record))
        if isinstance(record, MomentMissed):
            return MomentSkipped(self._moment(record), record.at, record.reason)
        if isinstance(record, FlattenWanted):
            return FlattenAsked(record.at, record.reason, record.with_hedge)
        if isinstance(record, MarketSeen):
            fetch = self._fetch(row)
            self._kept = record.kept
            snapshot = self._snapshot(row, record, fetch)
            return SnapshotTaken(fetch.moment, fetch.asked_by, snapshot)
        if isinstance(record, MarketUnseen):
            fetch = self._fetch(row)
            return SnapshotFailed(fetch.moment, fetch.asked_by, record.reason)
        return BrokerReported(record) if isinstance(record, BrokerEvent) else None

    def _fetch(self, row: EventRow) -> FetchSnapshot:
        if not self._fetches:
            raise Differs(row, "the second run did not ask for a market here")
        return self._fetches.popleft()

    def _moment(self, record: MomentReached | MomentMissed) -> Moment:
        """Return the moment of the schedule at the time it was kept or missed."""
        known = self._reference
        planned = schedule_of(self._settings, known.calendar, known.macro, record.session)
        for moment in planned:
            if (moment.name, moment.release) == (record.name, record.event):
                return replace(moment, at=record.at)
        return _bare(record.name, record.at, record.session)

    def _snapshot(self, row: EventRow, record: MarketSeen, fetch: FetchSnapshot) -> MarketSnapshot:
        if record.kept:
            seen, reading = (self._stored(row, digest) for digest in record.kept)
            self._tape.source = RecordedTape(unpack_reading(reading))
            self.result.kept_inputs += 1
            return unpack_snapshot(seen)
        assert self._started is not None
        if self._past is None:
            self._past = self._past_of(self._started)
        if self._world_tape is None:
            self._world_tape = self._past.tape(self._settings)
        self._tape.source = self._world_tape
        self.result.regenerated_inputs += 1
        return self._past.snapshot(record.at, fetch.request)

    def _stored(self, row: EventRow, digest: str) -> bytes:
        stored = self._content(digest)
        if stored is None:
            raise JournalDamaged(f"input {digest} of event {row.seq} is missing")
        try:
            return zlib.decompress(stored)
        except zlib.error:
            raise JournalDamaged(f"input {digest} of event {row.seq} cannot be read") from None

    def _compare(self, row: EventRow, told: Record) -> None:
        kind, payload = encode(told)
        if (kind, payload) != (row.kind, row.payload):
            raise Differs(row, _how(kind, payload, row))

    def _require_nothing_left(self, row: EventRow) -> None:
        if self._told:
            kind, _ = encode(self._told[0])
            raise Differs(row, f"the second run made a {kind} that the journal does not hold")


def _bare(name: str, at: datetime, session: date) -> Moment:
    return Moment(MomentName(name), at, session, MissedPolicy.SKIP, timedelta(0))


def _how(kind: str, payload: str, row: EventRow) -> str:
    if kind != row.kind:
        return f"the second run made a {kind} where the journal holds a {row.kind}"
    place = next(_differing(payload, row.payload), min(len(payload), len(row.payload)))
    begin = max(place - 40, 0)
    ours, theirs = payload[begin : place + 40], row.payload[begin : place + 40]
    return f"recorded …{theirs}…, now …{ours}…"


def _differing(one: str, two: str) -> Iterator[int]:
    pairs = zip(one, two, strict=False)
    return (place for place, (left, right) in enumerate(pairs) if left != right)
