"""The hash chain of the event log: every row covers the one before it."""

import hashlib
from dataclasses import dataclass

GENESIS = "0" * 64
SEAL_DIGITS = 16


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the event log."""

    seq: int
    at: str
    session: str | None
    kind: str
    payload: str
    hash: str
    recorded_at: str
    seal: str

    @property
    def is_text(self) -> bool:
        """Tell whether all columns are text; in a damaged file they may be anything."""
        texts: tuple[object, ...] = (
            self.at,
            self.session or "",
            self.kind,
            self.payload,
            self.hash,
            self.recorded_at,
            self.seal,
        )
        return all(isinstance(text, str) for text in texts)

    def follows(self, head: "Head") -> bool:
        """Tell whether the row is what was written after the head."""
        if not self.is_text:
            return False
        wanted = chained(head.hash, self.seq, self.at, self.session, self.kind, self.payload)
        return self.hash == wanted and self.seal == sealed(self.hash, self.recorded_at)


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain: its number and hash."""

    seq: int
    hash: str


START = Head(0, GENESIS)


def chained(previous: str, seq: int, at: str, session: str | None, kind: str, payload: str) -> str:
    """Return the hash of a row, covering the row before it."""
    return _sha256("\x1f".join((previous, str(seq), at, session or "", kind, payload)))


def sealed(row_hash: str, recorded_at: str) -> str:
    """Return the seal over a row's wall-clock time, which the chain leaves out so that two equal
    runs have equal chains."""
    return _sha256(f"{row_hash}\x1f{recorded_at}")[:SEAL_DIGITS]


def digest_of(content: bytes) -> str:
    """Return the name under which an input is kept: the hash of its content."""
    return hashlib.sha256(content).hexdigest()


def _sha256(text: str) -> str:
    # Text of a damaged file may hold bytes that are no UTF-8; they shall differ, not crash.
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
