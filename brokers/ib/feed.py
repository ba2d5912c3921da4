"""The port `MarketData` over TWS: index levels, VIX futures curve, chains, quotes, bars.

Every look opens lines, reads them once and releases them, so each quote is as old as the look.
Lines for a moment to come may be had ahead; then a look is a read of what they show. What found no
line was read in the seconds before, and says so: a chain is as old as the oldest of its quotes.
Live quotes are preferred; frozen ones show a closed market; delayed ones pass only where the
settings accept them. What cannot be had is absent from the snapshot, never zero.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp
from typing import Any

from brokers.ib import translate
from brokers.ib.board import Board
from brokers.ib.chains import (
    build_chain,
    is_far_out,
    parity_forward,
    wanted_parts,
    with_lines,
)
from brokers.ib.finder import ContractFinder
from brokers.ib.inbox import RequestFailed
from brokers.ib.line import Line
from brokers.ib.looking import Ahead, Glances, Looking
from brokers.ib.settings import IbSettings
from brokers.ib.shown import DELAYED_KINDS, DataKind, LineShown, Veto, apart_veto
from market.errors import MarketDataError
from market.instruments import OptionContract, Right, TradingClass
from market.orders import Leg
from market.quotes import (
    Chain,
    ChainKey,
    FuturesCurve,
    IndexLevels,
    MarketSnapshot,
    Quote,
    SnapshotRequest,
    SpxBar,
)

INDICES = ("SPX", "VIX", "VIX9D", "VIX3M", "VVIX")
SETTLEMENT_INDEX = {
    TradingClass.SPXW: "SPX",
    TradingClass.SPX: "SET",
    TradingClass.VIX: "VRO",
    TradingClass.VIXW: "VRO",
}
YEAR = timedelta(days=365)
OLDEST = timedelta(seconds=60)
FROZEN_TYPE, DELAYED_FROZEN_TYPE = 2, 4
CURVE_LENGTH = 4
CENT = Decimal("0.01")
GLANCE_S = 3.0


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What the feed must know from elsewhere."""

    settles_at: Callable[[TradingClass, date], datetime]
    vix_monthlies: Callable[[datetime], tuple[date, ...]]
    rate_frac: Callable[[date], float]


