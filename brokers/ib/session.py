"""The state of the connection as a table, its back-off, and the hours in which it may be gone.

Rules of this file:
- Orders are sent in READY alone. Every way into READY leads through SYNCING: accounts, open and
  completed orders, executions, positions and figures are read again, each within its time.
- Stale quotes never tear the socket down; only a closed socket or silence does.
- Interactive Brokers resets its servers every night and asks for a new log-in every week
  (Gateway's auto-restart: the token ends Sunday 01:00 ET); both are waited through.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from market.errors import InvariantBroken
from market.orders import LineState
from market.sessions import exchange_zone


class Phase(StrEnum):
    """Where the connection stands."""

    DISCONNECTED = "disconnected"
    SOCKET_UP = "socket up"  # handshake done, accounts not judged yet
    SYNCING = "syncing"
    READY = "ready"
    DEGRADED = "degraded"  # the socket stands, quotes are stale
    CUT = "cut"  # the socket stands, the Gateway's own line is gone


class Signal(StrEnum):
    """What happens to a connection."""

    OPENED = "opened"
    ACCEPTED = "accepted"  # the paper lock let it through
    SYNCED = "synced"
    SYNC_FAILED = "sync failed"
    CUT = "cut"  # 1100
    RESTORED = "restored"  # 1101, 1102
    STALE = "stale"  # a farm broke, or no fresh quote came
    FRESH = "fresh"
    CLOSED = "closed"  # the socket is gone
    SILENT = "silent"  # no answer to the watchdog: the socket is closed by us


_P, _S = Phase, Signal
NEXT_PHASE: dict[tuple[Phase, Signal], Phase] = {
    (_P.DISCONNECTED, _S.OPENED): _P.SOCKET_UP,
    (_P.SOCKET_UP, _S.ACCEPTED): _P.SYNCING,
    (_P.SYNCING, _S.SYNCED): _P.READY,
    (_P.SYNCING, _S.SYNC_FAILED): _P.DISCONNECTED,
    (_P.READY, _S.STALE): _P.DEGRADED,
    (_P.DEGRADED, _S.FRESH): _P.READY,
    (_P.READY, _S.CUT): _P.CUT,
    (_P.DEGRADED, _S.CUT): _P.CUT,
    (_P.SYNCING, _S.CUT): _P.CUT,
    (_P.CUT, _S.RESTORED): _P.SYNCING,
    # Told without the cut before it: what happened meanwhile is not known, so all is read again.
    (_P.READY, _S.RESTORED): _P.SYNCING,
    (_P.DEGRADED, _S.RESTORED): _P.SYNCING,
}
# What may come in any phase and changes none: a repeated 1100, a farm that flaps during a sync.
_EVERYWHERE = {_S.CLOSED: _P.DISCONNECTED, _S.SILENT: _P.DISCONNECTED}
_IGNORED = frozenset({_S.STALE, _S.FRESH, _S.CUT, _S.RESTORED, _S.SYNC_FAILED})

LINE_OF: dict[Phase, LineState] = {
    _P.DISCONNECTED: LineState.DOWN,
    _P.SOCKET_UP: LineState.DOWN,
    _P.SYNCING: LineState.DOWN,
    _P.READY: LineState.READY,
    _P.DEGRADED: LineState.STALE,
    _P.CUT: LineState.DOWN,
}


def next_phase(phase: Phase, signal: Signal) -> Phase:
    """Return where a signal leads.

    Raises:
        InvariantBroken: the signal cannot come in that phase.
    """
    if signal in _EVERYWHERE:
        return _EVERYWHERE[signal]
    if (phase, signal) in NEXT_PHASE:
        return NEXT_PHASE[phase, signal]
    if signal in _IGNORED:
        return phase
    raise InvariantBroken(f"the connection cannot be {signal} while it is {phase}")


FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=60)
ID_TAKEN_WAIT, ID_TAKEN_LONGEST = timedelta(seconds=5), timedelta(seconds=30)
QUIET_WAIT = timedelta(seconds=60)


@dataclass(slots=True)
class BackOff:
    """How long to wait before the next attempt: doubled each time, within bounds.

    A client id still in use (326) means that the session before is not gone yet: longer at once,
    and never with another id, since orders belong to the id that sent them.
    """

    attempts: int = 0

    def after_failure(self, *, is_id_taken: bool = False) -> timedelta:
        """Return the wait after one more failure."""
        first, longest = (
            (ID_TAKEN_WAIT, ID_TAKEN_LONGEST) if is_id_taken else (FIRST_WAIT, LONGEST_WAIT)
        )
        wait = min(first * (1 << min(self.attempts, 10)), longest)
        self.attempts += 1
        return wait

    def reset(self) -> None:
        """Begin anew after a success."""
        self.attempts = 0


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A span of New York time in which the broker may be gone, with its reason."""

    reason: str
    first: time
    last: time
    weekday: int | None = None  # Monday is 0; None: every day


# Interactive Brokers, system status page: North America, daily 00:15-01:45 ET (older: from 23:45);
# Friday 23:00 to Saturday 03:00; the weekly log-in falls due on Sunday at 01:00.
QUIET_HOURS = (
    QuietHours("the nightly reset of the servers", time(23, 45), time(23, 59, 59)),
    QuietHours("the nightly reset of the servers", time(0, 0), time(1, 45)),
    QuietHours("the weekend maintenance", time(23, 0), time(23, 59, 59), 4),
    QuietHours("the weekend maintenance", time(0, 0), time(3, 0), 5),
    QuietHours("the weekly log-in", time(1, 0), time(23, 59, 59), 6),
)


def quiet_reason(at: datetime) -> str | None:
    """Return why the broker may be gone at an instant, or None when it should be there."""
    local = at.astimezone(exchange_zone())
    for hours in QUIET_HOURS:
        is_day = hours.weekday is None or hours.weekday == local.weekday()
        if is_day and hours.first <= local.time() <= hours.last:
            return hours.reason
    return None


def outage_sentence(since: datetime, at: datetime, detail: str) -> str:
    """Return what to tell a person of a line that is down."""
    minutes = (at - since).total_seconds() / 60
    reason = quiet_reason(at)
    if reason is not None:
        return f"The line to the broker is down during {reason}; it is waited for."
    remedy = "look at the Gateway's window: it may ask for a log-in"
    return f"The line to the broker is down for {minutes:.0f} min ({detail}); {remedy}."


class Farms:
    """Which data farms are broken at present."""

    def __init__(self) -> None:
        self._broken: set[tuple[int, str]] = set()

    def broke(self, code: int, text: str) -> None:
        """Note a broken farm; `code` is that of the message which will end it."""
        self._broken.add((code, _farm_name(text)))

    def recovered(self, code: int, text: str) -> None:
        """Note that a farm is back."""
        self._broken.discard((code, _farm_name(text)))

    def reset(self) -> None:
        """Forget all: a new connection tells anew."""
        self._broken.clear()

    @property
    def is_broken(self) -> bool:
        """Tell whether any farm is broken."""
        return bool(self._broken)


def _farm_name(text: str) -> str:
    """Return the farm that a message names: what follows its last colon."""
    return text.rpartition(":")[2].strip()
