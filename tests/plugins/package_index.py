"""A package index on the loopback interface, and virtual environments to install from it."""

import base64
import contextlib
import hashlib
import html
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest
import uv

from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Uv
from envsnap.lock.files import OnThisMachine
from envsnap.lock.indexes import Indexes
from envsnap.lock.installed import lock_environment
from envsnap.lock.locked_packages import LockedPackages
from envsnap.lock.made_here import WheelMaker
from envsnap.lock.memo import Memo
from envsnap.lock.resolver import Resolver
from envsnap.lock.wheels import LocalWheels, WheelFolder, list_wheels
from envsnap.manifest.installed import InstalledPackage

UV = Path(uv.find_uv_bin())


class MakeWheel(Protocol):
    def __call__(
        self,
        name: str,
        version: str,
        files: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        metadata: str = "",
        tag: str = "py3-none-any",
    ) -> Path: ...


class MakeIndex(Protocol):
    def __call__(self, name: str) -> "Index": ...


@dataclass
class Index:
    """An index over the files in ``folder``, and how it misbehaves.

    ``login`` is ``user:password``; ``pages`` is ``json``, ``html`` or ``portal``, a login form in place of each page;
    ``announced`` overrides what a page says of a file, by its name; ``cut`` files end in the middle.
    """

    folder: Path
    url: str = ""
    login: str = ""
    ranges: bool = True
    pages: str = "json"
    hashes: bool = True
    metadata: bool = False
    announced: dict[str, dict[str, object]] = field(default_factory=dict)
    status: int = 200
    file_status: int = 200
    delay: float = 0.0
    cut: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def config(self) -> IndexConfig:
        """How a user names it."""
        scheme, _, rest = self.url.partition("://")
        return IndexConfig(index_url=f"{scheme}://{self.login}@{rest}" if self.login else self.url)


@dataclass(frozen=True)
class Venv:
    """A virtual environment without pip."""

    prefix: Path

    @property
    def python(self) -> Path:
        return self.prefix / "bin" / "python"

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return next(self.prefix.glob("lib/python*/site-packages"))

    def install(self, *arguments: str) -> None:
        command = (str(UV), "pip", "install", "-q", "--no-deps", "--python", str(self.python), *arguments)
        subprocess.run(command, check=True)

    def install_from(self, index: Index, *requirements: str) -> None:
        """Install from an index, as a user does."""
        self.install("--index-url", index.config.index_url or "", *requirements)

    def probe(self) -> dict[str, InstalledPackage]:
        """What envsnap sees in it."""
        captured = capture_environment(LocalEnvironment(self.python), self.prefix)
        return {package.name: package for package in captured.packages}


