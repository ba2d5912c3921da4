"""What a script does to a request on its way in."""

from collections.abc import Callable

from brokers.gateway.faults import CANCEL_ORDER, FILL, MODIFY, NEW_ORDER, WHAT_IF, Fault, Kind
from brokers.gateway.line import Line
from brokers.gateway.talk import Talk
from brokers.gateway.weather import Weather

PACING_TEXT = "Max rate of messages per second has been exceeded"
LASTING = frozenset(
    {
        Kind.RESTART,
        Kind.CUT,
        Kind.RESET,
        Kind.MUTE,
        Kind.SILENT_DATA,
        Kind.NAN_GREEKS,
        Kind.NO_QUOTES,
        Kind.COMPETING,
    }
)
LOST_IN_A_CUT = frozenset({NEW_ORDER, MODIFY, WHAT_IF, CANCEL_ORDER})


class HungUp(Exception):
    """The script ends this connection."""


class Incidents:
    """Lets requests of one client through, or what the script makes of them."""

    def __init__(self, talk: Talk, weather: Weather, line: Line) -> None:
        self._talk = talk
        self._weather = weather
        self._line = line

    def meet(self, name: str, request_id: int, proceed: Callable[[], None]) -> None:
        """Answer a request by `proceed`, unless the script has other plans.

        Raises:
            HungUp: the connection ends here.
        """
        kinds = self._acting(name)
        drop = kinds.get(Kind.DROP)
        if drop is not None and not drop.is_after:
            raise HungUp
        if self._is_lost(name, kinds) or self._is_refused(request_id, kinds):
            return
        self._notice(request_id, kinds, is_after=False)
        self._line.is_deaf = self._line.is_deaf or drop is not None
        self._talk.quirks = kinds
        try:
            proceed()
        finally:
            self._talk.quirks = {}
        self._notice(request_id, kinds, is_after=True)
        if drop is not None:
            raise HungUp

    def meet_fill(self) -> dict[Kind, Fault]:
        """Return what the script makes of a fill."""
        kinds = self._acting(FILL)
        self._notice(-1, kinds, is_after=False)
        return kinds

    def _acting(self, name: str) -> dict[Kind, Fault]:
        acting = self._weather.script.on_request(name, self._talk.client_id)
        for fault in acting:
            if fault.kind in LASTING:
                self._weather.begin(fault)
        return {fault.kind: fault for fault in acting}

    def _is_lost(self, name: str, kinds: dict[Kind, Fault]) -> bool:
        is_unsent = self._weather.is_cut and name in LOST_IN_A_CUT
        return Kind.IGNORE in kinds or is_unsent or self._weather.holds(Kind.MUTE)

    def _is_refused(self, request_id: int, kinds: dict[Kind, Fault]) -> bool:
        if Kind.PACING in kinds:
            self._talk.refuse(request_id, 100, PACING_TEXT)
        elif Kind.REJECT in kinds:
            fault = kinds[Kind.REJECT]
            self._talk.refuse(request_id, fault.code, fault.text)
        return Kind.PACING in kinds or Kind.REJECT in kinds

    def _notice(self, request_id: int, kinds: dict[Kind, Fault], *, is_after: bool) -> None:
        fault = kinds.get(Kind.NOTICE)
        if fault is not None and fault.is_after is is_after:
            self._talk.refuse(request_id, fault.code, fault.text)
