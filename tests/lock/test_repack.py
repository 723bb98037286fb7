"""A wheel made from installed files is the same every time, and installs to the same content."""

import base64
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from installed_package import make_installed

from envsnap.errors import CaptureError
from envsnap.lock.repack import repack, wheel_name
from envsnap.lock.wheels import digest_of, wheel_digest
from envsnap.manifest.installed import InstalledPackage

WHEEL = "demo-1.0.dist-info/WHEEL"
RECORD = "demo-1.0.dist-info/RECORD"
Install = Callable[..., InstalledPackage]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Lay out an installed distribution below ``prefix``; keys are paths relative to site-packages."""

    def lay_out(
        files: Mapping[str, str], *, record: str = "", root: str = "prefix/lib/python3.11/site-packages"
    ) -> Any:
        site = tmp_path / root
        site.mkdir(parents=True, exist_ok=True)
        rows = []
        for name, text in ({WHEEL: "Tag: py3-none-any\n"} | dict(files)).items():
            path = Path(site, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            quoted = name.replace('"', '""')
            rows.append(f'"{quoted}",sha256={digest},{len(text)}\n')
        text = "".join(rows) + record + f"{RECORD},,\n"
        (site / RECORD).write_text(text)
        return make_installed(root=str(site), tags=("py3-none-any",), content_digest=digest_of(text))

    return lay_out


def pack(package: InstalledPackage, tmp_path: Path, target: str = "out") -> Path:
    """Repack into a folder."""
    (tmp_path / target).mkdir(exist_ok=True)
    return repack(package, prefix=tmp_path / "prefix", target=tmp_path / target)


def contents(wheel: Path) -> dict[str, str]:
    """What a wheel holds, RECORD left out."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name != RECORD}


def test_equal_files_give_equal_bytes(install: Install, tmp_path: Path) -> None:
    """Neither the time nor the order in which files were installed counts."""
    package = install({"demo.py": "X = 1\n", "demo/data.txt": "d"})

    first = pack(package, tmp_path, "a").read_bytes()
    for path in Path(package.root).rglob("*"):
        path.touch()

    assert first == pack(package, tmp_path, "b").read_bytes()


def test_record_of_the_wheel_is_the_installed_one(install: Install, tmp_path: Path) -> None:
    """The content digest survives, with data files, odd names and all."""
    files = {"demo.py": "X = 1\n", "../../../share/demo/x.json": "{}", 'a,b"c.txt': "q", "new\nline.txt": "n"}
    package = install(files)

    wheel = pack(package, tmp_path)

    assert package.record.content_digest == wheel_digest(wheel)
    assert "{}" == contents(wheel)["demo-1.0.data/data/share/demo/x.json"]


def test_scripts_are_made_independent_of_the_place(install: Install, tmp_path: Path) -> None:
    """A shebang of this environment becomes ``#!python``; both forms that installers write are known."""
    long = "#!/bin/sh\n'''exec' '/very long/bin/python' \"$0\" \"$@\"\n' '''\nprint(2)\n"
    package = install(
        {
            "../../../bin/plain": "#!/opt/x/bin/python3.11\nprint(1)\n",
            "../../../bin/long": long,
            "../../../bin/shell": "#!/bin/sh\necho python\n",
        }
    )

    packed = contents(pack(package, tmp_path))

    assert {
        "demo-1.0.data/scripts/plain": "#!python\nprint(1)\n",
        "demo-1.0.data/scripts/long": "#!python\nprint(2)\n",
        "demo-1.0.data/scripts/shell": "#!/bin/sh\necho python\n",
    } == {name: text for name, text in packed.items() if "/scripts/" in name}


def test_a_module_in_a_folder_named_scripts_is_left_alone(install: Install, tmp_path: Path) -> None:
    """Only what an installer rewrote is turned back."""
    text = "#!/usr/bin/env python\n"
    package = install({"demo/scripts/tool.py": text, "../../../share/demo/bin/tool": text})

    packed = contents(pack(package, tmp_path))

    assert text == packed["demo/scripts/tool.py"]
    assert text == packed["demo-1.0.data/data/share/demo/bin/tool"]


def test_what_installers_write_is_left_out(install: Install, tmp_path: Path) -> None:
    """Entry points, compiled files and the installer's notes are made anew by the next installer."""
    package = install(
        {
            "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nDemo = demo:main\n",
            "demo-1.0.dist-info/INSTALLER": "pip",
            "demo-1.0.dist-info/direct_url.json": "{}",
            "../../../bin/Demo": "#!/opt/x/bin/python\n",
            "__pycache__/demo.cpython-311.pyc": "c",
            "demo.pyc": "a module without source",
        }
    )

    assert {"demo-1.0.dist-info/entry_points.txt", "demo.pyc", WHEEL} == contents(pack(package, tmp_path)).keys()


