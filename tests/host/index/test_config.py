"""Indexes are read where pip and uv read them, in the order in which they count."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from envsnap.errors import CaptureError
from envsnap.host.index.config import IndexConfig, local_path, reachable_elsewhere, read_index_config

A, B, C = ("https://a.index.example/simple", "https://b.index.example/simple", "https://c.index.example/simple")
Read = Callable[..., IndexConfig]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder without configuration."""
    return tmp_path


@pytest.fixture
def read(home: Path) -> Read:
    """Read the configuration of that home under these variables; the machine's own files are kept out."""

    def read_with(env: Mapping[str, str] | None = None, **options: Path) -> IndexConfig:
        found = read_index_config(
            {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "xdg")} | dict(env or {}), **options
        )
        return replace(found, certificates=None)

    return read_with


def write(path: Path, text: str) -> Path:
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_pips_files_count_in_pips_order(read: Read, home: Path) -> None:
    """Global, user, site, the named file, variables: each beats the ones before it."""
    write(home / "xdg/pip/pip.conf", f"[global]\nindex-url = {A}\nno-index = yes\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")
    assert (B, True) == (read().index_url, read().no_index)

    write(home / "venv/pip.conf", f"[global]\nindex_url = {C}\n")
    assert C == read(prefix=home / "venv").index_url
    assert A == read({"PIP_INDEX_URL": A}, prefix=home / "venv").index_url


def test_a_commands_section_beats_global_in_any_file(read: Read, home: Path) -> None:
    """pip lets [install] win even where [global] stands in a file that is read later."""
    write(home / "xdg/pip/pip.conf", f"[install]\nindex-url = {A}\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")

    assert A == read().index_url
    write(home / "xdg/pip/pip.conf", "[install]\nindex-url =\n")
    assert B == read().index_url


def test_a_named_file_replaces_the_users(read: Read, home: Path) -> None:
    """PIP_CONFIG_FILE takes the place of the user's files; /dev/null of all."""
    write(home / "xdg/pip/pip.conf", f"[global]\nextra-index-url = {A}\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")
    named = write(home / "named.conf", "[global]\ntrusted-host = h\n")

    assert ((A,), None, ("h",)) == (
        (found := read({"PIP_CONFIG_FILE": str(named)})).extra_index_urls,
        found.index_url,
        found.trusted_hosts,
    )
    assert IndexConfig() == read({"PIP_CONFIG_FILE": os.devnull})


