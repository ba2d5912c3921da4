"""A web hook on this machine that keeps the messages it is sent, as a service of notifications."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread


class Receiver(ThreadingHTTPServer):
    """The hook, and what came so far."""

    daemon_threads = True
    got: "Queue[dict[str, str]]"

    @property
    def address(self) -> str:
        """Return where it is, as apprise writes it."""
        return f"json://127.0.0.1:{self.server_port}/hook"

    def next_message(self, limit_s: float) -> tuple[str, str]:
        """Return title and text of the next message.

        Raises:
            Empty: none came within the limit.
        """
        got = self.got.get(timeout=limit_s)
        return got["title"], got["message"]


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Keep the message."""
        size = int(self.headers["content-length"])
        self.server.got.put(json.loads(self.rfile.read(size)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive while the block runs."""
    server = Receiver(("127.0.0.1", 0), _Hook)
    server.got = Queue()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
