"""The timetable that follows the gateway emulator's clock: once the daemon rests, it says idle.

For tests alone. The clock proves the emulator before anything else (`brokers.lockstep`).
"""

import asyncio
import os
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from bot.settings import Settings
from bot.shadow_venue import ShadowBroker
from bot.timetable import Item, Pulse, Put
from brokers.base import Timed
from brokers.ib.broker import IbBroker
from brokers.lockstep import TOKEN_VARIABLE, LockstepClock
from market.errors import BrokerUnavailable, ConfigError


async def join_clock(settings: Settings) -> LockstepClock:
    """Join the clock that `ib.lockstep` names, as a program of the emulator on `ib.port`.

    Raises:
        ConfigError: the address or the token is missing, or the peer is no emulator of ours.
        BrokerUnavailable: nothing listens there.
    """
    keys = settings.ib
    host, _, port = keys.lockstep.rpartition(":")
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not host or not port.isdigit():
        raise ConfigError(f"ib.lockstep = {keys.lockstep!r} is not of the form 127.0.0.1:PORT.")
    if host != keys.host:
        raise ConfigError(f"ib.lockstep = {keys.lockstep!r} must name the host of ib.host.")
    if not token:
        raise ConfigError(f"ib.lockstep needs the emulator's token in {TOKEN_VARIABLE}.")
    return await LockstepClock.join(host, int(port), token, tws_port=keys.port, name="alvh")


class LockstepTimetable:
    """Puts what is due once the emulator's time has come to it."""

    def __init__(self, clock: LockstepClock, broker: IbBroker, venue: Timed) -> None:
        """Follow a clock; `venue` is where orders go, the broker itself or a simulation."""
        self._clock = clock
        self._broker = broker
        self._venue = venue
        self._put: Put | None = None
        self._due: list[tuple[datetime, int, Item]] = []
        self._number = count()
        self._waiting: asyncio.Task[None] | None = None
        self._has_news = False
        broker.subscribe(self._note_news)

    def _note_news(self) -> None:
        self._has_news = True

    def start(self, put: Put) -> None:
        """Begin to put."""
        self._put = put

    def at(self, at: datetime, item: Item) -> None:
        """Have an item put at a time."""
        heappush(self._due, (at, next(self._number), item))

    def rest(self) -> None:
        """Hear that the queue is empty: have the time go on."""
        if self._waiting is None and self._put is not None:
            self._waiting = asyncio.get_running_loop().create_task(self._go_on())

    async def _go_on(self) -> None:
        """Say idle once all is heard, and put what the new time brings."""
        try:
            await self._settle_down()
            if not self._has_news:
                await self._clock.idle(self._next())
                await self._settle_down()
        except BrokerUnavailable:
            await asyncio.sleep(0.05)  # the emulator has gone; the daemon's own line will say so
        finally:
            self._waiting = None
        self._has_news = False
        self._put_due()

    async def _settle_down(self) -> None:
        if isinstance(self._venue, ShadowBroker):
            await self._venue.quiet()
        await self._broker.quiet()

    def _next(self) -> datetime | None:
        instants = [self._broker.due(), self._venue.due(), self._due[0][0] if self._due else None]
        return min((at for at in instants if at is not None), default=None)

    def _put_due(self) -> None:
        put = self._put
        if put is None:
            return
        put(Pulse())
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            put(heappop(self._due)[2])

    def stop(self) -> None:
        """Put nothing any more."""
        self._put = None
        if self._waiting is not None:
            self._waiting.cancel()
