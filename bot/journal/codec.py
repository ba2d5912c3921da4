"""Records as JSON text and back; the same record always gives the same bytes."""

from functools import cache

import msgspec

from bot.events import KIND_OF, KINDS, Record
from market.errors import JournalDamaged

_ENCODER = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def encode(record: Record) -> tuple[str, str]:
    """Return (kind, JSON text) of a record."""
    return KIND_OF[type(record)], _ENCODER.encode(record).decode()


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(KINDS[kind])


def decode(kind: str, text: str) -> Record:
    """Return the record behind a journal row.

    Raises:
        JournalDamaged: the kind is unknown or the text does not fit it.
    """
    if kind not in KINDS:
        raise JournalDamaged(f"the journal holds a record of unknown kind {kind!r}")
    try:
        return _decoder(kind).decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise JournalDamaged(f"a {kind} record of the journal cannot be read: {error}") from error
