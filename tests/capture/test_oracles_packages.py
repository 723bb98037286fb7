"""What envsnap lists is what programs that envsnap did not write list: pip, importlib.metadata, rattler."""

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uv
from packaging.utils import canonicalize_name

from envsnap.capture.environment import CapturedEnvironment, capture_environment
from envsnap.environment.local import LocalEnvironment
from envsnap.manifest.installed import DirectUrl

MANY = (
    "black", "build", "celery", "cookiecutter", "django", "editables", "fastapi[standard]", "flake8", "flask",
    "hatchling", "httpie", "jupyter", "mkdocs-material", "nox", "pip", "poetry", "pre-commit", "pylint", "pytest-cov",
    "setuptools", "sphinx", "textual", "tox", "twine",
)  # fmt: skip
"""Some 260 packages with what they depend on, few of them compiled."""
LEAST = 200
UV = uv.find_uv_bin()

IMPORTLIB = """
import json
from importlib.metadata import distributions
found = {}
for item in distributions():
    note = lambda name: (item.read_text(name) or "").strip()
    found.setdefault(item.metadata["Name"], [
        item.version, note("INSTALLER"), item.read_text("REQUESTED") is not None,
        json.loads(note("direct_url.json") or "null"),
    ])
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """What every oracle tells of a package."""

    version: str
    installer: str
    requested: bool
    direct_url: Any


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Path:
    """An environment of more than 200 packages, from indexes, folders, a file and a repository; it is kept."""
    assert request.config.cache is not None
    digest = hashlib.sha256(repr((MANY, sys.version, Path(__file__).read_bytes())).encode()).hexdigest()[:8]
    folder = Path(request.config.cache.mkdir(f"envsnap-oracle-{digest}"))
    if not (folder / "complete").exists():
        shutil.rmtree(folder)
        folder.mkdir()
        make(folder)
        (folder / "complete").touch()
    return folder / "venv"


def make(folder: Path) -> None:
    """Install every kind of package with pip and with uv."""
    run(UV, "venv", "-q", "--python", sys.executable, str(folder / "venv"))
    python = str(folder / "venv/bin/python")
    run(UV, "pip", "install", "-q", "--python", python, *MANY)
    for name, backend in (
        ("tree", "setuptools.build_meta"),
        ("styled", "setuptools.build_meta"),
        ("moved", "hatchling.build"),
    ):
        project(folder / name, name, backend)
    project(folder / "versioned", "versioned", "hatchling.build")
    git = ("git", "-C", str(folder / "versioned"), "-c", "user.name=n", "-c", "user.email=e@example.org")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        run(*git, *command)
    project(folder / "packed", "packed", "hatchling.build")
    run(UV, "build", "-q", "--wheel", "--no-build-isolation", "--python", python, str(folder / "packed"))
    wheel = str(next((folder / "packed/dist").glob("*.whl")))
    pip = (python, "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps")
    run(*pip, str(folder / "tree"))
    run(*pip, "--editable", str(folder / "styled"))
    run(*pip, wheel)
    run(*pip, "colorama", "--force-reinstall")
    run(*pip, f"git+{(folder / 'versioned').as_uri()}")
    run(UV, "pip", "install", "-q", "--python", python, "--no-build-isolation", "--editable", str(folder / "moved"))


def project(folder: Path, name: str, backend: str) -> None:
    """Write a small project with a ``src`` layout."""
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__init__.py").write_text("")
    system = f'[build-system]\nrequires = ["{backend.partition(".")[0]}"]\nbuild-backend = "{backend}"\n'
    (folder / "pyproject.toml").write_text(f'{system}[project]\nname = "{name}"\nversion = "1.0"\n')


def run(*command: str) -> str:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def captured(place: Path) -> CapturedEnvironment:
    """What envsnap sees in the environment."""
    return capture_environment(LocalEnvironment(place / "bin/python"), place)


def plain_url(direct: DirectUrl | None) -> Any:
    """The JSON of a direct URL, without what is not set."""
    return None if direct is None else without_none(msgspec.to_builtins(direct))


def without_none(value: Any) -> Any:
    """Leave out of tables what is None or an empty hash."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if item is not None and (key, item) != ("hash", "")}
        return {key: without_none(item) for key, item in kept.items()}
    return value


