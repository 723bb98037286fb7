"""What indexes are asked, and where their answers come from."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from envsnap.host.index.config import IndexConfig
from envsnap.host.index.http import IndexConnections, address


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        moved = {"/old": "/a/new", "/a/new": "newer"}.get(self.path)
        data = self.headers["Host"].encode()
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", moved)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a running server."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(http: IndexConnections, url: str) -> bytes:
    with http.get(url, {}) as answer:
        return answer.read()


def test_a_login_in_a_url_is_no_part_of_what_is_asked(port: int) -> None:
    """It travels as a header."""
    http = IndexConnections(IndexConfig())

    assert f"localhost:{port}".encode() == get(http, f"http://u:p@localhost:{port}/x")


def test_the_address_of_an_answer_is_where_redirections_lead(port: int) -> None:
    """Links on a page count from there."""
    with IndexConnections(IndexConfig()).get(f"http://localhost:{port}/old", {}) as answer:
        answer.read()

        assert f"http://localhost:{port}/a/newer" == address(answer, f"http://localhost:{port}/old")
