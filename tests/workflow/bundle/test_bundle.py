"""A bundle made while the indexes answer rebuilds and verifies when they do not; what is lost is made again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from file_server import FileServer
from package_index import Index, MakeWheel, Venv

from envsnap.errors import BundleError
from envsnap.host.files import sha256_bytes
from envsnap.manifest.lockfile import dump_manifest, parse_manifest, seal
from envsnap.manifest.manifest import Conda, CondaPackage, Manifest
from envsnap.manifest.package import Artefact, InstalledRecord, Package
from envsnap.workflow.bundle.bundle import BundleRequest, bundle
from envsnap.workflow.progress import Progress

pytestmark = pytest.mark.processes

NOWHERE = "http://127.0.0.1:9/simple"
JOB = "import json, one, two\njson.dump({'value': one.VALUE + two.VALUE}, open('metrics.json', 'w'))\n"
SETTINGS = '[job]\ncommand = ["python", "train.py"]\ngpus = "none"\n[[job.outputs]]\npath = "metrics.json"\n'


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        result: dict[str, Any] = json.loads(self.out)["result"]
        return result


@dataclass(frozen=True)
class Project:
    """A project folder with the variables that commands get there."""

    folder: Path
    env: dict[str, str]

    def envsnap(self, *arguments: str | Path, folder: Path | None = None, **env: str) -> Ended:
        """Run one command."""
        command = [sys.executable, "-m", "envsnap", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=folder or self.folder, env=self.env | env, capture_output=True, text=True, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def without_indexes(self, *arguments: str | Path, folder: Path) -> Ended:
        """Run one command as on another machine, without any index and with an empty cache."""
        return self.envsnap(*arguments, folder=folder, UV_DEFAULT_INDEX=NOWHERE, UV_NO_CACHE="1")

    @property
    def manifest(self) -> Manifest:
        """The project's lock."""
        return parse_manifest((self.folder / "envsnap.lock").read_text(), source="lock")[0]


@pytest.fixture
def frozen(index: Index, make_wheel: MakeWheel, venv: Venv, tmp_path: Path) -> Project:
    """A frozen project: two packages from an index, a committed file, an edited one and a new one."""
    make_wheel("one", "1.0", {"one.py": "VALUE = 1\n", "one_data/big.bin": "x" * 300_000}, folder=index.folder)
    make_wheel("two", "2.0", {"two.py": "VALUE = 2\n"}, folder=index.folder)
    venv.install_from(index, "one==1.0", "two==2.0")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "GIT_"))}
    env |= {"UV_DEFAULT_INDEX": index.config.index_url or "", "PIP_CONFIG_FILE": os.devnull}
    env |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "VIRTUAL_ENV": str(venv.prefix)}
    project = Project(tmp_path / "repository" / "project", env)
    project.folder.mkdir(parents=True)
    for name, text in {"train.py": "raise SystemExit\n", "envsnap.toml": SETTINGS, "../README": "hello\n"}.items():
        (project.folder / name).write_text(text)
    author = ("-c", "user.name=test", "-c", "user.email=test@host.example")
    for command in (("init", "-q"), ("add", "--all"), (*author, "commit", "-qm", "start")):
        subprocess.run(["git", *command], cwd=project.folder.parent, env=env, check=True)
    (project.folder / "train.py").write_text(JOB)
    (project.folder / "new.txt").write_text("untracked\n")
    done = project.envsnap("freeze")
    assert done.code == 0, done.err
    return project


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_reader_rebuilds_and_verifies_without_a_network(
    name: str, frozen: Project, index: Index, tmp_path: Path
) -> None:
    """From the bundle alone: no index, no cache, no repository, the freezing environment gone."""
    made = frozen.envsnap("bundle", "--output", tmp_path / name, "--json")
    shutil.rmtree(frozen.folder.parent)
    (index.folder / "one-1.0-py3-none-any.whl").unlink()
    asked = len(index.asked)

    unpacked = frozen.envsnap("bundle", "--unpack", tmp_path / name, "--output", tmp_path / "reader", folder=tmp_path)
    project = tmp_path / "reader" / "project"
    options = ("--bundle", tmp_path / name, "--target", "venv")
    built = frozen.without_indexes("build", *options, folder=project)
    verified = frozen.without_indexes("verify", *options, "--json", folder=project)

    assert [0, 0, 0] == [done.code for done in (made, unpacked, built)], made.err + unpacked.err + built.err
    assert 0 == verified.code, verified.err
    assert "pass" == verified.result["verdict"]["status"]
    assert JOB == (project / "train.py").read_text()
    assert "untracked\n" == (project / "new.txt").read_text()
    assert "hello\n" == (tmp_path / "reader" / "README").read_text()
    assert 300_000 < made.result["fetched"]
    assert asked == len(index.asked)


