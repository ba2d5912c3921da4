"""Wiring, by hand and in one place: what the four profiles share, and the lines they differ by."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot import __version__
from bot.book import Book
from bot.clock import Clock, SystemClock
from bot.conduct import ConductMeter, regret_against
from bot.engine import Engine, KeepInput, Reference
from bot.events import Record, RunResumed, RunStarted
from bot.inputs import InputKeeper
from bot.journal.base import Journal, MemoryJournal
from bot.risk import RiskGate
from bot.rule_counter import RuleCounter
from bot.schedule import schedule_of
from bot.settings import FillSettings, Settings, as_tree, config_hash
from bot.shadow import Shadows
from bot.shell import Shell
from bot.summary import RunSummary
from bot.tape import DailyTape, Tape
from bot.vitals import Vitals
from bot.world import World, config_text
from brokers.base import MarketData, TimedBroker
from brokers.sim.broker import SimBroker, VenueStore, regular_hours
from brokers.sim.exchange import SimExchange
from brokers.sim.feed import ModelFeed
from brokers.sim.fees import FeeSchedule
from brokers.sim.fills import NOTHING_INSIDE, FillModel
from market.errors import AlvhError, ConfigError, InvariantBroken
from market.instruments import OptionContract
from market.schedule import Moment
from strategies.alvh import AlvhStrategy
from strategies.base import Strategy
from strategies.condor import CondorStrategy
from strategies.shift import ShiftStrategy

PAPER_PROFILE = "paper"


@dataclass(frozen=True)
class Rig:
    """One wired run: the parts that a loop drives and a screen looks at."""

    settings: Settings
    world: World
    clock: Clock
    book: Book
    engine: Engine
    shell: Shell
    broker: TimedBroker
    journal: Journal
    summary: RunSummary
    conduct: ConductMeter
    rules: RuleCounter
    vitals: Vitals
    began: RunStarted | RunResumed
    sends_again: bool = True
    is_simulated: bool = True

    def result(self) -> dict[str, Any]:
        """Return what the run came to: the object that `backtest --json` prints, less run facts."""
        told = self.summary.as_dict(self.book, self.engine.shadows)
        conduct = self.conduct.report() | regret_against(told["books"])
        return told | {
            "conduct": conduct,
            "rules": self.rules.counts(),
            "claims": [],
        }

    def moments(self, session: date) -> tuple[Moment, ...]:
        """Return the moments of a session under the settings in force."""
        return schedule_of(self.settings, self.world.calendar, self.world.macro, session)


@dataclass(frozen=True)
class LiveParts:
    """What a run on a real market has in place of the model: its quotes and its tape.

    `sends_again` tells whether its broker takes an id once, so that an order without an answer may
    be sent again.
    """

    market_data: MarketData
    tape: DailyTape
    sends_again: bool


@dataclass(frozen=True)
class RunIdentity:
    """What distinguishes this run from others; `first` and `last` are its sessions, as far as
    known at the start."""

    profile: str
    run_mode: str
    seed: int
    start: datetime
    first: date
    last: date


def build_strategies(settings: Settings) -> tuple[Strategy, ...]:
    """Return the condor and its hedge, without what is switched off."""
    strategies: list[Strategy] = []
    if settings.condor.enabled:
        strategies += [CondorStrategy(settings), ShiftStrategy(settings)]
    if settings.alvh.enabled:
        strategies.append(AlvhStrategy(settings))
    return tuple(strategies)


def build_tape(settings: Settings, world: World) -> Tape:
    """Return the daily tape of a world under the settings in force."""
    return Tape(
        replace(world.history, rate_frac=world.market.bill_fracs()),
        world.calendar,
        settings.vix_gate,
        settings.filters,
        world.family.vix9d,
        settings.alvh,
    )


def load_fees() -> FeeSchedule:
    """Return the shipped fee schedule."""
    return FeeSchedule.from_toml(config_text("fees.toml"))


def load_fills(settings: FillSettings, seed: int) -> FillModel:
    """Return the shipped fill model under the settings in force."""
    model = FillModel.from_toml(
        config_text("fills.toml"),
        seed=seed,
        partial_share=settings.partial_share,
        partial_from_quantity=settings.partial_from_quantity,
        latency=timedelta(seconds=settings.latency_seconds),
        reject_share=settings.reject_share,
        adverse_scale=settings.adverse_scale,
    )
    return replace(model, ladder=NOTHING_INSIDE) if settings.pessimistic else model


def build_exchange(settings: Settings, world: World, seed: int) -> SimExchange:
    """Return an empty simulated exchange over the world's calendar and listings."""
    calendar, listings = world.calendar, world.listings

    def trading_ends_at(contract: OptionContract) -> datetime:
        return calendar.trading_ends_at(contract.trading_class, contract.expiry)

    def is_listed(contract: OptionContract, at: datetime) -> bool:
        return listings.is_listed(contract.trading_class, contract.expiry, at.date())

    return SimExchange(
        cash_usd=settings.account.start_nlv_usd,
        fees=load_fees(),
        fills=load_fills(settings.fills, seed),
        trading_ends_at=trading_ends_at,
        is_open=regular_hours(calendar),
        is_listed=is_listed,
        vix_at=lambda at: world.market.levels(at).vix,
        keeps_diary=settings.fills.diary,
    )


