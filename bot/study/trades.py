"""Follows each condor from its first fill to its end, with its shifts and without them."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bot.study.tables import TradeRow
from market.instruments import OptionContract, Right
from market.orders import Order, OrderFilled
from strategies.base import Decision
from strategies.shift_orders import CLOSE, OPEN
from strategies.time_shift import root_campaign

MULTIPLIER = 100.0


@dataclass(slots=True)
class _Open:
    """A condor that is not over: cash so far, contracts held, and the terms of its entry."""

    session: date
    tier: str
    vix: float
    entry: dict[OptionContract, int] = field(default_factory=dict)
    held: dict[OptionContract, int] = field(default_factory=dict)
    quantity: int = 0
    credit_sum: float = 0.0
    mid_sum: float | None = 0.0
    entry_fees_usd: float = 0.0
    fees_usd: float = 0.0
    cash_usd: float = 0.0
    closing_usd: float | None = None
    rolls: list[float] = field(default_factory=list)


class TradeKeeper:
    """Keeps open condors by campaign; `finished` holds those that are over."""

    def __init__(self) -> None:
        self.finished: list[TradeRow] = []
        self._open: dict[str, _Open] = {}
        self._orders: dict[str, Order] = {}
        self._held_net: dict[str, tuple[float, str]] = {}
        self._last: tuple[str, float] = ("", 0.0)

    def decided(self, decision: Decision) -> None:
        """Take in an entry decision: tier and VIX of what may fill next."""
        vix = decision.facts.get("vix")
        self._last = (
            str(decision.facts.get("tier", "")),
            float(vix) if isinstance(vix, int | float) else 0.0,
        )

    def approved(self, order: Order) -> None:
        """Take in an order of the condor's book."""
        self._orders[order.order_id] = order

    def filled(self, fill: OrderFilled) -> None:
        """Book one fill of a condor order; others are passed over."""
        order = self._orders.get(fill.order_id)
        if order is None:
            return
        intent, root = order.intent, root_campaign(order.intent.campaign)
        trade = self._open.setdefault(root, _Open(order.session, *self._last))
        cash = float(fill.credit) * fill.quantity * MULTIPLIER - float(fill.fees_usd)
        trade.cash_usd += cash
        trade.fees_usd += float(fill.fees_usd)
        for leg in intent.legs:
            change = leg.ratio * fill.quantity
            trade.held[leg.contract] = trade.held.get(leg.contract, 0) + change
        if not intent.is_closing and intent.campaign == root:
            self._entered(trade, order, fill)
        elif intent.purpose == CLOSE:
            trade.closing_usd = (trade.closing_usd or 0.0) + cash
        elif intent.purpose == OPEN and trade.closing_usd is not None:
            trade.rolls.append((trade.closing_usd + cash) / fill.quantity)
            trade.closing_usd = None

    def _entered(self, trade: _Open, order: Order, fill: OrderFilled) -> None:
        trade.quantity += fill.quantity
        trade.credit_sum += float(fill.credit) * fill.quantity
        trade.entry_fees_usd += float(fill.fees_usd)
        if fill.mid_credit is None or trade.mid_sum is None:
            trade.mid_sum = None
        else:
            trade.mid_sum += float(fill.mid_credit) * fill.quantity
        for leg in order.intent.legs:
            change = leg.ratio * fill.quantity
            trade.entry[leg.contract] = trade.entry.get(leg.contract, 0) + change

    def settle(self, session: date, spx_close: float) -> None:
        """Turn what expires this session into cash and close the trades that hold nothing."""
        self._orders = {
            name: order for name, order in self._orders.items() if order.session == session
        }
        close = Decimal(f"{spx_close:.2f}")
        for campaign, trade in list(self._open.items()):
            ended = [each for each in trade.held if each.expiry <= session]
            for contract in ended:
                value = float(contract.intrinsic_points(close))
                trade.cash_usd += trade.held.pop(contract) * value * MULTIPLIER
            expiry = max((each.expiry for each in trade.entry), default=session)
            if session == expiry:
                self._note_held(campaign, trade, close)
            if not any(trade.held.values()) and session >= expiry:
                self._finish(campaign, session, trade)

    def _note_held(self, campaign: str, trade: _Open, close: Decimal) -> None:
        owed = sum(
            position * float(contract.intrinsic_points(close)) * MULTIPLIER
            for contract, position in trade.entry.items()
        )
        cash = trade.credit_sum * MULTIPLIER - trade.entry_fees_usd + owed
        self._held_net[campaign] = (cash, _breach(trade.entry, float(close)))

    def _finish(self, campaign: str, session: date, trade: _Open) -> None:
        del self._open[campaign]
        if not trade.quantity:
            return
        net, breach = self._held_net.pop(campaign, (trade.cash_usd, ""))
        put, call, width = _strikes(trade.entry)
        self.finished.append(
            TradeRow(
                campaign,
                trade.session,
                max(each.expiry for each in trade.entry),
                session,
                trade.tier,
                trade.vix,
                trade.quantity,
                trade.credit_sum / trade.quantity,
                None if trade.mid_sum is None else trade.mid_sum / trade.quantity,
                width,
                put,
                call,
                trade.fees_usd,
                round(trade.cash_usd, 2),
                round(net, 2),
                breach,
                tuple(round(each, 2) for each in trade.rolls),
            )
        )


def _strikes(entry: dict[OptionContract, int]) -> tuple[float, float, float]:
    """Return short put, short call and wing width of an entry."""
    shorts = {each.right: float(each.strike) for each, position in entry.items() if position < 0}
    longs = {each.right: float(each.strike) for each, position in entry.items() if position > 0}
    width = shorts.get(Right.PUT, 0.0) - longs.get(Right.PUT, 0.0)
    return shorts.get(Right.PUT, 0.0), shorts.get(Right.CALL, 0.0), width


def _breach(entry: dict[OptionContract, int], close: float) -> str:
    put, call, _width = _strikes(entry)
    if close < put:
        return "put"
    return "call" if close > call else ""
