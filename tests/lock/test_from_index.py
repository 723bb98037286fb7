"""A package from an index is locked to the wheel that has its files, proven as cheaply as the index allows."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from package_index import Sources

from envsnap.errors import CaptureError, LyingIndexError
from envsnap.host.index.config import IndexConfig
from envsnap.lock.locked_packages import LockedPackages
from envsnap.manifest.finding import Finding
from envsnap.manifest.package import Package

pytestmark = pytest.mark.processes


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv wait a second for an answer, as the settings say."""
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv know at each freeze nothing of what it saw at the installation."""
    monkeypatch.setenv("UV_NO_CACHE", "1")


def lock_demo(venv: Any, sources: Any) -> Package:
    """Lock what is installed as demo."""
    return lock_all(venv, sources).packages[0]


def lock_all(venv: Any, sources: Sources) -> LockedPackages:
    """Lock all that is installed."""
    return sources.lock(tuple(venv.probe().values()))


def files_asked(index: Any) -> list[str]:
    """Name the files that the index was asked for."""
    return [path for path in index.asked if path.startswith("/files/")]


@pytest.mark.parametrize("pages", ["json", "html"])
def test_the_index_that_serves_a_package_is_pinned(
    index: Any, venv: Any, make_wheel: Any, sources: Any, pages: str
) -> None:
    """With size, time of upload and hash, as far as its page tells them; a local version keeps its label."""
    wheel = make_wheel("demo", "1.0+cpu", folder=index.folder)
    venv.install_from(index, "demo==1.0+cpu")
    index.pages = pages

    locked = lock_demo(venv, sources(index.config))

    assert ("1.0+cpu", index.url, "index-verified") == (locked.version, locked.index, locked.installed.evidence)
    assert locked.wheel is not None
    assert (wheel.name, 64) == (locked.wheel.name, len(locked.wheel.hashes["sha256"]))
    if pages == "json":
        assert (wheel.stat().st_size, "2024-03-14T19:10:48Z") == (locked.wheel.size, locked.wheel.upload_time)


def test_without_ranges_the_wheel_is_fetched_and_proven(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """An index that gives whole files only is no reason to believe a name."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.ranges = False

    locked = lock_demo(venv, sources(index.config))

    assert ("index-verified", None) == (locked.installed.evidence, locked.installed.proof)


@pytest.mark.parametrize("pages", ["json", "html"])
def test_metadata_proves_where_ranges_are_not_served(
    index: Any, venv: Any, make_wheel: Any, sources: Any, pages: str
) -> None:
    """The page's hash of METADATA is enough then, the whole file is not fetched, and the lock says how sure it is."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.ranges, index.metadata, index.pages = False, True, pages
    index.asked.clear()

    locked = lock_demo(venv, sources(index.config))

    assert ("index-verified", "metadata") == (locked.installed.evidence, locked.installed.proof)
    assert 1 == len(files_asked(index))


def test_metadata_of_another_wheel_proves_nothing(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """The whole file decides."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.ranges, index.metadata = False, True
    index.announced[wheel.name] = {"core-metadata": {"sha256": "0" * 64}}

    locked = lock_demo(venv, sources(index.config))

    assert ("index-verified", None) == (locked.installed.evidence, locked.installed.proof)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("pages", ["json", "html"])
