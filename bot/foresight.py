"""Has the market listened to ahead of the moments that will look at it.

Nothing here decides or records anything: what stands open in time makes a look short, and what does
not is opened by the look itself. A moment never waits for it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.log import RunLog
from bot.shell import Shell
from market.errors import BrokerUnavailable, MarketDataError
from market.schedule import Moment

LEAD = timedelta(seconds=30)


class Foresight:
    """Keeps lines open from shortly before a moment until it was kept."""

    def __init__(self, shell: Shell, log: RunLog) -> None:
        self._shell = shell
        self._log = log
        self._until: datetime | None = None
        self._task: asyncio.Task[None] | None = None
        self._said: str | None = None

    def watch(self, owed: Sequence[Moment], now: datetime) -> None:
        """Listen for the moments that are near, or stop when none is left; called each second.

        Each pass has stand what stands no more, as after a lost line, and reads again what must.
        """
        if not self._shell.can_foresee:
            return
        self._raise_what_failed()
        near = [moment for moment in owed if now < moment.at <= now + LEAD]
        last = max((moment.at for moment in near), default=None)
        if last is not None and self._task is None:
            self._until = last
            self._task = asyncio.get_running_loop().create_task(self._prepare(near))
        elif (
            last is None
            and self._until is not None
            and all(moment.at > self._until for moment in owed)
        ):
            self._until = self._said = None
            self._shell.release()

    async def _prepare(self, near: Sequence[Moment]) -> None:
        try:
            await self._shell.prepare(near)
        except (MarketDataError, BrokerUnavailable) as error:
            if str(error) != self._said:
                self._log.info("not_foreseen", moment=near[-1].name, sentence=str(error))
            self._said = str(error)

    async def stand_by(self) -> None:
        """Leave the lines to a moment that has come: what does not stand yet is its own to open."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._raise_what_failed()

    def _raise_what_failed(self) -> None:
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            if not task.cancelled():
                task.result()

    async def close(self) -> None:
        """Listen no more, whatever came of it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._shell.release()