@pytest.mark.parametrize("named", [False, True])
def test_pip_itself_agrees(read: Read, home: Path, named: bool) -> None:
    """``pip config list`` reads the same files; the user's beats the machine's."""
    write(home / "xdg/pip/pip.conf", f"[global]\nindex-url = {A}\n")
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {B}\n")
    env = {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "xdg"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    env |= {"PIP_CONFIG_FILE": str(write(home / "named.conf", ""))} if named else {}
    command = (sys.executable, "-m", "pip", "config", "list")
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    lines = {line for line in done.stdout.splitlines() if line.startswith("global.index-url=")}

    assert {f"global.index-url='{url}'" for url in ([A] if named else [A, B])} == lines
    assert (A if named else B) == read(env).index_url


def test_uvs_default_index_wins_and_the_others_add_up(read: Read, home: Path) -> None:
    """Both tools' extra indexes can have served a package."""
    write(home / ".config/uv/uv.toml", f'[[index]]\nurl = "{A}"\ndefault = true\n[[index]]\nname = "b"\nurl = "{B}"\n')
    write(home / ".config/pip/pip.conf", f"[global]\nindex-url = {C}\nextra-index-url = {B} {C}\n")

    assert IndexConfig(index_url=A, extra_index_urls=(B, C)) == read()


def test_uvs_variables_beat_its_files(read: Read, home: Path) -> None:
    """An index may be written with its name; folders may have spaces in theirs."""
    write(home / ".config/uv/uv.toml", f'index-url = "{A}"\nfind-links = ["/w"]\n[pip]\nextra-index-url = ["{C}"]\n')
    env = {"UV_DEFAULT_INDEX": f"main={B}", "UV_INDEX": f"c={C} {A}", "UV_FIND_LINKS": "/a b,/c", "UV_NO_INDEX": "1"}

    expected = IndexConfig(index_url=B, extra_index_urls=(C, A), find_links=("/a b", "/c", "/w"), no_index=True)

    assert expected == read(env)


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({"PIP_DEFAULT_TIMEOUT": "180"}, 180.0),
        ({"PIP_TIMEOUT": "7.5"}, 7.5),
        ({"PIP_TIMEOUT": "180", "UV_HTTP_TIMEOUT": "20"}, 20.0),
        ({"UV_REQUEST_TIMEOUT": "20"}, 20.0),
        ({"UV_HTTP_TIMEOUT": "soon"}, None),
        ({"PIP_TIMEOUT": "-1"}, None),
        ({"PIP_TIMEOUT": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_a_slow_index_may_take(read: Read, env: dict[str, str], seconds: float | None) -> None:
    """uv's variable, then pip's setting."""
    assert seconds == read(env).timeout


def test_uvs_named_file_replaces_the_others(read: Read, home: Path) -> None:
    """UV_CONFIG_FILE stands for all of them, UV_NO_CONFIG for none."""
    write(home / ".config/uv/uv.toml", f'index-url = "{A}"\n')
    named = write(home / "named.toml", f'index-url = "{B}"\n')

    assert (B, None) == (
        read({"UV_CONFIG_FILE": str(named)}).index_url,
        read({"UV_NO_CONFIG": "1"}).index_url,
    )


def test_login_of_a_named_index_comes_from_its_variables(read: Read, home: Path) -> None:
    """CI hands uv the password of ``my-index`` in UV_INDEX_MY_INDEX_PASSWORD."""
    write(home / ".config/uv/uv.toml", f'[[index]]\nname = "my-index"\nurl = "{A}"\n')
    login = {"UV_INDEX_MY_INDEX_USERNAME": "u", "UV_INDEX_MY_INDEX_PASSWORD": "p/@"}

    expected = ("https://u:p%2F%40@a.index.example/simple",)

    assert expected == read(login).extra_index_urls
    assert expected == read(login | {"UV_NO_CONFIG": "1", "UV_INDEX": f"my-index={A}"}).extra_index_urls


@pytest.mark.parametrize(
    ("file", "text"), [(".config/pip/pip.conf", "index-url = x\n"), (".config/uv/uv.toml", "= 1\n")]
)
def test_a_damaged_file_is_named(read: Read, home: Path, file: str, text: str) -> None:
    """An index that is silently left out could make a package look unserved."""
    path = write(home / file, text)

    with pytest.raises(CaptureError, match=f"configuration {path} cannot be read"):
        read()


def test_only_a_network_reaches_other_machines() -> None:
    """Folders and file:// indexes stay behind."""
    config = IndexConfig(
        index_url="file:///srv/simple", extra_index_urls=(A, "file:///x"), find_links=("/w", "https://f.example/l")
    )

    expected = IndexConfig(extra_index_urls=(A,), find_links=("https://f.example/l",))

    assert expected == reachable_elsewhere(config)


def test_first_certificates_that_are_there_are_used(home: Path) -> None:
    """A variable that names no file does not hide pip's setting."""
    bundle = write(home / "ca.pem", "")
    env = {"HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "SSL_CERT_FILE": "/gone", "PIP_CERT": str(bundle)}

    assert bundle == read_index_config(env).certificates


@pytest.mark.parametrize(
    ("place", "expected"),
    [("file:///a%20b", Path("/a b")), ("/w", Path("/w")), ("https://x.example/w", None), ("https://[bad", None)],
)  # fmt: skip
def test_places_on_this_machine(place: str, expected: Path | None) -> None:
    """Only a path or a file URL is one."""
    assert expected == local_path(place)