def test_an_index_without_hashes_gets_them_from_its_files(
    index: Any, venv: Any, make_wheel: Any, sources: Any, pages: str, ranges: bool
) -> None:
    """The hash is that of the file; the next freeze asks nothing."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    index.hashes, index.pages, index.ranges = False, pages, ranges
    venv.install_from(index, "demo==1.0")

    locked = lock_demo(venv, sources(index.config))
    index.asked.clear()
    again = lock_demo(venv, sources(index.config))

    assert "index-verified" == locked.installed.evidence
    assert locked.wheel is not None
    assert digest(wheel) == locked.wheel.hashes["sha256"]
    assert (locked, []) == (again, index.asked)


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wheel_that_the_locker_does_not_name_is_found_on_the_page(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """uv names the best wheel of a release for an interpreter; an older machine installed another one."""
    plain = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    better = make_wheel("demo", "1.0", {"demo.py": "BETTER = 1\n"})
    better.rename(index.folder / "demo-1.0-2-py3-none-any.whl")

    locked = lock_demo(venv, sources(index.config))

    assert ("index-verified", plain.name) == (locked.installed.evidence, locked.wheel and locked.wheel.name)
    assert index.url == locked.index


@pytest.mark.parametrize("pages", ["json", "html"])
@pytest.mark.parametrize("reason", ["it deletes files", ""])
def test_a_yanked_release_stays_locked_and_is_a_finding(
    index: Any, venv: Any, make_wheel: Any, sources: Any, pages: str, reason: str
) -> None:
    """It can be installed by its exact version still; the second freeze says so too."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.pages, index.announced[wheel.name] = pages, {"yanked": reason}

    first, second = (lock_all(venv, sources(index.config)) for _ in range(2))

    told = reason or "no reason given"
    expected = Finding(kind="yanked-release", subject="demo", detail=f"1.0 was withdrawn by its index: {told}")
    assert ("index-verified", told) == (first.packages[0].installed.evidence, first.packages[0].installed.yanked)
    assert (expected,) == first.findings == second.findings


CODE = """
import pathlib
from setuptools import setup
pathlib.Path({marker!r}).touch()
setup(name="demo", version="1.0")
"""


