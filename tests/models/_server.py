"""A small web server on this machine that misbehaves on demand."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 1 << 14


@dataclass
class Page:
    """What the server answers at one path."""

    content: bytes = b""
    etag: str | None = '"one"'
    ranges: bool = True
    if_range: bool = True
    content_type: str = "application/octet-stream"
    statuses: list[int] = field(default_factory=list)  # answered first, one for each request
    drops: list[int] = field(default_factory=list)  # bytes before a cut, one for each request
    pause: float = 0.0  # seconds between two pieces


@dataclass
class Server:
    """Its pages, its address and the (path, Range header) of every request so far."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def ranges(self, path: str) -> list[str | None]:
        return [span for asked, span in self.requests if asked == path]


@contextmanager
def serve() -> Iterator[Server]:
    """A server on a free port of 127.0.0.1, gone at the end of the block."""
    web = _Quiet(("127.0.0.1", 0), _Handler)
    web.state = Server(f"http://127.0.0.1:{web.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield web.state  # type: ignore[attr-defined]
    finally:
        web.shutdown()
        web.server_close()
        thread.join(timeout=5)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state: Server = self.server.state  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        span = self.headers.get("Range")
        state.requests.append((path, span))
        page = state.pages.get(path)
        if page is None or page.statuses:
            self._status(404 if page is None else page.statuses.pop(0))
        else:
            self._content(page, span)

    def _status(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _content(self, page: Page, span: str | None) -> None:
        same = not page.if_range or self.headers.get("If-Range") in (None, page.etag)
        start = int(re.fullmatch(r"bytes=(\d+)-", span)[1]) if span and page.ranges and same else None  # type: ignore[index]
        if start is not None and start >= len(page.content):
            return self._status(416)
        body = page.content[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(page.content) - 1}/{len(page.content)}")
        if page.etag:
            self.send_header("ETag", page.etag)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body[: page.drops.pop(0)] if page.drops else body, len(body), page.pause)

    def _send(self, body: bytes, announced: int, pause: float) -> None:
        try:
            for start in range(0, len(body), PIECE):
                self.wfile.write(body[start : start + PIECE])
                time.sleep(pause)
        except OSError:
            self.close_connection = True  # the client went away
        if len(body) < announced:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""
