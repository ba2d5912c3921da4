"""Bytes that no client should send: they end that client's conversation, or are refused by code,
and never touch the others."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from struct import pack

import pytest
from gateway_samples import AFTERNOON, Emulator, client, emulator
from hypothesis import given, settings
from hypothesis import strategies as some

from bot.clock import SimulatedClock
from bot.gateway_rig import build_gateway
from bot.settings import Settings
from bot.world import World
from brokers.gateway.answers import Message, Tell
from brokers.gateway.connection import Connection, Stage
from brokers.gateway.contracts import option_id
from brokers.gateway.line import Line
from brokers.gateway.requests import Ask
from brokers.gateway.terms import Terms
from brokers.gateway.times import parse_since
from brokers.gateway.weather import Weather
from brokers.gateway.wire import MOST_BYTES, Fields, Frames, Malformed, framed, split
from market.instruments import OptionContract

GREETING = b"API\0" + pack(">I", 9) + b"v157..176"
START = framed([71, 2, 3, ""])
VERSIONS = (157, 163, 164, 166, 169, 176, 177, 178)

texts = some.text(some.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
numbers = some.one_of(
    some.integers(-(10**12), 10**12).map(str),
    some.floats().map(str),
    some.sampled_from(
        ["", "1e999999999", "-0", "1.7976931348623157E308", "2147483647", "٣", "1_0"]
    ),
)
words = some.sampled_from(
    ["BAG", "OPT", "IND", "SPX", "VIX", "SPXW", "BUY", "SELL", "LMT", "DU0000001", "1 day", "5 D"]
)
fields = some.lists(some.one_of(texts, numbers, words), max_size=130)
asks = some.one_of(some.sampled_from([*map(int, Ask)]).map(str), numbers, texts)


def payload(parts: Iterable[str]) -> bytes:
    """Return a payload of these fields."""
    return "".join(f"{part}\0" for part in parts).encode()


class Talking:
    """A conversation without a socket, already past its handshake."""

    def __init__(self, world: World, version: int) -> None:
        """Begin a conversation of that version."""
        clock = SimulatedClock(AFTERNOON)
        server = build_gateway(Settings(), world, clock, 7)
        self.told: list[Message] = []
        weather = Weather((), clock.now, server)
        line = Line(weather, self.told.append, lambda: None)
        self.connection = Connection(
            server.venue, line, weather, admit=lambda _: True, terms=Terms()
        )
        server.venue.listen(self.connection.hear)
        self.connection.receive(f"v157..{version}".encode())
        self.connection.receive(payload(["71", "2", "3", ""]))

    def hear(self, parts: list[str]) -> None:
        """Take a message; what is no protocol at all may end the conversation."""
        try:
            self.connection.receive(payload(parts))
        except Malformed:
            self.connection.stage = Stage.OVER


@settings(max_examples=150)
@given(number=asks, rest=fields, version=some.sampled_from(VERSIONS))
def test_no_message_whatever_its_fields_is_more_than_refused(
    world: World, number: str, rest: list[str], version: int
) -> None:
    talk = Talking(world, version)

    talk.hear([number, *rest])
    talk.connection.pulse()

    assert all(isinstance(message[0], int) for message in talk.told)


TERMS = ["", "", "BUY", "1", "LMT", "20", "", "DAY", "", "DU0000001", "", "0", "ref", "1"]
UNSET = [""] * 120  # an empty field is an unset one, whatever it is


def whole_order() -> list[str]:
    """Return a right order on one option."""
    return ["3", "1", *SPXW_PUT, *TERMS, *UNSET]


def whole_combo() -> list[str]:
    """Return a right order on a vertical."""
    legs: list[str] = []
    for symbol, action in (("2700 P", "BUY"), ("2725 P", "SELL")):
        number = option_id(OptionContract.parse(f"SPXW 2018-02-05 {symbol}"))
        legs += [str(number), "1", action, "SMART", "0", "0", "", "-1"]
    return ["3", "1", *BAG, *TERMS, *UNSET[:7], "2", *legs, "0", "0", *UNSET]


SPXW_PUT = ["0", "SPX", "OPT", "20180205", "2700", "P", "100", "SMART", "", "USD", "", "SPXW"]
SPX_INDEX = ["416904", "SPX", "IND", "", "0", "", "", "CBOE", "", "USD", "", ""]
BAG = ["0", "SPX", "BAG", "", "0", "", "", "SMART", "", "USD", "", ""]
LEG = ["536870912", "1", "BUY", "SMART"]
RIGHT_MESSAGES = {
    "details": ["9", "8", "5", *SPXW_PUT, "0", "", "", ""],
    "chain": ["78", "5", "SPX", "", "IND", "416904"],
    "option data": ["1", "11", "5", *SPXW_PUT, "0", "", "0", "0", ""],
    "index data": ["1", "11", "5", *SPX_INDEX, "0", "", "1", "0", ""],
    "combo data": ["1", "11", "5", *BAG, "2", *LEG, *LEG, "0", "", "0", "0", ""],
    "kind of data": ["59", "1", "3"],
    "end of data": ["2", "2", "5"],
    "bars": ["20", "5", *SPX_INDEX, "0", "", "1 day", "5 D", "1", "TRADES", "1", "0", ""],
    "executions": ["7", "3", "5", "0", "", "20180202 10:00:00", "", "", "", ""],
    "summary": ["62", "1", "5", "All", "NetLiquidation,$LEDGER"],
    "updates": ["6", "2", "1", "DU0000001"],
    "updates of many": ["76", "1", "5", "DU0000001", "", "0"],
    "profit": ["92", "5", "DU0000001", ""],
    "rule": ["91", "1001"],
    "symbols": ["81", "5", "SP"],
    "cancel": ["4", "1", "7", ""],
    "completed": ["99", "0"],
    "ids": ["8", "1", "1"],
}


@settings(max_examples=200)
@given(
    name=some.sampled_from(sorted(RIGHT_MESSAGES)),
    changes=some.lists(
        some.tuples(some.integers(0, 30), some.one_of(numbers, texts, words)), max_size=3
    ),
    end=some.integers(1, 40),
    version=some.sampled_from(VERSIONS),
)
def test_a_right_message_gone_wrong_in_places_is_no_more_than_refused(
    world: World, name: str, changes: list[tuple[int, str]], end: int, version: int
) -> None:
    message = list(RIGHT_MESSAGES[name])
    for place, text in changes:
        message[1 + place % (len(message) - 1)] = text
    talk = Talking(world, version)

    talk.hear(message[:end])
    talk.connection.pulse()

    assert talk.connection.stage is Stage.TALKING


@settings(max_examples=200)
@given(
    changes=some.lists(
        some.tuples(some.integers(0, 60), some.one_of(numbers, texts, words)), max_size=3
    ),
    end=some.integers(1, 200),
    is_combo=some.booleans(),
    version=some.sampled_from(VERSIONS),
)
def test_an_order_that_breaks_off_or_goes_astray_is_refused_or_taken_whole(
    world: World, changes: list[tuple[int, str]], end: int, is_combo: bool, version: int
) -> None:
    message = whole_combo() if is_combo else whole_order()
    for place, text in changes:
        message[2 + place] = text
    talk = Talking(world, version)

    talk.hear(message[:end])
    talk.connection.pulse()

    codes = [told[3] for told in talk.told if told[0] == Tell.ERROR and told[2] != -1]
    orders = [told for told in talk.told if told[0] == Tell.OPEN_ORDER]
    assert talk.connection.stage is Stage.TALKING
    assert codes or orders or end < 2


def test_the_orders_that_go_astray_are_right_before(world: World) -> None:
    for message in (whole_order(), whole_combo()):
        talk = Talking(world, 176)
        talk.hear(message)

        assert [t.status for t in talk.connection._talk.venue.desk.tickets] == ["Submitted"]


@given(chunks=some.lists(some.binary(max_size=40), max_size=12))
def test_frames_are_the_same_however_the_bytes_are_cut(chunks: list[bytes]) -> None:
    def cut(pieces: Iterable[bytes]) -> tuple[list[bytes], bool]:
        frames, found = Frames(), []
        try:
            for piece in pieces:
                found += list(frames.feed(piece))
        except Malformed:
            return found, True
        return found, False

    whole = b"".join(chunks)
    by_byte = [whole[n : n + 1] for n in range(len(whole))]

    assert cut(chunks)[1] == cut(by_byte)[1]
    assert cut(by_byte) == cut([*by_byte])
    if not cut(by_byte)[1]:
        assert cut(chunks) == cut(by_byte) == cut([whole])


@given(parts=some.lists(texts, min_size=1, max_size=20))
def test_what_is_framed_can_be_split_again(parts: list[str]) -> None:
    (told,) = Frames().feed(framed(parts))

    assert split(told) == parts


@given(text=some.one_of(texts, numbers))
def test_a_number_is_read_or_refused(text: str) -> None:
    try:
        number = Fields([text]).number()
    except Malformed:
        return

    assert number is None or number.is_finite()


@given(text=some.text(max_size=30))
def test_a_time_is_read_or_refused(text: str) -> None:
    try:
        at = parse_since(text)
    except Malformed:
        return

    assert at is None or at.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("20180202 15:45:00", datetime(2018, 2, 2, 20, 45, tzinfo=UTC)),
        ("20180202 15:45:00 US/Eastern", datetime(2018, 2, 2, 20, 45, tzinfo=UTC)),
        ("20180202 14:45:00 US/Central", datetime(2018, 2, 2, 20, 45, tzinfo=UTC)),
        ("20180202-20:45:00", datetime(2018, 2, 2, 20, 45, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_clients_write_them(text: str, at: datetime) -> None:
    assert parse_since(text) == at


BROKEN = {
    "no preamble": b"GET / HTTP/1.1\r\n\r\n",
    "a frame too long": GREETING + pack(">I", MOST_BYTES + 1),
    "an empty frame": GREETING + pack(">I", 0),
    "a request before the name": GREETING + framed([49, 1]),
    "no text": GREETING + START + pack(">I", 3) + b"\xff\xfe\0",
    "a field without its end": GREETING + START + pack(">I", 2) + b"49",
    "no number": GREETING + START + framed(["what", 1]),
}


async def is_closed(gateway: Emulator, sent: bytes) -> bool:
    """Tell whether the gateway hangs up on a client that sends these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(5):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


@pytest.mark.parametrize("name", BROKEN)
async def test_malformed_bytes_close_that_client_alone(world: World, name: str) -> None:
    async with emulator(world) as gateway, client(gateway) as other:
        closed = await is_closed(gateway, BROKEN[name])

        assert closed
        assert await other.reqCurrentTimeAsync() == gateway.clock.now()


async def test_a_client_that_breaks_off_in_the_middle_disturbs_nobody(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as other:
        for cut in (2, 5, len(GREETING) - 1, len(GREETING) + 3):
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
            writer.write((GREETING + START)[:cut])
            await gateway.settle_down()
            writer.transport.abort()
        await gateway.settle_down()

        assert await other.reqCurrentTimeAsync() == gateway.clock.now()


async def test_no_more_clients_than_the_limit_are_taken(world: World) -> None:
    async with emulator(world) as gateway, client(gateway) as first:
        pairs = [await asyncio.open_connection("127.0.0.1", gateway.server.port) for _ in range(31)]
        await gateway.settle_down()
        closed = await is_closed(gateway, GREETING)
        for _, writer in pairs:
            writer.close()

        assert closed
        assert first.isConnected()
