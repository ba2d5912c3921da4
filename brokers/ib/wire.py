"""One connection to TWS or Gateway: questions with time-outs, orders, market-data lines.

Every question has a time limit of its own, because the library has none; an unanswered one and a
lost socket both end in `BrokerUnavailable`.
"""

import asyncio
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

from brokers.ib.inbox import Inbox
from brokers.ib.messages import (
    BarSeen,
    DetailsSeen,
    ExecutionSeen,
    OpenOrderSeen,
    PositionSeen,
    WireEvent,
)
from market.errors import BrokerUnavailable, OrderRefused

ANSWER_S = 10.0
MESSAGES_PER_SECOND = 40
BURSTS_PER_SECOND = 5
DETAILS_S = 30.0
HISTORY_S = 60.0
ZONE = "America/New_York"
SUMMARY_TAGS = "TotalCashValue,InitMarginReq,NetLiquidation,EquityWithLoanValue"


class Wire:
    """A socket that is opened once; after it closed a new one takes its place."""

    def __init__(
        self,
        api: ModuleType,
        hear: Callable[[WireEvent], None],
        closed: Callable[[], None],
        *,
        answer_s: float = ANSWER_S,
        messages_per_second: int = MESSAGES_PER_SECOND,
    ) -> None:
        self.api = api
        self._answer_s = answer_s
        self._calm = asyncio.Event()
        self._calm.set()

        def ended() -> None:
            self._calm.set()
            closed()

        self._inbox = Inbox(hear, ended, ZONE)
        self._client = api.Client(self._inbox)
        self._client.throttleStart += self._calm.clear
        self._client.throttleEnd += self._calm.set
        # Small bursts: what a slow receiver reads late then still fits within its second.
        burst = max(1, messages_per_second // BURSTS_PER_SECOND) if messages_per_second else 0
        self._client.MaxRequests = burst
        self._client.RequestsInterval = 1 / BURSTS_PER_SECOND
        self._locks: dict[str, asyncio.Lock] = {}

    async def open(self, host: str, port: int, client_id: int) -> tuple[str, ...]:
        """Connect, shake hands and return the accounts that the log-in manages.

        Raises:
            BrokerUnavailable: nobody listens, nobody answers in time, or the client id is taken.
        """
        try:
            await self._client.connectAsync(host, port, client_id, self._answer_s)
        except (OSError, TimeoutError) as error:
            raise BrokerUnavailable(_unreachable(host, port, error)) from None
        return tuple(self._client.getAccounts())

    def close(self) -> None:
        """Let go of the socket; harmless when it is gone."""
        self._client.disconnect()
        self._inbox.setEventsDone()
        self._calm.set()

    @property
    def is_open(self) -> bool:
        """Tell whether the socket stands and the handshake is over."""
        return bool(self._client.isReady())

    def next_id(self) -> int:
        """Return a number for a request or an order, greater than all before.

        Raises:
            BrokerUnavailable: the socket is gone.
        """
        try:
            return int(self._client.getReqId())
        except ConnectionError:
            raise BrokerUnavailable("the socket to the Gateway is closed.") from None

    def keep_ids_above(self, used: int) -> None:
        """Never give out a number up to `used` again."""
        self._client.updateReqId(used + 1)

    async def current_time(self) -> datetime:
        """Return the server's time: a round trip that proves the line."""
        rows = await self._only("time", self._client.reqCurrentTime)
        found: datetime = rows[0]
        return found

    async def details(self, contract: Any) -> tuple[DetailsSeen, ...]:
        """Return the contracts that match; never asked of a bag, which has none.

        Raises:
            BrokerUnavailable: no answer in time.
            RequestFailed: TWS knows no such contract.
            OrderRefused: the contract is a bag.
        """
        if contract.secType == "BAG":
            raise OrderRefused("a bag has no contract details; ask for its legs.")
        number = self.next_id()
        send = lambda: self._client.reqContractDetails(number, contract)  # noqa: E731
        return tuple(await self._ask(number, send, DETAILS_S))

    async def open_orders(self, *, of_all_clients: bool = False) -> tuple[OpenOrderSeen, ...]:
        """Return the orders that work, those of this client id or of all."""
        client = self._client
        send = client.reqAllOpenOrders if of_all_clients else client.reqOpenOrders
        return tuple(await self._only("open orders", send))

    async def completed_orders(self) -> tuple[OpenOrderSeen, ...]:
        """Return the orders of today that have ended."""
        send = lambda: self._client.reqCompletedOrders(False)  # noqa: E731
        return tuple(await self._only("completed orders", send))

    async def executions(self) -> tuple[ExecutionSeen, ...]:
        """Return the executions of today, of all clients."""
        number = self.next_id()
        send = lambda: self._client.reqExecutions(  # noqa: E731
            number, self.api.ExecutionFilter()
        )
        return tuple(await self._ask(number, send))

    async def positions(self) -> tuple[PositionSeen, ...]:
        """Return what every managed account holds, and have changes told from now on."""
        return tuple(await self._only("positions", self._client.reqPositions))

    async def account_figures(self, account: str) -> dict[str, str]:
        """Return figures of an account by name, each a decimal text."""
        number = self.next_id()
        send = lambda: self._client.reqAccountSummary(number, "All", SUMMARY_TAGS)  # noqa: E731
        try:
            rows = await self._ask(number, send)
        finally:
            # Left standing, the third such subscription is refused.
            self._quietly(lambda: self._client.cancelAccountSummary(number))
        return {tag: value for owner, tag, value, _currency in rows if owner == account}

    async def daily_bars(self, contract: Any, duration: str) -> tuple[BarSeen, ...]:
        """Return daily bars up to now, oldest first.

        Raises:
            BrokerUnavailable: no answer in time.
            RequestFailed: TWS has no such history.
        """
        return tuple(await self._history(contract, duration, "1 day", 1))

    async def quarter_hours(self, contract: Any) -> tuple[tuple[datetime, BarSeen], ...]:
        """Return today's 15-minute bars with the instant at which each ends, oldest first."""
        rows = await self._history(contract, "1 D", "15 mins", 2)
        length = timedelta(minutes=15)
        return tuple((bar.at + length, bar) for bar in rows if bar.at is not None)

    async def _history(self, contract: Any, duration: str, size: str, form: int) -> list[BarSeen]:
        number = self.next_id()
        send = lambda: self._client.reqHistoricalData(  # noqa: E731
            number, contract, "", duration, size, "TRADES", True, form, False, []
        )
        return await self._ask(number, send, HISTORY_S)

    async def price_steps(self, rule_id: int) -> tuple[Any, ...]:
        """Return the rows (from price, step) of a market rule."""
        send = lambda: self._client.reqMarketRule(rule_id)  # noqa: E731
        return tuple(await self._ask(("rule", rule_id), send))

    async def what_if(self, contract: Any, order: Any) -> OpenOrderSeen:
        """Return what an order would do to the margin, without sending it.

        Raises:
            BrokerUnavailable: no answer in time.
            RequestFailed: TWS would reject the order.
        """
        number = self.next_id()
        order.whatIf = True
        try:
            rows = await self._ask(number, lambda: self._client.placeOrder(number, contract, order))
        finally:
            order.whatIf = False
        answer: OpenOrderSeen = rows[0]
        return answer

    def place(self, order_id: int, contract: Any, order: Any) -> None:
        """Send an order, or change the one of that number."""
        self._send(lambda: self._client.placeOrder(order_id, contract, order))

    def cancel(self, order_id: int) -> None:
        """Ask for an order to be cancelled."""
        self._send(lambda: self._client.cancelOrder(order_id))

    def watch(self, contract: Any) -> int:
        """Open a market-data line and return its number."""
        number = self.next_id()
        self._send(lambda: self._client.reqMktData(number, contract, "", False, False, []))
        return number

    def unwatch(self, number: int) -> None:
        """Release a market-data line; harmless when the socket is gone."""
        self._quietly(lambda: self._client.cancelMktData(number))

    @property
    def messages_waiting(self) -> int:
        """Return how many messages wait for the pace."""
        return len(self._client._msgQ)

    async def calm(self) -> None:
        """Wait until no message waits for the pace, or the socket is gone."""
        await self._calm.wait()

    def choose_data_type(self, kind: int) -> None:
        """Ask for live (1), frozen (2), delayed (3) or delayed-frozen (4) quotes."""
        self._send(lambda: self._client.reqMarketDataType(kind))

    def _send(self, send: Callable[[], None]) -> None:
        try:
            send()
        except ConnectionError:
            raise BrokerUnavailable("the socket to the Gateway is closed.") from None

    def _quietly(self, send: Callable[[], None]) -> None:
        if self._client.isConnected():
            send()

    async def _only(self, key: str, send: Callable[[], None]) -> list[Any]:
        """Ask what the protocol gives no request number: one such question at a time."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            return await self._ask(key, send)

    async def _ask(
        self, key: Hashable, send: Callable[[], None], time_limit_s: float | None = None
    ) -> list[Any]:
        limit_s = max(time_limit_s or 0.0, self._answer_s)
        request = self._inbox.ask(key)
        try:
            self._send(send)
            return await asyncio.wait_for(request.answer, limit_s)
        except TimeoutError:
            raise BrokerUnavailable(f"the Gateway did not answer within {limit_s:.0f} s.") from None
        except ConnectionError:
            raise BrokerUnavailable("the socket to the Gateway was closed.") from None
        finally:
            request.answer.cancel()
            if self._inbox.requests.get(key) is request:
                del self._inbox.requests[key]


def _unreachable(host: str, port: int, error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens on {host}:{port}; start the paper Gateway (4002) or TWS (7497) with"
            " its API enabled, or set ib.host and ib.port."
        )
    if isinstance(error, OSError) and not isinstance(error, TimeoutError | ConnectionError):
        return f"{host}:{port} cannot be reached ({error.strerror or error}); check ib.host."
    return (
        f"{host}:{port} accepts connections but does not answer: the Gateway shows a dialog, is"
        " restarting, or the client id is in use; look at its window."
    )
