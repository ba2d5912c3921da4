"""What a channel is told, and when: levels, topics, quiet hours and a limit per hour.

A pure state machine: sentences and instants go in, messages come out. Alarms pass quiet hours, and
a part of the hourly limit is theirs alone. What was held back is told in one message afterwards, by
its number and its last sentences; nothing is dropped in silence. A sentence that comes again within
the hour, with nothing between, is said once.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.telling import LEVELS, Level, Told, Topic
from market.errors import ConfigError
from strategies.section import Section

HOUR = timedelta(hours=1)
FOR_ALARMS = 5
HELD_SHOWN = 5
FORM = "NAME level=warning topics=fill,alarm quiet=22:00-07:00 per_hour=20"


class NotifySettings(Section):
    """Whom to tell; the addresses come from the environment alone (ALVH_NOTIFY_NAME)."""

    channels: str = Field(
        "",
        description=f"Channels, one a line or parted by semicolons, each such as {FORM!r}, where"
        " all but the name may be left out.",
    )
    zone: str = Field("America/New_York", description="Time zone of the quiet hours.")

    def texts(self) -> list[str]:
        """Return the channels one by one."""
        parts = self.channels.replace("\n", ";").split(";")
        return [part.strip() for part in parts if part.strip()]


@dataclass(frozen=True, slots=True)
class Channel:
    """What one channel wants to hear; `quiet` is a span of the day, over midnight or not."""

    name: str
    level: Level = Level.INFO
    topics: frozenset[Topic] = frozenset(Topic)
    quiet: tuple[time, time] | None = None
    per_hour: int = 30

    def wants(self, told: Told) -> bool:
        """Tell whether a sentence is of its topics and weighs enough."""
        return told.topic in self.topics and LEVELS.index(told.level) >= LEVELS.index(self.level)

    def is_quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        """Tell whether an instant lies in its quiet hours."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        hour = at.astimezone(zone).time()
        return begin <= hour < end if begin <= end else hour >= begin or hour < end


def channel_of(text: str) -> Channel:
    """Return the channel that a text of the settings describes.

    Raises:
        ConfigError: a part of it cannot be read.
    """
    name, *parts = text.split() or [""]
    if not name.isidentifier():
        raise _wrong(text, "begins with no plain name")
    found: dict[str, object] = {}
    for part in parts:
        key, _, value = part.partition("=")
        try:
            found[key] = _READERS[key](value)
        except KeyError:
            raise _wrong(text, f"has an unknown part {part!r}") from None
        except ValueError:
            raise _wrong(text, f"has a part that cannot be read, {part!r}") from None
    return Channel(name, **found)  # type: ignore[arg-type]  # each reader returns its field's type


def _wrong(text: str, problem: str) -> ConfigError:
    return ConfigError(f"notify.channels: {text!r} {problem}; write it as {FORM!r}.")


def _topics(text: str) -> frozenset[Topic]:
    return frozenset(Topic(each) for each in text.split(","))


def _quiet(text: str) -> tuple[time, time]:
    begin, end = (time.fromisoformat(each) for each in text.split("-"))
    return begin, end


def _per_hour(text: str) -> int:
    count = int(text)
    if count < FOR_ALARMS + 1:
        raise ValueError(text)
    return count


_READERS = {"level": Level, "topics": _topics, "quiet": _quiet, "per_hour": _per_hour}


@dataclass
class Outbox:
    """What one channel was told within the last hour, and what is held back for it."""

    channel: Channel
    zone: ZoneInfo
    _sent_at: deque[datetime] = field(default_factory=deque)
    _held: list[str] = field(default_factory=list)
    _last: tuple[str, datetime] | None = None

    def take(self, told: Told, at: datetime) -> str | None:
        """Return the message to send now for a sentence, None when it is held or not wanted."""
        if not self.channel.wants(told):
            return None
        if self._is_repeated(told.sentence, at):
            return None
        self._last = told.sentence, at
        is_alarm = told.level is Level.ALARM
        is_quiet = self.channel.is_quiet(at, self.zone) and not is_alarm
        if is_quiet or not self._may_send(at, is_alarm=is_alarm):
            self._held.append(told.sentence)
            return None
        self._sent_at.append(at)
        return told.sentence

    def _is_repeated(self, sentence: str, at: datetime) -> bool:
        """Tell whether a sentence was the last one too, within the hour."""
        return self._last is not None and self._last[0] == sentence and at - self._last[1] < HOUR

    @property
    def held_back(self) -> int:
        """Return how many sentences wait for their time."""
        return len(self._held)

    def due(self, at: datetime) -> str | None:
        """Return one message for all that was held back, once its time has come."""
        if not self._held or self.channel.is_quiet(at, self.zone):
            return None
        if not self._may_send(at, is_alarm=False):
            return None
        held, self._held = self._held, []
        self._sent_at.append(at)
        shown = "\n".join(held[-HELD_SHOWN:])
        more = f" The last {HELD_SHOWN}:" if len(held) > HELD_SHOWN else ""
        return f"Held back, {len(held)} in all.{more}\n{shown}"

    def _may_send(self, at: datetime, *, is_alarm: bool) -> bool:
        while self._sent_at and self._sent_at[0] <= at - HOUR:
            self._sent_at.popleft()
        limit = self.channel.per_hour - (0 if is_alarm else FOR_ALARMS)
        return len(self._sent_at) < limit
