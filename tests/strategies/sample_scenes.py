"""Scenes for examples: the market and the account at one moment, told in plain values.

The default is Tuesday, 23 January 2018: a calm market, SPXW expiring the next day, one hedge unit
held for ten planned condors. A test names only what differs. Strategies see what they asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from market.family import VolState
from market.instruments import OptionContract, Right, TradingClass
from market.listings import ListingRules, Listings
from market.macro import MacroCalendar, MacroEvent, MacroKind
from market.orders import OrderIntent
from market.quotes import (
    Chain,
    ChainKey,
    FuturesCurve,
    IndexLevels,
    MarketSnapshot,
    Quote,
    SnapshotRequest,
)
from market.schedule import Moment, MomentName, moments_of
from market.sessions import SessionCalendar
from market.surface import Surface
from market.surface_params import SurfaceParams
from strategies.alvh import AlvhStrategy
from strategies.base import (
    NO_HEDGE_MEMORY,
    Capital,
    CondorPosition,
    Context,
    Decision,
    FilterResult,
    HedgeMemory,
    HedgePlan,
    HoldingKind,
    Indicators,
    Layer,
    LayerPosition,
    Positions,
    View,
)
from strategies.condor import CondorStrategy
from strategies.params import MethodParams

SESSION = date(2018, 1, 23)
NEXT_SESSION = date(2018, 1, 24)
# Listed on the default session: the expiries nearest to 30, 110 and 220 days.
NEAR_EXPIRY, MID_EXPIRY, LONG_EXPIRY = date(2018, 2, 21), date(2018, 5, 16), date(2018, 8, 22)
NEAR_KEY = (TradingClass.VIXW, NEAR_EXPIRY)
MID_KEY = (TradingClass.VIX, MID_EXPIRY)
LONG_KEY = (TradingClass.VIX, LONG_EXPIRY)
WINDOW_AT = datetime(2018, 1, 23, 16, 0, tzinfo=UTC)
RATE_FRAC = 0.0137
DEFAULTS = MethodParams()
# Front futures in backwardation: by 3 points, and by 3.3 %.
EXTREME, RED = (20.0, 17.0), (15.0, 14.5)


def tuned(**alvh: Any) -> MethodParams:
    """Return the defaults with some of the hedge's parameters changed."""
    return MethodParams.model_validate({"alvh": alvh})


@cache
def calendar() -> SessionCalendar:
    """Return the exchange's sessions of 2017 to 2019."""
    return SessionCalendar.build(date(2017, 1, 3), date(2019, 12, 31))


@cache
def listings() -> Listings:
    """Return what was listed on those sessions."""
    text = files("config").joinpath("listings.toml").read_text("utf-8")
    return Listings(ListingRules.from_toml(text), calendar())


@cache
def surface() -> Surface:
    """Return the model that prices the scenes."""
    text = files("config").joinpath("surface.toml").read_text("utf-8")
    return Surface(SurfaceParams.from_toml(text))


def release(kind: MacroKind, at: str) -> MacroEvent:
    """Return a scheduled release; `at` is UTC, such as 2018-01-24T13:30."""
    return MacroEvent(kind, datetime.fromisoformat(at).replace(tzinfo=UTC))


def held(
    layer: Layer,
    expiry: date,
    strike: str,
    contracts: int,
    *,
    paid_usd: str = "0",
    opened: date = date(2018, 1, 2),
    kind: HoldingKind = HoldingKind.BASE,
) -> LayerPosition:
    """Return calls of one layer."""
    # Monthly expiries lie 30 days before a third Friday (Cboe VIX options specification).
    friday = expiry + timedelta(days=30)
    is_monthly = friday.weekday() == 4 and 15 <= friday.day <= 21
    root = TradingClass.VIX if is_monthly else TradingClass.VIXW
    contract = OptionContract(root, expiry, Decimal(strike), Right.CALL)
    return LayerPosition(layer, contract, contracts, Decimal(paid_usd), opened, kind)


def ladder(units: float = 1.0, *, opened: date = date(2018, 1, 2)) -> tuple[LayerPosition, ...]:
    """Return a ladder near its targets on the default session, deltas 0.48, 0.29 and 0.21,
    bought for $1,080 a unit: 4.32 % of ten condors' notional."""
    rows = (
        (Layer.NEAR, NEAR_EXPIRY, "16", 4, 480),
        (Layer.MID, MID_EXPIRY, "23", 4, 440),
        (Layer.LONG, LONG_EXPIRY, "30", 2, 160),
    )
    return tuple(
        held(layer, expiry, strike, int(count * units), paid_usd=str(paid * units), opened=opened)
        for layer, expiry, strike, count, paid in rows
    )


OLD_NEAR = held(Layer.NEAR, date(2018, 2, 7), "15", 4, paid_usd="480")