def build_engine(
    settings: Settings,
    reference: Reference,
    tape: DailyTape,
    book: Book,
    run_mode: str,
    record: Callable[[Record], None],
    *,
    keep_input: KeepInput | None = None,
) -> Engine:
    """Return the engine of a run, with the shadow books beside its own."""
    return Engine(
        strategies=build_strategies(settings),
        book=book,
        risk=RiskGate(settings.risk),
        reference=reference,
        tape=tape,
        run_mode=run_mode,
        record=record,
        safety=settings.safety,
        shadows=Shadows(settings, settings.account.start_nlv_usd, load_fees()),
        keep_input=keep_input,
    )


def build_venue(
    settings: Settings, world: World, clock: Clock, seed: int, store: VenueStore | None = None
) -> SimBroker:
    """Return the simulated exchange behind its port, gone on from its store where it has one."""
    exchange = build_exchange(settings, world, seed)
    return SimBroker(exchange, world.market, world.calendar, clock.now, store)


def build_simulated(
    settings: Settings,
    world: World,
    clock: Clock,
    identity: RunIdentity,
    journal_path: Path | str | None = None,
    *,
    durable: bool = False,
    continues: bool = False,
    broker: TimedBroker | None = None,
    live: LiveParts | None = None,
) -> Rig:
    """Return a run; `replay` and `sim` differ in clock and world, the others in `live` parts.

    With `journal_path`, a file or a URL, the run is kept there, else in memory; a durable one also
    keeps all that decisions look at. With `continues` the journal is one that a run has left: all
    that the engine remembers is rebuilt from it. The simulated exchange begins empty all the same;
    what it held is its own to keep. A `broker` takes the place of that exchange: one with a file or
    a process of its own.

    Raises:
        ConfigError: the journal cannot be written, or is that of another profile or run mode.
        JournalDamaged: the journal to continue does not hold.
    """
    if continues:
        settings = _as_begun(settings, journal_path, identity)
    start = settings.account.start_nlv_usd
    book = Book(start, settings.capital.steward_drawdown_frac)
    journal = _journal(journal_path, book, durable=durable, continues=continues)
    summary, rules = RunSummary(start), RuleCounter()
    tape = build_tape(settings, world) if live is None else live.tape
    engine = build_engine(
        settings,
        Reference(world.calendar, world.listings, world.macro),
        tape,
        book,
        identity.run_mode,
        journal.append,
        keep_input=InputKeeper(journal.keep, tape) if durable else None,
    )
    broker = broker or build_venue(settings, world, clock, identity.seed)
    feed = ModelFeed(world.market, clock.now) if live is None else live.market_data
    shell = Shell(engine, broker, feed, journal, clock.now)
    conduct = ConductMeter(book, settings)
    vitals = Vitals()
    for watcher in (summary, rules, conduct):
        engine.listen(watcher.watch, watcher.kinds)
    engine.listen(vitals.watch)
    if continues:
        _recall(journal, engine)
    began = (_resumed if continues else _started)(settings, world, identity)
    engine.note(began)
    return Rig(
        settings,
        world,
        clock,
        book,
        engine,
        shell,
        broker,
        journal,
        summary,
        conduct,
        rules,
        vitals,
        began,
        sends_again=live is None or live.sends_again,
        is_simulated=identity.profile != PAPER_PROFILE,
    )


def _as_begun(settings: Settings, path: Path | str | None, identity: RunIdentity) -> Settings:
    """Return the settings with the account's start as the journal has it.

    Raises:
        ConfigError: the journal is that of another profile or run mode.
    """
    if path is None:
        raise InvariantBroken("a run kept in memory cannot be continued")
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(path) as reader:
        started = reader.started()
    if (started.profile, started.run_mode) != (identity.profile, identity.run_mode):
        raise ConfigError(
            f"journal {path} is that of profile {started.profile}, mode {started.run_mode}; it"
            f" cannot go on as {identity.profile}, mode {identity.run_mode}: name its own profile"
            " or another journal."
        )
    account = settings.account.model_copy(update={"start_nlv_usd": started.start_nlv_usd})
    return settings.model_copy(update={"account": account})


def _journal(path: Path | str | None, book: Book, *, durable: bool, continues: bool) -> Journal:
    if path is None:
        return MemoryJournal()
    from bot.journal.store import SqlJournal  # noqa: PLC0415 - SQL is loaded only when used

    return SqlJournal(
        path,
        book=book,
        wall_clock=SystemClock().now,
        durable=durable,
        continues=continues,
    )


def _started(settings: Settings, world: World, identity: RunIdentity) -> RunStarted:
    return RunStarted(
        at=identity.start,
        version=__version__,
        profile=identity.profile,
        run_mode=identity.run_mode,
        seed=identity.seed,
        start_nlv_usd=settings.account.start_nlv_usd,
        config_hash=config_hash(settings),
        settings=as_tree(settings),
        series=world.series(identity.first, identity.last),
        is_simulated=identity.profile != PAPER_PROFILE,
    )


def _recall(journal: Journal, engine: Engine) -> None:
    try:
        journal.recall(engine.recall)
    except AlvhError:
        journal.close()
        raise


def _resumed(settings: Settings, _world: World, identity: RunIdentity) -> RunResumed:
    return RunResumed(
        at=identity.start,
        version=__version__,
        profile=identity.profile,
        config_hash=config_hash(settings),
        settings=as_tree(settings),
    )


def first_moment(world: World, session: date) -> datetime:
    """Return the open of a session, where a run's clock starts."""
    return world.calendar.session(session).open_at
