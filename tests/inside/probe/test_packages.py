"""Every distribution is listed with what its own files say, and what is wrong with these is said."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from envsnap.inside.probe import packages


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below ``root``."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def hashed(text: str) -> str:
    """Spell a hash as RECORD does."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the search path."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def test_a_wheel_is_described_by_its_dist_info(root: Path) -> None:
    """Every fact that the lock stage needs."""
    info = {
        "METADATA": "Name: Demo.Pkg\nVersion: 1.0\n\nVersion: of the text\n",
        "WHEEL": "Wheel-Version: 1.0\nBuild: 2\nTag: py2-none-any\nTag: py3-none-any\n",
        "RECORD": f"demo.py,{hashed('x')},1\n",
        "INSTALLER": "pip\n",
        "REQUESTED": "",
        "direct_url.json": "{}",
        "provenance_url.json": "{ }",
        "sboms/auditwheel.cdx.json": "libgomp",
    }
    write(root / "demo_pkg-1.0.dist-info", info)
    write(root, {"demo.py": "x"})

    expected = {
        "name": "Demo.Pkg", "version": "1.0", "root": str(root), "folder": "demo_pkg-1.0.dist-info",
        "tags": ["py2-none-any", "py3-none-any"], "build": "2", "installer": "pip", "requested": True,
        "metadata-sha256": hashlib.sha256(info["METADATA"].encode()).hexdigest(), "direct-url": "{}",
        "content-digest": hashlib.sha256(f"demo.py,{hashed('x')}".encode()).hexdigest(), "problem": "",
        "provenance-url": "{ }", "partial": False, "unreadable": [],
        "sboms": [{"name": "auditwheel.cdx.json", "sha256": hashlib.sha256(b"libgomp").hexdigest()}],
    }  # fmt: skip

    assert [expected] == packages.packages()


@pytest.mark.parametrize(
    ("folder", "files", "name", "version", "problem"),
    [
        ("a-1.0.dist-info", {"RECORD": "a.py,,\n"}, "a", "1.0", "METADATA is missing or empty"),
        ("a-b-1.0.dist-info", {"METADATA": ""}, "a-b", "1.0", "METADATA is missing or empty"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\nVersion: 1.0\n"}, "a", "1.0", "has no RECORD"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\n", "RECORD": "\n"}, "a", "1.0", "has no RECORD"),
        ("a-1.0.dist-info", {"METADATA": "Name: a\n", "RECORD": "../../../bin/a,,\n"}, "a", "1.0", "names no files"),
        ("a-1.0-py3.9.egg-info", {"PKG-INFO": "Name: A\nVersion: 1.0\n"}, "A", "1.0", "without a wheel"),
        ("a-1.0-py3.9.egg-info", {"top_level.txt": ""}, "a", "1.0", "without a wheel"),
        ("odd.dist-info", {"METADATA": ""}, "odd", "", "METADATA is missing or empty"),
    ],
)
def test_what_is_incomplete_says_so(
    root: Path, folder: str, files: dict[str, str], name: str, version: str, problem: str
) -> None:
    """Name and version come from the folder where the files do not tell."""
    write(root / folder, files)

    found = packages.packages()[0]

    assert (name, version) == (found["name"], found["version"])
    assert problem in str(found["problem"])


def test_eggs_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """easy_install put each into a folder of its own, and distutils left single files."""
    write(tmp_path, {"a-1.0-py3.8.egg/EGG-INFO/PKG-INFO": "Name: a\nVersion: 1.0\n", "b-2.0.egg-info": "Name: b\n"})
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "a-1.0-py3.8.egg"), "", str(tmp_path / "gone.zip")])

    assert [("b", "2.0"), ("a", "1.0")] == [(found["name"], found["version"]) for found in packages.packages()]


