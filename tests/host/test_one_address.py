"""A host's address is looked up once; the name stays what the server is asked for."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from envsnap.errors import UnreachableError
from envsnap.host.index_config import IndexConfig
from envsnap.host.index_http import IndexConnections, address


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


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that are looked up."""
    names: list[str] = []
    ask = socket.getaddrinfo

    def note(host: str, *rest: Any, **options: Any) -> Any:
        if not host[0].isdigit():
            names.append(host)
        return ask(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    return names


def get(http: IndexConnections, url: str) -> bytes:
    with http.get(url, {}) as answer:
        return answer.read()


def test_many_connections_look_a_name_up_once(port: int, lookups: list[str]) -> None:
    """And each names the host."""
    http, url = IndexConnections(IndexConfig()), f"http://localhost:{port}/x"

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = set(pool.map(lambda _: get(http, url), range(40)))

    assert ({f"localhost:{port}".encode()}, ["localhost"]) == (answers, lookups)


def test_an_address_that_does_not_answer_any_more_is_forgotten(port: int, lookups: list[str]) -> None:
    """The next attempt looks it up again."""
    http = IndexConnections(IndexConfig())
    get(http, f"http://localhost:{port}/x")
    with pytest.raises(UnreachableError):
        get(http, "http://localhost:1/x")

    assert len(lookups) > 1


def test_a_login_in_a_url_is_no_part_of_what_is_asked(port: int) -> None:
    """It travels as a header."""
    http = IndexConnections(IndexConfig())

    assert f"localhost:{port}".encode() == get(http, f"http://u:p@localhost:{port}/x")


def test_the_address_of_an_answer_is_where_redirections_lead(port: int) -> None:
    """Links on a page count from there."""
    with IndexConnections(IndexConfig()).get(f"http://localhost:{port}/old", {}) as answer:
        answer.read()

        assert f"http://localhost:{port}/a/newer" == address(answer, f"http://localhost:{port}/old")
