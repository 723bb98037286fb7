"""environment.yml, explicit lists and conda-lock.yml: what they hold of conda's records, and in which order."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from envsnap.errors import MissingToolError
from envsnap.manifest.manifest import Conda, CondaPackage, Manifest
from envsnap.render.conda_explicit import render_conda_explicit
from envsnap.render.conda_lock import render_conda_lock
from envsnap.render.conda_packages import channel_of, channels_of, dependencies, in_order_of_need, subdir_of
from envsnap.render.environment_yml import render_environment_yml
from envsnap.render.export_file import ExportPlace


def record(name: str, *depends: str, **facts: Any) -> CondaPackage:
    """A whole record."""
    url = f"https://c.example/forge/linux-64/{name}-1.0-b_0.conda"
    given: dict[str, Any] = {
        "url": url,
        "version": "1.0",
        "build": "b_0",
        "subdir": "linux-64",
        "sha256": "ab" * 32,
        "md5": "cd" * 16,
    }
    return CondaPackage(name=name, depends=depends or None, **given | facts)


def conda_of(manifest: Manifest, *records: CondaPackage) -> Manifest:
    """A manifest with these records and no other package."""
    return replace(manifest, contents=replace(manifest.contents, packages=(), conda=Conda(packages=records)))


@pytest.fixture
def manifest(exports: dict[str, Manifest]) -> Manifest:
    """A manifest of a conda environment."""
    return exports["conda"]


def test_what_a_package_needs_stands_before_it() -> None:
    """Also where packages need each other in a circle, and however deep it goes."""
    circle = (record("a", "b"), record("b", "c >=1"), record("c", "a", "not-there"))
    chain = tuple(record(f"p{number:05}", f"p{number + 1:05}") for number in range(5000))

    assert ["c", "b", "a"] == [item.name for item in in_order_of_need(circle)]
    assert [item.name for item in chain[::-1]] == [item.name for item in in_order_of_need(chain)]


def test_specifications_of_one_name_are_joined() -> None:
    needs = record("a", "python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311", "python !=3.11.1", "-x", "libc")

    assert {"python": ">=3.11,<3.12.0a0,!=3.11.1", "python_abi": "3.11.* *_cp311", "libc": ""} == dependencies(needs)


@pytest.mark.parametrize(
    ("facts", "channel"),
    [
        ({}, "https://c.example/forge"),
        ({"url": "", "channel": "conda-forge"}, "conda-forge"),
        ({"url": "", "channel": "x\n- y"}, ""),
        ({"subdir": "other", "channel": "https://c.example/named/"}, "https://c.example/named"),
    ],
)
def test_the_channel_is_where_the_archive_lies(facts: dict[str, str], channel: str) -> None:
    """Else what the record says, where that can be one."""
    assert channel == channel_of(record("a", **facts))


def test_the_channel_that_served_most_comes_first() -> None:
    other = "https://c.example/alpha/linux-64/z-1.0-b_0.conda"

    assert ("https://c.example/forge", "https://c.example/alpha") == channels_of(
        (record("z", url=other), record("a"), record("b"))
    )


def test_the_platform_is_the_records_own(manifest: Manifest) -> None:
    """The machine's where all are for any platform."""
    contents = manifest.contents

    assert "osx-arm64" == subdir_of(contents, (record("a", subdir="osx-arm64"), record("b", subdir="noarch")))
    assert "linux-64" == subdir_of(contents, (record("b", subdir="noarch"),))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"version": "1.0 *"}, "no version that conda could read"),
        ({"build": ""}, "no build that conda could read"),
        ({"url": "https://c.example/a.zip"}, "names no archive by URL"),
        ({"sha256": "", "md5": ""}, "holds no hash of the archive"),
        ({"sha256": "12"}, "holds no hash of the archive"),
    ],
)
def test_a_record_that_is_not_whole_is_named(manifest: Manifest, facts: dict[str, str], reason: str) -> None:
    exported = render_conda_explicit(conda_of(manifest, record("a", **facts), record("b")))

    assert (1, ["a"]) == (exported.packages, [one.name for one in exported.left_out])
    assert reason in exported.left_out[0].reason