def ours(found: CapturedEnvironment) -> dict[str, Listed]:
    """What envsnap tells of each package."""
    return {
        item.name: Listed(item.version, item.record.installer, item.record.requested, plain_url(item.direct_url))
        for item in found.packages
    }


@pytest.mark.slow
@pytest.mark.network
def test_pip_lists_the_same(place: Path) -> None:
    """``pip inspect``: names, versions, installers, direct URLs, and what was requested."""
    report = json.loads(run(str(place / "bin/python"), "-m", "pip", "inspect"))

    expected = {
        str(canonicalize_name(item["metadata"]["name"])): Listed(
            item["metadata"]["version"], item.get("installer", ""), item["requested"], item.get("direct_url")
        )
        for item in report["installed"]
    }
    found = ours(captured(place))
    assert {name: same_form(listed) for name, listed in expected.items()} == {
        name: same_form(listed) for name, listed in found.items()
    }
    assert len(found) >= LEAST


def same_form(listed: Listed) -> Listed:
    """Leave out what is written in one way or the other: ``editable: false``, an older hash."""
    url = listed.direct_url
    if url is None:
        return listed
    directory = {key: value for key, value in url.get("dir_info", {}).items() if value}
    archive = {key: value for key, value in url.get("archive_info", {}).items() if key == "hashes" and value}
    rest = {key: value for key, value in url.items() if key not in {"dir_info", "archive_info"}}
    return replace(listed, direct_url=rest | {"dir_info": directory, "archive_info": archive})


@pytest.mark.slow
@pytest.mark.network
def test_importlib_lists_the_same(place: Path) -> None:
    """``importlib.metadata`` in the environment itself."""
    listed = json.loads(run(str(place / "bin/python"), "-c", IMPORTLIB))

    expected = {str(canonicalize_name(name)): same_form(Listed(*facts)) for name, facts in listed.items()}
    assert expected == {name: same_form(listed) for name, listed in ours(captured(place)).items()}


@pytest.mark.slow
@pytest.mark.network
def test_every_kind_of_installation_is_told_apart(place: Path) -> None:
    """The environment holds each kind, and nothing in it is doubtful but that none of it is committed."""
    found = captured(place)
    packages = {item.name: item for item in found.packages}

    assert ((), ()) == (found.findings, found.not_captured)
    assert {"tree": False, "styled": True, "moved": True, "packed": False, "versioned": False} == {
        name: bool(packages[name].record.editable) for name in ("tree", "styled", "moved", "packed", "versioned")
    }
    assert {"pip", "uv"} == {item.record.owner for item in found.packages}
    assert ("pip", True) == (packages["colorama"].record.owner, packages["colorama"].record.requested)


@pytest.mark.processes
def test_rattlers_reader_agrees_on_condas_records(conda_prefix: Any) -> None:
    """Every field of every record that rattler itself wrote and reads back."""
    from rattler import PrefixRecord

    records = [PrefixRecord.from_path(path) for path in (conda_prefix.prefix / "conda-meta").glob("*.json")]
    expected = {
        record.name.normalized: (
            str(record.version),
            str(record.build),
            record.channel,
            record.subdir,
            record.url,
            record.sha256.hex() if record.sha256 else "",
            record.md5.hex() if record.md5 else "",
            record.size or 0,
            tuple(sorted(record.depends)) or None,
        )
        for record in records
    }

    found = conda_prefix.capture()

    assert expected == {
        item.name: (
            item.version,
            item.build,
            item.channel,
            item.subdir,
            item.url,
            item.sha256,
            item.md5,
            item.size,
            item.depends,
        )
        for item in found.conda
    }
    assert {"alpha", "beta", "python"} == expected.keys()
    assert {Path(path).parent.name for record in records for path in record.files} >= {
        item.folder for item in found.packages if item.is_conda
    }
    assert ["alpha", "beta"] == [item.name for item in found.packages if item.is_conda and item.record.owner == "conda"]
    assert (True, True, ()) == (
        conda_prefix.prefix == found.prefix,
        found.prefix == found.base_prefix,
        found.findings,
    )
