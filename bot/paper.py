"""Wiring of the profiles `paper` and `shadow`: Interactive Brokers' quotes, and for `paper` its
paper account, for `shadow` the simulated exchange."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.bootstrap import (
    PAPER_PROFILE,
    LiveParts,
    Rig,
    RunIdentity,
    build_exchange,
    build_simulated,
    build_tape,
)
from bot.clock import Clock
from bot.ib_keys import adapter_settings
from bot.known_orders import KnownOrders
from bot.live_history import LiveTape, LiveWorld, RenewingFeed
from bot.settings import Settings
from bot.shadow_venue import ShadowBroker, ShadowMarket
from bot.world import World, load_calendar, load_listings, shipped_params
from brokers.base import TimedBroker
from brokers.ib import translate
from brokers.ib.broker import IbBroker, VenueDates
from brokers.ib.diary import PriceDiary
from brokers.ib.feed import INDICES, FeedFacts, IbFeed
from brokers.ib.inbox import RequestFailed
from brokers.ib.messages import BarSeen
from brokers.lockstep import LockstepClock
from brokers.sim.broker import SimBroker
from brokers.sim.store import ExchangeStore
from market.sessions import SessionCalendar, exchange_zone
from strategies.hedge_params import AlvhParams

PAPER, SHADOW = PAPER_PROFILE, "shadow"
RUN_MODES = {PAPER: "P", SHADOW: "W"}
SHADOW_STORE = "exchange.db"
DAYS_RESTORED = timedelta(days=7)


@dataclass(frozen=True)
class Adapter:
    """The broker and the feed over one line."""

    broker: IbBroker
    feed: IbFeed
    calendar: SessionCalendar
    account: str
    monthlies: Callable[[datetime], tuple[date, ...]]

    async def daily_bars(self, duration: str) -> Mapping[str, Sequence[BarSeen]]:
        """Return daily bars of the indices; one that the broker does not show is absent.

        Raises:
            BrokerUnavailable: no answer.
        """
        wire, found = self.broker.line.wire, {}
        for name in INDICES:
            try:
                found[name] = await wire.daily_bars(
                    translate.index_contract(wire.api, name), duration
                )
            except RequestFailed:
                found[name] = ()
        return found


def build_adapter(settings: Settings, clock: Clock, *, may_be_delayed: bool) -> Adapter:
    """Return the adapter that the settings name, not connected yet."""
    calendar = load_calendar()
    listings = load_listings(calendar, settings)
    ours = replace(
        adapter_settings(settings.ib, may_be_delayed=may_be_delayed),
        least_delta=least_aim(settings.alvh) / 2,
    )
    dates = VenueDates(calendar.last_trade_date, calendar.settles_at, _cash_hours(calendar))
    broker = IbBroker(ours, clock.now, dates)

    def monthlies(at: datetime) -> tuple[date, ...]:
        return listings.vx_expiries(at.astimezone(exchange_zone()).date(), 4)

    carry = shipped_params().carry
    facts = FeedFacts(calendar.settles_at, monthlies, lambda day: carry.bill_frac(day.year))
    feed = IbFeed(ours, broker.line, broker.finder, clock.now, facts)
    broker.ticks, broker.settlement_value = feed.board.hear, feed.settlement_value
    broker.lines_lost, broker.sender.package_veto = feed.release, feed.package_veto
    broker.keep_diary(PriceDiary(feed.board, broker.line, broker.cache, clock.now))
    return Adapter(broker, feed, calendar, ours.account, monthlies)


def least_aim(params: AlvhParams) -> float:
    """Return the least delta of a call that the hedge may aim for."""
    aims = params.delta_near, params.delta_mid, params.delta_long
    return min(*aims, params.fallback_delta_min)


def _cash_hours(calendar: SessionCalendar) -> Callable[[datetime], bool]:
    def is_open(at: datetime) -> bool:
        day = at.astimezone(exchange_zone()).date()
        if not calendar.is_session(day):
            return False
        session = calendar.session(day)
        return session.open_at <= at < session.cash_close_at

    return is_open


@dataclass(frozen=True)
class PaperRun:
    """One run on the paper account: its rig and the adapter under it."""

    rig: Rig
    adapter: Adapter


def restore(adapter: Adapter, journal: Path | str, now: datetime) -> None:
    """Tell the adapter what a journal knows of orders and holdings."""
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    with JournalReader(journal) as reader:
        known = KnownOrders.of(reader.records())
    adapter.broker.restore(known.orders((now - DAYS_RESTORED).date()), known.held)


async def build_paper(
    settings: Settings, clock: Clock, journal: Path | str, seed: int, *, continues: bool
) -> PaperRun:
    """Connect to the paper account and return a run on it.

    Raises:
        NotPaper: the settings or the log-in break the paper lock.
        BrokerUnavailable: the Gateway cannot be reached or does not answer.
        MarketDataError: the broker has too little history.
        JournalDamaged: the journal to continue does not hold.
    """
    adapter = build_adapter(settings, clock, may_be_delayed=False)
    now = clock.now()
    if continues:
        restore(adapter, journal, now)
    await adapter.broker.connect()
    try:
        if not continues:
            settings = _with_start(settings, (await adapter.broker.account()).cash_usd)
        live = await LiveWorld.fetch(settings, adapter.daily_bars, clock.now(), seed)
        broker = adapter.broker
        rig = _wired(settings, clock, journal, seed, adapter, live, broker, continues=continues)
    except BaseException:
        await adapter.broker.close()
        raise
    return PaperRun(rig, adapter)


def _with_start(settings: Settings, cash_usd: object) -> Settings:
    account = settings.account.model_copy(update={"start_nlv_usd": cash_usd})
    return settings.model_copy(update={"account": account})


def _wired(
    settings: Settings,
    clock: Clock,
    journal: Path | str,
    seed: int,
    adapter: Adapter,
    live: LiveWorld,
    broker: TimedBroker,
    *,
    continues: bool,
) -> Rig:
    tape = LiveTape(build_tape(settings, live.world))

    def renewed(world: World) -> None:
        tape.renew(build_tape(settings, world))

    # In lockstep nothing is gained by it: the emulator's time stands while the bot looks.
    ahead = None if isinstance(clock, LockstepClock) else adapter.feed
    feed = RenewingFeed(adapter.feed, live, adapter.daily_bars, renewed, clock.now, ahead)
    at = clock.now().astimezone(UTC)
    today = live.calendar.on_or_after(at.astimezone(exchange_zone()).date())
    profile = PAPER if broker is adapter.broker else SHADOW
    identity = RunIdentity(profile, RUN_MODES[profile], seed, at, today, today)
    return build_simulated(
        settings,
        live.world,
        clock,
        identity,
        journal,
        durable=True,
        continues=continues,
        broker=broker,
        live=LiveParts(feed, tape, sends_again=profile == SHADOW),
    )


async def build_shadow(
    settings: Settings,
    clock: Clock,
    journal: Path | str,
    seed: int,
    folder: Path,
    *,
    continues: bool,
) -> PaperRun:
    """Connect for quotes alone and return a run whose orders go to the simulated exchange, which
    keeps its own file in the run's folder.

    Raises:
        NotPaper: the settings or the log-in break the paper lock, which holds here as well.
        BrokerUnavailable: the Gateway cannot be reached or does not answer.
        MarketDataError: the broker has too little history.
        JournalDamaged: the journal to continue does not hold.
    """
    adapter = build_adapter(settings, clock, may_be_delayed=True)
    await adapter.broker.connect()
    try:
        live = await LiveWorld.fetch(settings, adapter.daily_bars, clock.now(), seed)
        market = ShadowMarket(adapter.feed, live.calendar.settles_at)
        exchange = build_exchange(settings, live.world, seed)
        store = ExchangeStore(folder / SHADOW_STORE)
        store.bind({"market": "quotes of Interactive Brokers"})
        sim = SimBroker(exchange, market, live.calendar, clock.now, store)
        broker = ShadowBroker(sim, market, adapter.broker, store, clock.now)
        rig = _wired(settings, clock, journal, seed, adapter, live, broker, continues=continues)
    except BaseException:
        await adapter.broker.close()
        raise
    return PaperRun(rig, adapter)
