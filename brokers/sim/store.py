"""The exchange's own file: every order seen, every event told, and what stands open now.

Rules of this file:
- Orders and events are only ever added, numbered from 1; the state is one row that is replaced.
- One call of the exchange is one durable transaction, so a file never holds half of one. What it
  acknowledged is here, whatever dies.
- The standard library's driver suffices: the file is the exchange's alone and starts quickly.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

import msgspec

from brokers.sim.broker import Kept, VenueState
from market.errors import ConfigError, JournalDamaged, JournalUnavailable
from market.orders import BrokerEvent, Order

LOCK_WAIT_S = 5.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (seq INTEGER PRIMARY KEY, payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS state (
    one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL, payload TEXT NOT NULL
);
"""

_ENCODER = msgspec.json.Encoder(decimal_format="string", order="deterministic")
EVENT_KINDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(BrokerEvent)}


@cache
def _decoder(kind: type) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(kind)


def event_text(event: BrokerEvent) -> tuple[str, str]:
    """Return (kind, JSON text) of an event."""
    return type(event).__name__, _ENCODER.encode(event).decode()


def event_of(kind: str, text: str) -> BrokerEvent:
    """Return the event behind kind and text.

    Raises:
        msgspec.DecodeError: the text is no event of that kind.
    """
    if kind not in EVENT_KINDS:
        raise msgspec.DecodeError(f"unknown kind of event {kind!r}")
    event: BrokerEvent = _decoder(EVENT_KINDS[kind]).decode(text)  # type: ignore[assignment]
    return event


class ExchangeStore:
    """Keeps a simulated exchange in a SQLite file.

    Raises:
        ConfigError: the file is no exchange's, or its folder does not exist.
        JournalUnavailable: the file cannot be written now.
    """

    def __init__(self, path: Path, *, lock_wait_s: float = LOCK_WAIT_S) -> None:
        if not path.parent.is_dir():
            raise ConfigError(f"store {path}: folder {path.parent} is missing; create it.")
        self._path = path
        self._last_state = ""
        with self._trouble():
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=lock_wait_s)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(SCHEMA)
            self._orders, self._events = self._count("orders"), self._count("events")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def events_told(self) -> int:
        """Return how many events the exchange ever told."""
        return self._events

    def bind(self, facts: Mapping[str, str]) -> None:
        """Write down whose market this is; a file that has it already must say the same.

        Raises:
            ConfigError: it was begun with other facts.
        """
        with self._trouble():
            known = dict(self._connection.execute("SELECT key, value FROM meta"))
            for key, value in facts.items():
                if known.get(key, value) != value:
                    raise ConfigError(
                        f"store {self._path} was begun with {key} {known[key]}, not {value}; name"
                        " another file or start with the same."
                    )
            rows = [row for row in facts.items() if row[0] not in known]
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)

    def load(self) -> Kept | None:
        """Return what was kept, or None from a new file.

        Raises:
            JournalDamaged: a row cannot be read.
        """
        with self._trouble():
            row = self._connection.execute("SELECT at, payload FROM state").fetchone()
            if row is None:
                return None
            texts = self._connection.execute("SELECT payload FROM orders ORDER BY seq")
            try:
                orders = tuple(msgspec.json.decode(text, type=Order) for (text,) in texts)
                state = msgspec.json.decode(row[1], type=VenueState)
                at = datetime.fromisoformat(row[0])
            except (msgspec.DecodeError, ValueError) as error:
                raise JournalDamaged(f"store {self._path} cannot be read: {error}") from error
        self._last_state = row[1]
        return Kept(at, state, orders)

    def add(
        self, at: datetime, order: Order | None, events: Iterable[BrokerEvent], state: VenueState
    ) -> None:
        """Make one call's order, events and state durable; nothing new is not written."""
        texts = [(event.at.isoformat(), *event_text(event)) for event in events]
        text = _ENCODER.encode(state).decode()
        if order is None and not texts and text == self._last_state:
            return
        with self._trouble(), self._transaction():
            if order is not None:
                self._insert_order(order)
            rows = [(self._events + n, *row) for n, row in enumerate(texts, 1)]
            self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            self._connection.execute(
                "INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (at.isoformat(), text)
            )
        self._orders += order is not None
        self._events += len(texts)
        self._last_state = text

    def _insert_order(self, order: Order) -> None:
        text = _ENCODER.encode(order).decode()
        self._connection.execute("INSERT INTO orders VALUES (?, ?)", (self._orders + 1, text))

    def events_after(self, heard: int) -> tuple[BrokerEvent, ...]:
        """Return every event after the first `heard`, oldest first."""
        if heard >= self._events:
            return ()
        query = "SELECT kind, payload FROM events WHERE seq > ? ORDER BY seq"
        with self._trouble():
            rows = self._connection.execute(query, (heard,)).fetchall()
        try:
            return tuple(event_of(kind, text) for kind, text in rows)
        except msgspec.DecodeError as error:
            raise JournalDamaged(f"store {self._path} cannot be read: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _count(self, table: str) -> int:
        query = f"SELECT coalesce(max(seq), 0) FROM {table}"
        count: int = self._connection.execute(query).fetchone()[0]
        return count

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Turn the driver's complaints into ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise JournalUnavailable(
                f"store {self._path} cannot be written ({error}); the exchange stops so that"
                " nothing is acknowledged that is not kept."
            ) from error
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"store {self._path} is no file of an exchange ({error}); name another."
            ) from error