def test_user_and_debian_schemes_have_their_own_base(install: Install, tmp_path: Path) -> None:
    """Scripts of ``~/.local`` lie outside the interpreter's prefix and belong to the package all the same."""
    package = install({"../../../bin/tool": "#!/usr/bin/python3\n"}, root="home/.local/lib/python3.11/site-packages")

    assert "#!python\n" == contents(pack(package, tmp_path))["demo-1.0.data/scripts/tool"]


def test_executable_bit_survives(install: Install, tmp_path: Path) -> None:
    """A shipped binary stays executable, everything else is plain."""
    package = install({"demo/tool": "x", "demo/data": "d"})
    Path(package.root, "demo/tool").chmod(0o700)

    with zipfile.ZipFile(pack(package, tmp_path)) as archive:
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in ("demo/tool", "demo/data")}

    assert {"demo/tool": 0o100755, "demo/data": 0o100644} == modes


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("gone.py,,\n", "demo==1.0: RECORD names gone.py, which is missing; install the package anew"),
        ("../../../../secret,,\n", "lies outside the environment"),
        ("/etc/passwd,,\n", "lies outside the environment"),
        ("demo/../../../../../secret,,\n", "lies outside the environment"),
    ],
)
def test_a_record_that_cannot_be_followed_is_refused(install: Install, tmp_path: Path, row: str, message: str) -> None:
    """Nothing outside the environment is packed, and nothing is left out silently."""
    (tmp_path / "secret").write_text("s")
    package = install({"demo.py": ""}, record=row)

    with pytest.raises(CaptureError, match=message):
        pack(package, tmp_path)


def test_a_file_listed_twice_is_packed_once(install: Install, tmp_path: Path) -> None:
    """Some build tools write a row twice; a zip file must not."""
    package = install({"demo.py": ""}, record="demo.py,,\n")

    with zipfile.ZipFile(pack(package, tmp_path)) as archive:
        assert 1 == archive.namelist().count("demo.py")


def test_without_a_wheel_file_nothing_is_packed(install: Install, tmp_path: Path) -> None:
    """No installer would take it."""
    package = install({"demo.py": ""})
    Path(package.root, RECORD).write_text("demo.py,,\n")

    with pytest.raises(CaptureError, match="has no WHEEL file"):
        pack(package, tmp_path)


@pytest.mark.parametrize(("file", "text"), [("entry_points.txt", "no section\n"), ("RECORD", "\udcff,,\n")])
def test_damaged_notes_are_reported(install: Install, tmp_path: Path, file: str, text: str) -> None:
    """The package is named, whatever is wrong with its files."""
    package = install({"demo.py": ""})
    Path(package.root, package.folder, file).write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(CaptureError, match=r"demo==1\.0: its installed files cannot be read"):
        pack(package, tmp_path)


@pytest.mark.parametrize(
    ("folder", "name", "tags", "build", "expected"),
    [
        ("A.b-1.0.dist-info", "a-b", ("cp311-cp311-linux_x86_64",), "", "a_b-1.0-cp311-cp311-linux_x86_64.whl"),
        ("a-b-1.0.dist-info", "a-b", ("py3-none-any",), "2x", "a_b-1.0-2x-py3-none-any.whl"),
        ("a-1.0.dist-info", "a", ("py2-none-any", "py3-none-any"), "", "a-1.0-py2.py3-none-any.whl"),
        ("a-1.0.dist-info", "a", (), "", "a-1.0-py3-none-any.whl"),
        ("a-1.0.dist-info", "a", ("py3-none",), "", "a-1.0-py3-none-any.whl"),
    ],
)
def test_names_are_what_installers_parse(
    folder: str, name: str, tags: tuple[str, ...], build: str, expected: str
) -> None:
    """Dashes separate a wheel's parts, so none may stand within one."""
    package = make_installed(name, folder=folder, tags=tags, build=build)

    assert expected == wheel_name(package)


@pytest.mark.processes
def test_installing_the_repacked_wheel_gives_the_same_content(venv: Any, make_wheel: Any, tmp_path: Path) -> None:
    """A real installer takes it, and what it installs has the recorded digest."""
    files = {
        "demo.py": "X = 1\n",
        "demo-1.0.data/scripts/tool": "#!python\nprint(1)\n",
        "demo-1.0.data/data/etc/d": "1",
    }
    venv.install(str(make_wheel("demo", "1.0", files)))
    before = venv.probe()["demo"]

    wheel = repack(before, prefix=venv.prefix, target=tmp_path)
    venv.install("--reinstall", str(wheel))

    assert before.record.content_digest == venv.probe()["demo"].record.content_digest
    assert f"#!{venv.python}\nprint(1)\n" == (venv.prefix / "bin" / "tool").read_text()