def make_sdist(folder: Path, marker: Path) -> Path:
    """Make a source archive whose setup.py leaves a mark when it is run."""
    source = folder.parent / "demo-1.0"
    source.mkdir()
    (source / "setup.py").write_text(CODE.format(marker=str(marker)))
    (source / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n")
    with tarfile.open(folder / "demo-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, arcname="demo-1.0")
    return folder / "demo-1.0.tar.gz"


@pytest.mark.parametrize("hashes", [True, False])
def test_a_wheel_built_here_is_packed_beside_the_sdist_that_it_was_built_from(
    index: Any, venv: Any, make_wheel: Any, sources: Any, tmp_path: Path, hashes: bool
) -> None:
    """No sdist pins what a compiler made of it; and no code of the index is run to find out."""
    sdist = make_sdist(index.folder, tmp_path / "mark")
    venv.install(str(make_wheel("demo", "1.0")))
    venv.site.joinpath("demo-1.0.dist-info/direct_url.json").unlink()
    index.hashes = hashes

    locked = lock_demo(venv, sources(index.config))

    assert ("repacked", "the index has no wheel", None) == (
        locked.installed.evidence,
        locked.installed.reason,
        locked.index,
    )
    assert locked.sdist is not None
    assert {"sha256": digest(sdist)} == locked.sdist.hashes
    assert not (tmp_path / "mark").exists()


def test_a_file_that_is_not_the_announced_one_is_an_error(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """Its RECORD may be right, the hash in the lock would be none that any file has."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.announced[wheel.name] = {"hashes": {"sha256": "0" * 64}}

    with pytest.raises(LyingIndexError, match=r"demo-1\.0-py3-none-any\.whl: the index announces sha256 0+…") as raised:
        lock_demo(venv, sources(replace(index.config, timeout=1.0)))

    assert 4 == raised.value.exit_code


def test_a_fetched_file_that_is_not_the_announced_one_is_an_error(
    index: Any, venv: Any, make_wheel: Any, sources: Any, tmp_path: Path
) -> None:
    """Nothing of it is kept."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.ranges, index.announced[wheel.name] = False, {"hashes": {"sha256": "0" * 64}}

    with pytest.raises(LyingIndexError, match=wheel.name):
        lock_demo(venv, sources(index.config))

    assert [] == [path for path in (tmp_path / ".envsnap").rglob("*") if path.is_file() and path.suffix != ".json"]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_answer_that_breaks_off_proves_nothing(
    index: Any, venv: Any, make_wheel: Any, sources: Any, ranges: bool
) -> None:
    """The wheel is inferred from its name, and the reason says why; the next freeze tries again."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.cut, index.ranges = True, ranges

    locked = lock_demo(venv, sources(index.config))
    index.cut = False
    later = lock_demo(venv, sources(index.config))

    assert "index-inferred" == locked.installed.evidence
    assert wheel.name in locked.installed.reason
    assert "index-verified" == later.installed.evidence


def test_a_file_that_is_no_wheel_is_not_taken(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """It was damaged on the index: the installed files are packed, and the reason names the file."""
    wheel = make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    wheel.write_bytes(wheel.read_bytes()[:100])

    locked = lock_demo(venv, sources(index.config))

    assert "repacked" == locked.installed.evidence
    assert f"{wheel.name} is no readable wheel" in locked.installed.reason


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ({"status": 500}, "could not ask the package indexes"),
        ({"delay": 3.0}, "could not ask the package indexes"),
        (
            {"pages": "portal"},
            r"demo: the index http://127\S+/simple answers with no page of a package index",
        ),
    ],
)
def test_an_index_in_trouble_is_an_error_that_names_it_and_no_login(
    index: Any, venv: Any, make_wheel: Any, sources: Any, trouble: dict[str, Any], message: str
) -> None:
    """It is not taken for 'no such package': the way out is named."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    index.login = "someone:s3cret"
    for name, value in trouble.items():
        setattr(index, name, value)

    with pytest.raises(CaptureError, match=message) as raised:
        lock_demo(venv, sources(replace(index.config, timeout=1.0)))

    assert 4 == raised.value.exit_code
    assert "--offline" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "someone" not in str(raised.value)


def test_a_package_from_a_page_of_links_names_no_index(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """Its file is pinned by URL and hash; no index serves it."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    config = IndexConfig(find_links=(f"{index.url}/demo/",), no_index=True)
    index.pages = "html"

    locked = lock_demo(venv, sources(config))

    assert ("index-verified", None) == (locked.installed.evidence, locked.index)
    assert locked.wheel is not None
    assert locked.wheel.url is not None


def test_several_refused_packages_hide_no_other(index: Any, venv: Any, make_wheel: Any, sources: Any) -> None:
    """uv refuses a list for the first package that no index has, and names it."""
    for name in ("one", "two", "three"):
        make_wheel(name, "1.0", folder=index.folder)
    venv.install_from(index, "one", "two", "three")
    for name in ("one", "three"):
        (index.folder / f"{name}-1.0-py3-none-any.whl").unlink()

    locked = lock_all(venv, sources(index.config))

    assert {"one": "repacked", "two": "index-verified", "three": "repacked"} == {
        package.name: package.installed.evidence for package in locked.packages
    }


def test_a_wheel_in_a_folder_here_is_known_without_an_index(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """Neither is it asked for, nor does it need a network; a wheel of the same name and other files is not it."""
    wheel = make_wheel("demo", "1.0+cpu")
    venv.install("--no-index", "--find-links", str(wheel.parent), "demo")
    config = IndexConfig(index_url=index.url, find_links=(str(wheel.parent),))
    (wheel.parent / "no-wheel.whl").write_bytes(b"")
    (wheel.parent / "demo-1.0+cpu-1-py3-none-any.whl").write_bytes(b"no wheel")

    online = lock_demo(venv, sources(config))
    offline = lock_demo(venv, sources(config, offline=True))

    assert ("local-file", wheel.name, None) == (online.installed.evidence, online.wheel and online.wheel.name, None)
    assert online == offline
    assert [] == index.asked


def test_a_wheel_of_other_files_in_a_folder_here_is_not_taken(
    index: Any, venv: Any, make_wheel: Any, sources: Any
) -> None:
    """The index has the right one."""
    make_wheel("demo", "1.0", folder=index.folder)
    venv.install_from(index, "demo==1.0")
    other = make_wheel("demo", "1.0", {"demo.py": "OTHER = 1\n"})
    make_wheel("demo", "2.0")

    locked = lock_demo(venv, sources(IndexConfig(index_url=index.url, find_links=(str(other.parent),))))

    assert "index-verified" == locked.installed.evidence
