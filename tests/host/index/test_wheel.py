"""RECORD is read out of a wheel without fetching the wheel, with the right login, or not at all."""

import io
import threading
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from envsnap.errors import CaptureError, WheelUnreadableError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.http import IndexConnections
from envsnap.host.index.wheel import read_local_record, read_record, read_remote_record

RECORD = "demo-1.0.dist-info/RECORD"


def read_at(url: str, config: IndexConfig | None = None) -> str:
    """Read RECORD over new connections."""
    return read_remote_record(IndexConnections(config or IndexConfig()), url)


def wheel(record: str = "demo.py,,\n", *, ballast: int = 0, first: bool = False) -> bytes:
    """Return a wheel; ``ballast`` bytes lie before its RECORD, or after it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in sorted({RECORD: record, "demo.bin": "x" * ballast}.items(), reverse=not first):
            archive.writestr(name, text)
    return data.getvalue()


class Server(ThreadingHTTPServer):
    """Serves one file by ranges; notes what was asked and with which login."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = wheel()
        self.spans: list[str] = []
        self.logins: list[str | None] = []
        self.shift = 0
        self.status = 206

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/files/demo-1.0-py3-none-any.whl"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, span = self.server, self.headers["Range"].removeprefix("bytes=")
        server.spans.append(span)
        server.logins.append(self.headers["Authorization"])
        first, _, last = span.partition("-")
        start = int(first) if first else max(0, len(server.data) - int(last))
        end = min(int(last) + 1, len(server.data)) if first else len(server.data)
        data = server.data[start + server.shift : end]
        self.send_response(server.status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(server.data)}")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A running server, asked without a proxy and from a home without a .netrc."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("ballast", [0, 10, 300_000])
@pytest.mark.parametrize("rows", [1, 20_000])
def test_record_is_read_wherever_it_lies(server: Server, first: bool, ballast: int, rows: int) -> None:
    """Small or large, at the start or the end: the text is the same as in the file."""
    record = "demo.py,,\n" * rows
    server.data = wheel(record, ballast=ballast, first=first)

    assert record == read_at(server.url)


def test_a_large_wheel_costs_two_small_answers(server: Server) -> None:
    """That is the point of asking by range."""
    server.data = wheel(ballast=3_000_000, first=True)

    read_at(server.url)

    assert ["-65536", "0-65535"] == server.spans


@pytest.mark.parametrize(
    ("status", "shift", "data", "message"),
    [
        (200, 0, wheel(), "answers a range request with HTTP status 200"),
        (404, 0, wheel(), "HTTP status 404"),
        (206, 1, wheel(ballast=200_000), "another range than the one asked for"),
        (206, 0, b"no zip file", "demo-1.0-py3-none-any.whl is no readable wheel"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(
    server: Server, status: int, shift: int, data: bytes, message: str
) -> None:
    """Nothing is compared that is not surely the wheel's RECORD."""
    server.status, server.shift, server.data = status, shift, data

    with pytest.raises(WheelUnreadableError, match=message):
        read_at(server.url)


def test_a_server_that_is_gone_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file and the kind of failure, and no URL with a login."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)

    with pytest.raises(WheelUnreadableError, match=r"demo\.whl cannot be read from its index: MaxRetryError"):
        read_at("http://u:p@127.0.0.1:1/demo.whl")


def test_login_is_that_of_the_index_and_goes_nowhere_else(server: Server) -> None:
    """Same scheme, host and port; of two indexes on one host, the one whose path is nearer."""
    base = f"127.0.0.1:{server.server_port}"
    config = IndexConfig(
        index_url=f"http://near:1@{base}/files/simple",
        extra_index_urls=(f"http://far:2@{base}/simple", "http://other:3@127.0.0.1:1/files"),
    )
    elsewhere = IndexConfig(index_url="http://other:3@127.0.0.1:1/files")

    for settings in (config, elsewhere):
        read_at(server.url, settings)

    assert ["Basic " + b64encode(b"near:1").decode(), None] == server.logins


def test_login_may_come_from_netrc(server: Server, tmp_path: Path) -> None:
    """uv and pip read it too."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login n password p\n")
    (tmp_path / ".netrc").chmod(0o600)

    read_at(server.url)

    assert ["Basic " + b64encode(b"n:p").decode()] == server.logins


@pytest.mark.parametrize("with_scheme", [True, False])
def test_the_callers_proxy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch, with_scheme: bool) -> None:
    """Behind a proxy the index has no other way; one can be named without its scheme."""
    proxy = f"127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://{proxy}" if with_scheme else proxy)

    read_at("http://index.example/demo.whl")

    assert ["-65536"] == server.spans


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """The setting is wrong, not the network."""
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(CaptureError, match=r"the certificates in .*ca\.pem cannot be read"):
        IndexConnections(IndexConfig(certificates=tmp_path / "ca.pem"))


def damaged() -> bytes:
    """Return a wheel whose RECORD is compressed and then damaged."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORD, "demo.py,,\n" * 50)
    text = bytearray(data.getvalue())
    text[60:66] = b"\xff" * 6
    return bytes(text)


@pytest.mark.parametrize("data", [b"", b"PK", damaged(), wheel().replace(b"RECORD", b"REKORD")])
def test_what_is_no_wheel_is_unreadable(data: bytes) -> None:
    """Whatever is wrong with it, the file is named."""
    with pytest.raises(WheelUnreadableError, match=r"demo\.whl"):
        read_record(io.BytesIO(data), "demo.whl")


def test_a_wheel_on_this_machine(tmp_path: Path) -> None:
    """It is read in place; one that is not there is named."""
    (tmp_path / "demo.whl").write_bytes(wheel())

    assert "demo.py,,\n" == read_local_record(tmp_path / "demo.whl")
    with pytest.raises(WheelUnreadableError, match=r"gone\.whl cannot be read: No such file"):
        read_local_record(tmp_path / "gone.whl")
