"""pylock.toml: the lock's own entries, as PEP 751 wants them."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from packaging.pylock import Pylock

from envsnap.manifest.manifest import Manifest
from envsnap.manifest.package import Artefact, Directory, Package
from envsnap.render.export_file import ExportFile, ExportPlace
from envsnap.render.pylock import render_pylock

SHA = "ab" * 32


def with_package(manifest: Manifest, package: Package, **platform: str) -> Manifest:
    """A manifest with this package alone."""
    changed = replace(manifest.contents.platform, **platform)
    return replace(manifest, contents=replace(manifest.contents, packages=(package,), platform=changed))


def read(exported: ExportFile) -> dict[str, Any]:
    """The document, which packaging accepts."""
    document = tomllib.loads(exported.text)
    Pylock.from_dict(document).validate()
    return document


@pytest.fixture
def manifest(exports: dict[str, Manifest]) -> Manifest:
    """A manifest with packages of every kind."""
    return exports["everything"]


@pytest.fixture
def tqdm(manifest: Manifest) -> Package:
    """A package that an index serves."""
    return next(package for package in manifest.contents.packages if package.name == "tqdm")


@pytest.fixture
def tree(manifest: Manifest) -> Package:
    """A source tree with the wheel that rebuilds it."""
    return next(package for package in manifest.contents.packages if package.name == "own-tools")


def test_the_file_tells_which_environment_it_is_for(manifest: Manifest) -> None:
    document = read(render_pylock(manifest, ExportPlace()))

    expected = "sys_platform == 'linux' and platform_machine == 'x86_64' and implementation_name == 'cpython'"
    assert ("1.0", "envsnap", "==3.11.*") == (
        document["lock-version"],
        document["created-by"],
        document["requires-python"],
    )
    assert [expected] == document["environments"]
    assert manifest.snapshot.digest == document["tool"]["envsnap"]["manifest"]


def test_a_fact_that_would_leave_its_quotes_is_left_out(manifest: Manifest, tqdm: Package) -> None:
    """A marker has no escapes."""
    odd = with_package(manifest, tqdm, arch="x' or 'a' == 'a")

    assert ["sys_platform == 'linux' and implementation_name == 'cpython'"] == read(render_pylock(odd, ExportPlace()))[
        "environments"
    ]


def test_a_wheel_keeps_what_the_index_said_of_it(manifest: Manifest, tqdm: Package) -> None:
    """TOML has a type for a time."""
    wheel = replace(tqdm.wheels[0], upload_time="2025-01-02T03:04:05.678Z")
    package = replace(tqdm, wheels=(wheel,), index="https://index.example/simple")

    (entry,) = read(render_pylock(with_package(manifest, package), ExportPlace()))["packages"]

    assert "https://index.example/simple" == entry["index"]
    assert [
        {
            "name": wheel.name,
            "url": wheel.url,
            "size": wheel.size,
            "hashes": dict(wheel.hashes),
            "upload-time": datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        }
    ] == entry["wheels"]


def test_a_source_tree_is_its_wheel_and_its_commit_is_kept(manifest: Manifest, tree: Package) -> None:
    """The wheel by its path from the file; PEP 751 allows no commit beside it."""
    exported = render_pylock(with_package(manifest, tree), ExportPlace(lock_folder="../project"))

    (entry,) = read(exported)["packages"]

    assert ("0.3", False) == (entry["version"], "vcs" in entry)
    assert "../project/.envsnap/wheels/own_tools-0.3-py3-none-any.whl" == entry["wheels"][0]["path"]
    assert "0" * 40 == entry["tool"]["envsnap"]["vcs"]["commit-id"]
    assert ((), ()) == (exported.left_out, exported.remarks)


def test_a_checkout_without_a_wheel_is_its_commit(manifest: Manifest, tree: Package) -> None:
    """PEP 751 can hold it; who installs it builds it, and that is said."""
    package = replace(tree, installed=replace(tree.installed, wheel=None, evidence="none"))

    exported = render_pylock(with_package(manifest, package), ExportPlace())

    (entry,) = read(exported)["packages"]
    assert ("0" * 40, False) == (entry["vcs"]["commit-id"], "version" in entry)
    assert exported.remarks[0].startswith("own-tools 0.3 is built from its commit, for no wheel of it was kept")


def test_a_folder_without_a_wheel_is_named_relative_to_the_file(manifest: Manifest, tree: Package) -> None:
    record = replace(tree.installed, wheel=None, evidence="none")
    package = replace(tree, vcs=None, directory=Directory(path="tools", editable=True), installed=record)

    exported = render_pylock(with_package(manifest, package), ExportPlace(lock_folder="../project"))

    assert {"path": "../project/tools", "editable": True} == read(exported)["packages"][0]["directory"]
    assert "its source folder" in exported.remarks[0]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tqdm.zip", "is not one of a wheel"),
        ("other-4.66.5-py3-none-any.whl", "tells of another name or version"),
        ("tqdm-4.66.4-py3-none-any.whl", "tells of another name or version"),
    ],
)
def test_a_wheel_that_is_called_otherwise_is_not_exported(
    manifest: Manifest, tqdm: Package, name: str, reason: str
) -> None:
    """Readers refuse the whole file for it."""
    package = replace(tqdm, wheels=(replace(tqdm.wheels[0], name=name),))

    exported = render_pylock(with_package(manifest, package), ExportPlace())

    assert [] == read(exported)["packages"]
    assert reason in exported.left_out[0].reason


@pytest.mark.parametrize(("name", "kept"), [("tqdm-4.66.5.tar.gz", True), ("tqdm-4.66.5.tar.bz2", False)])
def test_an_sdist_is_kept_where_pep_751_knows_its_kind(
    manifest: Manifest, tqdm: Package, name: str, *, kept: bool
) -> None:
    """The wheel is what was installed: it does not depend on the sdist."""
    sdist = Artefact(name=name, url=f"https://index.example/{name}", hashes={"sha256": SHA})

    (entry,) = read(render_pylock(with_package(manifest, replace(tqdm, sdist=sdist)), ExportPlace()))["packages"]

    assert kept == ("sdist" in entry)


def test_nothing_of_the_installed_record_is_lost(manifest: Manifest, tqdm: Package) -> None:
    """It stands where PEP 751 has a place for tools."""
    (entry,) = read(render_pylock(with_package(manifest, tqdm), ExportPlace()))["packages"]

    assert ("index-verified", "c0" * 32) == (
        entry["tool"]["envsnap"]["evidence"],
        entry["tool"]["envsnap"]["content-digest"],
    )
