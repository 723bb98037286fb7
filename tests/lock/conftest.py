"""A package index on the loopback interface, and virtual environments to install from it."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import pytest
import uv

from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.host.index_config import IndexConfig
from envsnap.host.uv import Uv
from envsnap.host.wheel_file import RemoteWheels
from envsnap.lock.files import OnThisMachine
from envsnap.lock.lock import Sources
from envsnap.lock.memo import Memo
from envsnap.manifest.package import Installed

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


@dataclass
class Index:
    """An index: PEP 691 pages over the wheels in ``folder``; ``login`` is ``user:password``."""

    folder: Path
    url: str = ""
    login: str = ""
    ranges: bool = True
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

    def probe(self) -> dict[str, Installed]:
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
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "simple":
            self._page(name)
        else:
            self._file(self.index.folder / name)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _page(self, name: str) -> None:
        wheels = [path for path in sorted(self.index.folder.iterdir()) if _project(path) == name]
        files = [
            {
                "filename": path.name,
                "url": f"/files/{path.name}",
                "hashes": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()},
                "size": path.stat().st_size,
            }
            for path in wheels
        ]
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": files}
        kind = "application/vnd.pypi.simple.v1+json"
        self._answer(200 if files else 404, json.dumps(page).encode(), **{"Content-Type": kind})

    def _file(self, path: Path) -> None:
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
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


def _project(path: Path) -> str:
    return path.name.partition("-")[0].replace("_", "-")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """A running index that serves the wheels in its folder."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "served").mkdir()
    served = Index(tmp_path / "served")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": served}))
    served.url = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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


class MakeSources(Protocol):
    def __call__(self, config: IndexConfig, *, offline: bool = False) -> Sources: ...


@pytest.fixture
def sources(tmp_path: Path, venv: Venv) -> MakeSources:
    """What freeze hands to the lock stage, for the virtual environment."""

    def make(config: IndexConfig, *, offline: bool = False) -> Sources:
        asked = Uv(UV, config)
        work = tmp_path / ".envsnap"
        return Sources(
            python=venv.python,
            files=OnThisMachine(venv.prefix),
            project=tmp_path,
            wheels=work / "wheels",
            locker=None if offline else asked,
            alternatives=() if offline else asked.one_index_each(),
            records=None if offline else RemoteWheels(config),
            builder=None if offline else asked,
            memo=Memo(work / "artefacts.json", work / "wheels"),
        )

    return make
