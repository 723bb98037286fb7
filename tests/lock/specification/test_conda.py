"""environment.yml is solved against a channel, conda-lock.yml read as conda-lock writes it."""

import asyncio
import hashlib
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from conda_channel import CondaBuild
from msgspec.structs import replace

from envsnap.errors import CaptureError, InvalidFileError, MissingToolError, UsageError
from envsnap.lock.specification.conda import brought_python, virtual_packages
from envsnap.manifest.manifest import CondaPackage

pytestmark = pytest.mark.processes

SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[platform.machine()]
PYTHON = platform.python_version()


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """A channel with three Pythons, a package that needs the C library, and two for Python."""
    folder = tmp_path / "channel"
    (folder / SUBDIR).mkdir(parents=True)
    (folder / "noarch").mkdir()
    newer_libc = ("__glibc >=99",)
    for build in (
        CondaBuild("python", PYTHON, {"bin/python": b"x"}),
        CondaBuild("python", "3.99.1", {"bin/python": b"y"}),
        CondaBuild("tool", "1.0", {"bin/tool": b"1"}),
        CondaBuild("tool", "2.0", {"bin/tool": b"2"}, depends=newer_libc),
        CondaBuild("beta", "1.0", {"lib/beta.py": b""}, depends=("python",)),
    ):
        build.write(folder)
    index_channel(folder)
    return folder


def index_channel(folder: Path) -> None:
    """Write the channel's repodata."""
    asyncio.run(_index(folder))


async def _index(folder: Path) -> None:
    from rattler.index import index_fs

    await index_fs(folder)


def environment(channel: Path, *dependencies: str) -> str:
    """Write an environment.yml."""
    lines = "".join(f"  - {line}\n" for line in dependencies)
    return f"name: mine\nchannels:\n  - {channel.as_uri()}\n  - nodefaults\ndependencies:\n{lines}"


def records(resolved: Any) -> dict[str, str]:
    """Name and version of conda's packages."""
    return {package.name: package.version for package in resolved.conda}


def test_an_environment_is_solved_for_the_captured_platform(channel: Path, place: Any, resolve: Any) -> None:
    """What needs a newer C library than the captured one is not taken; each record is pinned."""
    found = resolve(place.write("environment.yml", environment(channel, f"python={PYTHON}", "tool")))

    assert {"python": PYTHON, "tool": "1.0"} == records(found)
    tool = found.conda[1]
    archive = channel / SUBDIR / "tool-1.0-h0_0.tar.bz2"
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == tool.sha256
    assert (archive.as_uri(), SUBDIR, "h0_0", archive.stat().st_size) == (tool.url, tool.subdir, tool.build, tool.size)
    assert channel.as_uri() == tool.channel


@pytest.mark.usefixtures("served")
def test_pip_adds_what_conda_does_not_bring(channel: Path, place: Any, resolve: Any) -> None:
    """alpha needs beta, and conda brings beta 1.0: it stays, though the index has 2.0."""
    text = environment(channel, f"python={PYTHON}", "beta", "pip:\n    - alpha[fast]")

    found = resolve(place.write("environment.yml", text))

    assert {"python": PYTHON, "beta": "1.0"} == records(found)
    assert {"alpha": "1.0", "gamma": "1.0"} == {package.name: package.version for package in found.packages}


@pytest.mark.usefixtures("served")
def test_pip_is_refused_what_conda_contradicts(channel: Path, place: Any, resolve: Any) -> None:
    """pip would overwrite conda's files."""
    text = environment(channel, f"python={PYTHON}", "beta", "pip:\n    - beta==2.0")

    with pytest.raises(CaptureError, match=r"environment\.yml cannot be resolved: .*beta"):
        resolve(place.write("environment.yml", text))


def test_another_python_than_the_captured_one_is_described_by_its_record(
    channel: Path, place: Any, resolve: Any
) -> None:
    """And what is not known of it is said."""
    found = resolve(place.write("environment.yml", environment(channel, "python=3.99")))

    assert ("3.99.1", "conda", f"cpython-399-{platform.machine()}-linux-gnu") == (
        found.interpreter.version,
        found.interpreter.provenance,
        found.interpreter.soabi,
    )
    assert ["interpreter"] == [problem.what for problem in found.not_captured]


