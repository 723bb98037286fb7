"""examples/digits bundled, then rebuilt and verified where no index answers, in both kinds of environment."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envsnap.host.container.engine import Engine

from .conftest import Ended, Project

pytestmark = [pytest.mark.slow, pytest.mark.network]

NOWHERE = "http://127.0.0.1:9/simple"
"""The discard port, on which nothing listens: https://www.rfc-editor.org/rfc/rfc863"""
CLOSED = {
    "UV_DEFAULT_INDEX": NOWHERE,
    "PIP_INDEX_URL": NOWHERE,
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "UV_INDEX": "",
    "UV_FIND_LINKS": "",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module", params=["bundle", "bundle.tar"])
def reader(
    request: pytest.FixtureRequest,
    copy_example: Callable[[str], Project],
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """What somebody gets who has the bundle alone: the frozen copy and its caches are gone."""
    folder = tmp_path_factory.mktemp("reader")
    author = copy_example("digits")
    author.freeze()
    made = author.envsnap("bundle", "--output", str(folder / request.param))
    assert made.code == 0, made.err
    shutil.rmtree(author.folder)
    unpacked = author_elsewhere(author, folder).envsnap(
        "bundle", "--unpack", str(folder / request.param), "--output", str(folder / "digits")
    )
    assert unpacked.code == 0, unpacked.err
    (folder / "bundle-here").symlink_to(folder / request.param)
    return Project(folder / "digits", author.python)


def author_elsewhere(author: Project, folder: Path) -> Project:
    """The same interpreter in another folder."""
    return Project(folder, author.python)


def offline(project: Project, *arguments: str) -> Ended:
    """Run a command with every index closed and an empty cache."""
    cache = project.folder.parent / "empty-cache"
    shutil.rmtree(cache, ignore_errors=True)
    bundle = str((project.folder.parent / "bundle-here").resolve())
    return project.envsnap(*arguments, "--bundle", bundle, UV_CACHE_DIR=str(cache), **CLOSED)


def test_virtual_environment_needs_no_network(reader: Project) -> None:
    """Build, then verify; bit for bit."""
    built = offline(reader, "build", "--target", "venv")
    verified = offline(reader, "verify", "--target", "venv", "--json")

    assert built.code == 0, built.err
    assert "equal to the lock" in built.out
    assert verified.code == 0, verified.err
    assert {output["bitwise"] for output in verified.envelope["result"]["verdict"]["outputs"]} == {True}


@pytest.fixture
def built(reader: Project) -> Iterator[Project]:
    """The reader's project with its image, which is removed at the end."""
    done = offline(reader, "build", "--target", "docker", "-v", "--json")
    assert done.code == 0, done.err
    yield reader
    with Engine.connect() as engine:
        engine.remove_unused_image(json.loads(done.out)["result"]["reference"])


@pytest.mark.docker
def test_container_needs_no_network(built: Project) -> None:
    """The image is built with no network at all, and gives the same bits."""
    verified = offline(built, "verify", "--target", "docker", "--json")

    assert verified.code == 0, verified.err
    assert {output["bitwise"] for output in verified.envelope["result"]["verdict"]["outputs"]} == {True}


@pytest.mark.docker
def test_base_image_that_is_not_here_is_not_pulled(reader: Project) -> None:
    """A bundle brings none: the message says how to get it."""
    lock = (reader.folder / "envsnap.lock").read_text(encoding="utf-8")
    assert "base-image" in lock
    other = reader.folder.parent / "digits-other"
    shutil.copytree(reader.folder, other)
    changed = Project(other, reader.python)
    (other / "envsnap.toml").write_text(
        (other / "envsnap.toml").read_text(encoding="utf-8") + '\n[build]\nbase-image = "python:0.0.1-slim-nowhere"\n',
        encoding="utf-8",
    )
    changed.freeze("--no-run")

    done = offline(changed, "build", "envsnap.lock", "--target", "docker")

    assert done.code == 5, done.err
    assert "the engine holds no image python:0.0.1-slim-nowhere, and a bundle brings none" in done.err