def aged(near: LayerPosition = OLD_NEAR) -> tuple[LayerPosition, ...]:
    """Return the sample ladder with a near layer of its own, by default one due to roll."""
    return (near, *ladder()[1:])


def hedge_plan(units: int = 1, *, nlv_usd: str = "250000", made: date = SESSION) -> HedgePlan:
    """Return the plan for ten condors a unit."""
    return HedgePlan(made, Decimal(nlv_usd), 10 * units, units)


@dataclass(frozen=True)
class Scene:
    """One moment of market and account; None means derived from the level of VIX."""

    session: date = SESSION
    spx: float = 2840.0
    vix: float = 14.0
    vix9d: float | None = None
    vix3m: float | None = None
    curve: tuple[float, ...] | None = None
    hv20: float | None = 8.0
    vix_sma5: float | None = 14.5
    vix_close_count: int = 300
    was_hold: bool = False
    calm_closes: int = 9
    releases: tuple[MacroEvent, ...] = ()
    macro: MacroCalendar | None = None
    layers: tuple[LayerPosition, ...] = field(default_factory=ladder)
    plan: HedgePlan | None = field(default_factory=hedge_plan)
    condors: tuple[CondorPosition, ...] = ()
    working: tuple[OrderIntent, ...] = ()
    nlv_usd: str = "250000"
    free_cash_usd: str | None = None
    open_max_loss_usd: str = "0"
    hedge_cost_year_usd: str = "0"
    vix_closes: Mapping[date, float] = field(default_factory=dict)
    memory: HedgeMemory = NO_HEDGE_MEMORY
    macd_cross: str | None = None
    hedge_prearm: bool | None = None
    fear_stretched: bool | None = None
    chains: Mapping[ChainKey, Chain | None] = field(default_factory=dict)
    quotes: Mapping[OptionContract, Quote | None] = field(default_factory=dict)
    quotes_late_by: timedelta = timedelta(0)

    def moment(self, name: MomentName) -> Moment:
        """Return the moment of this name in the session's own schedule, or a person's at the
        time of the entry."""
        moments = moments_of(calendar().session(self.session), calendar(), self._macro())
        if name is MomentName.ON_REQUEST:
            return replace(self.moment(MomentName.ENTRY), name=name)
        return next(moment for moment in moments if moment.name is name)

    def context(self, name: MomentName) -> Context:
        """Return what is known before any quote is asked for."""
        positions = Positions(self.condors, self.layers, self.working, self.plan, self.memory)
        return Context(self.moment(name), positions, calendar(), listings(), self._macro())

    def view(self, name: MomentName, request: SnapshotRequest) -> View:
        """Return the view of a strategy that asked for `request`."""
        context = self.context(name)
        at = context.at + self.quotes_late_by
        snapshot = MarketSnapshot(
            at,
            self.levels(at),
            FuturesCurve((), self._curve()),
            {key: chain for key in request.chains if (chain := self.chain(key, at)) is not None},
            dict(self._quotes(request.contracts, at)),
        )
        indicators = Indicators(
            self.vix_close_count,
            self.hv20,
            self.vix_sma5,
            self.was_hold,
            self.calm_closes,
            hedge_prearm=self.hedge_prearm,
            fear_stretched=self.fear_stretched,
            macd_cross=self.macd_cross,
        )
        return View(context, snapshot, indicators, self.capital(), self.vix_closes)

    def levels(self, at: datetime) -> IndexLevels:
        """Return the index levels."""
        vol = self._vol()
        return IndexLevels(at, self.spx, vol.vix, vol.vix9d, vol.vix3m, vol.vvix)

    def capital(self) -> Capital:
        """Return the account; all of NLV is cash unless said otherwise."""
        nlv = Decimal(self.nlv_usd)
        free = nlv if self.free_cash_usd is None else Decimal(self.free_cash_usd)
        losses = Decimal(self.open_max_loss_usd), Decimal(self.hedge_cost_year_usd)
        return Capital(nlv, nlv, free, *losses)

    def chain(self, key: ChainKey, at: datetime) -> Chain | None:
        """Return the chain of an expiry: the scene's own, or the model's."""
        if key in self.chains:
            return self.chains[key]
        trading_class, expiry = key
        if not calendar().is_session(expiry):
            return None
        years = (calendar().settles_at(*key) - at) / timedelta(days=365)
        vol = self._vol()
        if trading_class is TradingClass.SPXW:
            return surface().spx_chain(
                trading_class=trading_class,
                expiry=expiry,
                at=at,
                spot=self.spx,
                rate_frac=RATE_FRAC,
                years=years,
                sessions_left=self._sessions_left(expiry, at),
                vol=vol,
            )
        forward = float(surface().vix_futures(vol=vol, years=np.array([years]))[0])
        return surface().vix_chain(
            trading_class=trading_class,
            expiry=expiry,
            at=at,
            forward=forward,
            years=years,
            vol=vol,
            rate_frac=RATE_FRAC,
        )

    def _sessions_left(self, expiry: date, at: datetime) -> float:
        today = calendar().session(self.session)
        whole = today.cash_close_at - today.open_at
        left_today = max((today.cash_close_at - at) / whole, 0.0)
        return calendar().index(expiry) - calendar().index(self.session) + left_today

    def _quotes(
        self, contracts: Iterable[OptionContract], at: datetime
    ) -> Iterable[tuple[OptionContract, Quote]]:
        for contract in contracts:
            chain = self.chain((contract.trading_class, contract.expiry), at)
            model = None if chain is None else chain.quote(contract.strike, contract.right)
            quote = self.quotes.get(contract, model)
            if quote is not None:
                yield contract, quote

    def _macro(self) -> MacroCalendar:
        return MacroCalendar(self.releases) if self.macro is None else self.macro

    def _vol(self) -> VolState:
        vix9d = 0.95 * self.vix if self.vix9d is None else self.vix9d
        vix3m = 1.15 * self.vix if self.vix3m is None else self.vix3m
        return VolState(self.vix, vix9d, vix3m, 1.05 * vix3m, vvix=90.0, vix_year_mean=11.0)

    def _curve(self) -> tuple[float, ...]:
        if self.curve is not None:
            return self.curve
        return tuple(round(self.vix * (1.0 + 0.05 * month), 4) for month in range(1, 9))


