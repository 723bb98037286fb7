"""Which files count as installed, by whose record, and what is wrong with each of them."""

import base64
import hashlib
import json
import os
import site
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from envsnap.inside.probe import hashes, recorded, verify_files
from envsnap.inside.probe.extra import extra_files

Told = set[tuple[str, str, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The import root of an environment, the only one on the search path."""
    prefix = tmp_path / "env"
    root = prefix / "lib/python3.11/site-packages"
    root.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(root)])
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "base_prefix", str(prefix))
    monkeypatch.setattr(site, "ENABLE_USER_SITE", False)
    return root


def row(path: str, content: bytes, algorithm: str = "sha256") -> str:
    """Write a row as an installer does."""
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
    return f"{path},{algorithm}={digest},{len(content)}"


def install(root: Path, name: str, files: dict[str, bytes], *rows: str) -> Path:
    """Write files and a RECORD that names them and ``rows``."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    folder = root / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
    lines = [row(path, content) for path, content in files.items()]
    (folder / "RECORD").write_text("\n".join([*lines, *rows, f"{folder.name}/RECORD,,"]) + "\n")
    return folder


def told(capfdbinary: pytest.CaptureFixture[bytes]) -> Told:
    """Run the check; return folder, kind and path of each problem."""
    verify_files.main()
    answer = json.loads(capfdbinary.readouterr().out.splitlines()[-1])
    return {
        (group["folder"], group["kind"], file["path"]) for group in answer["problems"] for file in group["files"]
    }  # fmt: skip


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_every_algorithm_of_the_specification(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], algorithm: str
) -> None:
    """A file of the same size and other contents is edited."""
    (root / "a.py").write_bytes(b"right")
    folder = install(root, "a", {}, row("a.py", b"right", algorithm))

    assert set() == told(capfdbinary)

    (root / "a.py").write_bytes(b"wrong")

    assert {(folder.name, "edited-file", "a.py")} == told(capfdbinary)


def test_what_is_no_plain_file_is_never_opened(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named pipe, a device, a socket and a folder would wait, or answer something else each time."""
    names = ("pipe", "device", "socket", "folder")
    folder = install(root, "a", {}, *(row(name, b"x") for name in names))
    os.mkfifo(root / "pipe")
    (root / "device").symlink_to("/dev/zero")
    (root / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(root)  # the address of a socket is short
        server.bind("socket")
        found = told(capfdbinary)

    assert {(folder.name, "edited-file", name) for name in names} == found


def test_links_are_followed_to_their_file(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    """uv can link a package's files to its cache; a link to what is gone is a missing file."""
    (tmp_path / "cache").write_bytes(b"x")
    folder = install(root, "a", {}, row("a.py", b"x"), row("b.py", b"x"))
    (root / "a.py").symlink_to(tmp_path / "cache")
    (root / "b.py").symlink_to(tmp_path / "gone")

    assert {(folder.name, "missing-file", "b.py")} == told(capfdbinary)


@pytest.mark.parametrize(
    "path", ["../../../../secret", "/etc/hostname", "a/../../../../../secret", "../../../../env2/x", "../../../../env"]
)
def test_a_path_that_leaves_the_environment_is_named_and_not_touched(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, path: str
) -> None:
    """Even where what it names is there, as recorded."""
    (tmp_path / "secret").write_bytes(b"s")
    folder = install(root, "a", {"a/__init__.py": b""}, row(path, b"s"))

    assert {(folder.name, "outside-file", path)} == told(capfdbinary)


def test_a_record_that_is_none_leaves_its_package_unchecked(root: Path) -> None:
    """A pipe in its place, bytes that are no text, or nothing."""
    folders = [install(root, name, {}) for name in ("a", "b", "c")]
    for folder in folders:
        (folder / "RECORD").unlink()
    os.mkfifo(folders[0] / "RECORD")
    (folders[1] / "RECORD").write_text("x" * 200_000 + ",,\n")
    found = recorded.recorded()

    assert ([], ["a-1.0.dist-info", "b-1.0.dist-info", "c-1.0.dist-info"]) == (
        found.expected,
        [owner.folder for owner in found.unrecorded],
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a.py,sha256=%%%,1", "edited-file"), ("a.py,sha256=\u00e9,1", "edited-file"), ("a.py,crc=x,1", "unreadable"),
        ("a.py,shake_128=x,1", "unreadable"), ("a.py,sha256,1", "edited-file"), ('"a.py",sha256=x', "edited-file"),
        (f"a.py,sha256=x,{'9' * 5000}", "edited-file"), ("a.py,sha256=x,-1", "edited-file"),
    ],
)  # fmt: skip
def test_rows_that_are_not_sound(root: Path, capfdbinary: pytest.CaptureFixture[bytes], text: str, kind: str) -> None:
    """None proves its file."""
    (root / "a.py").write_bytes(b"x")
    folder = install(root, "a", {}, text)

    assert {(folder.name, kind, "a.py")} == told(capfdbinary)


def test_names_that_are_no_utf_8(root: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The file is found by its bytes; the answer shows it as text."""
    folder = install(root, "a", {})
    (folder / "RECORD").write_bytes(b"caf\xe9.py,,\ngon\xe9.py,,\n")
    (root / os.fsdecode(b"caf\xe9.py")).touch()

    assert {(folder.name, "missing-file", "gon?.py")} == told(capfdbinary)


def test_a_file_of_two_packages_says_whose_it_is(root: Path) -> None:
    """Two packages that bring one file overwrite each other."""
    install(root, "a", {"shared/__init__.py": b"a"})
    install(root, "b", {"shared/__init__.py": b"b"})
    ((problem,), files, size) = hashes.check_all(
        entry for entry in recorded.recorded().expected if entry.path.startswith("shared")
    )

    assert ("a-1.0.dist-info", 1, 1) == (problem.expected.owner.folder, files, size)
    assert problem.detail.endswith("it is the one of b-1.0.dist-info")


def test_no_more_than_a_size_is_hashed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without a recorded size could be of any."""
    (root / "a.py").write_bytes(b"xx")
    install(root, "a", {}, row("a.py", b"xx").rpartition(",")[0])
    monkeypatch.setattr(hashes, "LARGEST_FILE", 1)
    ((problem,), _, size) = hashes.check_all(recorded.recorded().expected)

    assert ("unreadable", 0) == (problem.kind, size)


def extra(root: Path) -> set[tuple[str, str]]:
    """Return folder and path of each file that no record names."""
    found = recorded.recorded()
    pairs: Iterator[tuple[Any, str]] = extra_files(found.known, found.unrecorded)
    assert root.is_dir()
    return {(owner.folder, path) for owner, path in pairs}


def test_extra_files_are_those_in_a_packages_own_folders(root: Path) -> None:
    """Modules beside it, caches and the installer's notes are none of them; the nearest folder's owner is named."""
    install(root, "a", {"a/__init__.py": b"", "a/deep/data.bin": b"x"})
    for name in ("a/patch.py", "a/deep/patch.so", "a/deep/new/x.py", "a/__pycache__/x.pyc", "a/old.pyc", "other.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    (root / "a-1.0.dist-info/INSTALLER").touch()

    assert {("a-1.0.dist-info", name) for name in ("a/patch.py", "a/deep/patch.so", "a/deep/new/x.py")} == extra(root)


def test_a_namespace_is_searched_below_its_packages(root: Path) -> None:
    """``nvidia`` belongs to nobody; a folder in it belongs to who names files there."""
    install(root, "cudnn", {"nvidia/cudnn/lib/libcudnn.so.9": b""})
    install(root, "nccl", {"nvidia/nccl/lib/libnccl.so.2": b""})
    for name in ("nvidia/cudnn/lib/libcudnn.so.8", "nvidia/other/x.py", "nvidia/y.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()

    assert {("cudnn-1.0.dist-info", "nvidia/cudnn/lib/libcudnn.so.8")} == extra(root)


def test_a_package_without_record_keeps_its_files(root: Path) -> None:
    """What it put into another's folder cannot be told from an extra file."""
    install(root, "a", {"zope/__init__.py": b"", "zope/a.py": b""})
    (root / "zope/b.py").touch()

    assert {("a-1.0.dist-info", "zope/b.py")} == extra(root)

    (root / "b-1.0.egg-info").mkdir()
    (root / "b-1.0.egg-info/top_level.txt").write_text("zope\n")

    assert set() == extra(root)


def test_a_folder_with_two_names_is_one(root: Path, tmp_path: Path) -> None:
    """``lib64`` can be a link to ``lib``, and a large package can lie on another disk."""
    (root.parent.parent.parent / "lib64").symlink_to("lib")
    content = {"a/__init__.py": b"", "a/big/x.bin": b""}
    install(root, "a", content, row("../../../lib64/python3.11/site-packages/a/native.so", b""))
    (root / "a/native.so").touch()
    (root / "a/big").rename(tmp_path / "big")
    (root / "a/big").symlink_to(tmp_path / "big")

    assert set() == extra(root)


def conda_record(prefix: Path, name: str, paths: list[Any]) -> None:
    """Write a record as conda does."""
    (prefix / "conda-meta").mkdir(exist_ok=True)
    record = {"name": name, "paths_data": {"paths_version": 1, "paths": paths}}
    (prefix / f"conda-meta/{name}-1.0-0.json").write_text(json.dumps(record))


def entry(path: str, content: bytes, **fields: Any) -> dict[str, Any]:
    """Describe a file as conda does."""
    digest = hashlib.sha256(content).hexdigest()
    return {"_path": path, "path_type": "hardlink", "sha256": digest, "size_in_bytes": len(content)} | fields


def test_condas_own_record_counts_for_its_packages(root: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Conda writes its prefix into files after RECORD was made; links and compiled files are not compared."""
    prefix, site_packages = root.parent.parent.parent, "lib/python3.11/site-packages"
    install(root, "a", {"a/__init__.py": b"as built"})
    (root / "a/__init__.py").write_bytes(b"as installed here")
    (prefix / "lib/libz.so.1").write_bytes(b"edited")
    (prefix / "lib/libz.so").symlink_to("libz.so.1")
    rewritten = {"sha256_in_prefix": hashlib.sha256(b"as installed here").hexdigest(), "prefix_placeholder": "/build"}
    metadata = (root / "a-1.0.dist-info/METADATA").read_bytes()
    conda_record(
        prefix,
        "a",
        [
            entry(f"{site_packages}/a/__init__.py", b"as built", **rewritten),
            entry(f"{site_packages}/a-1.0.dist-info/METADATA", metadata),
            entry(f"{site_packages}/a/__pycache__/__init__.pyc", b""),
        ],
    )
    conda_record(
        prefix,
        "zlib",
        [
            entry("lib/libz.so.1", b"built."), entry("lib/libz.so", b"", path_type="softlink"),
            entry("../../etc/hostname", b""), "odd", {"_path": 1}, entry("etc/gone", b""),
        ],
    )  # fmt: skip
    (prefix / "conda-meta/broken-1.json").write_text("{")

    assert {
        ("zlib-1.0-0.json", "edited-file", "lib/libz.so.1"),
        ("zlib-1.0-0.json", "missing-file", "etc/gone"),
    } == told(capfdbinary)


def test_what_pip_put_over_condas_files_is_pips(root: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The overwriting itself is the probe's finding, of one line and not of a thousand."""
    prefix = root.parent.parent.parent
    install(root, "a", {"a/__init__.py": b"pip's"})
    conda_record(prefix, "a", [entry("lib/python3.11/site-packages/a/__init__.py", b"conda's")])

    assert set() == told(capfdbinary)


def test_dpkgs_digests_count_in_debians_own_root(
    root: Path, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian strips and patches after RECORD was made; an egg-info is no reason to leave a package unchecked."""
    install(root, "a", {"a/__init__.py": b"as built"})
    (root / "a/__init__.py").write_bytes(b"stripped")
    (root / "b.egg-info").touch()
    (root / "b.py").write_bytes(b"edited")
    info = tmp_path / "info"
    info.mkdir()
    metadata = (root / "a-1.0.dist-info/METADATA").read_bytes()
    files = {"a/__init__.py": b"stripped", "a-1.0.dist-info/METADATA": metadata, "b.egg-info": b"", "b.py": b"built."}
    lines = [f"{hashlib.md5(content).hexdigest()}  {str(root)[1:]}/{name}" for name, content in files.items()]  # noqa: S324 - dpkg's own
    (info / "python3-a.md5sums").write_text("\n".join([*lines, "odd line", "x  etc/passwd"]))
    monkeypatch.setattr(recorded, "DPKG_INFO", str(info))
    monkeypatch.setattr(recorded, "DEBIAN_ROOT", str(root))

    assert {("python3-a.md5sums", "edited-file", f"{root}/b.py")} == told(capfdbinary)
    assert [] == recorded.recorded().unrecorded
