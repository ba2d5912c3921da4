"""Facts of a decision of which the dear ones are worked out when somebody reads them.

A journal on disk, a page or a person reads all; a replay in memory looks at a few of them.
"""

from collections.abc import Callable, Iterator, Mapping

from strategies.base import JsonValue


class LateFacts(Mapping[str, JsonValue]):
    """Known facts, then late ones: each of those is worked out when it is asked for.

    To whoever reads it is an ordinary mapping. A late fact must be a pure function of what it was
    made from, so that it says the same whenever it is read.
    """

    __slots__ = ("_known", "_late")

    def __init__(
        self, known: dict[str, JsonValue], late: Mapping[str, Callable[[], JsonValue]]
    ) -> None:
        self._known = known
        self._late = late

    def __getitem__(self, name: str) -> JsonValue:
        if name in self._known:
            return self._known[name]
        return self._late[name]()

    def __iter__(self) -> Iterator[str]:
        yield from self._known
        yield from self._late

    def __len__(self) -> int:
        return len(self._known) + len(self._late)

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self._late

    def __repr__(self) -> str:
        return repr(dict(self))
