"""What every test stands on: the container engine where one is asked for, and no process started by accident."""

import functools
import os
import subprocess
from pathlib import Path

import pytest

MAY_START_PROCESSES = frozenset({"docker", "network", "processes", "slow"})
"""Markers of the tests that may start processes."""

OWN_PROCESSES = tuple(Path(__file__).parent / name for name in ("e2e", "environment", "host"))
"""Folders of tests for what starts processes by design."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that lifts this file's guard."""
    config.addinivalue_line("markers", "processes: starts processes on this machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a container test without an engine; where one is required, the missing engine is an error."""
    if item.get_closest_marker("docker") is None or _engine_answers():
        return
    reason = "no container engine answers: start dockerd"
    if os.environ.get("ENVSNAP_REQUIRE_ENGINE"):
        pytest.fail(f"{reason} (ENVSNAP_REQUIRE_ENGINE forbids to skip)", pytrace=False)
    pytest.skip(reason)


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
