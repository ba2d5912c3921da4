"""What the book is worth: marks, capital for decisions, and the equity point of a session.

A mark is the mid of a good quote; without one it is the last mark, else intrinsic value, and it
says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from bot.book import Book
from bot.events import EquityMarked, LayerMark
from bot.held import CONDOR, HEDGE
from bot.ledger import Holding
from market.instruments import OptionContract
from market.orders import ZERO
from market.quotes import IndexLevels, MarketSnapshot, Quote
from market.schedule import Moment
from market.sessions import SessionCalendar
from market.values import value
from strategies.base import Capital
from strategies.temporal import temporal_theta

CENT = Decimal("0.01")
MARK_DIGITS = 4
THETA_DIGITS = 6


class Mark(NamedTuple):
    """The value of one contract in points and whether a quote stands behind it."""

    points: float
    is_quoted: bool


class MarkedCall(NamedTuple):
    """A holding of the hedge with its quote, its mark and its value in dollars."""

    layer: str
    holding: Holding
    quote: Quote | None
    mark: Mark
    value_usd: Decimal


def mark_of(
    contract: OptionContract, quote: Quote | None, last_mark: float | None, underlying: float
) -> Mark:
    """Return the mark of one contract: mid, else last mark, else intrinsic value."""
    mid = None if quote is None else quote.mid
    if mid is not None:
        return Mark(round(mid, MARK_DIGITS), True)
    if last_mark is not None:
        return Mark(last_mark, False)
    return Mark(float(contract.intrinsic_points(Decimal(str(underlying)))), False)


@value(frozen=True, slots=True)
class Valuation:
    """Marked values by strategy in dollars, and the hedge contract by contract."""

    value_usd: Mapping[str, Decimal]
    calls: tuple[MarkedCall, ...]

    @property
    def total_usd(self) -> Decimal:
        """Return the value of all holdings."""
        return sum(self.value_usd.values(), ZERO)

    def layers(self) -> tuple[LayerMark, ...]:
        """Return the hedge as the equity point of a session tells it, while nothing has traded."""
        return tuple(_layer_mark(*call) for call in self.calls)


def value_book(book: Book, snapshot: MarketSnapshot) -> Valuation:
    """Return what all holdings are worth on this snapshot."""
    values: dict[str, Decimal] = {CONDOR: ZERO, HEDGE: ZERO}
    calls: list[MarkedCall] = []
    levels = snapshot.levels
    for holding in book.ledger.holdings.values():
        contract = holding.contract
        quote = snapshot.quotes.get(contract)
        underlying = levels.spx if contract.spec.underlying == "SPX" else levels.vix
        mark = mark_of(contract, quote, book.last_mark.get(contract), underlying)
        value = holding.position * Decimal(str(mark.points)) * contract.multiplier
        values[holding.strategy] += value
        if holding.layer is not None:
            calls.append(MarkedCall(holding.layer, holding, quote, mark, value))
    return Valuation(values, tuple(calls))


def _layer_mark(
    layer: str, holding: Holding, quote: Quote | None, mark: Mark, value_usd: Decimal
) -> LayerMark:
    delta = None if quote is None or quote.delta is None else round(quote.delta, 6)
    return LayerMark(
        layer,
        holding.contract.symbol,
        holding.position,
        mark.points,
        delta,
        value_usd,
        mark.is_quoted,
        holding.campaign,
    )


def capital_of(book: Book, valuation: Valuation, vix: float) -> Capital:
    """Return the account's figures for a decision at a level of VIX."""
    cash = book.ledger.cash_usd
    return Capital(
        nlv_usd=cash + valuation.total_usd,
        cash_usd=cash,
        free_cash_usd=cash - book.width_margin_usd(),
        open_max_loss_usd=book.open_max_loss_usd(),
        hedge_cost_year_usd=book.hedge_cost_year_usd,
        hedge_value_usd=valuation.value_usd[HEDGE],
        steward_is_halved=book.memory.steward.is_halved,
        temporal_theta_condor=book.memory.theta.last,
        tt_mean_condor=book.memory.theta.mean,
        expected=book.memory.expected(vix),
    )


@dataclass(frozen=True, slots=True)
class TemporalThetas:
    """R-29's temporal theta of the condors held and of the hedge; None is unknown."""

    condor: float | None = None
    hedge: float | None = None


NO_THETAS = TemporalThetas()


def temporal_thetas(
    book: Book,
    snapshot: MarketSnapshot,
    calendar: SessionCalendar,
    vix9d_sd_points: float | None,
) -> TemporalThetas:
    """Return the temporal theta of both books on this snapshot (R-29)."""

    def settles_at(contract: OptionContract) -> datetime:
        return calendar.settles_at(contract.trading_class, contract.expiry)

    def of(strategy: str) -> float | None:
        holdings = book.ledger.holdings.values()
        held = [(each.contract, each.position) for each in holdings if each.strategy == strategy]
        found = temporal_theta(held, snapshot.quotes, settles_at, vix9d_sd_points)
        return None if found is None else round(found, THETA_DIGITS)

    return TemporalThetas(of(CONDOR), of(HEDGE))


def mark_equity(
    book: Book,
    moment: Moment,
    levels: IndexLevels,
    valuation: Valuation,
    thetas: TemporalThetas = NO_THETAS,
) -> EquityMarked:
    """Return the equity point of a session: the same fills with the hedge and without it."""
    ledger = book.ledger
    cash = ledger.cash_usd
    hedge_pnl = ledger.purse(HEDGE).cash_usd + valuation.value_usd[HEDGE]
    nlv = cash + valuation.total_usd
    return EquityMarked(
        moment.at,
        moment.session,
        levels.spx,
        levels.vix,
        nlv.quantize(CENT),
        (nlv - hedge_pnl).quantize(CENT),
        cash,
        valuation.value_usd[CONDOR].quantize(CENT),
        valuation.value_usd[HEDGE].quantize(CENT),
        hedge_pnl.quantize(CENT),
        ledger.fees_usd,
        book.open_max_loss_usd(),
        valuation.layers(),
        thetas.condor,
        thetas.hedge,
    )
