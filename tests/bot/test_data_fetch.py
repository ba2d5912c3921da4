"""A file comes whole or not at all, whatever the server does."""

from collections.abc import Iterator

import pytest
import stamina
from data_server import Reply, Server, serving

from bot.data.fetch import Fetched, Fetcher, NotThere, Patience
from market.errors import ConfigError, MarketDataError

ADDRESS = "https://publisher.test/daily/VIX_History.csv"
PATH = "/daily/VIX_History.csv"
BODY = b"DATE,OPEN,HIGH,LOW,CLOSE\n" + b"01/02/2018,9.1,9.8,9.0,9.77\n" * 40


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def get(
    server: Server, etag: str | None = None, patience: Patience | None = None
) -> Fetched | None:
    with Fetcher(server.url, patience or Patience(read_seconds=2.0)) as fetcher:
        return fetcher.get(ADDRESS, etag)


def test_a_file_comes_with_its_address_and_checksum(server: Server) -> None:
    server.on(PATH, Reply(BODY, etag='"v1"'))

    fetched = get(server)

    assert fetched == Fetched(server.url + PATH, BODY, '"v1"')
    assert fetched is not None
    assert len(fetched.sha256) == 64


def test_a_file_that_has_not_changed_is_not_sent_again(server: Server) -> None:
    server.on(PATH, Reply(BODY, etag='"v1"'))

    assert get(server, etag='"v1"') is None
    assert get(server, etag='"v0"') == Fetched(server.url + PATH, BODY, '"v1"')


@pytest.mark.parametrize(
    "stumble",
    [
        Reply(status=500),
        Reply(status=503, body=b"busy"),
        Reply(status=429, headers={"Retry-After": "7"}),
        Reply(status=503, headers={"Retry-After": "Fri, 01 Jan 2016 00:00:00 GMT"}),
        Reply(status=429, headers={"Retry-After": "soon"}),
        Reply(BODY, sent=100),
        Reply(BODY, sent=0),
    ],
    ids=["500", "503", "429", "503 until a date", "429 malformed", "torn", "empty line"],
)
def test_after_a_stumble_the_file_still_comes(server: Server, stumble: Reply) -> None:
    server.on(PATH, stumble, Reply(BODY))

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("reply", "sentence", "requests"),
    [
        (Reply(status=500), "answers 500; try again later.", 3),
        (Reply(status=418), "answers 418, which is no file.", 1),
        (
            Reply(status=429, headers={"Retry-After": "3600"}),
            "answers 429 and asks to wait 3600 s; try again later.",
            1,
        ),
        (Reply(BODY, sent=100), "cannot be read whole (", 3),
        (Reply(BODY, tells_length=False), "does not tell the length of what it sends.", 1),
        (Reply(status=302, headers={"Location": PATH}), "redirects in circles.", 1 + 5),
    ],
    ids=["500", "418", "429 for an hour", "always torn", "no length", "a circle"],
)
def test_what_cannot_be_had_whole_is_told(
    server: Server, reply: Reply, sentence: str, requests: int
) -> None:
    server.on(PATH, reply)

    with pytest.raises(MarketDataError) as refused:
        get(server)

    assert sentence in str(refused.value)
    assert str(refused.value).startswith(server.url + PATH)
    assert len(server.requests) == requests


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_is_not_there_is_asked_for_once(server: Server, status: int) -> None:
    server.on(PATH, Reply(status=status))

    with pytest.raises(NotThere, match=f"answers {status}: there is no such file"):
        get(server)

    assert len(server.requests) == 1


def test_a_torn_file_is_taken_up_where_it_ended(server: Server) -> None:
    whole = Reply(BODY, etag='"v1"', has_ranges=True)
    server.on(PATH, Reply(BODY, etag='"v1"', has_ranges=True, sent=300), whole)

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY
    assert server.asked("range") == [None, "bytes=300-"]
    assert server.asked("if-range") == [None, '"v1"']


def test_a_file_that_changed_meanwhile_starts_anew(server: Server) -> None:
    server.on(
        PATH,
        Reply(BODY, etag='"v1"', has_ranges=True, sent=300),
        Reply(BODY[::-1], etag='"v2"', has_ranges=True),
    )

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY[::-1]


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(BODY, status=206, headers={"Content-Range": "bytes 0-1144/1145"}),
        Reply(BODY[300:400], status=206, headers={"Content-Range": "bytes 300-399/1145"}),
        Reply(status=416),
    ],
    ids=["another part", "a shorter part", "no such part"],
)
def test_a_wrong_part_is_thrown_away(server: Server, wrong: Reply) -> None:
    server.on(
        PATH, Reply(BODY, etag='"v1"', has_ranges=True, sent=300), wrong, Reply(BODY, etag='"v1"')
    )

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY


@pytest.mark.parametrize("etag", ['W/"v1"', None])
def test_without_a_strong_validator_nothing_is_taken_up(server: Server, etag: str | None) -> None:
    server.on(PATH, Reply(BODY, etag=etag, has_ranges=True, sent=300), Reply(BODY))

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY
    assert server.asked("range") == [None, None]


def test_a_part_that_nobody_asked_for_is_not_joined(server: Server) -> None:
    part = Reply(b"x" * 845, status=206, headers={"Content-Range": "bytes 300-1144/1145"})
    server.on(PATH, Reply(BODY, sent=300), part, Reply(BODY))

    fetched = get(server)

    assert fetched is not None
    assert fetched.body == BODY


def test_a_server_that_drips_is_given_up(server: Server) -> None:
    server.on(PATH, Reply(BODY, seconds_per_chunk=0.05))

    with pytest.raises(MarketDataError, match=r"took longer than 0\.2 s; try again later\."):
        get(server, patience=Patience(whole_seconds=0.2))


def test_a_body_without_end_is_given_up(server: Server) -> None:
    server.on(PATH, Reply(BODY))

    with pytest.raises(MarketDataError, match="sends more than 500 bytes, which is no daily file"):
        get(server, patience=Patience(most_bytes=500))


def test_nobody_at_the_address_is_told() -> None:
    with serving() as gone:
        pass

    with pytest.raises(MarketDataError, match="cannot be read whole"):
        get(gone)


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "127.0.0.1", "http://[::1"])
def test_an_address_that_is_none_is_the_users_mistake(base_url: str) -> None:
    with Fetcher(base_url) as fetcher, pytest.raises(ConfigError):
        fetcher.get(ADDRESS)
