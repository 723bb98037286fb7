"""Conda packages, a channel of them on this machine, and prefixes that rattler installs from it."""

import asyncio
import base64
import hashlib
import io
import json
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
import uv

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.environment.local import LocalEnvironment

LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Place:
    """An environment on this machine."""

    prefix: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.prefix / "bin" / "python"

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return self.prefix / LIBRARY / "site-packages"

    def uv(self, *arguments: str) -> None:
        """Install with uv, without asking an index."""
        self._run(uv.find_uv_bin(), "pip", "install", "-q", "--offline", "--no-deps", "--python", *arguments)

    def pip(self, *arguments: str) -> None:
        """Run the environment's own pip, without asking an index; the standard library brings one."""
        if not (self.site / "pip").is_dir():
            self._run(str(self.python), "-m", "ensurepip")
        self._run(str(self.python), "-m", "pip", "--isolated", *arguments)

    def _run(self, *command: str) -> None:
        given = [str(self.python) if before == "--python" else "" for before in command]
        words = [word for pair in zip(command, given, strict=True) for word in pair if word]
        done = subprocess.run(words, cwd=self.prefix, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def capture(self) -> CapturedEnvironment:
        """What envsnap sees in it."""
        return capture_environment(LocalEnvironment(self.python), self.prefix)


def distribution(
    name: str, version: str, files: Mapping[str, str] | None = None, notes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the files of a wheel; ``notes`` are those that an installer adds to its dist-info."""
    info = f"{name}-{version}.dist-info"
    contents = {f"{name}.py": f"VERSION = {version!r}\n"} if files is None else dict(files)
    contents[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    contents[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents |= {f"{info}/{note}": text for note, text in (notes or {}).items()}
    rows = [f"{path},{_row_hash(text)},{len(text)}" for path, text in contents.items()]
    return contents | {f"{info}/RECORD": "\n".join([*rows, f"{info}/RECORD,,\n"])}


def _row_hash(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class CondaBuild:
    """A conda package: its files by path in the prefix, and links to this machine's own files."""

    name: str
    version: str
    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    executable: str = ""
    depends: tuple[str, ...] = ()
    noarch: bool = False

    @property
    def stem(self) -> str:
        """Its file name without the ending."""
        return f"{self.name}-{self.version}-h0_0"

    def write(self, channels: Path) -> None:
        """Write the archive: https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html."""
        channel = channels / ("noarch" if self.noarch else subdir())
        entries: list[dict[str, object]] = [
            {"_path": path, "path_type": "hardlink", "sha256": _sha256(data), "size_in_bytes": len(data)}
            for path, data in self.files.items()
        ]
        entries += [{"_path": path, "path_type": "softlink"} for path in self.links]
        index = {"name": self.name, "version": self.version, "build": "h0_0", "build_number": 0}
        index |= {"subdir": channel.name, "timestamp": 1700000000000, "depends": [*self.depends]}
        index |= {"noarch": "generic"} if self.noarch else {"arch": "x86_64", "platform": "linux"}
        info = {
            "info/index.json": json.dumps(index).encode(),
            "info/paths.json": json.dumps({"paths": entries, "paths_version": 1}).encode(),
            "info/files": "\n".join([*self.files, *self.links, ""]).encode(),
        }
        with tarfile.open(channel / f"{self.stem}.tar.bz2", "w:bz2", compresslevel=1) as archive:
            for path, data in {**info, **self.files}.items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(data), 0o755 if path == self.executable else 0o644
                archive.addfile(member, io.BytesIO(data))
            for path, target in self.links.items():
                member = tarfile.TarInfo(path)
                member.type, member.linkname = tarfile.SYMTYPE, target
                archive.addfile(member)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def conda_python() -> CondaBuild:
    """Return this interpreter as a conda package: the executable itself, and links to its standard library."""
    base = Path(sys.base_prefix)
    executable = Path(sys.executable).resolve()
    library = {
        f"{LIBRARY}/{path.name}": str(path)
        for path in Path(sysconfig.get_path("stdlib")).iterdir()
        if path.name not in {"site-packages", "dist-packages"}
    }
    name = f"bin/{executable.name}"
    links = library | {"bin/python": executable.name, "include": str(base / "include")}
    version = platform.python_version()
    files = {name: executable.read_bytes(), f"{LIBRARY}/site-packages/README.txt": b"site-packages\n"}
    return CondaBuild("python", version, files, links, executable=name)


def conda_distribution(name: str, version: str, *depends: str) -> CondaBuild:
    """Return a conda package that holds a Python distribution, as a build of conda-forge does."""
    direct_url = '{"dir_info": {}, "url": "file:///home/conda/feedstock_root/work"}'
    built = distribution(name, version, notes={"INSTALLER": "conda\n", "direct_url.json": direct_url})
    files = {f"{LIBRARY}/site-packages/{path}": text.encode() for path, text in built.items()}
    return CondaBuild(name, version, files, depends=depends)


class MakeConda(Protocol):
    def __call__(self, *builds: CondaBuild) -> Place: ...


@pytest.fixture
def make_conda_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeConda:
    """Install conda packages, and a Python, with rattler, from a channel on this machine."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def make(*builds: CondaBuild) -> Place:
        packages = (conda_python(), *builds)
        channel = tmp_path / "channel"
        for folder in (subdir(), "noarch"):
            (channel / folder).mkdir(parents=True)
        for build in packages:
            build.write(channel)
        asyncio.run(_install(channel, [build.name for build in packages], tmp_path / "conda"))
        return Place(tmp_path / "conda")

    return make


@pytest.fixture
def conda_prefix(make_conda_prefix: MakeConda) -> Place:
    """A prefix with Python, and ``alpha`` 1.0 and ``beta`` 2.0 of conda."""
    return make_conda_prefix(
        conda_distribution("alpha", "1.0"), conda_distribution("beta", "2.0", "python >=3", "alpha")
    )


def subdir() -> str:
    """Return conda's word for this machine."""
    return {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[platform.machine()]


async def _install(channel: Path, names: Iterable[str], prefix: Path) -> None:
    import rattler
    from rattler.index import index_fs

    await index_fs(channel)
    gateway = rattler.Gateway(cache_dir=channel.parent / "repodata")
    virtual = rattler.VirtualPackage.detect()
    sources = [rattler.Channel(channel.as_uri())]
    records = await rattler.solve(sources, list(names), gateway=gateway, virtual_packages=virtual)
    cache = channel.parent / "rattler-cache"
    await rattler.install(records, prefix, cache_dir=cache, show_progress=False, execute_link_scripts=False)
    shutil.rmtree(cache)
