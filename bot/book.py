"""The book: what the daemon believes it holds and what works, rebuilt from events alone.

Rules of this file:
- `apply` is the only way in, so that a journal's records rebuild the book whole. An event that
  contradicts the book breaks an invariant and changes nothing.
- Fills are facts: one that arrives after its order ended is booked all the same; the same fill
  told twice is booked once.
- Positions are attributed to campaign and layer.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from bot.events import (
    BooksAdopted,
    DecisionMade,
    EquityMarked,
    MomentReached,
    OrderApproved,
    OrderStopped,
    Record,
    TradingHalted,
    TradingResumed,
)
from bot.held import CONDOR, HEDGE, condors_of, layers_of, width_usd
from bot.ledger import Holding, Ledger
from bot.memory import Memory
from bot.order_states import ACTIVE, NEXT_STATUS, OrderState, OrderStatus, check_fill
from bot.safety import DRAWDOWN
from market.errors import InvariantBroken
from market.instruments import OptionContract
from market.orders import (
    FillCharged,
    LineChanged,
    LineState,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderIntent,
    OrderRejected,
    OrderRepriced,
    PositionSettled,
)
from market.schedule import MomentName
from strategies.base import CondorPosition, HedgePlan, Positions
from strategies.condor import ENTRY_PURPOSE
from strategies.params import CapitalParams

SESSIONS_OF_YEAR = 252
STEWARD_FALL_FRAC = CapitalParams().steward_drawdown_frac
ZERO = Decimal(0)


@dataclass(slots=True)
class SessionLog:
    """What the running session has seen: orders sent, and how its condor entry stands."""

    session: date | None = None
    orders_sent: int = 0
    entry_orders: list[OrderState] = field(default_factory=list)
    entry_reason: str | None = None


@dataclass(slots=True)
class FollowUp:
    """An order that waits for another of its decision to fill whole."""

    moment: MomentName
    session: date
    intent: OrderIntent
    is_ready: bool = False


class Book:
    """Holdings, orders, hedge plan and equity of one account."""

    def __init__(self, start_usd: Decimal, steward_fall_frac: float = STEWARD_FALL_FRAC) -> None:
        self.memory = Memory(start_usd, steward_fall_frac)
        self.ledger = Ledger(start_usd)
        self.orders: dict[str, OrderState] = {}
        self.plan: HedgePlan | None = None
        self.last_mark: dict[OptionContract, float] = {}
        self.fill_fees_usd: dict[str, Decimal] = {}
        self.line = LineState.READY
        self.hedge_pnl: deque[Decimal] = deque(maxlen=SESSIONS_OF_YEAR + 1)
        self._active: dict[str, OrderState] = {}
        self._follow_ups: list[FollowUp] = []
        self.halt: TradingHalted | None = None
        self.last_nlv_usd = self.peak_nlv_usd = start_usd
        self._today = SessionLog()
        self._stopped_session: date | None = None
        self._settling: set[str] = set()
        self._view: Positions | None = None
        self._appliers: dict[type, Callable[..., None]] = {
            MomentReached: self._reached,
            OrderApproved: self._approved,
            OrderStopped: self._stopped,
            OrderAccepted: self._moved,
            OrderRejected: self._rejected,
            OrderRepriced: self._repriced,
            OrderFilled: self._filled,
            FillCharged: self._charged,
            LineChanged: self._line_changed,
            OrderCancelled: self._moved,
            PositionSettled: self._settled,
            DecisionMade: self._decided,
            EquityMarked: self._marked,
            TradingHalted: self._halted,
            TradingResumed: self._resumed,
            BooksAdopted: self._adopted,
        }

    def apply(self, record: Record) -> None:
        """Change the book by one event; kinds that do not concern it change nothing.

        Raises:
            InvariantBroken: the event contradicts the book.
        """
        applier = self._appliers.get(type(record))
        if applier is not None:
            applier(record)

    def _log_of(self, session: date) -> SessionLog:
        if self._today.session != session:
            self._today = SessionLog(session)
        return self._today

    def _reached(self, record: MomentReached) -> None:
        if record.name == MomentName.EXPIRING_STOP:
            self._stopped_session = record.session

    def _approved(self, record: OrderApproved) -> None:
        order = record.order
        if order.order_id in self.orders:
            raise InvariantBroken(f"order {order.order_id} was approved twice")
        limit = order.intent.limit_credit
        state = OrderState(order, OrderStatus.APPROVED, 0, ZERO, limit)
        self.orders[order.order_id] = self._active[order.order_id] = state
        log = self._log_of(record.session)
        log.orders_sent += 1
        self._drop_follow_up(order.intent.purpose)
        if order.intent.strategy == CONDOR and order.intent.purpose == ENTRY_PURPOSE:
            log.entry_orders.append(state)
        self._view = None

    def _stopped(self, record: OrderStopped) -> None:
        self._drop_follow_up(record.purpose)
        if record.strategy == CONDOR and record.purpose == ENTRY_PURPOSE:
            self._log_of(record.session).entry_reason = f"RISK_{record.code}"

    def _order(self, order_id: str) -> OrderState:
        state = self.orders.get(order_id)
        if state is None:
            raise InvariantBroken(
                f"the broker speaks of order {order_id}, which the book never sent"
            )
        return state

    def _moved(self, record: OrderAccepted | OrderCancelled) -> None:
        state = self._order(record.order_id)
        self._set(state, NEXT_STATUS.get((state.status, type(record)), state.status))

    def _set(self, state: OrderState, status: OrderStatus) -> None:
        state.status = status
        if status not in ACTIVE:
            self._settle_follow_ups(state)
        if status not in ACTIVE and self._active.pop(state.order.order_id, None) is not None:
            self._view = None

    def _settle_follow_ups(self, ended: OrderState) -> None:
        """Release what waited for this order when it filled whole; forget it when it did not."""
        purpose = ended.order.intent.purpose
        for waiting in list(self._follow_ups):
            if waiting.intent.after == purpose:
                waiting.is_ready = ended.status is OrderStatus.FILLED
                if not waiting.is_ready:
                    self._follow_ups.remove(waiting)

    def _drop_follow_up(self, purpose: str) -> None:
        self._follow_ups = [f for f in self._follow_ups if f.intent.purpose != purpose]

    @property
    def has_follow_ups(self) -> bool:
        """Tell whether an order waits for another to fill whole."""
        return bool(self._follow_ups)

    def ready_follow_ups(self) -> tuple[FollowUp, ...]:
        """Return the orders whose turn has come."""
        return tuple(waiting for waiting in self._follow_ups if waiting.is_ready)

    def _rejected(self, record: OrderRejected) -> None:
        state = self._order(record.order_id)
        if (state.status, OrderRejected) in NEXT_STATUS:
            self._set(state, NEXT_STATUS[state.status, OrderRejected])
            state.refusal = record.code

    def _repriced(self, record: OrderRepriced) -> None:
        self._order(record.order_id).limit_credit = record.limit_credit

    def _filled(self, record: OrderFilled) -> None:
        if record.fill_id in self.fill_fees_usd:
            return
        state = self._order(record.order_id)
        check_fill(record, state)
        self.fill_fees_usd[record.fill_id] = record.fees_usd
        intent, session = state.order.intent, state.order.session
        sold_usd = self._cost_of_sold(intent, record.quantity)
        for leg, price in zip(intent.legs, record.leg_prices, strict=True):
            key = (intent.strategy, intent.campaign, intent.layer, leg.contract)
            self.ledger.trade(key, leg.ratio * record.quantity, price, session)
        self.ledger.charge(intent.strategy, record.fees_usd)
        if intent.strategy == HEDGE:
            fees = record.fees_usd
            self.memory.hedge.fill(intent, record.quantity, record.credit, fees, sold_usd, session)
        state.filled += record.quantity
        state.credit_sum += record.credit * record.quantity
        if state.remaining == 0:
            self._set(state, OrderStatus.FILLED)
        self._view = None

    def _charged(self, record: FillCharged) -> None:
        """Book the difference to the charge known so far."""
        known_usd = self.fill_fees_usd.get(record.fill_id)
        if known_usd is None:
            raise InvariantBroken(
                f"the broker charges for fill {record.fill_id}, which the book never booked"
            )
        strategy = self._order(record.order_id).order.intent.strategy
        self.ledger.charge(strategy, record.fees_usd - known_usd)
        self.fill_fees_usd[record.fill_id] = record.fees_usd

    def _line_changed(self, record: LineChanged) -> None:
        self.line = record.state

    def _adopted(self, record: BooksAdopted) -> None:
        """Take over positions, ends of orders and cash as a person wants them."""
        for name in record.ended_orders:
            self._set(self._order(name), OrderStatus.CANCELLED)
        for symbol, count in record.positions.items():
            self.ledger.adopt(OptionContract.parse(symbol), count, record.at.date())
        self.ledger.adopt_cash(record.cash_change_usd)
        self._view = None

    def _cost_of_sold(self, intent: OrderIntent, quantity: int) -> Decimal:
        """Return what the contracts that a fill sells had cost, dollars."""
        cost = ZERO
        for leg in intent.legs:
            key = (intent.strategy, intent.campaign, intent.layer, leg.contract)
            holding = self.ledger.holdings.get(key)
            if leg.ratio < 0 and holding is not None and holding.position > 0:
                share = Decimal(min(-leg.ratio * quantity, holding.position)) / holding.position
                cost += holding.paid_usd * share
        return cost

    def _settled(self, record: PositionSettled) -> None:
        held = self.ledger.positions().get(record.contract, 0)
        if held != record.position:
            raise InvariantBroken(
                f"{record.contract.symbol} settled {record.position} contracts, the book has {held}"
            )
        worth = record.position * record.value_points * record.contract.multiplier
        if record.cash_usd != worth:
            raise InvariantBroken(
                f"{record.contract.symbol} settled for ${record.cash_usd}, it was worth ${worth}"
            )
        ended = self.ledger.settle(record.contract, record.value_points)
        self._settling.update(holding.campaign for holding in ended if holding.strategy == CONDOR)
        self._view = None

    def _decided(self, record: DecisionMade) -> None:
        decision = record.decision
        if decision.plan is not None:
            self.plan = decision.plan
            self._view = None
        for intent in decision.orders:
            if intent.after is not None:
                moment = MomentName(decision.moment)
                self._follow_ups.append(FollowUp(moment, decision.session, intent))
        if decision.strategy == CONDOR and decision.moment == MomentName.ENTRY:
            self._log_of(record.session).entry_reason = decision.reason
            self.memory.note_entry(record.session, decision.facts)

    def _halted(self, record: TradingHalted) -> None:
        self.halt = record
        self._view = None

    def _resumed(self, _record: TradingResumed) -> None:
        if self.halt is not None and self.halt.code == DRAWDOWN:
            # Without a new peak the same fall would halt again at once.
            self.peak_nlv_usd = self.last_nlv_usd
        self.halt = None
        self._view = None

    def _marked(self, record: EquityMarked) -> None:
        self.last_nlv_usd = record.nlv_usd
        self.peak_nlv_usd = max(self.peak_nlv_usd, record.nlv_usd)
        self.memory.mark(record)
        self.hedge_pnl.append(record.hedge_pnl_usd)
        self.last_mark = {
            OptionContract.parse(mark.contract): mark.mark_points for mark in record.layers
        }

    @property
    def hedge_cost_year_usd(self) -> Decimal:
        """Return the hedge's net loss over the last 252 sessions, 0 when it gained."""
        if not self.hedge_pnl:
            return ZERO
        first = self.hedge_pnl[0] if len(self.hedge_pnl) > SESSIONS_OF_YEAR else ZERO
        return max(ZERO, first - self.hedge_pnl[-1])

    def working(self) -> tuple[OrderState, ...]:
        """Return the orders not yet at an end."""
        return tuple(self._active.values())

    def orders_sent(self, session: date) -> int:
        """Return how many orders were approved in the running session."""
        return self._today.orders_sent if self._today.session == session else 0

    def entry_orders(self, session: date) -> tuple[OrderState, ...]:
        """Return the condor entry orders of the running session."""
        return tuple(self._today.entry_orders) if self._today.session == session else ()

    def entry_reason(self, session: date) -> str | None:
        """Return the reason of the running session's entry decision, None before it."""
        return self._today.entry_reason if self._today.session == session else None

    def no_entry_reason(self, session: date, *, is_enabled: bool) -> str:
        """Return why the running session's entry opened nothing."""
        entries = self.entry_orders(session)
        if entries:
            refused = [state for state in entries if state.status is OrderStatus.REJECTED]
            return f"REJECTED_{refused[0].refusal}" if refused else "NO_FILL"
        if not is_enabled:
            return "DISABLED"
        return self.entry_reason(session) or "MISSED"

    def open_max_loss_usd(self) -> Decimal:
        """Return what all open condors can still lose.

        From the expiring stop of their last session on, series count nothing (amendment A4).
        """
        stopped = self._stopped_session or date.min
        condors = self.positions().condors
        return sum((c.max_loss_usd for c in condors if c.expiry > stopped), ZERO)

    def width_margin_usd(self) -> Decimal:
        """Return the cash that open condors tie up: width × 100 × contracts."""
        return sum((width_usd(condor) for condor in self.positions().condors), ZERO)

    def positions(self) -> Positions:
        """Return what is held and what works, as strategies see it."""
        if self._view is None:
            holdings = self.ledger.holdings.values()
            self._view = Positions(
                tuple(self._condors(holdings)),
                tuple(layers_of(holdings)),
                tuple(state.order.intent for state in self.working()),
                self.plan,
                self.memory.hedge.memory,
                self.halt is not None,
            )
        return self._view

    def _condors(self, holdings: Iterable[Holding]) -> Iterable[CondorPosition]:
        """Group legs by campaign; one that is being settled leg by leg is no condor any more."""
        campaigns: dict[str, list[Holding]] = {}
        for holding in holdings:
            if holding.strategy == CONDOR:
                campaigns.setdefault(holding.campaign, []).append(holding)
        self._settling &= campaigns.keys()
        for campaign, legs in campaigns.items():
            if campaign not in self._settling:
                yield from condors_of(campaign, legs)
