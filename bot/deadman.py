"""The dead man's switch: a sign of life after each session's decision, an alarm when none came.

A daemon that is dead cannot raise an alarm, so the sign is what others watch: a URL that is fetched
once a session, a file that is written, or `alvh status --check` run by somebody else's clock. All
three know the trading calendar: a weekend without a sign is no alarm.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.log import RunLog
from bot.vitals import Vitals
from market.errors import NoSuchSession
from market.sessions import SessionCalendar

# The entry is over 14.5 minutes after the cash close; at 15:20 in Chicago a decision is overdue.
DECIDED_WITHIN = timedelta(minutes=20)
FETCH_WITHIN_S = 10.0

Fetch = Callable[[str], Awaitable[None]]


def overdue(
    calendar: SessionCalendar, now: datetime, decided: date | None, began_at: datetime | None
) -> date | None:
    """Return the latest session whose decision should be there and is not, None when all is well.

    A session that was over before the run began is not its duty.
    """
    try:
        session = calendar.on_or_before(now.date())
        if now < calendar.session(session).cash_close_at + DECIDED_WITHIN:
            session = calendar.on_or_before(session - timedelta(days=1))
    except NoSuchSession:
        return None
    if began_at is not None and began_at > calendar.session(session).cash_close_at:
        return None
    return session if decided is None or decided < session else None


class DeadMan:
    """Gives the sign once a session; `url` and `file` may be empty."""

    def __init__(
        self,
        calendar: SessionCalendar,
        clock: Callable[[], datetime],
        vitals: Vitals,
        log: RunLog,
        *,
        url: str = "",
        file: str = "",
        fetch: Fetch | None = None,
    ) -> None:
        self._calendar = calendar
        self._clock = clock
        self._vitals = vitals
        self._log = log
        self._url = url
        self._file = Path(file) if file else None
        self._fetch = fetch or fetch_once
        self._told: tuple[date, bool] | None = None
        self._fetching: set[asyncio.Task[None]] = set()

    async def beat(self) -> None:
        """Look whether there is something to say."""
        now = self._clock()
        late = overdue(self._calendar, now, self._vitals.decided, self._vitals.began_at)
        if late is not None:
            self._tell(late, now, is_well=False)
        elif self._vitals.decided is not None:
            self._tell(self._vitals.decided, now, is_well=True)

    def _tell(self, session: date, now: datetime, *, is_well: bool) -> None:
        if self._told == (session, is_well):
            return
        self._told = session, is_well
        if not is_well:
            sentence = f"no decision on {session} by {now:%H:%M} UTC"
            self._log.error("decision_overdue", at=now, sentence=sentence)
        if self._file is not None:
            self._write(session, now, is_well=is_well)
        if self._url:
            task = asyncio.create_task(self._ping(self._url if is_well else f"{self._url}/fail"))
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)

    def _write(self, session: date, now: datetime, *, is_well: bool) -> None:
        assert self._file is not None
        sign = {"session": session.isoformat(), "at": now.isoformat(), "decided": is_well}
        try:
            fresh = self._file.with_name(self._file.name + ".new")
            fresh.write_text(json.dumps(sign) + "\n", encoding="utf-8")
            fresh.replace(self._file)
        except OSError as error:
            self._log.warning("deadman_not_written", sentence=str(error))

    async def _ping(self, url: str) -> None:
        try:
            await self._fetch(url)
        except (OSError, ValueError) as error:
            self._log.warning("deadman_not_reached", sentence=type(error).__name__)

    async def close(self) -> None:
        """Let the last sign go out, within its time."""
        if self._fetching:
            await asyncio.wait(self._fetching, timeout=1.0)


async def fetch_once(url: str) -> None:
    """Fetch a URL and forget what it says.

    Raises:
        OSError: it cannot be reached or says no.
    """
    await asyncio.to_thread(_fetch, url)


def _fetch(url: str) -> None:
    import httpx2  # noqa: PLC0415 - heavy, only when used

    try:
        httpx2.get(url, timeout=FETCH_WITHIN_S).raise_for_status()
    except httpx2.HTTPError as error:
        raise OSError(str(error)) from error
