"""The hedge as it stands after one session's review: its layers, greeks and convexity (A15, R-28).

The book comes from a replay that leads to that review, or from a recorded run; the market at that
instant prices it. Nothing here trades.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan
from pathlib import Path

import numpy as np

from bot.book import Book
from bot.events import DecisionMade, EquityMarked, MarketSeen, Record, RunStarted
from bot.replay import backtest, replay_rig, window
from bot.settings import SESSIONS_BEFORE, Settings
from bot.world import World
from market.errors import ConfigError, InvariantBroken
from market.indicators import historical_vol
from market.quotes import FloatArray, IndexLevels, MarketSnapshot, SnapshotRequest
from market.schedule import MomentName
from strategies.base import CondorPosition, HoldingKind, Layer, LayerPosition, Positions
from strategies.convexity import (
    CallState,
    ConvexityProfile,
    condor_loss_usd,
    convexity_profile,
    coverage,
)
from strategies.greeks import CallGreeks, greeks_of
from strategies.hedge_orders import NAME
from strategies.params import MethodParams
from strategies.recycling import harvested_contracts
from strategies.volatility import expected_range

# Strikes that no level of SPX reaches stand for a side that was shifted away alone.
NO_PUT_SIDE, NO_CALL_SIDE = (0.0, -1.0), (1e9, 1e9 + 1.0)


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer after the review: counts by kind, its main base series, value and greeks.

    Calls harvested under R-23 count as held in the base until their refill (amendment A10), so they
    stand in `recycled_contracts` with a minus; `held_contracts`, the signed sum, is what is held.
    `expiry`, `strike` and `delta` are those of the base (`delta` per contract); value and greeks
    are dollars of all contracts held. None where nothing is held or a quote is missing.
    """

    layer: Layer
    contracts: int
    tilt_contracts: int
    recycled_contracts: int
    expiry: date | None
    strike: float | None
    delta: float | None
    greeks: CallGreeks | None

    @property
    def held_contracts(self) -> int:
        """Return all contracts of the layer."""
        return self.contracts + self.tilt_contracts + self.recycled_contracts


@dataclass(frozen=True, slots=True)
class Covered:
    """The condors whose loss the hedge is held against: `open` ones, or the `planned` next ones.

    One loss per shock, dollars: SPX falls by 1 % for every `vix_points_per_percent`.
    """

    basis: str
    condors: int
    loss_usd: FloatArray
    vix_points_per_percent: float


@dataclass(frozen=True, slots=True)
class HedgeView:
    """All that `alvh hedge` shows; `profile` is None without calls or with one unquoted."""

    session: date
    spx: float
    vix: float
    sentence: str
    layers: tuple[LayerView, ...]
    profile: ConvexityProfile | None
    covered: Covered | None

    @property
    def coverage(self) -> tuple[float | None, ...] | None:
        """Return hedge gain over condor loss per shock, None where the condors lose nothing."""
        if self.profile is None or self.covered is None:
            return None
        return coverage(self.profile, self.covered.loss_usd)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The book after a review, and what the review said and saw."""

    book: Book
    seen: MarketSeen
    sentence: str


def hedge_on_replay(
    settings: Settings, world: World, session: date, first: date | None, seed: int
) -> HedgeView:
    """Return the hedge after a session's review, having replayed from `first`.

    Raises:
        ConfigError: the hedge is switched off, or `first` lies after the session.
        NoSuchSession: `session` is no session of the history at hand.
    """
    _require_hedge(settings)
    history = world.history
    row = history.index(session)
    if first is None:
        first = history.sessions[max(row - SESSIONS_BEFORE, history.first_index)]
    if first > session:
        raise ConfigError(f"--from {first} lies after --as-of {session}; choose an earlier start.")
    span = window(world, first, session)
    rig = replay_rig(settings, world, span, seed)
    watcher = ReviewWatcher(session)
    rig.engine.listen(watcher.watch)
    backtest(rig, span, until=MomentName.HEDGE_REVIEW)
    return view_of(watcher.found(rig.book), settings, world)


def hedge_on_book(settings: Settings, world: World, session: date, journal: Path) -> HedgeView:
    """Return the hedge after a session's review as a journal recorded it.

    Raises:
        ConfigError: the hedge is switched off, the journal is unusable, does not hold that
            session's review, or was recorded on another market.
        NoSuchSession: `session` is no session of the history at hand.
    """
    from bot.journal.store import JournalReader  # noqa: PLC0415 - SQL is loaded only when used

    _require_hedge(settings)
    world.history.index(session)
    with JournalReader(journal) as reader:
        started, *records = tuple(reader.records()) or (None,)
    if not isinstance(started, RunStarted):
        raise ConfigError(f"{journal} holds no run; name a journal that a run has written.")
    if started.seed != world.seed:
        raise ConfigError(
            f"{journal} was recorded on another market; give the --seed ({started.seed}) of that"
            " run."
        )
    reviewed = _rebuild(started, records, session)
    if reviewed is None:
        raise ConfigError(
            f"{journal} holds no hedge review of {session}; ask for a session that the run reached."
        )
    return view_of(reviewed, settings, world)


def _require_hedge(settings: Settings) -> None:
    if not settings.alvh.enabled:
        raise ConfigError("alvh.enabled = False, so no hedge is held; set alvh.enabled=true.")


class ReviewWatcher:
    """Remembers what one session's hedge review saw and said as it goes by."""

    def __init__(self, session: date) -> None:
        self._session = session
        self._seen: MarketSeen | None = None
        self._sentence = "Nothing was decided."

    def watch(self, record: Record) -> None:
        """Take in one record."""
        if isinstance(record, MarketSeen) and record.session == self._session:
            self._seen = record
        if isinstance(record, DecisionMade) and record.session == self._session:
            decision = record.decision
            if decision.strategy == NAME and decision.moment == MomentName.HEDGE_REVIEW:
                self._sentence = decision.sentence

    def found(self, book: Book) -> Reviewed:
        """Return the review with the book as it stands.

        Raises:
            InvariantBroken: the session passed without one.
        """
        if self._seen is None:
            raise InvariantBroken(f"the hedge review of {self._session} saw no market")
        return Reviewed(book, self._seen, self._sentence)