def test_context_carries_every_wheel_and_asks_no_index(frozen: Project, tmp_path: Path) -> None:
    """The rendered Dockerfile's context is whole."""
    frozen.envsnap("bundle", "--output", tmp_path / "bundle.tar")

    done = frozen.without_indexes(
        "build", "--bundle", tmp_path / "bundle.tar", "--render-only", "--output", tmp_path / "context", folder=tmp_path
    )

    names = {path.name for path in (tmp_path / "context/wheels/light").iterdir()}
    script = (tmp_path / "context/install.sh").read_text()
    assert 0 == done.code, done.err
    assert {"one-1.0-py3-none-any.whl", "two-2.0-py3-none-any.whl"} == names
    assert "--offline --no-index" in script
    assert "http" not in script


def test_bundle_made_again_is_the_same(frozen: Project, index: Index, tmp_path: Path) -> None:
    """Byte for byte; a folder's blobs are not fetched twice, and what belongs to no bundle is refused."""
    archives = [tmp_path / "one.tar", tmp_path / "other.tar"]
    for place in (*archives, tmp_path / "folder"):
        assert 0 == frozen.envsnap("bundle", "-o", place).code
    asked = len(index.asked)
    again = frozen.envsnap("bundle", "-o", tmp_path / "folder", "--json")
    (tmp_path / "folder" / "mine").touch()
    refused = frozen.envsnap("bundle", "-o", tmp_path / "folder")

    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert 0 == again.result["fetched"]
    assert asked == len(index.asked)
    assert 5 == refused.code
    assert "holds mine, which belongs to no bundle" in refused.err


@pytest.mark.parametrize("loss", ["deleted", "replaced"])
def test_package_that_the_index_lost_is_made_from_its_files(
    loss: str, frozen: Project, index: Index, tmp_path: Path
) -> None:
    """The bundle's lock pins the new wheel, its content is the locked one, it installs; the project's lock stays."""
    before = (frozen.folder / "envsnap.lock").read_bytes()
    wheel = index.folder / "one-1.0-py3-none-any.whl"
    original = sha256_bytes(wheel.read_bytes())
    if loss == "deleted":
        wheel.unlink()
    else:
        wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")

    made = frozen.envsnap("bundle", "--output", tmp_path / "bundle", "--json")
    frozen.envsnap("bundle", "--unpack", tmp_path / "bundle", "--output", tmp_path / "reader")
    project = tmp_path / "reader" / "project"
    built = frozen.without_indexes("build", "--bundle", tmp_path / "bundle", "--target", "venv", folder=project)
    verified = frozen.without_indexes("verify", "--bundle", tmp_path / "bundle", folder=project)

    assert 0 == made.code, made.err
    (replaced,) = made.result["index"]["replaced"]
    manifest, _ = parse_manifest((tmp_path / "bundle/envsnap.lock").read_text(), source="lock")
    package, locked = manifest.contents.packages[0], frozen.manifest.contents.packages[0]
    assert ("one", original) == (replaced["package"], replaced["sha256"])
    assert "a wheel made from the installed files stands for it" in made.err
    assert frozen.manifest.snapshot.digest == made.result["index"]["original-lock"]
    assert "repacked" == package.installed.evidence
    assert locked.installed.content_digest == package.expected_digest
    assert (0, 0) == (built.code, verified.code), built.err + verified.err
    assert "equal to the lock" in built.out
    assert before == (frozen.folder / "envsnap.lock").read_bytes()


def test_lost_package_without_its_environment_is_an_error(frozen: Project, index: Index, tmp_path: Path) -> None:
    """Exit code 5, package and file, why it is neither had nor made; the former bundle stays as it was."""
    frozen.envsnap("bundle", "--output", tmp_path / "bundle")
    before = (tmp_path / "bundle/bundle.toml").read_bytes()
    wheel = index.folder / "one-1.0-py3-none-any.whl"
    original, damaged = wheel.read_bytes(), wheel.read_bytes()[:-1] + b"x"
    wheel.write_bytes(damaged)

    done = frozen.envsnap("bundle", "--python", sys.executable, "--output", tmp_path / "new")
    wheel.unlink()
    gone = frozen.envsnap("bundle", "--python", sys.executable, "--output", tmp_path / "new")
    shutil.rmtree(tmp_path / "bundle/blobs")
    again = frozen.envsnap("bundle", "--python", sys.executable, "--output", tmp_path / "bundle")

    assert [5, 5, 5] == [done.code, gone.code, again.code]
    assert all(text in done.err for text in ("one: one-1.0-py3-none-any.whl", *map(sha256_bytes, (original, damaged))))
    assert "one is not installed in" in done.err
    assert "one-1.0-py3-none-any.whl is not served any more (HTTP status 404)" in gone.err
    assert not (tmp_path / "new/bundle.toml").exists()
    assert before == (tmp_path / "bundle/bundle.toml").read_bytes()


