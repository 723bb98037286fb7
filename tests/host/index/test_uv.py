"""uv is asked with the configured indexes and nothing else; its failures are told apart."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from envsnap.errors import BuildError, CaptureError, UnsatisfiableError
from envsnap.host.index.config import IndexConfig
from envsnap.host.index.uv import Uv, UvFile, find_uv

HERE = Path(sys.executable)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the wheel of demo 1.0."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "wheels").mkdir()
    with zipfile.ZipFile(tmp_path / "wheels" / "demo-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("demo.py", "")
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("demo-1.0.dist-info/RECORD", "demo.py,,\ndemo-1.0.dist-info/RECORD,,\n")
    return tmp_path / "wheels"


@pytest.fixture
def asked(wheels: Path) -> Uv:
    """uv with that folder as its only place."""
    return find_uv(IndexConfig(find_links=(str(wheels),), no_index=True))


def test_a_pinned_requirement_is_answered_with_its_file(asked: Uv, tmp_path: Path) -> None:
    """Name, version, place and hash, whatever the user's own settings for uv say."""
    found = asked.lock(["demo==1.0"], python=HERE, folder=tmp_path)

    assert [("demo", "1.0", ["demo-1.0-py3-none-any.whl"])] == [
        (package.name, package.version, [wheel.filename for wheel in package.wheels]) for package in found
    ]


def test_an_unknown_release_is_unsatisfiable(asked: Uv, tmp_path: Path) -> None:
    """That is an answer of the index."""
    with pytest.raises(UnsatisfiableError, match=r"demo==2\.0"):
        asked.lock(["demo==2.0"], python=HERE, folder=tmp_path)


def test_an_index_that_is_down_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing about the release; the login of the index stays unsaid too."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    down = find_uv(IndexConfig(index_url="http://u:s3cret@127.0.0.1:1/simple"))

    with pytest.raises(CaptureError, match="could not ask the package indexes") as raised:
        down.lock(["demo==1.0"], python=HERE, folder=tmp_path)

    assert not isinstance(raised.value, UnsatisfiableError)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "variable", ["UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER", "UV_NO_BINARY", "UV_REQUIRE_HASHES"]
)
def test_settings_for_the_users_own_resolutions_do_not_count(
    asked: Uv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """What is installed is already chosen: nothing may choose it away."""
    (tmp_path / "other.txt").write_text("demo==3.0\n")
    values = {"UV_EXCLUDE_NEWER": "2001-01-01T00:00:00Z", "UV_NO_BINARY": "1", "UV_REQUIRE_HASHES": "1"}
    monkeypatch.setenv(variable, values.get(variable, str(tmp_path / "other.txt")))

    assert ["1.0"] == [package.version for package in asked.lock(["demo==1.0"], python=HERE, folder=tmp_path)]


def test_the_indexes_are_named_with_uvs_own_default_where_none_is_configured(tmp_path: Path) -> None:
    """Whatever uv's default is: its URL stands in no code here."""
    config = IndexConfig(index_url="https://a.example", extra_index_urls=("https://b.example", "https://c.example"))

    assert ("https://a.example", "https://b.example", "https://c.example") == Uv(HERE, config).index_urls(
        HERE, tmp_path
    )
    assert () == Uv(HERE, IndexConfig(index_url="https://a.example", no_index=True)).index_urls(HERE, tmp_path)
    default, extra = find_uv(IndexConfig(extra_index_urls=("https://b.example",))).index_urls(HERE, tmp_path)
    assert ("https://b.example", True) == (extra, default.startswith("https://"))


def test_a_uv_that_does_not_name_its_default_is_an_error(tmp_path: Path) -> None:
    """A lock that names no index would be believed to need none."""
    silent = tmp_path / "uv"
    silent.write_text("#!/bin/sh\necho nothing >&2\n")
    silent.chmod(0o755)

    with pytest.raises(CaptureError, match="uv does not name its default index: nothing; configure one"):
        Uv(silent, IndexConfig()).index_urls(HERE, tmp_path)


def test_a_hash_that_is_another_is_refused(asked: Uv, wheels: Path, tmp_path: Path) -> None:
    """Nothing is installed that the lock does not name."""
    asked.make_venv(tmp_path / "venv", python=HERE)
    listing = tmp_path / "requirements.txt"
    listing.write_text(f"demo==1.0 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(BuildError, match=r"could not install the locked packages: .*[Hh]ash"):
        asked.install(listing, python=tmp_path / "venv" / "bin" / "python", links=wheels)


def test_a_tree_that_does_not_build_is_named(asked: Uv, tmp_path: Path) -> None:
    """The message holds uv's reason."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "out").mkdir()

    with pytest.raises(CaptureError, match=r"the wheel of .*tree could not be built"):
        asked.build_wheel(tmp_path / "tree", tmp_path / "out")


def test_interpreters_are_found_by_exact_version(asked: Uv, tmp_path: Path) -> None:
    """Another patch release is another interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))

    found = asked.find_python(version, tmp_path)

    assert found is not None
    assert os.access(found, os.X_OK)
    assert asked.find_python("3.11.999", tmp_path) is None


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [("https://x.example/a%2Bb-1.whl#h", None, "a+b-1.whl"), (None, "wheels/a-1.whl", "a-1.whl"), (None, None, "")],
)
def test_file_names_come_from_url_or_path(url: str | None, path: str | None, expected: str) -> None:
    """Escapes in URLs are undone."""
    assert expected == UvFile(hashes={}, url=url, path=path).filename
