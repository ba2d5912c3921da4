"""Bytes on the wire: frames of NUL-ended text fields, as the TWS API has them up to version 200.

A frame is a big-endian uint32 length and that many bytes. Numbers are decimal text, booleans 0 or
1; an empty field is an unset number. What does not fit raises `Malformed`, which closes the one
connection it came from.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from struct import Struct

HEADER = Struct(">I")
PREAMBLE = b"API\0"
MOST_BYTES = 1 << 20
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INTEGER = "2147483647"
UNSET_TEXTS = frozenset({"", UNSET_DOUBLE, UNSET_INTEGER, "1.7976931348623157e+308"})
MOST_DIGITS = 40

Value = str | int | float | bool | Decimal | None


class Malformed(Exception):
    """Bytes or fields that no TWS client may send; the text says what is wrong."""


class Frames:
    """Cuts a stream of bytes into payloads."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take in bytes and yield every payload that is whole now.

        Raises:
            Malformed: a frame is empty or longer than a client may send.
        """
        self._bytes += chunk
        while len(self._bytes) >= HEADER.size:
            (length,) = HEADER.unpack_from(self._bytes)
            if not 0 < length <= MOST_BYTES:
                raise Malformed(f"a frame of {length} bytes")
            end = HEADER.size + length
            if len(self._bytes) < end:
                return
            payload = bytes(self._bytes[HEADER.size : end])
            del self._bytes[:end]
            yield payload


def framed(fields: Iterable[Value]) -> bytes:
    """Return one frame with these fields."""
    payload = "".join(f"{as_text(field)}\0" for field in fields).encode()
    return HEADER.pack(len(payload)) + payload


def split(payload: bytes) -> list[str]:
    """Return the fields of a payload.

    Raises:
        Malformed: it is no text, or its last field is not ended.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        raise Malformed("a payload that is no UTF-8 text") from None
    if not text.endswith("\0"):
        raise Malformed("a payload whose last field is not ended")
    return text[:-1].split("\0")


def as_text(value: Value) -> str:
    """Return a field's text; None is an unset field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


class Fields:
    """Reads the fields of one message in their order."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._next = 0

    def text(self) -> str:
        """Return the next field as it stands."""
        if self._next >= len(self._fields):
            raise Malformed(f"a message that ends before field {self._next + 1}")
        self._next += 1
        return self._fields[self._next - 1]

    def skip(self, count: int) -> None:
        """Pass over fields that mean nothing here."""
        for _ in range(count):
            self.text()

    def whole(self) -> int:
        """Return the next field as an integer, 0 when unset."""
        text = self.text()
        if text in UNSET_TEXTS:
            return 0
        number = _decimal(text)
        if number != number.to_integral_value():
            raise Malformed(f"{text!r} where an integer belongs")
        return int(number)

    def count(self) -> int:
        """Return the next field as a number of things that follow."""
        number = self.whole()
        if not 0 <= number <= len(self._fields):
            raise Malformed(f"{number} things in a message of {len(self._fields)} fields")
        return number

    def number(self) -> Decimal | None:
        """Return the next field as a number, None when unset."""
        text = self.text()
        return None if text in UNSET_TEXTS else _decimal(text)

    def flag(self) -> bool:
        """Return the next field as a truth."""
        return self.text() not in {"", "0"}

    @property
    def left(self) -> int:
        """Return how many fields have not been read."""
        return len(self._fields) - self._next


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Malformed(f"{text[:MOST_DIGITS]!r} where a number belongs") from None
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise Malformed(f"{text[:MOST_DIGITS]!r} where a number belongs")
    return number
