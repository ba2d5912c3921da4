"""Records as JSON text and back; the same record always gives the same bytes."""

from functools import cache

import msgspec

from bot.events import (
    KIND_OF,
    KINDS,
    BooksAdopted,
    DecisionMade,
    MarketUnseen,
    MomentMissed,
    Record,
    RunResumed,
    RunStarted,
    TradingHalted,
    TradingResumed,
)
from bot.masking import masked
from market.errors import JournalDamaged
from market.orders import LineChanged, OrderCancelled, OrderRejected
from strategies.facts import LateFacts

NO_MARKET = "DATA"


def plain(facts: object) -> dict[str, object]:
    """Return facts that are worked out late as what they say: JSON knows no mapping but a dict.

    Raises:
        NotImplementedError: it is something else that JSON does not know; the encoder that calls
            this asks for that error.
    """
    if isinstance(facts, LateFacts):
        return dict(facts)
    raise NotImplementedError(f"a record holds a {type(facts).__name__}, which JSON does not know")


_ENCODER = msgspec.json.Encoder(decimal_format="string", order="deterministic", enc_hook=plain)


# Records that hold words or settings from outside, which may name an account or a secret.
_FROM_OUTSIDE = (
    RunStarted,
    RunResumed,
    MarketUnseen,
    OrderRejected,
    OrderCancelled,
    LineChanged,
    TradingHalted,
    TradingResumed,
    MomentMissed,
    BooksAdopted,
)


def encode(record: Record) -> tuple[str, str]:
    """Return (kind, JSON text) of a record, with accounts and secrets masked."""
    text = _ENCODER.encode(record).decode()
    is_outside = isinstance(record, _FROM_OUTSIDE) or (
        isinstance(record, DecisionMade) and record.decision.reason == NO_MARKET
    )
    return KIND_OF[type(record)], masked(text) if is_outside else text


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