def _rebuild(started: RunStarted, records: Sequence[Record], session: date) -> Reviewed | None:
    """Return the book that the records up to a session's equity mark make, None without one."""
    book, watcher = Book(started.start_nlv_usd), ReviewWatcher(session)
    for record in records:
        watcher.watch(record)
        book.apply(record)
        if isinstance(record, EquityMarked) and record.session == session:
            return watcher.found(book)
    return None


def view_of(reviewed: Reviewed, settings: MethodParams, world: World) -> HedgeView:
    """Return the hedge of a reviewed book, priced by the market that the review saw.

    Raises:
        ConfigError: that market is another one than the review saw.
    """
    seen, history = reviewed.seen, world.history
    snapshot = world.market.snapshot(seen.at, _request(reviewed.book.positions()))
    if snapshot.levels != seen.levels:
        raise ConfigError(
            f"the hedge review of {seen.session} saw another market; give the --data and settings"
            " of that run."
        )
    row = history.index(seen.session)
    hv20 = float(historical_vol(history.spx_close[: row + 1])[-1])
    return view_on(reviewed, snapshot, settings, None if isnan(hv20) else hv20)


def view_on(
    reviewed: Reviewed, snapshot: MarketSnapshot, settings: MethodParams, hv20: float | None
) -> HedgeView:
    """Return the hedge of a book on any market with the quotes and chains of what is held.

    `hv20` places the condors planned next; without it nothing is planned to be covered.
    """
    positions, session = reviewed.book.positions(), reviewed.seen.session
    states = {each: call_state(each, snapshot) for each in positions.layers}
    known = [state for state in states.values() if state is not None]
    profile = None
    if len(known) == len(states):
        profile = convexity_profile(known, settings.alvh.futures_kappa)
    levels = snapshot.levels
    harvested = harvested_contracts(positions.hedge_memory, levels.vix, settings.alvh)
    layers = tuple(
        _layer(layer, states, snapshot, harvested if layer is Layer.NEAR else 0) for layer in Layer
    )
    covered = None
    if profile is not None:
        covered = _covered(positions, session, levels, profile.shocks, settings, hv20)
    return HedgeView(session, levels.spx, levels.vix, reviewed.sentence, layers, profile, covered)


def _request(positions: Positions) -> SnapshotRequest:
    contracts = tuple(position.contract for position in positions.layers)
    keys = dict.fromkeys((each.trading_class, each.expiry) for each in contracts)
    return SnapshotRequest(chains=tuple(keys), contracts=contracts)