class _Handler(BaseHTTPRequestHandler):
    index: Index

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        expected = "Basic " + base64.b64encode(self.index.login.encode()).decode()
        if self.index.login and self.headers.get("Authorization") != expected:
            self._answer(401, b"", **{"WWW-Authenticate": 'Basic realm="index"'})
            return
        time.sleep(self.index.delay)
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "simple":
            self._page(name)
        else:
            self._file(self.index.folder / name)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _page(self, name: str) -> None:
        files = [self._entry(path) for path in sorted(self.index.folder.iterdir()) if _project(path) == name]
        if self.index.status != 200:
            self._answer(self.index.status, b"out of order")
        elif self.index.pages == "portal":
            self._answer(200, b"<html><a href='/login'>log in</a></html>", **{"Content-Type": "text/html"})
        elif self.index.pages == "html":
            page = "".join(map(_anchor, files)).encode()
            self._answer(200 if files else 404, page, **{"Content-Type": "text/html"})
        else:
            page = json.dumps({"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}).encode()
            self._answer(200 if files else 404, page, **{"Content-Type": "application/vnd.pypi.simple.v1+json"})

    def _entry(self, path: Path) -> dict[str, Any]:
        data, index = path.read_bytes(), self.index
        entry: dict[str, Any] = {"filename": path.name, "url": f"/files/{path.name}", "size": len(data)}
        entry["upload-time"] = "2024-03-14T19:10:48.5Z"
        entry["hashes"] = {"sha256": hashlib.sha256(data).hexdigest()} if index.hashes else {}
        if index.metadata and path.suffix == ".whl":
            entry["core-metadata"] = {"sha256": hashlib.sha256(_metadata(path)).hexdigest()}
        return entry | index.announced.get(path.name, {})

    def _file(self, path: Path) -> None:
        if self.index.file_status != 200:
            self._answer(self.index.file_status, b"")
            return
        if path.suffix == ".metadata":
            self._answer(200, _metadata(path.with_suffix("")))
            return
        if not path.is_file():
            self._answer(404, b"")
            return
        data = path.read_bytes()
        span = self.headers.get("Range", "").removeprefix("bytes=")
        if not span or not self.index.ranges:
            self._answer(200, data, **({"Accept-Ranges": "bytes"} if self.index.ranges else {}))
            return
        first, _, last = span.partition("-")
        start = int(first) if first else max(0, len(data) - int(last))
        end = min(int(last) + 1, len(data)) if first and last else len(data)
        self._answer(206, data[start:end], **{"Content-Range": f"bytes {start}-{end - 1}/{len(data)}"})

    def _answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            is_cut = self.index.cut and self.path.startswith("/files/")
            self.wfile.write(data[: len(data) // 2] if is_cut else data)
            self.close_connection = self.close_connection or is_cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


def _project(path: Path) -> str:
    return path.name.partition("-")[0].replace("_", "-")


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _anchor(entry: Mapping[str, Any]) -> str:
    fragment = "".join(f"#{name}={digest}" for name, digest in entry["hashes"].items())
    yanked = f' data-yanked="{html.escape(entry["yanked"])}"' if "yanked" in entry else ""
    metadata = entry.get("core-metadata")
    core = f' data-core-metadata="sha256={metadata["sha256"]}"' if metadata else ""
    return f'<a href="{entry["url"]}{fragment}"{yanked}{core}>{entry["filename"]}</a>\n'


@pytest.fixture
def make_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeIndex]:
    """Start indexes, each over a folder of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    with contextlib.ExitStack() as running:

        def make(name: str) -> Index:
            (tmp_path / name).mkdir()
            return running.enter_context(_serve(Index(tmp_path / name)))

        yield make


@contextlib.contextmanager
def _serve(index: Index) -> Iterator[Index]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": index}))
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def index(make_index: MakeIndex) -> Index:
    """A running index that serves the wheels in its folder."""
    return make_index("served")


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venv:
    """A virtual environment as uv makes it."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    subprocess.run((str(UV), "venv", "-q", "--python", sys.executable, str(tmp_path / "venv")), check=True)
    return Venv(tmp_path / "venv")


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Make a small real wheel; by default beside, not on, the index."""

    def make(
        name: str,
        version: str,
        files: Mapping[str, str] | None = None,
        *,
        folder: Path | None = None,
        metadata: str = "",
        tag: str = "py3-none-any",
    ) -> Path:
        stem = f"{name.replace('-', '_')}-{version}"
        contents = {f"{name.replace('-', '_')}.py": f"NAME = {name!r}\n"} if files is None else dict(files)
        contents[f"{stem}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        contents[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        rows = [f"{path},{_digest(text)},{len(text)}" for path, text in contents.items()]
        contents[f"{stem}.dist-info/RECORD"] = "\n".join([*rows, f"{stem}.dist-info/RECORD,,\n"])
        target = folder or tmp_path / "wheels"
        target.mkdir(exist_ok=True)
        with zipfile.ZipFile(target / f"{stem}-{tag}.whl", "w") as archive:
            for path, text in contents.items():
                archive.writestr(path, text)
        return target / f"{stem}-{tag}.whl"

    return make


def _digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What freeze hands to the lock stage."""

    memo: Memo
    maker: WheelMaker
    local: LocalWheels
    resolver: Resolver | None

    def lock(self, installed: Sequence[InstalledPackage]) -> LockedPackages:
        """Lock distributions."""
        return lock_environment(installed, self.memo, self.maker, self.local, self.resolver)


class MakeSources(Protocol):
    def __call__(self, config: IndexConfig, *, offline: bool = False) -> Sources: ...


@pytest.fixture
def sources(tmp_path: Path, venv: Venv) -> MakeSources:
    """What freeze hands to the lock stage, for the virtual environment."""

    def make(config: IndexConfig, *, offline: bool = False) -> Sources:
        uv, work = Uv(UV, config), tmp_path / ".envsnap"
        wheels = WheelFolder(tmp_path, None if offline else uv.build_wheel)
        indexes = Indexes(config, lambda: uv.index_urls(venv.python, work))
        return Sources(
            memo=Memo(work / "artefacts.json", work / "wheels"),
            maker=WheelMaker(wheels, OnThisMachine(venv.prefix)),
            local=list_wheels(config.local_folders),
            resolver=None if offline else Resolver(indexes=indexes, locker=uv, python=venv.python, scratch=work),
        )

    return make
