"""The conda formats that envsnap exports, conda's own libraries read and install, and the files are the frozen ones."""

import asyncio
import functools
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import rattler
import uv
import yaml
from conda_channel import CondaBuild, Place, conda_distribution, subdir
from rattler.explicit_environment import ExplicitEnvironmentSpec

from envsnap.manifest.lockfile import parse_manifest

from .conftest import Project

pytestmark = [pytest.mark.slow]
UV = uv.find_uv_bin()


def run(*command: object, folder: Path | None = None) -> str:
    """Run a command to its end, and expect it to work."""
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def frozen(
    index: Any, make_conda_prefix: Any, make_wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A conda environment in which pip's packages stand beside conda's."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) and name != "UV_CACHE_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    data = CondaBuild("tz-data", "2025a", {"share/zones": b"UTC\n"}, noarch=True)
    alpha = conda_distribution("alpha", "1.0", "tz-data >=2024", "__glibc >=2")
    place = make_conda_prefix(alpha, conda_distribution("beta", "2.0", "python >=3", "alpha"), data)
    make_wheel("from-pip", "3.0", folder=index.folder)
    run(UV, "pip", "install", "-q", "--python", place.python, "from-pip")
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", place.python)
    project.freeze("--no-run")
    return project


def digests(place: Place) -> dict[str, str]:
    """The content digest of each Python package that is installed."""
    return {package.name: package.record.content_digest for package in place.capture().packages}


def records(place: Place) -> set[tuple[str, str, str, str]]:
    """What conda-meta holds, with the archives' hashes."""
    return {(item.name, item.version, item.build, item.sha256) for item in place.capture().conda}


async def install(found: Iterable[rattler.RepoDataRecord], prefix: Path) -> Place:
    """Install with rattler into a new prefix."""
    cache = prefix.with_name("fresh-cache")
    await rattler.install([*found], prefix, cache_dir=cache, show_progress=False, execute_link_scripts=False)
    return Place(prefix)


def refused(project: Project, *arguments: str) -> str:
    """Export what cannot be, and return what is said."""
    done = project.envsnap("export", *arguments)
    assert (2, "") == (done.code, done.out), done.err
    return done.err


def exported(project: Project, *arguments: str) -> str:
    """Export, and return what is printed."""
    done = project.envsnap("export", *arguments)
    assert done.code == 0, done.err
    return done.out


def test_conda_lock_is_installed_by_rattler_and_pip(frozen: Project, tmp_path: Path) -> None:
    """conda-lock reads both managers; rattler reads the same file and installs conda's half."""
    from conda_lock.conda_lock import render_lockfile_for_platform
    from conda_lock.lockfile import parse_conda_lock_file

    file = tmp_path / "conda-lock.yml"
    exported(frozen, "conda-lock", "-o", str(file))

    read = parse_conda_lock_file(file)
    lines = render_lockfile_for_platform(
        lockfile=read, include_dev_dependencies=False, extras=set(), kind="explicit", platform=subdir()
    )
    environment = rattler.lock.LockFile.from_path(file).default_environment()
    assert environment is not None
    (found,) = environment.conda_repodata_records().values()
    fresh = asyncio.run(install(found, tmp_path / "fresh"))
    (tmp_path / "pip.txt").write_text("\n".join(line.removeprefix("# pip ") for line in lines if "# pip" in line))
    run(UV, "pip", "install", "-q", "--no-deps", "--python", fresh.python, "-r", tmp_path / "pip.txt")

    names = [(item.manager, item.name) for item in read.package]
    assert [("conda", "alpha"), ("conda", "beta"), ("conda", "python"), ("conda", "tz-data"), ("pip", "from-pip")] == (
        sorted(names)
    )
    assert names.index(("conda", "tz-data")) < names.index(("conda", "alpha")) < names.index(("conda", "beta"))
    old = Place(tmp_path / "conda")
    assert digests(old) == digests(fresh)
    assert records(old) == records(fresh)


def test_explicit_list_is_installed_by_rattler(frozen: Project, tmp_path: Path) -> None:
    """Its hashes are the archives' own; pip's package is named, and nothing is written without the user's word."""
    said = refused(frozen, "conda-explicit")
    file = tmp_path / "explicit.txt"
    exported(frozen, "conda-explicit", "--allow-incomplete", "-o", str(file))

    spec = ExplicitEnvironmentSpec.from_path(file)
    fresh = asyncio.run(install([_record(entry.url, file) for entry in spec.packages], tmp_path / "fresh"))

    assert "cannot hold 1 of the lock's 5 packages:\n  from-pip 3.0: pip or uv installed it" in said
    assert subdir() == str(spec.platform)
    names = [entry.url.rpartition("/")[2].rpartition("-h0")[0] for entry in spec.packages]
    assert ["tz-data-2025a", "alpha-1.0"] == names[:2]
    old = Place(tmp_path / "conda")
    assert {name: digest for name, digest in digests(old).items() if name != "from-pip"} == digests(fresh)
    assert records(old) == records(fresh)


@pytest.fixture
def channel_server(tmp_path: Path) -> Iterator[str]:
    """The channel over HTTP: rattler looks at the hash of what it downloads, not of a file that is there already."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "channel"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("spoiled", [False, True])
def test_the_explicit_lists_hashes_are_checked(
    frozen: Project, tmp_path: Path, channel_server: str, *, spoiled: bool
) -> None:
    """An archive that is not the recorded one is refused."""
    text = exported(frozen, "conda-explicit", "--allow-incomplete")
    text = text.replace((tmp_path / "channel").as_uri(), channel_server)
    file = tmp_path / "explicit.txt"
    file.write_text(_spoiled(text) if spoiled else text)
    found = [_record(entry.url, file) for entry in ExplicitEnvironmentSpec.from_path(file).packages]

    if spoiled:
        with pytest.raises(Exception, match="mismatch"):
            asyncio.run(install(found, tmp_path / "fresh"))
    else:
        assert asyncio.run(install(found, tmp_path / "fresh")).python.is_file()


def _spoiled(text: str) -> str:
    """Change the first hash."""
    before, mark, after = text.partition("#sha256:")
    return before + mark + ("0" if after[0] != "0" else "1") + after[1:]


def _record(url: str, file: Path) -> rattler.RepoDataRecord:
    """Make of a line what rattler installs."""
    line = next(line for line in file.read_text().splitlines() if line.startswith(url.partition("#")[0]))
    address, _, sha256 = line.partition("#sha256:")
    name, version, build = address.rpartition("/")[2].removesuffix(".tar.bz2").rsplit("-", 2)
    channel, folder, archive = address.rsplit("/", 2)
    package = rattler.PackageRecord(name, version, rattler.BuildString(build), 0, folder, sha256=bytes.fromhex(sha256))
    return rattler.RepoDataRecord(package, archive, address, channel)


def test_environment_yml_is_solved_and_installed_by_rattler(frozen: Project, tmp_path: Path) -> None:
    """The only channel is the one that the environment came from; each build is pinned."""
    document = yaml.safe_load(exported(frozen, "environment.yml"))
    channels = [rattler.Channel(name) for name in document["channels"] if name != "nodefaults"]
    specs = [rattler.MatchSpec(item) for item in document["dependencies"] if isinstance(item, str) and item != "pip"]

    async def solve_and_install() -> Place:
        gateway = rattler.Gateway(cache_dir=tmp_path / "fresh-repodata")
        virtual = rattler.VirtualPackage.detect()
        found = await rattler.solve(channels, specs, gateway=gateway, virtual_packages=virtual)
        return await install(found, tmp_path / "fresh")

    fresh = asyncio.run(solve_and_install())

    assert ["from-pip==3.0"] == document["dependencies"][-1]["pip"]
    assert "project" == document["name"]
    assert records(Place(tmp_path / "conda")) == records(fresh)


@pytest.mark.parametrize("wanted", ["pylock", "requirements"])
def test_what_conda_installed_is_named_where_pip_reads(frozen: Project, wanted: str) -> None:
    """The package of pip's is written alone only where the user says so."""
    said = refused(frozen, wanted)
    text = exported(frozen, wanted, "--allow-incomplete")

    assert f"{wanted} cannot hold 4 of the lock's 5 packages:\n  alpha 1.0, beta 2.0, python" in said
    assert "from-pip" in text
    assert "alpha" not in text


def test_the_lock_is_readable_and_records_what_is_needed(frozen: Project) -> None:
    """depends comes from conda-meta."""
    conda = parse_manifest(frozen.lock().decode(), source="lock")[0].contents.conda

    assert conda is not None
    assert {"alpha": ("__glibc >=2", "tz-data >=2024"), "beta": ("alpha", "python >=3")} == {
        item.name: item.depends for item in conda.packages if item.depends
    }
