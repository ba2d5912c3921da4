"""The line to the Gateway: connects, judges the account, stays awake, comes back by itself.

It owns the socket and the phase; what must be read again after each connection is the caller's
`resync`. Time is the bot's clock: `due` says when something is to be done, `advance` begins it,
`quiet` waits until all that was begun is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from brokers.ib.codes import FARMS, Reaction, rule_of
from brokers.ib.inbox import RequestFailed
from brokers.ib.library import client_library
from brokers.ib.messages import ErrorSeen, Tick, WireEvent
from brokers.ib.paper_lock import require_paper_session, require_paper_settings
from brokers.ib.session import (
    LINE_OF,
    QUIET_WAIT,
    BackOff,
    Farms,
    Phase,
    Signal,
    next_phase,
    outage_sentence,
    quiet_reason,
)
from brokers.ib.settings import IbSettings
from brokers.ib.translate import index_contract
from brokers.ib.wire import Wire
from market.errors import BrokerUnavailable, NotPaper
from market.orders import LineChanged, LineState

ID_IN_USE = 326
RESTORED = frozenset({Reaction.RESTORED_KEPT, Reaction.RESTORED_LOST})


class Line:
    """One adapter's connection over its whole life, whatever sockets come and go."""

    def __init__(
        self,
        settings: IbSettings,
        clock: Callable[[], datetime],
        *,
        hear: Callable[[WireEvent], None],
        resync: Callable[[], Awaitable[None]],
        changed: Callable[[LineChanged], None],
        is_open: Callable[[datetime], bool],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._hear = hear
        self._resync = resync
        self._changed = changed
        self._is_open = is_open
        self.phase = Phase.DISCONNECTED
        self.server_skew = timedelta(0)
        self._wire: Wire | None = None
        self._back_off = BackOff()
        self._farms = Farms()
        self._sync_wanted: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._retry_at: datetime | None = None
        self._beat_at: datetime | None = None
        self._pulse_line: int | None = None
        self._pulse_seen_at: datetime | None = None
        self._down_since: datetime | None = None
        self._said: str | None = None
        self._is_id_taken = False
        self._fatal: NotPaper | None = None
        self._is_begun = False
        self._reason = "not connected yet"
        self._code: int | None = None

    @property
    def wire(self) -> Wire:
        """Return the socket.

        Raises:
            BrokerUnavailable: there is none now.
        """
        if self._wire is None or not self._wire.is_open:
            raise BrokerUnavailable("the line to the Gateway is down.")
        return self._wire

    @property
    def is_ready(self) -> bool:
        """Tell whether orders may be sent."""
        return self.phase is Phase.READY

    @property
    def is_busy(self) -> bool:
        """Tell whether something that was begun is not over."""
        return self._task is not None

    async def connect(self) -> None:
        """Connect and read everything; later, tell whether the line has come back by itself.

        Raises:
            BrokerUnavailable: the Gateway cannot be reached or does not answer.
            NotPaper: the settings or the log-in break the paper lock.
        """
        require_paper_settings(self._settings.account, self._settings.port)
        if self._is_begun:
            await self.quiet()
            if self.phase not in {Phase.READY, Phase.DEGRADED}:
                raise BrokerUnavailable(f"the line to the Gateway is {self.phase}: {self._reason}.")
            return
        await self._attempt()
        self._is_begun = True

    async def close(self) -> None:
        """Let go of the socket and of all that was begun."""
        self._retry_at = self._beat_at = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._wire is not None:
            self._wire.close()
        self.phase = Phase.DISCONNECTED

    def due(self) -> datetime | None:
        """Return when the line next wants to be looked after."""
        if self._task is not None:
            return None
        return self._retry_at if self.phase is Phase.DISCONNECTED else self._beat_at

    def advance(self, at: datetime) -> None:
        """Begin what is due.

        Raises:
            NotPaper: the last connection showed another account than the paper one.
        """
        if self._fatal is not None:
            raise self._fatal
        due = self.due()
        if due is None or due > at:
            return
        is_down = self.phase is Phase.DISCONNECTED
        self._begin(self._reconnect() if is_down else self._beat())

    async def quiet(self) -> None:
        """Wait until what was begun is over and everything that was sent has been heard."""
        while self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except NotPaper as error:
                self._fatal = error
            finally:
                self._task = None
            self._sync_if_wanted()

        self._task = asyncio.get_running_loop().create_task(run())

    def _sync_if_wanted(self) -> None:
        """Read all again when the line came back, once nothing else is being asked."""
        if self._sync_wanted is not None and self.phase is Phase.SYNCING and self._task is None:
            code, self._sync_wanted = self._sync_wanted, None
            self._begin(self._sync_again(code))

    async def _reconnect(self) -> None:
        self._retry_at = None
        try:
            await self._attempt()
        except BrokerUnavailable as error:
            self._wait_again(str(error))

    async def _attempt(self) -> None:
        settings = self._settings
        self._is_id_taken = False
        wire = Wire(
            client_library(),
            self._heard,
            self._lost_socket,
            answer_s=settings.answer_s,
            messages_per_second=settings.messages_per_second,
        )
        self._wire = wire
        try:
            managed = await wire.open(settings.host, settings.port, settings.client_id)
        except BrokerUnavailable:
            wire.close()
            raise
        self._signal(Signal.OPENED, None, "connected")
        try:
            require_paper_session(settings.account, settings.port, managed)
        except NotPaper:
            self._signal(Signal.CLOSED, None, "another account than the paper one")
            wire.close()
            raise
        self._signal(Signal.ACCEPTED, None, "paper account")
        self._farms.reset()
        await self._sync(None, "connected and compared")

    async def _sync(self, code: int | None, reason: str) -> None:
        try:
            wire = self.wire
            self.server_skew = await wire.current_time() - self._clock()
            await self._resync()
            self._pulse_line = wire.watch(index_contract(wire.api, "SPX"))
            self._pulse_seen_at = self._clock()
        except (BrokerUnavailable, RequestFailed) as error:
            self._drop(Signal.SYNC_FAILED, "the first reading was not complete")
            raise BrokerUnavailable(f"the first reading was not complete: {error}") from None
        if self.phase is Phase.SYNCING and self._sync_wanted is None:
            self._back_off.reset()
            self._beat_at = self._clock() + self._settings.beat_every
            self._signal(Signal.SYNCED, code, reason)
            self._judge_farms(code, reason)

    def _drop(self, signal: Signal, reason: str) -> None:
        self._signal(signal, None, reason)
        if self._wire is not None:
            self._wire.close()

    def _wait_again(self, reason: str) -> None:
        now = self._clock()
        wait = self._back_off.after_failure(is_id_taken=self._is_id_taken)
        if quiet_reason(now) is not None:
            wait = max(wait, QUIET_WAIT)
        self._retry_at = now + wait
        self._down_since = self._down_since or now
        self._say(outage_sentence(self._down_since, now, reason.rstrip(".")))

    def _say(self, sentence: str) -> None:
        """Tell of an outage when it changes its nature, not at each attempt."""
        nature = sentence.partition(" min (")[0].rstrip("0123456789 ")
        if nature != self._said:
            self._said = nature
            state = LINE_OF[self.phase]
            self._changed(LineChanged(self._clock(), state, self._code, sentence))

    async def _beat(self) -> None:
        """Prove the line by a round trip, and the market by a fresh quote."""
        self._beat_at = self._clock() + self._settings.beat_every
        try:
            await self.wire.current_time()
        except BrokerUnavailable:
            if self.phase is not Phase.DISCONNECTED:
                self._drop(Signal.SILENT, "the Gateway stopped answering")
                self._wait_again("the Gateway stopped answering")
            return
        self._judge_freshness()

    def _judge_freshness(self) -> None:
        now, seen = self._clock(), self._pulse_seen_at
        if not self._is_open(now) or seen is None or self._farms.is_broken:
            return
        is_old = now - seen > self._settings.stale_after
        if is_old and self._is_open(now - self._settings.stale_after):
            self._signal(Signal.STALE, None, f"no quote of SPX since {seen:%H:%M:%S} UTC")

    def _judge_farms(self, code: int | None, reason: str) -> None:
        if self._farms.is_broken:
            self._signal(Signal.STALE, code, reason)

    def _heard(self, event: WireEvent) -> None:
        if isinstance(event, Tick):
            if event.request_id == self._pulse_line:
                self._pulse_seen_at = self._clock()
                if self.phase is Phase.DEGRADED and not self._farms.is_broken:
                    self._signal(Signal.FRESH, None, "quotes are fresh again")
        elif isinstance(event, ErrorSeen):
            self._code_heard(event)
        self._hear(event)

    def _code_heard(self, seen: ErrorSeen) -> None:
        if seen.code == ID_IN_USE:
            self._is_id_taken = True
        reaction = rule_of(seen.code).reaction
        if self.phase in {Phase.DISCONNECTED, Phase.SOCKET_UP}:
            return
        if reaction is Reaction.CUT:
            self._signal(Signal.CUT, seen.code, "the Gateway lost its line to the broker")
        elif reaction in RESTORED:
            self._signal(Signal.RESTORED, seen.code, "the Gateway has its line again")
            self._sync_wanted = seen.code
            self._sync_if_wanted()
        elif reaction is Reaction.FARM_BROKEN:
            self._farms.broke(FARMS[seen.code], seen.text)
            self._signal(Signal.STALE, seen.code, seen.text)
        elif reaction is Reaction.FARM_OK:
            self._farms.recovered(seen.code, seen.text)
            if not self._farms.is_broken:
                self._signal(Signal.FRESH, seen.code, seen.text)

    async def _sync_again(self, code: int) -> None:
        try:
            await self._sync(code, "read again after the line was cut")
        except BrokerUnavailable as error:
            self._wait_again(str(error))

    def _lost_socket(self) -> None:
        if self.phase is Phase.DISCONNECTED:
            return
        self._sync_wanted = None
        self._signal(Signal.CLOSED, None, "the Gateway closed the socket")
        self._wait_again("the Gateway closed the socket")

    def _signal(self, signal: Signal, code: int | None, reason: str) -> None:
        before = self.phase
        self.phase = next_phase(before, signal)
        self._code, self._reason = code, reason
        if self.phase is Phase.READY:
            self._down_since = self._said = None
        state, was = LINE_OF[self.phase], LINE_OF[before]
        # That it is READY after it was DOWN is for whoever compares the books to say.
        if state is not was and (was is not LineState.DOWN or state is LineState.STALE):
            self._changed(LineChanged(self._clock(), state, code, reason))
