"""Mappings that look their entries up when somebody asks for them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lazy(Mapping[Key, Value], Generic[Key, Value]):
    """Looks each entry up once, on access; a key whose look-up gives None is missing."""

    def __init__(self, keys: Iterable[Key], look_up: Callable[[Key], Value | None]) -> None:
        self._keys = dict.fromkeys(keys)
        self._look_up = look_up
        self._found: dict[Key, Value | None] = {}

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the entry, or `default`; without the exception that a missing one would cost."""
        if key not in self._found:
            self._found[key] = self._look_up(key) if key in self._keys else None
        value = self._found[key]
        return default if value is None else value

    def __getitem__(self, key: Key) -> Value:
        value: Value | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[Key]:
        return (key for key in self._keys if self.get(key) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Together(Mapping[Key, Value], Generic[Key, Value]):
    """Looks all entries up at once, when the first is asked for; a key without one is missing."""

    def __init__(
        self,
        keys: Iterable[Key],
        look_up: Callable[[Iterable[Key]], Mapping[Key, Value]],
    ) -> None:
        self._keys = tuple(keys)
        self._look_up = look_up
        self._found: Mapping[Key, Value] | None = None

    def _all(self) -> Mapping[Key, Value]:
        if self._found is None:
            self._found = self._look_up(self._keys)
        return self._found

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the entry, or `default`; without the exception that a missing one would cost."""
        found = self._found
        return (self._all() if found is None else found).get(key, default)

    def __getitem__(self, key: Key) -> Value:
        return self._all()[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