def test_a_second_record_of_a_name_is_named(manifest: Manifest) -> None:
    """An interrupted update leaves two."""
    exported = render_environment_yml(conda_of(manifest, record("a"), record("a", version="2.0")), ExportPlace())

    assert [("a", "2.0", "conda-meta holds another record of this name")] == [
        (one.name, one.version, one.reason) for one in exported.left_out
    ]


def test_md5_serves_an_explicit_list_where_nothing_else_is_recorded(manifest: Manifest) -> None:
    """Old records have no other hash."""
    text = render_conda_explicit(conda_of(manifest, record("a", sha256=""))).text

    assert f"https://c.example/forge/linux-64/a-1.0-b_0.conda#{'cd' * 16}" == text.splitlines()[-1]


def test_conda_lock_wants_an_md5(manifest: Manifest) -> None:
    """Its models refuse an entry without one."""
    exported = render_conda_lock(conda_of(manifest, record("a", md5=""), record("b")))

    assert ["a"] == [one.name for one in exported.left_out]
    assert "conda-lock's format demands one" in exported.left_out[0].reason


def test_conda_locks_own_parser_reads_it(exports: dict[str, Manifest], tmp_path: Path) -> None:
    """Both managers, with what they need and their hashes."""
    from conda_lock.lockfile import parse_conda_lock_file

    file = tmp_path / "conda-lock.yml"
    file.write_text(render_conda_lock(exports["mixed"]).text)

    read = {(item.manager, item.name): item for item in parse_conda_lock_file(file).package}

    assert [("conda", name) for name in ("libblas", "numpy", "python", "tzdata")] + [
        ("pip", "extra"),
        ("pip", "tqdm"),
    ] == sorted(read)
    assert ("2a" * 16, "2a" * 32) == (read["conda", "numpy"].hash.md5, read["conda", "numpy"].hash.sha256)
    assert {"libblas": ">=3.9,<4.0a0", "python": ">=3.11,<3.12.0a0"} == read["conda", "numpy"].dependencies
    assert "1a" * 32 == read["pip", "tqdm"].hash.sha256


def test_conda_lock_holds_no_other_hash_of_a_wheel(exports: dict[str, Manifest]) -> None:
    """An entry without one would be installed unchecked."""
    contents = exports["mixed"].contents
    weaker = tuple(
        replace(package, wheels=(replace(package.wheels[0], hashes={"sha512": "ab" * 64}),))
        if package.name == "tqdm"
        else package
        for package in contents.packages
    )

    exported = render_conda_lock(replace(exports["mixed"], contents=replace(contents, packages=weaker)))

    assert ["own-tools", "tqdm"] == sorted(one.name for one in exported.left_out)
    assert "manager: pip" in exported.text


def test_a_missing_extra_says_how_to_get_it(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "conda_lock", None)
    monkeypatch.delitem(sys.modules, "conda_lock.lockfile.v1.models", raising=False)
    monkeypatch.delitem(sys.modules, "conda_lock.lockfile.v1", raising=False)

    with pytest.raises(MissingToolError, match=r"pip install 'envsnap\[conda\]'"):
        render_conda_lock(manifest)


def test_what_pip_overwrote_is_said(manifest: Manifest) -> None:
    """Who installs conda's and then pip's gets the same."""
    exported = render_environment_yml(conda_of(manifest, record("a", overwritten_by="pip: a==2.0")), ExportPlace())

    assert ("conda's a 1.0 was overwritten since, by pip: a==2.0",) == exported.remarks


def test_without_conda_the_python_is_asked_of_the_usual_channels(exports: dict[str, Manifest]) -> None:
    """A virtual environment can be made anew with conda; where Python comes from is said."""
    exported = render_environment_yml(exports["small"], ExportPlace())
    document = yaml.safe_load(exported.text)

    assert "channels" not in document
    assert ["python=3.11.7", "pip", {"pip": ["numpy==2.1.0", "tqdm==4.66.5"]}] == document["dependencies"]
    assert "no conda environment was captured" in exported.remarks[0]