def test_an_archive_on_the_path_holds_packages_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel can be imported from as it is."""
    wheel = tmp_path / "a-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a-1.0.dist-info/METADATA", "Name: a\nVersion: 1.0\n")
    monkeypatch.setattr(sys, "path", [str(wheel)])

    found = packages.packages()[0]

    assert ("a", "1.0", str(wheel)) == (found["name"], found["version"], found["root"])
    assert "from an archive" in str(found["problem"])


def test_metadata_that_is_not_utf_8_is_named(root: Path) -> None:
    """The name and the version are read all the same."""
    write(root, {"a-1.0.dist-info/RECORD": "a.py,,\n", "a.py": ""})
    (root / "a-1.0.dist-info/METADATA").write_bytes(b"Name: a\nVersion: 1.0\nAuthor: Jos\xe9\n")

    found = packages.packages()[0]

    assert ("a", "1.0", "") == (found["name"], found["version"], found["problem"])
    assert ["METADATA is not UTF-8: byte 0xe9 at 32"] == found["unreadable"]


def test_what_cannot_be_read_is_named_and_never_waited_for(root: Path) -> None:
    """A pipe in the place of METADATA, a loop in that of RECORD, a file in that of the folder."""
    write(root, {"b-1.0.dist-info": "no folder", "a-1.0.dist-info/WHEEL": ""})
    os.mkfifo(root / "a-1.0.dist-info/METADATA")
    (root / "a-1.0.dist-info/RECORD").symlink_to("RECORD")

    first, second = packages.packages()

    assert [
        "METADATA cannot be read: it is no regular file",
        "RECORD cannot be read: Too many levels of symbolic links",
    ] == first["unreadable"]
    assert ["the folder cannot be read: Not a directory"] == second["unreadable"]


def test_a_package_without_any_of_its_modules_is_partial(root: Path) -> None:
    """An uninstallation that was killed can leave the record; a package that has only data is sound."""
    record = "a/__init__.py,,\na/b.py,,\na-1.0.dist-info/RECORD,,\n"
    data = "../../../share/x,sha256=a,1\nc-1.0.dist-info/RECORD,,\n"
    for name, text in (("a", record), ("b", record), ("c", data)):
        info = {"METADATA": f"Name: {name}\nVersion: 1.0\n", "RECORD": text.replace("a/", f"{name}/")}
        write(root / f"{name}-1.0.dist-info", info)
    write(root, {"b/b.py": ""})

    gone, some, only_data = packages.packages()

    assert (True, False, False) == (gone["partial"], some["partial"], only_data["partial"])
    assert "none of the modules that its RECORD names is there" in str(gone["problem"])


def test_of_two_records_the_one_that_tells_of_the_files_is_known(root: Path) -> None:
    """Both are listed; the hashes say which of them the files are."""
    write(root, {"a.py": "new", "same.py": "same"})
    for version, text in (("1.0", "old"), ("2.0", "new")):
        record = f"a.py,{hashed(text)},3\nsame.py,{hashed('same')},4\ngone.py,{hashed('')},0\n"
        write(root / f"a-{version}.dist-info", {"METADATA": f"Name: a\nVersion: {version}\n", "RECORD": record})

    found = [(item["version"], item["matching"], item["sampled"]) for item in packages.packages()]

    assert [("1.0", 1, 3), ("2.0", 2, 3)] == found


@pytest.mark.processes
def test_dpkg_owns_what_it_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """``dpkg-query --search`` says the same of each, asked alone; what it does not know has no owner."""
    folder = Path("/usr/lib/python3/dist-packages")
    if not any(folder.glob("*.egg-info")):
        pytest.skip("no Debian package of Python is installed")
    monkeypatch.setattr(sys, "path", [str(folder)])

    found = {str(item["folder"]): item.get("owner-package", "") for item in packages.packages()}

    assert {name: debian_owner(folder / name) for name in found} == found
    assert any(found.values())


def debian_owner(path: Path) -> str:
    """Ask dpkg about one path."""
    done = subprocess.run(["dpkg-query", "--search", str(path)], capture_output=True, text=True, check=False)
    return done.stdout.partition(":")[0]
