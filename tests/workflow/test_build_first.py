"""What stands is run in; what does not is built first, at its usual place, and said so."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsnap.manifest.manifest import Manifest
from envsnap.workflow.build import BuildRequest, BuildResult
from envsnap.workflow.build_first import BUILDS_FIRST, build_first
from envsnap.workflow.environments import RebuiltEnvironment, remember_target
from envsnap.workflow.lock_source import LockSource
from envsnap.workflow.progress import Progress


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BuildRequest]:
    """What was asked to be built; each is a virtual environment then."""
    requests: list[BuildRequest] = []

    def build(request: BuildRequest, _source: LockSource, _progress: Progress) -> BuildResult:
        requests.append(request)
        return BuildResult(kind="venv", reference="/built/bin/python", packages=1)

    monkeypatch.setattr("envsnap.workflow.build.build_source", build)
    return requests


def test_what_stands_is_not_built_again(
    project: Path,
    make_manifest: Callable[..., Manifest],
    progress: Progress,
    told: list[str],
    asked: list[BuildRequest],
) -> None:
    """A second verify costs no build, and says nothing of one."""
    manifest = make_manifest()
    remember_target(project, "venv", sys.executable, manifest)
    stands = RebuiltEnvironment("venv", sys.executable, manifest.snapshot.digest)

    assert stands is build_first(stands, LockSource(manifest, None), project, {}, progress)
    assert ([], []) == (told, asked)


@pytest.mark.parametrize("reference", ["/nowhere/bin/python", sys.executable])
def test_what_is_missing_or_of_another_lock_is_built(
    project: Path,
    make_manifest: Callable[..., Manifest],
    progress: Progress,
    told: list[str],
    asked: list[BuildRequest],
    reference: str,
) -> None:
    """The work folder may tell any name: nothing is built there, nor under a tag from there."""
    manifest = make_manifest()
    wanted = RebuiltEnvironment("venv", reference, "" if reference == sys.executable else manifest.snapshot.digest)

    built = build_first(wanted, LockSource(manifest, None), project, {"A": "1"}, progress)

    assert RebuiltEnvironment("venv", "/built/bin/python", manifest.snapshot.digest) == built
    assert [BuildRequest(folder=project, env={"A": "1"}, lock=None, target="venv")] == asked
    assert [f"stage: {BUILDS_FIRST}"] == told