def test_variables_of_the_environment_are_not_kept_and_that_is_said(channel: Path, place: Any, resolve: Any) -> None:
    """A rebuilt environment would not set them."""
    found = resolve(place.write("environment.yml", environment(channel, "tool") + "variables:\n  SEED: 1\n"))

    assert [("variables of environment.yml", True)] == [
        (problem.what, "SEED" in problem.reason) for problem in found.not_captured
    ]


@pytest.mark.parametrize(
    ("dependencies", "message"),
    [
        (("nosuch",), r"environment\.yml cannot be solved: (?s:.)*nosuch"),
        (("tool>=2",), r"environment\.yml cannot be solved: (?s:.)*__glibc"),
        (("tool", "pip:\n    - beta"), "the pip section needs a Python"),
    ],
)
def test_no_solution_is_an_error_of_capture(
    dependencies: tuple[str, ...], message: str, channel: Path, place: Any, resolve: Any
) -> None:
    """The package is named."""
    with pytest.raises(CaptureError, match=message) as raised:
        resolve(place.write("environment.yml", environment(channel, *dependencies)))

    assert 4 == raised.value.exit_code


def test_a_channel_that_does_not_answer_is_named_without_its_login(place: Any, resolve: Any) -> None:
    """Its token stands in the path."""
    text = "channels: ['http://u:s3cret@127.0.0.1:1/t/t0ken/x']\ndependencies: [tool]\n"

    with pytest.raises(CaptureError, match="a conda channel could not be asked") as raised:
        resolve(place.write("environment.yml", text))

    assert not [word for word in ("s3cret", "t0ken") if word in str(raised.value)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dependencies: [\n", r"environment\.yml:\d: not valid YAML"),
        ("a: &x [1]\nb: *x\n", "YAML aliases"),
        ("channels: [c]\ndependencies: [1]\n", r"dependencies\[0\]"),
        ("channels: [c]\ndependencies: ['python >>> 3']\n", r"dependencies\[0\]: 'python >>> 3' is no conda spec"),
        ("channels: [c]\ndependencies: [{npm: [x]}]\n", r"dependencies\[0\]: 'npm' is no section"),
        ("channels: [c]\ndependencies: [{pip: ['x >>> 1']}]\n", r"dependencies\[0\]\.pip\[0\]: 'x >>> 1' is no req"),
        ("dependencies: [python]\n", "names no channels"),
        ("dependences: [python]\n", "unknown field `dependences`"),
        ("- python\n", "Expected `object`, got `array`"),
    ],
)
def test_what_conda_would_not_read_is_refused_with_the_place(text: str, message: str, place: Any, resolve: Any) -> None:
    """Line or key."""
    with pytest.raises(InvalidFileError, match=message):
        resolve(place.write("environment.yml", text))


def test_overrides_of_virtual_packages_count(captured: Any) -> None:
    """A machine without a GPU locks for one that has it, as with conda itself."""
    found = virtual_packages(
        replace(captured.platform, kernel="6.1.158+", arch="x86_64", libc_version="2.36"),
        ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "sse4_2", "ssse3"),
        "",
        {"CONDA_OVERRIDE_CUDA": "12.4", "CONDA_OVERRIDE_GLIBC": "2.17"},
    )

    assert {
        "__unix": ("0", "0"),
        "__linux": ("6.1.158", "0"),
        "__glibc": ("2.17", "0"),
        "__cuda": ("12.4", "0"),
        "__archspec": ("1", "x86_64_v3"),
    } == found


def test_a_free_threaded_python_of_conda_is_told_by_its_build(captured: Any) -> None:
    """It takes other wheels."""
    record = CondaPackage(name="python", version="3.13.1", build="h9a34b6e_5_cp313t")

    found = brought_python([record], captured.interpreter, captured.platform)

    assert found is not None
    assert (True, "cpython-313t") == (found.free_threaded, "-".join(found.soabi.split("-")[:2]))


