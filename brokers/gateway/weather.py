"""What is wrong with the gateway just now, for all its clients alike.

A state of the weather lasts for a span of the gateway's own time, or, without one, for ever.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from brokers.gateway.faults import DEFAULT_TEXTS, Fault, Kind
from brokers.gateway.script import Agenda, Script, instants

FOR_EVER = datetime.max.replace(tzinfo=UTC)
LOST, RESTORED_WITHOUT_DATA, RESTORED = 1100, 1101, 1102
COMPETING_CODE = 10197
COMPETING_TEXT = "No market data during competing live session"
TOLD_AGAIN_EVERY = timedelta(minutes=1)
CUTS = (Kind.CUT, Kind.RESET)


class Clients(Protocol):
    """What the weather does to those who are connected."""

    def notice(self, code: int, text: str) -> None:
        """Tell everybody something that belongs to no request."""

    def drop_clients(self) -> None:
        """Cut everybody off."""

    def forget_streams(self) -> None:
        """Lose every market-data subscription."""

    def break_streams(self, code: int, text: str) -> None:
        """Tell every market-data subscription why it is silent."""


class Weather:
    """Scripted faults that last, and those that wait for a time."""

    def __init__(
        self, faults: Iterable[Fault], clock: Callable[[], datetime], clients: Clients
    ) -> None:
        faults = tuple(faults)
        self.script = Script.of(faults)
        self.agenda = Agenda()
        self._clock = clock
        self._clients = clients
        self._until: dict[Kind, datetime] = {}
        for fault in faults:
            for at in instants(fault, clock()):
                self.agenda.add(at, partial(self.begin, fault))

    @property
    def now(self) -> datetime:
        """Return the gateway's time."""
        return self._clock()

    @property
    def is_cut(self) -> bool:
        """Tell whether the line between gateway and broker is down."""
        return any(self.holds(kind) for kind in CUTS)

    @property
    def has_no_ticks(self) -> bool:
        """Tell whether market data are silent."""
        return self.is_cut or self.holds(Kind.SILENT_DATA) or self.holds(Kind.COMPETING)

    def holds(self, kind: Kind) -> bool:
        """Tell whether a lasting fault is at work now."""
        until = self._until.get(kind)
        return until is not None and self.now < until

    def begin(self, fault: Fault) -> None:
        """Let a fault begin that befalls the gateway as a whole."""
        if fault.kind is Kind.NOTICE:
            self._clients.notice(fault.code, fault.text)
            return
        if fault.kind is not Kind.DROP:
            self._until[fault.kind] = self.now + fault.span if fault.span else FOR_EVER
        if fault.kind in {Kind.DROP, Kind.RESTART}:
            self._clients.drop_clients()
        elif fault.kind in CUTS:
            self._cut(fault)
        elif fault.kind is Kind.COMPETING:
            self._clients.break_streams(COMPETING_CODE, COMPETING_TEXT)

    def _cut(self, fault: Fault) -> None:
        end = self.now + fault.span
        self._tell(LOST)
        again = self.now + TOLD_AGAIN_EVERY
        while fault.kind is Kind.RESET and again < end:
            self.agenda.add(again, partial(self._tell, LOST))
            again += TOLD_AGAIN_EVERY
        self.agenda.add(end, partial(self._restore, fault))

    def _restore(self, fault: Fault) -> None:
        if self.is_cut:
            return  # another cut outlasts this one
        if fault.loses_subscriptions:
            self._clients.forget_streams()
        self._tell(RESTORED_WITHOUT_DATA if fault.loses_subscriptions else RESTORED)

    def _tell(self, code: int) -> None:
        self._clients.notice(code, DEFAULT_TEXTS[code])
