"""Fetches one file over HTTP, whole or not at all.

Rules of this file, after RFC 9110:
- Worth another attempt: no connection, a body cut short, 408, 429 and every 5xx. The wait doubles,
  or is what `Retry-After` asks for; who asks for more than the longest wait is not waited for.
- A body cut short is taken up where it ended (`Range` with `If-Range`) if the server offers byte
  ranges and a strong validator; else it starts anew. Parts live in memory only.
- A body without a told length (no Content-Length, not chunked) cannot be told from a torn one and
  is refused.
"""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx2
import stamina

from bot.data.sources import rebased
from market.errors import ConfigError, InvariantBroken, MarketDataError

_ABSENT = frozenset({403, 404, 410})  # Cboe's store answers 403 where there is no such file
_TRANSIENT = frozenset({408, 425, 429})
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often the fetcher tries; seconds and bytes."""

    attempts: int = 5
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    whole_seconds: float = 180.0
    longest_wait_seconds: float = 60.0
    most_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete body, where it came from, and the validator that goes with it."""

    url: str
    body: bytes
    etag: str | None = None

    @property
    def sha256(self) -> str:
        """Return the checksum of the body."""
        return hashlib.sha256(self.body).hexdigest()


class NotThere(MarketDataError):
    """The server has no such file."""


class _Again(Exception):
    """Another attempt may succeed; `wait_seconds` is what the server asks for, None if nothing."""

    def __init__(self, url: str, what: str, wait_seconds: float | None = None) -> None:
        super().__init__(f"{url} {what}")
        self.wait_seconds = wait_seconds


class Fetcher:
    """An HTTP client that retries; use it as a context manager."""

    def __init__(self, base_url: str | None = None, patience: Patience | None = None) -> None:
        self._base_url = base_url
        self._patience = patience or Patience()
        self._client = httpx2.Client(
            follow_redirects=True,
            max_redirects=5,
            headers={"User-Agent": "alvh-bot", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(
                self._patience.read_seconds, connect=self._patience.connect_seconds
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: str, etag: str | None = None) -> Fetched | None:
        """Return the file at `url`, or None when it still is the one of `etag`.

        Raises:
            NotThere: the server has no such file.
            MarketDataError: it could not be had whole within the patience at hand.
            ConfigError: the address is malformed.
        """
        patience = self._patience
        transfer = _Transfer(self._client, rebased(url, self._base_url), etag, patience)
        try:
            for attempt in stamina.retry_context(
                on=self._backoff,
                attempts=patience.attempts,
                timeout=patience.whole_seconds,
                wait_initial=0.5,
                wait_max=patience.longest_wait_seconds,
            ):
                with attempt:
                    return transfer.attempt()
        except _Again as trouble:
            raise MarketDataError(f"{trouble}; try again later.") from trouble
        except httpx2.InvalidURL as trouble:
            raise ConfigError(f"{transfer.url} is no address ({trouble}); correct it.") from trouble
        raise InvariantBroken("a retry must end by a return or an error")

    def _backoff(self, trouble: Exception) -> bool | float:
        if not isinstance(trouble, _Again):
            return False
        if trouble.wait_seconds is None:
            return True
        return trouble.wait_seconds <= self._patience.longest_wait_seconds and trouble.wait_seconds


class _Transfer:
    """One file under way, over as many attempts as it takes."""

    def __init__(
        self, client: httpx2.Client, url: str, etag: str | None, patience: Patience
    ) -> None:
        self.url = url
        self._client = client
        self._known_etag = etag
        self._patience = patience
        self._ends = time.monotonic() + patience.whole_seconds
        self._part = bytearray()
        self._validator: str | None = None

    def attempt(self) -> Fetched | None:
        """Try once; what arrived before a tear is kept for the next attempt if it can be used."""
        try:
            with self._client.stream("GET", self.url, headers=self._headers()) as response:
                self._judge(response)
                if response.status_code == httpx2.codes.NOT_MODIFIED:
                    return None
                self._start(response)
                self._receive(response)
                self._check_whole(response)
                return Fetched(self.url, bytes(self._part), response.headers.get("ETag"))
        except httpx2.TooManyRedirects as trouble:
            raise MarketDataError(f"{self.url} redirects in circles.") from trouble
        except httpx2.UnsupportedProtocol as trouble:
            raise ConfigError(f"{self.url} is no http address; correct --base-url.") from trouble
        except httpx2.RequestError as trouble:
            self._forget_useless_part()
            reason = str(trouble) or type(trouble).__name__
            raise _Again(self.url, f"cannot be read whole ({reason})") from trouble

    def _headers(self) -> dict[str, str]:
        if self._part and self._validator:
            return {"Range": f"bytes={len(self._part)}-", "If-Range": self._validator}
        return {"If-None-Match": self._known_etag} if self._known_etag else {}

    def _judge(self, response: httpx2.Response) -> None:
        status = response.status_code
        if status in (httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT):
            return
        if status == httpx2.codes.NOT_MODIFIED and self._known_etag:
            return
        if status in _ABSENT:
            raise NotThere(f"{self.url} answers {status}: there is no such file.")
        if status == httpx2.codes.RANGE_NOT_SATISFIABLE and self._part:
            self._part.clear()
            raise _Again(self.url, f"answers {status}")
        if status in _TRANSIENT or status >= _SERVER_FAULT:
            wait = _retry_after(response)
            asked = "" if wait is None else f" and asks to wait {wait:.0f} s"
            raise _Again(self.url, f"answers {status}{asked}", wait)
        raise MarketDataError(f"{self.url} answers {status}, which is no file.")

    def _start(self, response: httpx2.Response) -> None:
        headers = response.headers
        if response.status_code == httpx2.codes.PARTIAL_CONTENT:
            if not headers.get("Content-Range", "").startswith(f"bytes {len(self._part)}-"):
                self._part.clear()
                raise _Again(self.url, "answers with another part than the one asked for")
            return
        self._part.clear()
        self._validator = None
        is_chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        if not is_chunked and "Content-Length" not in headers:
            raise MarketDataError(f"{self.url} does not tell the length of what it sends.")
        if headers.get("Accept-Ranges") == "bytes" and "Content-Encoding" not in headers:
            etag = headers.get("ETag", "")
            strong = etag if etag.startswith('"') else ""
            self._validator = strong or headers.get("Last-Modified")

    def _receive(self, response: httpx2.Response) -> None:
        for chunk in response.iter_bytes():
            self._part += chunk
            if len(self._part) > self._patience.most_bytes:
                raise MarketDataError(
                    f"{self.url} sends more than {self._patience.most_bytes:,} bytes,"
                    " which is no daily file."
                )
            if time.monotonic() > self._ends:
                raise MarketDataError(
                    f"{self.url} took longer than {self._patience.whole_seconds:g} s;"
                    " try again later."
                )

    def _check_whole(self, response: httpx2.Response) -> None:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if total.isdecimal() and int(total) != len(self._part):
            self._part.clear()
            raise _Again(self.url, f"sent another number of bytes than {total}")

    def _forget_useless_part(self) -> None:
        if self._validator is None:
            self._part.clear()


def _retry_after(response: httpx2.Response) -> float | None:
    """Return the seconds of a Retry-After header, whether it gives a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at, sent = (_http_date(value) for value in (text, response.headers.get("Date", "")))
    except (TypeError, ValueError):
        return None
    return max(0.0, (at - sent).total_seconds())


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