def test_edited_installation_is_not_taken_for_the_lost_one(
    frozen: Project, index: Index, venv: Venv, tmp_path: Path
) -> None:
    """RECORD still says the old hash; the made wheel would hold the edit."""
    (index.folder / "one-1.0-py3-none-any.whl").unlink()
    (venv.site / "one.py").write_text("VALUE = 99\n")

    done = frozen.envsnap("bundle", "--output", tmp_path / "bundle")

    assert 5 == done.code
    assert "the files of one were changed after the freeze" in done.err


@pytest.mark.slow
def test_index_out_of_order_is_an_error(frozen: Project, index: Index, tmp_path: Path) -> None:
    """Exit code 5, package and file; nothing that looks like a bundle."""
    index.file_status = 500

    done = frozen.envsnap("bundle", "--output", tmp_path / "bundle.tar")

    assert 5 == done.code
    assert "py3-none-any.whl could not be fetched in 4 tries: the server answers with HTTP status 500" in done.err
    assert not (tmp_path / "bundle.tar").exists()


def test_lock_of_another_project_is_not_built_from_a_bundle(
    frozen: Project, index: Index, make_wheel: MakeWheel, venv: Venv, tmp_path: Path
) -> None:
    """The wheel that lacks is named."""
    frozen.envsnap("bundle", "--output", tmp_path / "bundle")
    make_wheel("two", "3.0", {"two.py": "VALUE = 2\n"}, folder=index.folder)
    venv.install_from(index, "two==3.0")
    assert 0 == frozen.envsnap("freeze").code

    done = frozen.envsnap("build", "envsnap.lock", "--bundle", tmp_path / "bundle", "--target", "venv")

    assert 5 == done.code
    assert "holds no two-3.0-py3-none-any.whl with sha256" in done.err
    assert "made from another lock" in done.err


def test_source_that_the_repository_has_not_is_an_error(frozen: Project, tmp_path: Path) -> None:
    """A clone without the commit; and changes that were edited out of the baseline."""
    (patch,) = (frozen.folder / "envsnap.baseline/patches").iterdir()
    patch.write_text("edited")
    edited = frozen.envsnap("bundle", "--output", tmp_path / "bundle")
    shutil.rmtree(frozen.folder.parent / ".git")
    without = frozen.envsnap("bundle", "--output", tmp_path / "bundle")

    assert [5, 5] == [edited.code, without.code]
    assert "uncommitted changes that the lock names are not in" in edited.err
    assert "uncommitted changes" in without.err or "is not in the repository" in without.err


LARGE = os.urandom(3_000_000)
LARGE_NAME = "large-1.0-py3-none-any.whl"


@pytest.fixture
def large(file_server: FileServer, make_manifest: Callable[..., Manifest], project: Path) -> Manifest:
    """A lock of one large wheel on a server that can break off, in its project."""
    file_server.files[LARGE_NAME] = LARGE
    wheel = Artefact(
        name=LARGE_NAME,
        url=f"{file_server.url}/{LARGE_NAME}",
        hashes={"sha256": sha256_bytes(LARGE)},
        size=len(LARGE),
    )
    record = InstalledRecord(tags=(), evidence="index-verified", content_digest="cd" * 32, location="{prefix}/lib")
    package = Package(name="large", version="1.0", wheels=(wheel,), installed=record)
    manifest = make_manifest(packages=(package,))
    (project / "envsnap.lock").write_text(dump_manifest(manifest))
    return manifest


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_killed_bundle_is_continued(
    name: str, large: Manifest, file_server: FileServer, project: Path, tmp_path: Path
) -> None:
    """kill -9 while the server sends: what is there is no bundle, and the next run fetches the missing bytes alone."""
    del large
    file_server.cut[LARGE_NAME], file_server.silent = [2_000_000], True
    command = [sys.executable, "-m", "envsnap", "bundle", "--output", str(tmp_path / name)]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL)
    folder = (tmp_path / name) if name == "bundle" else tmp_path / "bundle.tar.parts"
    part = folder / "blobs/sha256" / f"{sha256_bytes(LARGE)}.part"
    while not part.exists() or part.stat().st_size < 1_000_000:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = part.stat().st_size
    file_server.released.set()
    file_server.log.clear()

    build = [sys.executable, "-m", "envsnap", "build", "--bundle", str(tmp_path / name), "--target", "venv"]
    early = subprocess.run(build, cwd=project, capture_output=True, text=True, check=False)
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert early.returncode in {2, 5}
    assert 0 == done.returncode, done.stderr
    assert [f"bytes={left}-"] == [answer.asked for answer in file_server.log]
    assert len(LARGE) - left == file_server.sent(LARGE_NAME)
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "bundle.tar.parts").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    return folder