class IbFeed:
    """Shows the market through one line at the present instant of the bot's clock."""

    def __init__(
        self,
        settings: IbSettings,
        line: Line,
        finder: ContractFinder,
        clock: Callable[[], datetime],
        facts: FeedFacts,
        lines: Ahead | Glances | None = None,
    ) -> None:
        """Read `lines`, by default a board of its own."""
        self._settings = settings
        self._line = line
        self._finder = finder
        self._clock = clock
        self._facts = facts
        own = Board(clock, most_lines=settings.most_lines, wait_s=settings.quote_s)
        self.board = own if lines is None else lines.board
        self._lines: Looking = lines or own
        self.kind = DataKind.LIVE
        self.vetoes: Counter[Veto] = Counter()
        self.last_levels: IndexLevels | None = None

    def for_pages(self) -> "IbFeed":
        """Return a feed over the same line that gives way to every look of this one."""
        lines = Glances(self.board, GLANCE_S)
        return IbFeed(
            self._settings, self._line, self._finder, self._clock, self._facts, lines=lines
        )

    async def prepare(self, request: SnapshotRequest, moment_at: datetime) -> None:
        """Have lines stand for what `request` names, and read the rest in turns: called now and
        then, a look at the moment misses little.

        What is wanted at every look comes first: index levels and futures curve.

        Raises:
            MarketDataError: the market cannot be seen now, or a look wants the lines.
            BrokerUnavailable: the line is down.
        """
        lines = Ahead(self.board, moment_at)
        ahead = IbFeed(
            self._settings, self._line, self._finder, self._clock, self._facts, lines=lines
        )
        ahead._begin()
        await self.board.read_again(self._line.wire, moment_at)
        levels = await ahead.levels()
        await ahead._curve(levels)
        await ahead._quotes_known(request.contracts)
        for key in request.chains:
            await ahead.chain(key, levels)

    def release(self) -> None:
        """Let go of the lines that stand, and forget what was read in turns."""
        self.board.let_go()

    def _begin(self) -> None:
        if not self._line.is_ready:
            raise MarketDataError(f"the line to the broker is {self._line.phase}.")
        self.vetoes.clear()
        accepts = self._settings.accepts_delayed
        self._line.wire.choose_data_type(DELAYED_FROZEN_TYPE if accepts else FROZEN_TYPE)

    async def snapshot(self, request: SnapshotRequest) -> MarketSnapshot:
        """Return index levels, futures curve and what `request` names.

        Raises:
            MarketDataError: the quotes are stale, delayed, or an index level cannot be had.
            BrokerUnavailable: the line is down.
        """
        self._begin()
        levels = await self.levels()
        chains = {key: await self.chain(key, levels) for key in request.chains}
        return MarketSnapshot(
            at=self._clock(),
            levels=levels,
            curve=await self._curve(levels),
            chains={key: chain for key, chain in chains.items() if chain is not None},
            quotes=await self._quotes_known(request.contracts),
            bars=await self._bars(request.bars),
        )

    async def renew(
        self, snapshot: MarketSnapshot, contracts: Iterable[OptionContract]
    ) -> MarketSnapshot:
        """Return the snapshot with the quotes of these contracts as they are now, all together.

        Raises:
            BrokerUnavailable: the line is down.
        """
        shown = await self._look_now(contracts)
        at = self._clock()
        quotes = {contract: line.quote(at) for contract, line in _unrefused(shown).items()}
        chains = {
            key: with_lines(chain, shown, self._usable) for key, chain in snapshot.chains.items()
        }
        return replace(snapshot, at=at, chains=chains, quotes={**snapshot.quotes, **quotes})

    async def levels(self) -> IndexLevels:
        """Return the levels of the indices.

        Raises:
            MarketDataError: one that decisions need cannot be had, or is delayed.
        """
        wire = self._line.wire
        contracts = {name: translate.index_contract(wire.api, name) for name in INDICES}
        shown = await self._lines.look(wire, contracts, lambda line: line.has_level)
        self.kind = _worst(line.kind for line in shown.values())
        self._judge_kind()
        values = {name: line.get("last") or line.get("close") for name, line in shown.items()}
        missing = [name for name in INDICES[:4] if values[name] is None]
        if missing:
            refusal = shown[missing[0]].refusal
            why = "no quote" if refusal is None else f"{refusal.text} (code {refusal.code})"
            raise MarketDataError(f"the broker shows no level of {', '.join(missing)}: {why}.")
        spx, vix, vix9d, vix3m = (values[name] or 0.0 for name in INDICES[:4])
        self.last_levels = IndexLevels(self._clock(), spx, vix, vix9d, vix3m, values["VVIX"])
        return self.last_levels

    def _judge_kind(self) -> None:
        if self.kind in DELAYED_KINDS and not self._settings.accepts_delayed:
            raise MarketDataError(
                "the broker shows delayed quotes; subscribe the account to the live feeds, or run"
                " the profile shadow with ib.delayed = true."
            )

    def _usable(self, line: LineShown) -> bool:
        accepts = self._settings.accepts_delayed
        veto = line.veto(self._clock(), OLDEST, accepts_delayed=accepts)
        if veto is not None:
            self.vetoes[veto] += 1
        return veto is None

    async def chain(self, key: ChainKey, levels: IndexLevels) -> Chain | None:
        """Return the chain of one class and expiry, None when TWS lists none."""
        listing = await self._finder.listing(*key)
        if not listing.con_ids:
            return None
        is_vix = key[0] in {TradingClass.VIX, TradingClass.VIXW}
        level = levels.vix if is_vix else levels.spx
        width = self._settings.chain_width_frac
        begun_at = self._clock()
        shown: dict[OptionContract, LineShown] = {}
        for part in wanted_parts(listing.con_ids, level, width):
            shown |= await self._look({contract: listing.con_ids[contract] for contract in part})
            if is_far_out(shown, level, self._settings.least_delta):
                break
        at = self._clock()
        years = max((self._facts.settles_at(*key) - at) / YEAR, 1e-6)
        discount = exp(-self._facts.rate_frac(at.date()) * years)
        forward = parity_forward(shown, level, discount)
        if forward is None:
            return None
        return build_chain(
            key,
            shown,
            at=_as_old_as(shown.values(), begun_at, at),
            forward=forward,
            years=years,
            discount=discount,
            usable=self._usable,
        )

    async def _look(self, con_ids: Mapping[OptionContract, int]) -> dict[OptionContract, LineShown]:
        wire = self._line.wire
        return await self._lines.look(wire, self._named(con_ids), lambda line: line.is_whole)

    def _named(self, con_ids: Mapping[OptionContract, int]) -> dict[OptionContract, Any]:
        api = self._line.wire.api
        return {c: translate.option_by_id(api, number) for c, number in con_ids.items()}

    async def quotes(self, contracts: Iterable[OptionContract]) -> dict[OptionContract, Quote]:
        """Return the quotes of those contracts that TWS lists, as they are now."""
        shown, at = await self._look_now(contracts), self._clock()
        return {contract: line.quote(at) for contract, line in _unrefused(shown).items()}

    async def _look_now(
        self, contracts: Iterable[OptionContract]
    ) -> dict[OptionContract, LineShown]:
        ids = await self._finder.con_ids(contracts)
        wire, named = self._line.wire, self._named(ids)
        return await self.board.look(wire, named, lambda line: line.is_whole, of_now=True)

    async def _quotes_known(
        self, contracts: Iterable[OptionContract]
    ) -> dict[OptionContract, Quote]:
        """Return the quotes, each as of when a line showed it last."""
        shown = await self._look(await self._finder.con_ids(contracts))
        at = self._clock()
        return {contract: line.quote(at) for contract, line in _unrefused(shown).items()}

    async def _curve(self, levels: IndexLevels) -> FuturesCurve:
        """Return the forwards of the next monthly VIX expiries, which are those of its futures.

        They are read off one call and one put near the money of each expiry, so that no
        subscription to the futures exchange is needed.
        """
        monthlies = self._facts.vix_monthlies(self._clock())[:CURVE_LENGTH]
        near: dict[OptionContract, int] = {}
        for expiry in monthlies:
            near |= await self._near_money(expiry, levels.vix)
        shown = await self._look(near)
        prices: dict[date, float] = {}
        for expiry in monthlies:
            lines = {c: line for c, line in shown.items() if c.expiry == expiry}
            forward = self._vix_forward(expiry, levels.vix, lines)
            if forward is not None:
                prices[expiry] = forward
        if len(prices) < 2:
            raise MarketDataError("the broker shows no quotes of two monthly VIX expiries.")
        return FuturesCurve(tuple(prices), tuple(prices.values()))

    async def _near_money(self, expiry: date, level: float) -> dict[OptionContract, int]:
        """Return calls and puts of the two strikes nearest the level, with their ids."""
        listing = await self._finder.listing(TradingClass.VIX, expiry)
        strikes = sorted({c.strike for c in listing.con_ids}, key=lambda k: abs(float(k) - level))
        return {
            contract: listing.con_ids[contract]
            for strike in strikes[:2]
            for right in Right
            if (contract := OptionContract(TradingClass.VIX, expiry, strike, right))
            in listing.con_ids
        }

    def _vix_forward(
        self, expiry: date, level: float, shown: Mapping[OptionContract, LineShown]
    ) -> float | None:
        told = [line.get("forward") for line in shown.values()]
        known = [forward for forward in told if forward]
        if known:
            return sorted(known)[len(known) // 2]
        at = self._clock()
        years = (self._facts.settles_at(TradingClass.VIX, expiry) - at) / YEAR
        return parity_forward(shown, level, exp(-self._facts.rate_frac(at.date()) * years))

    async def _bars(self, count: int) -> tuple[SpxBar, ...]:
        """Return the last 15-minute bars of SPX; the index has no volume, so no mean price."""
        if not count:
            return ()
        wire = self._line.wire
        try:
            rows = await wire.quarter_hours(translate.index_contract(wire.api, "SPX"))
        except RequestFailed:
            return ()
        ended = [(at, bar) for at, bar in rows if at <= self._clock()]
        return tuple(SpxBar(at, bar.close, None) for at, bar in ended[-count:])

    async def package_veto(self, legs: tuple[Leg, ...]) -> str | None:
        """Return why a package must not be sent on what its legs show together, or None.

        All legs are looked at in one batch, on lines opened for it: a chain is read over seconds,
        an order goes out on quotes of one instant.
        """
        ids = await self._finder.con_ids(leg.contract for leg in legs)
        wire = self._line.wire
        shown = await self.board.look_anew(wire, self._named(ids), lambda line: line.is_whole)
        at, accepts = self._clock(), self._settings.accepts_delayed
        for leg in legs:
            line = shown.get(leg.contract, LineShown())
            veto = line.veto(at, OLDEST, accepts_delayed=accepts)
            if veto is Veto.NO_BID and leg.ratio > 0:
                continue  # what is bought needs a price to pay, not one to get
            if veto is not None:
                return f"{leg.contract.symbol}: {veto}."
        apart = apart_veto(shown.values())
        return None if apart is None else f"the quotes of the legs are {apart}."

    async def settlement_value(self, trading_class: TradingClass, expiry: date) -> Decimal | None:
        """Return the official settlement value of an expiry, None while the broker has none.

        SPXW settles on the close of SPX; AM-settled series on the opening quotation that the
        exchange publishes as the indices SET and VRO.
        """
        wire = self._line.wire
        index = translate.index_contract(wire.api, SETTLEMENT_INDEX[trading_class])
        try:
            bars = await wire.daily_bars(index, "5 D")
        except RequestFailed:
            return None
        found = [bar.close for bar in bars if bar.day == f"{expiry:%Y%m%d}"]
        return Decimal(repr(found[-1])).quantize(CENT) if found else None


def _unrefused(shown: Mapping[OptionContract, LineShown]) -> dict[OptionContract, LineShown]:
    return {contract: line for contract, line in shown.items() if line.refusal is None}


def _as_old_as(lines: Iterable[LineShown], begun_at: datetime, ended_at: datetime) -> datetime:
    """Return when a look was at its quotes: at its end, or when the oldest it knew ahead was read.

    A quote of the look itself counts as of its end, as a chain is read over seconds.
    """
    heard = (max(line.seen_at.values(), default=ended_at) for line in lines)
    return min((at for at in heard if at < begun_at), default=ended_at)


_ORDER = (DataKind.LIVE, DataKind.FROZEN, DataKind.DELAYED_FROZEN, DataKind.DELAYED)


def _worst(kinds: Iterable[DataKind]) -> DataKind:
    return max(kinds, key=_ORDER.index, default=DataKind.LIVE)
