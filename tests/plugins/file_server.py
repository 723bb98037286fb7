"""A server of files on the loopback interface that continues downloads, notes what it sent, and fails as it is told."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass(frozen=True)
class Answer:
    """What was asked and answered: ``asked`` is the Range header, ``condition`` the If-Range header."""

    path: str
    asked: str | None
    condition: str | None
    status: int
    sent: int


@dataclass
class FileServer:
    """Serves ``files`` by path.

    ``cut`` holds, by path, after how many bytes the next answers break off, one answer each; ``status`` answers that
    are given in place of a path's file; ``page`` a web page in place of every file. ``ranges`` and ``tags`` say
    whether it continues files and names their state; ``silent`` answers stop after a few bytes until ``released``.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    page: bool = False
    ranges: bool = True
    tags: bool = True
    shifted: int = 0
    silent: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    log: list[Answer] = field(default_factory=list)
    url: str = ""

    def sent(self, path: str) -> int:
        """Bytes that were sent of a file."""
        return sum(answer.sent for answer in self.log if answer.path == path)


class _Handler(BaseHTTPRequestHandler):
    server_state: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        state, path = self.server_state, self.path.lstrip("/")
        data = state.files.get(path)
        planned = state.status.get(path, [])
        if planned or data is None:
            self._answer(path, planned.pop(0) if planned else 404, b"no")
        elif state.page:
            self._answer(path, 200, b"<html>log in</html>", **{"Content-Type": "text/html; charset=utf-8"})
        else:
            self._file(path, data)

    def _file(self, path: str, data: bytes) -> None:
        state = self.server_state
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        headers = {"ETag": tag} if state.tags else {}
        span, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if span is None or not state.ranges or condition not in {None, tag}:
            self._answer(path, 200, data, **headers)
            return
        start = int(span.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            self._answer(path, 416, b"", **{"Content-Range": f"bytes */{len(data)}"})
            return
        start += state.shifted
        place = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._answer(path, 206, data[start:], **headers, **{"Content-Range": place})

    def _answer(self, path: str, status: int, data: bytes, **headers: str) -> None:
        state = self.server_state
        planned = state.cut.get(path, []) if status in {200, 206} else []
        cut = planned.pop(0) if planned else len(data)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        asked = (self.headers.get("Range"), self.headers.get("If-Range"))
        answer = Answer(path, *asked, status, min(cut, len(data)) if status in {200, 206} else 0)
        # Noted before the client can have all that it waits for, and a test can look: of a refusal that is the status.
        last = data[cut - 1 : cut] if status in {200, 206} else b""
        if last:
            self.end_headers()
            self.wfile.write(data[: cut - 1])
        state.log.append(answer)
        if last:
            self.wfile.write(last)
        else:
            self.end_headers()
            self.wfile.write(data[:cut])
        if state.silent and cut < len(data):
            state.released.wait(30)
        self.close_connection = self.close_connection or cut < len(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A running server without files."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = FileServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
