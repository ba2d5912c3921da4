"""The replay: walks the schedule's list of moments through the shell on a clock that jumps."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from time import perf_counter

from bot.agreement import check_books_agree
from bot.bootstrap import Rig, RunIdentity, build_simulated, first_moment
from bot.clock import SimulatedClock
from bot.events import MomentDue, OrderApproved, Record
from bot.settings import Settings
from bot.world import World
from brokers.base import Timed, TimedBroker
from brokers.unsuspended import run_now
from market.errors import ConfigError, InvariantBroken, NoSuchSession
from market.orders import ApprovedOrder, BrokerEvent
from market.schedule import Moment, MomentName

RUN_MODE = "R"

SessionHook = Callable[[date], Awaitable[None]]


async def _no_hook(_session: date) -> None:
    """Do nothing between sessions."""


@dataclass(frozen=True)
class Window:
    """First and last session of a replay, both included."""

    first: date
    last: date


def window(world: World, first: date, last: date) -> Window:
    """Return the sessions between two dates, narrowed to what can be traded.

    Raises:
        ConfigError: the dates are reversed.
        NoSuchSession: no session of history lies between them.
    """
    if first > last:
        raise ConfigError(f"--from {first} lies after --to {last}; swap them.")
    history = world.history
    begin, end = history.sessions[history.first_index], history.sessions[history.last_index]
    if first < begin or last > end:
        raise NoSuchSession(
            f"{first} … {last} lies outside the history at hand, which runs from {begin} to {end};"
            " choose dates in that range."
        )
    sessions = world.calendar.between(first, last)
    if not sessions:
        raise NoSuchSession(f"no trading session lies between {first} and {last}.")
    return Window(sessions[0], sessions[-1])


def replay_rig(
    settings: Settings,
    world: World,
    span: Window,
    seed: int,
    journal_path: Path | str | None = None,
    profile: str = "replay",
) -> Rig:
    """Return a run over a window of history on a simulated clock."""
    start = first_moment(world, span.first)
    identity = RunIdentity(profile, RUN_MODE, seed, start, span.first, span.last)
    return build_simulated(settings, world, SimulatedClock(start), identity, journal_path)


def continued_rig(settings: Settings, world: World, span: Window, seed: int, path: Path) -> Rig:
    """Return a replay that goes on where its journal ends, over the sessions of `span`.

    The engine remembers what the journal holds; the exchange, a pure function of the orders it
    got, gets them again.

    Raises:
        ConfigError: the journal is that of another run.
        JournalDamaged: the journal does not hold.
    """
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(path) as reader:
        records = tuple(reader.records())
        begun = reader.started().at
    clock = SimulatedClock(begun)
    start = first_moment(world, span.first)
    identity = RunIdentity("replay", RUN_MODE, seed, start, span.first, span.last)
    rig = build_simulated(settings, world, clock, identity, path, continues=True)
    run_now(repeat_orders(rig.broker, clock, records))
    return rig


async def repeat_orders(
    broker: TimedBroker, clock: SimulatedClock, records: Iterable[Record]
) -> list[BrokerEvent]:
    """Send an empty simulated exchange the approved orders of a record, each at its time; return
    all that it tells."""
    for record in records:
        for _ in venue_times(broker, clock, record.at):
            pass
        if isinstance(record, OrderApproved):
            clock.jump(record.at)
            await broker.submit(ApprovedOrder(record.order, record.approval))
    return list(broker.drain())


async def walk(
    rig: Rig,
    sessions: Iterable[date],
    after_session: SessionHook = _no_hook,
    until: MomentName | None = None,
) -> None:
    """Take every moment of the sessions through the shell, in time order.

    `until` ends the walk right after that moment of the last session.
    """
    days = tuple(sessions)
    for day in days:
        for moment in rig.moments(day):
            await _reach(rig, moment)
            if day == days[-1] and moment.name is until:
                return
        await check(rig)
        await after_session(day)


async def _reach(rig: Rig, moment: Moment) -> None:
    clock = rig.clock
    if not isinstance(clock, SimulatedClock):
        raise InvariantBroken("a replay needs a clock that can jump")
    for _ in venue_times(rig.broker, clock, moment.at):
        await rig.shell.hear_broker()
    clock.jump(moment.at)
    await rig.shell.handle(MomentDue(moment))


def venue_times(venue: Timed, clock: SimulatedClock, until: datetime) -> Iterator[datetime]:
    """Let a venue act at each time that is due up to `until`, the clock standing there."""
    while (due := venue.due()) is not None and due <= until:
        clock.jump(max(due, clock.now()))
        venue.advance(due)
        yield due


async def check(rig: Rig) -> None:
    """Compare book and exchange after a session: contracts and cash to the cent.

    Raises:
        InvariantBroken: they differ.
    """
    check_books_agree(rig.book, await rig.broker.positions())
    account = await rig.broker.account()
    if account.cash_usd != rig.book.ledger.cash_usd:
        raise InvariantBroken(
            f"the book has ${rig.book.ledger.cash_usd}, the exchange ${account.cash_usd}"
        )


def backtest(rig: Rig, span: Window, until: MomentName | None = None) -> float:
    """Replay a window at full speed; return the seconds its loop took."""
    sessions = rig.world.calendar.between(span.first, span.last)
    started = perf_counter()
    try:
        run_now(walk(rig, sessions, until=until))
    finally:
        rig.journal.close()
    return perf_counter() - started
