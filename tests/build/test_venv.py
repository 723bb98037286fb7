"""A virtual environment is rebuilt from the lock alone, and nothing else is ever overwritten."""

import base64
import hashlib
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_manifest import HERE, manifest

from envsnap.build.venv import LISTING, build_venv
from envsnap.build.wheels import copy_kept_wheel
from envsnap.capture.environment import capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.errors import BuildError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import find_uv
from envsnap.manifest.package import Artefact, InstalledRecord, Package


def make_wheel(folder: Path, name: str) -> Path:
    """Make a wheel of version 1.0."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    contents = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {path: hashlib.sha256(text.encode()).digest() for path, text in contents.items()}
    rows = [f"{path},sha256={base64.urlsafe_b64encode(digests[path]).rstrip(b'=').decode()}," for path in contents]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, text in contents.items():
            archive.writestr(path, text)
    return folder / f"{name}-1.0-py3-none-any.whl"


def locked(wheel: Path, *, url: str | None = None, path: str | None = None) -> Package:
    """Lock a wheel."""
    record = InstalledRecord(tags=("py3-none-any",), evidence="repacked", content_digest="", location="")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    artefact = Artefact(name=wheel.name, hashes={"sha256": digest}, url=url, path=path)
    return Package(name=wheel.name.partition("-")[0], version="1.0", installed=record, wheels=(artefact,))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the tests' output clean."""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An index (PEP 503) that serves one project, ``served``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    wheel = make_wheel(tmp_path / "site", "served")
    page = tmp_path / "site" / "simple" / "served"
    page.mkdir(parents=True)
    (page / "index.html").write_text(f'<!DOCTYPE html><a href="/{wheel.name}">{wheel.name}</a>')
    handler = partial(_Quiet, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


@pytest.mark.processes
def test_index_and_kept_wheels_are_installed_by_hash(index: str, tmp_path: Path) -> None:
    """Exactly the locked packages stand there afterwards, in a folder that did not exist before."""
    served, kept = tmp_path / "site" / "served-1.0-py3-none-any.whl", make_wheel(tmp_path / "store", "kept")
    path = ".envsnap/wheels/kept-1.0-py3-none-any.whl"
    packages = (locked(kept, path=path), locked(served, url="https://index.example/served-1.0-py3-none-any.whl"))
    lines = [f"{item.name}==1.0 --hash=sha256:{item.wheels[0].hashes['sha256']}\n" for item in packages]

    python = build_venv(
        manifest(*packages), "".join(lines), folder=tmp_path / "new" / "venv",
        copy_wheel=partial(copy_kept_wheel, folders=(tmp_path / "store",)),
        uv=find_uv(IndexConfig(index_url=index)),
    )  # fmt: skip

    found = capture_environment(LocalEnvironment(python), tmp_path)
    assert {"kept": "1.0", "served": "1.0"} == {item.name: item.version for item in found.packages}


class FakeInstaller:
    """Makes empty folders, and has one interpreter; ``error`` ends its installations."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.installed: list[str] = []
        self._error = error

    def find_python(self, version: str, folder: Path) -> Path | None:
        """Return the one, asked from a folder that is there."""
        assert folder.is_dir()
        return Path(sys.executable) if version == HERE else None

    def make_venv(self, folder: Path, *, python: Path) -> None:
        """Make a folder that looks like one."""
        assert python == Path(sys.executable)
        folder.mkdir(exist_ok=True)
        (folder / "pyvenv.cfg").touch()

    def install(self, requirements: Path, *, python: Path, links: Path) -> None:
        """Note what is asked for."""
        assert links.is_dir()
        assert python.name == "python"
        if self._error is not None:
            raise self._error
        self.installed = requirements.read_text().splitlines()


def build(folder: Path, installer: Any, *packages: Package, python: str = HERE) -> Path:
    """Build with the fake."""
    return build_venv(
        manifest(*packages, python=python),
        "a\nb\n",
        folder=folder,
        copy_wheel=partial(copy_kept_wheel, folders=()),
        uv=installer,
    )


def test_a_former_environment_is_replaced(tmp_path: Path) -> None:
    """So is an empty folder."""
    for name in ("venv", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "venv" / LISTING).touch()

    for name in ("venv", "empty"):
        installer = FakeInstaller()
        assert tmp_path / name / "bin" / "python" == build(tmp_path / name, installer)
        assert ["a", "b"] == installer.installed


def test_a_former_environment_comes_back_where_the_new_one_cannot_be_made(tmp_path: Path) -> None:
    """Whatever ends the build; nothing of the new one stays."""
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / LISTING).write_text("former")

    for error in (BuildError("no such wheel"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            build(tmp_path / "venv", FakeInstaller(error=error))
        assert ["former"] == [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]


def test_other_folders_are_never_overwritten(tmp_path: Path) -> None:
    """``--output`` may name the user's own files."""
    (tmp_path / "thesis.tex").touch()
    own = tmp_path / "own-venv"
    own.mkdir()
    (own / "pyvenv.cfg").touch()

    for folder in (tmp_path, tmp_path / "thesis.tex", own):
        with pytest.raises(BuildError, match="was not made by envsnap and would be overwritten"):
            build(folder, FakeInstaller())


def test_another_interpreter_will_not_do(tmp_path: Path) -> None:
    """The message says how to get the recorded one."""
    with pytest.raises(BuildError, match=r"no Python 3\.11\.999 is installed.*uv python install 3\.11\.999"):
        build(tmp_path / "venv", FakeInstaller(), python="3.11.999")
