"""The way out to one client: what a script does to the messages told to it."""

from collections.abc import Callable
from functools import partial

from brokers.gateway.answers import Message, Tell
from brokers.gateway.faults import Fault, Kind
from brokers.gateway.weather import Weather

EXECUTION_ID = 14  # its place among the fields of an execution
STATUS = 2  # its place among the fields of an order's status
NAMES = {int(tell): tell.name.lower() for tell in Tell}


class Line:
    """Sends messages to one client, or loses, repeats and delays them as the script says."""

    def __init__(
        self, weather: Weather, write: Callable[[Message], None], cut: Callable[[], None]
    ) -> None:
        """Send by `write`; `cut` ends the connection at once."""
        self.client_id = -1
        self.is_deaf = False
        self.cut = cut
        self._weather = weather
        self._write = write

    def send(self, message: Message) -> None:
        """Tell the client something, as far as the script lets it through."""
        if self.is_deaf or self._weather.holds(Kind.MUTE):
            return
        number = message[0]
        name = NAMES.get(number, "") if isinstance(number, int) else ""
        status = str(message[STATUS]) if name == "order_status" else ""
        acting = self._weather.script.on_tell(name, status, self.client_id)
        kinds = {fault.kind: fault for fault in acting}
        if Kind.DROP in kinds:
            self._drop(kinds[Kind.DROP], message)
        elif Kind.DELAY in kinds:
            at = self._weather.now + kinds[Kind.DELAY].span
            self._weather.agenda.add(at, partial(self._write, message))
        elif Kind.SWALLOW not in kinds:
            self._write(message)
            if Kind.REPEAT in kinds:
                self._write(message)
            if Kind.REVISE in kinds:
                self._write(_revised(message))

    def _drop(self, fault: Fault, message: Message) -> None:
        if fault.is_after:
            self._write(message)
        self.is_deaf = True
        self.cut()


def _revised(message: Message) -> Message:
    """Return an execution under the next revision of its id."""
    stem, _, revision = str(message[EXECUTION_ID]).rpartition(".")
    again = list(message)
    again[EXECUTION_ID] = f"{stem}.{int(revision) + 1:02d}"
    return again
