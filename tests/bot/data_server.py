"""A real HTTP server on this machine that answers as a test scripts it, well or badly."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHUNK = 64


@dataclass(frozen=True)
class Reply:
    """One answer. `sent` bytes of the body go out before the line is cut; None sends it whole.

    With `etag` the server answers If-None-Match; with `has_ranges` also Range.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    etag: str | None = None
    has_ranges: bool = False
    tells_length: bool = True
    seconds_per_chunk: float = 0.0


@dataclass
class Server:
    """Replies by path, in turn; the last one of a path is given again and again."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def on(self, path: str, *replies: Reply) -> None:
        """Script the answers for a path."""
        self.replies[path] = list(replies)

    def next_reply(self, path: str) -> Reply:
        """Return the answer that is due."""
        due = self.replies.get(path, [Reply(status=404)])
        return due.pop(0) if len(due) > 1 else due[0]

    def asked(self, name: str) -> list[str | None]:
        """Return one header of each request so far, by its lower-case name."""
        return [headers.get(name) for _, headers in self.requests]


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.path, asked))
            with suppress(OSError):
                _answer(self, server.next_reply(self.path), asked)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, reply: Reply, asked: Mapping[str, str]) -> None:
    body, status, headers = reply.body, reply.status, dict(reply.headers)
    if reply.etag:
        headers["ETag"] = reply.etag
    if reply.etag and asked.get("if-none-match") == reply.etag:
        body, status = b"", 304
    if reply.has_ranges:
        headers["Accept-Ranges"] = "bytes"
        wanted = asked.get("range", "")
        if wanted and asked.get("if-range") == reply.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if reply.tells_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    _send(handler, reply, body)


def _send(handler: BaseHTTPRequestHandler, reply: Reply, body: bytes) -> None:
    out = body if reply.sent is None else body[: reply.sent]
    step = CHUNK if reply.seconds_per_chunk else max(len(out), 1)
    for start in range(0, len(out), step):
        handler.wfile.write(out[start : start + step])
        handler.wfile.flush()
        time.sleep(reply.seconds_per_chunk)
    if reply.sent is not None or not reply.tells_length:
        handler.close_connection = True