@pytest.mark.parametrize("known", [True, False])
def test_full_disk_is_told_with_package_and_file(
    *, known: bool, large: Manifest, small_disk: Path, project: Path, progress: Progress
) -> None:
    """Before the first byte where the lock knows the size, else where it fills; exit code 5, nothing looks complete."""
    if not known:
        (package,) = large.contents.packages
        wheel = msgspec.structs.replace(package.wheels[0], size=None)
        package = msgspec.structs.replace(package, wheels=(wheel,))
        contents = msgspec.structs.replace(large.contents, packages=(package,))
        (project / "envsnap.lock").write_text(dump_manifest(seal(contents, created_by="x", created_at="y")))
    request = BundleRequest(folder=project, env={}, lock=project / "envsnap.lock", output=small_disk / "bundle")

    try:
        with pytest.raises(BundleError) as failed:
            bundle(request, progress)
        left = {path.name: path.stat().st_size for path in small_disk.rglob("*") if path.is_file()}
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)

    assert 5 == failed.value.exit_code
    assert f"large: {LARGE_NAME}" in str(failed.value)
    assert "name another place with --output" in str(failed.value)
    assert (
        "the bundle needs 3,000,000 bytes more" in str(failed.value) if known else "No space left" in str(failed.value)
    )
    assert not any("toml" in name or name == sha256_bytes(LARGE) for name in left)


def test_conda_packages_are_collected(
    make_manifest: Callable[..., Manifest],
    file_server: FileServer,
    project: Path,
    progress: Progress,
    told: list[str],
    tmp_path: Path,
) -> None:
    """By URL and SHA-256; from a channel on this machine too; one that nothing pins is named."""
    (tmp_path / "local.conda").write_bytes(b"local")
    file_server.files["linux-64/served-1-0.conda"] = b"served"
    packages = (
        CondaPackage(
            name="local", subdir="noarch", url=f"file://{tmp_path}/local.conda", sha256=sha256_bytes(b"local")
        ),
        CondaPackage(
            name="served",
            subdir="linux-64",
            url=f"{file_server.url}/linux-64/served-1-0.conda",
            sha256=sha256_bytes(b"served"),
            size=6,
        ),
        CondaPackage(name="unpinned", url=f"{file_server.url}/x.conda", md5="0" * 32),
    )
    manifest = make_manifest(packages=(), conda=Conda(packages=packages))
    (project / "envsnap.lock").write_text(dump_manifest(manifest))

    done = bundle(BundleRequest(folder=project, env={}, lock=project / "envsnap.lock"), progress)

    index = tomllib.loads((done.path / "bundle.toml").read_text())
    found = {entry["name"]: entry["sha256"] for entry in index["entries"] if entry["kind"] == "conda"}
    expected = {"noarch/local.conda": b"local", "linux-64/served-1-0.conda": b"served"}
    assert {name: sha256_bytes(data) for name, data in expected.items()} == found
    assert all((done.path / "blobs/sha256" / sha256_bytes(data)).read_bytes() == data for data in expected.values())
    assert "warning: conda packages that no SHA-256 pins are left out: unpinned" in told


def test_login_of_an_index_fetches_and_is_kept_nowhere(
    index: Index, make_wheel: MakeWheel, venv: Venv, tmp_path: Path
) -> None:
    """Neither in a bundle nor in what is told."""
    index.login = "reader:tell-nobody-4711"
    make_wheel("one", "1.0", folder=index.folder)
    venv.install_from(index, "one==1.0")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    env |= {"UV_DEFAULT_INDEX": index.config.index_url or "", "PIP_CONFIG_FILE": os.devnull}
    env |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "VIRTUAL_ENV": str(venv.prefix)}
    project = Project(tmp_path / "project", env)
    project.folder.mkdir()
    assert 0 == project.envsnap("freeze", "--no-run").code

    made = project.envsnap("bundle", "-o", tmp_path / "bundle.tar", "-v")
    refused = project.envsnap("bundle", "-o", tmp_path / "other.tar", UV_DEFAULT_INDEX=index.url)

    assert 0 == made.code, made.err
    assert b"4711" not in (tmp_path / "bundle.tar").read_bytes() + made.err.encode() + made.out.encode()
    assert "the lock records no commit: the bundle holds no source" in made.err
    assert 5 == refused.code
    assert "one: one-1.0-py3-none-any.whl may not be fetched (HTTP status 401)" in refused.err
