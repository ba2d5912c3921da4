"""One entry decision asked for by date: from a replay that leads there, or from a recorded run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bot.bootstrap import Rig, RunIdentity, build_simulated
from bot.clock import SimulatedClock
from bot.events import DecisionMade, Record, RunStarted
from bot.held import CONDOR
from bot.replay import RUN_MODE, backtest, repeat_orders, replay_rig, walk, window
from bot.settings import SESSIONS_BEFORE, Settings
from bot.world import World
from brokers.unsuspended import run_now
from market.errors import ConfigError, InvariantBroken
from market.orders import BrokerEvent
from market.schedule import MomentName
from strategies.base import Decision, View
from strategies.counterfactual import Change, changes


@dataclass(frozen=True, slots=True)
class Explained:
    """An entry decision, and what would have changed it; None where its view is not at hand."""

    decision: Decision
    changes: tuple[Change, ...] | None


def decide_on_replay(
    settings: Settings, world: World, session: date, first: date | None, seed: int
) -> Explained:
    """Return the entry decision of a session after replaying from `first`.

    Raises:
        ConfigError: condors are switched off, or `first` lies after the session.
        NoSuchSession: `session` is no session of the history at hand.
    """
    _require_condors(settings)
    history = world.history
    row = history.index(session)
    if row < history.first_index:
        window(world, session, session)
    if first is None:
        first = history.sessions[max(row - SESSIONS_BEFORE, history.first_index)]
    if first > session:
        raise ConfigError(f"--from {first} lies after --as-of {session}; choose an earlier start.")
    span = window(world, first, session)
    rig = replay_rig(settings, world, span, seed)
    watcher = _watching(rig, session)
    backtest(rig, span, until=MomentName.ENTRY)
    return watcher.explained(settings)


def _require_condors(settings: Settings) -> None:
    if not settings.condor.enabled:
        raise ConfigError(
            "condor.enabled = False, so no entry is ever decided; set condor.enabled=true."
        )


class EntryWatcher:
    """Remembers the entry decision of one session as it goes by."""

    def __init__(self, session: date) -> None:
        self._session = session
        self._decision: Decision | None = None
        self._view: View | None = None

    def see(self, strategy: str, view: View) -> None:
        """Take in the view of one decision."""
        if strategy == CONDOR and view.session == self._session:
            self._view = view

    def watch(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, DecisionMade):
            decision = record.decision
            is_entry = decision.strategy == CONDOR and decision.moment == MomentName.ENTRY
            if is_entry and decision.session == self._session:
                self._decision = decision

    @property
    def has_found(self) -> bool:
        """Tell whether the decision went by."""
        return self._decision is not None

    def found(self) -> Decision:
        """Return the decision.

        Raises:
            InvariantBroken: the session passed without one.
        """
        if self._decision is None:
            raise InvariantBroken(f"the entry of {self._session} left no decision")
        return self._decision

    def explained(self, settings: Settings) -> Explained:
        """Return the decision with what would have changed it.

        Raises:
            InvariantBroken: the session passed without one.
        """
        decision = self.found()
        if self._view is None:
            return Explained(decision, None)
        return Explained(decision, changes(self._view, decision, settings))


def _watching(rig: Rig, session: date) -> EntryWatcher:
    watcher = EntryWatcher(session)
    rig.engine.listen(watcher.watch)
    rig.engine.listen_to_views(watcher.see)
    return watcher


@dataclass(frozen=True, slots=True)
class Recording:
    """What a journal holds of one run."""

    path: Path
    started: RunStarted
    records: Sequence[Record]

    @property
    def sessions(self) -> tuple[date, date]:
        """Return the first and the last session that the run reached."""
        days = [day for record in self.records if (day := getattr(record, "session", None))]
        return days[0], days[-1]


def decide_on_book(settings: Settings, world: World, session: date, journal: Path) -> Explained:
    """Return the entry decision of a session on the book that a journal recorded.

    A decision in the journal is returned as it was made. For the session after its end, book and
    simulated exchange are restored from the records, and the session goes on up to its entry.

    Raises:
        ConfigError: the journal is unusable, does not reach that session, or was recorded on
            another market.
        NoSuchSession: `session` is no session of the history at hand.
    """
    world.history.index(session)
    recording = _read(journal)
    watcher = EntryWatcher(session)
    for record in recording.records:
        watcher.watch(record)
    if watcher.has_found:
        return watcher.explained(settings)
    _require_condors(settings)
    _require_next(recording, world, session)
    rig = restore(settings, world, recording)
    watcher = _watching(rig, session)
    run_now(walk(rig, (session,), until=MomentName.ENTRY))
    return watcher.explained(settings)


def _read(journal: Path) -> Recording:
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(journal) as reader:
        started, *records = tuple(reader.records()) or (None,)
    if not isinstance(started, RunStarted) or not records:
        raise ConfigError(f"{journal} holds no session; name a journal that a run has written.")
    return Recording(journal, started, records)


def _require_next(recording: Recording, world: World, session: date) -> None:
    first, last = recording.sessions
    following = world.calendar.next(last)
    if session != following:
        raise ConfigError(
            f"{recording.path} holds the sessions {first} … {last}, so it can be asked for the"
            f" entries decided in them and for {following}, not for {session}."
        )


def restore(settings: Settings, world: World, recording: Recording) -> Rig:
    """Return a run whose book and simulated exchange stand where the recorded one ended.

    The exchange is a pure function of the orders it got, so it gets them again, each at its time.

    Raises:
        ConfigError: it then tells another story than the journal does.
    """
    started = recording.started
    account = settings.account.model_copy(update={"start_nlv_usd": started.start_nlv_usd})
    clock = SimulatedClock(started.at)
    first, last = recording.sessions
    identity = RunIdentity(started.profile, RUN_MODE, started.seed, started.at, first, last)
    same_account = settings.model_copy(update={"account": account})
    rig = build_simulated(same_account, world, clock, identity)
    told = run_now(repeat_orders(rig.broker, clock, recording.records))
    if started.seed != world.seed or told != _told_by_broker(recording.records):
        raise ConfigError(
            f"{recording.path} was recorded on another market; give the --seed ({started.seed}),"
            " --data and settings of that run."
        )
    for record in recording.records:
        rig.book.apply(record)
    return rig


def _told_by_broker(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, BrokerEvent)]