def decide_entry(scene: Scene, params: MethodParams = DEFAULTS) -> Decision:
    """Return what the condor strategy does at the entry of a scene."""
    strategy = CondorStrategy(params)
    request = strategy.needs(scene.context(MomentName.ENTRY))
    assert request is not None
    return strategy.decide(scene.view(MomentName.ENTRY, request))


def decide_hedge(
    scene: Scene,
    params: MethodParams = DEFAULTS,
    name: MomentName = MomentName.HEDGE_WINDOW,
) -> Decision:
    """Return what the hedge does at a moment of a scene."""
    strategy = AlvhStrategy(params)
    request = strategy.needs(scene.context(name))
    assert request is not None
    return strategy.decide(scene.view(name, request))


def hedge_view(
    scene: Scene,
    params: MethodParams = DEFAULTS,
    name: MomentName = MomentName.HEDGE_WINDOW,
) -> View:
    """Return what the hedge sees at a moment of a scene."""
    request = AlvhStrategy(params).needs(scene.context(name))
    assert request is not None
    return scene.view(name, request)


def purposes(decision: Decision) -> list[tuple[str, int]]:
    """Return what each order is for, with its quantity."""
    return [(order.purpose, order.quantity) for order in decision.orders]


def told(decision: Decision, name: str) -> FilterResult:
    """Return the entry of this name in a decision's filter vector."""
    return next(result for result in decision.filters if result.name == name)


def quotes(**prices: tuple[float, float, float]) -> dict[OptionContract, Quote]:
    """Return quotes (bid, ask, delta) of the sample ladder's calls by layer."""
    contracts = {str(position.layer): position.contract for position in ladder()}
    return {
        contracts[layer]: Quote(WINDOW_AT, bid, ask, None, delta)
        for layer, (bid, ask, delta) in prices.items()
    }


def call_chain(
    key: ChainKey, at: datetime, rows: Iterable[tuple[float, float, float, float]]
) -> Chain:
    """Return a chain of calls written out by hand: (strike, bid, ask, delta) in every row."""
    strikes, bid, ask, delta = (
        np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)
    )
    nothing = np.full(len(strikes), np.nan)
    return Chain(
        *key,
        at,
        forward=15.0,
        years=0.1,
        discount=1.0,
        strikes=strikes,
        put_bid=nothing,
        put_ask=nothing,
        call_bid=bid,
        call_ask=ask,
        put_iv=nothing,
        call_iv=nothing,
        put_delta=nothing,
        call_delta=delta,
    )


def even_calls(at: datetime = WINDOW_AT) -> dict[ChainKey, Chain | None]:
    """Return three equal chains in which a call of delta d is offered at 4 × d, bid 0.10 less.

    A unit at the default deltas costs 4 × 180 + 4 × 120 + 2 × 80 = $1,360.
    """
    deltas = [0.45, 0.40, 0.35, 0.30, 0.25, 0.20, 0.15]
    rows = [
        (16.0 + n, round(4 * delta - 0.1, 2), round(4 * delta, 2), delta)
        for n, delta in enumerate(deltas)
    ]
    return {key: call_chain(key, at, rows) for key in (NEAR_KEY, MID_KEY, LONG_KEY)}
