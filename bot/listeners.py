"""Who hears which records: a listener may name the kinds it cares for, and hears no others."""

from collections.abc import Callable, Collection

from bot.events import Record

Listener = Callable[[Record], None]


class Listeners:
    """Tells each record to those that want its kind, in the order in which they came."""

    def __init__(self) -> None:
        self._all: list[tuple[Listener, Collection[type] | None]] = []
        self._by_kind: dict[type, tuple[Listener, ...]] = {}

    def add(self, listener: Listener, kinds: Collection[type] | None) -> None:
        """Have a listener told every record from now on, or those of some kinds."""
        self._all.append((listener, kinds))
        self._by_kind.clear()

    def tell(self, record: Record) -> None:
        """Tell a record."""
        kind = type(record)
        if kind not in self._by_kind:
            self._by_kind[kind] = tuple(
                listener for listener, kinds in self._all if kinds is None or kind in kinds
            )
        for listener in self._by_kind[kind]:
            listener(record)
