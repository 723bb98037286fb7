"""What every test stands on: the container engine where one is asked for, and no process started by accident."""

import functools
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from envsnap.errors import OverlayRefusedError
from envsnap.host import process
from envsnap.host.container.engine import Engine
from envsnap.host.overlay import Overlay

pytest_plugins = ("conda_channel", "file_server", "package_index")
"""Modules of tests/plugins: fixtures that tests of several stages share."""

MAY_START_PROCESSES = frozenset({"docker", "network", "processes", "slow"})
"""Markers of the tests that may start processes."""

OWN_PROCESSES = tuple(Path(__file__).parent / name for name in ("e2e", "environment", "host"))
"""Folders of tests for what starts processes by design."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a container test without an engine."""
    if item.get_closest_marker("docker") is not None and not _engine_answers():
        skip_or_fail("no container engine answers: start dockerd")


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test for a missing tool; where an engine is required, what it lacks is an error."""
    if os.environ.get("ENVSNAP_REQUIRE_ENGINE"):
        pytest.fail(f"{reason} (ENVSNAP_REQUIRE_ENGINE forbids to skip)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def needs_overlay(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip a test where the kernel shows a process no overlay."""
    if refusal := _overlay_refusal(tmp_path_factory.mktemp("overlay")):
        skip_or_fail(f"no overlay is to be had: {refusal}")


_refusals: dict[str, str] = {}


def _overlay_refusal(folder: Path) -> str:
    """Ask the kernel, once for all tests."""
    if "kernel" not in _refusals:
        overlay = Overlay(folder / "lower", folder / "upper", folder / "work")
        overlay.lower.mkdir()
        try:
            overlay.make()
            process.run(("true",), cwd=overlay.lower, env={"PATH": os.defpath}, overlay=overlay)
            _refusals["kernel"] = ""
        except OverlayRefusedError as refusal:
            _refusals["kernel"] = str(refusal)
    return _refusals["kernel"]


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The container engine of this machine."""
    with Engine.connect() as connected:
        yield connected


@pytest.fixture
def python_image(engine: Engine) -> str:
    """The name of a local image with this Python, as tests/images/make_base.py makes it."""
    prefix = f"python:{platform.python_version()}-slim-"
    names: list[str] = [name for image in engine._client.images() for name in image["RepoTags"] or ()]
    found = sorted(name for name in names if name.startswith(prefix))
    if not found:
        skip_or_fail(f"the engine holds no {prefix}*: make it with tests/images/make_base.py, or pull it")
    return found[0]


@functools.cache
def _engine_answers() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=30, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


@pytest.fixture(autouse=True)
def _no_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    markers = {marker.name for marker in request.node.iter_markers()}
    if markers & MAY_START_PROCESSES or any(map(request.path.is_relative_to, OWN_PROCESSES)):
        return

    def refuse(_popen: object, args: object, *_rest: object, **_options: object) -> None:
        # No code under test can swallow this: pytest's outcomes are no Exception.
        pytest.fail(f"this test starts a process, {args!r}: use a fake, or mark it 'processes'")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
