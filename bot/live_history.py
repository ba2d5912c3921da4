"""The daily history of a live run: the broker's own bars, renewed after each close.

The tape of the engine reads closes by session. Here it is rebuilt when the session's close becomes
known, so that a daemon that runs for months never looks at an old tape.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from bot.settings import Settings
from bot.tape import DailyTape
from bot.world import World, load_calendar, world_of
from brokers.base import Foreseeing, MarketData
from brokers.ib.messages import BarSeen
from market.errors import MarketDataError
from market.history import PROVENANCE_NAMES, History
from market.instruments import OptionContract
from market.quotes import FloatArray, MarketSnapshot, SnapshotRequest
from market.sessions import SessionCalendar, exchange_zone
from strategies.base import Indicators

Bars = Mapping[str, Mapping[date, BarSeen]]
FetchBars = Callable[[str], Awaitable[Mapping[str, Sequence[BarSeen]]]]
SESSIONS_AHEAD = 10
FIRST_DURATION, RENEWED_DURATION = "3 Y", "10 D"
CLOSE_IS_TOLD_AFTER = timedelta(seconds=30)
LEAST_SESSIONS = 30


def bars_by_day(bars: Mapping[str, Sequence[BarSeen]]) -> dict[str, dict[date, BarSeen]]:
    """Return the bars of each index by their day."""
    return {
        name: {date.fromisoformat(f"{b.day[:4]}-{b.day[4:6]}-{b.day[6:8]}"): b for b in rows}
        for name, rows in bars.items()
    }


def history_of(bars: Bars, calendar: SessionCalendar, today: date) -> History:
    """Return the history that daily bars make, with the next sessions as unknown rows.

    Raises:
        MarketDataError: too few sessions have both SPX and VIX.
    """
    both = sorted(bars["SPX"].keys() & bars["VIX"].keys())
    if len(both) < LEAST_SESSIONS:
        raise MarketDataError(
            f"the broker gave {len(both)} daily bars of SPX and VIX, {LEAST_SESSIONS} are needed;"
            " history needs a subscription to the Cboe index feed."
        )
    last = calendar.next(calendar.on_or_before(today), SESSIONS_AHEAD)
    days = calendar.between(both[0], last)

    def column(name: str, field: str) -> FloatArray:
        rows = bars.get(name, {})
        return np.array([getattr(rows[day], field) if day in rows else np.nan for day in days])

    real = {"spx", "vix", *(n for n in ("vix9d", "vix3m", "vvix") if bars.get(n.upper()))}
    return History(
        sessions=days,
        spx_open=column("SPX", "open"),
        spx_high=column("SPX", "high"),
        spx_low=column("SPX", "low"),
        spx_close=column("SPX", "close"),
        vix_open=column("VIX", "open"),
        vix_close=column("VIX", "close"),
        vix9d=column("VIX9D", "close"),
        vix3m=column("VIX3M", "close"),
        vvix=column("VVIX", "close"),
        rate_frac=np.full(len(days), np.nan),
        provenance={n: "real" if n in real else "absent" for n in PROVENANCE_NAMES},
        source="daily bars of the broker",
    )


class LiveTape:
    """A tape that can be exchanged for a newer one while the engine holds on to it."""

    def __init__(self, first: DailyTape) -> None:
        """Begin with a tape."""
        self._present = first

    def renew(self, tape: DailyTape) -> None:
        """Read from a newer tape from now on."""
        self._present = tape

    def indicators(self, session: date, at: datetime, /) -> Indicators:
        """Return the indicators known at an instant of a session."""
        return self._present.indicators(session, at)

    def spx_returns(self, session: date, at: datetime, /) -> FloatArray:
        """Return the last daily log returns of SPX, oldest first."""
        return self._present.spx_returns(session, at)

    def vix_closes(self, session: date, at: datetime, /) -> Mapping[date, float]:
        """Return VIX closes by session, none of a session still open."""
        return self._present.vix_closes(session, at)


@dataclass
class LiveWorld:
    """The world as known so far, and the bars that it was made of."""

    settings: Settings
    calendar: SessionCalendar
    bars: dict[str, dict[date, BarSeen]]
    world: World
    seed: int

    @classmethod
    async def fetch(
        cls, settings: Settings, fetch: FetchBars, now: datetime, seed: int
    ) -> "LiveWorld":
        """Return the world of the broker's last years.

        Raises:
            MarketDataError: the broker has too little history.
            BrokerUnavailable: no answer.
        """
        calendar = load_calendar()
        bars = bars_by_day(await fetch(FIRST_DURATION))
        forget_unfinished(bars, calendar, now)
        today = now.astimezone(exchange_zone()).date()
        history = history_of(bars, calendar, today)
        return cls(settings, calendar, bars, world_of(settings, calendar, history, seed), seed)

    def take(self, bars: Mapping[str, Sequence[BarSeen]], now: datetime) -> None:
        """Take in newer bars."""
        newer = bars_by_day(bars)
        forget_unfinished(newer, self.calendar, now)
        for name, rows in newer.items():
            self.bars.setdefault(name, {}).update(rows)
        today = now.astimezone(exchange_zone()).date()
        history = history_of(self.bars, self.calendar, today)
        self.world = world_of(self.settings, self.calendar, history, self.seed)

    def last_close(self) -> date:
        """Return the last session whose closes are known."""
        return max(self.bars["SPX"].keys() & self.bars["VIX"].keys())


def forget_unfinished(
    bars: dict[str, dict[date, BarSeen]], calendar: SessionCalendar, now: datetime
) -> None:
    """Drop bars of a session that still trades: their close is none."""
    for rows in bars.values():
        for day in list(rows):
            if not calendar.is_session(day) or now < calendar.session(day).cash_close_at:
                del rows[day]


class RenewingFeed:
    """Market data that first brings the tape up to the last close, where one is new."""

    def __init__(
        self,
        feed: MarketData,
        live: LiveWorld,
        fetch: FetchBars,
        renewed: Callable[[World], None],
        clock: Callable[[], datetime],
        ahead: Foreseeing | None = None,
    ) -> None:
        """Renew before each look; only where `ahead` is given is the market listened to ahead."""
        self._ahead = ahead
        self._feed = feed
        self._live = live
        self._fetch = fetch
        self._renewed = renewed
        self._clock = clock

    async def snapshot(self, request: SnapshotRequest) -> MarketSnapshot:
        """Return what `request` names.

        Raises:
            MarketDataError: it cannot be had, or the last close is not known.
            BrokerUnavailable: the line is down.
        """
        await self._renew()
        return await self._feed.snapshot(request)

    async def prepare(self, request: SnapshotRequest, moment_at: datetime) -> None:
        """Listen to what `request` names, for a moment soon to come.

        Raises:
            MarketDataError: it cannot be heard now.
            BrokerUnavailable: the line is down.
        """
        if self._ahead is not None:
            await self._ahead.prepare(request, moment_at)

    async def renew(
        self, snapshot: MarketSnapshot, contracts: Iterable[OptionContract]
    ) -> MarketSnapshot:
        """Return the snapshot with these contracts looked at now.

        Raises:
            BrokerUnavailable: the line is down.
        """
        return snapshot if self._ahead is None else await self._ahead.renew(snapshot, contracts)

    def release(self) -> None:
        """Listen no more."""
        if self._ahead is not None:
            self._ahead.release()

    async def _renew(self) -> None:
        now, calendar = self._clock(), self._live.calendar
        day = calendar.on_or_before(now.astimezone(exchange_zone()).date())
        if now < calendar.session(day).cash_close_at:
            day = calendar.previous(day)
        is_told = now >= calendar.session(day).cash_close_at + CLOSE_IS_TOLD_AFTER
        if self._live.last_close() >= day or not is_told:
            return
        self._live.take(await self._fetch(RENEWED_DURATION), now)
        self._renewed(self._live.world)
        if self._live.last_close() < day:
            raise MarketDataError(f"the broker has no closes of {day} yet.")
