"""What a person may order of a running bot: halt, resume, flatten; kept as records."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from bot.commands import FetchSnapshot
from bot.events import (
    FlattenAsked,
    HaltAsked,
    ResumeAsked,
    SnapshotTaken,
    TradingHalted,
    TradingResumed,
)
from bot.held import HEDGE
from bot.ledger import Holding
from market.instruments import OptionContract, floor_to_tick, tick_size
from market.orders import Leg, OrderIntent
from market.quotes import Quote, SnapshotRequest
from market.schedule import MissedPolicy, Moment, MomentName
from strategies.base import CondorPosition, Decision
from strategies.shift_orders import ORDER_LIFE, buy_back

PERSON = "PERSON"
STRATEGY, MOMENT = "person", "on_request"
FLATTEN = "flatten"
FLATTEN_HEDGE_TOO = "flatten_hedge_too"
NO_GRACE = timedelta(0)


def halted(asked: HaltAsked, session: date) -> TradingHalted:
    """Return the record of a halt that only a person's word ends."""
    sentence = (
        f"Trading is halted until a person resumes it: {asked.reason.rstrip('.')}."
        " The hedge is kept."
    )
    return TradingHalted(asked.at, session, PERSON, sentence, None)


def resumed(asked: ResumeAsked, session: date, halt: TradingHalted) -> TradingResumed:
    """Return the record that ends a halt by a person's word."""
    sentence = f"Trading resumes after {halt.code}: {asked.reason.rstrip('.')}."
    return TradingResumed(asked.at, session, sentence)


@dataclass(frozen=True, slots=True)
class Flat:
    """The orders that close what a person wants closed, and what cannot be priced now."""

    orders: tuple[OrderIntent, ...]
    unpriced: tuple[str, ...]

    def decision(self, at: datetime, session: date) -> Decision:
        """Return it as a decision with its sentence."""
        sentence = f"A person flattens: {len(self.orders)} orders."
        if self.unpriced:
            sentence += f" Without a quote, so left as they are: {', '.join(self.unpriced)}."
        return Decision(
            STRATEGY, MOMENT, session, at, "FLATTEN", PERSON, sentence, orders=self.orders
        )


def flat(
    condors: Iterable[CondorPosition],
    hedge: Iterable[Holding],
    quotes: Mapping[OptionContract, Quote],
    at: datetime,
) -> Flat:
    """Return the orders that close condors and hedge at their natural prices."""
    orders: list[OrderIntent] = []
    unpriced: list[str] = []
    for condor in condors:
        debit = _debit(condor, quotes)
        if debit is None:
            unpriced.append(condor.campaign)
        else:
            orders.append(buy_back(condor, debit, at, FLATTEN))
    for holding in hedge:
        sale = _sale(holding, quotes.get(holding.contract), at)
        if sale is None:
            unpriced.append(holding.contract.symbol)
        else:
            orders.append(sale)
    return Flat(tuple(orders), tuple(unpriced))


def _debit(condor: CondorPosition, quotes: Mapping[OptionContract, Quote]) -> float | None:
    """Return what buying a condor back costs at once, points; None when a short has no ask."""
    return _sum(_price(sign, quotes.get(c)) for c, sign in condor.signed_contracts())


def _sum(prices: Iterator[float | None]) -> float | None:
    total = 0.0
    for price in prices:
        if price is None:
            return None
        total += price
    return total


def _price(sign: int, quote: Quote | None) -> float | None:
    if sign < 0:
        return None if quote is None else quote.ask
    bid = None if quote is None else quote.bid
    return -(bid or 0.0)


def _sale(holding: Holding, quote: Quote | None, at: datetime) -> OrderIntent | None:
    """Return the order that sells one holding of the hedge at its bid, None without one.

    A bid of less than a tick cannot be met: quotes stand on cents, orders on 0.05. The order then
    asks for the tick.
    """
    if quote is None or not quote.bid or holding.position <= 0:
        return None
    bid = Decimal(str(round(quote.bid, 4)))
    tick = tick_size(holding.contract.trading_class, bid)
    return OrderIntent(
        strategy=HEDGE,
        purpose=FLATTEN,
        campaign=holding.campaign,
        legs=(Leg(holding.contract, -1),),
        quantity=holding.position,
        limit_credit=max(floor_to_tick(bid, tick), tick),
        good_until=at + ORDER_LIFE,
        layer=holding.layer,
        is_closing=True,
    )


def look(asked: FlattenAsked, session: date, held: Iterable[OptionContract]) -> FetchSnapshot:
    """Return the look at the market on which a flattening is decided."""
    moment = Moment(MomentName.ON_REQUEST, asked.at, session, MissedPolicy.SKIP, NO_GRACE)
    wanted = SnapshotRequest(contracts=tuple(held))
    return FetchSnapshot(moment, (asks_for_hedge(asked),), wanted)


def flattening(
    taken: SnapshotTaken, condors: Iterable[CondorPosition], holdings: Iterable[Holding]
) -> Decision | None:
    """Return the decision that closes what a person wanted closed, None if a look was for else."""
    hedge_too = FLATTEN_HEDGE_TOO in taken.asked_by
    if not hedge_too and FLATTEN not in taken.asked_by:
        return None
    snapshot = taken.snapshot
    hedge = [each for each in holdings if each.strategy == HEDGE] if hedge_too else []
    closing = flat(condors, hedge, snapshot.quotes, snapshot.at)
    return closing.decision(snapshot.at, taken.moment.session)


def asks_for_hedge(asked: FlattenAsked) -> str:
    """Return the name under which the quotes of a flattening are asked for."""
    return FLATTEN_HEDGE_TOO if asked.with_hedge else FLATTEN
