"""Looks after orders that work: the walk of their limits, their end, and cancels still owed.

A limit is changed, or an order cancelled, only while the line is READY and the order was found by
its permanent id since the line came back. A change that is not acknowledged is not followed by
another; the order is read again first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.ib import translate
from brokers.ib.contracts import ContractCache
from brokers.ib.ledger import OrderLedger
from brokers.ib.line import Line
from brokers.ib.tracked import Stage, TrackedOrder
from brokers.ib.walk import limit_after, next_step_at
from market.errors import BrokerUnavailable, OrderRefused
from market.orders import OrderAccepted

GOOD_UNTIL_REASON = "good-until reached"


@dataclass(slots=True)
class _Walk:
    """How far a working order's limit has given way, and what is asked of it."""

    steps: int = 0
    step_at: datetime | None = None
    sent_limit: Decimal | None = None
    cancel_wanted: bool = False


class Walker:
    """Tends the orders of one ledger over one line."""

    def __init__(
        self,
        line: Line,
        ledger: OrderLedger,
        cache: ContractCache,
        *,
        account: str,
        try_again_after: timedelta,
        reread_at: Callable[[datetime], None],
    ) -> None:
        self._line = line
        self._ledger = ledger
        self._cache = cache
        self._account = account
        self._try_again_after = try_again_after
        self._reread_at = reread_at
        self._walks: dict[str, _Walk] = {}

    def due(self) -> datetime | None:
        """Return when an order next wants to be looked after."""
        instants = [self._due_of(tracked) for tracked in self._ledger.active()]
        return min((at for at in instants if at is not None), default=None)

    def _due_of(self, tracked: TrackedOrder) -> datetime | None:
        if tracked.stage is not Stage.WORKING:
            return None
        walk = self._walk(tracked)
        until = tracked.order.intent.good_until
        return until if walk.step_at is None else min(walk.step_at, until)

    def _walk(self, tracked: TrackedOrder) -> _Walk:
        return self._walks.setdefault(tracked.order.order_id, _Walk())

    def begin(self, accepted: OrderAccepted) -> None:
        """Start the walk where the order stands, which after a restart may be further on."""
        tracked = self._ledger.orders[accepted.order_id]
        intent, walk = tracked.order.intent, self._walk(tracked)
        limits = [limit_after(intent, steps) for steps in range(intent.walk.times + 1)]
        passed = [steps for steps, limit in enumerate(limits) if limit >= tracked.limit_credit]
        walk.steps = max(passed, default=0)
        walk.step_at = next_step_at(intent, walk.steps, accepted.at, accepted.at)

    def forget_changes(self) -> None:
        """Take no change as sent: the line was down, and each order's limit is read again."""
        for walk in self._walks.values():
            walk.sent_limit = None

    def tend(self, at: datetime) -> None:
        """Do what is due for every order that is known to work."""
        for tracked in self._ledger.active():
            is_sure = tracked.order.order_id not in self._ledger.doubted
            if tracked.stage is Stage.WORKING and is_sure:
                self._tend(tracked, self._walk(tracked), at)

    def _tend(self, tracked: TrackedOrder, walk: _Walk, at: datetime) -> None:
        if walk.cancel_wanted:
            self.cancel(tracked, tracked.cancel_reason, at)
        elif tracked.order.intent.good_until <= at:
            self.cancel(tracked, GOOD_UNTIL_REASON, at)
        elif walk.step_at is not None and walk.step_at <= at:
            self._step(tracked, walk, at)

    def cancel(self, tracked: TrackedOrder, reason: str, at: datetime) -> None:
        """Cancel an order, at once or as soon as the line stands and the order was found."""
        self._walk(tracked).cancel_wanted = True
        tracked.cancel_reason = reason
        is_sure = tracked.order.order_id not in self._ledger.doubted
        if not (self._line.is_ready and tracked.tws_order_id and is_sure):
            return
        try:
            self._line.wire.cancel(tracked.tws_order_id)
        except BrokerUnavailable:
            self._ledger.doubt(tracked)
            return
        tracked.stage = Stage.CANCELLING
        self._reread_at(at + self._try_again_after)

    def _step(self, tracked: TrackedOrder, walk: _Walk, at: datetime) -> None:
        intent, due_at = tracked.order.intent, walk.step_at or at
        if walk.sent_limit is not None and tracked.limit_credit != walk.sent_limit:
            walk.step_at = at + self._try_again_after
            self._ledger.doubt(tracked)
            self._reread_at(at)
            return
        limit = limit_after(intent, walk.steps + 1)
        try:
            self._change(tracked, limit)
        except (BrokerUnavailable, OrderRefused):
            walk.step_at = at + self._try_again_after
            return
        walk.steps += 1
        walk.sent_limit = limit
        walk.step_at = next_step_at(intent, walk.steps, due_at, at)

    def _change(self, tracked: TrackedOrder, limit: Decimal) -> None:
        wire, intent = self._line.wire, tracked.order.intent
        known = {leg.contract: self._cache.con_id(leg.contract) for leg in intent.legs}
        ids = {contract: con_id for contract, con_id in known.items() if con_id is not None}
        contract = translate.order_contract(wire.api, intent, ids)
        changed = translate.limit_order(
            wire.api, tracked.order, limit, account=self._account, perm_id=tracked.perm_id
        )
        wire.place(tracked.tws_order_id, contract, changed)
