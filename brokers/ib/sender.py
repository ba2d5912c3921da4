"""Sends an order, once: what must hold before it leaves, and what is kept of it when it has.

An order leaves only over a line that is READY, after its what-if margin, with the account on it and
our id as its reference. Its number is greater than any that this client id has ever used, whatever
number the Gateway says comes next: a number that falls back is refused, or changes another order.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal

from brokers.ib import translate
from brokers.ib.codes import rejection
from brokers.ib.finder import ContractFinder
from brokers.ib.inbox import RequestFailed
from brokers.ib.ledger import OrderLedger
from brokers.ib.line import Line
from brokers.ib.messages import ErrorSeen, ExecutionSeen, OpenOrderSeen, WireEvent
from brokers.ib.settings import IbSettings
from market.errors import BrokerUnavailable, OrderRefused
from market.orders import Leg, Order

PackageVeto = Callable[[tuple[Leg, ...]], Awaitable[str | None]]
Refusal = tuple[str, str]  # a code for counters, a sentence for people


class Sender:
    """Takes orders to the Gateway over one line."""

    def __init__(
        self, settings: IbSettings, line: Line, finder: ContractFinder, ledger: OrderLedger
    ) -> None:
        self._settings = settings
        self._line = line
        self._finder = finder
        self._ledger = ledger
        self.package_veto: PackageVeto = _no_veto
        self.about_to_send: Callable[[Order, Decimal], None] = _unheard
        self._highest_id = 0

    def note_ids(self, event: WireEvent) -> None:
        """Learn from what is told of this client's orders which numbers are used."""
        if not isinstance(event, OpenOrderSeen | ExecutionSeen):
            return
        if event.client_id == self._settings.client_id:
            self._highest_id = max(self._highest_id, event.tws_order_id)

    async def send(self, order: Order) -> Refusal | None:
        """Send an order; return why nothing was sent, or None when it may have arrived."""
        try:
            return await self._send_checked(order)
        except RequestFailed as error:
            return rejection(ErrorSeen(0, error.code, str(error)))
        except OrderRefused as error:
            return "UNKNOWN_CONTRACT", str(error)
        except BrokerUnavailable as error:
            return "LINE", f"nothing was sent: {error}"

    async def _send_checked(self, order: Order) -> Refusal | None:
        intent, wire = order.intent, self._line.wire
        ids = await self._finder.con_ids(leg.contract for leg in intent.legs)
        contract = translate.order_contract(wire.api, intent, ids)
        account = self._settings.account
        sent = translate.limit_order(wire.api, order, intent.limit_credit, account=account)
        objection = self._margin_objection(await wire.what_if(contract, sent))
        if objection is not None:
            return "NO_MARGIN", objection
        self.about_to_send(order, intent.limit_credit)
        veto = await self.package_veto(intent.legs)
        if veto is not None:
            return "QUOTE", veto
        await self._send_once(order, contract, sent)
        return None

    def _margin_objection(self, answer: OpenOrderSeen) -> str | None:
        after, equity = answer.init_margin_after_usd, answer.equity_with_loan_after_usd
        if after is None or equity is None:
            return "the broker gave no margin for it."
        buffer = Decimal(str(self._settings.margin_buffer_frac))
        if after <= equity * (1 - buffer):
            return None
        return (
            f"margin would be {after:.2f} USD of {equity:.2f} USD equity, with too thin a buffer."
        )

    async def _send_once(self, order: Order, contract: object, sent: object) -> None:
        """Send: from here on the order is known and will be looked for, whatever happens.

        Raises:
            BrokerUnavailable: the line was lost before anything was sent.
        """
        if not self._line.is_ready:
            raise BrokerUnavailable(f"the line to the broker is {self._line.phase}.")
        wire = self._line.wire
        wire.keep_ids_above(self._highest_id)
        number = self._highest_id = wire.next_id()
        tracked = self._ledger.begin(order, number)
        try:
            wire.place(number, contract, sent)
            await wire.current_time()  # an answer behind the order: the socket took it
        except BrokerUnavailable:
            self._ledger.doubt(tracked)


def _unheard(_order: Order, _limit_credit: Decimal) -> None:
    """Tell nobody."""


async def _no_veto(_legs: tuple[Leg, ...]) -> str | None:
    return None
