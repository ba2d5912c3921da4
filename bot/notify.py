"""Notifications: what happens goes to people, and no channel can hold up the bot.

`hear` only puts a sentence on a bounded queue. Each channel has a queue and a task of its own, and
every delivery a time limit, so that a dead one delays nobody; what it could not take is logged.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.events import EntryClosed, EquityMarked, Record
from bot.log import RunLog
from bot.notify_policy import Channel, NotifySettings, Outbox, channel_of
from bot.telling import Level, Told, tell
from market.errors import ConfigError

if TYPE_CHECKING:
    from apprise import Apprise

VARIABLE = "ALVH_NOTIFY_"
QUEUE_LENGTH = 200
DELIVERY_LIMIT_S = 15.0
DIGEST_EVERY_S = 30.0
TITLES = {
    Level.DETAIL: "ALVH",
    Level.INFO: "ALVH",
    Level.WARNING: "ALVH: warning",
    Level.ALARM: "ALVH: ALARM",
}

Deliver = Callable[[str, str], Awaitable[bool]]


def channels_of(
    settings: NotifySettings, environment: Mapping[str, str] | None = None
) -> tuple[tuple[Channel, "Apprise"], ...]:
    """Return the channels with their senders.

    Raises:
        ConfigError: a channel cannot be read, or its address is missing or of no known kind.
    """
    known = os.environ if environment is None else environment
    channels = [channel_of(text) for text in settings.texts()]
    return tuple((channel, _sender(channel, known)) for channel in channels)


def _sender(channel: Channel, environment: Mapping[str, str]) -> "Apprise":
    from apprise import Apprise  # noqa: PLC0415 - heavy, only when a channel is set

    name = VARIABLE + channel.name.upper()
    if not environment.get(name):
        raise ConfigError(
            f"notify.channels names {channel.name!r}, but {name} is not set; put the channel's"
            " address there, such as mailto://… or tgram://…"
        )
    sender = Apprise()
    if not sender.add(environment[name]):
        raise ConfigError(f"{name} is no address of a known service; see the list of apprise.")
    return sender


def zone_of(settings: NotifySettings) -> ZoneInfo:
    """Return the time zone of the quiet hours.

    Raises:
        ConfigError: it is unknown.
    """
    try:
        return ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(
            f"notify.zone = {settings.zone!r} is unknown; write it as Europe/Berlin."
        ) from None


def delivery(sender: "Apprise") -> Deliver:
    """Return how a message goes to one channel."""

    async def deliver(title: str, text: str) -> bool:
        return bool(await sender.async_notify(body=text, title=title))

    return deliver


@dataclass
class DailySummary:
    """Turns a session's equity mark into the day's summary: change, entry, hedge."""

    nlv_usd: float | None = None
    entry: EntryClosed | None = None

    def tell(self, record: Record) -> Told:
        """Return what a record says, with more than one sentence at a session's end."""
        told = tell(record)
        if isinstance(record, EntryClosed):
            self.entry = record
        if not isinstance(record, EquityMarked):
            return told
        before, self.nlv_usd = self.nlv_usd, float(record.nlv_usd)
        parts = [told.sentence]
        if before is not None:
            parts.append(f"The day: {self.nlv_usd - before:+,.0f} USD.")
        if self.entry is not None and self.entry.session == record.session:
            entry = self.entry
            parts.append(f"Entry: {entry.quantity} condors {entry.result} ({entry.reason}).")
        held = sum(mark.position for mark in record.layers)
        parts.append(f"Hedge: {held} calls, worth ${record.hedge_value_usd:,.0f}.")
        return Told(told.level, told.topic, " ".join(parts))


class Notifier:
    """Tells channels what the engine records; `nlv_usd` is what the last session ended with."""

    def __init__(
        self,
        channels: Mapping[Channel, Deliver],
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        log: RunLog,
        delivery_limit_s: float = DELIVERY_LIMIT_S,
        nlv_usd: float | None = None,
    ) -> None:
        self._clock = clock
        self._log = log
        self._limit_s = delivery_limit_s
        self._summary = DailySummary(nlv_usd)
        self._lines = [
            _Line(Outbox(channel, zone), deliver, asyncio.Queue(QUEUE_LENGTH))
            for channel, deliver in channels.items()
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver."""
        self._tasks = [asyncio.create_task(self._serve(line)) for line in self._lines]

    def hear(self, record: Record) -> None:
        """Put what a record says on every queue; a full one loses it, and the log says so."""
        told = self._summary.tell(record)
        for line in self._lines:
            if not line.outbox.channel.wants(told):
                continue
            try:
                line.queue.put_nowait(told)
            except asyncio.QueueFull:
                self._log.warning("notification_lost", channel=line.outbox.channel.name)

    async def _serve(self, line: "_Line") -> None:
        while True:
            told: Told | None = None
            with suppress(TimeoutError):
                async with asyncio.timeout(DIGEST_EVERY_S):
                    told = await line.queue.get()
            if told is not None:
                text = line.outbox.take(told, self._clock())
                if text is not None:
                    await self._deliver(line, TITLES[told.level], text)
                line.queue.task_done()
            held = line.outbox.due(self._clock())
            if held is not None:
                await self._deliver(line, TITLES[Level.INFO], held)

    async def _deliver(self, line: "_Line", title: str, text: str) -> None:
        """Send one message within the time limit; a failure is logged without the address."""
        name, problem = line.outbox.channel.name, "the service refused it"
        try:
            async with asyncio.timeout(self._limit_s):
                if await line.deliver(title, text):
                    return
        except TimeoutError:
            problem = f"no answer within {self._limit_s:g} s"
        except OSError as error:
            problem = f"it cannot be reached ({error.strerror})"
        self._log.warning("notification_failed", channel=name, problem=problem)

    async def stop(self, limit_s: float = 5.0) -> None:
        """Deliver what waits, as far as that goes within the limit, and end; what quiet hours or
        the limit per hour still hold back is logged."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await asyncio.gather(*(line.queue.join() for line in self._lines))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines:
            held = line.outbox.held_back
            if held:
                name = line.outbox.channel.name
                self._log.warning("notification_lost", channel=name, held_back=held)


@dataclass
class _Line:
    """One channel at work."""

    outbox: Outbox
    deliver: Deliver
    queue: "asyncio.Queue[Told]"


def notifier_of(
    settings: NotifySettings, clock: Callable[[], datetime], log: RunLog, nlv_usd: float
) -> Notifier | None:
    """Return the notifier that the settings ask for, None without channels.

    Raises:
        ConfigError: a channel, its address or the time zone is wrong.
    """
    if not settings.texts():
        return None
    found = {channel: delivery(sender) for channel, sender in channels_of(settings)}
    return Notifier(found, zone_of(settings), clock, log, nlv_usd=nlv_usd)