def call_state(position: LayerPosition, snapshot: MarketSnapshot) -> CallState | None:
    """Return what a position's price depends on, from the chain of its expiry."""
    contract = position.contract
    chain = snapshot.chains.get((contract.trading_class, contract.expiry))
    quote = snapshot.quotes.get(contract)
    if chain is None or quote is None or quote.iv is None:
        return None
    strike = float(contract.strike)
    return CallState(
        position.contracts, chain.forward, strike, quote.iv, chain.years, chain.discount
    )


def _layer(
    layer: Layer,
    states: dict[LayerPosition, CallState | None],
    snapshot: MarketSnapshot,
    harvested: int,
) -> LayerView:
    held = [position for position in states if position.layer is layer]
    by_kind = {kind: [each for each in held if each.kind is kind] for kind in HoldingKind}
    counts = {kind: _contracts(positions) for kind, positions in by_kind.items()}
    base = by_kind[HoldingKind.BASE]
    main = max(base, key=lambda each: each.contracts, default=None)
    all_greeks, base_greeks = (_greeks(rows, states, snapshot) for rows in (held, base))
    return LayerView(
        layer,
        counts[HoldingKind.BASE] + harvested,
        counts[HoldingKind.TILT],
        counts[HoldingKind.RECYCLED] - harvested,
        None if main is None else main.contract.expiry,
        None if main is None else float(main.contract.strike),
        None if base_greeks is None else base_greeks.delta / counts[HoldingKind.BASE],
        all_greeks,
    )


def _contracts(positions: Sequence[LayerPosition]) -> int:
    return sum(position.contracts for position in positions)


def _greeks(
    positions: Sequence[LayerPosition],
    states: dict[LayerPosition, CallState | None],
    snapshot: MarketSnapshot,
) -> CallGreeks | None:
    """Return the sum over positions, None when there are none or one is unknown."""
    found = []
    for position in positions:
        state, quote = states[position], snapshot.quotes.get(position.contract)
        greeks = None
        if state is not None and quote is not None:
            greeks = greeks_of(state, quote, position.contract.multiplier)
        if greeks is None:
            return None
        found.append(greeks)
    return sum(found[1:], found[0]) if found else None


def _covered(
    positions: Positions,
    session: date,
    levels: IndexLevels,
    shocks: FloatArray,
    params: MethodParams,
    hv20: float | None,
) -> Covered | None:
    """Return the loss of the open condors, else of those planned at the conservative distance."""
    open_ones = [each for each in positions.condors if each.expiry > session]
    if open_ones:
        loss = np.zeros_like(shocks)
        for condor in open_ones:
            loss += _loss_of(condor, levels.spx, shocks, params)
        count, scale = sum(each.quantity for each in open_ones), params.alvh.vix_points_per_percent
        return Covered("open", count, loss, scale)
    plan = positions.plan
    if plan is None or not plan.planned_condors or hv20 is None:
        return None
    return _planned(plan.planned_condors, levels, shocks, params, hv20)


def _loss_of(
    condor: CondorPosition, spx: float, shocks: FloatArray, params: MethodParams
) -> FloatArray:
    puts, calls = NO_PUT_SIDE, NO_CALL_SIDE
    if condor.short_put is not None and condor.long_put is not None:
        puts = float(condor.short_put.strike), float(condor.long_put.strike)
    if condor.short_call is not None and condor.long_call is not None:
        calls = float(condor.short_call.strike), float(condor.long_call.strike)
    return condor_loss_usd(
        spx,
        shocks,
        put_strikes=puts,
        call_strikes=calls,
        credit_points=float(condor.credit),
        condors=condor.quantity,
        vix_points_per_percent=params.alvh.vix_points_per_percent,
    )


def _planned(
    condors: int, levels: IndexLevels, shocks: FloatArray, params: MethodParams, hv20: float
) -> Covered:
    """Return the loss of the planned condors with their shorts at the conservative distance."""
    condor, spx = params.condor, levels.spx
    reach = expected_range(levels, hv20, params.edr).points(spx)
    reach *= condor.start_edr_conservative
    grid, wing = condor.strike_grid_points, condor.wing_width_points
    short_put, short_call = (grid * round((spx + move) / grid) for move in (-reach, reach))
    loss = condor_loss_usd(
        spx,
        shocks,
        put_strikes=(short_put, short_put - wing),
        call_strikes=(short_call, short_call + wing),
        credit_points=float(condor.credit_conservative_points),
        condors=condors,
        vix_points_per_percent=params.alvh.vix_points_per_percent,
    )
    return Covered("planned", condors, loss, params.alvh.vix_points_per_percent)