@pytest.fixture
def lock_file(place: Any, channel: Path, served: Any) -> Path:
    """Let conda-lock's own writer write a lock of one conda and one pip package, for two platforms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from conda_lock.lockfile import write_conda_lock_file
        from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency, Lockfile, LockMeta

    archive = channel / SUBDIR / "tool-1.0-h0_0.tar.bz2"
    python = channel / SUBDIR / f"python-{PYTHON}-h0_0.tar.bz2"
    wheel = served.folder / "beta-2.0-py3-none-any.whl"

    def conda(path: Path, version: str, target: str, category: str = "main") -> Any:
        data = path.read_bytes()
        hashes = HashModel(md5=hashlib.md5(data).hexdigest(), sha256=hashlib.sha256(data).hexdigest())  # noqa: S324
        return LockedDependency(
            name=path.name.partition("-")[0], version=version, manager="conda", platform=target,
            url=f"https://u:s3cret@index.example/t/t0ken/{target}/{path.name}", hash=hashes, categories={category},
        )  # fmt: skip

    pip = LockedDependency(
        name="beta", version="2.0", manager="pip", platform=SUBDIR, categories={"main"},
        url=served.url.replace("/simple", f"/files/{wheel.name}"),
        hash=HashModel(sha256=hashlib.sha256(wheel.read_bytes()).hexdigest()),
    )  # fmt: skip
    lock = Lockfile(
        package=[
            conda(python, PYTHON, SUBDIR),
            conda(archive, "1.0", SUBDIR, "dev"),
            conda(python, "3.0.0", "osx-64"),
            pip,
        ],
        metadata=LockMeta(
            content_hash={SUBDIR: "0" * 64, "osx-64": "1" * 64},
            channels=["conda-forge"],  # type: ignore[list-item, unused-ignore]
            platforms=[SUBDIR, "osx-64"],
            sources=["environment.yml"],
        ),
    )
    path: Path = place.folder / "conda-lock.yml"
    write_conda_lock_file(lock, path, None)
    return path


def test_a_lock_of_conda_lock_is_read_for_one_platform(lock_file: Path, channel: Path, resolve: Any) -> None:
    """Records with hash and build, logins and tokens left out; pip's wheels as such."""
    found = resolve(lock_file)

    python = found.conda[0]
    archive = channel / SUBDIR / f"python-{PYTHON}-h0_0.tar.bz2"
    assert {"python": PYTHON} == records(found)
    assert (hashlib.sha256(archive.read_bytes()).hexdigest(), "h0_0", SUBDIR) == (
        python.sha256,
        python.build,
        python.subdir,
    )
    assert ("https://index.example", f"https://index.example/{SUBDIR}/{archive.name}") == (python.channel, python.url)
    assert [("beta", "2.0", "index-verified")] == [
        (package.name, package.version, package.installed.evidence) for package in found.packages
    ]


def test_a_category_is_chosen_by_its_name(lock_file: Path, resolve: Any) -> None:
    """An unknown one is told with those that there are."""
    assert {"python": PYTHON, "tool": "1.0"} == records(resolve(lock_file, groups=("dev",)))
    with pytest.raises(UsageError, match=r"--group docs: .* it has dev, main"):
        resolve(lock_file, groups=("docs",))


@pytest.mark.parametrize(
    ("change", "message", "error"),
    [
        (("version: 1", "version: 9"), "its version is 9", InvalidFileError),
        (("manager: conda", "manager: apt"), "conda-lock cannot read it: KeyError 'manager'", InvalidFileError),
        (("optional: false", "optional: 7"), r"package\[0\]\.optional: ", InvalidFileError),
        ((f"- {SUBDIR}", "- win-64"), r"locks osx-64, win-64|locks win-64, osx-64", CaptureError),
        (("beta-2.0-py3-none-any.whl", "beta-2.0.tar.gz"), "builds no source archive", CaptureError),
    ],
)
def test_a_lock_that_does_not_serve_is_refused(
    change: tuple[str, str], message: str, error: type[Exception], lock_file: Path, resolve: Any
) -> None:
    """With the key, or the platform."""
    assert change[0] in lock_file.read_text()
    lock_file.write_text(lock_file.read_text().replace(*change))

    with pytest.raises(error, match=message):
        resolve(lock_file)


@pytest.mark.parametrize(
    ("module", "name", "text"),
    [
        ("rattler", "environment.yml", "channels: [c]\ndependencies: [python]\n"),
        ("conda_lock.lockfile.v1.models", "conda-lock.yml", "version: 1\n"),
    ],
)
def test_without_the_extra_the_message_names_it(
    module: str, name: str, text: str, place: Any, resolve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 7."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingToolError, match=r"pip install 'envsnap\[conda\]'") as raised:
        resolve(place.write(name, text))

    assert 7 == raised.value.exit_code
