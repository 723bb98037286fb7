"""How an interpreter was built is told by its own configuration, and by the marks that its builder left."""

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from envsnap.inside.probe import build, interpreter

DETAILS: dict[str, Any] = {
    "schema_version": "1.0",
    "base_prefix": "/opt/python",
    "base_interpreter": "/opt/python/bin/python3.14",
    "platform": "linux-x86_64",
    "language": {"version": "3.14"},
    "implementation": {"name": "cpython"},
    "abi": {"flags": ["t"], "extension_suffix": ".cpython-314t-x86_64-linux-gnu.so"},
    "suffixes": {"source": [".py"], "extensions": [".cpython-314t-x86_64-linux-gnu.so", ".so"]},
    "libpython": {"dynamic": "/opt/python/lib/libpython3.14t.so"},
}
"""The shape that CPython's own Tools/build/generate-build-details.py gives a free-threaded build."""


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The only variables that sysconfig knows."""
    variables: dict[str, Any] = {}
    monkeypatch.setattr(sysconfig, "get_config_var", variables.get)
    return variables


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, []),
        ({"CONFIG_ARGS": "'--enable-optimizations' '--with-lto'"}, ["lto", "pgo"]),
        ({"CONFIG_ARGS": "'--with-lto=full' '--enable-bolt' '--enable-experimental-jit=yes'"}, ["bolt", "jit", "lto"]),
        ({"CONFIG_ARGS": "'--with-lto=no' '--enable-optimizations=no' '--without-bolt'"}, []),
        ({"PY_CORE_CFLAGS": "-O3 -fprofile-use -fprofile-correction -flto=auto"}, ["lto", "pgo"]),
        ({"PY_CFLAGS": "-fprofile-instr-use=code.profclangd", "PY_LDFLAGS_NODIST": "-flto"}, ["lto", "pgo"]),
        ({"PY_CFLAGS": "-fno-lto -flto-partition=none -fprofile-update=atomic", "CONFIG_ARGS": None}, []),
    ],
)
def test_optimizations_are_read_from_options_and_flags(
    configure: dict[str, Any], variables: dict[str, Any], expected: list[str]
) -> None:
    """A builder names them to configure, or to the compiler alone."""
    configure.update(variables)

    assert expected == build.optimizations()


def test_debug_and_free_threaded_builds(configure: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the lock is on is another fact than whether the build can do without it."""
    configure.update(Py_DEBUG=1, Py_GIL_DISABLED=1)
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    found = build.build()

    assert (True, True, False) == (found["debug"], found["free-threaded"], found["gil-enabled"])

    configure.clear()
    monkeypatch.delattr(sys, "_is_gil_enabled")
    found = build.build()

    assert (False, False, True) == (found["debug"], found["free-threaded"], found["gil-enabled"])


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHON_BUILD_STANDALONE": 1, "prefix": "/srv/tools/python"},
        {"prefix": "/install"},
        {"CONFIG_ARGS": "'--build=x' '--prefix=/install' '--with-openssl=/tools/deps'"},
    ],
)
def test_a_standalone_build_is_known_in_any_place(configure: dict[str, Any], variables: dict[str, Any]) -> None:
    """Older ones were built for /install; newer ones say what they are."""
    assert False is build.build()["standalone"]

    configure.update(variables)

    assert True is build.build()["standalone"]


def test_pyenv_is_known_wherever_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own program beside ``versions``: PYENV_ROOT may have any name."""
    base = tmp_path / "pythons/versions/3.11.7"
    base.mkdir(parents=True)
    monkeypatch.setattr(sys, "base_prefix", str(base))

    assert False is build.build()["pyenv"]

    (tmp_path / "pythons/libexec").mkdir()
    (tmp_path / "pythons/libexec/pyenv").touch()

    assert True is build.build()["pyenv"]


def test_a_container_is_known_by_its_mark_or_its_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """containerd leaves no file, but an overlay as root; an overlay elsewhere is no sign."""
    mounts = "overlay /var/lib/docker/x overlay rw 0 0\n/dev/vda / ext4 rw 0 0\n"
    monkeypatch.setattr(build, "ENGINE_MARKS", (str(tmp_path / "mark"),))
    monkeypatch.setattr(build, "read", lambda _path: mounts)

    assert not build.in_container()

    monkeypatch.setattr(build, "read", lambda _path: "overlay / overlay rw 0 0\n")

    assert build.in_container()

    monkeypatch.setattr(build, "read", lambda _path: "")
    (tmp_path / "mark").touch()

    assert build.in_container()


def test_a_system_without_proc_asks_sysconfig(configure: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is mapped is the truth where it can be read."""
    configure["Py_ENABLE_SHARED"] = 1
    monkeypatch.setattr(build, "read", lambda _path: "")

    assert build.shared_library()

    monkeypatch.setattr(build, "read", lambda _path: "7f-8f r-xp 0 0:0 1 /usr/bin/python3.11\n")

    assert not build.shared_library()


@pytest.fixture
def details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where build-details.json stands in the standard library."""
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    return tmp_path / "build-details.json"


def test_build_details_are_taken_without_their_paths(details: Path) -> None:
    """PEP 739; an interpreter without the file has none."""
    assert build.build_details() is None

    details.write_text(json.dumps(DETAILS))

    assert {
        "schema-version": "1.0",
        "platform": "linux-x86_64",
        "abi-flags": ["t"],
        "extension-suffix": ".cpython-314t-x86_64-linux-gnu.so",
        "stable-abi-suffix": "",
        "extensions": [".cpython-314t-x86_64-linux-gnu.so", ".so"],
    } == build.build_details()


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000, "\x00"])
def test_build_details_that_are_none_are_a_problem(details: Path, text: str) -> None:
    """Never an error of the probe."""
    details.write_text(text)

    assert {"problem": "it is not the JSON of PEP 739, or cannot be read"} == build.build_details()


def test_build_details_of_another_shape_give_what_fits(details: Path) -> None:
    """A later schema may hold other types."""
    details.write_text(
        json.dumps({"schema_version": 2, "platform": "p", "abi": ["t"], "suffixes": {"extensions": [1]}})
    )

    assert {
        "schema-version": "", "platform": "p", "abi-flags": [], "extension-suffix": "", "stable-abi-suffix": "",
        "extensions": [],
    } == build.build_details()  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "is_base", "conda", "expected"),
    [
        ("home = /usr/bin\nuv = 0.9.2\n", False, False, "uv"),
        ("home = /usr/bin\nvirtualenv = 20.29.1\n", False, False, "virtualenv"),
        ("home = /usr/uv/bin\ncommand = /usr/bin/python -m venv /srv/virtualenv\n", False, False, "venv"),
        ("home = /opt/conda/bin\n", False, True, "venv"),
        ("", True, True, "conda"),
        ("", True, False, "none"),
    ],
)
def test_the_tool_that_made_an_environment_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: str, is_base: bool, conda: bool, expected: str
) -> None:
    """By the keys of pyvenv.cfg, not by words in its paths."""
    monkeypatch.setattr(sys, "prefix", "/env")
    monkeypatch.setattr(sys, "base_prefix", "/env" if is_base else "/base")
    kind = interpreter.environment_kind(interpreter.venv_settings(settings), conda=conda)

    assert expected == kind


def test_a_working_folder_that_is_gone_hides_relative_entries_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PYTHONPATH may hold a relative folder."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["", "relative", str(tmp_path)])

    assert [str(tmp_path)] == interpreter.roots()
